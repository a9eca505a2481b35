"""How far each parameter is moved."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.instruments.instrument import Instrument
from figures.parameters import draw_parameters
from storage.files import written_whole


class Parameters(Instrument):
    """The norms of each parameter, its gradient and its update, and update / parameter.

    The gradient is that of the whole step, over all devices and accumulated batches, before it is
    clipped; the update is the difference that the optimiser makes, the parameter's norm that
    before it. Read at step 1, every so many steps, and at the last step that the Trainer allows:
    where a run stops by itself is known only after its update. Unlike other instruments it makes
    nothing anew: it looks at the step itself, and keeps a copy of the weights during it.
    """

    name = "parameters"
    columns = ("parameter", "weight", "gradient", "update", "ratio")
    texts = ("parameter",)

    def __init__(self, folder: Any, every: int) -> None:
        super().__init__(folder, every)
        self._before: dict[str, tuple[Tensor, float]] = {}

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        step = trainer.global_step + 1
        # Some optimisers, such as LBFGS, come by several times in one step.
        if self._before or not trainer.is_global_zero:
            return
        if self.is_due(step) or step == trainer.max_steps:
            self._before = {
                name: (parameter.detach().clone(), float(_norm(parameter.grad)))
                for name, parameter in pl_module.named_parameters()
                if parameter.grad is not None
            }

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if not self._before:
            return
        parameters = dict(pl_module.named_parameters())
        rows = []
        for name, (before, gradient) in self._before.items():
            weight = float(_norm(before))
            update = float(_norm(parameters[name].detach() - before))
            # From zeros, any update is infinitely large.
            ratio = update / weight if weight else float("inf") if update else 0.0
            rows.append((name, weight, gradient, update, ratio))
        self._before = {}
        self.readings.add(trainer.global_step, rows)
        if trainer.logger:
            values = {
                f"{self.name}/{column}/{name}": value
                for name, *numbers in rows
                for column, value in zip(self.columns[1:], numbers, strict=True)
            }
            trainer.logger.log_metrics(values, step=trainer.global_step)

    def conclude(self, trainer: Trainer, model: LightningModule) -> None:
        kept: dict[str, list[list[float]]] = {}
        for step, (name, *numbers) in self.readings:
            kept.setdefault(name, []).append([step, *map(float, numbers)])
        columns = {name: list(zip(*rows, strict=True)) for name, rows in kept.items()}
        title = f"{type(model).__name__}: gradients and updates of the parameters"
        figure = draw_parameters(
            {name: steps for name, (steps, *_) in columns.items()},
            {
                "norm of the gradient": {name: each[2] for name, each in columns.items()},
                "norm of update / parameter": {name: each[4] for name, each in columns.items()},
            },
            title,
        )
        self.show(trainer, "norms", figure, trainer.global_step)
        with written_whole(self.picture, "wb") as file:
            figure.savefig(file, format="png", dpi=150)


def _norm(tensor: Tensor) -> Tensor:
    """In double precision, where squares do not overflow."""
    return torch.linalg.vector_norm(tensor, dtype=torch.float64)
