"""Walks in several threads at once, and in forked processes."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from layers import LSTM, RRN
from layers.backends import workspace
from layers.backends.cells import CELLS
from tests.layers.backends.problems import every_cell, problem, trained

# A thread that torch has started counts, though it is idle.
FORK_WARNING = "ignore:.*multi-threaded, use of fork:DeprecationWarning"


@pytest.fixture
def hasty():
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_no_workspace_is_lent_twice(hasty):
    shape = workspace.Shape(CELLS[RRN], "numbers", 1, 1, 1, 1, 2, torch.float32, True, False)
    taken, lock = set(), threading.Lock()

    def work():
        for _ in range(300):
            space = workspace.borrow(shape)
            with lock:
                assert id(space) not in taken
                taken.add(id(space))
            with lock:
                taken.remove(id(space))
            space.leave()

    with ThreadPoolExecutor(4) as pool:
        for result in [pool.submit(work) for _ in range(4)]:
            result.result()


@every_cell
def test_two_threads_train_as_one(cell_type, hasty):
    def drawn(thread):
        torch.manual_seed(thread)
        return problem(cell_type, "dense", 6, 3, 2, 9)

    def train(start, thread):
        layer, inputs, state = start
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.01)
        for step in range(8):
            # Now of the same shape as the other thread, now of another.
            now = inputs[: 3 + step % 4] if thread else inputs
            layer(now, state)[0].square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        return [parameter.detach() for parameter in layer.parameters()]

    expected = [train(drawn(thread), thread) for thread in range(2)]
    with ThreadPoolExecutor(2) as pool:
        # Drawn before the first of them starts: the generator is shared.
        starts = [drawn(thread) for thread in range(2)]
        both = [pool.submit(train, start, thread) for thread, start in enumerate(starts)]
        for found, parameters in zip(both, expected, strict=True):
            for ours, theirs in zip(found.result(), parameters, strict=True):
                assert torch.equal(ours, theirs)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings(FORK_WARNING)
def test_a_forked_child_and_its_parent_do_not_meet():
    drawn = problem(LSTM, "dense", 6, 3, 2, 9)
    layer, inputs, state = drawn
    expected = trained(layer, "numba", inputs, state)
    # A walk that is open, and a workspace that is free, are there when the child comes.
    hidden, _ = layer(inputs, state)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            hidden.sum().backward()
            found = trained(layer, "numba", inputs, state)
            code = 0 if all(torch.equal(found[n], expected[n]) for n in expected) else 2
        finally:
            os._exit(code)
    found = trained(layer, "numba", inputs, state)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert all(torch.equal(found[n], expected[n]) for n in expected)
    (gradient,) = torch.autograd.grad(hidden.sum(), layer.weight_hh)
    again, _ = layer(inputs, state)
    assert torch.equal(gradient, torch.autograd.grad(again.sum(), layer.weight_hh)[0])


class Walks(Dataset):
    """What a layer makes of the inputs number k."""

    def __init__(self, layer, inputs):
        self.layer, self.inputs = layer, inputs

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, k):
        with torch.no_grad():
            return self.layer(self.inputs[k])[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings(FORK_WARNING)
def test_workers_of_a_loader_walk_too():
    layer, _, _ = problem(RRN, "dense", 6, 3, 2, 9)
    walks = Walks(layer, torch.randn(4, 6, 3, 2, dtype=torch.float64))
    expected = torch.stack([walks[k] for k in range(4)])
    loader = DataLoader(walks, batch_size=4, num_workers=1, multiprocessing_context="fork")
    (found,) = loader
    assert torch.equal(found, expected)
    assert torch.equal(torch.stack([walks[k] for k in range(4)]), expected)
