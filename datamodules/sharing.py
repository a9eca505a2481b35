"""Batches that several devices share."""

from __future__ import annotations

from pytorch_lightning.utilities.exceptions import MisconfigurationException


def check_shares(batch_size: int, devices: int, accumulate: int) -> None:
    """Make sure that the batch of an optimiser step can be cut into equal slices.

    Args:
        batch_size: examples an optimiser step, over all devices and accumulated batches.
        devices: number of devices.
        accumulate: batches that a device takes before the optimiser steps.

    Raises:
        MisconfigurationException: it cannot.
    """
    slices = devices * accumulate
    if batch_size % slices == 0:
        return
    shares = f"{devices} devices" if devices > 1 else "1 device"
    if accumulate > 1:
        shares += f" x {accumulate} accumulated batches"
    raise MisconfigurationException(
        f"data.batch_size {batch_size} cannot be shared equally by {shares}: it counts the "
        f"examples of an optimiser step over all of them, so it must be a multiple of {slices}"
    )
