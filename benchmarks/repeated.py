"""Many runs of an experiment's config, one after the other in processes that start but once."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import yaml
from pytorch_lightning import (
    Callback,
    LightningDataModule,
    LightningModule,
    Trainer,
    seed_everything,
)

import datamodules
import lightning_modules
from callbacks import Patience, RandomState, Unprofiled
from command_line.optimization import configure
from command_line.program import quieten
from command_line.trainer_settings import TRAINER_DEFAULTS

CONFIGS = Path(__file__).resolve().parent.parent / "configs"


@dataclass(frozen=True)
class Task:
    """A run: a config, its seed, and what differs from the config.

    Attributes:
        config: name of a file in configs/.
        seed: of the run.
        changes: settings that differ, by the names of their flags, such as model.num_layers.
    """

    config: str
    seed: int
    changes: Mapping[str, Any] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """All of them, as in the file."""
        settings = yaml.safe_load((CONFIGS / self.config).read_text(encoding="utf-8"))
        for flag, value in self.changes.items():
            group, _, name = flag.partition(".")
            settings[group].get("init_args", settings[group])[name] = value
        return dict(settings)


class Best(Callback):
    """Remember what was measured at the best validation, by the model's own score."""

    def __init__(self) -> None:
        self.score: list[float] | None = None
        self.metrics: dict[str, float] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        score = pl_module.score(metrics)
        finite = all(map(math.isfinite, score))
        if finite and (self.score is None or score > self.score):
            self.score, self.metrics = score, {"step": trainer.global_step, **metrics}


def run(task: Task) -> dict[str, float]:
    """Train as `train.py fit --config configs/CONFIG --seed_everything SEED` does, keeping nothing.

    On one CPU thread, in float32, without a schedule and whatever `convergence` says.

    Returns:
        What was measured at the best validation, its step, and the steps taken.
    """
    config = task.settings()
    seed_everything(task.seed, verbose=False)
    data = _data(config["data"]["class_path"], tuple(sorted(config["data"]["init_args"].items())))
    model = getattr(lightning_modules, config["model"]["class_path"])(
        **config["model"]["init_args"],
        num_features=data.num_features,
        num_classes=data.num_classes,
    )
    settings = {name: value for name, value in config["trainer"].items() if name != "strategy"}
    optimizer = config["optimizer"]
    named = {**optimizer, "class_path": f"torch.optim.{optimizer['class_path']}"}
    configure(model, named, None, settings["max_steps"], on_cpu=True)
    best = Best()
    trainer = Trainer(
        **TRAINER_DEFAULTS,
        **{**settings, "accelerator": "cpu"},
        logger=False,
        enable_progress_bar=False,
        profiler=Unprofiled(),
        callbacks=[RandomState(), Patience(**config["early_stopping"]), best],
    )
    trainer.fit(model, data)
    return {**best.metrics, "steps": trainer.global_step}


def run_all(tasks: Sequence[Task], jobs: int) -> Iterator[dict[str, float]]:
    """Carry out tasks in several processes, and hand out the results in their order."""
    # Forked processes could inherit busy threads.
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=_prepare) as pool:
        yield from pool.imap(run, tasks)


@lru_cache(maxsize=1)
def _data(class_path: str, settings: tuple[tuple[str, Any], ...]) -> LightningDataModule:
    return getattr(datamodules, class_path)(**dict(settings))


def _prepare() -> None:
    torch.set_num_threads(1)
    quieten()


def positive(text: str) -> int:
    """Of a flag: a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number
