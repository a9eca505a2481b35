"""Which classes a person may choose by name."""

from __future__ import annotations

import gc

import lightning_modules
from command_line.parser import choices


def test_a_refined_model_can_still_be_chosen():
    class Wider(lightning_modules.RRN):
        """As a person would write it, beside the models that are there."""

    models = choices()["model"]
    assert {"RRN", "Wider"} <= models.keys()
    assert "SequenceClassifier" not in models
    # Classes are found as long as they live: this one is for no other test to see.
    del Wider
    gc.collect()
    assert "Wider" not in choices()["model"]
