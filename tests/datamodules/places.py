"""To let a data module believe that it trains somewhere else."""

from __future__ import annotations

from types import SimpleNamespace

import torch


def on_device(data, rank=0, devices=1, accumulate=1, step=0, device="cpu"):
    """Let the data believe that this process is one of several, and so many steps on."""
    data.trainer = SimpleNamespace(
        world_size=devices,
        global_rank=rank,
        accumulate_grad_batches=accumulate,
        global_step=step,
        overfit_batches=0,
        strategy=SimpleNamespace(root_device=torch.device(device)),
    )
    return data


def first_batches(loader, count):
    return [batch for batch, _ in zip(loader, range(count), strict=False)]


def one_line(caught):
    message = str(caught.value)
    assert message and "\n" not in message
    return message
