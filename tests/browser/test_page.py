"""The exported page in a real browser: it plays, it draws what PyTorch draws, and it says in one line what is wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from audience import CHROMIUM, FLAGS, SKETCHES
from layouts.random_stylegan2 import random_state
from live_house import wait_until

from latentart import pixels, seeds
from latentart.exports.export import export
from latentart.latent import space
from latentart.models.load import load
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint

LOAD = Path(__file__).parents[2] / "sketches" / "lib" / "latent.load.js"


PIXELS = "[...live.canvas.getContext('2d').getImageData(0, 0, 16, 16).data]"


class Quiet(SimpleHTTPRequestHandler):
    """A static host that sets no headers of its own."""

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("sites")


@pytest.fixture(scope="module")
def host(root):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tiny(root):
    """A small random model with three classes."""
    tensors, config = random_state(resolution=16, z_dim=16, w_dim=16, c_dim=3)
    safe.write(root / "tiny.safetensors", Checkpoint(tensors, config, "", "random", "tiny"))
    return export(root / "tiny.safetensors", root / "tiny", "page").path


@pytest.fixture
def open_site(page, host, tiny):
    """Opens a folder of the host, the tiny model's by default; `?nocache` leaves the service worker out."""

    def opened(name="tiny", query="?nocache", ready="document.body.classList.contains('playing') && live.connected"):
        page.goto(f"http://127.0.0.1:{host.server_port}/{name}/{query}")
        page.wait_for_function(ready, timeout=60_000)
        return page

    return opened


def drawn(page, **what):
    """One picture that the page draws, uint8 [H, W, 3], and its ws."""
    found = page.evaluate("what => live.ask({ op: 'render', ...what })", what)
    width, height = page.evaluate("live.size")
    picture = np.frombuffer(base64.b64decode(found["rgb"]), np.uint8).reshape(height, width, 3)
    return picture.astype(int), np.array(found["ws"])


@pytest.mark.parametrize("psi", [0.7, 1.0])
def test_pictures_are_those_of_pytorch(open_site, tiny, psi):
    page, G = open_site(), load(tiny.parent / "tiny.safetensors", "cpu")
    for seed in range(20):
        made, ws = drawn(page, seed=seed, psi=psi, label=seed % 3)
        wanted = space.to_ws(G, seeds.z(seed, G.z_dim), np.eye(3)[[seed % 3]], psi=psi)
        assert np.abs(ws.reshape(wanted.shape[1:]) - wanted[0].numpy()).max() < 1e-5
        with torch.no_grad():
            picture = pixels.to_uint8(G.synthesis(wanted))[0].astype(int)
        assert np.abs(made - picture).max() <= 2, f"seed {seed}"


def test_the_picture_moves_and_follows_the_hand(open_site):
    page = open_site()
    page.evaluate("live.on('frame', () => (globalThis.more = (globalThis.more ?? 0) + 1))")
    page.wait_for_function("globalThis.more > 10")
    for mode in ("orbit", "drift", "flower", "plane", "hold", "keyframes"):
        page.evaluate("mode => live.walk(mode)", mode)
        page.wait_for_function(f"live.get('walk/mode') === '{mode}'")
    page.evaluate("live.set('psi', 0.2, { fade: 0.1 }); live.dir(live.model.direction_names[0], 2)")
    page.wait_for_function("live.get('dir/1/amount') === 2 && live.get('psi') === 0.2")
    page.evaluate("live.set('psi', 0.9)")
    page.wait_for_function("live.latency > 0")


def test_keys_and_controls(open_site):
    page = open_site()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("live.get('seed') === 1")
    page.keyboard.press("2")
    page.wait_for_function("live.get('walk/mode') !== 'keyframes'")
    page.keyboard.press(" ")
    page.wait_for_function("live.get('walk/play') === false")
    page.click("[data-tab=Class]")
    page.click("[data-param='class/a'] >> text='2'")
    page.wait_for_function("live.get('class/a') === 2")
    page.mouse.click(200, 300)
    page.wait_for_function("live.get('seed') === 2")


def test_a_picture_is_saved_and_a_link_leads_back(open_site):
    page = open_site()
    page.evaluate("live.set({ seed: 7, 'walk/mode': 'orbit', psi: 0.5 })")
    page.wait_for_function("live.get('seed') === 7")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "tiny-seed7.png"
    page.click("#link")
    page.wait_for_function("location.hash.includes('seed=7')")
    page.reload()
    page.wait_for_function("globalThis.live?.connected && live.get('seed') === 7 && live.get('walk/mode') === 'orbit'")


def test_a_loop_is_recorded(open_site):
    page = open_site()
    page.evaluate("live.set({ 'walk/count': 2, 'walk/speed': 2 })")
    page.wait_for_function("live.get('walk/speed') === 2")
    with page.expect_download() as download:
        page.click("#record")
    assert Path(download.value.path()).stat().st_size > 500


def test_unknown_names_are_refused_in_one_line(open_site):
    page = open_site()
    page.evaluate("live.set('psy', 1)")
    page.wait_for_function("document.getElementById('notice').textContent.includes(\"unknown parameter 'psy'\")")
    page.evaluate("live.dir('nowhere', 1)")
    page.wait_for_function("document.getElementById('notice').textContent.includes('unknown direction')")


def test_a_hidden_page_draws_nothing(open_site):
    page = open_site()
    page.evaluate("live.pause()")
    page.wait_for_timeout(300)
    page.evaluate("globalThis.count = 0; live.on('frame', () => globalThis.count++)")
    page.wait_for_timeout(500)
    assert page.evaluate("globalThis.count") == 0
    page.evaluate("live.pause(false)")
    page.wait_for_function("globalThis.count > 2")


FAILED = "document.body.classList.contains('failed') && document.getElementById('notice').textContent"
HOSTILE = {
    "json": ("model.json", lambda data: b"{", "model.json is not JSON"),
    "version": ("model.json", lambda data: data.replace(b'"version": 1', b'"version": 9'), "not of this player's"),
    "width": ("model.json", lambda data: data.replace(b'"width": 16', b'"width": 1e9'), "has width 1000000000"),
    "names": ("model.json", lambda data: data.replace(b'"weights.bin"', b'"../../weights"'), "has weights.file"),
    "parts": ("model.json", lambda data: data.replace(b'"bytes": ', b'"bytes": -'), "has weights.bytes"),
    "cut": ("weights.bin", lambda data: data[:1000], "is cut off: 1000 of"),
    "longer": ("weights.bin", lambda data: data + b"x", "is longer than"),
    "hash": ("weights.bin", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "is damaged: its SHA-256"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_broken_folder_is_named_in_one_line(open_site, root, tiny, what):
    file, change, says = HOSTILE[what]
    site = root / what
    shutil.copytree(tiny, site)
    changed = change((tiny / file).read_bytes())
    assert changed != (tiny / file).read_bytes()
    (site / file).write_bytes(changed)
    page = open_site(what, ready=FAILED)
    assert says in page.inner_text("#notice")
    assert "\n" not in page.inner_text("#notice")


def test_weights_that_are_no_networks_are_named(open_site, root, tiny):
    site = root / "noise"
    shutil.copytree(tiny, site)
    facts = json.loads((site / "model.json").read_text())
    noise = np.random.RandomState(0).bytes(facts["weights"]["bytes"])
    (site / "weights.bin").write_bytes(noise)
    facts["weights"]["sha256"] = hashlib.sha256(noise).hexdigest()
    (site / "model.json").write_text(json.dumps(facts))
    page = open_site("noise", ready=FAILED)
    assert "\n" not in page.inner_text("#notice")


def test_a_browser_without_webassembly_is_told(page, open_site):
    code = "delete globalThis.WebAssembly;" + LOAD.read_text()
    page.route("**/latent.load.js", lambda route: route.fulfill(body=code, content_type="text/javascript"))
    open_site(ready=FAILED)
    assert "no WebAssembly" in page.inner_text("#notice")


def test_it_plays_again_without_its_server(page, root, tiny):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tiny)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    page.goto(url)
    page.wait_for_function("document.body.classList.contains('playing')", timeout=60_000)
    assert page.evaluate("crossOriginIsolated"), "the service worker sets the headers that threads need"
    server.shutdown()
    server.server_close()
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_function("document.body.classList.contains('playing')", timeout=60_000)
    assert wait_until(lambda: page.evaluate("live.connected"))


@pytest.mark.parametrize("name", ["kaleidoscope", "atlas", "tide"])
def test_sketches_of_the_stage_play_in_the_page_by_changing_one_line(page, host, tiny, root, name):
    site = root / f"as-{name}"
    shutil.copytree(tiny, site)
    shutil.copyfile(SKETCHES / "lib" / "p5.min.js", site / "lib" / "p5.min.js")
    sketch = (SKETCHES / name / "sketch.js").read_text()
    assert sketch.count("connectLatent({ restore: true })") == 1
    (site / "sketch.js").write_text(sketch.replace("connectLatent({ restore: true })", 'loadLatent("./")'))
    scripts = '<script type="module" src="lib/latent.page.js"></script><script src="sketch.js"></script>'
    start = f'<!doctype html><link rel="icon" href="icon.svg"><script src="lib/p5.min.js"></script>{scripts}'
    (site / "index.html").write_text(start)
    page.goto(f"http://127.0.0.1:{host.server_port}/{site.name}/")
    page.wait_for_function("live?.connected && live.frame && frameCount > 5", timeout=60_000)
    page.mouse.move(300, 200)
    page.mouse.move(500, 300, steps=3)
    colours = """(() => { const { data } = drawingContext.getImageData(0, 0, 300, 300), seen = new Set();
        for (let i = 0; i < data.length; i += 4) seen.add(data[i]);
        return seen.size; })()"""
    page.wait_for_function(f"{colours} > 20")


SOFTWARE = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")


def test_webgpu_in_software_is_right_or_refused_with_a_reason(browser, host, root):
    tensors, config = random_state(resolution=16, z_dim=8, w_dim=8)
    safe.write(root / "gpu.safetensors", Checkpoint(tensors, config, "", "random", "gpu"))
    site = export(root / "gpu.safetensors", root / "gpu", "page", webgpu=True).path
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
    chromium = browser.browser.browser_type.launch(executable_path=CHROMIUM, args=[*flags, *SOFTWARE])
    try:
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{host.server_port}/{site.name}/?nocache")
        page.wait_for_function("document.body.classList.contains('playing') && live.connected", timeout=90_000)
        device, reason = page.evaluate("[live.model.device, live.model.reason]")
        print(f"WebGPU in software: {device}, {reason or 'right and quicker'}")
        assert device == "webgpu" or "WebGPU" in reason
        made, _ = drawn(page, seed=3, psi=0.7)
        G = load(root / "gpu.safetensors", "cpu")
        with torch.no_grad():
            wanted = pixels.to_uint8(G.synthesis(space.to_ws(G, seeds.z(3, 8), psi=0.7)))[0].astype(int)
        assert np.abs(made - wanted).max() <= 2
    finally:
        chromium.close()


def test_a_translator_follows_the_model(open_site, root, tiny):
    export(root / "tiny.safetensors", root / "painted", "page", then=["mosaic26:7@0.5"])
    page = open_site("painted")
    assert page.evaluate("[live.get('then/1/strength'), live.get('then/1/style/a')]") == [0.5, 7]
    page.evaluate("live.set({ 'walk/play': false, 'walk/glide': 0 })")
    half = page.evaluate(PIXELS)
    page.evaluate("live.set('then/1/strength', 1)")
    page.wait_for_function(f"before => JSON.stringify({PIXELS}) !== JSON.stringify(before)", arg=half)
    page.click("button[data-tab=Then]")
    assert page.locator("[data-param='then/1/style/a'] input").get_attribute("max") == "25"


def test_a_take_plays_by_itself_until_a_hand_comes(open_site, root, tiny):
    state = {"frame": 4, "phase": 0, "targets": {"psi": 0.4}, "values": {"psi": 0.4}}
    events = {10: [{"do": {"set": {"psi": 1.5}, "rev": 1}}]}
    take = {"sha256": "", "fps": 30.0, "frame": 5, "end": 40, "events": events}
    take["snapshot"] = {"state": state, "rows": None, "origin": None, "glide": [0, 1]}
    export(root / "tiny.safetensors", root / "piece", "page", take=take)
    page = open_site("piece")
    page.evaluate("globalThis.seen = []; live.on('frame', ({ frame }) => seen.push(frame))")
    page.wait_for_function("seen.some((frame, i) => frame < seen[i - 1])")
    assert max(page.evaluate("seen")) < 40
    page.evaluate("live.set('psi', 0.5)")
    page.wait_for_function("live.stats.playing === false && live.stats.frame > 45")


def test_the_element_plays_in_another_page(page, host, tiny, root):
    (root / "frame.html").write_text(
        '<link rel="icon" href="tiny/icon.svg"><script type="module" src="tiny/lib/latent.page.js"></script>'
        '<latent-art src="tiny/" seed="3" walk="orbit" style="width: 200px; height: 200px"></latent-art>'
    )
    page.goto(f"http://127.0.0.1:{host.server_port}/frame.html")
    page.wait_for_function("document.querySelector('latent-art').live?.get('walk/mode') === 'orbit'", timeout=60_000)
    page.wait_for_function("document.querySelector('latent-art canvas').width === 16")
