"""The filtered leaky ReLU for one strip of a map, and the end of the picture: programs in Triton, started by `kernels`.

Maps are [N, H, W, C] without gaps. A strip is a tile of columns and channels; its program walks down the rows. Along a
row the filters are products of matrices (`filters.columns`); down the rows they are sums of rows that are held in
registers, so that what is upsampled is never written. Sums are float32; offsets within a sample fit 32 bits
(`plan.refusal`), samples are counted in 64. Limits let NaN pass.
"""

# Triton reads these functions as a language of its own, in which annotations mean something else.
# mypy: ignore-errors

import triton
import triton.language as tl


@triton.jit
def add(a, b):
    """Addition, the operator of Triton's reductions."""
    return a + b


@triton.jit
def _cut(value, limit):
    value = tl.minimum(value, limit, propagate_nan=tl.PropagateNan.ALL)
    return tl.maximum(value, -limit, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _numbers(values, COUNT: tl.constexpr):
    """The first numbers of a vector, one by one, in registers."""
    found = (tl.load(values),)
    for k in tl.static_range(1, COUNT):
        found = found + (tl.load(values + k),)
    return found


@triton.jit
def _summed(window, taps, PHASE: tl.constexpr, UP: tl.constexpr):
    """One row between the rows of the window, of which the last is the newest: taps PHASE, PHASE + UP..."""
    total = window[5] * taps[PHASE]
    for k in tl.static_range(1, 6):
        total += window[5 - k] * taps[PHASE + k * UP]
    return total


@triton.jit
def _spread(sums, row, taps, ODD: tl.constexpr, RANK: tl.constexpr):
    """Adds an upsampled row to the six rows below whose filters reach it, the oldest first; for each rank six."""
    found = ()
    for k in tl.static_range(6 * RANK):
        found = found + (sums[k] + row * taps[(k // 6) * 12 + 10 - 2 * (k % 6) + ODD],)
    return found


@triton.jit
def _moved_on(sums, none, RANK: tl.constexpr):
    """The sums without the oldest row, which is finished, and with a new one."""
    found = ()
    for k in tl.static_range(6 * RANK):
        if k % 6 == 5:
            found = found + (none,)
        else:
            found = found + (sums[k + 1],)
    return found


@triton.jit
def _shrunk(sums, narrow, OUT: tl.constexpr, FINE: tl.constexpr, CHANNELS: tl.constexpr, RANK: tl.constexpr):
    """The finished row of the strip, filtered along itself: [OUT, CHANNELS]."""
    total = tl.full([OUT, CHANNELS], 0.0, tl.float32)
    at = tl.arange(0, OUT)[:, None] * FINE + tl.arange(0, FINE)[None, :]
    for r in tl.static_range(RANK):
        matrix = tl.load(narrow + r * OUT * FINE + at)
        total = tl.dot(matrix, sums[6 * r].to(matrix.dtype), total, input_precision="ieee")
    return total


@triton.jit(
    do_not_specialize=[
        "height", "width", "out_height", "out_width", "rows", "first_row", "first_column", "eights", "row_step",
    ]
)  # fmt: skip
def filtered(
    z, features, scale, bias, style, wide, edges, up_taps, narrow, down_taps,
    height, width, out_height, out_width, rows, eights, row_step, first_row, first_column, limit,
    STEP: tl.constexpr, UP: tl.constexpr, ODD: tl.constexpr, RANK: tl.constexpr,
    COARSE: tl.constexpr, FINE: tl.constexpr, OUT: tl.constexpr, CHANNELS: tl.constexpr, UNROLL: tl.constexpr,
):  # fmt: skip
    """One program: STEP columns and CHANNELS channels of some rows of one sample.

    The maps have 8 * eights channels, so that the compiler knows that sixteen bytes can be read at a time. first_row,
    first_column: where the first output's filter begins, in upsampled pixels from the first that input 0 gives. ODD:
    whether the first upsampled row of an input row is an odd one. UNROLL: input rows of a turn of the loop; more of
    them need fewer moves from register to register.
    """
    n = tl.program_id(2).to(tl.int64)
    channels = eights * 8
    parts = (channels + (CHANNELS - 1)) // CHANNELS
    channel = (tl.program_id(0) % parts) * CHANNELS + tl.arange(0, CHANNELS)
    left, top = (tl.program_id(0) // parts) * STEP, tl.program_id(1) * rows
    there = channel < channels
    factor = tl.load(scale + n * row_step + channel, mask=there, other=0.0)[None, :]
    offset = tl.load(bias + channel, mask=there, other=0.0)[None, :]
    follow = tl.load(style + n * row_step + channel, mask=there, other=0.0)[None, :]
    fine = tl.arange(0, FINE)
    # How much of each upsampled column comes from within the map: the bias is there and not around it.
    share = tl.load(edges + 2 * left + fine)[:, None]
    column = (2 * left + first_column) // UP - 5 + tl.arange(0, COARSE)
    matrix = tl.load(wide + fine[:, None] * COARSE + tl.arange(0, COARSE)[None, :])
    known = ((column >= 0) & (column < width))[:, None] & there[None, :]
    spot = column[:, None] * channels + channel[None, :]
    z += n * (height * width * channels)
    features += n * (out_height * out_width * channels)
    tall, small = _numbers(up_taps, 6 * UP), _numbers(down_taps, 12 * RANK)
    place = tl.arange(0, OUT)
    shown = ((place < STEP) & (left + place < out_width))[:, None] & there[None, :]
    target = (left + place)[:, None] * channels + channel[None, :]
    none = tl.full([FINE, CHANNELS], 0.0, tl.float32)
    window = (none, none, none, none, none, none)
    sums = ()
    for _ in tl.static_range(6 * RANK):
        sums = sums + (none,)
    row = (2 * top + first_row) // UP - 5
    bottom = tl.minimum(top + rows, out_height)
    steps = (2 * (bottom - 1) + 11 + first_row) // UP - row + 1
    value = tl.load(z + row * (width * channels) + spot, mask=known & (row >= 0) & (row < height), other=0.0)
    for first in range(0, steps, UNROLL):
        for turn in tl.static_range(UNROLL):
            here = row + first + turn
            inside, after = (here >= 0) & (here < height), here + 1
            # The next row is on its way while this one is worked on.
            soon = known & (after >= 0) & (after < height)
            ahead = tl.load(z + after * (width * channels) + spot, mask=soon, other=0.0)
            spread = tl.dot(matrix, value, input_precision="ieee") * factor + tl.where(inside, share, 0.0) * offset
            window = (window[1], window[2], window[3], window[4], window[5], spread)
            value = ahead
            for phase in tl.static_range(UP):
                high = _summed(window, tall, phase, UP)
                high = _cut(tl.maximum(high, high * 0.2), limit)
                sums = _spread(sums, high, small, (phase + ODD) % 2, RANK)
                if (phase + ODD) % 2 == 1:
                    made = _shrunk(sums, narrow, OUT, FINE, CHANNELS, RANK) * follow
                    # The upsampled row is odd: the eleventh after the first that the output reads.
                    done = (UP * here + phase - first_row - 11) // 2
                    ready = shown & (done >= top) & (done < bottom)
                    at = target + done * (out_width * channels)
                    tl.store(features + at, made.to(features.dtype.element_ty), mask=ready)
                    sums = _moved_on(sums, none, RANK)


@triton.jit
def painted(
    x, picture, tell, kernel, bias, size, channels, row_step, limit, gain,
    COLOURS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """toRGB, its limit, the picture's scale, and bytes where they are wanted: PIXELS pixels of one sample."""
    n = tl.program_id(1).to(tl.int64)
    pixel, channel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS), tl.arange(0, CHANNELS)
    inside, there = pixel < size, channel < channels
    at = n * (size * channels) + (pixel[:, None] * channels + channel[None, :])
    value = tl.load(x + at, mask=inside[:, None] & there[None, :], other=0.0).to(tl.float32)
    picture += n * (size * COLOURS)
    wrong = tl.full(pixel.shape, 0.0, tl.float32)
    for i in tl.static_range(COLOURS):
        weight = tl.load(kernel + (n * COLOURS + i) * row_step + channel, mask=there, other=0.0)[None, :]
        colour = _cut(tl.reduce(value * weight, 1, add) + tl.load(bias + i), limit) * gain
        if tell is not None:
            wrong += tl.where(inside & (colour != colour), colour, 0.0)
            colour = colour * 127.5 + 128.0
            colour = tl.where(colour > 0.0, tl.where(colour < 255.0, colour, 255.0), 0.0)
        tl.store(picture + pixel * COLOURS + i, colour.to(picture.dtype.element_ty), mask=inside)
    if tell is not None:
        tl.store(tell + n * tl.num_programs(0) + tl.program_id(0), tl.reduce(wrong, 0, add))
