"""YUV planes: BT.709 by the book, near what the sinks' own converter gives, and right colours in a film."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels
from latentart.engine.planes import to_yuv420
from latentart.errors import SettingsError
from latentart.pixels import Frame
from latentart.sinks import open_sink
from latentart.sinks.formats import FORMATS

BARS = [(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)] + [(200, 90, 30), (30, 120, 180), (9, 9, 9)]


def converted(frame: Frame) -> NDArray[np.uint8]:
    """What the sinks' converter makes of an RGB frame."""
    made: NDArray[np.uint8] = pixels.to_video_frame(frame, "yuv420p").to_ndarray()
    return made


def flat(colour: tuple[int, ...], height: int = 8, width: int = 12) -> Tensor:
    return pixels.to_float(np.full([height, width, 3], colour, np.uint8))


def gradient(side: int = 128) -> Tensor:
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    return torch.stack([x, y, (x - y) / 2])[None]


def apart(img: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Levels between ours and the converter's: luma, colour."""
    difference = np.abs(to_yuv420(img)[0].numpy().astype(int) - converted(pixels.to_uint8(img)[0]))
    return difference[: img.shape[2]], difference[img.shape[2] :]


@pytest.mark.parametrize("colour", BARS)
def test_flat_areas_are_the_converter_s(colour: tuple[int, int, int]) -> None:
    assert [part.max() for part in apart(flat(colour))] == [0, 0]


def test_black_white_and_the_primaries_by_the_book() -> None:
    # ITU-R BT.709-6, 8 bits.
    wanted = {(0, 0, 0): (16, 128, 128), (255, 255, 255): (235, 128, 128)}
    wanted |= {(255, 0, 0): (63, 102, 240), (0, 255, 0): (173, 42, 26), (0, 0, 255): (32, 240, 118)}
    for colour, values in wanted.items():
        made = to_yuv420(flat(colour, 2, 2))[0].numpy().ravel()
        assert (made[0], made[4], made[5]) == values


def test_smooth_gradients_are_within_a_level_of_the_converter_s() -> None:
    luma, colour = apart(gradient())
    assert max(luma.max(), colour.max()) <= 1
    # Ours is rounded once, the converter's comes from a picture that was rounded before.
    assert max(luma.mean(), colour.mean()) < 0.4


def test_the_layout_is_ffmpeg_s() -> None:
    planes = to_yuv420(torch.cat([flat((255, 0, 0), 4, 6), flat((0, 0, 255), 4, 6)]))
    assert (planes.shape, planes.dtype) == ((2, 6, 6), torch.uint8)
    for one, (y, u, v) in zip(planes.numpy(), [(63, 102, 240), (32, 240, 118)], strict=True):
        frame = av.VideoFrame.from_ndarray(one, format="yuv420p")
        shown = [np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width] for plane in frame.planes]
        assert [(plane.shape, set(plane.flat)) for plane in shown] == [((4, 6), {y}), ((2, 3), {u}), ((2, 3), {v})]


def test_colour_samples_lie_on_even_columns_between_two_rows() -> None:
    # Blue grows with x alone: its sample at an even column is that column's own value, not one half a pixel beside.
    x = torch.linspace(-1, 1, 64).expand(1, 1, 4, 64)
    img = torch.cat([torch.full_like(x, -1), torch.full_like(x, -1), x], dim=1)
    u = to_yuv420(img)[0, 4:].reshape(2, 2, 32)[0].numpy()
    exact = 128 + 112 * (x[0, 0, 0] * (1 - 0.0722) + (0.2126 + 0.7152)) / (2 * (1 - 0.0722))
    assert np.abs(u[:, 1:] - exact[2::2].numpy()).max() <= 0.51
    y = torch.tensor([-1.0, 1.0, 1.0, -1.0]).view(1, 1, 4, 1).expand(1, 1, 4, 4)
    grey = to_yuv420(y.expand(1, 3, 4, 4))[0, 4:]
    assert (grey == 128).all()


def test_values_beyond_black_and_white_are_cut() -> None:
    assert torch.equal(to_yuv420(torch.full([1, 3, 2, 2], 7.0)), to_yuv420(torch.ones(1, 3, 2, 2)))


def test_half_precision_in() -> None:
    img = gradient(16)
    difference = to_yuv420(img.half()).int() - to_yuv420(img).int()
    assert difference.abs().max() <= 1


def test_the_same_planes_in_whatever_batch_and_layout() -> None:
    img = torch.randn(3, 3, 8, 10, generator=torch.Generator().manual_seed(1))
    whole = to_yuv420(img)
    assert torch.equal(whole, torch.cat([to_yuv420(one[None]) for one in img]))
    assert torch.equal(whole, to_yuv420(img.to(memory_format=torch.channels_last)))


@pytest.mark.parametrize(
    ("shape", "words"), [((3, 3, 4), "size 4x3 is odd"), ((3, 4, 3), "size 3x4 is odd"), ((1, 4, 4), "of 1 channels")]
)
def test_what_has_no_planes_is_told(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(SettingsError, match=f"{words}.*ask for output='uint8'"):
        to_yuv420(torch.zeros(1, *shape))


def bars() -> Tensor:
    """Bars of 32 pixels, [1, 3, 64, 352]."""
    return pixels.to_float(np.repeat(np.repeat(np.array([BARS], np.uint8), 32, axis=1), 64, axis=0))


def shown(film: Path) -> Frame:
    """The first frame as a player of HD video sees it."""
    accurate = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    with av.open(str(film)) as opened:
        frame = next(opened.decode(video=0)).reformat(
            format="rgb24", src_colorspace=Colorspace.ITU709, dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.MPEG, dst_color_range=ColorRange.JPEG, interpolation=accurate,
        )  # fmt: skip
    made: Frame = frame.to_ndarray()
    return made


@pytest.mark.parametrize("target", ["film.mp4", "film.mov", "film.webm"])
def test_colours_survive_a_film_made_of_planes(target: str, tmp_path: Path) -> None:
    name = {".webm": "vp9a"}.get(Path(target).suffix, "h264")
    with open_sink(tmp_path / target, format=name, planes=True) as sink:
        assert sink.planes
        for _ in range(3):
            sink.write(to_yuv420(bars())[0].numpy())
    made = shown(sink.close())
    assert made.shape == (64, 352, 3)
    for i, colour in enumerate(BARS):
        assert np.abs(made[8:-8, 32 * i + 8 : 32 * i + 24].astype(int) - colour).max() <= 3
    with av.open(str(sink.close())) as opened:
        context = opened.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)


@pytest.mark.parametrize("name", [name for name, chosen in FORMATS.items() if chosen.pixels != "yuv420p"])
def test_formats_of_more_than_8_bits_or_full_colour_take_no_planes(name: str, tmp_path: Path) -> None:
    sink = open_sink(tmp_path / f"film{FORMATS[name].endings[0]}", format=name)
    assert not sink.planes
    with pytest.raises(SettingsError, match="is not made of 8-bit planes: give it pictures"):
        open_sink(tmp_path / f"other{FORMATS[name].endings[0]}", format=name, planes=True)
    with pytest.raises(SettingsError, match=r"a frame is uint8 .*\[H, W, 1, 3 or 4\], not uint8 \[96, 352\]"):
        sink.write(to_yuv420(bars())[0].numpy())
    sink.abort()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (np.zeros([10, 8], np.uint8), r"not uint8 \[10, 8\]"),
        (np.zeros([12, 8], np.uint16), r"not uint16 \[12, 8\]"),
        (np.zeros([12, 7], np.uint8), "size 7x8 is odd"),
    ],
)
def test_planes_of_no_picture_are_told(frame: NDArray[np.uint8], words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=words):
        open_sink(tmp_path / "film.mp4", planes=True).write(frame)
    assert not list(tmp_path.iterdir())


def test_planes_do_not_follow_rgb_in_one_film(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "film.mp4", planes=True)
    sink.write(np.zeros([96, 64], np.uint8))
    with pytest.raises(SettingsError, match=r"a frame is uint8 \[3 H / 2, W\], not uint8 \[64, 64, 3\]"):
        sink.write(np.zeros([64, 64, 3], np.uint8))
    sink.abort()


def test_grey_pictures_are_not_taken_for_planes(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"a frame is uint8 \[H, W, 1, 3 or 4\], not uint8 \[96, 64\]"):
        open_sink(tmp_path / "film.mp4").write(np.zeros([96, 64], np.uint8))
