"""What a person sees while a run trains: two lines that move, or a line now and then in a log."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ProgressBar, Timer
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar as Bar
from rich.table import Table
from rich.text import Text
from torch import Tensor

from callbacks.convergence import Convergence
from callbacks.pace import Pace
from callbacks.patience import Patience
from layers.compiling import heard_by

SECONDS_BETWEEN_REFRESHES = 0.5
# The first line in a log comes at once; each then comes after twice as long as the one before.
FIRST_SECONDS_BETWEEN_LINES = 10.0
MOST_SECONDS_BETWEEN_LINES = 600.0
SHORTEST_BAR = 6


class StepProgress(ProgressBar):
    """A bar of the steps done of max_steps, the time left and the speed; and below it the numbers.

    The time left is a bound where the run may stop earlier: once it has converged, or becomes no
    better, or after a time. Speed and time left are of the recent past (`callbacks.pace`). Numbers
    keep their widths, and what there is no room for is left out, the last parts first.

    Where the output is not a terminal, lines stand in for the bar, at growing intervals. The bar is
    drawn at most twice a second, by the training loop itself: a thread that redraws it would
    take turns with the training at every step.

    Args:
        convergence: averages the accuracy of every step.
        console: where to draw; the standard output if None.
    """

    def __init__(self, convergence: Convergence, console: Console | None = None) -> None:
        super().__init__()
        self.convergence = convergence
        self.console = console or Console()
        self._enabled = True
        self._bar: Live | None = None
        self._pace = Pace(0)
        self._next_refresh = self._next_line = self._validation_began = 0.0
        self._between_lines = FIRST_SECONDS_BETWEEN_LINES
        self._loss: Tensor | float = math.nan
        self._may_stop_earlier = False
        self._timer: Timer | None = None
        self._open, self._said = ExitStack(), ""

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        """Lightning calls this on every process but the first."""
        self._enabled = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._enabled:
            self._open.enter_context(heard_by(self._say))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._pace = Pace(trainer.global_step)
        self._next_refresh = self._next_line = time.monotonic()
        self._between_lines = FIRST_SECONDS_BETWEEN_LINES
        self._timer = next((each for each in _callbacks(trainer) if isinstance(each, Timer)), None)
        self._may_stop_earlier = (
            self.convergence.threshold is not None
            or self._timer is not None
            or any(
                isinstance(each, EarlyStopping)
                or (isinstance(each, Patience) and each.patience is not None)
                for each in _callbacks(trainer)
            )
        )

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: dict[str, Tensor],
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._loss = outputs["loss"]
        if self._enabled and (now := time.monotonic()) >= self._next_refresh:
            self._next_refresh = now + SECONDS_BETWEEN_REFRESHES
            self._pace.note(now, trainer.global_step)
            self._show(trainer, now)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation_began = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._pace.validated(time.monotonic() - self._validation_began, trainer.global_step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._close(trainer)

    def _say(self, piece: str) -> None:
        """Write a piece of a line, or above the bar the whole line once it is said."""
        self._said += piece
        if self._bar is None or piece.endswith("\n"):
            self.console.print(self._said, end="", highlight=False, soft_wrap=True)
            self._said = ""

    def _show(self, trainer: Trainer, now: float) -> None:
        if self.console.is_terminal:
            if self._bar is None:
                # Not before the first step: what is said while the code is compiled is a line.
                self._bar = Live(console=self.console, auto_refresh=False)
                self._bar.start()
            self._bar.update(self._drawn(trainer, self._left(trainer)), refresh=True)
        elif now >= self._next_line:
            self._next_line = now + self._between_lines
            self._between_lines = min(2 * self._between_lines, MOST_SECONDS_BETWEEN_LINES)
            steps, *others = self._parts(trainer, self._left(trainer))
            line = "  ".join((f"step {steps.strip()}", *self._numbers(trainer), *others))
            self.console.print(line.rstrip(), highlight=False, soft_wrap=True)

    def _drawn(self, trainer: Trainer, left: str | None) -> Table:
        width = self.console.width
        above = _fitting(self._parts(trainer, left), width)
        below = _fitting(self._numbers(trainer), width)
        first, lines = Table.grid(padding=(0, 2), pad_edge=False, expand=True), Table.grid()
        if width - len(above) - 2 >= SHORTEST_BAR:
            first.add_column(ratio=1)
            first.add_column(width=len(above))
            total = trainer.max_steps if trainer.max_steps > 0 else None
            first.add_row(Bar(total, trainer.global_step), _text(above))
        else:
            first.add_row(_text(above))
        lines.add_row(first)
        lines.add_row(_text(below))
        return lines

    def _parts(self, trainer: Trainer, left: str | None) -> list[str]:
        """Steps, the time left, and the speed."""
        total = str(trainer.max_steps) if trainer.max_steps > 0 else "?"
        steps = f"{trainer.global_step:>{len(total)}}/{total}"
        speed = self._pace.steps_per_second
        if speed is not None and speed < 1:
            pace = f"{_in(4, 1 / speed, 2)} s/step "
        else:
            pace = f"{'   -' if speed is None else _in(4, speed, 2)} steps/s"
        return [part for part in (steps, left, pace) if part is not None]

    def _left(self, trainer: Trainer) -> str | None:
        """The time left, in words; None if there is no end."""
        ends = []
        if trainer.max_steps > 0:
            ends.append(self._pace.seconds_for(trainer.max_steps - trainer.global_step))
        if self._timer is not None:
            ends.append(self._timer.time_remaining())
        if not ends:
            return None
        known = [each for each in ends if each is not None]
        left = _clock(min(known)) if known else "-:--:--"
        return f"at most {left}" if self._may_stop_earlier else f"{left} left"

    def _numbers(self, trainer: Trainer) -> list[str]:
        """Loss and accuracy of the training, and of the last validation."""
        loss = float(self._loss) * trainer.accumulate_grad_batches
        numbers = [f"loss {_in(5, loss, 3)}", f"accuracy {self.convergence.moving_average:.3f}"]
        stages = getattr(trainer.datamodule, "stages", None)
        if stages:
            # Where batches are accumulated, the first step may not be done yet.
            length = stages.length_at(max(trainer.global_step - 1, 0))
            numbers.insert(0, f"T {length:>{len(str(stages.length))}}")
        measured = trainer.callback_metrics
        if "loss/validation" in measured:
            numbers.append(f"validation loss {_in(5, float(measured['loss/validation']), 3)}")
        if "accuracy/validation" in measured:
            numbers.append(f"accuracy {float(measured['accuracy/validation']):.3f}")
        return numbers

    def _close(self, trainer: Trainer) -> None:
        self._open.close()
        if self._bar:
            self._pace.note(time.monotonic(), trainer.global_step)
            self._bar.update(self._drawn(trainer, left=None), refresh=True)
            self._bar.stop()
            self._bar = None


def _callbacks(trainer: Trainer) -> Iterable[Any]:
    return trainer.callbacks  # type: ignore[attr-defined, no-any-return]


def _text(line: str) -> Text:
    return Text(line, no_wrap=True, overflow="crop")


def _fitting(parts: list[str], width: int) -> str:
    """As many parts as there is room for."""
    while len(line := "  ".join(parts)) > width and len(parts) > 1:
        parts = parts[:-1]
    return line


def _in(width: int, number: float, decimals: int) -> str:
    """A number in so many characters, however large it is."""
    for digits in range(decimals, -1, -1):
        if len(text := f"{number:.{digits}f}") <= width:
            return text.rjust(width)
    return f"{number:.0e}".replace("e+0", "e").replace("e+", "e").rjust(width)


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds, or days."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours < 100 else f"{hours // 24:,} days"
