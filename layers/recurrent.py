"""What all recurrent layers share: their parameters, their state and the walk through time."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layers.backends.choice import BACKENDS, walk
from layers.initialization import initialize

State: TypeAlias = tuple[Tensor, ...]
"""What a layer carries from one time step to the next: (B, H) each, the hidden state first."""


class Recurrent(nn.Module, ABC):
    """A recurrent layer: the equations of its cell, repeated over time.

    A new cell is a subclass that says how many gates and how many state tensors it has, and
    writes :meth:`advance`. With T time steps, B examples, D inputs, H hidden units and G gates, the
    parameters are laid out as in torch.nn, gate under gate:

    - ``weight_ih`` (G*H, D): from the input;
    - ``weight_hh`` (G*H, H): from the hidden state;
    - ``bias`` (G*H): one a gate, where torch.nn keeps two that only ever act as their sum.

    Args:
        input_size: D, features of the input at a time step.
        hidden_size: H, units of the hidden state.
        initialization: how the first weights are drawn, a name in
            :data:`layers.initialization.INITIALIZATIONS`.
        backend: the way through time, a name in :data:`layers.backends.choice.BACKENDS`. The plain
            loop is the reference, which the others equal in value and gradient up to rounding.

    Raises:
        ValueError: a size is below 1, or the initialization or the backend is unknown.
    """

    gate_blocks: ClassVar[int]
    state_tensors: ClassVar[int]
    # Whether the state stays finite however long the sequence is.
    bounded: ClassVar[bool] = True
    # What each gate, by name, and the hidden state `h` lie between: at a bound no gradient passes.
    # A cell that does not say cannot be watched for it.
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        initialization: str = "torch",
        backend: str = "auto",
    ) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        self.input_size = input_size
        self.hidden_size = hidden_size
        if backend not in BACKENDS:
            raise ValueError(f"unknown backend {backend}; there are {', '.join(BACKENDS)}")
        self.initialization = initialization
        self.backend = backend
        self.create_parameters()
        self.reset_parameters()

    def create_parameters(self) -> None:
        """Make room for the parameters; a cell with more than the usual three adds them here."""
        rows = self.gate_blocks * self.hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, self.input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, self.hidden_size))
        self.bias = nn.Parameter(torch.empty(rows))

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        initialize(self, self.initialization, self.hidden_size)

    def initial_state(self, batch_size: int) -> State:
        """The state before the first step: zeros, (B, H) each, typed and placed as the weights."""
        shape = (batch_size, self.hidden_size)
        return tuple(self.weight_hh.new_zeros(shape) for _ in range(self.state_tensors))

    @abstractmethod
    def advance(self, from_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """The equations of the cell, given what it takes from its inputs.

        Args:
            from_inputs: W_ih x + b of all gates, (B, G*H), as :meth:`project` gives it.
            state: as :meth:`initial_state` gives it.

        Returns:
            The new hidden state (B, H), and the new state, whose first entry it is.
        """

    def gates(self, from_inputs: Tensor, hidden: Tensor) -> dict[str, Tensor]:
        """The gates of a step, (B, H) each, by the names that `bounds` has; `advance` uses them.

        Args:
            from_inputs: as `advance` takes it.
            hidden: h of the step before, (B, H).
        """
        return {}

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step: inputs (B, D), or whole numbers (B), to h (B, H) and the new state.

        Raises:
            ValueError, IndexError: as `forward`.
        """
        inputs = self.read(inputs, "batch")
        self.check_state(state, inputs.shape[0])
        return self.advance(self.project(inputs), state)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Walk through time, one step after another.

        Args:
            inputs: (T, B, D), or (T, B) of whole numbers below D, in any type that has no
                fractions: vectors that are one in a single place, given by that place.
            state: where to start from, (B, H) each; zeros if None.

        Returns:
            The hidden states of all steps (T, B, H), and the last state.

        Raises:
            ValueError: the shape of the inputs or of the state is not as above, or T is 0; the
                inputs are neither of real nor of whole numbers, or the state is of another type
                than the weights; or the backend cannot be used.
            IndexError: a whole number is not below D.
        """
        inputs = self.read_sequence(inputs, state)
        hidden, state = walk(self, inputs, state, all_steps=True)
        assert hidden is not None
        return hidden, state

    def last_state(self, inputs: Tensor, state: State | None = None) -> State:
        """Where the walk ends, for who needs no other step: cheaper than to take it from `forward`.

        Takes and raises the same.
        """
        inputs = self.read_sequence(inputs, state)
        _, state = walk(self, inputs, state, all_steps=False)
        return state

    def loop(
        self, inputs: Tensor, state: State | None, all_steps: bool
    ) -> tuple[Tensor | None, State]:
        """The walk as it is written down: :meth:`step` after step."""
        state = self.state_before(inputs, state)
        # Products are made step by step, while their operands are in the cache. A look-up has no
        # operands to keep, and going back, T of them would write T gradients of the whole table.
        places = not inputs.is_floating_point()
        projected = self.project(inputs).unbind() if places else map(self.project, inputs.unbind())
        hidden_states = []
        for from_inputs in projected:
            hidden, state = self.advance(from_inputs, state)
            hidden_states.append(hidden)
        return torch.stack(hidden_states) if all_steps else None, state

    def state_before(self, inputs: Tensor, state: State | None) -> State:
        """The state before inputs (T, B, ...): the one that is given, or else zeros."""
        return self.initial_state(inputs.shape[1]) if state is None else state

    def project(self, inputs: Tensor) -> Tensor:
        """W_ih x + b of all gates: (..., D), or (...) of whole numbers, to (..., G*H)."""
        if inputs.is_floating_point():
            return F.linear(inputs, self.weight_ih, self.bias)
        return F.embedding(inputs, self.weight_ih.t() + self.bias)

    def preactivation(self, from_inputs: Tensor, hidden: Tensor) -> Tensor:
        """W_ih x + W_hh h + b of all gates: (B, G*H) and (B, H) to (B, G*H)."""
        return torch.addmm(from_inputs, hidden, self.weight_hh.t())

    def read_sequence(self, inputs: Tensor, state: State | None) -> Tensor:
        """Check what `forward` is given, and return the inputs as :meth:`read` does."""
        inputs = self.read(inputs, "time", "batch")
        if inputs.shape[0] == 0:
            raise ValueError(f"inputs must have at least 1 time step, got {(*inputs.shape,)}")
        if state is not None:
            self.check_state(state, inputs.shape[1])
        return inputs

    def read(self, inputs: Tensor, *axes: str) -> Tensor:
        """The inputs as all backends take them: real numbers as they are, whole ones as int64.

        Args:
            inputs: of these axes, and of real numbers one more, of input_size.

        Raises:
            ValueError: they have another shape, or are truth values or complex numbers.
        """
        if inputs.is_floating_point():
            if inputs.dim() != len(axes) + 1 or inputs.shape[-1] != self.input_size:
                expected = ", ".join((*axes, str(self.input_size)))
                raise ValueError(f"inputs must have shape ({expected}), got {(*inputs.shape,)}")
            return inputs
        if inputs.dtype == torch.bool or inputs.is_complex():
            kind = str(inputs.dtype).removeprefix("torch.")
            raise ValueError(f"inputs must be real or whole numbers, got {kind}")
        if inputs.dim() != len(axes):
            expected = ", ".join(axes)
            raise ValueError(f"inputs must have shape ({expected}), got {(*inputs.shape,)}")
        return inputs.to(torch.int64)

    def check_state(self, state: State, batch_size: int) -> None:
        """Raise ValueError unless the state fits the batch: a wrong one might broadcast unseen."""
        weight, shape = self.weight_hh, (batch_size, self.hidden_size)
        # It is asked before each step of writing: a list is made faster than a generator.
        shapes, types = [each.shape for each in state], [each.dtype for each in state]
        if shapes != [shape] * self.state_tensors:
            expected, found = [shape] * self.state_tensors, [(*each,) for each in shapes]
            raise ValueError(f"state must have shapes {expected}, got {found}")
        # Under autocast a state is of its type, once a step has been taken.
        if types != [weight.dtype] * self.state_tensors and not torch.is_autocast_enabled(
            weight.device.type
        ):
            raise ValueError(
                f"state must be of the type of the weights, {weight.dtype}, got {types}"
            )

    def extra_repr(self) -> str:
        """The arguments, for print."""
        return f"{self.input_size}, {self.hidden_size}, initialization={self.initialization!r}"
