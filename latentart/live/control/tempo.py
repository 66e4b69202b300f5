"""Tap tempo: the last few taps to beats per minute."""

from __future__ import annotations

from collections import deque

PAUSE = 2.5
"""Seconds after which a tap begins a new count."""
TAPS = 6


class Taps:
    """Listens to taps. Times are seconds of any steady clock."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=TAPS)

    def tap(self, now: float) -> tuple[bool, float | None]:
        """(whether this tap begins a count, beats per minute once there are two)."""
        if self._times and now - self._times[-1] > PAUSE:
            self._times.clear()
        self._times.append(now)
        first = len(self._times) == 1
        elapsed = self._times[-1] - self._times[0]
        return first, None if first or elapsed <= 0 else 60 * (len(self._times) - 1) / elapsed
