"""Frames to JPEG, once per level of quality, whatever the number of viewers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from PIL import Image

from latentart.live.wire.protocol import HEADER_BYTES, Header, pack
from latentart.pixels import Frame


@dataclass(frozen=True)
class Level:
    """How a viewer gets its pictures: JPEG quality, how often the sides are halved, every how many frames."""

    quality: int
    halvings: int = 0
    every: int = 1


LADDER = (Level(85), Level(75), Level(60), Level(60, 1), Level(60, 1, 2))
"""From the best to what gets through a bad line."""
BEST = LADDER[0]


@dataclass(frozen=True)
class Picture:
    """One frame on its way to viewers."""

    seq: int
    frame: int
    rev: int
    t_us: int
    flags: int
    pixels: Frame
    _messages: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """(quality, halvings) -> header and JPEG."""

    def message(self, level: Level) -> bytes:
        """The picture at a level as one binary message, encoded at most once."""
        key = (level.quality, level.halvings)
        if key not in self._messages:
            pixels = halved(self.pixels, level.halvings)
            header = Header(
                self.seq, self.rev, self.t_us, pixels.shape[1], pixels.shape[0], flags=self.flags, frame=self.frame
            )
            self._messages[key] = pack(header, jpeg(pixels, level.quality))
        return self._messages[key]

    def jpeg(self, level: Level = BEST) -> bytes:
        """The picture at a level as a JPEG file."""
        return self.message(level)[HEADER_BYTES:]


def jpeg(frame: Frame, quality: int) -> bytes:
    """[H, W, 3] uint8 -> JPEG bytes, 4:2:0."""
    found: bytes = simplejpeg.encode_jpeg(frame, quality, "RGB", "420", True)
    return found


def halved(frame: Frame, times: int) -> Frame:
    """Half the size, `times` times over, each pixel the mean of four."""
    if not times:
        return frame
    return np.asarray(Image.fromarray(frame).reduce(2**times))
