"""Matrix products for compiled code: those of the BLAS that torch itself has been built with.

A time step has three to five products of a few dozen microseconds. Called from Python, each costs
several more; and what is left of a step can then be compiled only in pieces.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import llvmlite.binding
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils as generation
from numba.extending import intrinsic

# Its functions say nothing of their types.
cgutils: Any = generation

# By type of number, the name in BLAS, and that by which compiled code finds it when it is loaded.
FUNCTIONS = {types.float32: ("sgemm_", "torch_sgemm"), types.float64: ("dgemm_", "torch_dgemm")}


def _library() -> ctypes.CDLL | None:
    """The library of torch that has, or depends on, a BLAS."""
    for path in (Path(torch.__file__).parent / "lib").glob("*torch_cpu.*"):
        try:
            library = ctypes.CDLL(str(path))
            if all(hasattr(library, name) for name, _ in FUNCTIONS.values()):
                return library
        except OSError:
            continue
    return None


def _register() -> bool:
    library = _library()
    if library is None:
        return False
    for name, known_as in FUNCTIONS.values():
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        llvmlite.binding.add_symbol(known_as, address)
    return True


IS_THERE = _register()
"""Whether there are such products: not where torch hides them, as it does on Windows."""


def _multiply(context: Any, a: Any, b: Any, out: Any, turned: Any, adds: Any) -> Any:
    """out = a b, or out += a b if `adds`, for compiled code.

    Args:
        a: (M, K); or (K, M) if `turned`.
        b: (K, N).
        out: (M, N), which overlaps neither.
        turned, adds: true or false.

    All are of one type, float32 or float64. Entries of a row lie side by side, and each row behind
    the one before it, at any distance. Nothing is checked.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        number = context.get_value_type(signature.args[0].dtype)
        size = context.get_abi_sizeof(number)
        matrices = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        ]
        is_turned, adds = arguments[3:]

        def columns(matrix: Any) -> Any:
            return cgutils.unpack_tuple(builder, matrix.shape, 2)[1]

        def leading(matrix: Any) -> Any:
            # The distance of two rows, which of a single one may be anything.
            stride = cgutils.unpack_tuple(builder, matrix.strides, 2)[0]
            stride = builder.sdiv(stride, stride.type(size))
            return _largest(builder, stride, columns(matrix), stride.type(1))

        def placed(value: Any) -> Any:
            # BLAS takes all arguments by their places. A whole number of 64 bits also serves who
            # reads 32, since the low ones come first.
            return cgutils.alloca_once_value(builder, value)

        a, b, out = matrices
        rows, inner, width = (
            cgutils.unpack_tuple(builder, out.shape, 2)[0],
            cgutils.unpack_tuple(builder, b.shape, 2)[0],
            columns(out),
        )
        letter = ir.IntType(8)
        as_is, other_way = letter(ord("N")), letter(ord("T"))
        # To BLAS, whose matrices lie column by column, each of ours is its own transpose, and the
        # product is (a b)' = b' a'.
        given = [
            placed(as_is),
            placed(builder.select(is_turned, other_way, as_is)),
            placed(width),
            placed(rows),
            placed(inner),
            placed(number(1)),
            b.data,
            placed(leading(b)),
            a.data,
            placed(leading(a)),
            placed(builder.select(adds, number(1), number(0))),
            out.data,
            placed(leading(out)),
        ]
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer] * len(given))
        _, name = FUNCTIONS[signature.args[0].dtype]
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        builder.call(function, [builder.bitcast(each, pointer) for each in given])
        return context.get_dummy_value()

    same = all(isinstance(each, types.Array) and each.ndim == 2 for each in (a, b, out))
    if not same or not a.dtype == b.dtype == out.dtype or a.dtype not in FUNCTIONS:
        return None
    return types.void(a, b, out, types.boolean, types.boolean), generate


# To whom reads the types, it is a function of compiled code, and takes no context.
multiply: Any = intrinsic(_multiply)


def _largest(builder: ir.IRBuilder, *numbers: Any) -> Any:
    largest = numbers[0]
    for number in numbers[1:]:
        is_larger = builder.icmp_signed(">", number, largest)
        largest = builder.select(is_larger, number, largest)
    return largest
