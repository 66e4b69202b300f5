"""Walks as people call them, and films of Python that can be made again from their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latentart
from latentart import provenance, walks
from latentart.errors import LatentartError
from latentart.latent import path as paths
from latentart.models.base import Generator
from latentart.render import film as films

CLOCK = {"seconds": 0.4, "fps": 10}


@pytest.mark.parametrize(
    "seeds", [[46, 10], (46, 10), "46,10", np.array([46, 10]), range(46, 48), 46, "46", np.int64(3)]
)
@pytest.mark.parametrize("walk", walks.NAMES)
def test_seeds_in_every_spelling(G: Generator, walk: str, seeds: Any) -> None:
    path = getattr(walks, walk)(G, seeds=seeds, **CLOCK)
    named = [46, 10] if len(np.atleast_1d(np.asarray(seeds))) == 2 and "range" not in repr(seeds) else None
    assert named is None or path.settings["film"]["seeds"] == named
    assert path(0.0).shape == (1, G.num_ws, G.w_dim)


def test_latents_in_every_spelling(G: Generator, tmp_path: Path) -> None:
    ws = torch.randn(3, G.num_ws, G.w_dim)
    np.savez(tmp_path / "kept.npz", w=ws.numpy())
    spelled: list[Any] = [ws, ws.numpy(), ws.double().numpy(), str(tmp_path / "kept.npz"), [tmp_path / "kept.npz"]]
    made = [walks.keyframes(G, latents=latents, interp="linear", **CLOCK)(0.0) for latents in spelled]  # type: ignore[attr-defined]
    for each in made:
        assert torch.allclose(each, ws[:1], atol=1e-6)


@pytest.mark.parametrize("classes", ["a-c", "a,b,c", ["a", "b", "c"], [0, 1, 2], [{0: 1.0}, {1: 1.0}, {2: 1.0}]])
def test_classes_in_every_spelling(G_classes: Generator, classes: Any) -> None:
    path = walks.keyframes(G_classes, seeds=5, classes=classes, **CLOCK)  # type: ignore[attr-defined]
    assert path.settings["film"]["classes"] == "a:1.0,b:1.0,c:1.0"


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "seeds of text": ({"seeds": "46,x"}, "cannot read seeds"),
    "seeds of floats": ({"seeds": [4.5]}, "seed 4.5"),
    "a typing error": ({"seeds": [1], "secconds": 4}, "did you mean seconds"),
    "latents of another model": ({"latents": torch.zeros(2, 3, 4)}, "this model needs"),
    "latents of nothing": ({"latents": 7}, "latents are a int"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_values_are_one_line(case: str, G: Generator) -> None:
    given, words = BAD[case]
    with pytest.raises(LatentartError, match=words) as caught:
        walks.keyframes(G, **{**CLOCK, **given})  # type: ignore[attr-defined]
    assert "\n" not in str(caught.value)


def test_what_is_no_model_and_values_without_a_name(G: Generator) -> None:
    with pytest.raises(LatentartError, match=r"latentart\.load"):
        walks.orbit("landscapes-256", seeds=[1])  # type: ignore[attr-defined]
    with pytest.raises(LatentartError, match=r"orbit\(G, seeds=\[1, 2\]"):
        walks.orbit(G, [1, 2])  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def glyphs() -> Generator:
    return latentart.load("glyphs-64", "cpu")


@pytest.mark.parametrize("walk", walks.NAMES)
@pytest.mark.parametrize("ending", ["mp4", "mkv", "webp"])
def test_a_film_from_python_can_be_made_again(glyphs: Generator, walk: str, ending: str, tmp_path: Path) -> None:
    own = {"keyframes": {"interp": "slerp", "easing": "smooth"}, "orbit": {"diameter": 1.5}}.get(walk, {})
    path = getattr(walks, walk)(glyphs, seeds="3,7,9", classes="B", psi=0.7, seconds=0.5, fps=12, **own)
    if walk == "orbit":
        path = paths.even(glyphs, path)
    with latentart.open_sink(tmp_path / f"mine.{ending}", fps=path.fps) as sink:
        drawn = [
            np.array(f) for f in latentart.frames(glyphs, path, noise_mode="none", size=(96, 80)) if not sink.write(f)
        ]
    film, sha256 = films.like(tmp_path / f"mine.{ending}")
    assert sha256 == glyphs.sha256
    assert film.noise_mode == "none"
    assert film.size == (96, 80)
    again = films.make_path(film, glyphs)
    redrawn = list(latentart.frames(glyphs, again, noise_mode=film.noise_mode, size=film.size, fit=film.fit))
    assert np.array_equal(np.stack(drawn), np.stack(redrawn))


def test_what_a_record_cannot_hold_is_said(glyphs: Generator, tmp_path: Path) -> None:
    path = walks.orbit(glyphs, seeds=[3], classes="A", seconds=0.2, fps=10).map(lambda ws, u: ws * 1.1)  # type: ignore[attr-defined]
    with latentart.open_sink(tmp_path / "changed.mp4") as sink:
        for frame in latentart.frames(glyphs, path):
            sink.write(frame)
    assert provenance.read(tmp_path / "changed.mp4")["film"]["seeds"] == [3]
    with pytest.raises(LatentartError, match=r"changed in Python by path\.map"):
        films.like(tmp_path / "changed.mp4")
