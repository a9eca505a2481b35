"""What happens around training: stopping, logging, checkpoints, and what a run leaves behind."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callbacks.checkpoints import AtomicCheckpointIO, Checkpoints
    from callbacks.convergence import Convergence
    from callbacks.curves import Curves
    from callbacks.interruption import Interrupted, Interruption
    from callbacks.node_pictures import NodePictures
    from callbacks.patience import Patience
    from callbacks.plateau import Plateau
    from callbacks.progress import StepProgress
    from callbacks.random_state import RandomState
    from callbacks.report import Report
    from callbacks.run_logger import RunLogger
    from callbacks.samples import Samples
    from callbacks.time_limit import TimeLimit
    from callbacks.unprofiled import Unprofiled

# Imported when first asked for: who needs `callbacks.files` alone does not wait for Lightning,
# which takes seconds.
_PLACES = {
    "AtomicCheckpointIO": "checkpoints",
    "Checkpoints": "checkpoints",
    "Convergence": "convergence",
    "Curves": "curves",
    "Interrupted": "interruption",
    "Interruption": "interruption",
    "NodePictures": "node_pictures",
    "Patience": "patience",
    "Plateau": "plateau",
    "RandomState": "random_state",
    "Report": "report",
    "RunLogger": "run_logger",
    "Samples": "samples",
    "StepProgress": "progress",
    "TimeLimit": "time_limit",
    "Unprofiled": "unprofiled",
}

__all__ = [
    "AtomicCheckpointIO",
    "Checkpoints",
    "Convergence",
    "Curves",
    "Interrupted",
    "Interruption",
    "NodePictures",
    "Patience",
    "Plateau",
    "RandomState",
    "Report",
    "RunLogger",
    "Samples",
    "StepProgress",
    "TimeLimit",
    "Unprofiled",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
