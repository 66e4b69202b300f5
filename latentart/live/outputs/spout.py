"""Spout textures on Windows, with SpoutGL (BSD)."""

from __future__ import annotations

from typing import Any

from latentart.live.outputs._output import NAME, OutputError, extra
from latentart.pixels import Frame

_RGB = 0x1907
"""GL_RGB."""


class Spout:
    """A Spout sender."""

    def __init__(self, sender: Any) -> None:
        self._sender = sender

    def write(self, frame: Frame) -> None:
        """See `Output.write`. Raises OutputError when the driver takes no texture."""
        if not self._sender.sendImage(frame, frame.shape[1], frame.shape[0], _RGB, False, 0):
            raise OutputError("Spout takes no picture: is this program on the same graphics card as the receiver?")
        self._sender.setFrameSync(NAME)

    def close(self) -> None:
        """See `Output.close`."""
        self._sender.releaseSender()


def open_output(size: tuple[int, int], fps: float) -> Spout:
    """Announces the sender. Raises OutputError."""
    sender = extra("SpoutGL", "Spout (Windows only)", "spout").SpoutSender()
    sender.setSenderName(NAME)
    return Spout(sender)
