"""Layers on top of each other against torch.nn, which has them built in."""

import pytest
import torch
from torch import nn

from layers import GRU, LSTM, RNN, RRN, Stack


def stack_of(cell, sizes, dropout=0.0):
    pairs = zip(sizes, sizes[1:], strict=False)
    return Stack([cell(below, size) for below, size in pairs], dropout).double()


def copy_weights(stack, twin):
    """Into torch.nn: its second bias a gate stays zero, but for the GRU's candidate."""
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
        for k, layer in enumerate(stack.layers):
            getattr(twin, f"weight_ih_l{k}").copy_(layer.weight_ih)
            getattr(twin, f"weight_hh_l{k}").copy_(layer.weight_hh)
            getattr(twin, f"bias_ih_l{k}").copy_(layer.bias)
            if isinstance(layer, GRU):
                getattr(twin, f"bias_hh_l{k}")[2 * layer.hidden_size :] = layer.bias_hn


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_equals_torch(cell, depth):
    torch.manual_seed(0)
    T, B, D, H = 5, 3, 4, 6
    stack = stack_of(cell, [D] + [H] * depth)
    twin = getattr(nn, cell.__name__)(D, H, depth).double()
    copy_weights(stack, twin)
    inputs = torch.randn(T, B, D, dtype=torch.float64)
    first = [torch.randn_like(zeros) for zeros in stack.initial_state(B)]
    tensors = stack.layers[0].state_tensors
    packed = tuple(torch.stack(first[k::tensors]) for k in range(tensors))

    hidden, last = stack(inputs, tuple(first))
    twin_hidden, twin_last = twin(inputs, packed if tensors > 1 else packed[0])
    twin_last = twin_last if tensors > 1 else (twin_last,)
    torch.testing.assert_close(hidden, twin_hidden)
    for k in range(tensors):
        torch.testing.assert_close(torch.stack(last[k::tensors]), twin_last[k])

    weighing = torch.randn_like(hidden)
    (hidden * weighing).sum().backward()
    (twin_hidden * weighing).sum().backward()
    for k, layer in enumerate(stack.layers):
        torch.testing.assert_close(layer.weight_ih.grad, getattr(twin, f"weight_ih_l{k}").grad)
        torch.testing.assert_close(layer.weight_hh.grad, getattr(twin, f"weight_hh_l{k}").grad)


@pytest.mark.parametrize("cell", [RNN, LSTM, RRN, GRU])
def test_forward_is_step_after_step(cell):
    torch.manual_seed(0)
    stack = stack_of(cell, [4, 5, 6])
    inputs = torch.randint(4, (7, 3))
    hidden, last = stack(inputs)
    state = stack.initial_state(3)
    for now, expected in zip(inputs, hidden, strict=True):
        stepped, state = stack.step(now, state)
        torch.testing.assert_close(stepped, expected)
    torch.testing.assert_close(state, last)
    assert [tensor.shape[1] for tensor in state] == [
        size for size in (5, 6) for _ in range(stack.layers[0].state_tensors)
    ]


def test_dropout_is_between_layers_and_only_while_training():
    torch.manual_seed(0)
    p = 0.25
    stack = stack_of(RNN, [4, 400, 400], dropout=p)
    seen = []
    stack.layers[1].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    inputs = torch.randn(6, 8, 4, dtype=torch.float64)
    below, _ = stack.layers[0](inputs)

    stack(inputs)
    dropped = seen[-1] == 0
    assert dropped.double().mean() == pytest.approx(p, abs=0.02)
    torch.testing.assert_close(seen[-1][~dropped], below[~dropped] / (1 - p))
    assert stack(inputs)[0].ne(0).all()

    stack.eval()
    stack(inputs)
    assert torch.equal(seen[-1], below)

    lone = stack_of(RNN, [4, 5], dropout=p)
    assert torch.equal(lone(inputs)[0], lone.layers[0](inputs)[0])


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="^a stack needs at least 1 layer$"):
        Stack([])
    for dropout in (-0.1, 1.0):
        with pytest.raises(ValueError, match="^dropout must be at least 0 and below 1, got"):
            Stack([RNN(2, 3)], dropout)
    stack = stack_of(LSTM, [2, 3, 3])
    with pytest.raises(ValueError, match="^state must have 4 tensors, got 2$"):
        stack(torch.zeros(5, 1, 2).double(), stack.layers[0].initial_state(1))
