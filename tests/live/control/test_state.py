"""The control state on its clock."""

from __future__ import annotations

import json

import pytest

from latentart.live.control.params import TABLE
from latentart.live.control.state import State


def after(state, frames):
    for _ in range(frames):
        state.tick()
    return state


def test_a_jump_a_pole_and_a_slew():
    state = State(60)
    state.apply({"set": {"seed": 5, "psi": 1.1, "master/fade": 0.0}, "rev": 3})
    after(state, 1)
    assert state.rev == 3
    assert state.values["seed"] == 5
    assert 0.8 < state.number("psi") < 0.9
    assert 0.9 < state.number("master/fade") < 1
    # After its time constant a pole has gone 63 % of the way; a slew ends exactly then.
    after(state, round(TABLE["psi"].smooth * 60) - 1)
    assert state.number("psi") == pytest.approx(0.8 + 0.3 * 0.632, abs=0.02)
    after(state, 60)
    assert state.values["psi"] == 1.1
    assert state.values["master/fade"] == 0.0
    assert not state._moving


def test_a_fade_is_straight_and_ends_on_its_frame():
    state = State(60)
    state.apply({"set": {"psi": 1.7}, "fade": 1.0})
    assert after(state, 30).number("psi") == pytest.approx(1.25)
    assert after(state, 29).number("psi") < 1.7
    assert after(state, 1).values["psi"] == 1.7


def test_a_new_target_ends_a_fade():
    state = State(60)
    state.apply({"set": {"psi": 1.7}, "fade": 10.0})
    after(state, 60)
    state.apply({"set": {"psi": 0.0}})
    assert after(state, 120).values["psi"] == 0.0


@pytest.mark.parametrize(("at", "frame"), [("none", 1), ("beat", 30), ("bar", 120), ("2bar", 240)])
def test_waits_for_the_beat(at, frame):
    # 120 beats a minute at 60 frames a second: a beat is 30 frames.
    state = State(60)
    after(state, 1)
    state.apply({"set": {"seed": 9}, "at": at})
    changed = next(i for i in range(1, 400) if after(state, 1).values["seed"] == 9)
    assert changed == pytest.approx(frame, abs=1)


def test_resync_begins_the_bar_here():
    state = after(State(60), 77)
    state.apply({"resync": True})
    state.apply({"set": {"seed": 9}, "at": "bar"})
    assert after(state, 1).values["seed"] == 9


def test_stop_leaves_everything_where_it_is():
    state = after(State(60), 1)
    state.apply({"set": {"psi": 1.7}, "fade": 1.0})
    state.apply({"set": {"seed": 9}, "at": "4bar"})
    after(state, 30)
    state.apply({"stop": True})
    here = after(state, 1000).number("psi")
    assert 1.1 < here < 1.3
    assert state.targets["psi"] == here
    assert state.values["seed"] == 0


def test_freeze_holds_all_but_the_light():
    state = State(60)
    state.apply({"set": {"psi": 1.7, "master/freeze": True, "master/fade": 0.0}})
    phase = state.phase
    after(state, 120)
    assert state.values["psi"] == 0.8
    assert state.phase == phase
    assert state.values["master/fade"] == 0.0
    state.apply({"set": {"master/freeze": False}})
    assert after(state, 120).values["psi"] == 1.7


def test_the_walk_moves_by_time_and_not_by_frames():
    places = []
    for fps in (30, 60, 120):
        state = State(fps)
        state.apply({"set": {"walk/speed": 1.0, "walk/count": 10}, "fade": 0.01})
        after(state, 4 * fps)
        places.append(state.phase)
    assert places == pytest.approx([places[0]] * 3, abs=0.01)
    assert places[0] == pytest.approx(0.4, abs=0.02)


def test_phase_is_set_and_speed_may_be_negative():
    state = State(60)
    state.apply({"set": {"walk/phase": 0.5, "walk/play": False}})
    assert after(state, 10).phase == 0.5
    state.apply({"set": {"walk/play": True, "walk/speed": -1.0}})
    assert after(state, 60).phase < 0.5


def test_sound_moves_the_walk():
    still, loud = State(60), State(60)
    for state in (still, loud):
        state.apply({"set": {"walk/speed": 0.0, "react/speed": 2.0}, "fade": 0.01})
    after(still, 60)
    for _ in range(6):
        loud.apply({"set": {"audio/low": 1.0}})
        after(loud, 10)
    assert loud.phase > 0.15 > still.phase


def test_a_snapshot_goes_on_exactly():
    state = State(60)
    state.apply({"set": {"psi": 1.7, "seed": 3, "latent/z": [0.1, 0.2]}, "fade": 2.0, "rev": 4})
    state.apply({"set": {"noise/mode": "boil"}, "at": "4bar", "rev": 5})
    state.apply({"set": {"master/fade": 0.2}, "rev": 6})
    after(state, 33)
    other = State(60)
    other.restore(json.loads(json.dumps(state.snapshot())))
    for _ in range(500):
        state.tick()
        other.tick()
        assert other.snapshot() == state.snapshot()
    assert state.values["noise/mode"] == "boil"


def test_unknown_names_of_another_version_are_left_out():
    kept = State(60).snapshot()
    kept["targets"]["new/thing"] = kept["values"]["new/thing"] = 5
    kept["moving"] = ["new/thing"]
    state = State(60)
    state.restore(kept)
    after(state, 2)
    assert "new/thing" not in state.values


def bars(state, beats):
    """Goes on by so many beats, at 60 frames a second."""
    return after(state, round(beats * 60 * 60 / state.number("tempo/bpm")))


def test_a_newer_command_replaces_what_waits_for_its_beat():
    state = bars(State(60), 0.5)
    state.apply({"set": {"psi": 0.1, "seed": 9}, "at": "bar"})
    state.apply({"set": {"psi": 1.9}})
    bars(state, 5)
    assert (state.values["psi"], state.values["seed"]) == (1.9, 9)
    state.apply({"set": {"psi": 0.2}, "at": "4bar"})
    state.apply({"set": {"psi": 0.3}, "at": "beat"})
    bars(state, 17)
    assert state.values["psi"] == 0.3
    assert state.waiting == []


def test_the_next_scene_replaces_the_one_that_waits():
    state = bars(State(60), 0.5)
    state.apply({"set": {"psi": 0.1, "noise/amount": 3.0}, "at": "bar", "scene": True})
    state.apply({"set": {"seed": 4}, "at": "bar"})
    # Of an older version: it has no noise.
    state.apply({"set": {"psi": 0.4}, "at": "bar", "scene": True})
    bars(state, 5)
    assert (state.values["psi"], state.values["noise/amount"], state.values["seed"]) == (0.4, 1.0, 4)


@pytest.mark.parametrize("beat", [0.0, 3.2, 500.0])
def test_a_new_count_of_beats_leaves_nothing_waiting_for_the_old_one(beat):
    state = bars(State(60), 101)
    state.apply({"set": {"seed": 9}, "at": "bar"})
    state.apply({"resync": True, "beat": beat})
    assert bars(state, 1).values["seed"] == 9


def test_a_count_that_follows_another_program_keeps_the_bar():
    state = bars(State(60), 6)
    state.apply({"set": {"seed": 9}, "at": "bar"})
    state.apply({"resync": True, "beat": 7.99})
    assert state.values["seed"] == 0
    # As Link says it, a moment after the bar began.
    state.apply({"resync": True, "beat": 8.003})
    assert after(state, 1).values["seed"] == 9


@pytest.mark.parametrize("band", ["rms", "low", "mid", "high", "onset"])
def test_an_analyser_that_went_away_leaves_silence(band):
    state = State(60)
    state.apply({"set": {f"audio/{band}": 0.9}})
    assert after(state, 12).number(f"audio/{band}") == pytest.approx(0.9, abs=0.01)
    kept = json.loads(json.dumps(state.snapshot()))
    other = State(60)
    other.restore(kept)
    for silent in (state, other):
        after(silent, 18)
        assert silent.number(f"audio/{band}") < 0.01
        assert silent.targets[f"audio/{band}"] == 0
