"""What a generator writes while it learns to: samples.md, and TensorBoard's text tab."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from generation import Writer
from storage.files import written_whole


class Samples(Callback):
    """Let the network write a sample at some fractions of its training.

    As tables 1 to 3 of "Recurrent Neural Networks and Graph Neural Networks" (2019). All samples
    of a run are drawn with the same random numbers of their own, so that they differ by what the
    network has learned alone, and the training does not differ by a bit.

    Args:
        file: where the table of all samples goes.
        fractions: of the training steps, each from 0 to 1.
        length: characters a sample; null: as many as a crop of the text has.
        temperature: of the distribution that characters are drawn from; 0 takes the likeliest.
        prompt: what the samples go on from; by default they begin a line.

    Raises:
        ValueError: a fraction, the length or the temperature is out of its range.
    """

    def __init__(
        self,
        file: Path,
        fractions: list[float] = [0.0, 0.25, 0.5, 0.75, 1.0],  # noqa: B006  is only read
        length: int | None = None,
        temperature: float = 1.0,
        prompt: str = "",
    ) -> None:
        for fraction in fractions:
            if not 0 <= fraction <= 1:
                raise ValueError(f"samples.fractions must be from 0 to 1, got {fraction}")
        if length is not None and length < 1:
            raise ValueError(f"samples.length must be at least 1, got {length}")
        if not 0 <= temperature < float("inf"):
            raise ValueError(f"samples.temperature must be at least 0, got {temperature}")
        self.file, self.fractions, self.length = file, fractions, length
        self.temperature, self.prompt = temperature, prompt
        self.samples: dict[int, str] = {}

    def begin(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the sample of the step that the training goes on from, if it is due."""
        self._write_due(trainer, pl_module)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._write_due(trainer, pl_module)

    def finish(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the last sample also of a run that has stopped by itself, and the table."""
        step = trainer.global_step
        if 1.0 in self.fractions and step not in self.samples:
            self._add(trainer, pl_module)
        if self.samples:
            self._write_table(trainer)

    def is_missing(self) -> bool:
        return bool(self.samples) and not self.file.is_file()

    def state_dict(self) -> dict[str, Any]:
        return {"samples": dict(self.samples)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.samples = dict(state_dict["samples"])

    def _write_due(self, trainer: Trainer, pl_module: LightningModule) -> None:
        step = trainer.global_step
        due = {round(fraction * trainer.max_steps) for fraction in self.fractions}
        if step in due and step not in self.samples and trainer.is_global_zero:
            self._add(trainer, pl_module)
            self._write_table(trainer)

    def _add(self, trainer: Trainer, pl_module: LightningModule) -> None:
        step, text = trainer.global_step, trainer.datamodule
        self.samples[step] = self._sample(
            Writer(pl_module.network, text.vocabulary), self.length or text.length
        )
        if trainer.logger:
            # Four spaces make Markdown's code, with its line breaks.
            shown = "".join(f"    {line}\n" for line in self.samples[step].split("\n"))
            trainer.logger.experiment.add_text("sample", shown, step)

    def _write_table(self, trainer: Trainer) -> None:
        with written_whole(self.file) as file:
            file.write(self._table(trainer.max_steps, str(trainer.datamodule)))

    def _sample(self, writer: Writer, length: int) -> str:
        characters = writer.write(self.prompt, length, temperature=self.temperature)
        try:
            return "".join(character for (character,) in characters)
        except ValueError as error:
            # Weights that are no longer numbers write nothing, and the training tells why.
            return f"({error})"

    def _table(self, max_steps: int, title: str) -> str:
        prompt = f", going on from {as_code(self.prompt)}" if self.prompt else ""
        lines = [f"# {title}", "", f"Temperature {self.temperature:g}{prompt}.", ""]
        lines += ["| trained | step | sample |", "|---:|---:|---|"]
        for step, sample in sorted(self.samples.items()):
            share = f"{100 * step / max_steps:.0f} %" if max_steps > 0 else ""
            lines.append(f"| {share} | {step:,} | {as_code(sample)} |")
        return "\n".join(lines) + "\n"


def as_code(text: str) -> str:
    """A text as Markdown's code in one line, also within a table; line breaks are shown as ↵."""
    line = text.replace("\n", "↵").replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}"
