"""Networks of the listing, as a slot plays them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from layouts.pix2pix import UNet

from latentart.live.play.instrument import Instrument
from latentart.live.play.painter import Painter
from latentart.live.play.translating import Translators, offered
from latentart.live.wire.inbox import Incoming
from latentart.translators.load import open_translator
from latentart.weights import cards, safe


@pytest.fixture
def scribble(tmp_path, monkeypatch):
    """A card of one's own: a pix2pix of a few thousand random weights."""
    torch.manual_seed(0)
    torch.save(UNet(5, 2, "batch").state_dict(), tmp_path / "raw.pth")
    path = tmp_path / "scribble.safetensors"
    safe.write(path, open_translator(tmp_path / "raw.pth"))
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    about = f'name = "scribble"\nfile = "{path.name}"\nsha256 = "{sha}"\n'
    (tmp_path / "scribble.toml").write_text(about + 'family = "pix2pix"\nchannels = 3\nresolution = 64\n')
    (tmp_path / "raw.pth").unlink()
    monkeypatch.setenv(cards.FOLDER_VARIABLE, str(tmp_path))
    return "scribble"


def test_a_network_of_ones_own_is_offered_by_its_card(scribble):
    assert {"name": scribble, "family": "pix2pix", "styles": 0, "size": 64} in offered()


def test_a_drawing_is_answered(scribble, G):
    translators = Translators("cpu", only="eager")
    ready = translators.open(scribble, (64, 64))
    painter, instrument = Painter(G, only="eager", translators=translators), Instrument(G, 60)
    instrument.apply({"set": {"source": "input", "then/1/network": scribble}})
    instrument.slots.add_ready(ready)
    paper = np.full((64, 64, 3), 255, np.uint8)
    instrument.incoming = (64, 64)
    instrument.tick()
    blank = painter.paint(instrument.shot(), Incoming(1, paper))[0]
    paper[20:24, 8:50] = 0
    drawn = painter.paint(instrument.shot(), Incoming(2, paper))[0]
    assert drawn.shape == (16, 16, 3)
    assert (drawn != blank).any()
