"""What OSC messages do."""

from __future__ import annotations

import json
import struct
import time

import pytest

from latentart.live.control.actions import Actions
from latentart.live.control.controller import Control
from latentart.live.control.params import ACTIONS, TABLE
from latentart.live.control.presets import Presets
from latentart.live.osc.dispatch import (
    MESSAGES_PER_SECOND,
    PATTERNS_PER_PACKET,
    PATTERNS_PER_SECOND,
    Dispatcher,
    addresses,
)
from tests.live.osc.test_packet import POISON, bundle
from tests.live_house import message

ME = ("127.0.0.1", 40_000)


class Nothing:
    """Stands in for models and recorder."""

    def __init__(self):
        self.asked = []

    def names(self):
        return ["tiny"]

    def load(self, name, *, swap):
        self.asked.append((name, swap))

    def chosen(self):
        return "tiny"

    def restore(self):
        self.asked.append("restore")

    def start(self, name):
        self.asked.append(name)

    def stop(self):
        self.asked.append("stop")

    def mark(self, text):
        self.asked.append(text)


@pytest.fixture
def osc(tmp_path):
    control, nothing = Control(), Nothing()
    found = Dispatcher(control, Actions(control, Presets(tmp_path), nothing, nothing), lambda *reply: None, None)
    found.nothing = nothing
    found.replies = []
    found.reply = lambda *reply: found.replies.append(reply)
    return found


def value(osc, name):
    return osc.control.value(name)


def send(osc, address, *args):
    osc.dispatch((message(address, *args), ME))


def test_sets_with_all_spellings(osc):
    osc.dispatch((message("/latentart/psi", 0.25), ME))
    assert value(osc, "psi") == 0.25
    osc.dispatch((message("/la/psi", 1), ME))
    assert value(osc, "psi") == 1
    osc.dispatch((message("/la/n/psi", 0.5), ME))
    assert value(osc, "psi") == 0
    osc.dispatch((message("/truncpsi", 0.75), ME))
    assert value(osc, "psi") == 0.75
    osc.dispatch((message("/la/walk/mode", "orbit"), ME))
    assert value(osc, "walk/mode") == "orbit"
    osc.dispatch((message("/la/walk/mode", 2), ME))
    assert value(osc, "walk/mode") == "drift"


def test_clamps_and_ignores_what_follows(osc):
    osc.dispatch((message("/la/psi", 99.0, 1, "x"), ME))
    assert value(osc, "psi") == TABLE["psi"].high


def test_a_bundle_is_one_operation(osc):
    osc.dispatch((bundle(message("/la/psi", 0.1), message("/la/seed", 5), message("/la/psi", 0.2)), ME))
    (operation,) = osc.control.pop(0)
    assert operation["set"] == {"psi": pytest.approx(0.2), "seed": 5}


def test_a_pattern_reaches_many(osc):
    osc.dispatch((message("/la/dir/*/amount", 2.0), ME))
    assert value(osc, "dir/1/amount") == value(osc, "dir/16/amount") == 2


def test_a_message_without_arguments_asks(osc):
    osc.dispatch((message("/la/psi"), ME))
    osc.dispatch((message("/la/n/psi"), ME))
    assert osc.replies == [(ME, "/la/psi", [0.8]), (ME, "/la/n/psi", [pytest.approx(0.7)])]


@pytest.mark.parametrize(("args", "fires"), [((), True), ((1,), True), ((1.0,), True), ((0,), False), ((True,), True),
                                             ((False,), False)])  # fmt: skip
def test_buttons_fire_when_pressed_and_not_when_let_go(osc, args, fires):
    osc.dispatch((message("/la/seed/next", *args), ME))
    assert value(osc, "seed") == (1 if fires else 0)


def test_models_are_names_of_the_listing(osc):
    osc.dispatch((message("/la/model/load", "tiny"), ME))
    for name in ("../../etc/passwd", "/etc/passwd", "tiny/../tiny", "", "a" * 300):
        osc.dispatch((message("/la/model/load", name), ME))
    assert osc.nothing.asked == [("tiny", True)]


def test_vectors_as_numbers_and_as_a_blob(osc):
    osc.dispatch((message("/la/latent/z", 0.5, -0.5), ME))
    assert value(osc, "latent/z") == (0.5, -0.5)
    osc.dispatch((message("/la/latent/w", struct.pack("<3f", 1, 2, 3)), ME))
    assert value(osc, "latent/w") == (1, 2, 3)
    osc.dispatch((message("/la/latent/w", struct.pack("<2f", 1, float("nan"))), ME))
    osc.dispatch((message("/la/latent/w", b"abc"), ME))
    assert value(osc, "latent/w") == (1, 2, 3)
    assert osc.counts["bad_message"] == 2


def test_runway_habit(osc):
    osc.dispatch((message("/query", json.dumps({"z": [0.0] * 16, "truncation": 0.5})), ME))
    assert (value(osc, "walk/mode"), value(osc, "psi")) == ("latent", 0.5)
    osc.dispatch((message("/query", '{"z": ' + "[" * 5000), ME))
    osc.dispatch((message("/query", '{"truncation": NaN}'), ME))
    assert value(osc, "psi") == 0.5


@pytest.mark.parametrize("data", POISON.values(), ids=POISON.keys())
def test_poison_is_counted_and_changes_nothing(osc, data):
    before = osc.control.values()
    osc.dispatch((data, ME))
    assert osc.control.values() == before
    assert osc.counts["bad_packet"] == 1


def test_the_wrong_types_change_nothing(osc):
    before = osc.control.values()
    for address in ("/la/psi", "/la/seed", "/la/walk/play", "/la/n/psi", "/la/latent/z"):
        for argument in ("text", b"blob12"):
            osc.dispatch((message(address, argument), ME))
    osc.dispatch((message("/la/preset/recall", b"calm"), ME))
    osc.dispatch((message("/la/preset/store", "a\nb"), ME))
    osc.dispatch((message("/la/latent/xy", 5.0), ME))
    osc.dispatch((message("/nobody/home", 5.0), ME))
    assert osc.control.values() == before
    assert osc.counts["bad_message"] == 14


def test_patterns_are_rationed(osc):
    packet = bundle(*[message(f"/la/*/{i}*", 1.0) for i in range(PATTERNS_PER_PACKET + 20)])
    osc.dispatch((packet, ME))
    assert osc._matching.cache_info().misses == PATTERNS_PER_PACKET
    for i in range(2 * PATTERNS_PER_SECOND):
        osc.dispatch((message(f"/la/*{i}", 1.0), ME))
    assert osc.counts["over_rate"] > PATTERNS_PER_SECOND / 2


def test_a_flood_keeps_the_last_value_and_lets_panic_through(osc):
    osc._messages._clock, osc._messages._at = lambda: 0.0, 0.0
    packet = message("/la/psi", 0.5)
    for _ in range(MESSAGES_PER_SECOND + 5000):
        osc.dispatch((packet, ME))
    assert osc.counts["over_rate"] > 0
    assert len(osc.control.pop(0)) == 1
    osc.dispatch((message("/la/master/blackout", True), ME))
    osc.dispatch((message("/la/master/panic"), ME))
    assert value(osc, "walk/play") is False
    assert value(osc, "master/blackout") is False


def test_no_datagram_is_dear(osc):
    worst = [
        bundle(*[message("/*/*/*/*", 1.0)] * 200),
        bundle(*[message("/la/{" + "a,b," * 20 + "c}*{x,y}*/*", 1.0)] * 200),
        message("/la/latent/w", *[0.5] * 10_000),
        bundle(*[message("/la/psi")] * 256),
        b"/la/psi\0," + b"T" * 16_383,
    ]
    for data in worst:
        begun = time.perf_counter()
        osc.dispatch((data, ME))
        assert time.perf_counter() - begun < 0.25


def test_every_parameter_and_action_has_its_addresses():
    found = addresses()
    for root in ("/latentart", "/la"):
        assert {f"{root}/{name}" for name in [*TABLE, *ACTIONS]} <= set(found)


def test_cues_by_number_and_name(osc):
    for name in ("calm", "wild", "3"):
        osc.actions.presets.store(name, {**osc.control.values(), "psi": {"calm": 0.1, "wild": 0.2, "3": 0.3}[name]})
    osc.actions.presets.write_cues([{"preset": name, "fade": 0} for name in ("wild", "calm", "3")])
    for which, psi, place in [("1", 0.2, 0), ("calm", 0.1, 1), ("3", 0.3, 2)]:
        send(osc, f"/la/cue/{which}/go")
        assert value(osc, "psi") == psi
        assert osc.actions.presets.place == place
    # A button let go.
    send(osc, "/latentart/cue/1/go", 0)
    assert osc.actions.presets.place == 2
    send(osc, "/latentart/cue/1/go", 1)
    assert osc.actions.presets.place == 0


@pytest.mark.parametrize("which", ["0", "99", "nothing", "-1", "..", "9" * 64])
def test_cues_that_are_not_there(osc, which):
    osc.actions.presets.store("calm", osc.control.values())
    send(osc, f"/latentart/cue/{which}/go")
    assert osc.counts["bad_message"] == 1
    assert osc.actions.presets.place == -1


def test_layers_are_bent_in_their_own_units_and_asked(osc):
    send(osc, "/latentart/layer/5/rotate", 45)
    assert (value(osc, "bend/1/op"), value(osc, "bend/1/layer"), value(osc, "bend/1/amount")) == ("rotate", 5, 0.25)
    send(osc, "/la/layer/5/rotate")
    assert osc.replies == [(ME, "/latentart/layer/5/rotate", [45.0])]
    for bad in ("much", None, float("nan")):
        send(osc, "/latentart/layer/5/rotate", bad)
    assert value(osc, "bend/1/amount") == 0.25
    send(osc, "/latentart/layer/19/rotate", 5)
    send(osc, "/latentart/layer/1/explode", 5)
    assert osc.counts["bad_message"] >= 3


def test_a_fifth_bend_is_refused(osc):
    for layer in range(1, 6):
        send(osc, f"/latentart/layer/{layer}/gain", 1)
    assert osc.counts["bad_message"] == 1
    assert "in use" in osc.last_fault
    send(osc, "/latentart/layer/2/gain", 0)
    send(osc, "/latentart/layer/5/gain", 1)
    assert value(osc, "bend/2/layer") == 5
