"""Ways to draw the first weights of a network, chosen by name.

A way to initialise is one function registered under its name. It is handed one block of a
parameter at a time, the role that the parameter plays and the hidden size n of the network:

- ``input``: the block of one gate in ``weight_ih``, shape (n, D);
- ``recurrent``: the block of one gate in ``weight_hh``, shape (n, n);
- ``dense``: any other weight, whole, such as the (classes, n) weight of the output;
- ``bias``: any parameter whose name starts with "bias", whole.

Whatever is none of these (the gain of a normalisation, say) keeps what its own module gave it.
A way may go by a number, which follows its name: `identity:0.9`. What differs from cell to cell is
arranged by the cell itself, after all has been drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

Role = Literal["input", "recurrent", "dense", "bias"]
Draw = Callable[..., object]


@dataclass(frozen=True)
class Initialization:
    """A way to draw the first weights.

    Attributes:
        draw: fills a block, by its role and n; and by `number`, if there is one.
        number: that it goes by unless told otherwise; None if it goes by none.
        arrange: the method of a recurrent layer that is called with the number afterwards.
    """

    draw: Draw
    number: float | None = None
    arrange: str = ""


INITIALIZATIONS: dict[str, Initialization] = {}


def register(name: str, number: float | None = None, arrange: str = "") -> Callable[[Draw], Draw]:
    """Make the decorated function known to :func:`initialize` as ``name``.

    Args:
        name: that it gets.
        number, arrange: as in `Initialization`. Without `arrange`, the function takes the number.
    """

    def add(function: Draw) -> Draw:
        INITIALIZATIONS[name] = Initialization(function, number, arrange)
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


@register("identity", number=1.0)
def identity(block: Tensor, role: Role, hidden_size: int, number: float) -> None:
    """Recurrent weights s I for each gate, input weights 0.3 times ``torch``, biases zero.

    Every unit is connected to itself alone, by s = 1 or the number that is given, and so begins
    with a memory of its own. The output is as ``torch``.

    Source: Le, Jaitly and Hinton (2015), "A simple way to initialize recurrent networks of
    rectified linear units", with s = 1 or 0.01 and smaller input weights, from N(0, 0.001²).
    """
    if role == "recurrent":
        nn.init.eye_(block).mul_(number)
    elif role == "bias":
        nn.init.zeros_(block)
    else:
        narrow_uniform(block, role, hidden_size)
        if role == "input":
            block.mul_(0.3)


@register("chrono", number=math.nan, arrange="remember_for")
def chrono(block: Tensor, role: Role, hidden_size: int) -> None:
    """As ``torch``, and then biases by which a unit remembers for 2 to T steps.

    LSTM: b_f = log u with u from U(1, T - 1), one a unit, and b_i = -b_f: of its cell a unit keeps
    f = u / (1 + u) a step, so for 1 / (1 - f) = 1 + u steps. GRU, whose one gate z does both:
    b_z = log u. T, the longest time to remember, is the number: ``chrono:1000``.

    Source: Tallec and Ollivier (2018), "Can recurrent neural networks warp time?", section 2.
    """
    narrow_uniform(block, role, hidden_size)


@register("latch", number=4.0, arrange="latch")
def latch(block: Tensor, role: Role, hidden_size: int) -> None:
    """A memory that is built in rather than learned: each unit keeps what it is first set to.

    An upper bound of what can be remembered, not a way to learn it: only the output has to learn
    to read. All is as ``torch``, but biases, zero, and what each cell arranges (``latch`` of RNN,
    LSTM, RRN and GRU) by the number a.

    Source: that a unit with enough feedback latches information, Bengio, Simard and Frasconi
    (1994), "Learning long-term dependencies with gradient descent is difficult", section III.
    """
    if role == "bias":
        nn.init.zeros_(block)
    else:
        narrow_uniform(block, role, hidden_size)


def initialize(module: nn.Module, name: str, hidden_size: int) -> None:
    """Draw all parameters of ``module``, and of the modules inside it, anew and in place.

    Args:
        module: a recurrent layer, or any other module, such as the output's nn.Linear.
        name: one of :data:`INITIALIZATIONS`, with a number behind a colon if it goes by one.
        hidden_size: n, the size of the hidden state that the module makes or reads. The gates
            of a recurrent layer are told apart as the blocks of n rows of its weights.

    Raises:
        ValueError: the name is unknown, its number means nothing, hidden_size is not that of the
            recurrent layer, or the way is not for this layer.
    """
    way = find_initialization(name)
    draw = way.draw
    if way.number is not None and not way.arrange:
        draw = partial(draw, number=way.number)
    with torch.no_grad():
        for path, parameter in module.named_parameters():
            role = role_of(path.rpartition(".")[2], parameter)
            if role is None:
                continue
            for block in blocks_of(parameter, role, hidden_size):
                draw(block, role, hidden_size)
        for layer in module.modules() if way.arrange else ():
            if "weight_hh" in dict(layer.named_parameters(recurse=False)):
                _arrange(layer, way, name)


def _arrange(layer: nn.Module, way: Initialization, name: str) -> None:
    arrange = getattr(layer, way.arrange, None)
    if arrange is None:
        short = name.partition(":")[0]
        raise ValueError(f"initialization {short} is not for {type(layer).__name__}")
    arrange(way.number)


def find_initialization(name: str) -> Initialization:
    """The way registered as ``name``, with its number.

    Raises:
        ValueError: there is none (and which is the nearest), or the number means nothing.
    """
    short, colon, text = str(name).partition(":")
    if short in INITIALIZATIONS:
        way = INITIALIZATIONS[short]
        if colon and way.number is None:
            raise ValueError(f"initialization {short} goes by no number, got {name!r}")
        if colon:
            way = replace(way, number=_number(text))
        if way.number is not None and not math.isfinite(way.number):
            usual = INITIALIZATIONS[short].number
            example = 1000 if usual is None or math.isnan(usual) else usual
            raise ValueError(
                f"initialization {short} needs a number, such as {short}:{example:g}, got {name!r}"
            )
        return way
    (nearest,) = get_close_matches(short.lower(), INITIALIZATIONS, n=1, cutoff=0)
    raise ValueError(
        f"unknown initialization {name!r}, did you mean {nearest!r}? "
        f"Choose from {', '.join(INITIALIZATIONS)}"
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def check_longest(longest: float) -> None:
    """Raise a ValueError unless the longest time to remember leaves something to draw."""
    if longest <= 2:
        raise ValueError(f"initialization chrono must be of more than 2 steps, got {longest:g}")


def check_gain(gain: float) -> None:
    """Raise a ValueError unless a unit can keep what it is set to: of tanh, only if a > 1."""
    if gain <= 1:
        raise ValueError(f"initialization latch must be above 1, got {gain:g}")


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
