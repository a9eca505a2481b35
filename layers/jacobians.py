"""How far a step of a recurrent layer can stretch what is passed along in its state."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from layers.recurrent import Recurrent, State

# Dimensions of the subspace that the direction of the largest stretch is sought in: of the cells
# here at 128 units, within 1 % of it.
DIRECTIONS = 24


def largest_singular_values(
    layer: Recurrent, from_inputs: Tensor, state: State, directions: int = DIRECTIONS
) -> Tensor:
    """The largest singular value of ∂(state after a step) / ∂(state before it), for each example.

    The state is all of it, h and c one under the other. Of the RNN the matrix is
    diag(1 - h_t²) W_hh ("Recurrent Neural Networks and Graph Neural Networks", 2019, eq. 19); where
    its largest singular value stays below 1, gradients vanish (Pascanu, Mikolov and Bengio 2013,
    "On the difficulty of training recurrent neural networks").

    No matrix J is made. Products with J and Jᵀ, each for all examples at once, span the Krylov
    space of JᵀJ from a fixed random direction (Golub and Kahan 1965), and the value is that of the
    best direction in it: never above the true one, and equal to it where `directions` reaches the
    size of the state.

    Args:
        layer: whose equations `advance` has.
        from_inputs: as `advance` takes it, (N, G*H).
        state: before the step, (N, H) each.
        directions: of the space, at least 1.

    Returns:
        (N,), in the type of the weights, and without a graph. NaN where the Jacobian is not finite.

    Raises:
        ValueError: the state is not of N examples.
    """
    if any(len(each) != len(from_inputs) for each in state):
        shapes = [(*each.shape,) for each in state]
        raise ValueError(f"state must be of {len(from_inputs)} examples, got {shapes}")
    with torch.enable_grad():
        times, transposed_times = _products(layer, from_inputs, state)
    size = sum(tensor.shape[1] for tensor in state)
    basis, images = [], []
    # Single precision at least: shorter numbers make no right angles.
    exact = torch.promote_types(from_inputs.dtype, torch.float32)
    start = _start(size).to(from_inputs.device, exact)
    vector = _unit(start.expand(len(from_inputs), size))
    for _ in range(min(directions, size)):
        image = times(vector.to(from_inputs.dtype))
        basis.append(vector)
        images.append(image.to(exact))
        vector = _orthogonal(transposed_times(image).to(exact), torch.stack(basis))
    stretched = torch.stack(images, dim=1)
    finite = stretched.isfinite().all(dim=2).all(dim=1)
    # Scaled, since squares of large numbers overflow.
    scale = stretched.abs().amax(dim=(1, 2)).where(finite, 1.0)
    scale = scale.where(scale > 0, 1.0)
    scaled = (stretched / scale[:, None, None]).where(finite[:, None, None], 0.0)
    squares: Tensor = torch.linalg.eigvalsh(scaled @ scaled.mT)[:, -1]
    found = squares.clamp(min=0).sqrt() * scale
    return found.where(finite, torch.nan).to(from_inputs.dtype)


def _products(
    layer: Recurrent, from_inputs: Tensor, state: State
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """What multiplies (N, S) by the Jacobian of each example, and what by its transpose."""
    before = torch.cat([tensor.detach() for tensor in state], dim=1).requires_grad_()
    _, after_tensors = layer.advance(from_inputs.detach(), before.chunk(len(state), dim=1))
    after = torch.cat(after_tensors, dim=1)
    # Jᵀu is linear in u, so its derivative by u, times v, is Jv: the plain graph is enough.
    weights = torch.zeros_like(after, requires_grad=True)
    (linear,) = torch.autograd.grad(after, before, weights, create_graph=True)

    def times(vector: Tensor) -> Tensor:
        return torch.autograd.grad(linear, weights, vector, retain_graph=True)[0]

    def transposed_times(vector: Tensor) -> Tensor:
        return torch.autograd.grad(after, before, vector, retain_graph=True)[0]

    return times, transposed_times


def _start(size: int) -> Tensor:
    # With random numbers of its own: nobody else's are used up.
    return torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _orthogonal(vector: Tensor, basis: Tensor) -> Tensor:
    """What (N, S) has outside of the unit vectors (K, N, S), as a unit vector; 0 if nothing."""
    length = vector.norm(dim=1, keepdim=True)
    # Twice is enough (Kahan, in Parlett 1980): once leaves errors of rounding.
    for _ in range(2):
        shares = torch.einsum("kns,ns->kn", basis, vector)
        vector = vector - torch.einsum("kn,kns->ns", shares, basis)
    noise = 100 * torch.finfo(vector.dtype).eps * length
    return _unit(vector.where(vector.norm(dim=1, keepdim=True) > noise, 0.0))


def _unit(vector: Tensor) -> Tensor:
    length: Tensor = vector.norm(dim=1, keepdim=True)
    return vector / length.where(length != 0, 1.0)
