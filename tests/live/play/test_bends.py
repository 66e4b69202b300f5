"""Bends while playing: nothing at 0, bit for bit; what a layer is called differs from model to model."""

from __future__ import annotations

import logging

import pytest
import torch
from layouts import random_stylegan3

from latentart.errors import SettingsError
from latentart.latent import bending
from latentart.live.control.params import BENDS, LAYERS, defaults
from latentart.live.control.state import State
from latentart.live.osc import layers
from latentart.live.play.bends import Bender, Twist, twists
from latentart.live.play.instrument import Instrument
from latentart.live.play.painter import Painter
from latentart.models.base import placed
from latentart.models.load import build
from latentart.weights.checkpoint import Checkpoint

STILL = {"walk/mode": "hold", "walk/play": False, "walk/glide": 0.0}


@pytest.fixture(scope="module")
def painter(G):
    return Painter(G, only="eager")


def frame(painter, G, **values):
    """The picture after everything has settled."""
    instrument = Instrument(G, 60)
    instrument.apply({"set": STILL | {name.replace("__", "/"): value for name, value in values.items()}})
    for _ in range(120):
        instrument.tick()
    return painter.paint(instrument.shot())[0]


def test_all_at_zero_is_the_picture_bit_for_bit(painter, G):
    plain = frame(painter, G)
    bent = frame(painter, G, bend__1__amount=0.2)
    assert (bent != plain).mean() > 0.1
    back = frame(painter, G, bend__1__amount=0.0, bend__2__op="blur", bend__2__layer=9)
    assert back.tobytes() == plain.tobytes()


def test_it_is_what_a_film_draws(painter, G):
    instrument = Instrument(G, 60)
    instrument.apply({"set": STILL | {"bend/2/op": "rotate", "bend/2/layer": 2, "bend/2/amount": 0.25}})
    for _ in range(120):
        instrument.tick()
    shot = instrument.shot()
    name = list(bending.layers(G))[1]
    bends = bending.Bends(G, [f"rotate=45@{name}"])
    with torch.inference_mode():
        wanted = bends.at([0.0])(shot.ws)
    drawn = painter._drawn(shot)
    found = torch.as_tensor(drawn).permute(0, 3, 1, 2)
    assert (found.float() - (wanted * 127.5 + 128).clamp(0, 255).floor()).abs().max() <= 1


@pytest.mark.parametrize("op", BENDS)
@pytest.mark.parametrize("amount", [-1.0, 1.0])
def test_the_ends_of_every_operation_can_be_drawn(painter, G, op, amount):
    for layer in (1, LAYERS):
        assert frame(painter, G, bend__1__op=op, bend__1__layer=layer, bend__1__amount=amount).shape == (16, 16, 3)


def test_a_share_of_the_maps(painter, G):
    settings = {"bend__1__op": "gain", "bend__1__layer": 2, "bend__1__amount": 0.8}
    whole, half, none = (frame(painter, G, **settings, bend__1__share=share) for share in (1.0, 0.5, 0.0))
    plain = frame(painter, G)
    assert none.tobytes() == plain.tobytes()
    assert len({whole.tobytes(), half.tobytes(), plain.tobytes()}) == 3


def test_bends_go_from_model_to_model(G, G_classes, painter):
    instrument = Instrument(G, 60)
    instrument.apply({"set": STILL | {"bend/1/layer": LAYERS, "bend/1/amount": 1.0}})
    instrument.tick()
    painter.paint(instrument.shot())
    instrument.use_generator(G_classes)
    instrument.tick()
    assert Painter(G_classes, only="eager").paint(instrument.shot())[0].shape == (16, 16, 3)


def test_a_model_without_layers_stays_as_it_is_and_says_so_once(G, caplog):
    class Bare:
        name, family = "bare", "flat"
        synthesis = torch.nn.Identity()

    bender = Bender(Bare())
    with caplog.at_level(logging.WARNING):
        assert bender.changes([Twist(1, "rotate", 4, 1.0, 30.0)]) == []
        assert bender.changes([Twist(1, "rotate", 4, 1.0, 30.0)]) == []
    assert len(caplog.records) == 1


def test_amounts_glide_and_end_exactly_at_zero():
    state = State(60)
    state.apply({"set": {"bend/1/amount": 0.5}})
    state.tick()
    assert 0 < twists(state)[0].amount < 90
    state.apply({"set": {"bend/1/amount": 0.0}})
    for _ in range(120):
        state.tick()
    assert twists(state) == ()


def test_addresses_of_layers_take_the_slot_that_is_free():
    values = defaults()
    values |= layers.played(values, "layer/5/rotate", 90)
    assert (values["bend/1/op"], values["bend/1/layer"], values["bend/1/amount"]) == ("rotate", 5, 0.5)
    values |= layers.played(values, "layer/7/gain", -99)
    assert (values["bend/2/op"], values["bend/2/layer"], values["bend/2/amount"]) == ("gain", 7, -1.0)
    values |= layers.played(values, "layer/5/rotate", 18)
    assert values["bend/1/amount"] == pytest.approx(0.1)
    assert layers.amount_of(values, "layer/5/rotate") == pytest.approx(18)
    assert layers.amount_of(values, "layer/9/rotate") == 0
    for op in ("blur", "invert"):
        values |= layers.played(values, f"layer/1/{op}", 0.1)
    with pytest.raises(SettingsError, match="all 4 bends are in use"):
        layers.played(values, "layer/2/scale", 1)


def test_a_model_that_can_is_moved_and_turned():
    tensors, config = random_stylegan3.random_state(resolution=16)
    G3 = build(Checkpoint(tensors, config, "0" * 64, "random", "three"), "cpu")
    painter = Painter(G3, only="eager")
    plain = frame(painter, G3)
    turned = frame(painter, G3, place__rotate=90.0, place__x=0.25)
    with torch.inference_mode():
        instrument = Instrument(G3, 60)
        instrument.apply({"set": STILL})
        instrument.tick()
        wanted = G3.synthesis(instrument.shot().ws, transform=placed((0.25, 0), 90))
    assert (turned != plain).mean() > 0.2
    found = torch.from_numpy(turned.copy()).permute(2, 0, 1).float()
    assert (found - (wanted[0] * 127.5 + 128).clamp(0, 255).floor()).abs().max() <= 1
    assert frame(painter, G3).tobytes() == plain.tobytes()


def test_another_model_is_not_moved(painter, G):
    assert frame(painter, G, place__rotate=90.0).tobytes() == frame(painter, G).tobytes()
