"""What happens around training: stopping, logging, checkpoints, and what a run leaves behind."""

from callbacks.checkpoints import AtomicCheckpointIO, Checkpoints
from callbacks.convergence import Convergence
from callbacks.curriculum import CurriculumStages
from callbacks.curves import Curves
from callbacks.ending import Ending
from callbacks.how_far import HowFarNoted
from callbacks.instruments import watch
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

__all__ = [
    "AtomicCheckpointIO",
    "Checkpoints",
    "Convergence",
    "CurriculumStages",
    "Curves",
    "Ending",
    "HowFarNoted",
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
    "watch",
]
