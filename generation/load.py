"""A writer from the checkpoint of a CharGenerator, without Lightning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from generation.play import Cast
from generation.writer import Writer
from layers import CharacterNetwork

PREFIX = "network."
OF_THE_NETWORK = ("cell", "hidden_size", "num_layers")


def load_writer(checkpoint: Mapping[str, Any]) -> Writer:
    """The writer that a checkpoint holds, on the CPU; no random number is drawn.

    Args:
        checkpoint: as Lightning writes it, with the project's `config`, of model CharGenerator
            and data Text.

    Raises:
        ValueError: it is of another model, or incomplete.
    """
    model = str(_entry(checkpoint, "config", "model", "class_path")).rpartition(".")[2]
    if model != "CharGenerator":
        raise ValueError(f"it is of model {model}: only a CharGenerator writes")
    vocabulary = _entry(checkpoint, "Text", "vocabulary")
    settings = {key: _entry(checkpoint, "hyper_parameters", key) for key in OF_THE_NETWORK}
    # The meta device makes a network without drawing its first weights.
    with torch.device("meta"):
        network = CharacterNetwork(symbols=len(vocabulary), **settings)
    weights = {
        name.removeprefix(PREFIX): tensor
        for name, tensor in _entry(checkpoint, "state_dict").items()
        if name.startswith(PREFIX)
    }
    try:
        network.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise ValueError(f"its weights do not fit its settings: {error}") from None
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise ValueError("its weights are not finite: the training had diverged")
    return Writer(network.eval(), vocabulary)


def load_cast(checkpoint: Mapping[str, Any]) -> Cast:
    """The speakers whom a checkpoint of a corpus of plays knows; none of any other corpus."""
    text = _entry(checkpoint, "Text")
    return Cast(tuple(text.get("speakers") or ()), text.get("after_cue"))


def _entry(checkpoint: Mapping[str, Any], *path: str) -> Any:
    value: Any = checkpoint
    for place, key in enumerate(path, 1):
        if not isinstance(value, Mapping) or key not in value:
            raise ValueError(f"it holds no {'.'.join(path[:place])}")
        value = value[key]
    return value
