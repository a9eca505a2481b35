"""What the tests of the layers share: drawn problems, and ways to check a cell or a graph layer."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from layers import Recurrent, Sparse, State, normalized_adjacency


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


@pytest.fixture
def draw_graph() -> Callable[[int, int], Tensor]:
    """Draw edges (2, E) as PyG wants them: both ways, each once, without loops; node 0 has none."""

    def draw(num_nodes: int, num_edges: int) -> Tensor:
        ends = torch.randint(1, num_nodes, (2, num_edges))
        ends = ends[:, ends[0] != ends[1]]
        return torch.unique(torch.cat([ends, ends.flip(0)], dim=1), dim=1)

    return draw


@pytest.fixture
def adjacency_of() -> Callable[[Tensor, int], tuple[Sparse, Tensor]]:
    """Â of edges as PyG wants them, in float64: ours, and a dense one from its definition.

    Ours is computed in float32, so that what is made with the two is equal to about 1e-7.
    """

    def make(edges: Tensor, num_nodes: int) -> tuple[Sparse, Tensor]:
        ours = normalized_adjacency(edges, num_nodes)
        with_loops = torch.eye(num_nodes, dtype=torch.float64)
        with_loops[edges[0], edges[1]] = 1
        scale = torch.diag(with_loops.sum(1) ** -0.5)
        return ours._replace(values=ours.values.double()), scale @ with_loops @ scale

    return make


@pytest.fixture
def assert_reaches() -> Callable[[Callable[[Tensor], Tensor], Tensor, int, int], None]:
    """Check that each node's output depends on the inputs of the nodes within n hops, and no more.

    The network maps inputs (N, D) to outputs of N rows; its activations must have no flat parts.
    """

    def check(network: Callable[[Tensor], Tensor], inputs: Tensor, edges: Tensor, n: int) -> None:
        neighbours: list[set[int]] = [{node} for node in range(len(inputs))]
        for a, b in edges.t().tolist():
            neighbours[a].add(b)
        inputs = inputs.clone().requires_grad_()
        outputs = network(inputs)
        sizes = set()
        for node in range(len(inputs)):
            within = {node}
            for _ in range(n):
                within = set().union(*(neighbours[other] for other in within))
            (gradient,) = torch.autograd.grad(outputs[node].sum(), inputs, retain_graph=True)
            assert set(gradient.abs().sum(1).nonzero().flatten().tolist()) == within
            sizes.add(len(within))
        # It would prove little if all nodes saw all others.
        assert min(sizes) < len(inputs)

    return check
