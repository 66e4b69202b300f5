"""latentart.engine.routes.cuda on a fake of torch.cuda: what is offered, what is recorded, what is refused.

The fake's graph replays operators into the same memory; what follows a convolution is done by plain PyTorch there. No
test here has run on a GPU.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from layouts import dcgan, faked_cuda, progan, random_stylegan3
from layouts.faked_cuda import FakedCuda
from layouts.random_stylegan2 import random_state
from torch import Tensor

from latentart import engine as engines
from latentart import seeds
from latentart.engine import choose, precision, trial
from latentart.engine.fused import forms, kind, plain, plan, rehearsal
from latentart.engine.fused.plan import Layer
from latentart.engine.request import Request, RouteError
from latentart.engine.routes import cuda, eager
from latentart.errors import PictureError
from latentart.models import stylegan2
from latentart.models.base import Generator
from latentart.models.load import build
from latentart.weights.checkpoint import Checkpoint

MEASURED = forms.milliseconds
EVERY = [cuda.GRAPH, cuda.F32, cuda.F16]
FAMILIES = {
    "stylegan3": lambda: random_stylegan3.random_state(resolution=16, base=64, largest=4),
    "progan": progan.random_state,
    "dcgan": dcgan.random_state,
}


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakedCuda:
    """Without Triton, whose kernels have a test of their own; every choice and every form is as fast."""
    monkeypatch.setattr(trial, "race", lambda runs, probe, seconds: {name: [1.0] for name in runs})
    monkeypatch.setattr(forms, "milliseconds", lambda function, x: 1.0)
    monkeypatch.setattr(cuda, "find_spec", lambda name: None)
    monkeypatch.setattr(choose, "find", lambda: [eager, cuda])
    return faked_cuda.install(monkeypatch)


def generator(**shape: Any) -> stylegan2.StyleGAN2:
    tensors, config = random_state(**{"resolution": 8, "widths": {4: 9, 8: 6, 16: 4}, **shape})
    return stylegan2.build(Checkpoint(tensors, config, sha256="", source="test"))


def latents(G: Generator, n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, G.num_ws, G.w_dim, generator=torch.Generator().manual_seed(seed))


def difference(made: Any, wanted: Tensor) -> float:
    return float((made - wanted).norm() / wanted.norm())


def test_elsewhere_nothing_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "find", lambda: [eager, cuda])
    for output in ("float", "uint8"):
        assert cuda.choices(generator(), Request(output=output, precision="live")) == {}
    assert [trial.name for trial in engines.compile(generator(), measure=0).trials] == [eager.NAME]


def test_what_is_offered(gpu: FakedCuda) -> None:
    G = generator()
    assert cuda.choices(G, Request(precision="live")) == dict.fromkeys(EVERY, "")
    assert cuda.choices(G, Request(output="uint8")) == dict.fromkeys(EVERY, "")
    master = cuda.choices(G, Request())
    assert (master[cuda.GRAPH], master[cuda.F32]) == ("", "")
    assert "ask for precision='live'" in master[cuda.F16]
    resnet = cuda.choices(generator(architecture="resnet"), Request(precision="live"))
    assert resnet[cuda.GRAPH] == ""
    assert "not for 'resnet'" in resnet[cuda.F32]
    assert "not for 'resnet'" in resnet[cuda.F16]
    G.synthesis.register_forward_hook(lambda module, args, out: out)
    assert all("hooks" in why for why in cuda.choices(G, Request()).values())


@pytest.mark.parametrize("name", EVERY)
def test_pictures_are_those_of_float32(name: str, gpu: FakedCuda) -> None:
    G = generator(resolution=16, conv_clamp=256.0)
    ws = latents(G, 3)
    wanted = G.synthesis(ws)
    engine = engines.compile(G, batch=2, precision="live", only=name, measure=0)
    recorded = len(gpu.graphs)
    first = engine(ws)
    assert difference(first, wanted) < (2e-3 if name == cuda.F16 else 1e-5)
    kept = first.clone()
    engine(latents(G, 2, seed=1))
    assert torch.equal(first, kept)
    assert len(gpu.graphs) == recorded
    assert gpu.graphs[-1].replays == 2 + 2 + 1
    assert set(gpu.modes) == {"thread_local"}


@pytest.mark.parametrize("name", EVERY)
def test_the_weights_are_those_of_the_start(name: str, gpu: FakedCuda) -> None:
    G = generator()
    ws = latents(G, 1)
    engine = engines.compile(G, precision="live", only=name, measure=0)
    before = engine(ws)
    for parameter in G.synthesis.parameters():
        parameter.mul_(2)
    G.synthesis(ws)
    assert torch.equal(engine(ws), before)


@pytest.mark.parametrize("output", ["uint8", "yuv420"])
@pytest.mark.parametrize("name", EVERY)
def test_frames(name: str, output: str, gpu: FakedCuda) -> None:
    G = generator()
    ws = latents(G, 3)
    wanted = engines.compile(G, output=output, only=eager.NAME, measure=0)(ws)
    engine = engines.compile(G, batch=2, output=output, precision="live", only=name, measure=0)
    made = engine(ws)
    assert made.shape == wanted.shape
    assert np.abs(made.astype(int) - wanted).max() <= 1
    with pytest.raises(PictureError, match="NaN"):
        engine(ws * torch.nan)
    assert np.array_equal(engine(ws), made)


@pytest.mark.parametrize("family", FAMILIES)
def test_other_families_are_one_graph(family: str, gpu: FakedCuda) -> None:
    tensors, config = FAMILIES[family]()
    G = build(Checkpoint(tensors, config, sha256="", source="test"), "cpu")
    ws = latents(G, 1)
    engine = engines.compile(G, noise_inputs=True, only=cuda.GRAPH, measure=0)
    assert difference(engine(ws), G.synthesis(ws)) < 1e-5
    offered = cuda.choices(G, Request(precision="live"))
    if family == "stylegan3":
        assert offered == dict.fromkeys(EVERY, "")
        return
    assert f"not for {G.family}" in offered[cuda.F32]
    assert offered[cuda.HALF] == ""
    half = engines.compile(G, precision="live", only=cuda.HALF, measure=0)
    assert difference(half(ws), G.synthesis(ws)) < 1e-2
    assert "half rounds" in cuda.choices(G, Request())[cuda.HALF]


@pytest.mark.parametrize("name", EVERY)
def test_stylegan3_draws_and_follows_its_transform(name: str, gpu: FakedCuda) -> None:
    G = build(Checkpoint(*FAMILIES["stylegan3"](), sha256="", source="test"), "cpu")
    ws = latents(G, 1)
    engine = engines.compile(G, precision="live", only=name, measure=0)
    recorded = len(gpu.graphs)
    for turned in (0, 30):
        G.synthesis.set_transform((0.1, 0), turned)
        assert difference(engine(ws), G.synthesis(ws)) < (2e-3 if name == cuda.F16 else 1e-5)
    assert len(gpu.graphs) == recorded


@pytest.mark.parametrize("own", ["const", "none"])
@pytest.mark.parametrize("name", [cuda.GRAPH, cuda.F32])
def test_noise_lies_in_the_graph_until_other_noise_comes(name: str, own: str, gpu: FakedCuda) -> None:
    G = generator()
    ws = latents(G, 2)
    engine = engines.compile(G, batch=2, noise_mode=own, noise_inputs=True, only=name, measure=0)
    one = {layer: torch.from_numpy(m) for layer, m in seeds.noise(G.noise_shapes, 3).items()}
    each = {n: torch.stack([torch.from_numpy(seeds.noise(G.noise_shapes, i)[n])[None] for i in range(2)]) for n in one}
    for mode in ("const", "none"):
        for maps in (one, each, None, {"b8.conv0": one["b8.conv0"]}, None):
            wanted = G.synthesis(ws, noise_mode=mode, noise=maps)
            assert difference(engine(ws, noise_mode=mode, noise=maps), wanted) < 1e-5, (mode, maps)


def test_the_fastest_is_chosen_said_and_remembered(
    gpu: FakedCuda, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    G = generator()
    times = {eager.NAME: [9.0], cuda.GRAPH: [3.0], cuda.F32: [2.0], cuda.F16: [1.0]}
    monkeypatch.setattr(trial, "race", lambda runs, probe, seconds: {name: times[name] for name in runs})
    first = engines.compile(G, precision="live")
    assert first.choice.startswith("cuda f16, batch 1: 1.0 ms a picture")

    def again(*args: Any) -> None:
        raise RouteError("measured twice")

    monkeypatch.setattr(forms, "choose", again)
    with caplog.at_level(logging.WARNING, "latentart.engine"):
        assert engines.compile(G, precision="live").trial == first.trial
    assert caplog.text == ""
    assert engines.compile(G, precision="live", budget=2.5).trial.name == cuda.F32


def test_forms_of_doubling_are_measured_once_and_again_when_they_cannot_be_read(
    gpu: FakedCuda, monkeypatch: pytest.MonkeyPatch, cache_folder: Path
) -> None:
    G = generator(resolution=16)
    watched: list[tuple[int, ...]] = []

    def stopwatch(function: Any, x: Tensor) -> float:
        watched.append(tuple(x.shape))
        assert function(x)[0].shape[1:3] == (2 * x.shape[1], 2 * x.shape[2])
        return float(len(watched) % 2)  # the second of two is faster

    monkeypatch.setattr(forms, "milliseconds", stopwatch)
    for _ in range(2):
        engines.compile(G, batch=3, only=cuda.F16, precision="live", measure=0)
    assert [shape[:3] for shape in watched] == [(3, 4, 4)] * 2 + [(3, 8, 8)] * 2
    [kept] = [file for file in cache_folder.glob("engine/*.json") if "phases" in file.read_text()]
    assert kept.read_text().count('"phases"') == 2
    for damage in ("{", '{"words": {"b8.conv0": "sideways", "b16.conv0": "phases"}}', '{"words": 3}'):
        kept.write_text(damage)
        watched.clear()
        engines.compile(G, batch=3, only=cuda.F16, precision="live", measure=0)
        assert len(watched) == 4, damage


def test_milliseconds_are_those_of_a_replay(gpu: FakedCuda) -> None:
    assert MEASURED(lambda x: (x * 2,), torch.zeros(3)) > 0
    assert (len(gpu.graphs), gpu.graphs[0].replays) == (1, forms.ROUNDS)


def wrong_by(form: str) -> SimpleNamespace:
    """Kernels of which one form makes something else."""

    def finish_phases(z: Tensor, layer: Layer, *rest: Any) -> Tensor:
        return plain.finish_phases(z, layer, *rest) * (1.1 if layer.form == form else 1)

    def finish(z: Tensor, layer: Layer, *rest: Any, **more: Any) -> Any:
        if form == plan.SAME:
            raise RuntimeError("Triton Error [CUDA]: invalid argument")
        return plain.finish(z, layer, *rest, **more)

    return SimpleNamespace(finish=finish, finish_transposed=plain.finish_transposed, finish_phases=finish_phases)


def test_forms_that_are_wrong_are_not_measured(gpu: FakedCuda, caplog: pytest.LogCaptureFixture) -> None:
    G = generator()
    watched: list[int] = []

    def stopwatch(function: Any, x: Tensor) -> float:
        watched.append(x.shape[1])
        return 10.0 - len(watched)

    everywhere = {"b4.conv1": plan.DIRECT, "b8.conv0": plan.DIRECT, "b8.conv1": plan.DIRECT}
    assert forms.choose(G, torch.float16, 1, wrong_by(""), stopwatch) == everywhere
    assert watched == [4, 4, 4, 4, 4, 8, 8]
    found = forms.choose(G, torch.float16, 1, wrong_by(plan.DIRECT), stopwatch)
    assert found == everywhere | {"b8.conv0": plan.PHASES}
    assert "direct is not used for b8.conv0 of unnamed: it differs from plain PyTorch by 1.0e-01" in caplog.text
    with pytest.raises(RouteError, match=r"no form of b4\.conv1 works here"):
        forms.choose(G, torch.float16, 1, wrong_by(plan.SAME), stopwatch)
    assert "it cannot be run: Triton Error [CUDA]: invalid argument" in caplog.text


def test_few_forms_are_worth_measuring(gpu: FakedCuda) -> None:
    G, kernels = generator(), wrong_by("")
    assert forms.candidates(G, "b8.conv0", torch.float32, kernels) == [plan.TRANSPOSED, plan.PHASES]
    assert forms.candidates(G, "b8.conv1", torch.float16, plain) == [plan.SAME]
    assert forms.candidates(G, "b8.conv1", torch.float16, kernels) == [plan.SAME, plan.DIRECT]
    wide = generator(widths={4: 4, 8: 129})
    assert forms.candidates(wide, "b8.conv1", torch.float16, kernels) == [plan.SAME]


def test_a_wrong_kernel_is_refused(
    gpu: FakedCuda, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = plain.finish
    monkeypatch.setattr(plain, "finish", lambda z, layer, scale, *rest, **more: right(z, layer, -scale, *rest, **more))
    with caplog.at_level(logging.WARNING, "latentart.engine"):
        engine = engines.compile(generator(), precision="live", measure=0)
    assert engine.trial.name in (eager.NAME, cuda.GRAPH)
    for name in (cuda.F32, cuda.F16):
        assert f"{name} is refused for unnamed: relative error" in caplog.text


def test_a_kernel_that_waits_or_fails_is_refused(
    gpu: FakedCuda, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = plain.finish

    def waits(z: Tensor, *rest: Any, **more: Any) -> Any:
        return right(z * float(z.sum().isnan() + 1), *rest, **more)

    monkeypatch.setattr(plain, "finish", waits)
    with pytest.raises(RouteError, match=r"'cuda f32' cannot draw 'unnamed': .* when stream is capturing"):
        engines.compile(generator(), only=cuda.F32, measure=0)

    def fails(*rest: Any, **more: Any) -> Any:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 80.00 GiB")

    monkeypatch.setattr(plain, "finish", fails)
    assert engines.compile(generator(), measure=0).trial.name in (eager.NAME, cuda.GRAPH)
    assert "CUDA out of memory" in caplog.text


def test_without_triton_or_a_compiler_it_is_said(
    gpu: FakedCuda, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "latentart.engine"):
        engines.compile(generator(), only=cuda.F32, measure=0)
        assert "is slower: Triton is not installed" in caplog.text
        monkeypatch.setattr(cuda, "find_spec", lambda name: name)
        monkeypatch.setattr(cuda.shutil, "which", lambda name: None)
        monkeypatch.delenv("CC", raising=False)
        asked = (generator(), Request(), cuda.F32, "weights")
        assert cuda._passes(*asked) is plain
        assert "there is no C compiler (gcc, clang)" in caplog.text
    monkeypatch.setenv("CC", "/opt/cc")
    asked_for = []

    def fault(G: Generator, dtype: torch.dtype, batch: int) -> str:
        asked_for.append(dtype)
        return "" if dtype == torch.float32 else "a first draw in a process of its own failed: illegal address"

    monkeypatch.setattr(rehearsal, "fault", fault)
    for _ in range(2):  # the second time it is remembered, and so it is for other batches
        assert cuda._passes(*asked).__name__ == kind.KERNELS
        assert cuda._passes(asked[0], Request(batch=9), *asked[2:]).__name__ == kind.KERNELS
        assert cuda._passes(*asked[:2], cuda.F16, "weights") is plain
    assert sorted(asked_for, key=str) == [torch.float16, torch.float32]
    assert caplog.text.count("is slower: a first draw in a process of its own failed: illegal address") == 2


def test_kernels_draw_first_in_a_process_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    G = generator(widths={4: 3, 8: 2})
    assert rehearsal.fault(G, torch.float16, 2) == ""
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    # Real kernels on a processor.
    assert "failed: " in rehearsal.fault(G, torch.float16, 1)
    third = build(Checkpoint(*FAMILIES["stylegan3"](), sha256="", source="test"), "cpu")
    assert "failed: latentart.engine.request.RouteError: no form of L0_36_4" in rehearsal.fault(third, torch.float16, 1)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import os; os.abort()", "failed: it ended with -6"),
        ("raise RuntimeError('CUDA error: an illegal memory access')", "failed: RuntimeError: CUDA error: an illegal"),
        ("import time; time.sleep(60)", "took more than 0 s"),
    ],
)
def test_a_first_draw_that_ends_badly_is_told(program: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "sleep" in program:
        monkeypatch.setattr(rehearsal, "PATIENCE", 0.2)
    assert told in rehearsal.fault(generator(), torch.float16, 1, [sys.executable, "-c", program])


def test_the_switches_of_the_process_are_put_back(gpu: FakedCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    right = plain.finish

    def looks(*rest: Any, **more: Any) -> Any:
        seen.append((torch.backends.cudnn.benchmark, torch.backends.cudnn.conv.fp32_precision))
        return right(*rest, **more)

    before = (torch.backends.cudnn.benchmark, torch.backends.cudnn.conv.fp32_precision)
    monkeypatch.setattr(plain, "finish", looks)
    engines.compile(generator(), only=cuda.F32, measure=0)
    assert set(seen) == {(True, precision.IEEE)}
    engines.compile(generator(), only=cuda.F32, precision="live", measure=0)
    assert seen[-1] == (True, before[1])
    assert (torch.backends.cudnn.benchmark, torch.backends.cudnn.conv.fp32_precision) == before
    with pytest.raises(RouteError), precision.exact(), precision.searching():
        raise RouteError("x")
    assert (torch.backends.cudnn.benchmark, torch.backends.cudnn.conv.fp32_precision) == before
