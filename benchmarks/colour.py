"""Colour round trip: how far saturated bars are off, of 255, after a film was written and decoded as BT.709.

    python -m benchmarks.colour

Beside each format stands the same encoder as PyAV sets it up by itself: no matrix asked for, nothing tagged.
Then the planes that `engine.planes` makes for a GPU's films, in levels from those of FFmpeg's converter.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from latentart import pixels, seeds
from latentart.engine.planes import to_yuv420
from latentart.models.load import load
from latentart.pixels import Frame
from latentart.sinks import open_sink
from latentart.sinks.formats import FORMATS, Format

BARS = [(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)] + [(200, 90, 30), (30, 120, 180)]
SIDE = 64
FRAMES = 12
LANDSCAPES = (3, 4, 7, 21, 30, 46)


def bars() -> Frame:
    """[64, 640, 3]: every corner of the RGB cube and two colours from within."""
    return np.repeat(np.repeat(np.array([BARS], np.uint8), SIDE, axis=1), 2 * SIDE, axis=0)


def ours(film: Path, name: str) -> None:
    with open_sink(film, format=name) as sink:
        for _ in range(FRAMES):
            sink.write(bars())


def naive(film: Path, chosen: Format) -> None:
    """What the shortest PyAV program does."""
    with av.open(str(film), "w") as container:
        stream = container.add_stream(chosen.codec, rate=30, options=dict(chosen.options))
        stream.height, stream.width = bars().shape[:2]
        stream.pix_fmt = chosen.pixels
        for _ in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(bars(), format="rgb24")))
        container.mux(stream.encode(None))


def worst(film: Path) -> int:
    """The largest error on flat areas of any frame, as a player of HD video sees it."""
    with av.open(str(film)) as opened:
        return max(int(error(as_bt709(frame))) for frame in opened.decode(video=0))


def as_bt709(frame: av.VideoFrame) -> Frame:
    if not frame.format.name.startswith("yuv"):
        return frame.to_ndarray(format="rgb24")
    return frame.reformat(
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        # swscale's short cuts for the way back would add up to 2 to what is measured.
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
    ).to_ndarray()


def error(made: Frame) -> int:
    inner = slice(SIDE // 4, -SIDE // 4)
    return max(
        np.abs(made[:, i * SIDE : (i + 1) * SIDE][:, inner].astype(int) - colour).max() for i, colour in enumerate(BARS)
    )


def tags(film: Path) -> str:
    with av.open(str(film)) as opened:
        context = opened.streams.video[0].codec_context
        found = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
    return "/".join({0: "rgb", 1: "709", 2: "-", 13: "srgb"}.get(tag, str(tag)) for tag in found[:3])


def planes() -> None:
    """Levels between ours and the converter's, luma and colour: flat colours, a gradient, landscapes."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 256), torch.linspace(-1, 1, 256), indexing="ij")
    G = load("landscapes-256", "cpu")
    z = torch.from_numpy(np.concatenate([seeds.z(i, G.z_dim) for i in LANDSCAPES])).float()
    landscapes = G.synthesis(G.mapping(z, truncation_psi=0.8))
    flat = pixels.to_float(np.repeat(np.repeat(np.array(BARS, np.uint8)[:, None, None], SIDE, axis=1), SIDE, axis=2))
    shown = {"flat colours": flat, "gradient": torch.stack([x, y, (x - y) / 2])[None]}
    for name, img in {**shown, "landscapes": landscapes}.items():
        theirs = np.stack([pixels.to_video_frame(f, pixels.PLANES).to_ndarray() for f in pixels.to_uint8(img)])
        apart = np.abs(to_yuv420(img).numpy().astype(int) - theirs)
        luma, colour = apart[:, : img.shape[2]], apart[:, img.shape[2] :]
        within = f"99.9 % of colour within {np.quantile(colour, 0.999):.0f}"
        means = f"largest {luma.max()}, {colour.max()}, mean {luma.mean():.2f}, {colour.mean():.2f}"
        print(f"planes, {name:14} luma, colour: {means}; {within}")


def main() -> None:
    print(f"{'format':14} {'latentart':>10} {'tags':>12}   {'PyAV defaults':>13} {'tags':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for name, chosen in FORMATS.items():
            mine, plain = (Path(folder) / f"{name}-{who}{chosen.endings[0]}" for who in ("ours", "naive"))
            ours(mine, name)
            naive(plain, chosen)
            print(f"{name:14} {worst(mine):>10} {tags(mine):>12}   {worst(plain):>13} {tags(plain):>12}")
    planes()


if __name__ == "__main__":
    main()
