"""Instruments that read something at every time step of the sequences of a batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.instruments.instrument import Instrument
from figures.heat_maps import draw_heat_maps
from figures.profiles import Band, Scale, draw_profiles
from layers import Recurrent, Trace, traced
from storage.files import written_whole


class ThroughTime(Instrument):
    """Read values along the sequences of a training batch, before its update.

    The batch is walked once more, by the plain equations and in the type of the weights, whatever
    the backend and without autocast. What is dropped out is the same in every reading. The last
    reading, when the training has ended, is of the step that would have come next.

    A subclass says in `values` what it reads. Of its values at a time step, NAME.csv has the mean,
    the least and the greatest over the examples. TensorBoard shows them against time at each
    reading, and against time and training step at the end; so do NAME.png, the first and the last
    reading, and NAME_map.png.

    Args:
        folder: of the run's instruments.
        every: training steps between two measurements.
        model: that is to be measured.

    Raises:
        ValueError: `every` is below 1, or the model has no recurrent layer.
    """

    columns = ("layer", "curve", "t", "mean", "least", "greatest")
    texts = ("curve",)
    # Of the figures.
    title: ClassVar[str]
    label: ClassVar[str]
    scale: ClassVar[Scale] = Scale.LOGARITHMIC
    # Whether it asks for derivatives of the loss.
    differentiates: ClassVar[bool] = False

    def __init__(self, folder: Path, every: int, model: LightningModule) -> None:
        super().__init__(folder, every)
        self.layers = [module for module in model.modules() if isinstance(module, Recurrent)]
        if not self.layers:
            name = type(model).__name__
            raise ValueError(
                f"watch.{self.name} looks through time: {name} has no recurrent layer; use null"
            )
        # Before the first update; read again by a run that goes on.
        self._first: list[dict[str, Band]] | None = None

    @abstractmethod
    def values(self, loss: Tensor, traces: Sequence[Trace]) -> list[dict[str, Tensor]]:
        """What is read, for each layer: by the name of a curve, (T, examples).

        Args:
            loss: of the batch, with its graph if `differentiates`.
            traces: of the layers, from the lowest to the highest.
        """

    def read(self, model: LightningModule, batch: Any) -> list[dict[str, Tensor]]:
        """Give `values` of a batch; neither the model nor the training is changed."""
        # Random numbers of its own, the same each time.
        cuda = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
        with torch.random.fork_rng(cuda), torch.set_grad_enabled(self.differentiates):
            torch.manual_seed(0)
            with model.aside(), traced(model) as traces:
                loss = model.training_step(batch, 0)["loss"]
            return self.values(loss, traces)

    def measure(self, trainer: Trainer, model: LightningModule, batch: Any, step: int) -> None:
        layers = [
            {curve: _band(values) for curve, values in curves.items()}
            for curves in self.read(model, batch)
        ]
        self.readings.add(
            step,
            (
                (number, curve, t, *numbers)
                for number, curves in enumerate(layers, start=1)
                for curve, band in curves.items()
                for t, numbers in enumerate(zip(*band, strict=True), start=1)
            ),
        )
        if trainer.logger:
            if self._first is None:
                self._first = layers if step == 1 else self._kept().get(1, [])
            self.show(trainer, "profile", self._profile(model, step, layers, self._first), step)

    def conclude(self, trainer: Trainer, model: LightningModule) -> None:
        step = trainer.global_step + 1
        self.measure(trainer, model, next_batch(trainer, model), step)
        kept = self._kept()
        maps = {
            _with_layer(curve, number, len(layers)): {
                each: kept[each][number][curve].mean for each in kept if curve in kept[each][number]
            }
            for layers in [kept[step]]
            for number, curves in enumerate(layers)
            for curve in curves
        }
        title = f"{type(model).__name__}: {self.title}"
        figure = draw_heat_maps(maps, title, self.label, self.scale)
        self._save(figure, self.folder / f"{self.name}_map.png")
        self.show(trainer, "map", figure, step)
        # Last: where it is, all is done.
        self._save(self._profile(model, step, kept[step], kept.get(1, [])), self.picture)

    def _profile(
        self,
        model: LightningModule,
        step: int,
        layers: Sequence[Mapping[str, Band]],
        first: Sequence[Mapping[str, Band]],
    ) -> Any:
        return draw_profiles(
            layers,
            first if step > 1 else [],
            f"{type(model).__name__}: {self.title}, before step {step:,}",
            self.label,
            self.scale,
        )

    def _kept(self) -> dict[int, list[dict[str, Band]]]:
        """All readings: of each step, and layer, the curves."""
        kept: dict[int, list[dict[str, Band]]] = {}
        for step, (layer, curve, _, *numbers) in self.readings:
            layers = kept.setdefault(step, [{} for _ in self.layers])
            band = layers[int(layer) - 1].setdefault(curve, Band([], [], []))
            for values, number in zip(band, numbers, strict=True):
                values.append(float(number))
        return kept

    @staticmethod
    def _save(figure: Any, file: Path) -> None:
        with written_whole(file, "wb") as opened:
            figure.savefig(opened, format="png", dpi=150)


def next_batch(trainer: Trainer, model: LightningModule) -> Any:
    """The batch of the step that would come next, as Lightning would hand it to the model."""
    batches = trainer.datamodule.training_batches(
        rank=trainer.global_rank,
        devices=trainer.world_size,
        accumulate=trainer.accumulate_grad_batches,
    )
    batch = batches.batch(trainer.global_step * trainer.accumulate_grad_batches)
    batch = trainer.precision_plugin.convert_input(batch)
    return trainer.datamodule.transfer_batch_to_device(batch, model.device, 0)


def _band(values: Tensor) -> Band:
    """Of (T, examples) the mean, the least and the greatest, T numbers each."""
    values = values.detach().double()
    summaries = (values.mean(dim=1), values.amin(dim=1), values.amax(dim=1))
    return Band(*(summary.tolist() for summary in summaries))


def _with_layer(curve: str, number: int, count: int) -> str:
    return f"layer {number + 1}: {curve}" if count > 1 else curve
