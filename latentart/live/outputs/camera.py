"""A virtual camera for OBS, browsers and meetings, with pyvirtualcam (GPL-2.0)."""

from __future__ import annotations

from typing import Any

from latentart.live.outputs._output import OutputError, extra
from latentart.pixels import Frame


class Camera:
    """A camera that other programs can choose."""

    def __init__(self, camera: Any) -> None:
        self._camera = camera

    def write(self, frame: Frame) -> None:
        """See `Output.write`."""
        self._camera.send(frame)

    def close(self) -> None:
        """See `Output.close`."""
        self._camera.close()


def open_output(size: tuple[int, int], fps: float) -> Camera:
    """Opens the camera. Raises OutputError, also where the system has no virtual camera to open."""
    pyvirtualcam = extra("pyvirtualcam", "a virtual camera", "camera")
    try:
        return Camera(pyvirtualcam.Camera(width=size[0], height=size[1], fps=fps))
    except RuntimeError as error:
        raise OutputError(f"there is no virtual camera here: {str(error).splitlines()[0]}") from error
