"""What all experiments share that predict one of several classes: how they are measured."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pytorch_lightning import LightningModule
from pytorch_lightning.plugins.precision import Precision
from pytorch_lightning.strategies import DDPStrategy, DeepSpeedStrategy, SingleDeviceStrategy
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from layers import Recurrent
from layers.backends.choice import obstacle
from lightning_modules.clipping import Clipping
from lightning_modules.undoing import Undoing


class Predictor(LightningModule, ABC):
    """Cross-entropy and accuracy of predictions; an experiment says what it predicts from what.

    A subclass writes :meth:`predictions`. Its training step returns `loss` and `accuracy`, which
    callbacks log and watch; its validation and test are measured over all devices.

    Args:
        num_classes: C, among which it predicts.
    """

    # What the batches hold that it reads; data that give anything else are refused.
    reads: ClassVar[str]
    # Units in which people read the loss too, by name: nats that each of them has.
    loss_units: ClassVar[Mapping[str, float]] = {}

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.clipping, self.undoing = Clipping(), Undoing()
        self.metrics = nn.ModuleDict(
            {stage: _metrics(num_classes) for stage in ("validation", "test")}
        )

    @abstractmethod
    def predictions(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Logits (N, C) of all that is predicted in a batch, and the right classes (N,) int64."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within, a batch leaves nothing behind that the training would go on from."""
        yield

    def measured(self, batch: Any, stage: str) -> Mapping[str, tuple[Tensor, Tensor]]:
        """What is measured on a batch, by stage: logits (N, C) and the right classes (N,) int64.

        Args:
            stage: `validation` or `test`, which is on.
        """
        return {stage: self.predictions(batch)}

    def parameter_groups(self) -> Iterable[Tensor] | list[dict[str, Any]]:
        """The parameters as an optimiser takes them, with what it is to do otherwise for some."""
        return self.parameters()

    def score(self, metrics: Mapping[str, float]) -> list[float]:
        """How good a validation was, compared entry by entry; the best checkpoint has the highest.

        Args:
            metrics: by name, such as loss/validation.
        """
        return [float(metrics["accuracy/validation"]), -float(metrics["loss/validation"])]

    def in_all_units(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """The metrics, and each loss among them, such as loss/train, in its other units too."""
        converted = {
            name.replace("loss", unit, 1): value / nats
            for name, value in metrics.items()
            if name.startswith("loss/")
            for unit, nats in self.loss_units.items()
        }
        return {**metrics, **converted}

    def on_fit_start(self) -> None:
        self.check_backends(self.trainer.precision_plugin)
        # An optimiser that is new has no state yet, whatever the last one had.
        self.undoing = Undoing()
        # Lightning asks three times a step which of model and data have a hook of their own.
        selector = self.trainer._data_connector._datahook_selector
        selector.get_instance = cache(selector.get_instance)

    def on_validation_start(self) -> None:
        self.check_backends(self.trainer.precision_plugin)

    def on_test_start(self) -> None:
        self.check_backends(self.trainer.precision_plugin)

    def check_backends(self, precision: Precision) -> None:
        """Make sure that each recurrent layer can be walked as it was told, where it is now.

        Args:
            precision: of the Trainer.

        Raises:
            MisconfigurationException: one cannot; says why in one line.
        """
        with precision.forward_context():
            for layer in self.modules():
                if isinstance(layer, Recurrent) and (reason := obstacle(layer)):
                    raise MisconfigurationException(f"model.{reason}")

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Mean loss (with its graph) and accuracy of a batch; callbacks log and watch them."""
        logits, target = self.predictions(batch)
        accuracy = (logits.argmax(dim=1) == target).float().mean()
        return {"loss": F.cross_entropy(logits, target), "accuracy": accuracy}

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._measure(batch, "validation")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._measure(batch, "test")

    def predict_step(self, batch: Any, batch_idx: int) -> tuple[Tensor, Tensor]:
        """The likeliest class (N,) int64 of all that is predicted in a batch, and its probability.

        Returns:
            The classes, and the probability of each (N,).
        """
        logits, _ = self.predictions(batch)
        probabilities, classes = logits.softmax(dim=1).max(dim=1)
        return classes, probabilities

    def on_validation_epoch_end(self) -> None:
        self._report()

    def on_test_epoch_end(self) -> None:
        self._report()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The study's RMSprop, for who trains without the command line and its --optimizer."""
        return torch.optim.RMSprop(self.parameter_groups(), lr=1e-3)

    def optimizer_zero_grad(
        self, epoch: int, batch_idx: int, optimizer: torch.optim.Optimizer
    ) -> None:
        """Drop the gradients.

        As torch's optimisers do, which take ten times as long to note it for a profiler.
        """
        if getattr(optimizer.zero_grad, "__func__", None) is not torch.optim.Optimizer.zero_grad:
            optimizer.zero_grad()
            return
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Measure and clip the gradients; where they are not whole, Lightning clips them.

        A GPU is not waited for, except in the first step, and where their scale is read anyway.
        """
        if not self._gradients_are_whole(optimizer):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        precision = self.trainer.precision_plugin
        how = (gradient_clip_val, gradient_clip_algorithm == "value")
        parameters = [each for each in precision.main_params(optimizer) if each.grad is not None]
        scaled = getattr(precision, "scaler", None) is not None
        if not scaled and self.undoing.is_possible(optimizer, parameters):
            finite = self.clipping.unread(parameters, *how)
            self.undoing.keep(optimizer, parameters, finite)
        else:
            self.clipping(parameters, *how)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Let the optimiser take its step, and undo it on a GPU if its gradient was not finite."""
        super().optimizer_step(*args, **kwargs)
        self.undoing.undo()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what was counted of the gradients."""
        checkpoint["gradients"] = self.clipping.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting; older checkpoints have no counts."""
        self.clipping.load_state_dict(checkpoint.get("gradients", {}))

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes about forty times a step which hook it is in, and torch.nn.Module asks
        # each time whether that is a parameter, a module or a buffer: a tenth of all overhead.
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def _gradients_are_whole(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether each device has all gradients, at their own scale."""
        strategy, precision = self.trainer.strategy, self.trainer.precision_plugin
        scaled = getattr(precision, "scaler", None) is not None
        # Fused optimisers undo the scale of mixed precision in their own step.
        if scaled and getattr(optimizer, "_step_supports_amp_scaling", False):
            return False
        # DeepSpeed's is a kind of DDP's to Lightning, but has shards and clips them itself.
        return isinstance(strategy, (SingleDeviceStrategy, DDPStrategy)) and not isinstance(
            strategy, DeepSpeedStrategy
        )

    def _measure(self, batch: Any, stage: str) -> None:
        for name, (logits, target) in self.measured(batch, stage).items():
            metrics = self.metrics[name]
            metrics["loss"].update(F.cross_entropy(logits, target, reduction="none"))
            metrics["accuracy"].update(logits, target)

    def _report(self) -> None:
        # Lightning computes the metrics over all ranks. While training, callbacks write them at
        # their step; otherwise Trainer.validate and Trainer.test return what a logger may have.
        logger = False if self.trainer.state.fn == "fit" else None
        for stage, metrics in self.metrics.items():
            for name, metric in metrics.items():
                if metric.update_called:
                    self.log(f"{name}/{stage}", metric, logger=logger)


# Lightning asks for it at every step, whether there is a batch_idx, and Python makes it anew.
Predictor.training_step.__signature__ = inspect.signature(Predictor.training_step)  # type: ignore[attr-defined]


def _metrics(num_classes: int) -> nn.ModuleDict:
    return nn.ModuleDict(
        {
            # A loss that is no number shows: by default the metric would leave it out.
            "loss": MeanMetric(nan_strategy="disable"),
            "accuracy": MulticlassAccuracy(num_classes, average="micro"),
        }
    )
