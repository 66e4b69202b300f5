"""Colour strokes: what is drawn appears, what is beside it stays, and files that are no strokes are named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from latentart.errors import PictureError
from latentart.models.base import Generator
from latentart.projection import scribble
from latentart.projection.presets import PRESETS, Preset, Stage
from latentart.projection.project import Projector, Settings, as_targets
from latentart.projection.search.prior import sample_w
from latentart.projection.target import open_target


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(PRESETS, "preview", Preset((Stage("w", 16, 5, 0.1), Stage("w+", 16, 5, 0.1)), 1, 1))
        yield


@pytest.fixture(scope="module")
def projector(G: Generator) -> Projector:
    return Projector.of(G, samples=32)


def bright_right(G: Generator) -> tuple[Tensor, Tensor]:
    """White strokes over the right quarter."""
    opacity = torch.zeros(1, 1, *G.img_size)
    opacity[..., 12:] = 1
    return torch.ones(1, 3, *G.img_size), opacity


def test_the_picture_follows_the_strokes_and_stays_beside_them(projector: Projector, G: Generator) -> None:
    ws = sample_w(G, 1, 3)[:, None].expand(-1, G.num_ws, -1).clone()
    ws[:, -1] += 0.01
    strokes, opacity = bright_right(G)
    with torch.no_grad():
        before, after = (G.synthesis(w) for w in (ws, scribble.scribble(projector, ws, strokes, opacity, steps=30)))
    drawn, beside = slice(12, None), slice(0, 8)
    assert (after[..., drawn] - 1).square().mean() < 0.8 * (before[..., drawn] - 1).square().mean()
    assert (after - before)[..., beside].square().mean() < (after - before)[..., drawn].square().mean()


def test_no_weight_changes_nothing_much_and_w_stays_w(projector: Projector, G: Generator) -> None:
    ws = sample_w(G, 1, 4)[:, None].expand(-1, G.num_ws, -1)
    strokes, opacity = bright_right(G)
    held, moved = (scribble.scribble(projector, ws, strokes, opacity, weight=w, steps=8) for w in (0.0, 3.0))
    assert bool((moved == moved[:, :1]).all())
    assert (held - ws).norm() < (moved - ws).norm()


def test_only_pictures_that_were_drawn_on_change(projector: Projector, G: Generator) -> None:
    with torch.no_grad():
        img = G.synthesis(sample_w(G, 2, 5)[:, None].expand(-1, G.num_ws, -1)).clamp(-1, 1)
    plain = as_targets(G, img, None)
    drawn = [plain[0], type(plain[1])(plain[1].img, strokes=torch.cat(bright_right(G), dim=1))]
    without, found = (projector.project(targets, Settings("preview")) for targets in (plain, drawn))
    torch.testing.assert_close(found[0].ws, without[0].ws)
    assert not torch.allclose(found[1].ws, without[1].ws)
    assert [made.settings["projection"]["strokes"] for made in found] == [False, True]


def test_thin_strokes_keep_their_colour_when_reduced(G: Generator, tmp_path: Path) -> None:
    layer = np.zeros((64, 64, 4), np.uint8)
    layer[:, 30:34] = (255, 0, 0, 255)
    Image.fromarray(layer).save(tmp_path / "s.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    strokes = open_target(tmp_path / "a.png", G, strokes=tmp_path / "s.png").strokes
    assert strokes is not None
    assert strokes.shape == (1, 4, 16, 16)
    assert strokes[0, :3, 8, 7].tolist() == pytest.approx([1, -1, -1], abs=0.02)
    assert 0.3 < float(strokes[0, 3, 8, 7]) <= 1
    assert float(strokes[0, 3, 8, 2]) < 0.05


def test_what_are_no_strokes_is_said(G: Generator, tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    Image.new("RGB", (20, 20)).save(tmp_path / "full.png")
    Image.new("RGBA", (20, 20)).save(tmp_path / "empty.png")
    Image.new("RGBA", (21, 20)).save(tmp_path / "other.png")
    for name, message in (("full", "cover everything"), ("empty", "cover nothing"), ("other", "is 21x20 pixels")):
        with pytest.raises(PictureError, match=message):
            open_target(tmp_path / "a.png", G, strokes=tmp_path / f"{name}.png")
