"""The only place where pictures change kind: float <-> uint8 <-> YUV, sizes, contact sheets, image files."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from latentart.errors import PictureError, SettingsError, unknown

Frame = NDArray[np.uint8]
"""One picture, uint8 [H, W, C], C in 1 (grey), 3 (RGB), 4 (RGBA)."""
Deep = NDArray[np.uint16]
"""The same with 16 bits, for sinks that keep more than 8: 257 times as many levels, 0 and white where they are."""

Fit = Literal["stretch", "crop", "pad"]
FITS: tuple[Fit, ...] = ("stretch", "crop", "pad")
LARGEST_SIDE = 16384
PLANES = "yuv420p"
"""FFmpeg's name for the planes of 8-bit 4:2:0, which `engine.planes` makes."""
GREY_WEIGHTS = (0.2126, 0.7152, 0.0722)
"""Rec. 709 luma."""

# Code points of ISO/IEC 23091-2 for matrix, primaries and transfer; FFmpeg's own for the range.
_BT709, _GBR, _SRGB = 1, 0, 13
_STUDIO_RANGE, _FULL_RANGE = 1, 2


def to_uint8(img: Tensor) -> Frame:
    """img [N, C, H, W] float, about [-1, 1] -> [N, H, W, C] uint8: clamp(x * 127.5 + 128, 0, 255), truncated.

    Raises PictureError for NaN, which would otherwise turn into black.
    """
    _refuse_nan(img)
    scaled = img.detach().float().mul(127.5).add_(128).clamp_(0, 255).to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def to_uint16(img: Tensor) -> Deep:
    """img [N, C, H, W] float, about [-1, 1] -> [N, H, W, C] uint16: clamp(x * 32767.5 + 32768, 0, 65535), truncated.

    A picture that came from 8 bits gets 257 times its values. Raises PictureError for NaN.
    """
    _refuse_nan(img)
    scaled = img.detach().float().mul(32767.5).add_(32768).clamp_(0, 65535)
    # torch has no arithmetic in uint16, and hardly any conversions.
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy().astype(np.uint16)


def _refuse_nan(img: Tensor) -> None:
    # One pass over the data; the largest of anything with a NaN is NaN.
    if img.numel() and bool(torch.isnan(img.detach().amax())):
        raise PictureError(f"the picture {tuple(img.shape)} holds NaN: use fp32, or less extreme latents")


def deep(frame: Frame | Deep) -> Deep:
    """A frame with 16 bits, [H, W, C]; one with 8 gets 257 times its values, so that white stays white."""
    wide = frame.astype(np.uint16, copy=False)
    return wide if frame.dtype == np.uint16 else wide * np.uint16(257)


def to_float(frames: Frame) -> Tensor:
    """[N, H, W, C] (or [H, W, C]) uint8 -> [N, C, H, W] float32 in [-1, 1]; `to_uint8` gives the same frames back."""
    batch = torch.from_numpy(np.array(frames, copy=True, ndmin=4))
    return batch.permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)


def parse_size(text: str) -> tuple[int, int]:
    """'1920x1080' or '1920-1080' -> (1920, 1080), width first. Raises SettingsError."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*[xX-]\s*(\d{1,6})\s*", text)
    if not match:
        raise SettingsError(f"cannot read size {text!r}: give width and height, such as 1920x1080")
    return check_size((int(match[1]), int(match[2])))


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """Returns (width, height), or raises SettingsError when a side is not in 1 .. 16384."""
    if not all(1 <= side <= LARGEST_SIDE for side in size):
        raise SettingsError(f"size {size[0]}x{size[1]} is out of range: give sides from 1 to {LARGEST_SIDE} pixels")
    return size


def resize(img: Tensor, size: tuple[int, int], fit: str = "crop") -> Tensor:
    """img [N, C, H, W] float -> [N, C, height, width] for size (width, height), bicubic with antialiasing.

    "stretch" changes the proportions, "crop" fills the size and cuts what stands out, "pad" shows everything
    and leaves bars at -1 (black). Done on the float picture, so nothing is rounded to 8 bits on the way.
    """
    if fit not in FITS:
        raise SettingsError(unknown("fit", fit, FITS))
    width, height = check_size(size)
    inner = _inner_size((img.shape[-1], img.shape[-2]), (width, height), fit)
    if inner != (img.shape[-1], img.shape[-2]):
        img = F.interpolate(img.float(), size=inner[::-1], mode="bicubic", antialias=True)
    left, top = (inner[0] - width) // 2, (inner[1] - height) // 2
    if fit == "pad":
        return F.pad(img, (-left, width - inner[0] + left, -top, height - inner[1] + top), value=-1.0)
    return img[..., top : top + height, left : left + width]


def _inner_size(old: tuple[int, int], new: tuple[int, int], fit: str) -> tuple[int, int]:
    """(width, height) of the scaled picture, before it is cut or padded to `new`."""
    if fit == "stretch":
        return new
    scales = (new[0] / old[0], new[1] / old[1])
    if fit == "crop":
        return max(new[0], round(old[0] * max(scales))), max(new[1], round(old[1] * max(scales)))
    within = min(scales)
    return min(new[0], max(1, round(old[0] * within))), min(new[1], max(1, round(old[1] * within)))


def trimmed(img: Tensor, border: int) -> Tensor:
    """img [N, C, H, W] without `border` pixels at each edge."""
    return img[..., border : img.shape[-2] - border, border : img.shape[-1] - border]


class Recorded(np.ndarray):
    """A frame that says how it was made, for the sink that it is written to."""

    settings: Mapping[str, Any]


def recorded(frame: Any, settings: Mapping[str, Any]) -> Any:
    """The frame, not copied, with the settings record of its film."""
    view = frame.view(Recorded)
    view.settings = settings
    return view


def over_black(frame: Frame) -> Frame:
    """Straight alpha [H, W, 4] uint8 -> [H, W, 3]: the picture on black."""
    product = frame[..., :3].astype(np.uint16) * frame[..., 3:]
    return ((product + 127) // 255).astype(np.uint8)


def sheet(frames: Sequence[Frame], columns: int | None = None, *, gap: int = 0, background: int = 0) -> Frame:
    """Contact sheet: frames [H, W, C], all of one shape, row by row, `gap` pixels apart on `background` (0..255).

    Without `columns` the sheet is as square as it gets. Raises SettingsError for no frames or unequal ones.
    """
    shapes = {frame.shape for frame in frames}
    if len(shapes) != 1:
        raise SettingsError(f"a sheet needs frames of one shape, not {sorted(shapes)!r}: resize them first")
    columns = math.ceil(math.sqrt(len(frames))) if columns is None else columns
    if columns < 1 or gap < 0:
        raise SettingsError(
            f"a sheet of {columns!r} columns with gaps of {gap!r}: give at least 1 column and a gap >= 0"
        )
    rows = math.ceil(len(frames) / columns)
    (height, width, channels) = shapes.pop()
    page = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), background, np.uint8)
    for i, frame in enumerate(frames):
        top, left = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        page[top : top + height, left : left + width] = frame
    return page


def open_image(path: str | Path, mode: str = "RGB") -> Frame:
    """An image file as uint8 [H, W, C], turned upright as its EXIF says, in Pillow's mode "RGB", "RGBA" or "L".

    Raises PictureError for a file that is missing, no picture, damaged, or larger than Pillow's pixel limit.
    """
    try:
        with warnings.catch_warnings():
            # Pillow only warns up to twice its limit.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                frame = np.asarray(_eight_bit(ImageOps.exif_transpose(image)).convert(mode), dtype=np.uint8)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = Image.MAX_IMAGE_PIXELS
        raise PictureError(f"{str(path)!r} has more than {limit} pixels: make it smaller first") from None
    except OSError as error:
        reason = error.strerror or "it is no image, or damaged"
        raise PictureError(f"cannot open image {str(path)!r}: {reason}: give a readable PNG, JPEG or WebP") from error
    except (ValueError, SyntaxError, EOFError) as error:
        raise PictureError(f"cannot open image {str(path)!r}: it is damaged ({error}): save it again") from error
    return frame if frame.ndim == 3 else frame[:, :, None]


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey keeps its upper byte; Pillow's own conversion would cut everything above 255 to white."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))


def to_image(frame: Frame) -> Image.Image:
    """uint8 [H, W, C] -> a Pillow image."""
    return Image.fromarray(frame[:, :, 0] if frame.shape[2] == 1 else frame)


def to_video_frame(frame: Frame | Deep, pixels: str) -> Any:
    """uint8 or uint16 [H, W, C] -> av.VideoFrame in FFmpeg's pixel format `pixels`; planes [3 H / 2, W] as they are.

    YUV is BT.709 in studio range (ITU-R BT.709-6, section 3), what players of HD assume.
    PyAV alone would take BT.601, which is wrong by up to 40 of 255.
    """
    import av
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    if frame.ndim == 2 and pixels == PLANES:
        planar = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame, dtype=np.uint8), format=PLANES)
        tag_colours(planar, PLANES)
        return planar
    # FFmpeg widens 8 bits to 16 by zeros, which makes white grey.
    wide = deep(frame) if "16" in pixels or "48" in pixels or "64" in pixels else frame
    rgb = np.repeat(wide, 3, axis=2) if wide.shape[2] == 1 else wide
    kind = ("rgb24", "rgba") if rgb.dtype == np.uint8 else ("rgb48le", "rgba64le")
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format=kind[rgb.shape[2] == 4])
    if pixels.startswith("yuv"):
        picture = picture.reformat(
            format=pixels,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            dst_colorspace=Colorspace.ITU709,
            # Without accurate rounding ten-bit formats are wrong by up to 130 of 255 in single pixels.
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
        )
    else:
        picture = picture.reformat(format=pixels)
    tag_colours(picture, pixels)
    return picture


def tag_colours(carrier: Any, pixels: str) -> None:
    """Says in a video frame or codec context what its numbers mean: BT.709 in studio range, or sRGB as it is."""
    yuv = pixels.startswith("yuv")
    carrier.colorspace, carrier.color_primaries = (_BT709 if yuv else _GBR), _BT709
    carrier.color_trc, carrier.color_range = (_BT709, _STUDIO_RANGE) if yuv else (_SRGB, _FULL_RANGE)
