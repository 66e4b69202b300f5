"""A bucket of allowances that refills with time."""

from __future__ import annotations

import time
from collections.abc import Callable


class Bucket:
    """At most `per_second` in the long run, and as many at once."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self._clock = clock
        self._left = float(per_second)
        self._at = clock()

    def spend(self, amount: int = 1) -> bool:
        """Takes `amount` out; False, and nothing is taken, when it is not there."""
        now = self._clock()
        self._left = min(self.per_second, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True
