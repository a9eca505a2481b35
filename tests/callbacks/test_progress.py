"""What a person sees while a run trains: a bar in a terminal, lines in a log."""

from __future__ import annotations

import io
import math
import re

import pytest
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EarlyStopping
from rich.console import Console

from callbacks import Convergence, Patience, StepProgress, TimeLimit
from callbacks.progress import _clock, _in
from datamodules import Curriculum, Palindromes
from layers import compiling

NUMBER = r" *[\d.]+| *nan"
LINE = re.compile(
    rf"step (\d+)/\S+  (?:T +\d+  )?loss ({NUMBER})  accuracy (\d\.\d{{3}})"
    rf"(?:  validation loss ({NUMBER})  accuracy (\d\.\d{{3}}))?"
    r"(?:  (at most \S+|\S+ left))?  +(\S+) (?:steps/s|s/step)"
)


class Losses(Callback):
    """Note the loss of each batch, and take some seconds for it, and for each validation."""

    def __init__(self, clock, seconds, validation):
        self.clock, self.seconds, self.validation, self.values = clock, seconds, validation, []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.values.append(float(outputs["loss"]))
        self.clock.now += self.seconds(len(self.values))

    def on_validation_batch_start(self, *_):
        self.clock.now += self.validation


@pytest.fixture(autouse=True)
def compiling_in_tests() -> None:
    """It is, as in the program."""


@pytest.fixture
def shown(fit, scripted, clock):
    """Train with steps of so many seconds: what is shown, and the losses."""

    def shown(
        seconds,
        terminal,
        disabled=False,
        width=150,
        others=(),
        threshold=1.0,
        validation=0,
        accuracies=(),
        **settings,
    ):
        script = {
            name: settings.pop(name) for name in ("validations", "at_batch") if name in settings
        }
        output = io.StringIO()
        console = Console(file=output, force_terminal=terminal, width=width, color_system=None)
        convergence = Convergence(window=2, threshold=threshold)
        take = seconds if callable(seconds) else lambda step: seconds
        losses, progress = Losses(clock, take, validation), StepProgress(convergence, console)
        if disabled:
            progress.disable()
        fit(scripted(accuracies, **script), *others, losses, convergence, progress, **settings)
        # That of the network itself, unless its code is on disk already.
        own = r"compiling the kernels \(rrn_\w+\), once: \d+ s\r?\n"
        return re.sub(own, "", output.getvalue()), losses.values

    return shown


def read(output):
    """The parts of each line of a log."""
    return [LINE.fullmatch(line) for line in output.splitlines()]


def test_lines_in_a_log_come_at_once_and_then_at_growing_intervals(shown):
    accuracies = [0.5] + [1.0] * 159
    output, losses = shown(20, False, max_steps=160, accuracies=accuracies, threshold=None)
    # After 10, 20, 40, 80, 160, 320, 600 and 600 seconds more, at the end of a step.
    steps = (1, 2, 3, 5, 9, 17, 33, 63, 93, 123, 153)
    lines = read(output)
    assert len(lines) == len(steps)
    for line, step in zip(lines, steps, strict=True):
        accuracy = {1: "0.500", 2: "0.750"}.get(step, "1.000")
        assert line.group(1, 2, 3) == (str(step), f"{losses[step - 1]:.3f}", accuracy)


def test_speed_and_time_left_are_of_the_recent_past(shown):
    """The first step takes a minute, as where code is compiled; from step 81 on all are slower."""

    def seconds(step):
        return 60 if step == 1 else 0.5 if step <= 80 else 2

    found = [line.group(1, 6, 7) for line in read(shown(seconds, False, max_steps=200)[0])]
    assert found == [
        ("1", "at most -:--:--", "-"),
        ("21", "at most 0:01:30", "2.00"),
        ("61", "at most 0:01:10", "2.00"),
        ("96", "at most 0:03:28", "2.00"),
        ("136", "at most 0:02:08", "2.00"),
    ]


def test_time_left_counts_validations_and_the_speed_does_not(shown):
    """Ten steps of a second each, and a validation of five, which ends within the tenth."""
    settings = {"max_steps": 100, "val_check_interval": 10, "limit_val_batches": 1}
    settings["validations"] = [(0.25 * number % 1, number) for number in range(1, 11)]
    output, _ = shown(1, terminal=False, validation=5, **settings)
    found = [line.group(1, 4, 5, 6, 7) for line in read(output)]
    assert found == [
        ("1", None, None, "at most -:--:--", "-"),
        ("11", "1.000", "0.250", "at most 0:02:14", "1.00"),
        ("26", "2.000", "0.500", "at most 0:01:51", "1.00"),
        ("51", "5.000", "0.250", "at most 0:01:14", "1.00"),
    ]


@pytest.mark.parametrize(
    ("threshold", "others", "bound"),
    [
        (None, [], False),
        (None, [Patience(None)], False),
        (0.9, [], True),
        (None, [Patience(3)], True),
        (None, [TimeLimit({"days": 1})], True),
        (None, [EarlyStopping("loss/validation")], True),
    ],
)
def test_time_left_is_a_bound_only_where_the_run_may_stop_earlier(threshold, others, bound, shown):
    settings = {"max_steps": 30, "limit_val_batches": 1, "validations": [(0, 0)] * 2}
    output, _ = shown(
        1, False, threshold=threshold, others=others, val_check_interval=29, **settings
    )
    left = read(output)[1].group(6)
    assert left == ("at most 0:00:19" if bound else "0:00:19 left")


def test_a_time_limit_bounds_the_time_left(shown):
    # The timer begins before the first step.
    limit = {"others": [TimeLimit({"seconds": 20})], "threshold": None}
    output, _ = shown(1, False, max_steps=90, **limit)
    assert read(output)[1].group(1, 6) == ("11", "at most 0:00:09")
    output, _ = shown(1, False, max_steps=-1, others=[TimeLimit({"seconds": 20})])
    assert read(output)[1].group(1, 6) == ("11", "at most 0:00:09")


def test_loss_of_accumulated_batches_is_that_of_one_of_them(shown):
    """Lightning hands out its part in the mean of all."""
    output, losses = shown(20, terminal=False, max_steps=3, accumulate_grad_batches=4)
    first, *_ = read(output)
    assert first.group(2) == f"{4 * losses[0]:.3f}"


def test_digits_of_a_curriculum_before_the_first_accumulated_step_is_done(shown):
    data = Palindromes(
        length=3, batch_size=12, evaluation_size=4, training_seed=0, curriculum=Curriculum(start=2)
    )
    settings = {"max_steps": 2, "accumulate_grad_batches": 2, "max_epochs": 1}
    output, losses = shown(20, terminal=False, data=data, **settings)
    assert len(losses) == 4
    assert [line.partition("  loss")[0] for line in output.splitlines()] == [
        f"step {step}/2  T 2" for step in (0, 1, 1)
    ]


def test_a_log_has_no_control_characters(shown):
    output, _ = shown(20, terminal=False, max_steps=2)
    assert len(output.splitlines()) == 2
    assert all(line.isprintable() for line in output.splitlines())


def frames(output):
    """The two lines that a terminal shows one after the other, without what moves its cursor."""
    lines = [line for line in re.split(r"\x1b\[[\d;?]*[A-Za-z]|[\r\n]+", output) if line.strip()]
    return list(zip(lines[::2], lines[1::2], strict=True))


def test_a_bar_in_a_terminal(shown):
    output, losses = shown(1, terminal=True, max_steps=3, accuracies=[0.5, 1.0, 1.0])
    assert "\x1b[" in output
    for (above, below), step, accuracy in zip(
        frames(output), (1, 2, 3), ("0.500", "0.750", "1.000"), strict=False
    ):
        assert re.match(rf"━+ .* {step}/3  at most ", above)
        assert below.rstrip() == f"loss {losses[step - 1]:.3f}  accuracy {accuracy}"
    # How long it took is told below.
    assert re.search(r"━ +3/3  1\.00 steps/s$", frames(output)[-1][0])


@pytest.mark.parametrize(
    ("width", "above", "below"),
    [
        (
            80,
            r"[ ━╸]+\d+/100000  at most \d+:..:..  .{4} (steps/s|s/step)",
            r"T 1000  loss .{5}  accuracy .{5}  validation loss .{5}  accuracy .{5}",
        ),
        (
            60,
            r"[ ━╸]+\d+/100000  at most \d+:..:..  .{4} (steps/s|s/step)",
            r"T 1000  loss .{5}  accuracy .{5}  validation loss .{5}",
        ),
        (40, r"[ ━╸]+\d+/100000  at most \d+:..:..", r"T 1000  loss .{5}  accuracy .{5}"),
        (20, r"[ ━╸]+\d+/100000", r"T 1000  loss .{5}"),
        (8, r" +\d+/10*", r"T 1000"),
    ],
)
def test_what_there_is_no_room_for_is_left_out(width, above, below, shown):
    data = Palindromes(1000, 12, 4, curriculum=Curriculum(1000))
    few = {"max_epochs": 1, "limit_train_batches": 4, "limit_val_batches": 1}
    few |= {"val_check_interval": 1, "validations": [(0.5, 1e5), (1, 12.3), (0.1, math.nan)] * 2}
    output, _ = shown(0.7, terminal=True, width=width, data=data, max_steps=100_000, **few)
    assert "…" not in output
    # The first one is before any validation; the last ones, after the training, say no time left.
    for each in frames(output)[1:4]:
        assert max(map(len, each)) <= width
        assert re.fullmatch(above, each[0].rstrip())
        assert re.fullmatch(below, each[1].rstrip())


def test_numbers_keep_their_width():
    for number in (0, 0.0004, 2.3026, 9.9996, 99.996, 1234.5, 99999.4, 1e5, 1e38, 1e300):
        assert len(_in(5, number, 3)) == 5
    assert [_in(5, number, 3) for number in (2.3026, 12.3456, 123.456, 1e5, math.nan)] == [
        "2.303",
        "12.35",
        "123.5",
        "1e5".rjust(5),
        "  nan",
    ]
    assert [_in(4, number, 2) for number in (0.5, 69.94, 190.12, 12345)] == [
        "0.50",
        "69.9",
        " 190",
        " 1e4",
    ]
    assert [_clock(seconds) for seconds in (-1, 59.6, 3725, 359_999, 1e6)] == [
        "0:00:00",
        "0:01:00",
        "1:02:05",
        "99:59:59",
        "11 days",
    ]


def test_steps_of_more_than_a_second(shown):
    output, _ = shown(2.5, terminal=True, max_steps=9)
    assert " 2.50 s/step" in frames(output)[-1][0]


def test_the_length_that_a_curriculum_has_come_to(shown):
    data = Palindromes(12, 12, 4, curriculum=Curriculum(2, growth=2, window=1, loss=1e9))
    output, _ = shown(1, terminal=True, max_steps=6, accuracies=[1.0] * 6, data=data)
    # Nothing tells the stages of a step here.
    assert {below[:6] for _, below in frames(output)} == {"T  2  "}
    data.load_state_dict({"stages": {**data.state_dict()["stages"], "entered": [[0, 2], [4, 12]]}})
    output, _ = shown(1, terminal=True, max_steps=6, data=data)
    assert [below[:6] for _, below in frames(output)][:6] == ["T  2  "] * 4 + ["T 12  "] * 2


def test_a_bar_is_drawn_at_most_twice_a_second(shown):
    slow, fast = (
        len(frames(shown(seconds, terminal=True, max_steps=40)[0])) for seconds in (0.5, 0.05)
    )
    assert slow >= 40
    # Two seconds of training, and a few frames around it.
    assert 4 <= fast <= 10


def test_a_bar_without_an_end(shown):
    output, _ = shown(1, terminal=True, max_steps=-1, max_time={"days": 1}, accuracies=[0, 1, 1])
    assert "3/?" in output


def test_a_resumed_bar_goes_on_where_it_was(shown, fit, scripted, tmp_path):
    checkpoint = tmp_path / "half.ckpt"
    fit(scripted(), max_steps=6).save_checkpoint(checkpoint)
    output, _ = shown(1, terminal=True, max_steps=9, ckpt_path=checkpoint)
    assert [step for step in range(10) if f"{step}/9" in output] == [7, 8, 9]
    assert "1.00 steps/s" in output


@pytest.mark.parametrize("terminal", [True, False])
def test_compiling_is_told_before_and_after(terminal, shown):
    output = []

    def compile_kernels(number):
        if number in (0, 3):
            compiling.begins(f"kernel_{number}")
            compiling.ends(9.7)

    output, _ = shown(20, terminal, max_steps=5, at_batch=compile_kernels)
    first, *others = re.split(r"\r?\n", output)
    assert first == "compiling the kernels (kernel_0), once: 10 s"
    # Above the bar, which is drawn again below it.
    assert any(line.endswith("compiling the kernels (kernel_3), once: 10 s") for line in others)
    # Nobody listens any more.
    compiling.begins("another")


def test_a_failure_gives_the_cursor_back(fit, scripted):
    def fail(number):
        if number == 3:
            raise RuntimeError("out of luck")

    output = io.StringIO()
    progress = StepProgress(Convergence(), Console(file=output, force_terminal=True, width=150))
    with pytest.raises(RuntimeError, match="out of luck"):
        fit(scripted(at_batch=fail), progress)
    hidden, shown_again = "\x1b[?25l", "\x1b[?25h"
    assert output.getvalue().rfind(shown_again) > output.getvalue().rfind(hidden) >= 0


@pytest.mark.parametrize("terminal", [True, False])
def test_other_processes_show_nothing(shown, terminal):
    output, losses = shown(20, terminal=terminal, disabled=True, max_steps=3)
    assert output == "" and len(losses) == 3


def test_the_last_bar_has_the_last_numbers(shown):
    output, losses = shown(0.001, terminal=True, max_steps=5, accuracies=[0, 0, 0, 0.5, 1])
    above, below = frames(output)[-1]
    assert " 5/5 " in above and below.rstrip() == f"loss {losses[-1]:.3f}  accuracy 0.750"
