"""Credit and quality, on a clock of the test's own."""

from __future__ import annotations

from latentart.live.web.flow_control import LONGEST_RECOVERY, RECOVERY, FlowControl
from latentart.live.wire.encode import LADDER


def serve(pace, seconds, trip, start=0.0, fps=60):
    """Every frame is acked after `trip` seconds."""
    for i in range(round(seconds * fps)):
        now = start + i / fps
        pace.sent(i, now)
        pace.acked(i, now + trip)
    return start + seconds


def test_the_window_closes_and_opens():
    pace = FlowControl(1 / 60)
    assert pace.free
    pace.sent(1, 0)
    pace.sent(2, 0)
    assert not pace.free
    pace.acked(7, 0.1)
    assert not pace.free
    pace.acked(2, 0.1)
    assert pace.free
    assert pace.round_trip == 0.1


def test_the_window_has_bounds():
    assert FlowControl(1 / 60, 99).window == 4
    assert FlowControl(1 / 60, 0).window == 1


def test_a_good_line_keeps_the_best():
    pace = FlowControl(1 / 60)
    serve(pace, 30, 0.008)
    assert pace.level == LADDER[0]


def test_a_bad_line_goes_down_step_by_step_and_stays_at_the_last():
    pace, now, seen = FlowControl(1 / 60), 0.0, []
    for _ in range(12):
        now = serve(pace, 2.2, 0.2, now)
        seen.append(LADDER.index(pace.level))
    assert seen[0] == 1
    assert seen == sorted(seen)
    assert seen[-1] == len(LADDER) - 1


def test_it_recovers_slowly_and_more_slowly_each_time():
    pace = FlowControl(1 / 60)
    now = serve(pace, 2.5, 0.2)
    assert pace.level == LADDER[1]
    # Worse than the good times ask for, better than the bad ones: no swinging.
    now = serve(pace, 20, 0.028, now)
    assert pace.level == LADDER[1]
    now = serve(pace, RECOVERY, 0.005, now)
    assert pace.level == LADDER[1]
    serve(pace, 2 * RECOVERY + 3, 0.005, now)
    assert pace.level == LADDER[0]
    assert RECOVERY < pace._recovery <= LONGEST_RECOVERY


def test_without_adaptation_the_quality_stays():
    pace = FlowControl(1 / 60, adapt=False)
    for number in range(200):
        pace.sent(number, number * 0.1)
        pace.acked(number, number * 0.1 + 0.09)
    assert pace.level == LADDER[0]
