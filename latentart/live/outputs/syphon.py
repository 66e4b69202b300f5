"""Syphon textures on macOS, with syphon-python (MIT)."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentart.live.outputs._output import NAME, extra
from latentart.pixels import Frame


class Syphon:
    """A Syphon server on Metal."""

    def __init__(self, server: Any, texture: Any, copy: Any, size: tuple[int, int]) -> None:
        self._server, self._texture, self._copy = server, texture, copy
        self._rgba = np.full((size[1], size[0], 4), 255, np.uint8)

    def write(self, frame: Frame) -> None:
        """See `Output.write`."""
        self._rgba[..., :3] = frame
        self._copy(self._rgba, self._texture)
        self._server.publish_frame_texture(self._texture)

    def close(self) -> None:
        """See `Output.close`."""
        self._server.stop()


def open_output(size: tuple[int, int], fps: float) -> Syphon:
    """Announces the server. Raises OutputError."""
    what = "Syphon (macOS only)"
    server = extra("syphon", what, "syphon").SyphonMetalServer(NAME)
    texture = extra("syphon.utils.raw", what, "syphon").create_mtl_texture(server.device, *size)
    return Syphon(server, texture, extra("syphon.utils.numpy", what, "syphon").copy_image_to_mtl_texture, size)
