"""latentart directions, map and blend as people type them."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import tiny
from layouts.random_stylegan2 import random_state

from latentart.cli import group
from latentart.errors import LatentartError
from latentart.latent import direction_files
from latentart.models.load import load
from latentart.pixels import open_image
from latentart.weights import cards, safe
from latentart.weights.checkpoint import Checkpoint


def run(*arguments):
    done = CliRunner().invoke(group, [str(a) for a in arguments], catch_exceptions=True, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.output


@pytest.fixture
def models(tmp_path):
    """Two files of one shape."""
    for name, seed in (("a", 0), ("b", 1)):
        tensors, config = random_state(seed, resolution=16, z_dim=16, w_dim=16)
        safe.write(tmp_path / f"{name}.safetensors", Checkpoint(tensors, config, "", "random", name))
    return tmp_path


def test_find_show_rename_and_play(models):
    model = models / "a.safetensors"
    found = run("directions", "find", "--network", model, "--pca", 2, "--sefa", 1, "--samples", 500, "--pictures", 2)
    file = models / "a.directions.safetensors"
    assert "sefa:middle:1" in found
    assert open_image(models / "a.directions.png").shape[2] == 3
    assert run("directions", "rename", "--network", model, "pca:1=dusk").strip() == str(file)
    shown = run("directions", "show", "--network", model, "--only", "dusk", "-o", models / "sheet.png")
    assert "dusk" in shown
    assert "pca:2" not in shown
    book = direction_files.of_network(load(str(model), "cpu"), model)
    assert book["pca:1"].name == "dusk"
    # A 16 pixel model has no fine layers.
    assert [d.source for d in book if d.source.startswith("sefa")].count("sefa:fine:1") == 0
    assert len(book) == 4
    edited = run("images", "--network", model, "--seeds", 1, "--edit", "dusk=3", "--outdir", models / "x")
    assert edited.strip().endswith("seed0001.png")
    with pytest.raises(LatentartError, match="already"):
        run("directions", "find", "--network", model)
    with pytest.raises(LatentartError, match="OLD=NEW"):
        run("directions", "rename", "--network", model, "dusk")


def test_directions_of_others_and_between_folders(models):
    model, rng = models / "a.safetensors", np.random.RandomState(0)
    np.save(models / "age.npy", rng.randn(16))
    for folder in ("plain", "smiling"):
        (models / folder).mkdir()
        np.save(models / folder / "p.npy", rng.randn(3, 6, 16))
    target = models / "d.safetensors"
    sets = ["--between", models / "plain", models / "smiling", "--from", models / "age.npy"]
    few = ["--pca", 0, "--sefa", 0, "--pictures", 2]
    assert "smiling" in run("directions", "find", "--network", model, *few, *sets, "--directions", target)
    assert {d.name for d in direction_files.read(target, 6, 16)} == {"age", "smiling"}
    apart = [*few, "--between", models / "plain", models / "smiling", "--orthogonal-to", models / "age.npy"]
    run("directions", "find", "--network", model, *apart, "--directions", models / "apart.safetensors")
    smile = direction_files.read(models / "apart.safetensors", 6, 16)["smiling"].rows(6)
    assert abs(np.vdot(smile, np.tile(np.load(models / "age.npy"), (6, 1)))) < 1e-3 * np.linalg.norm(smile)
    with pytest.raises(LatentartError, match="no directions were asked for"):
        run("directions", "find", "--network", model, *few, "--directions", models / "e.safetensors")


def test_channels_name_the_bend_that_plays_them(models):
    model = models / "a.safetensors"
    lines = run("directions", "channels", "--network", model, "--count", 3, "-o", models / "c.png").splitlines()
    bend = lines[0].split()[1]
    film = ["film", "--network", model, "--seeds", 1, "--seconds", 0.2, "--fps", 10, "-o", models / "f.gif"]
    assert "2 frames" in run(*film, "--bend", bend)
    with pytest.raises(LatentartError, match="leave it out"):
        run(*film, "--overwrite", "--bend", bend, "--engine", "openvino f32")


def test_a_model_without_directions_says_what_to_do(models):
    with pytest.raises(LatentartError, match="directions find"):
        run("directions", "show", "--network", models / "b.safetensors")


def test_map_draws_a_sheet_and_a_page(models):
    model = models / "a.safetensors"
    made = run(
        "map", "--network", model, "--axes", "sefa:1", "sefa:2", "--columns", 3, "--cell", 16, "-o", models / "m.html"
    )
    assert made.splitlines()[-2:] == [str(models / "m.png"), str(models / "m.html")]
    assert open_image(models / "m.png").shape == (48, 48, 3)
    assert run("map", "--network", model, "--plane", "seeds", "--seeds", "0-3", "--cell", 16, "-o", models / "s.png")
    with pytest.raises(LatentartError, match="no classes"):
        run("map", "--network", model, "--plane", "classes", "-o", models / "c.html")


def test_blend_writes_a_model_that_opens(models):
    a, b, target = models / "a.safetensors", models / "b.safetensors", models / "ab.safetensors"
    run("blend", a, f"{b}=1@coarse", "-o", target)
    assert load(str(target), "cpu").num_ws == tiny().num_ws
    run("blend", a, b, "-o", models / "mean.safetensors")
    with pytest.raises(LatentartError, match="some models have an amount"):
        run("blend", a, b, f"{b}=1", "-o", models / "x.safetensors")
    film = ["film", "--network", a, "--seeds", "1,2", "--seconds", 0.4, "--fps", 10, "--blend", f"{b}=0..1"]
    assert "4 frames" in run(*film, "--truncate", "mean=0.5..1", "-o", models / "f.gif")


@pytest.mark.parametrize("name", ["landscapes-256", "glyphs-64"])
def test_the_directions_that_ship_belong_to_their_model(name):
    card = cards.card(name)
    shape = {"landscapes-256": (14, 256), "glyphs-64": (10, 256)}[name]
    book = direction_files.read(card.path.with_name(f"{name}{direction_files.ENDING}"), *shape)
    assert (book.network, book.sha256) == (name, card.sha256)
    assert len(book) >= 7
    for d in book:
        assert d.note
        assert d.curve
        assert d.name != d.source
