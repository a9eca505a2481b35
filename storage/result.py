"""result.json, what a run has come to, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NUMBER = (int, float)
MAYBE = (*NUMBER, type(None))
# What every result has said from the first version on.
KINDS: dict[str, Any] = {
    "model": str,
    "hparams": dict,
    "window": NUMBER,
    "threshold": MAYBE,
    "best_accuracy": MAYBE,
    "step_of_best": MAYBE,
    "steps_to_converge": MAYBE,
    "best_validation": dict,
    "parameters": NUMBER,
    "steps": NUMBER,
    "seconds": NUMBER,
    "steps_per_second": MAYBE,
}


def read_result(file: Path) -> dict[str, Any] | None:
    """What is in the file; None where it is missing, or is not what a run has written."""
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(result, dict):
        return None
    if not all(isinstance(result.get(key, ...), kind) for key, kind in KINDS.items()):
        return None
    validation = result["best_validation"]
    told = "step" in validation or not validation
    return result if told and all(isinstance(v, MAYBE) for v in validation.values()) else None
