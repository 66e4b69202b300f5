"""NDI over the network, with cyndilib (MIT; the NDI runtime inside it is NewTek's)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from latentart.live.outputs._output import NAME, extra
from latentart.pixels import Frame


class Ndi:
    """An NDI source on the network."""

    def __init__(self, sender: Any, size: tuple[int, int]) -> None:
        self._sender = sender
        self._rgba = np.full((size[1], size[0], 4), 255, np.uint8)

    def write(self, frame: Frame) -> None:
        """See `Output.write`."""
        self._rgba[..., :3] = frame
        self._sender.write_video_async(self._rgba.reshape(-1))

    def close(self) -> None:
        """See `Output.close`."""
        self._sender.close()


def open_output(size: tuple[int, int], fps: float) -> Ndi:
    """Announces the source. Raises OutputError."""
    what = "NDI"
    sender = extra("cyndilib.sender", what, "ndi").Sender(NAME)
    video = extra("cyndilib.video_frame", what, "ndi").VideoSendFrame()
    video.set_resolution(*size)
    video.set_frame_rate(Fraction(fps).limit_denominator(1001))
    video.set_fourcc(extra("cyndilib.wrapper.ndi_structs", what, "ndi").FourCC.RGBA)
    sender.set_video_frame(video)
    sender.open()
    return Ndi(sender, size)
