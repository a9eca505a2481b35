"""What a person sees while a run trains: a bar in a terminal, lines in a log."""

from __future__ import annotations

import io
import re

import pytest
from pytorch_lightning import Callback
from rich.console import Console

from callbacks import Convergence, StepProgress
from datamodules import Curriculum, Palindromes

LINE = re.compile(r"step (\d+)  loss (\d\.\d{3})  accuracy (\d\.\d{3})  ([\d.]+) steps/s")


class Losses(Callback):
    """Note the loss of each batch, and take some seconds for it."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.values = clock, seconds, []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.values.append(float(outputs["loss"]))
        self.clock.now += self.seconds


@pytest.fixture
def shown(fit, scripted, clock):
    """Train with steps of so many seconds: what is shown, and the losses."""

    def shown(seconds, terminal, disabled=False, accuracies=(), width=150, **settings):
        output = io.StringIO()
        console = Console(file=output, force_terminal=terminal, width=width, color_system=None)
        convergence, losses = Convergence(window=2), Losses(clock, seconds)
        progress = StepProgress(convergence, console)
        if disabled:
            progress.disable()
        fit(scripted(accuracies), losses, convergence, progress, **settings)
        return output.getvalue(), losses.values

    return shown


def test_a_line_every_ten_seconds_in_a_log(shown):
    output, losses = shown(4, terminal=False, max_steps=10, accuracies=[0.5, 1.0] * 5)
    lines = output.splitlines()
    assert len(lines) == 4
    # The first step, and the first after every ten seconds.
    for line, step in zip(lines, (1, 4, 7, 10), strict=True):
        accuracy = "0.500" if step == 1 else "0.750"
        expected = (str(step), f"{losses[step - 1]:.3f}", accuracy)
        assert LINE.fullmatch(line).group(1, 2, 3) == expected


def test_speed_is_that_of_the_steps_of_this_part(shown):
    output, _ = shown(0.125, terminal=False, max_steps=90)
    assert [LINE.fullmatch(line).group(1, 4) for line in output.splitlines()] == [
        ("1", "8"),
        ("81", "8"),
    ]


def test_loss_of_accumulated_batches_is_that_of_one_of_them(shown):
    """Lightning hands out its part in the mean of all."""
    output, losses = shown(20, terminal=False, max_steps=3, accumulate_grad_batches=4)
    for line, loss in zip(output.splitlines(), losses, strict=True):
        assert LINE.fullmatch(line).group(2) == f"{4 * loss:.3f}"


def test_digits_of_a_curriculum_before_the_first_accumulated_step_is_done(shown):
    data = Palindromes(
        length=3, batch_size=12, evaluation_size=4, training_seed=0, curriculum=Curriculum(start=2)
    )
    settings = {"max_steps": 2, "accumulate_grad_batches": 2, "max_epochs": 1}
    output, losses = shown(20, terminal=False, data=data, **settings)
    assert len(losses) == 4
    assert [line.partition("  loss")[0] for line in output.splitlines()] == [
        f"step {step}  T 2" for step in (0, 1, 1, 2)
    ]


def test_a_log_has_no_control_characters(shown):
    output, _ = shown(20, terminal=False, max_steps=3)
    assert len(output.splitlines()) == 3
    assert all(line.isprintable() for line in output.splitlines())


def frames(output):
    """What a terminal shows one after the other, without the codes that move its cursor."""
    return [line for line in re.split(r"\x1b\[[\d;?]*[A-Za-z]|[\r\n]+", output) if line.strip()]


def test_a_bar_in_a_terminal(shown):
    output, losses = shown(1, terminal=True, max_steps=3, accuracies=[0.5, 1.0, 1.0])
    drawn = "\n".join(frames(output))
    assert "\x1b[" in output
    for step, accuracy in ((1, "0.500"), (2, "0.750")):
        assert re.search(rf" {step}/3 loss {losses[step - 1]:.3f}  accuracy {accuracy} ", drawn)
    assert " 3/3 " in frames(output)[-1]


def test_nothing_is_cut_in_80_columns(shown):
    accuracies = [0.5, 1.0, 1.0]
    output, _ = shown(0.01, terminal=True, max_steps=10_000, accuracies=accuracies, width=80)
    last = frames(output)[-1]
    assert len(last.rstrip()) <= 80 and "…" not in last
    assert re.search(
        r" 3/10000 loss \d\.\d{3}  accuracy 1\.000  100 steps/s at most \d\d:\d\d", last
    )


def test_the_length_that_a_curriculum_has_come_to(shown):
    data = Palindromes(9, 12, 4, curriculum=Curriculum(2, growth=2, window=1, loss=1e9))
    output, _ = shown(20, terminal=False, max_steps=6, accuracies=[1.0] * 6, data=data)
    lengths = [re.match(r"step \d  T (\d)  loss \d", line) for line in output.splitlines()]
    # Nothing tells the stages of a step here.
    assert [each[1] for each in lengths] == ["2"] * 6
    data.load_state_dict({"stages": {**data.state_dict()["stages"], "entered": [[0, 2], [4, 9]]}})
    output, _ = shown(20, terminal=False, max_steps=6, data=data)
    assert [line.split()[3] for line in output.splitlines()] == ["2"] * 4 + ["9"] * 2


def test_a_long_length_is_not_cut_in_80_columns(shown):
    data = Palindromes(1000, 12, 4, curriculum=Curriculum(1000))
    few = {"max_steps": 10_000, "max_epochs": 1, "limit_train_batches": 2}
    output, _ = shown(0.01, terminal=True, width=80, data=data, **few)
    last = frames(output)[-1]
    assert len(last.rstrip()) <= 80 and "…" not in last
    assert re.search(
        r" 2/10000 T 1000  loss (nan|\d\.\d{3})  accuracy \d\.\d{3}  100 steps/s at", last
    )


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


def test_a_resumed_bar_begins_where_it_was(shown, fit, scripted, tmp_path):
    checkpoint = tmp_path / "half.ckpt"
    fit(scripted(), max_steps=6).save_checkpoint(checkpoint)
    output, _ = shown(1, terminal=True, max_steps=9, ckpt_path=checkpoint)
    assert [step for step in range(10) if f"{step}/9" in output] == [6, 7, 8, 9]
    assert "1 steps/s" in output


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
    assert f"5/5 loss {losses[-1]:.3f}  accuracy 0.750" in frames(output)[-1]
