"""How fast a viewer may be served: a window of pictures under way, and the quality that its line carries."""

from __future__ import annotations

from collections import deque

from latentart.live.wire.encode import LADDER, Level

WINDOW = 2
WIDEST_WINDOW = 4
PATIENCE = 2.0
"""Seconds of bad times before the quality goes down."""
LOOK = 1.0
"""Seconds of round trips that are judged together."""
RECOVERY = 5.0
"""Seconds of good times before it goes up again; doubles each time that was too early."""
LONGEST_RECOVERY = 80.0


class FlowControl:
    """One viewer's window and place on the ladder. Times are seconds of any steady clock."""

    def __init__(self, frame_time: float, window: int = WINDOW, *, adapt: bool = True) -> None:
        """adapt: False keeps the best quality, for viewers whose line is no line at all: those on this machine."""
        self.frame_time = frame_time
        self.window = min(max(window, 1), WIDEST_WINDOW)
        self.adapt = adapt
        self._owed_since: float | None = None
        self.round_trip = 0.0
        """The latest time from send to ack."""
        self._under_way: deque[tuple[int, float]] = deque()
        self._step = 0
        self._times: deque[tuple[float, float]] = deque(maxlen=240)
        self._bad_since: float | None = None
        self._good_since: float | None = None
        self._recovery = RECOVERY

    @property
    def level(self) -> Level:
        """The encoding level of the next frame."""
        return LADDER[self._step]

    @property
    def free(self) -> bool:
        """Whether one more picture may be sent."""
        return len(self._under_way) < self.window

    def sent(self, seq: int, now: float) -> None:
        """A picture went out."""
        self._under_way.append((seq, now))
        self._owed_since = now if self._owed_since is None else self._owed_since

    def silent(self, now: float) -> float:
        """Seconds since the oldest frame without an acknowledgement was sent."""
        return 0.0 if self._owed_since is None else now - self._owed_since

    def acked(self, seq: int, now: float) -> None:
        """The viewer has decoded `seq`, and so all before it. Numbers that are not under way are ignored."""
        if all(number != seq for number, _ in self._under_way):
            return
        while self._under_way:
            number, sent = self._under_way.popleft()
            if number == seq:
                self.round_trip = now - sent
                self._times.append((now, self.round_trip))
                break
        self._owed_since = self._under_way[0][1] if self._under_way else None
        if self.adapt:
            self._adapt(now)

    def forget(self) -> None:
        """Gives a silent viewer its window back: for the thumbnail that a parked one gets."""
        self._under_way.clear()

    def _adapt(self, now: float) -> None:
        recent = sorted(trip for at, trip in self._times if at > now - LOOK)
        worst = recent[int(len(recent) * 0.95)]
        frame_time = self.frame_time * self.level.every
        self._bad_since = None if worst <= 2 * frame_time else now if self._bad_since is None else self._bad_since
        self._good_since = None if worst > 1.2 * frame_time else now if self._good_since is None else self._good_since
        if self._bad_since is not None and now - self._bad_since >= PATIENCE and self._step < len(LADDER) - 1:
            self._step, self._bad_since = self._step + 1, None
            # Measurements of the last level do not hold for this one.
            self._times.clear()
            self._recovery = min(self._recovery * 2, LONGEST_RECOVERY)
        if self._good_since is not None and now - self._good_since >= self._recovery and self._step > 0:
            self._step, self._good_since = self._step - 1, None
            self._times.clear()
