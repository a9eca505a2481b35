"""The RRN on a GPU: the whole sequence in one launch, and the way back in another."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from layers.backends.once import lacking, refuse
from layers.rrn import RRN

if TYPE_CHECKING:
    from layers.recurrent import Recurrent, State

LARGEST = 256
"""The largest hidden size: registers and shared memory hold a block of states of this width."""

SMALL = 64
"""Up to this hidden size, the shared memory of every GPU suffices."""

SHARED_MEMORY = 160 * 1024
"""Bytes of it that a program may need for more units; an A100 has 163 KiB for one."""


class Blocks(NamedTuple):
    """How the work is cut.

    Attributes:
        units: hidden units of a program: all of them, made up to a power of two of at least 16.
        rows: examples of a program.
        chunk: rows of the weights on chip at a time; as many as units: they stay there.
        warps: of 32 threads, of a program.
    """

    units: int
    rows: int
    chunk: int
    warps: int

    @classmethod
    def of(cls, size: int, exact: bool) -> Blocks:
        """The blocks for a hidden size, by arithmetic on a multiprocessor of an H100.

        The walk is as long as the sequence, however many examples a program has; so it takes few,
        and a batch is spread over many multiprocessors. Tensor cores work on 16 rows at a time.
        Exact float32 products do without tensor cores: there, with 8 rows, to read the weights
        from shared memory takes about half as long as the arithmetic.

        The weights of inc and dec, 2H² numbers, stay on chip up to H = 128: then they are 128 KiB
        in float32 and 64 KiB in 16 bits, of 228 KiB of shared memory and 256 KiB of registers.
        At H = 256 they would be 512 or 256 KiB: there they come from L2 at each step, in chunks of
        which several are under way at a time. A program of 8 warps may have 255 registers a
        thread. As Triton 3.9 compiles them for an A100 and an H100, kernels stay within these, and
        within 140 KiB of shared memory, but for the way forward at H = 128 with exact products: of
        that, 76 registers a thread spill to L1 on an H100, and most of them on an A100.

        Args:
            size: H.
            exact: whether products are of whole float32 numbers, or of float64.
        """
        units = max(16, 1 << (size - 1).bit_length())
        return cls(
            units=units,
            rows=8 if exact else 16,
            chunk=units if units <= 128 else 32,
            warps=8 if units >= 64 else 4,
        )


def obstacle(layer: Recurrent) -> str:
    """Why a layer cannot be walked here; '' if it can."""
    weight = layer.weight_hh
    if weight.device.type != "cuda":
        return f"it needs a GPU, and the layer is on {weight.device.type}"
    if type(layer) is not RRN:
        return f"there is a kernel for the RRN alone, not for {type(layer).__name__}"
    if layer.hidden_size > LARGEST:
        return f"it takes at most {LARGEST} hidden units, not {layer.hidden_size}"
    if weight.dtype != torch.float32:
        return f"it knows weights in float32, not {str(weight.dtype).removeprefix('torch.')}"
    shortcoming = _shortcoming(weight.device, large=layer.hidden_size > SMALL)
    return shortcoming or _failure(weight.device, layer.hidden_size, _precision(weight.dtype))


@cache
def _shortcoming(device: torch.device, large: bool) -> str:
    """What a machine lacks; '' if nothing. Asked before every walk, but it does not change."""
    if torch.version.hip is not None:
        return "it needs a GPU of NVIDIA"
    if find_spec("triton") is None:
        return "Triton is not installed: pip install -e '.[triton]'"
    import triton

    # Earlier versions, 3.4 for one, refuse products of less than 16 rows.
    if tuple(int(number) for number in triton.__version__.split(".")[:2]) < (3, 6):
        return f"it needs Triton 3.6 or later, not {triton.__version__}"
    properties = torch.cuda.get_device_properties(device)
    # Tensor cores for float32 and bfloat16 came with this generation.
    if properties.major < 8:
        capability = f"{properties.major}.{properties.minor}"
        return f"it needs a GPU of compute capability 8.0 or later, not {capability}"
    if large and getattr(properties, "shared_memory_per_block_optin", 0) < SHARED_MEMORY:
        return f"this GPU has shared memory for at most {SMALL} hidden units"
    return ""


@cache
def _failure(device: torch.device, size: int, precision: str) -> str:
    """What comes of a short walk there and back; '' if it is what the plain loop comes to.

    GPUs, drivers and compilers are many, and a run is to go on where they do not get on.

    Args:
        device: of the layer.
        size: H.
        precision: of the products, by which the kernels differ.
    """
    with ExitStack() as stack:
        for context in (
            torch.random.fork_rng(devices=[]),
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast(device.type, enabled=False),
        ):
            stack.enter_context(context)
        layer = RRN(1, size).to(device)
        inputs, outcomes = torch.rand(3, 2, 1).to(device), []
        try:
            for walk in (layer.loop, partial(run, layer)):
                hidden, _ = walk(inputs, None, True)
                assert hidden is not None
                gradients = torch.autograd.grad(hidden.sum(), [*layer.parameters()])
                outcomes.append((hidden.detach(), *gradients))
        except Exception as error:
            first, *_ = str(error).splitlines() or [type(error).__name__]
            return f"its kernels fail here: {first}"
        for expected, found in zip(*outcomes, strict=True):
            # A unit that is close to 0 may come out on its other side.
            if not (found - expected).norm() <= 0.05 * expected.norm():
                return "its kernels come to something else than the loop here"
    return ""


def run(
    layer: Recurrent, inputs: Tensor, state: State | None, all_steps: bool
) -> tuple[Tensor | None, State]:
    """Walk an RRN through time, as :func:`layers.backends.choice.walk`, in one launch.

    What comes from the inputs is one product for all steps, by torch. Under autocast it and the
    products with the hidden state are of autocast's type, and summed in float32; the states are in
    float32, as those of the plain loop.
    """
    weight, state = layer.weight_hh, layer.state_before(inputs, state)
    product_type = _product_type(weight.dtype, inputs.device.type)
    # Under autocast places are looked up in float32, where vectors are multiplied in its type.
    projected = layer.project(inputs).to(product_type)
    wanted = torch.is_grad_enabled() and any(
        tensor.requires_grad for tensor in (projected, *state, weight)
    )
    hidden, *last = _Walk.apply(projected, *state, weight, wanted, all_steps)  # type: ignore[no-untyped-call]
    return hidden if all_steps else None, tuple(last)


class _Walk(torch.autograd.Function):
    """All steps, given what they take from the inputs, with their way back.

    Takes projected (T, B, 2H), of `RRN.project`, whose type is that of the products; h and c before
    the first step (B, H) each; weight_hh (2H, H), whose type is that of the states; whether there
    may be a way back, and whether the hidden states of all steps are given out. Gives them,
    (T, B, H), and the last h and c. The last h comes apart so that who needs no other has no
    gradient (T, B, H) of zeros to write and read. For the way back are kept the hidden states, and
    one byte for each unit and step.
    """

    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        hidden: Tensor,
        cell: Tensor,
        weight: Tensor,
        wanted: bool,
        all_steps: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        from layers.backends import triton_kernels as kernels

        steps, batch, size = projected.shape[0], projected.shape[1], weight.shape[1]
        precision, blocks = _precision(projected.dtype), _blocks(size, projected.dtype)
        first_hidden, first_cell = (
            tensor.to(weight.dtype).contiguous() for tensor in (hidden, cell)
        )
        written = wanted or all_steps or blocks.chunk < blocks.units
        states = weight.new_empty(steps if written else 0, batch, size)
        last_hidden, last_cell = torch.empty_like(first_hidden), torch.empty_like(first_cell)
        signs = states.new_empty(states.shape if wanted else (0,), dtype=torch.uint8)
        with torch.cuda.device_of(weight):  # type: ignore[no-untyped-call]
            kernels.forward[(-(-batch // blocks.rows),)](
                projected.contiguous(),
                weight.t().to(projected.dtype).contiguous(),
                first_hidden,
                first_cell,
                states,
                last_hidden,
                last_cell,
                signs,
                steps,
                batch,
                SIZE=size,
                UNITS=blocks.units,
                ROWS=blocks.rows,
                CHUNK=blocks.chunk,
                ALL=written,
                KEEP=wanted,
                PRECISION=precision,
                num_warps=blocks.warps,
                enable_fp_fusion=True,
            )
        ctx.save_for_backward(first_hidden, states, signs, weight)
        ctx.types = projected.dtype, hidden.dtype, cell.dtype
        ctx.set_materialize_grads(False)
        return states, last_hidden, last_cell

    @staticmethod
    def backward(
        ctx: Any, d_states: Tensor | None, d_last_hidden: Tensor | None, d_last_cell: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        if lack := lacking(
            each for each in (d_states, d_last_hidden, d_last_cell) if each is not None
        ):
            refuse("triton", lack)
        from layers.backends import triton_kernels as kernels

        first_hidden, states, signs, weight = ctx.saved_tensors
        product_type, hidden_type, cell_type = ctx.types
        steps, batch, size = states.shape
        d_projected = states.new_empty(steps, batch, 2 * size, dtype=product_type)
        d_first_hidden, d_first_cell = (torch.empty_like(first_hidden) for _ in range(2))
        nothing = torch.zeros_like(first_hidden)
        precision, blocks = _precision(product_type), _blocks(size, product_type)
        with torch.cuda.device_of(weight):  # type: ignore[no-untyped-call]
            kernels.backward[(-(-batch // blocks.rows),)](
                weight.to(product_type).contiguous(),
                signs,
                nothing if d_states is None else d_states.contiguous(),
                nothing if d_last_hidden is None else d_last_hidden.contiguous(),
                nothing if d_last_cell is None else d_last_cell.contiguous(),
                d_first_hidden,
                d_first_cell,
                d_projected,
                steps,
                batch,
                SIZE=size,
                UNITS=blocks.units,
                ROWS=blocks.rows,
                CHUNK=blocks.chunk,
                GIVEN=d_states is not None,
                PRECISION=precision,
                num_warps=blocks.warps,
                enable_fp_fusion=True,
            )
        d_weight = None
        if ctx.needs_input_grad[3]:
            d_weight = _weight_gradient(d_projected, first_hidden, states).to(weight.dtype)
        d_state = d_first_hidden.to(hidden_type), d_first_cell.to(cell_type)
        return d_projected, *d_state, d_weight, None, None


def _weight_gradient(d_projected: Tensor, first_hidden: Tensor, states: Tensor) -> Tensor:
    """(T, B, 2H) of each step, times the hidden state before it, to (2H, H).

    The first step apart, these are one product without a copy of either factor.
    """
    dtype = d_projected.dtype
    with torch.autocast(d_projected.device.type, enabled=False):
        of_first = d_projected[0].t() @ first_hidden.to(dtype)
        later, before = d_projected[1:].flatten(0, 1), states[:-1].flatten(0, 1)
        return torch.addmm(of_first, later.t(), before.to(dtype))


def _product_type(dtype: torch.dtype, device: str) -> torch.dtype:
    """The type in which torch would multiply matrices of this type now."""
    lowered = torch.is_autocast_enabled(device) and dtype == torch.float32
    return torch.get_autocast_dtype(device) if lowered else dtype


def _precision(dtype: torch.dtype) -> str:
    """How Triton multiplies float32 numbers: as torch has been told to."""
    rounds = dtype == torch.float32 and torch.get_float32_matmul_precision() != "highest"
    return "tf32" if rounds else "ieee"


def _blocks(size: int, dtype: torch.dtype) -> Blocks:
    whole = dtype in (torch.float32, torch.float64)
    return Blocks.of(size, exact=whole and _precision(dtype) == "ieee")
