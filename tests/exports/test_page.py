"""The page of a generator: what the folder holds, and numbers in JavaScript against Python's."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import onnxruntime
import pytest
import torch
from layouts import dcgan, lucidrains, progan, random_stylegan3
from layouts.random_stylegan2 import random_state

from latentart import seeds
from latentart.errors import LatentartError
from latentart.exports import browser, gallery, page_chain
from latentart.exports.export import export
from latentart.latent import easing, interpolate, space
from latentart.live import documents
from latentart.live.control.state import State
from latentart.live.play.instrument import Instrument
from latentart.models.load import build, load
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint

LIB = Path(__file__).parents[2] / "sketches" / "lib"


def javascript(code: str, given: Any = None) -> Any:
    """What a module of JavaScript prints as JSON; `given` is a constant in it, `lib` imports from sketches/lib."""
    head = f"const given = {json.dumps(given)}; const lib = (name) => import({json.dumps(LIB.as_uri() + '/')} + name);"
    body = f"{head}\nconst found = await (async () => {{ {code} }})();\nconsole.log(JSON.stringify(found));"
    done = subprocess.run(["node", "--input-type=module", "-e", body], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_z_is_the_same_bit_for_bit_for_a_thousand_seeds() -> None:
    names = [*range(990), 2**31 - 1, 2**31, 2**32 - 1, 12345678, 4000000000, 77777, 31337, 424242, 99999999, 5000]
    made = javascript("""
        const [{ zOf }, { createHash }] = [await lib("latent.numbers.js"), await import("node:crypto")];
        const all = createHash("sha256"), worst = [];
        for (const seed of given) {
          const z = zOf(seed, 512);
          all.update(Float32Array.from(z));
          worst.push([...z.slice(0, 8)]);
        }
        return { hash: all.digest("hex"), worst };""", names)  # fmt: skip
    z = np.concatenate([seeds.z(seed, 512) for seed in names])
    assert made["hash"] == hashlib.sha256(z.astype("<f4").tobytes()).hexdigest(), "as models take them, in float32"
    # Logarithms of C libraries and browsers differ in the last bit of float64.
    np.testing.assert_array_max_ulp(np.array(made["worst"]), z[:, :8], maxulp=4)


def test_streams_of_several_seeds_are_the_same() -> None:
    code = 'const { RandomState } = await lib("latent.numbers.js"); return [...new RandomState(given).normals(5)];'
    made = javascript(code, [7, 3])
    np.testing.assert_allclose(made, seeds.stream(7, 3).standard_normal(5), rtol=1e-14)


@pytest.mark.parametrize("interp", ["linear", "slerp", "cubic"])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_loops_are_the_same(interp: str, count: int) -> None:
    keys, u = np.random.RandomState(1).randn(count, 16), np.linspace(-0.5, 1.5, 41)
    wanted = interpolate.loop(keys, interp, easing.easing("smooth"))(u)
    code = """const { loop, EASINGS } = await lib("latent.numbers.js");
              const curve = loop(given.keys.map((k) => Float64Array.from(k)), given.interp, EASINGS.smooth);
              return given.u.map((u) => [...curve(u)]);"""
    made = javascript(code, {"keys": keys.tolist(), "interp": interp, "u": u.tolist()})
    np.testing.assert_allclose(made, wanted, atol=1e-12)


def test_easings_are_the_same() -> None:
    t = np.linspace(0, 1, 21)
    code = """const { EASINGS } = await lib("latent.numbers.js"); const all = {};
              for (const name in EASINGS) all[name] = given.map(EASINGS[name]);
              return all;"""
    made = javascript(code, t.tolist())
    assert made.keys() == easing.EASINGS.keys()
    for name, curve in easing.EASINGS.items():
        np.testing.assert_allclose(made[name], curve(t), atol=1e-15, err_msg=name)


def test_drift_and_circles_are_the_same() -> None:
    made = javascript("""const { waves, axes } = await lib("latent.numbers.js");
        const [one, two] = given.map((row) => Float64Array.from(row));
        const noise = [0, 0.3, 0.9].map((u) => [...waves(16, 3, 5)(u)]);
        return { waves: noise, axes: axes(one, two).map((axis) => [...axis]) };""",
        np.random.RandomState(2).randn(2, 32).tolist())  # fmt: skip
    noise = import_module("latentart.walks.drift")._waves(16, 3, [5])(np.array([0, 0.3, 0.9]))
    np.testing.assert_allclose(made["waves"], noise, atol=1e-12)
    one, two = np.random.RandomState(2).randn(2, 32)
    np.testing.assert_allclose(made["axes"], space._axes(one, two, "test"), atol=1e-12)


OPERATIONS = {
    1: {"set": {"psi": 1.4, "walk/speed": 2.0}, "rev": 1},
    9: {"set": {"psi": -0.5, "dir/1/amount": 3.0}, "rev": 2, "fade": 0.5},
    20: {"set": {"style/fine/amount": 1.0}, "rev": 3, "at": "beat"},
    30: {"set": {"audio/low": 0.7, "react/speed": 2.0}, "rev": 4},
    55: {"resync": True, "rev": 5},
    70: {"set": {"master/fade": 0.0, "master/freeze": True}, "rev": 6},
    90: {"stop": True, "rev": 7},
}


def test_the_state_moves_as_on_the_stage() -> None:
    state, wanted = State(30), []
    for frame in range(120):
        if frame in OPERATIONS:
            state.apply(OPERATIONS[frame])
        state.tick()
        names = ("psi", "walk/speed", "dir/1/amount", "style/fine/amount", "audio/low", "master/fade")
        wanted.append([state.phase, state.beat, *(state.number(name) for name in names)])
    made = javascript("""const { State } = await lib("latent.state.js"); const state = new State(30), rows = [];
        for (let frame = 0; frame < 120; frame++) {
          if (given[frame]) state.apply(given[frame]);
          state.tick();
          const names = ["psi", "walk/speed", "dir/1/amount", "style/fine/amount", "audio/low", "master/fade"];
          rows.push([state.phase, state.beat, ...names.map((name) => state.values[name])]);
        }
        return rows;""", OPERATIONS)  # fmt: skip
    np.testing.assert_allclose(made, wanted, atol=1e-9)


def test_the_table_of_the_page_is_that_of_the_stage() -> None:
    assert (LIB / "latent.params.js").read_text() == documents.page_script()


def test_sha256_without_a_secure_context() -> None:
    data = [b"", b"abc", bytes(range(256)) * 3, b"x" * 55, b"y" * 56]
    made = javascript("""const { computed } = await lib("latent.load.js");
        return given.map((hex) => Buffer.from(computed(new Uint8Array(Buffer.from(hex, "hex")))).toString("hex"));""",
        [d.hex() for d in data])  # fmt: skip
    assert made == [hashlib.sha256(d).hexdigest() for d in data]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tensors, config = random_state(resolution=16, z_dim=8, w_dim=8, c_dim=3)
    place = tmp_path_factory.mktemp("page")
    safe.write(place / "tiny.safetensors", Checkpoint(tensors, config, "", "random", "tiny"))
    return export(place / "tiny.safetensors", place / "site", "page").path


def test_the_folder_holds_all_that_the_page_asks_for(folder: Path) -> None:
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"index.html", "page.js", "sw.js", "model.json", "weights.bin", "lib/latent.page.js"} <= files
    assert {f"lib/ort/{name}" for name in browser.PAGE} <= files
    assert "Permission is hereby granted" in (folder / "lib/ort/NOTICE.txt").read_text()
    facts = json.loads((folder / "model.json").read_text())
    weights = (folder / "weights.bin").read_bytes()
    assert facts["weights"]["sha256"] == hashlib.sha256(weights).hexdigest()
    assert str(Path.cwd()).encode() not in weights, "paths of the machine that exported"


def test_both_graphs_draw_what_the_model_draws(folder: Path) -> None:
    facts, weights = json.loads((folder / "model.json").read_text()), (folder / "weights.bin").read_bytes()
    G = load(folder.parent / "tiny.safetensors", "cpu")
    run = SimpleNamespace()
    for name in ("mapping", "synthesis"):
        at, length = facts["weights"]["parts"][name]
        session = onnxruntime.InferenceSession(weights[at : at + length], providers=["CPUExecutionProvider"])
        setattr(run, name, session)
    z, c = seeds.z(5, 8), np.eye(3)[1:2]
    ws = run.mapping.run(None, {"z": z.astype(np.float32), "c": c.astype(np.float32)})[0]
    wanted = space.to_ws(G, z, c)
    np.testing.assert_allclose(ws, wanted.numpy(), atol=1e-5)
    for noise in (1.0, 0.0):
        img = run.synthesis.run(None, {"ws": ws, "noise": np.array(noise, np.float32)})[0]
        with torch.no_grad():
            picture = G.synthesis(wanted, noise_mode="const" if noise else "none").numpy()
        assert np.abs(img.clip(-1, 1) - picture.clip(-1, 1)).max() <= 2 / 127.5


@pytest.mark.parametrize("family", [dcgan, progan, lucidrains, random_stylegan3], ids=lambda f: f.__name__[8:])
def test_every_family_is_exported(tmp_path: Path, family: Any) -> None:
    tensors, config = family.random_state()
    safe.write(tmp_path / "one.safetensors", Checkpoint(tensors, config, "", "random", "one"))
    made = export(tmp_path / "one.safetensors", tmp_path / "site", "page")
    assert made.difference < 2 / 255
    assert json.loads((made.path / "model.json").read_text())["family"] == config["family"]


def test_a_sketch_is_written_in_place_of_the_panel(folder: Path) -> None:
    made = export(folder.parent / "tiny.safetensors", folder.parent / "sketch", "sketch", then=["mosaic26:7@0.6"])
    assert {"sketch.js", "index.html", "sw.js"} <= {path.name for path in made.path.iterdir()}
    assert len((made.path / "sketch.js").read_text().splitlines()) < 40
    facts = json.loads((made.path / "model.json").read_text())
    assert facts["then"][0]["name"] == "mosaic26"
    assert (facts["start"]["then/1/strength"], facts["start"]["then/1/style/a"]) == (0.6, 7)


def test_a_gallery_has_a_start_page(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "tiny")
    gallery.write(tmp_path, ["tiny"])
    start = (tmp_path / "index.html").read_text()
    assert 'href="tiny/"' in start
    assert "16 x 16" in start
    assert (tmp_path / "icon.svg").exists()


class Played:
    """The instrument of the stage with a model whose ws is its z, its state after some operations as a take."""

    events: ClassVar = {
        12: [{"set": {"psi": 0.3}, "rev": 1}],
        20: [{"set": {"walk/mode": "drift", "seed": 9}, "rev": 2}],
        40: [{"set": {"style/coarse/amount": 1.0, "style/coarse/seed": 4}, "rev": 3, "fade": 0.4}],
    }

    def __init__(self) -> None:
        tensors, config = dcgan.random_state()
        self.G = build(Checkpoint(tensors, config, "", "random", "z"), "cpu")
        instrument = Instrument(self.G, 30)
        for _ in range(10):
            instrument.tick()
        self.take = {"fps": 30.0, "frame": 10, "end": 80, "snapshot": instrument.snapshot(), "sha256": ""}
        self.ws = []
        for frame in range(10, 80):
            for operation in self.events.get(frame, ()):
                instrument.apply(operation)
            instrument.tick()
            self.ws.append(instrument.shot().ws[0].flatten().tolist())


def test_a_take_of_the_stage_plays_the_same_in_the_page() -> None:
    stage = Played()
    events = {frame: [{"do": operation} for operation in found] for frame, found in stage.events.items()}
    take = page_chain.played({**stage.take, "events": events}, stage.G)
    made = javascript("""const { Instrument } = await lib("latent.instrument.js"), { take, z_dim } = given;
        const facts = { z_dim, w_dim: z_dim, num_ws: 1, c_dim: 0 };
        const model = { facts, centre: new Float64Array(z_dim), directions: [], map: async (z) => z };
        const instrument = new Instrument(model, take.fps), rows = [];
        instrument.restore(take.snapshot);
        instrument.state.frame = take.frame - 1;
        for (let frame = take.frame; frame < take.end; frame++) {
          for (const operation of take.events[frame] ?? []) instrument.apply(operation);
          await instrument.tick();
          rows.push([...(await instrument.shot()).ws]);
        }
        return rows;""", {"take": take, "z_dim": stage.G.z_dim})  # fmt: skip
    np.testing.assert_allclose(made, stage.ws, atol=1e-5)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"then": ["mosaic26:99"]}, "names no style"),
        ({"then": ["mosaic26@2"]}, "cannot read the strength"),
        ({"then": ["magenta"]}, "takes a picture as its style"),
        ({"take": {"sha256": "", "events": {3: [{"model": "other"}]}}}, "changes its model"),
    ],
)
def test_options_that_do_not_fit_leave_nothing(tmp_path: Path, option: Any, says: str) -> None:
    with pytest.raises(LatentartError, match=says):
        export("glyphs-64", tmp_path / "site", "page", **option)
    assert list(tmp_path.iterdir()) == []


def test_other_formats_take_no_options(tmp_path: Path) -> None:
    with pytest.raises(LatentartError, match="--to onnx takes no then"):
        export("glyphs-64", tmp_path / "a.onnx", then=["mosaic26"])


def test_a_folder_that_is_there_is_refused(folder: Path) -> None:
    with pytest.raises(LatentartError, match="exists already"):
        export(folder.parent / "tiny.safetensors", folder, "page")


def test_a_translator_is_refused_as_a_page(tmp_path: Path) -> None:
    with pytest.raises(LatentartError, match="mosaic26"):
        export("mosaic26", tmp_path / "site", "page")
    assert list(tmp_path.iterdir()) == []
