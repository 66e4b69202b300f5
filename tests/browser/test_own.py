"""A network inside a page draws what PyTorch draws."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import torch
from layouts.random_stylegan2 import random_state

from latentart.errors import WeightsError
from latentart.exports import browser
from latentart.exports.export import export
from latentart.translators.load import load_translator
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint

SIDE = 64


@pytest.fixture(scope="session")
def player():
    """onnxruntime-web, in the user's cache as a user would have it."""
    if not (browser.folder() / browser.MEMBERS[-1]).exists():
        if not shutil.which("npm") and not os.environ.get("CI"):
            pytest.skip("npm is not installed, which fetches onnxruntime-web")
        browser.pull_player()


@pytest.mark.usefixtures("player")
def test_the_exported_network_draws_the_same_in_the_page(page, fresh):
    page.goto(f"http://localhost:{fresh.port}/sketches/own/")
    page.wait_for_function("session && window.lastPicture", timeout=60_000)
    img = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    style = torch.eye(26)[7]
    made = page.evaluate(
        """async ([numbers, style, side]) => {
          const own = await ort.InferenceSession.create("mosaic26.onnx", { executionProviders: ["wasm"] });
          const feeds = { img: new ort.Tensor("float32", Float32Array.from(numbers), [1, 3, side, side]),
                          style: new ort.Tensor("float32", Float32Array.from(style), [26]) };
          return Array.from((await own.run(feeds)).out.data);
        }""",
        [img.flatten().tolist(), style.tolist(), SIDE],
    )
    with torch.no_grad():
        wanted = load_translator("mosaic26", "cpu")(img, style=style).numpy()
    difference = np.abs(np.array(made).reshape(wanted.shape) - wanted).max() / 2
    assert difference < 1e-3
    print(f"largest difference in the browser: {difference:.1e} of 1")


@pytest.mark.usefixtures("player")
def test_a_generator_plays_in_the_page(page, fresh, tmp_path):
    tensors, config = random_state(resolution=16, z_dim=8, w_dim=8, c_dim=3)
    safe.write(tmp_path / "tiny.safetensors", Checkpoint(tensors, config, "", "random", "tiny"))
    made = export(tmp_path / "tiny.safetensors", tmp_path / "tiny.onnx").path
    page.route("**/mosaic26.onnx", lambda route: route.fulfill(path=made))
    page.goto(f"http://localhost:{fresh.port}/sketches/own/")
    page.wait_for_function("latents && window.lastPicture?.w === 16", timeout=60_000)
    first = page.evaluate("lastPicture.data[0]")
    page.wait_for_function("first => lastPicture.data[0] !== first", arg=first)


@pytest.mark.usefixtures("player")
def test_styles_and_strength_are_played(page, fresh):
    page.goto(f"http://localhost:{fresh.port}/sketches/own/")
    page.wait_for_function("session && window.lastPicture", timeout=60_000)
    page.keyboard.press("9")
    page.wait_for_function("style > 5 && Number(select('#style').value()) === 9", timeout=30_000)
    assert "style" in page.inner_text("#name")


def test_a_click_fetches_the_player(page, fresh, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path))

    def pull():
        browser.folder().mkdir(parents=True)
        (browser.folder() / browser.MEMBERS[0]).write_text("window.ort = { env: { wasm: {} } };")

    monkeypatch.setattr(browser, "pull_player", pull)
    page.goto(f"http://localhost:{fresh.port}/sketches/own/")
    page.click("#fetch")
    page.wait_for_function("window.ort && select('#fetch').elt.hidden")


def test_a_player_that_cannot_be_had_is_named(page, fresh, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path))
    monkeypatch.setattr(browser, "pull_player", lambda: (_ for _ in ()).throw(WeightsError("npm is not installed")))
    answer = fresh.get("/api/player", "POST")
    assert (answer[0], b"npm is not installed" in answer[1]) == (503, True)


def test_only_the_players_own_files_are_served(fresh):
    for name in ("..%2f..%2fetc%2fpasswd", "passwd", "ort.wasm.min.js%00"):
        assert fresh.get(f"/browser/{name}")[0] == 404


def test_what_is_no_network_is_named(page, fresh):
    page.goto(f"http://localhost:{fresh.port}/sketches/own/?model=index.html")
    page.wait_for_function("typeof trouble !== 'undefined' && trouble.length > 10 && !session")
