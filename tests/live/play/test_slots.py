"""Translators after the picture: seen from the frame on that says so, their styles glide, takes repeat them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from latentart.errors import LatentartError, SettingsError, WeightsError
from latentart.live.control.state import State
from latentart.live.control.takes import Takes, read_take
from latentart.live.play.instrument import Instrument
from latentart.live.play.painter import Painter
from latentart.live.play.replay import take_frames
from latentart.live.play.slots import Slots, Touch, mixed, without_ready
from latentart.live.play.translating import Translators, offered, style_of
from latentart.live.wire.inbox import Incoming
from latentart.translators.base import Translator

READY = {"then": "cartoon", "size": [16, 16], "engine": "eager"}
STILL = {"walk/mode": "hold", "walk/play": False, "walk/glide": 0.0}


class Small(Translator):
    """A network with conditions."""

    def __init__(self, channels=3, styles=0, smallest=8):
        super().__init__()
        self.in_channels, self.style_dim, self.style_names = channels, styles, tuple(map(str, range(styles)))
        self.smallest = smallest

    def forward(self, img, *, style=None, strength=1.0):
        return -img.expand(-1, 3, -1, -1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Every name of the listing is a network that costs nothing."""
    monkeypatch.setattr("latentart.live.play.translating.load_translator", lambda name, device: Small())


def playing(G, **values):
    instrument = Instrument(G, 60)
    instrument.apply({"set": STILL | {name.replace("__", "/"): value for name, value in values.items()}})
    instrument.tick()
    return instrument


def test_nothing_is_seen_before_it_is_ready(G):
    instrument = playing(G, then__1__network="cartoon")
    assert instrument.slots.missing(instrument.state, (16, 16)) == "cartoon"
    assert instrument.slots.missing(instrument.state, (16, 16), {"cartoon"}) is None
    assert instrument.shot().then == ()
    instrument.slots.add_ready(READY)
    assert instrument.shot().then == (Touch("cartoon", 1.0, ((0, 1.0),), False),)
    assert instrument.slots.missing(instrument.state, (16, 16)) is None
    assert instrument.slots.missing(instrument.state, (32, 32)) == "cartoon"


def test_off_or_without_strength_costs_nothing(G):
    instrument = playing(G, then__1__network="cartoon", then__1__strength=0.0)
    instrument.slots.add_ready(READY)
    for _ in range(120):
        instrument.tick()
    assert instrument.shot().then == ()
    instrument.apply({"set": {"then/1/strength": 1.0, "then/1/on": False}})
    instrument.tick()
    assert instrument.shot().then == ()


def test_the_picture_goes_through(G):
    painter, instrument = Painter(G, only="eager"), playing(G)
    plain = painter.paint(instrument.shot())[0]
    instrument.apply({"set": {"then/2/network": "cartoon"}})
    instrument.slots.add_ready(READY)
    instrument.tick()
    drawn = painter.paint(instrument.shot())[0]
    assert drawn.shape == plain.shape
    assert (drawn != plain).mean() > 0.2
    instrument.apply({"set": {"then/2/network": ""}})
    instrument.tick()
    assert painter.paint(instrument.shot())[0].tobytes() == plain.tobytes()


def test_a_stage_of_another_size(G):
    painter, instrument = Painter(G, (40, 24), only="eager"), playing(G, then__1__network="cartoon")
    instrument.slots.add_ready(READY)
    instrument.tick()
    assert painter.paint(instrument.shot())[0].shape == (24, 40, 3)


def test_a_picture_that_came_in_takes_the_generators_place(G):
    painter, instrument = Painter(G, (32, 32), only="eager"), playing(G)
    red = np.zeros((48, 48, 3), np.uint8)
    red[..., 0] = 200
    drawn, again = painter.paint(instrument.shot(), Incoming(1, red))
    assert not again
    assert drawn.shape == (32, 32, 3)
    assert abs(int(drawn[5, 5, 0]) - 200) <= 1
    assert painter.paint(instrument.shot(), Incoming(1, red))[1]
    assert not painter.paint(instrument.shot(), Incoming(2, red))[1]


def test_styles_glide():
    slots, state = Slots(), State(10)
    state.apply({"set": {"then/1/network": "mosaic26", "then/1/style/a": 3, "walk/glide": 1.0}})
    state.tick()
    slots.tick(state)
    slots.add_ready({"then": "mosaic26", "size": [16, 16], "engine": "openvino f32"})
    assert slots.touches(state, (16, 16))[0].styles == ((3, 1.0),)
    assert slots.touches(state, (16, 16))[0].graph
    state.apply({"set": {"then/1/style/a": 8}})
    seen = []
    for _ in range(12):
        state.tick()
        slots.tick(state)
        seen.append(dict(slots.touches(state, (16, 16))[0].styles))
    shares = [styles.get(8, 0.0) for styles in seen]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert seen[-1] == {8: 1.0}
    assert all(sum(styles.values()) == pytest.approx(1) for styles in seen)


def test_a_change_on_the_way_begins_where_it_is():
    slots, state = Slots(), State(10)
    for values, frames in (({"then/1/network": "m", "walk/glide": 1.0}, 1), ({"then/1/style/a": 5}, 5)):
        state.apply({"set": values})
        for _ in range(frames):
            state.tick()
            slots.tick(state)
    before = slots._glides["then/1"].shown
    assert set(before) == {0, 5}
    state.apply({"set": {"then/1/style/a": 9}})
    state.tick()
    slots.tick(state)
    after = slots._glides["then/1"].shown
    assert all(abs(after[number] - share) < 0.1 for number, share in before.items())


def test_a_restored_performance_goes_on_the_same(G):
    one = playing(G, then__1__network="cartoon", then__1__style__a=4)
    one.slots.add_ready(READY)
    one.apply({"set": {"then/1/style/a": 7, "walk/glide": 0.5}})
    for _ in range(5):
        one.tick()
    other = Instrument(G, 60)
    other.restore(json.loads(json.dumps(one.snapshot())))
    for _ in range(10):
        one.tick()
        other.tick()
        assert one.shot().key == other.shot().key
    assert without_ready(one.snapshot())["then"]["ready"] == {}
    # Takes of before there were slots.
    older = {key: value for key, value in one.snapshot().items() if key != "then"}
    Instrument(G, 60).restore(older)


def test_a_take_repeats_them(G, tmp_path):
    takes = Takes(tmp_path, {"fps": 60, "size": [16, 16], "threads": 1})
    instrument, painter = playing(G), Painter(G, only="eager")
    head = {"model": G.name, "sha256": G.sha256, "engine": "eager", "directions": ""}
    takes.start("one")
    takes.begin(0, {**instrument.snapshot(), **head})
    instrument.state.frame = -1
    played = {2: [{"do": {"set": {"then/1/network": "cartoon", "bend/1/amount": 0.3}}}], 4: [READY]}
    shown = []
    for frame in range(8):
        for event in played.get(frame, ()):
            instrument.apply(event["do"]) if "do" in event else instrument.slots.add_ready(event)
        instrument.tick()
        shown.append(painter.paint(instrument.shot())[0].copy())
        takes.passed(frame, played.get(frame, []))
    takes.stop()
    take = read_take(tmp_path / "one.jsonl")
    assert take.translators() == [("cartoon", (16, 16))]
    again = list(take_frames(G, take))
    assert [frame.tobytes() for frame in again] == [frame.tobytes() for frame in shown]
    assert len({frame.tobytes() for frame in shown}) > 4


def opened(monkeypatch, T):
    monkeypatch.setattr("latentart.live.play.translating.load_translator", lambda name, device: T)
    return Translators()


def test_a_picture_too_small_is_shown_without(monkeypatch, caplog):
    translators, img = opened(monkeypatch, Small(smallest=64)), torch.full((1, 3, 16, 16), 0.5)
    for _ in range(2):
        assert torch.equal(translators.draw(Touch("cartoon", 1.0, (), False), img), img)
    assert len(caplog.records) == 1
    large = torch.full((1, 3, 64, 64), 0.5)
    assert torch.equal(translators.draw(Touch("cartoon", 1.0, (), False), large), -large)


def test_grey_networks_are_given_grey(monkeypatch):
    translators, img = opened(monkeypatch, Small(channels=1)), torch.rand(1, 3, 64, 64)
    assert translators.draw(Touch("cartoon", 1.0, (), False), img).shape == (1, 3, 64, 64)
    with pytest.raises(SettingsError, match="7 channels"):
        opened(monkeypatch, Small(channels=7)).open("cartoon", (64, 64))


def test_numbers_beyond_the_last_style_are_the_last():
    assert style_of(None, ((3, 1.0),)) is None
    assert style_of(torch.eye(4), ((1, 0.25), (200, 0.75))).tolist() == [0, 0.25, 0, 0.75]
    assert mixed({1: 1.0}, {1: 1.0}, 0.3) == {1: 1.0}


class AnyStyle(Small):
    """Takes its style from a picture: the mean colour."""

    def __init__(self):
        super().__init__()
        self.style_dim = 3
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, img, *, style=None, strength=1.0):
        return style[None, :, None, None].expand(1, 3, *img.shape[-2:])

    def style_of(self, img):
        return img.mean(dim=(0, 2, 3))


def test_a_network_for_any_style_takes_them_from_pictures(monkeypatch, tmp_path):
    monkeypatch.setattr("latentart.live.play.translating.load_translator", lambda name, device: AnyStyle())
    with pytest.raises(SettingsError, match="put some into the folder"):
        Translators(pictures=tmp_path).open("cartoon", (16, 16))
    for number, level in enumerate((0, 255)):
        Image.fromarray(np.full((9, 9, 3), level, np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    translators = Translators(pictures=tmp_path)
    translators.open("cartoon", (16, 16))
    drawn = translators.draw(Touch("cartoon", 1.0, ((0, 0.5), (1, 0.5)), False), torch.zeros(1, 3, 16, 16))
    assert drawn.abs().max() < 0.01
    counted = {each["name"]: each["styles"] for each in offered(tmp_path)}
    assert counted["mosaic26"] == 26
    assert counted["cartoon"] == 0


def test_a_picture_that_cannot_be_read_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("latentart.live.play.translating.load_translator", lambda name, device: AnyStyle())
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(LatentartError, match="broken"):
        Translators(pictures=tmp_path).open("cartoon", (16, 16))


@pytest.mark.parametrize("name", ["nothing", "../evil", "/etc/passwd", "landscapes-256"])
def test_only_translators_of_the_listing(name):
    with pytest.raises((SettingsError, WeightsError)):
        Translators().open(name, (16, 16))
