"""A trained network at many lengths: `test --lengths`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from command_line.errors import UsageError
from command_line.lengths_file import LENGTHS, AtLength, write_lengths
from command_line.memory import check_fits
from command_line.names import visible
from command_line.predictions import check_output, check_writable
from command_line.run_folder import RunFolder
from command_line.unwritable import cannot_write
from comparison.values import ascending
from storage.files import written_whole

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule, Trainer

FLAG = "--lengths"
# Pixels an inch.
RESOLUTION = 150


@dataclass(frozen=True)
class Measuring:
    """What is to be measured, and where it is kept.

    Attributes:
        lengths: of the test sets, T, ascending.
        trained: the length that the network was trained at.
        step: of the training, which the network has come to.
        checkpoint: its file.
        table: file of what comes out; the picture goes beside it.
    """

    lengths: Sequence[int]
    trained: int
    step: int
    checkpoint: Path
    table: Path

    def carry_out(self, trainer: Trainer, model: LightningModule, data: Any) -> None:
        """Measure one length after the other, tell each at once, and keep all of them at the end.

        Args:
            trainer: that measures, on all its devices.
            model: with the weights of the checkpoint.
            data: that can be had at other lengths.

        Raises:
            UsageError: what came out cannot be written.
        """
        name = f"{type(model).__name__} of step {self.step}"
        tells = trainer.is_global_zero
        if tells:
            print(visible(f"{name}, from {self.checkpoint}\n{heading(self.trained)}"), flush=True)
        measured = []
        for length in self.lengths:
            trainer.test(model, datamodule=data.at_length(length), verbose=False)
            loss, accuracy = (
                float(trainer.callback_metrics[f"{metric}/test"]) for metric in ("loss", "accuracy")
            )
            measured.append(AtLength(self.trained, length, loss, accuracy, 1 / data.num_classes))
            if tells:
                print(row(measured[-1]), flush=True)
        if tells:
            write(self.table, measured, f"{name}, trained at length {self.trained}")
            print(visible(f"{self.table}\n{picture_of(self.table)}"))


def prepared(
    given: str,
    output: str | None,
    data: Any,
    checkpoint: Mapping[str, Any],
    checkpoint_file: Path,
) -> Measuring:
    """Understand what is to be measured, and where it goes; nothing is written.

    Args:
        given: lengths as people list them, such as 10:200:10 or 5,10,50.
        output: file of the table; None is lengths.csv in the folder of the checkpoint's run, where
            it takes the place of an earlier one.
        data: of the command.
        checkpoint: that is measured.
        checkpoint_file: its file.

    Raises:
        UsageError: it cannot be carried out.
    """
    lengths = ascending(FLAG, given)
    check_lengths(FLAG, data, lengths)
    trained = checkpoint["config"]["data"]["init_args"]["length"]
    if data.length != trained:
        raise UsageError(f"{FLAG} takes the place of --data.length: choose one")
    table = _table(output, checkpoint_file)
    return Measuring(lengths, trained, checkpoint["global_step"], checkpoint_file, table)


def check_no_output(output: str | None) -> None:
    """Make sure that no file is asked for where none is written.

    Raises:
        UsageError: there is.
    """
    if output is not None:
        raise UsageError(f"--output goes with {FLAG}: without, all that is measured is a line")


def check_has_length(flag: str, data: type) -> None:
    """Make sure that a class of data has a length that may change when a network is measured.

    Raises:
        UsageError: it has not.
    """
    if not hasattr(data, "at_length"):
        raise UsageError(
            f"{flag}: {data.__name__} has no length that may change when a network is measured"
        )


def check_lengths(flag: str, data: Any, lengths: Sequence[int]) -> None:
    """Make sure that data can be had at all of these lengths.

    Raises:
        UsageError: they cannot.
    """
    check_has_length(flag, type(data))
    for length in lengths:
        try:
            check_fits(data.at_length(length).sizes)
        except (MemoryError, OverflowError, ValueError) as error:
            raise UsageError(f"{flag} {length}: {error}") from None


def picture_of(table: Path) -> Path:
    """The file of the picture beside a table."""
    return table.with_suffix(".png")


def heading(trained: int) -> str:
    """Above the rows; and what the mark of one of them means."""
    return f"  length       loss  accuracy   (*: trained at {trained})"


def row(each: AtLength) -> str:
    """A length in a line."""
    mark = "*" if each.test_length == each.trained_length else " "
    return f"{mark} {each.test_length:6}  {each.loss:9.4g}  {each.accuracy:8.4f}"


def write(table: Path, measured: Sequence[AtLength], title: str) -> None:
    """Write a table, and the picture beside it, each whole or not at all.

    Args:
        table: its file.
        measured: of at least one length.
        title: of the picture.

    Raises:
        UsageError: they cannot be written.
    """
    # matplotlib takes its time: only once all is measured.
    from figures.at_lengths import draw_at_lengths
    from figures.comparisons import Series

    first = measured[0]
    line = Series("accuracy", {each.test_length: [each.accuracy] for each in measured})
    figure = draw_at_lengths({"": [line]}, {"": [first.trained_length]}, first.guessing, title)
    try:
        write_lengths(table, measured)
        with written_whole(picture_of(table), "wb") as file:
            figure.savefig(file, format="png", dpi=RESOLUTION)
    except OSError as error:
        wrong = f"{table} cannot be written: {error.strerror}"
        raise cannot_write(table, error, wrong) from None


def _table(output: str | None, checkpoint: Path) -> Path:
    if output is None:
        run = RunFolder.of(checkpoint)
        if run is None:
            raise UsageError(
                f"{checkpoint} is not in the folder of its run: "
                f"say where the table goes with --output FILE.csv"
            )
        check_writable(run.path / LENGTHS)
        return run.path / LENGTHS
    path = Path(output).expanduser()
    if path.suffix != ".csv":
        raise UsageError(f"--output must be a file whose name ends in .csv, got {output}")
    for each in (path, picture_of(path)):
        check_output(each)
    return path
