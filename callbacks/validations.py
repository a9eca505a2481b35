"""When a run validates, asked of Lightning itself, whose rule knows epochs, steps and time."""

from __future__ import annotations

from pytorch_lightning import Trainer


def validates(trainer: Trainer) -> bool:
    """Whether the step that is ending is followed by a validation."""
    loop = trainer.fit_loop
    return bool(loop.epoch_loop._should_check_val_fx(loop._data_fetcher))


def is_measurement(trainer: Trainer) -> bool:
    """Whether a validation of the training has just ended, rather than any other."""
    return trainer.state.fn == "fit" and not trainer.sanity_checking


def only_since_it_stops(trainer: Trainer) -> bool:
    """Whether the validation that has just ended comes only because the run stops here.

    One that is trained on would not have made it, had it not stopped; so nothing that the training
    depends on may take it into account.
    """
    if not trainer.should_stop:
        return False
    trainer.should_stop = False
    try:
        return not validates(trainer)
    finally:
        trainer.should_stop = True
