"""What a run has come to, of which tests need not train any."""

from __future__ import annotations

import json

RESULT = {
    "model": "RRN",
    "hparams": {},
    "window": 5,
    "threshold": 1.0,
    "best_accuracy": 0.1 + 0.2,
    "step_of_best": 58,
    "steps_to_converge": None,
    "best_validation": {"step": 20, "accuracy": 1 / 3, "loss": 2.0},
    "parameters": 1234,
    "steps": 60,
    "seconds": 1.5,
    "steps_per_second": 40.0,
}
RESULT_TEXT = json.dumps(RESULT)
