"""Encoding beside generation: one thread, a short queue."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from latentart.pixels import Deep, Frame
from latentart.sinks.sink import Sink


class Background(Sink):
    """Writes to `sink` from one thread, so that the next picture is made while this one is encoded.

    At most `waiting` frames wait; then `write` blocks, and no frame is ever dropped. A frame must not be changed
    after it was given. An error of the thread is raised by the next `write` or `close`.
    """

    def __init__(self, sink: Sink, waiting: int = 4) -> None:
        self.sink, self.depth, self.planes = sink, sink.depth, sink.planes
        self._queue: queue.Queue[Frame | Deep | None] = queue.Queue(waiting)
        self._error: BaseException | None = None
        self._dropping = False
        self._count = 0
        self._thread = threading.Thread(target=self._run, name="latentart-sink", daemon=True)
        self._thread.start()

    @property
    def frames(self) -> int:
        """How many frames it has taken; in the end, how many were written."""
        return self._count if self._thread.is_alive() else self.sink.frames

    def write(self, frame: Frame | Deep) -> None:
        """See `Sink.write`."""
        self._raise()
        self._queue.put(frame)
        self._count += 1

    def close(self, *, interrupted: bool = False) -> Path:
        """See `Sink.close`; what waits in the queue is written first."""
        self._join()
        self._raise()
        return self.sink.close(interrupted=interrupted)

    def abort(self) -> None:
        """See `Sink.abort`; what waits in the queue is dropped."""
        self._dropping = True
        self._join()
        self.sink.abort()

    def _run(self) -> None:
        while (frame := self._queue.get()) is not None:
            # After an error the queue is still emptied: a producer that waits for room must not wait forever.
            if self._error is None and not self._dropping:
                self._write(frame)

    def _write(self, frame: Frame | Deep) -> None:
        try:
            self.sink.write(frame)
        except BaseException as error:  # the border of a thread: carried to the producer, who raises it
            self._error = error

    def _join(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            self.abort()
            raise self._error
