"""What follows a convolution, for one tile of pixels and channels: the programs that `kernels` starts, in Triton.

Maps are [N, H, W, C] without gaps, arithmetic is float32. A program works on one sample; offsets within a sample fit 32
bits (`plan.refusal`), samples are counted in 64. Limits are set by `where`, which lets NaN pass, as minimum and maximum
would not. Lists of arguments are long because a kernel takes nothing but numbers and addresses.

Triton's own library of compiled functions (`tl.sum`, `tl.zeros`) is left alone: the interpreter, in which the tests run
these kernels, only takes it when it is the first to import Triton.
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
    value = tl.where(value > limit, limit, value)
    return tl.where(value < -limit, -limit, value)


@triton.jit
def _row(values, channel, there):
    """One number for each channel, [1, channels]."""
    return tl.load(values + channel, mask=there, other=0.0)[None, :]


@triton.jit
def _activated(value, factor, offset, noise, strength, spot, inside, limit):
    """Demodulation, bias, noise, leaky ReLU, limit of a tile [pixels, channels] whose pixels are at `spot`."""
    value = value * factor + offset
    if noise is not None:
        grain = tl.load(noise + spot, mask=inside, other=0.0) * tl.load(strength)
        value = value + grain[:, None]
    return _cut(tl.where(value < 0, value * 0.2, value), limit)


@triton.jit
def _put(value, features, spot, inside, channel, there, channels):
    at = spot[:, None] * channels + channel[None, :]
    tl.store(features + at, value.to(features.dtype.element_ty), mask=inside[:, None] & there[None, :])


@triton.jit
def _below(picture, taps, pixel, inside, height, width, colours, i):
    """Channel i of the picture of half the size, doubled: zeros between, FIR with gain 4, only what is not zero."""
    row, column = pixel // width, pixel % width
    odd_row, odd_column = row % 2, column % 2
    total = tl.full(pixel.shape, 0.0, tl.float32)
    for r in tl.static_range(2):
        for q in tl.static_range(2):
            y, x = row // 2 + r - 1 + odd_row, column // 2 + q - 1 + odd_column
            known = inside & (y >= 0) & (y < height // 2) & (x >= 0) & (x < width // 2)
            tap = tl.load(taps + (3 - 2 * r - odd_row) * 4 + (3 - 2 * q - odd_column))
            total += 4.0 * tap * tl.load(picture + (y * (width // 2) + x) * colours + i, mask=known, other=0.0)
    return total


@triton.jit
def _finished(
    value, n, pixel, inside, channel, there, features, picture, tell, scale, bias, noise, strength, style, kernel,
    rgb_bias, below, taps, height, width, channels, row_step, noise_step, limit, rgb_limit, COLOURS: tl.constexpr,
):  # fmt: skip
    """What follows a block's last convolution, for a tile that holds all channels, because toRGB sums over those."""
    size = height * width
    if noise is not None:
        noise += n * noise_step
    factor, offset = _row(scale + n * row_step, channel, there), _row(bias, channel, there)
    value = _activated(value, factor, offset, noise, strength, pixel, inside, limit)
    if features is not None:
        follow = _row(style + n * row_step, channel, there)
        _put(value * follow, features + n * (size * channels), pixel, inside, channel, there, channels)
    if below is not None:
        below += n * ((height // 2) * (width // 2) * COLOURS)
    picture += n * (size * COLOURS)
    wrong = tl.full(pixel.shape, 0.0, tl.float32)
    for i in tl.static_range(COLOURS):
        weight = _row(kernel + (n * COLOURS + i) * row_step, channel, there)
        painted = _cut(tl.reduce(value * weight, 1, add) + tl.load(rgb_bias + i), rgb_limit)
        if below is not None:
            painted += _below(below, taps, pixel, inside, height, width, COLOURS, i)
        if tell is not None:
            wrong += tl.where(inside & (painted != painted), painted, 0.0)
            painted = painted * 127.5 + 128.0
            painted = tl.where(painted > 0.0, tl.where(painted < 255.0, painted, 255.0), 0.0)
        tl.store(picture + pixel * COLOURS + i, painted.to(picture.dtype.element_ty), mask=inside)
    if tell is not None:
        tl.store(tell + n * tl.num_programs(0) + tl.program_id(0), tl.reduce(wrong, 0, add))


@triton.jit
def finish(
    z, features, picture, tell, scale, bias, noise, strength, style, kernel, rgb_bias, below, taps,
    height, width, channels, row_step, noise_step, limit, rgb_limit,
    COLOURS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """One program: PIXELS pixels of one sample in all their channels."""
    n, size = tl.program_id(1).to(tl.int64), height * width
    pixel, channel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS), tl.arange(0, CHANNELS)
    inside, there = pixel < size, channel < channels
    at = n * (size * channels) + (pixel[:, None] * channels + channel[None, :])
    value = tl.load(z + at, mask=inside[:, None] & there[None, :], other=0.0).to(tl.float32)
    _finished(
        value, n, pixel, inside, channel, there, features, picture, tell, scale, bias, noise, strength, style, kernel,
        rgb_bias, below, taps, height, width, channels, row_step, noise_step, limit, rgb_limit, COLOURS,
    )  # fmt: skip


@triton.jit
def _convolved(
    x, weight, pixel, inside, channel, there, height, width, inputs, channels,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, DEPTH: tl.constexpr, BLOCKS: tl.constexpr,
):  # fmt: skip
    """3x3 convolution of a tile: for each tap and DEPTH input channels a product of matrices, summed in float32."""
    total = tl.full([PIXELS, CHANNELS], 0.0, tl.float32)
    for k in range(9 * BLOCKS):
        tap, depth = k // BLOCKS, (k % BLOCKS) * DEPTH + tl.arange(0, DEPTH)
        row, column = pixel // width + (tap // 3 - 1), pixel % width + (tap % 3 - 1)
        known = inside & (row >= 0) & (row < height) & (column >= 0) & (column < width)
        deep = depth < inputs
        at = (row * width + column)[:, None] * inputs + depth[None, :]
        near = tl.load(x + at, mask=known[:, None] & deep[None, :], other=0.0)
        at = (tap * inputs + depth)[:, None] * channels + channel[None, :]
        total = tl.dot(near, tl.load(weight + at, mask=deep[:, None] & there[None, :], other=0.0), total)
    return total


@triton.jit
def convolve(
    x, weight, features, picture, tell, scale, bias, noise, strength, style, kernel, rgb_bias, below, taps,
    height, width, inputs, channels, row_step, noise_step, limit, rgb_limit,
    COLOURS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, DEPTH: tl.constexpr, BLOCKS: tl.constexpr,
):  # fmt: skip
    """As `finish`, with the convolution in front of it."""
    n, size = tl.program_id(1).to(tl.int64), height * width
    pixel, channel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS), tl.arange(0, CHANNELS)
    inside, there = pixel < size, channel < channels
    value = _convolved(
        x + n * (size * inputs), weight, pixel, inside, channel, there, height, width, inputs, channels,
        PIXELS, CHANNELS, DEPTH, BLOCKS,
    )  # fmt: skip
    _finished(
        value, n, pixel, inside, channel, there, features, picture, tell, scale, bias, noise, strength, style, kernel,
        rgb_bias, below, taps, height, width, channels, row_step, noise_step, limit, rgb_limit, COLOURS,
    )  # fmt: skip


@triton.jit
def _pass_on(value, factor, offset, follow, noise, strength, limit, features, spot, inside, channel, there, channels):
    """A tile on its way to the next layer: activated, modulated, written."""
    value = _activated(value, factor, offset, noise, strength, spot, inside, limit)
    _put(value * follow, features, spot, inside, channel, there, channels)


@triton.jit
def _tapped(total, value, taps, a: tl.constexpr, b: tl.constexpr):
    """Adds a value times the FIR's tap (a, b), where it has one."""
    if (a >= 0) & (a < 4) & (b >= 0) & (b < 4):
        total += value * tl.load(taps + (a * 4 + b))
    return total


@triton.jit
def finish_transposed(
    z, features, taps, scale, bias, noise, strength, style,
    height, width, channels, row_step, noise_step, limit,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """One program: PIXELS pixels of the small map, for each the 2x2 it becomes, which share 5x5 of what is filtered."""
    n = tl.program_id(2).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside, there = pixel < height * width, channel < channels
    if noise is not None:
        noise += n * noise_step
    factor, offset = _row(scale + n * row_step, channel, there), _row(bias, channel, there)
    follow = _row(style + n * row_step, channel, there)
    y, x = pixel // width, pixel % width
    z_height, z_width = 2 * height + 1, 2 * width + 1
    z += n * (z_height * z_width * channels)
    features += n * (4 * height * width * channels)
    sum00 = tl.full([PIXELS, CHANNELS], 0.0, tl.float32)
    sum01, sum10, sum11 = sum00, sum00, sum00
    for p in tl.static_range(5):
        for q in tl.static_range(5):
            row, column = 2 * y + (p - 1), 2 * x + (q - 1)
            known = inside & (row >= 0) & (row < z_height) & (column >= 0) & (column < z_width)
            at = (row * z_width + column)[:, None] * channels + channel[None, :]
            value = 4.0 * tl.load(z + at, mask=known[:, None] & there[None, :], other=0.0).to(tl.float32)
            sum00, sum01 = _tapped(sum00, value, taps, p, q), _tapped(sum01, value, taps, p, q - 1)
            sum10, sum11 = _tapped(sum10, value, taps, p - 1, q), _tapped(sum11, value, taps, p - 1, q - 1)
    left, right = 4 * y * width + 2 * x, 4 * y * width + 2 * x + 1
    _pass_on(sum00, factor, offset, follow, noise, strength, limit, features, left, inside, channel, there, channels)
    _pass_on(sum01, factor, offset, follow, noise, strength, limit, features, right, inside, channel, there, channels)
    left, right = left + 2 * width, right + 2 * width
    _pass_on(sum10, factor, offset, follow, noise, strength, limit, features, left, inside, channel, there, channels)
    _pass_on(sum11, factor, offset, follow, noise, strength, limit, features, right, inside, channel, there, channels)


@triton.jit
def finish_phases(
    z, features, scale, bias, noise, strength, style,
    height, width, channels, row_step, noise_step, limit,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """One program: PIXELS pixels of the small map, each of which holds the 2x2 that it becomes."""
    n = tl.program_id(2).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside, there = pixel < height * width, channel < channels
    if noise is not None:
        noise += n * noise_step
    factor, offset = _row(scale + n * row_step, channel, there), _row(bias, channel, there)
    follow = _row(style + n * row_step, channel, there)
    z += n * (4 * height * width * channels)
    features += n * (4 * height * width * channels)
    first = 4 * (pixel // width) * width + 2 * (pixel % width)
    for phase in tl.static_range(4):
        at = (pixel * 4 + phase)[:, None] * channels + channel[None, :]
        value = tl.load(z + at, mask=inside[:, None] & there[None, :], other=0.0).to(tl.float32)
        at = first + (phase // 2) * 2 * width + phase % 2
        _pass_on(value, factor, offset, follow, noise, strength, limit, features, at, inside, channel, there, channels)


@triton.jit
def convolve_phases(
    x, weight, features, scale, bias, noise, strength, style,
    height, width, inputs, channels, row_step, noise_step, limit,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, DEPTH: tl.constexpr, BLOCKS: tl.constexpr,
):  # fmt: skip
    """As `finish_phases`, with the convolution in front of it: one program makes one of the four pixels of each."""
    n, phase = tl.program_id(2).to(tl.int64), tl.program_id(1) % 4
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = (tl.program_id(1) // 4) * CHANNELS + tl.arange(0, CHANNELS)
    inside, there = pixel < height * width, channel < channels
    if noise is not None:
        noise += n * noise_step
    factor, offset = _row(scale + n * row_step, channel, there), _row(bias, channel, there)
    follow = _row(style + n * row_step, channel, there)
    features += n * (4 * height * width * channels)
    value = _convolved(
        x + n * (height * width * inputs), weight + phase * (9 * inputs * channels), pixel, inside, channel, there,
        height, width, inputs, channels, PIXELS, CHANNELS, DEPTH, BLOCKS,
    )  # fmt: skip
    at = 4 * (pixel // width) * width + 2 * (pixel % width) + (phase // 2) * 2 * width + phase % 2
    _pass_on(value, factor, offset, follow, noise, strength, limit, features, at, inside, channel, there, channels)
