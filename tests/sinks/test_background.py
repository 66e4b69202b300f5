"""The encoder thread: order, back pressure, errors, interruption."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from latentart.errors import TargetError
from latentart.pixels import Frame
from latentart.sinks import Background, Sink


class Recorder(Sink):
    """Keeps what it gets; waits for `gate` before each frame; fails at frame `fail_at`."""

    def __init__(self, fail_at: int = -1) -> None:
        self.got: list[int] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.fail_at = fail_at
        self.ended = ""

    @property
    def frames(self) -> int:
        return len(self.got)

    def write(self, frame: Frame) -> None:
        assert self.gate.wait(10)
        if len(self.got) == self.fail_at:
            raise TargetError("disk full")
        self.threads.add(threading.current_thread().name)
        self.got.append(int(frame[0, 0, 0]))

    def close(self, *, interrupted: bool = False) -> Path:
        self.ended = "interrupted" if interrupted else "closed"
        return Path("film")

    def abort(self) -> None:
        self.ended = self.ended or "aborted"


def frame(i: int) -> Frame:
    return np.full((2, 2, 3), i, np.uint8)


def fill(sink: Sink, count: int) -> None:
    for i in range(count):
        sink.write(frame(i))


def test_frames_arrive_in_order_on_one_other_thread() -> None:
    inner = Recorder()
    with Background(inner, waiting=2) as sink:
        fill(sink, 50)
    assert inner.got == list(range(50))
    assert inner.threads == {"latentart-sink"}
    assert (inner.ended, sink.frames, sink.close()) == ("closed", 50, Path("film"))


def test_a_slow_sink_holds_the_producer_back() -> None:
    inner = Recorder()
    inner.gate.clear()
    sink = Background(inner, waiting=3)
    producer = threading.Thread(target=fill, args=(sink, 10), daemon=True)
    producer.start()
    producer.join(0.3)
    # One frame is with the sink, three wait, the next one is still in the producer's hands.
    assert producer.is_alive()
    assert sink.frames == 4
    inner.gate.set()
    producer.join(10)
    sink.close()
    assert inner.got == list(range(10))


def test_an_error_of_the_thread_comes_out_of_write() -> None:
    inner = Recorder(fail_at=3)
    sink = Background(inner, waiting=2)
    with pytest.raises(TargetError, match="disk full"):
        fill(sink, 1000)
    assert (inner.got, inner.ended) == ([0, 1, 2], "aborted")
    with pytest.raises(TargetError, match="disk full"):
        sink.close()


def test_an_error_of_the_thread_comes_out_of_close() -> None:
    inner = Recorder(fail_at=0)
    sink = Background(inner)
    sink.write(frame(0))
    with pytest.raises(TargetError, match="disk full"):
        sink.close()
    assert inner.ended == "aborted"


def test_a_producer_that_waits_is_released_by_an_error() -> None:
    inner = Recorder(fail_at=0)
    inner.gate.clear()
    sink = Background(inner, waiting=1)
    threading.Timer(0.2, inner.gate.set).start()
    with pytest.raises(TargetError, match="disk full"):
        fill(sink, 1000)


def break_off(sink: Sink, count: int, error: BaseException) -> None:
    with sink:
        fill(sink, count)
        raise error


def test_ctrl_c_writes_what_waits_then_closes() -> None:
    inner = Recorder()
    inner.gate.clear()
    threading.Timer(0.2, inner.gate.set).start()
    with pytest.raises(KeyboardInterrupt):
        break_off(Background(inner, waiting=4), 4, KeyboardInterrupt())
    assert (inner.got, inner.ended) == ([0, 1, 2, 3], "interrupted")


def test_another_error_drops_what_waits() -> None:
    inner = Recorder()
    inner.gate.clear()
    threading.Timer(0.2, inner.gate.set).start()
    with pytest.raises(ZeroDivisionError):
        break_off(Background(inner, waiting=4), 4, ZeroDivisionError())
    assert inner.got in ([], [0])
    assert inner.ended == "aborted"


def test_the_thread_ends() -> None:
    before = threading.active_count()
    for end in ("close", "abort"):
        sink = Background(Recorder())
        sink.write(frame(0))
        getattr(sink, end)()
    assert threading.active_count() == before
