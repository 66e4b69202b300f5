"""Feeds an output from a mailbox of one frame, in a thread: a slow output drops frames and delays nothing else."""

from __future__ import annotations

import logging
import threading

from latentart.errors import LatentartError
from latentart.live.outputs._output import Output
from latentart.pixels import Frame

log = logging.getLogger("latentart.live")


class Outlet:
    """An output and the thread that writes to it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._frame: Frame | None = None
        self._ready = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def offer(self, frame: Frame) -> None:
        """Takes a frame, in place of one that was not written yet."""
        with self._ready:
            self._frame = frame
            self._ready.notify()

    def close(self) -> None:
        """Ends the thread and the output."""
        with self._ready:
            self._open = False
            self._ready.notify()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            while (frame := self._next()) is not None:
                self._output.write(frame)
        except LatentartError as error:
            log.error("an output ends here: %s", error)
        finally:
            self._output.close()

    def _next(self) -> Frame | None:
        with self._ready:
            self._ready.wait_for(lambda: self._frame is not None or not self._open)
            frame, self._frame = self._frame, None
            return frame if self._open else None
