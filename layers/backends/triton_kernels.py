"""The walk of the RRN through time, and back, in Triton: each a single launch.

To be imported only where Triton is installed. A program takes ROWS examples and walks all steps
with them; examples never meet, so programs need not wait for each other. In both kernels,

- h and c, or their gradients, stay in registers from the first step to the last;
- where CHUNK is UNITS the weights are read before the first step and stay on chip, in registers
  or in shared memory as the compiler puts them, in the type in which they are multiplied;
- otherwise they are read again at each step, CHUNK rows at a time. All programs read the same
  weights: they come from the L1 cache of the multiprocessor if they fit beside the rest, and
  else from L2. The vector that meets them is then read from where it has just been written, since
  the registers of a block cannot be cut into chunks: going forwards, ALL must be set.

UNITS is the hidden size H, SIZE, made up to a power of two. What is made up is zero all the way:
weights, inputs and therefore states. Triton reads `x <= 0` as false for NaN, as torch.relu does:
NaN goes on through both kernels. One byte for each unit and step tells the way back what was above
zero: 1 for inc, 2 for dec, 4 for h.
"""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["steps", "batch"])
def forward(
    projected,  # (T, B, 2H), in the type of the products
    weight,  # (H, 2H), too: turned over, so that threads side by side read entries side by side
    first_hidden,  # (B, H), in the type of the state, as all below but the signs
    first_cell,  # (B, H)
    hidden,  # out, if ALL: (T, B, H)
    last_hidden,  # out: (B, H)
    last_cell,  # out: (B, H)
    signs,  # out, if KEEP: (T, B, H) uint8
    steps,  # T
    batch,  # B
    SIZE: tl.constexpr,
    UNITS: tl.constexpr,
    ROWS: tl.constexpr,
    CHUNK: tl.constexpr,
    ALL: tl.constexpr,
    KEEP: tl.constexpr,
    PRECISION: tl.constexpr,
):
    product_type = projected.dtype.element_ty
    state_type = hidden.dtype.element_ty
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    units = tl.arange(0, UNITS)
    chunk = tl.arange(0, CHUNK)
    there = (rows < batch)[:, None] & (units < SIZE)[None, :]
    places = rows[:, None] * SIZE + units[None, :]
    gate_places = rows[:, None] * (2 * SIZE) + units[None, :]
    weight_places = chunk[:, None] * (2 * SIZE) + units[None, :]
    weights_there = (chunk < SIZE)[:, None] & (units < SIZE)[None, :]

    h = tl.load(first_hidden + places, mask=there, other=0.0)
    c = tl.load(first_cell + places, mask=there, other=0.0)
    if CHUNK == UNITS:
        to_inc = tl.load(weight + weight_places, mask=weights_there, other=0.0)
        to_dec = tl.load(weight + SIZE + weight_places, mask=weights_there, other=0.0)
    previous = first_hidden
    for _ in range(steps):
        inc = tl.load(projected + gate_places, mask=there, other=0.0).to(state_type)
        dec = tl.load(projected + SIZE + gate_places, mask=there, other=0.0).to(state_type)
        if CHUNK == UNITS:
            inc = tl.dot(h.to(product_type), to_inc, inc, PRECISION, out_dtype=state_type)
            dec = tl.dot(h.to(product_type), to_dec, dec, PRECISION, out_dtype=state_type)
        else:
            for start in range(0, SIZE, CHUNK):
                some = (rows < batch)[:, None] & (start + chunk < SIZE)[None, :]
                from_places = rows[:, None] * SIZE + start + chunk[None, :]
                part = tl.load(previous + from_places, mask=some, other=0.0).to(product_type)
                some = (start + chunk < SIZE)[:, None] & (units < SIZE)[None, :]
                to = weight + start * (2 * SIZE) + weight_places
                to_inc = tl.load(to, mask=some, other=0.0)
                to_dec = tl.load(to + SIZE, mask=some, other=0.0)
                inc = tl.dot(part, to_inc, inc, PRECISION, out_dtype=state_type)
                dec = tl.dot(part, to_dec, dec, PRECISION, out_dtype=state_type)
        if KEEP:
            above = tl.where(inc <= 0, 0, 1) + tl.where(dec <= 0, 0, 2)
        c = c + tl.where(inc <= 0, 0.0, inc) - tl.where(dec <= 0, 0.0, dec)
        h = tl.where(c <= 0, 0.0, c)
        if ALL:
            tl.store(hidden + places, h, mask=there)
        if KEEP:
            above += tl.where(c <= 0, 0, 4)
            tl.store(signs + places, above.to(tl.uint8), mask=there)
            signs += batch * SIZE
        if CHUNK != UNITS:
            # Other threads of this program are about to read what this one has written.
            tl.debug_barrier()
        previous = hidden
        hidden += batch * SIZE
        projected += batch * (2 * SIZE)
    tl.store(last_hidden + places, h, mask=there)
    tl.store(last_cell + places, c, mask=there)


@triton.jit(do_not_specialize=["steps", "batch"])
def backward(
    weight,  # (2H, H), in the type of the products
    signs,  # (T, B, H) uint8
    d_hidden,  # (T, B, H), in the type of the state, if GIVEN
    d_last_hidden,  # (B, H), in the type of the state, as the next three
    d_last_cell,  # (B, H)
    d_first_hidden,  # out: (B, H)
    d_first_cell,  # out: (B, H)
    d_projected,  # out: (T, B, 2H), in the type of the products
    steps,  # T
    batch,  # B
    SIZE: tl.constexpr,
    UNITS: tl.constexpr,
    ROWS: tl.constexpr,
    CHUNK: tl.constexpr,
    GIVEN: tl.constexpr,
    PRECISION: tl.constexpr,
):
    product_type = d_projected.dtype.element_ty
    state_type = d_first_cell.dtype.element_ty
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    units = tl.arange(0, UNITS)
    chunk = tl.arange(0, CHUNK)
    there = (rows < batch)[:, None] & (units < SIZE)[None, :]
    places = rows[:, None] * SIZE + units[None, :]
    gate_places = rows[:, None] * (2 * SIZE) + units[None, :]
    # A block of weights as it lies, which is from gates to h: going back it maps gates to h.
    weight_places = chunk[:, None] * SIZE + units[None, :]
    weights_there = (chunk < SIZE)[:, None] & (units < SIZE)[None, :]

    dh = tl.load(d_last_hidden + places, mask=there, other=0.0)
    dc = tl.load(d_last_cell + places, mask=there, other=0.0)
    if CHUNK == UNITS:
        by_inc = tl.load(weight + weight_places, mask=weights_there, other=0.0)
        by_dec = tl.load(weight + SIZE * SIZE + weight_places, mask=weights_there, other=0.0)
    # 64 bits: all steps together may have more than 2³¹ entries.
    to_last_step = (steps - 1).to(tl.int64) * batch * SIZE
    signs += to_last_step
    d_hidden += to_last_step
    d_projected += 2 * to_last_step
    for _ in range(steps):
        above = tl.load(signs + places, mask=there, other=0).to(tl.int32)
        if GIVEN:
            dh += tl.load(d_hidden + places, mask=there, other=0.0)
        dc += tl.where((above & 4) != 0, dh, 0.0)
        d_inc = tl.where((above & 1) != 0, dc, 0.0).to(product_type)
        d_dec = tl.where((above & 2) != 0, -dc, 0.0).to(product_type)
        tl.store(d_projected + gate_places, d_inc, mask=there)
        tl.store(d_projected + SIZE + gate_places, d_dec, mask=there)
        dh = tl.full((ROWS, UNITS), 0.0, state_type)
        if CHUNK == UNITS:
            dh = tl.dot(d_inc, by_inc, dh, PRECISION, out_dtype=state_type)
            dh = tl.dot(d_dec, by_dec, dh, PRECISION, out_dtype=state_type)
        else:
            # Other threads of this program are about to read what this one has written.
            tl.debug_barrier()
            for start in range(0, SIZE, CHUNK):
                some = (rows < batch)[:, None] & (start + chunk < SIZE)[None, :]
                from_places = rows[:, None] * (2 * SIZE) + start + chunk[None, :]
                part_inc = tl.load(d_projected + from_places, mask=some, other=0.0)
                part_dec = tl.load(d_projected + SIZE + from_places, mask=some, other=0.0)
                some = (start + chunk < SIZE)[:, None] & (units < SIZE)[None, :]
                by = weight + start * SIZE + weight_places
                by_inc = tl.load(by, mask=some, other=0.0)
                by_dec = tl.load(by + SIZE * SIZE, mask=some, other=0.0)
                dh = tl.dot(part_inc, by_inc, dh, PRECISION, out_dtype=state_type)
                dh = tl.dot(part_dec, by_dec, dh, PRECISION, out_dtype=state_type)
        signs -= batch * SIZE
        d_hidden -= batch * SIZE
        d_projected -= batch * (2 * SIZE)
    tl.store(d_first_hidden + places, dh, mask=there)
    tl.store(d_first_cell + places, dc, mask=there)
