"""What senders mean: every address of the table with what faders and buttons send, and what comes back."""

from __future__ import annotations

import struct

import pytest
from live_house import message
from pythonosc.osc_message import OscMessage

from latentart.live.control.params import ACTIONS, TABLE
from latentart.live.osc import arguments
from latentart.live.osc.dispatch import addresses
from latentart.live.osc.sockets import packet
from tests.live.osc.test_dispatch import ME, osc, send, value  # noqa: F401
from tests.live.osc.test_packet import bundle

TABLE_TAGS = {"float": "f", "int": "i", "bool": "TF", "choice": "s", "name": "s"}
NEEDS_MORE = {"latent/xy": 2, "preset/morph": 3}
"""Addresses that one fader cannot play alone, and how many."""


def tags(name: str, raw: object) -> str:
    """The type tags of an echo."""
    data = packet(f"/latentart/{name}", arguments.sent(TABLE[name], raw))  # type: ignore[arg-type]
    start = data.index(b",") + 1
    return data[start : data.index(b"\0", start)].decode()


@pytest.mark.parametrize("number", [1.0, 1, True], ids=["float", "int", "true"])
def test_every_address_takes_what_faders_and_buttons_send(osc, number):  # noqa: F811
    osc.translators = ("cartoon", "mosaic26")
    osc.subscribe = lambda sender, args: None
    osc.actions.presets.store("1", osc.control.values())
    osc.actions.models.names = lambda: ["1", "tiny"]
    osc.actions.midi = type("Learner", (), {"learn": lambda self, name: None})()
    for address, target in addresses().items():
        texts = target.kind == "action" and "s" in ACTIONS[target.name].args.partition("|")[0]
        if target.name == "/query" or (texts and number is True):
            # A JSON text, or a name: no button.
            continue
        # Four layers are bent at a time.
        osc.control.set({f"bend/{slot}/amount": 0 for slot in range(1, 5)})
        args = [number] * NEEDS_MORE.get(target.name, 1)
        osc.actions.presets.store("1", osc.control.values())  # preset/remove is among them
        osc.last_fault = ""
        send(osc, address, *(["127.0.0.1", 9000.0, 60.0] if target.name == "feedback/subscribe" else args))
        assert osc.last_fault == "", address
    send(osc, "/la/then/1/network", number)
    assert value(osc, "then/1/network") == "cartoon"
    send(osc, "/la/then/1/network", 0.0)
    assert value(osc, "then/1/network") == ""
    send(osc, "/la/then/1/network", 3.0)
    assert "from 0, which is none, to 2" in osc.last_fault


def test_buttons_of_the_touchosc_table_fire_once(osc):  # noqa: F811
    for name in (a.name for a in ACTIONS.values() if not a.args.partition("|")[0]):
        fired = []
        osc.actions.fire = lambda name, args=(), fired=fired: fired.append((name, list(args)))
        send(osc, f"/latentart/{name}", 1.0)
        send(osc, f"/latentart/{name}", 0.0)
        assert fired == [(name, [])], name


def test_numbers_are_names_where_a_name_is_wanted(osc):  # noqa: F811
    for name, psi in (("calm", 0.25), ("wild", 0.5)):
        osc.actions.presets.store(name, {**osc.control.values(), "psi": psi})
    send(osc, "/la/cue/at", 2.0)
    assert (value(osc, "psi"), osc.actions.presets.place) == (0.5, 1)
    send(osc, "/la/preset/store", 7.0)
    assert "7" in osc.actions.presets.names()
    send(osc, "/la/preset/recall", 7, 0.0)
    assert osc.last_fault == ""


def test_a_ping_comes_back_as_it_was(osc):  # noqa: F811
    for number in (5, 5.0, 0.5):
        send(osc, "/la/ping", number)
        assert osc.replies[-1] == (ME, "/latentart/pong", [number])


def test_a_subscription_of_floats(osc):  # noqa: F811
    asked = []
    osc.subscribe = lambda sender, args: asked.append(list(args))
    send(osc, "/la/feedback/subscribe", "127.0.0.1", 9000.0, 60.0)
    assert [type(arg) for arg in asked[0]] == [str, int, int]


@pytest.mark.parametrize("name", [name for name, p in TABLE.items() if p.kind != "vector"])
def test_echoes_have_the_types_of_the_table(osc, name):  # noqa: F811
    param = TABLE[name]
    for raw in (-1e12, -3, 0, 1, 99.0, 1e12) if param.kind != "name" else ("cartoon",):
        send(osc, f"/la/{name}", raw if not isinstance(raw, int) or abs(raw) < 2**31 else float(raw))
        assert tags(name, value(osc, name)) in TABLE_TAGS[param.kind], (name, raw)


def test_large_seeds_come_and_go_as_32_bits(osc):  # noqa: F811
    for seed, sent in [(4294967295, -1), (2**31, -(2**31)), (2**31 - 1, 2**31 - 1), (5, 5)]:
        osc.control.set({"seed": seed})
        data = packet("/latentart/seed", arguments.sent(TABLE["seed"], value(osc, "seed")))
        assert OscMessage(data).params == [sent]
        assert b",i" in data
        osc.control.set({"seed": 0})
        osc.dispatch((data, ME))
        assert value(osc, "seed") == seed
    # Where there is no number that large, below the range is below the range.
    send(osc, "/la/walk/count", -1)
    assert value(osc, "walk/count") == TABLE["walk/count"].low


BAD = {
    "nan": b"/la/seed\0\0\0\0,f\0\0\x7f\xc0\0\0",
    "array": b"/la/seed\0\0\0\0,[f]\0\0\0\0" + struct.pack(">f", 1),
    "text": message("/la/seed", "many"),
    "not utf-8": b"/la/seed\0\0\0\0,s\0\0\xff\xfe\xfd\0",
    "address": message("/la/nobody", 1),
    "unknown preset": message("/la/preset/recall", "nobody"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_message_in_a_bundle_leaves_the_others(osc, bad, place):  # noqa: F811
    told = []
    osc.complain = told.append
    good = [message("/la/psi", 0.25), message("/la/walk/count", 5)]
    osc.dispatch((bundle(*good[:place], bad, *good[place:]), ME))
    assert (value(osc, "psi"), value(osc, "walk/count"), value(osc, "seed")) == (0.25, 5, 0)
    assert len(told) == 1
    assert osc.counts["bad_packet"] + osc.counts["bad_message"] == 1


@pytest.mark.parametrize(
    "address", ["/LA/psi", "/latentart/Psi", "/latentart/psi/", "/latentart//psi", "/latentart/pssi", "/latentart/PSI/"]
)
def test_an_address_that_is_nearly_right_is_given_back(osc, address):  # noqa: F811
    send(osc, address, 1.0)
    assert osc.last_fault.endswith((": did you mean /latentart/psi?", ": did you mean /la/psi?"))


def test_everything_that_is_refused_is_reported_each_time(osc):  # noqa: F811
    told = []
    osc.complain = told.append
    for _ in range(3):
        send(osc, "/la/nobody/home", 1.0)
        send(osc, "/la/psi", "much")
        send(osc, "/la/preset/recall", "nobody")
        send(osc, "/la/zzz*", 1.0)
        osc.dispatch((b"/la/psi\0,f\0\0\x7f\xc0\0\0", ME))
    assert len(told) == 15
    assert told[:5] == told[5:10]
    assert told[4] == "/la/psi: an argument of type 'f' is nan: send finite numbers"


def test_of_two_latents_in_one_bundle_the_later_is_played(osc):  # noqa: F811
    z, w = message("/la/latent/z", 1.0, 2.0), message("/la/latent/w", 3.0, 4.0)
    osc.dispatch((bundle(z, w, z), ME))
    assert (value(osc, "latent/z"), value(osc, "latent/w")) == ((1, 2), ())
    osc.control.fit({"z_dim": 2, "w_dim": 2, "num_ws": 2})
    send(osc, "/la/latent/z", 1.0)
    assert osc.last_fault == "latent/z takes 2 numbers for the model that plays, not 1"
