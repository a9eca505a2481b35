"""Ways to draw the first weights of a network, chosen by name.

A way to initialise is one function registered under its name. It is handed one block of a
parameter at a time, the role that the parameter plays and the hidden size n of the network:

- ``input``: the block of one gate in ``weight_ih``, shape (n, D);
- ``recurrent``: the block of one gate in ``weight_hh``, shape (n, n);
- ``dense``: any other weight, whole, such as the (classes, n) weight of the output;
- ``bias``: any parameter whose name starts with "bias", whole.

Whatever is none of these (the gain of a normalisation, say) keeps what its own module gave it.
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Literal

import torch
from torch import Tensor, nn

Role = Literal["input", "recurrent", "dense", "bias"]
Initialization = Callable[[Tensor, Role, int], object]

INITIALIZATIONS: dict[str, Initialization] = {}


def register(name: str) -> Callable[[Initialization], Initialization]:
    """Make the decorated function known to :func:`initialize` as ``name``."""

    def add(function: Initialization) -> Initialization:
        INITIALIZATIONS[name] = function
        return function

    return add


@register("study")
def narrow_normal(block: Tensor, role: Role, hidden_size: int) -> None:
    """Weights and biases from N(0, (1/n)²).

    Source: "Recurrent Neural Networks and Graph Neural Networks" (2019), all its experiments.
    It says "every weight"; biases are taken to be among them.
    """
    nn.init.normal_(block, std=1 / hidden_size)


@register("xavier")
def xavier(block: Tensor, role: Role, hidden_size: int) -> None:
    """Weights from U(-a, a) with a = sqrt(6 / (fan_in + fan_out)), biases zero.

    The fans are those of one gate: gates stacked in one matrix are still separate maps.

    Source: Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward
    neural networks", equation 16.
    """
    if role == "bias":
        nn.init.zeros_(block)
    else:
        nn.init.xavier_uniform_(block)


@register("orthogonal")
def orthogonal(block: Tensor, role: Role, hidden_size: int) -> None:
    """Recurrent and dense weights (semi-)orthogonal, input weights as ``xavier``, biases zero.

    An orthogonal recurrent matrix keeps the length of what passes through it, forwards and
    backwards. The input weights are passed once, not T times, and stay dense.

    Source: Saxe, McClelland and Ganguli (2014), "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks"; for recurrent networks, Chen, Pennington and
    Schoenholz (2018), "Dynamical isometry and a mean field theory of RNNs".
    """
    if role in ("recurrent", "dense"):
        nn.init.orthogonal_(block)
    else:
        xavier(block, role, hidden_size)


@register("torch")
def narrow_uniform(block: Tensor, role: Role, hidden_size: int) -> None:
    """Weights and biases from U(-1/sqrt(n), 1/sqrt(n)).

    Source: the default of torch.nn's recurrent layers, and of torch.nn.Linear with n inputs.
    """
    bound = hidden_size**-0.5
    nn.init.uniform_(block, -bound, bound)


def initialize(module: nn.Module, name: str, hidden_size: int) -> None:
    """Draw all parameters of ``module``, and of the modules inside it, anew and in place.

    Args:
        module: a recurrent layer, or any other module, such as the output's nn.Linear.
        name: one of :data:`INITIALIZATIONS`.
        hidden_size: n, the size of the hidden state that the module makes or reads. The gates
            of a recurrent layer are told apart as the blocks of n rows of its weights.

    Raises:
        ValueError: the name is unknown, or hidden_size is not that of the recurrent layer.
    """
    draw = find_initialization(name)
    with torch.no_grad():
        for path, parameter in module.named_parameters():
            role = role_of(path.rpartition(".")[2], parameter)
            if role is None:
                continue
            for block in blocks_of(parameter, role, hidden_size):
                draw(block, role, hidden_size)


def find_initialization(name: str) -> Initialization:
    """The function registered as ``name``; ValueError names the nearest one if there is none."""
    if name in INITIALIZATIONS:
        return INITIALIZATIONS[name]
    (nearest,) = get_close_matches(str(name).lower(), INITIALIZATIONS, n=1, cutoff=0)
    raise ValueError(
        f"unknown initialization {name!r}, did you mean {nearest!r}? "
        f"Choose from {', '.join(INITIALIZATIONS)}"
    )


def role_of(name: str, parameter: Tensor) -> Role | None:
    """What a parameter is for, told by torch.nn's naming; None is for what must be left alone."""
    if name.startswith("bias"):
        return "bias"
    if name.startswith("weight_ih"):
        return "input"
    if name.startswith("weight_hh"):
        return "recurrent"
    return "dense" if parameter.dim() >= 2 else None


def blocks_of(parameter: Tensor, role: Role, hidden_size: int) -> tuple[Tensor, ...]:
    """The gates of a recurrent or input weight, hidden_size rows each; all else in one piece."""
    if role not in ("input", "recurrent"):
        return (parameter,)
    rows = parameter.shape[0]
    if hidden_size < 1 or rows % hidden_size:
        raise ValueError(f"weights of {rows} rows have no gates of hidden_size {hidden_size}")
    return parameter.chunk(rows // hidden_size)
