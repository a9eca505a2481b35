"""What the tests of the cells share: drawn problems, and two ways to check a cell."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from layers import Recurrent, State


@pytest.fixture(autouse=True)
def same_every_time() -> Iterator[None]:
    """The same random numbers in every run, and one thread: the problems are too small for two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def draw() -> Callable[[Recurrent, int, int], tuple[Tensor, State]]:
    """Draw inputs (T, B, D) and a non-zero state for a cell, all of them wanting a gradient."""

    def draw(cell: Recurrent, T: int, B: int) -> tuple[Tensor, State]:
        inputs = torch.randn(T, B, cell.input_size, dtype=cell.weight_hh.dtype)
        state = tuple(torch.randn_like(zeros) for zeros in cell.initial_state(B))
        for leaf in (inputs, *state):
            leaf.requires_grad_()
        return inputs, state

    return draw


@pytest.fixture
def assert_equals_torch(draw) -> Callable[[Recurrent, nn.RNNBase, int, int, bool], None]:
    """Check a cell against its twin in torch.nn, whose weights have been copied into it.

    Compares all hidden states, the last state, and for a random weighing of all of these the
    gradients of the inputs, the first state and the three parameters that every cell has.
    """

    def check(cell: Recurrent, twin: nn.RNNBase, T: int, B: int, from_zeros: bool) -> None:
        inputs, state = draw(cell, T, B)
        twin_inputs, *twin_state = (leaf.detach().clone() for leaf in (inputs, *state))
        for leaf in (twin_inputs, *twin_state):
            leaf.requires_grad_()

        hidden, last = cell(inputs, None if from_zeros else state)
        layered = tuple(tensor[None] for tensor in twin_state)
        packed = layered if isinstance(twin, nn.LSTM) else layered[0]
        twin_hidden, twin_last = twin(twin_inputs, None if from_zeros else packed)
        twin_last = twin_last if isinstance(twin, nn.LSTM) else (twin_last,)

        outputs = (hidden, *last)
        twin_outputs = (twin_hidden, *(tensor[0] for tensor in twin_last))
        torch.testing.assert_close(outputs, twin_outputs)

        weighing = [torch.randn_like(output) for output in outputs]
        torch.autograd.backward(outputs, weighing)
        torch.autograd.backward(twin_outputs, weighing)
        ours = {
            "inputs": inputs.grad,
            "weight_ih": cell.weight_ih.grad,
            "weight_hh": cell.weight_hh.grad,
            "bias": cell.bias.grad,
        }
        theirs = {
            "inputs": twin_inputs.grad,
            "weight_ih": twin.weight_ih_l0.grad,
            "weight_hh": twin.weight_hh_l0.grad,
            "bias": twin.bias_ih_l0.grad,
        }
        if not from_zeros:
            ours |= {f"state {k}": leaf.grad for k, leaf in enumerate(state)}
            theirs |= {f"state {k}": leaf.grad for k, leaf in enumerate(twin_state)}
        torch.testing.assert_close(ours, theirs)

    return check


@pytest.fixture
def gradients_are_right() -> Callable[[Recurrent, Tensor, State], bool]:
    """Check backward by finite differences: of inputs, state and all parameters, in float64."""

    def check(cell: Recurrent, inputs: Tensor, state: State) -> bool:
        names, parameters = zip(*cell.named_parameters(), strict=True)

        def run(inputs: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
            state, parameters = rest[: cell.state_tensors], rest[cell.state_tensors :]
            by_name = dict(zip(names, parameters, strict=True))
            hidden, last = functional_call(cell, by_name, (inputs, state))
            return (hidden, *last)

        return torch.autograd.gradcheck(run, (inputs, *state, *parameters))

    return check
