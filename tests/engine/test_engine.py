"""latentart.engine: every route draws what plain float32 draws, wrong ones are refused, choices are remembered."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from layouts import dcgan, progan, random_stylegan3
from layouts.random_stylegan2 import random_state
from numpy.typing import NDArray
from torch import Tensor

import latentart
from latentart import engine as engines
from latentart import pixels, seeds
from latentart.engine import choose, machine, timings, trial
from latentart.engine.request import Request, RouteError, Run
from latentart.engine.routes import eager, openvino, torch_compile
from latentart.engine.trial import Trial
from latentart.errors import PictureError, SettingsError
from latentart.models import stylegan2
from latentart.models.base import Generator
from latentart.models.load import build
from latentart.render import film
from latentart.render.frames import frames
from latentart.walks import keyframes
from latentart.weights.checkpoint import Checkpoint

SHAPES: list[dict[str, Any]] = [
    {"resolution": 16},
    {"resolution": 16, "architecture": "resnet", "img_channels": 4, "conv_clamp": 0.5},
    {"resolution": 16, "architecture": "orig", "img_channels": 1, "init_res": (3, 5)},
    {"resolution": 8, "c_dim": 5, "use_noise": False, "widths": {4: 6, 8: 10}},
]
FAMILIES = {
    "stylegan3": lambda: random_stylegan3.random_state(resolution=16, base=64, largest=4),
    "progan": progan.random_state,
    "dcgan": dcgan.random_state,
}


def generator(**shape: Any) -> stylegan2.StyleGAN2:
    tensors, config = random_state(**{"resolution": 8, **shape})
    return stylegan2.build(Checkpoint(tensors, config, sha256="", source="test"))


def latents(G: Generator, n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, G.num_ws, G.w_dim, generator=torch.Generator().manual_seed(seed))


def difference(made: Any, wanted: Tensor) -> float:
    return float((made - wanted).norm() / wanted.norm())


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cache_folder(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs are exported once for this module: an export takes seconds."""
    monkeypatch.setenv("LATENTART_CACHE", str(shared_cache))


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path))
    return tmp_path


class Fake:
    """A route whose pictures and times are made up."""

    def __init__(self, name: str, run: Run | None = None, why: str = "") -> None:
        self.name, self.run, self.why = name, run, why
        self.prepared = 0

    def choices(self, G: Generator, request: Request) -> dict[str, str]:
        return {self.name: self.why}

    def prepare(self, G: Generator, request: Request, name: str, fingerprint: str) -> Run:
        self.prepared += 1
        if self.run is None:
            raise RouteError("no luck today")
        return self.run


def use(monkeypatch: pytest.MonkeyPatch, *routes: Any, times: Mapping[str, float] | None = None) -> None:
    monkeypatch.setattr(choose, "find", lambda: list(routes))
    if times is not None:
        monkeypatch.setattr(trial, "race", lambda runs, probe, seconds: {name: [times[name]] for name in runs})


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_openvino_draws_what_float32_draws(shape: dict[str, Any]) -> None:
    G = generator(**shape)
    ws = latents(G, 5)
    wanted = G.synthesis(ws)
    made = engines.compile(G, batch=2, only=openvino.F32, measure=0)(ws)
    assert made.shape == wanted.shape
    assert difference(made, wanted) < 1e-5


@pytest.mark.parametrize("family", ["stylegan3", "progan", "dcgan"])
def test_other_families(family: str) -> None:
    tensors, config = FAMILIES[family]()
    G = build(Checkpoint(tensors, config, sha256="", source="test"), "cpu")
    ws = latents(G, 2)
    engine = engines.compile(G, batch=2, noise_inputs=True, only=openvino.F32, measure=0)
    for mode in ("const", "none", "const"):
        assert difference(engine(ws, noise_mode=mode), G.synthesis(ws, noise_mode=mode)) < 1e-5
    noise = {name: torch.from_numpy(m) for name, m in seeds.noise(G.noise_shapes, 3).items()}
    assert difference(engine(ws, noise=noise), G.synthesis(ws, noise=noise)) < 1e-5


@pytest.mark.parametrize("kind", ["OpConversionFailure", "GeneralFailure"])
def test_a_model_that_cannot_be_converted_is_drawn_plainly(
    kind: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    openvino.runtime()

    def fails(*args: Any) -> None:
        raise getattr(sys.modules["openvino._pyopenvino"], kind)("No conversion rule found for: aten.hypot")

    monkeypatch.setattr(openvino, "export", fails)
    assert engines.compile(generator(), measure=0).trial.name == eager.NAME
    assert "OpenVINO cannot run 'unnamed': No conversion rule found for: aten.hypot" in caplog.text


def test_openvino_rounds_as_to_uint8_does() -> None:
    G = generator(resolution=32)
    ws = latents(G, 3) * 3  # bright and dark enough to be cut off
    wanted = pixels.to_uint8(G.synthesis(ws))
    frames = engines.compile(G, output="uint8", only=openvino.F32, measure=0)(ws)
    levels = np.abs(frames.astype(int) - wanted)
    assert frames.dtype == np.uint8
    assert {0, 255} <= set(wanted.flatten().tolist())
    assert levels.max() <= 1
    assert (levels > 0).mean() < 1e-3


def test_openvino_in_bfloat16_stays_within_the_live_tolerance() -> None:
    G = generator(resolution=32)
    reasons = openvino.choices(G, Request(precision="live"))
    if reasons[openvino.BF16]:
        assert "bfloat16" in reasons[openvino.BF16]  # this processor has none: that is said, and nothing more to see
        return
    made = engines.compile(G, precision="live", output="uint8", only=openvino.BF16, measure=0)
    assert 1e-4 < made.trial.error < 3e-2
    assert openvino.BF16 not in openvino.choices(G, Request(precision="master"))


@pytest.mark.parametrize("own", ["const", "none"])
@pytest.mark.parametrize("name", [eager.NAME, openvino.F32])
def test_an_engine_with_noise_inputs_takes_every_noise(name: str, own: str) -> None:
    G = generator()
    ws = latents(G, 3)
    engine = engines.compile(G, batch=2, noise_mode=own, noise_inputs=True, only=name, measure=0)
    one = {layer: torch.from_numpy(m) for layer, m in seeds.noise(G.noise_shapes, 3).items()}
    each = {n: torch.stack([torch.from_numpy(seeds.noise(G.noise_shapes, i)[n])[None] for i in range(3)]) for n in one}
    first = {layer: m[:1] for layer, m in each.items()}
    assert difference(engine(ws), G.synthesis(ws, noise_mode=own)) < 1e-5
    for mode in ("const", "none", "random"):
        for maps in (one, each, first, {"b8.conv0": one["b8.conv0"]}, None):
            if mode == "random" and (maps is None or len(maps) == 1):
                continue  # it would draw fresh noise
            wanted = G.synthesis(ws, noise_mode=mode, noise=maps)
            assert difference(engine(ws, noise_mode=mode, noise=maps), wanted) < 1e-5, (mode, maps)


def test_fresh_noise_is_drawn_plainly() -> None:
    engine = engines.compile(generator(), noise_inputs=True, only=openvino.F32, measure=0)
    ws = latents(engine.G, 1)
    torch.manual_seed(1)
    assert difference(engine(ws, noise_mode="random"), engine(ws, noise_mode="random")) > 0.01


def test_noise_for_an_engine_without_inputs_is_drawn_plainly_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    G = generator()
    ws = latents(G, 1)
    engine = engines.compile(G, only=openvino.F32, measure=0)
    maps = {name: torch.from_numpy(m) for name, m in seeds.noise(G.noise_shapes, 3).items()}
    with caplog.at_level(logging.WARNING, "latentart.engine"):
        for _ in range(3):
            assert torch.equal(engine(ws, noise=maps), G.synthesis(ws, noise=maps))
    assert [record.getMessage() for record in caplog.records if record.name == "latentart.engine"] == [
        "openvino f32 draws by plain PyTorch, which is slower: it was made without noise inputs"
    ]
    assert torch.equal(engine(ws, noise_mode="none"), G.synthesis(ws, noise_mode="none"))
    assert difference(engine(ws, noise_mode="const"), G.synthesis(ws)) < 1e-5


def test_a_frame_has_the_same_bytes_in_every_batch() -> None:
    G = generator()
    ws = latents(G, 7)
    for name in (eager.NAME, openvino.F32):
        engine = engines.compile(G, batch=4, output="uint8", only=name, measure=0)
        whole = engine(ws)
        assert whole.shape == (7, 8, 8, 3)
        assert np.array_equal(engine(ws[4:]), whole[4:])
        assert np.array_equal(engine(ws[5:6]), whole[5:6])


def test_films_take_frames_as_they_are_and_refuse_to_resize_them() -> None:
    G = generator()
    path = keyframes(G, seeds=[1, 2], seconds=1, fps=5)
    engine = engines.compile(G, batch=4, output="uint8", noise_inputs=True, only=openvino.F32, measure=0)
    for mode in ("const", "none", "random"):
        plain = np.stack(list(frames(G, path, batch=4, noise_mode=mode)))
        made = np.stack(list(frames(G, path, batch=4, noise_mode=mode, synthesis=engine)))
        assert np.abs(made.astype(int) - plain).max() <= 1, mode
    assert len(list(frames(G, path, synthesis=engine, size=(8, 8)))) == 5
    with pytest.raises(SettingsError, match="output='float'"):
        list(frames(G, path, synthesis=engine, size=(16, 16)))


@pytest.mark.parametrize(("size", "output"), [(None, "uint8"), ((8, 8), "uint8"), ((16, 8), "float")])
def test_a_film_is_resized_before_it_is_rounded(size: tuple[int, int] | None, output: str) -> None:
    engine = film.engine_for(film.Film(size=size), generator(), eager.NAME)
    assert engine.request.output == output


def test_results_are_not_overwritten_by_the_next_call() -> None:
    G = generator()
    for output in ("float", "uint8"):
        engine = engines.compile(G, output=output, only=openvino.F32, measure=0)
        first = engine(latents(G, 1, seed=1))
        kept = first.copy() if isinstance(first, np.ndarray) else first.clone()
        engine(latents(G, 1, seed=2))
        assert np.array_equal(first, kept)


def test_weights_that_changed_are_another_model() -> None:
    G = generator()
    ws = latents(G, 1)
    engines.compile(G, only=openvino.F32, measure=0)
    before = machine.fingerprint(G)
    G.synthesis.layers()["b8.conv0"].weight.mul_(torch.linspace(0, 3, 32)[:, None, None])
    assert machine.fingerprint(G) != before
    assert difference(engines.compile(G, only=openvino.F32, measure=0)(ws), G.synthesis(ws)) < 1e-5


def test_switches_that_changed_are_another_model() -> None:
    G, same = generator(), generator()
    G.synthesis(latents(G, 1))  # what drawing keeps for the next time is no difference
    assert machine.fingerprint(G) == machine.fingerprint(same)
    same.synthesis.layers()["b8.conv0"].clamp = 0.1
    assert machine.fingerprint(G) != machine.fingerprint(same)


def test_hooks_that_come_later_are_not_passed_over() -> None:
    G = generator()
    ws = latents(G, 1)
    engine = engines.compile(G, only=openvino.F32, measure=0)
    handle = G.synthesis.layers()["b8.conv0"].register_forward_hook(lambda module, args, out: out * 0.5)
    assert torch.equal(engine(ws), G.synthesis(ws))
    handle.remove()
    assert difference(engine(ws), G.synthesis(ws)) < 1e-5


def test_a_model_with_hooks_is_drawn_plainly() -> None:
    G = generator()
    handle = G.synthesis.layers()["b8.conv0"].register_forward_hook(lambda module, args, out: out * 0.5)
    engine = engines.compile(G, measure=0)
    assert engine.trial.name == eager.NAME
    assert "the model has hooks" in str(engine.trials)
    handle.remove()
    assert openvino.unavailable(G) == ""


def test_nan_is_told_and_not_painted_black() -> None:
    G = generator()
    for name in (eager.NAME, openvino.F32):
        engine = engines.compile(G, output="uint8", only=name, measure=0)
        with pytest.raises(PictureError, match="NaN"):
            engine(torch.full((1, G.num_ws, G.w_dim), torch.nan))


def test_the_graph_is_exported_once(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    G = generator()
    ws = latents(G, 1)
    first = engines.compile(G, only=openvino.F32, measure=0)(ws)

    def again(*args: Any) -> None:
        raise RouteError("exported twice")

    monkeypatch.setattr(openvino, "export", again)
    assert torch.equal(engines.compile(G, only=openvino.F32, measure=0)(ws), first)
    assert [p.name for p in (own_cache / "engine").iterdir() if p.name.endswith(".part")] == []


@pytest.mark.parametrize("file", ["model.xml", "model.bin", "sha256"])
def test_a_damaged_graph_is_exported_again(file: str, own_cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    G = generator(resolution=4)
    first = engines.compile(G, only=openvino.F32, measure=0)(latents(G, 1))
    [graph] = own_cache.glob(f"engine/*/{file}")
    content = bytearray(graph.read_bytes())
    content[-9] ^= 1
    graph.write_bytes(content)
    for _ in range(2):
        assert torch.equal(engines.compile(G, only=openvino.F32, measure=0)(latents(G, 1)), first)
    assert caplog.text.count("is damaged and made again") == 1


def test_a_graph_that_cannot_be_kept_still_draws(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(folder: Path) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(openvino, "_digest", full)
    engine = engines.compile(generator(resolution=4), only=openvino.F32, measure=0)
    assert engine(latents(engine.G, 1)).shape == (1, 3, 4, 4)
    assert "the exported graph is not kept: [Errno 28] No space left on device" in caplog.text
    assert list(own_cache.glob("engine/*")) == []


def test_only_the_graphs_used_last_stay(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    G = generator(resolution=4)
    engines.compile(G, batch=1, only=openvino.F32, measure=0)
    one = sum(file.stat().st_size for file in own_cache.glob("engine/*/*"))
    monkeypatch.setattr(openvino, "MOST_BYTES", int(2.5 * one))
    for batch in (2, 3):
        engines.compile(G, batch=batch, only=openvino.F32, measure=0)
    assert sorted(p.parent.name[-2:] for p in own_cache.glob("engine/*/model.xml")) == ["-2", "-3"]


def test_without_openvino_the_reason_is_said(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "find_spec", lambda name: None)
    G = generator()
    engine = engines.compile(G, measure=0)
    assert engine.trial.name == eager.NAME
    assert "pip install 'latentart[cpu]'" in str(engine.trials)
    with pytest.raises(RouteError, match="OpenVINO is not installed"):
        engines.compile(G, only=openvino.F32)


def test_the_fastest_is_taken_and_remembered(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    G = generator()
    quick, slow = Fake("quick", eager.prepare(G, Request(), "", "")), Fake("slow", eager.prepare(G, Request(), "", ""))
    use(monkeypatch, slow, quick, times={"quick": 3.0, "slow": 9.0})
    assert engines.compile(G).trial.name == "quick"
    use(monkeypatch, slow, quick, times={})  # a race would raise
    second = engines.compile(G)
    assert (second.trial.name, second.trial.milliseconds) == ("quick", 3.0)
    assert (quick.prepared, slow.prepared) == (2, 1)
    assert "(slow: 9.0 ms)" in second.choice
    use(monkeypatch, slow, quick, times={"quick": 9.0, "slow": 3.0})
    assert engines.compile(G, again=True).trial.name == "slow"
    assert engines.compile(G).trial.name == "slow"


def test_times_of_a_busy_machine_are_used_but_not_remembered(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    G = generator()
    quick, slow = Fake("quick", eager.prepare(G, Request(), "", "")), Fake("slow", eager.prepare(G, Request(), "", ""))
    use(monkeypatch, slow, quick)
    monkeypatch.setattr(trial, "race", lambda *a: {"quick": [9.0, 3.0, 9.0], "slow": [5.0, 5.0, 5.0]})
    assert (engines.compile(G).trial.name, engines.compile(G).trial.milliseconds) == ("quick", 3.0)
    assert not list(own_cache.glob("engine/*.json"))
    monkeypatch.setattr(trial, "race", lambda *a: {"quick": [9.0, 8.0, 9.0], "slow": [5.0, 5.0, 5.0]})
    assert engines.compile(G).trial.name == "slow"
    assert len(list(own_cache.glob("engine/*.json"))) == 1


def test_a_race_gives_everyone_the_same_number_of_calls() -> None:
    G = generator()
    calls = {"a": 0, "b": 0}

    def count(name: str) -> Run:
        def run(ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor:
            calls[name] += 1
            return ws

        return run

    probe = trial.probe(G, Request(batch=4))
    times = trial.race({name: count(name) for name in calls}, probe, 0.002)
    assert calls["a"] == calls["b"] == 1 + 2 * len(times["a"]) >= 7
    assert len(times["a"]) == len(times["b"])


def nan(ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor:
    return torch.full((len(ws), 3, 8, 8), torch.nan)


def black(ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor:
    return torch.zeros(len(ws), 3, 8, 8)


@pytest.mark.parametrize(
    ("run", "words"), [(nan, "relative error nan"), (black, "relative error 1.0e"), (None, "no luck today")]
)
def test_wrong_pictures_are_refused_out_loud(
    run: Run | None, words: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    G = generator()
    use(monkeypatch, eager, Fake("wrong", run), times={"eager": 9.0, "wrong": 1.0})
    with caplog.at_level(logging.WARNING, "latentart.engine"):
        engine = engines.compile(G)
    assert engine.trial.name == eager.NAME
    assert f"wrong is refused for {G.name}: " in caplog.text
    assert words in caplog.text
    assert words in str(engine.trials)


def test_pictures_that_are_right_only_once_are_refused(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    G = generator()
    calls = []

    def drifting(ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor:
        calls.append(1)
        return G.synthesis(ws) * len(calls)

    use(monkeypatch, eager, Fake("drifting", drifting), times={"eager": 9.0, "drifting": 1.0})
    assert engines.compile(G).trial.name == eager.NAME


def test_black_in_uint8_is_refused_too(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def blank(ws: Tensor, noise: Mapping[str, Tensor] | None) -> NDArray[Any]:
        return np.zeros((len(ws), 8, 8, 3), np.uint8)

    use(monkeypatch, eager, Fake("wrong", blank), times={"eager": 9.0, "wrong": 1.0})
    assert engines.compile(generator(), output="uint8").trial.name == eager.NAME


def test_what_was_chosen_before_and_fails_now_is_measured_again(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    G = generator()
    times = {"eager": 9.0, "quick": 1.0}
    use(monkeypatch, eager, Fake("quick", eager.prepare(G, Request(), "", "")), times=times)
    engines.compile(G)
    use(monkeypatch, eager, Fake("quick", nan), times=times)
    with caplog.at_level(logging.WARNING, "latentart.engine"):
        assert engines.compile(G).trial.name == eager.NAME
    assert "quick was chosen before and fails now" in caplog.text


def test_when_nothing_can_draw(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Fake("wrong", nan), Fake("absent", why="not here"), times={})
    with pytest.raises(RouteError, match=r"nothing here can draw.*relative error nan.*absent: not here"):
        engines.compile(generator())


@pytest.mark.parametrize(
    ("budget", "best"),
    [
        (None, "openvino bf16"),
        (20.0, "openvino f32"),
        (50.0, "openvino f32"),
        (6.0, "openvino bf16"),
        (1.0, "openvino bf16"),
    ],
)
def test_a_budget_takes_the_least_rounded_that_keeps_to_it(budget: float | None, best: str) -> None:
    trials = [
        Trial("eager", 40.0),
        Trial("openvino f32", 9.0),
        Trial("openvino bf16", 5.0),
        Trial("torch.compile", refused="no"),
    ]
    assert choose.pick(trials, budget) == best


def test_other_requests_models_versions_and_machines_have_their_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    G, request = generator(), Request()
    keys = {timings.key(G, request, "a"), timings.key(G, request, "b"), timings.key(G, replace(request, batch=2), "a")}
    monkeypatch.setattr(machine, "versions", lambda: {"torch": "99"})
    keys.add(timings.key(G, request, "a"))
    monkeypatch.setattr(machine, "processor", lambda: "another")
    keys.add(timings.key(G, request, "a"))
    assert len(keys) == 5


def test_memory_is_readable_json(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "steady", lambda times: True)
    engines.compile(generator(resolution=4), measure=0)
    [file] = own_cache.glob("engine/*.json")
    record = json.loads(file.read_text())
    assert record["versions"]["torch"] == torch.__version__
    assert {t["name"] for t in record["trials"]} >= {"eager", "openvino f32"}


@pytest.mark.parametrize("text", ["", "{}", '{"trials": [{"name": 3}]}', '{"trials": [{"milliseconds": "x"}]}', "[1]"])
def test_a_damaged_memory_is_said_and_measured_again(
    text: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    G = generator(resolution=4)
    use(monkeypatch, eager, times={"eager": 9.0})
    engines.compile(G)
    [file] = own_cache.glob("engine/*.json")
    file.write_text(text)
    with caplog.at_level(logging.WARNING, "latentart.engine"):
        assert engines.compile(G).trial.milliseconds == 9.0
    assert "measuring again" in caplog.text


def test_a_cache_that_cannot_be_written_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trial, "steady", lambda times: True)
    (tmp_path / "file").touch()
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING, "latentart.engine"):
        engine = engines.compile(generator(resolution=4), measure=0)
    assert engine(latents(engine.G, 1)).shape == (1, 3, 4, 4)
    assert {t.name for t in engine.trials if not t.refused} >= {eager.NAME, openvino.F32}
    assert "the measurement is not remembered" in caplog.text
    assert "the exported graph is not kept" in caplog.text


def test_gradients_are_refused() -> None:
    engine = engines.compile(generator(resolution=4), only=eager.NAME, measure=0)
    ws = latents(engine.G, 1).requires_grad_()
    with pytest.raises(SettingsError, match="gives no gradients"):
        engine(ws)
    with torch.no_grad():
        assert not engine(ws).requires_grad


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"batch": 0}, "a batch of 0 pictures"),
        ({"output": "float16"}, "unknown output 'float16': did you mean float"),
        ({"precision": "alive"}, "did you mean live"),
        ({"noise_mode": "random"}, "unknown noise mode of an engine 'random'"),
        ({"batches": 3}, "did you mean batch"),
        ({"only": "openvno f32"}, "did you mean openvino f32"),
    ],
)
def test_wrong_wishes(wishes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        engines.compile(generator(resolution=4), **wishes)


def test_torch_compile_is_opt_in_and_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    G = generator(resolution=4)
    assert "not asked for" in torch_compile.choices(G, Request())[torch_compile.NAME]
    monkeypatch.setattr(torch_compile.shutil, "which", lambda name: None)
    assert "no C++ compiler" in torch_compile.choices(G, Request(compiler=True))[torch_compile.NAME]
    monkeypatch.setattr(torch_compile.shutil, "which", lambda name: "/usr/bin/" + name)
    assert torch_compile.choices(G, Request(compiler=True)) == {torch_compile.NAME: ""}


def test_torch_compile_draws_what_float32_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    # The graph without the generated C++: code generation is PyTorch's, the graph is ours.
    monkeypatch.setattr(torch_compile, "BACKEND", "aot_eager")
    G = generator()
    ws = latents(G, 3)
    for output in ("float", "uint8"):
        engine = engines.compile(G, batch=2, output=output, compiler=True, only=torch_compile.NAME, measure=0)
        made = engine(ws)
        if output == "float":
            assert difference(made, G.synthesis(ws)) < 1e-5
        else:
            assert np.abs(made.astype(int) - pixels.to_uint8(G.synthesis(ws))).max() <= 1


def test_it_is_there_by_name() -> None:
    assert latentart.__getattr__("engine") is engines


def test_openvino_is_imported_without_its_telemetry() -> None:
    openvino.runtime()
    assert "openvino_telemetry" not in sys.modules
    assert sys.modules["openvino.tools.ovc.telemetry_utils"].tm.__name__ == "openvino.tools.ovc.telemetry_stub"


INTERRUPTED = """
import gc, os, signal, torch
from latentart import engine
from latentart.engine.routes import openvino
from latentart.models.load import load

G = load("glyphs-64", "cpu")
made = [engine.compile(G, output=output, only=openvino.F32, measure=0) for output in ("float", "uint8")]
while made:
    made.pop(0)
    gc.collect()
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_ctrl_c_after_engines_came_and_went() -> None:
    """Each OpenVINO Core frees the signal stack that a later one believes in."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout.split()) == (0, ["interrupted"] * 2), done.stderr


def test_threads_that_spin_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    for policy, spins in (("PASSIVE", False), ("passive", False), ("ACTIVE", True), (None, True)):
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
        if policy:
            monkeypatch.setenv("OMP_WAIT_POLICY", policy)
        assert machine.spins() == spins
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert not machine.spins()
