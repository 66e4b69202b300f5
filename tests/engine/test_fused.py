"""latentart.engine.fused draws what float32 draws: in plain PyTorch, and by its kernels in Triton's interpreter.

The kernels also go through Triton's real compiler, which needs no GPU; nothing here has run on one.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import triton
import triton.language as tl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layouts.random_stylegan2 import random_state
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from latentart import pixels
from latentart.engine import precision
from latentart.engine.fused import forms as layer_forms
from latentart.engine.fused import kernels, modulation, plain, plan, tiles
from latentart.engine.fused import network as networks
from latentart.engine.fused.network import Network, Passes
from latentart.engine.fused.plan import DIRECT, PHASES, SAME, TRANSPOSED, Colours, Layer
from latentart.models import stylegan2
from latentart.weights.checkpoint import Checkpoint

HALF, WHOLE = torch.float16, torch.float32
ALLOWED = {HALF: 2e-3, WHOLE: 1e-5}
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def generator(lopsided: int | None = None, **shape: Any) -> stylegan2.StyleGAN2:
    """A random one; `lopsided` seeds FIR filters that are no mirror image of themselves."""
    tensors, config = random_state(**{"resolution": 8, **shape})
    G = stylegan2.build(Checkpoint(tensors, config, sha256="", source="test"))
    random = torch.Generator().manual_seed(lopsided or 0)
    for name, taps in G.named_buffers():
        if lopsided is not None and name.endswith("resample_filter"):
            taps.copy_(torch.rand(4, 4, generator=random)).div_(taps.sum())
    return G


def latents(G: stylegan2.StyleGAN2, n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, G.num_ws, G.w_dim, generator=torch.Generator().manual_seed(seed))


def difference(made: Tensor, wanted: Tensor) -> float:
    return float((made.float() - wanted.float()).norm() / wanted.float().norm())


def network(
    G: stylegan2.StyleGAN2, dtype: torch.dtype, passes: Passes = plain, *, form: str = TRANSPOSED, **more: Any
) -> Network:
    noise = more.pop("noise", True)
    layers = G.synthesis.layers()
    made = plan.make(G, dtype, noise=noise, chosen={n: form for n in layers if form in plan.forms(G, n)})
    return Network(made, passes, **{"uint8": False, **more})


sides = st.integers(1, 5)
channels = st.integers(1, 20)
generators = st.builds(
    generator,
    lopsided=st.integers(0, 9),
    resolution=st.sampled_from([8, 16]),
    widths=st.fixed_dictionaries({4: channels, 8: channels, 16: channels}),
    img_channels=st.sampled_from([1, 3, 4]),
    init_res=st.tuples(sides, sides),
    conv_clamp=st.sampled_from([None, 0.5, 256.0]),
    use_noise=st.booleans(),
)
forms = st.sampled_from([TRANSPOSED, PHASES, DIRECT])


@pytest.mark.parametrize("up", [TRANSPOSED, PHASES])
def test_three_products_of_tf32_are_float32(up: str, monkeypatch: pytest.MonkeyPatch) -> None:
    G = generator(resolution=16, widths={4: 9, 8: 5, 16: 7})
    kinds = {name: up if layer.up else SAME for name, layer in G.synthesis.layers().items()}
    ws, right, seen = latents(G, 2), networks._convolved, set()

    def by_tensor_cores(x: Tensor, layer: Layer) -> Tensor:
        """Reads both as TF32 does, and sums in float32."""
        seen.add(torch.backends.cudnn.conv.fp32_precision)
        return right(plan.tf32(x), replace(layer, weight=plan.tf32(layer.weight)))

    monkeypatch.setattr(networks, "_convolved", by_tensor_cores)
    apart = {}
    for split in ("", plan.SPLIT):
        made = plan.make(G, WHOLE, chosen={name: kind + split for name, kind in kinds.items()})
        with precision.exact():
            apart[split] = difference(Network(made, plain, uint8=False)(ws)[0], G.synthesis(ws))
    assert apart[plan.SPLIT] < 5e-6 < 1e-4 < apart[""]
    assert seen == {precision.IEEE, precision.TF32}
    x = torch.randn(50, generator=torch.Generator().manual_seed(0))
    assert float(((plan.tf32(x) - x) / x).abs().max()) <= 2**-11


def test_products_of_tf32_are_measured_where_float32_is_to_be_exact() -> None:
    G = generator()
    assert layer_forms.candidates(G, "b8.conv1", WHOLE, plain) == [SAME]
    with precision.exact():
        assert layer_forms.candidates(G, "b8.conv1", WHOLE, plain) == [SAME, SAME + plan.SPLIT]
        assert layer_forms.candidates(G, "b8.conv0", HALF, plain) == [TRANSPOSED, PHASES]


@settings(max_examples=12, **QUIET)
@given(G=generators, form=forms, batch=st.integers(1, 3), dtype=st.sampled_from([WHOLE, HALF]))
def test_any_architecture(G: stylegan2.StyleGAN2, form: str, batch: int, dtype: torch.dtype) -> None:
    ws = latents(G, batch)
    (made,) = network(G, dtype, form=form)(ws)
    wanted = G.synthesis(ws)
    assert made.shape == wanted.shape
    assert difference(made, wanted) < ALLOWED[dtype]


@settings(max_examples=5, **QUIET)
@given(G=generators, form=forms)
def test_noise_is_stored_or_none_or_comes_in(G: stylegan2.StyleGAN2, form: str) -> None:
    ws = latents(G, 2)
    (made,) = network(G, WHOLE, form=form, noise=False)(ws)
    assert difference(made, G.synthesis(ws, noise_mode="none")) < 1e-5
    maps = {name: torch.randn(2, 1, *shape) for name, shape in G.noise_shapes.items()}
    (made,) = network(G, WHOLE, form=form, names=maps)(ws, *maps.values())
    assert difference(made, G.synthesis(ws, noise=maps)) < 1e-5


def test_frames_are_rounded_as_pixels_are() -> None:
    G = generator(resolution=16)
    ws = latents(G, 2) * 3
    frames, total = network(G, WHOLE, uint8=True)(ws)
    assert frames.dtype == torch.uint8
    assert np.abs(frames.numpy().astype(int) - pixels.to_uint8(G.synthesis(ws))).max() <= 1
    assert not math.isnan(float(total))
    assert math.isnan(float(network(G, WHOLE, uint8=True)(ws * math.nan)[1]))


@pytest.mark.parametrize("form", [TRANSPOSED, PHASES, DIRECT])
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_kernels_and_styles_of_any_size_fit_half(factor: float, form: str) -> None:
    G = generator(resolution=16)
    for layer in G.synthesis.layers().values():
        layer.weight.mul_(factor)
        layer.affine.weight.mul_(factor)
        layer.affine.bias.mul_(factor)
    ws = latents(G, 2)
    wanted = G.synthesis(ws)
    assert difference(network(G, HALF, form=form)(ws)[0], wanted) < 2e-3
    assert difference(network(G, WHOLE, form=form)(ws)[0], wanted) < 1e-5


def test_what_is_too_large_for_half_is_cut_off_and_not_infinite() -> None:
    G = generator()
    for layer in G.synthesis.layers().values():
        layer.bias.mul_(1e9)
    assert torch.isfinite(network(G, HALF)(latents(G, 2))[0]).all()


def test_layers_that_are_all_zero() -> None:
    G = generator()
    for layer in G.synthesis.layers().values():
        layer.weight.zero_()
        layer.affine.weight.zero_()
        layer.affine.bias.zero_()
    ws = latents(G, 1)
    assert difference(network(G, HALF)(ws)[0], G.synthesis(ws)) < 2e-3


def test_a_convolution_cannot_leave_what_half_can_say() -> None:
    G = generator()
    made = plan.make(G, HALF)
    for layer in made.layers:
        rows = layer.weight.transpose(0, 1) if layer.form == TRANSPOSED else layer.weight
        assert torch.allclose(rows.float().flatten(1).norm(dim=1), torch.ones(layer.channels), atol=2e-3)
    styles, _, _ = made.modulation(latents(G, 3) * 1e6)
    assert styles.abs().amax(2).eq(1).all()


def test_the_weights_are_those_of_the_start() -> None:
    G = generator()
    ws = latents(G, 1)
    drawn = network(G, WHOLE)
    before = drawn(ws)[0].clone()
    for parameter in G.synthesis.parameters():
        parameter.mul_(2)
    assert torch.equal(drawn(ws)[0], before)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({}, ""),
        ({"architecture": "resnet"}, "not for 'resnet'"),
        ({"architecture": "orig"}, "not for 'orig'"),
        ({"img_channels": 5}, "up to 4 channels, not 5"),
        ({"init_res": (4, 4), "widths": {8: 30_000_000}}, None),
    ],
)
def test_what_is_refused(shape: dict[str, Any], words: str | None) -> None:
    if words is None:
        G = generator()
        object.__setattr__(G.config, "widths", (32, 30_000_000))
        words = "8x8 in 30000000 channels is too large"
    else:
        G = generator(**shape)
    assert (plan.refusal(G) == "") == (words == "")
    assert words in plan.refusal(G)


def test_other_filters_are_refused() -> None:
    G = generator()
    G.synthesis.blocks[1].conv0.resample_filter = torch.ones(6, 6) / 36
    assert "b8.conv0.resample_filter has 6x6" in plan.refusal(G)


# The kernels, in Triton's interpreter.


@pytest.fixture(scope="module")
def interpreted() -> Iterator[Passes]:
    """`kernels` with tiles of its own that the interpreter runs: no other test, and no other process, sees them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "tiles", _interpreted_tiles())
        # The interpreter knows Triton's own sum as one; ours it would add up number by number.
        patch.setattr(tl.standard, "_sum_combine", kernels.tiles.add)
        yield kernels


def _interpreted_tiles() -> ModuleType:
    spec = importlib.util.spec_from_file_location("interpreted_tiles", tiles.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        spec.loader.exec_module(module)
    return module


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """A layer of a random size and what comes to it."""
    n, h, w, c = draw(st.integers(1, 3)), draw(sides), draw(sides), draw(st.integers(1, 37))
    random = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    width = c + draw(st.integers(0, 5))
    colours = draw(st.sampled_from([1, 3, 4]))
    limit = draw(st.sampled_from([math.inf, 0.8]))

    def some(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    painted = Colours(some(colours), limit, some(4, 4))
    return {
        "layer": Layer("x", "", torch.empty(0), (2 * h, 2 * w), some(c), some(), None, limit, some(4, 4), painted),
        "some": some,
        "shape": (n, h, w, c),
        "dtype": draw(st.sampled_from([WHOLE, HALF])),
        "scale": some(n, width),
        "style": some(n, width),
        "noise": draw(st.sampled_from([None, some(1, 2 * h, 2 * w), some(n, 2 * h, 2 * w)])),
        "kernel": some(n, colours, width),
        "below": draw(st.sampled_from([None, some(n, h, w, colours)])),
    }


def _near(made: Tensor, wanted: Tensor) -> None:
    assert made.shape == wanted.shape
    assert made.dtype == wanted.dtype
    allowed = 2e-3 if made.dtype == HALF else 2e-5
    largest = float(wanted.float().abs().max())
    assert float((made.float() - wanted.float()).abs().max()) <= allowed * max(largest, 1e-3)


def _of(call: dict[str, Any], form: str, phases: int) -> Layer:
    """The layer in a form; "direct" has weights."""
    layer: Layer = replace(call["layer"], form=form)
    if form != DIRECT:
        return layer
    weight = call["some"](phases, 9, 1 + call["shape"][3] % 35, layer.channels) / 9
    return replace(layer, weight=weight.to(call["dtype"]))


@settings(max_examples=10, **QUIET)
@given(call=calls(), form=forms)
def test_kernels_that_double(interpreted: Passes, call: dict[str, Any], form: str) -> None:
    n, h, w, c = call["shape"]
    rest = (_of(call, form, 4), call["scale"], call["noise"], call["style"])
    if form == DIRECT:
        x = call["some"](n, h, w, len(rest[0].weight[0, 0])).to(call["dtype"])
        _near(interpreted.finish_phases(x, *rest), plain.finish_phases(x, *rest))
    elif form == PHASES:
        z = call["some"](n, h, w, 4 * c).to(call["dtype"])
        _near(interpreted.finish_phases(z, *rest), plain.finish_phases(z, *rest))
    else:
        z = call["some"](n, 2 * h + 1, 2 * w + 1, c).to(call["dtype"])
        _near(interpreted.finish_transposed(z, *rest), plain.finish_transposed(z, *rest))


@settings(max_examples=8, **QUIET)
@given(call=calls(), last=st.booleans(), uint8=st.booleans(), direct=st.booleans())
def test_kernels_that_paint(interpreted: Passes, call: dict[str, Any], last: bool, uint8: bool, direct: bool) -> None:
    n, h, w, c = call["shape"]
    layer = _of(call, DIRECT if direct else SAME, 1)
    z = call["some"](n, 2 * h, 2 * w, layer.weight.shape[2] if direct else c).to(call["dtype"])
    rest = (layer, call["scale"], call["noise"], None if last else call["style"])
    more = {"kernel": call["kernel"], "below": call["below"], "uint8": uint8}
    (features, picture, tell), (wanted, painted, _) = (
        passes.finish(z, *rest, **more) for passes in (interpreted, plain)
    )
    assert (features is None) == last
    assert (tell is not None) == uint8
    if features is not None and wanted is not None:
        _near(features, wanted)
    if uint8:
        assert tell is not None
        assert (picture.int() - painted.int()).abs().max() <= 1
        assert float(tell.sum()) == 0
    else:
        _near(picture, painted)


@pytest.mark.parametrize("form", [TRANSPOSED, PHASES, DIRECT])
def test_a_whole_network_by_kernels(interpreted: Passes, form: str) -> None:
    G = generator(lopsided=1, conv_clamp=256.0, widths={4: 12, 8: 40})
    ws = latents(G, 2)
    wanted = G.synthesis(ws)
    assert difference(network(G, WHOLE, interpreted, form=form)(ws)[0], wanted) < 1e-5
    frames, total = network(G, HALF, interpreted, form=form, uint8=True)(ws)
    assert float(total) == 0
    assert np.abs(frames.numpy().astype(int) - pixels.to_uint8(wanted)).max() <= 1


def test_nan_passes_all_limits(interpreted: Passes) -> None:
    G = generator(conv_clamp=0.5, widths={4: 3, 8: 3})
    ws = latents(G, 2)
    ws[1, 0] = math.nan
    assert math.isnan(float(network(G, HALF, interpreted, uint8=True)(ws)[1]))


# The kernels, in Triton's compiler.


class Launches:
    """Stands for a kernel: notes what it would be started with."""

    def __init__(self, kernel: Any, found: dict[str, ASTSource]) -> None:
        self._kernel, self._found = kernel, found

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        assert all(0 < side for side in grid)
        return self._note

    def _note(self, *arguments: Any, **constants: Any) -> None:
        given = dict(zip(self._kernel.arg_names, arguments, strict=False)) | constants
        assert list(given) == self._kernel.arg_names
        kinds = {name: _kind(value, name in constants) for name, value in given.items()}
        fixed = {(i,): given[name] for i, name in enumerate(kinds) if kinds[name] == "constexpr"}
        sixteens = {(i,): [["tt.divisibility", 16]] for i, value in enumerate(given.values()) if _sixteenth(value)}
        even = {place: words for place, words in sixteens.items() if place not in fixed}
        self._found[f"{self._kernel.__name__} {sorted(kinds.items())}"] = ASTSource(self._kernel, kinds, fixed, even)


def _kind(value: Any, fixed: bool) -> str:
    if fixed or value is None:
        return "constexpr"
    if isinstance(value, Tensor):
        return {HALF: "*fp16", WHOLE: "*fp32", torch.uint8: "*u8"}[value.dtype]
    return "i32" if isinstance(value, int) else "fp32"


def _sixteenth(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, int) and value % 16 == 0)


def test_kernels_compile_for_a_gpu(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Triton would specialise them: for each call of a small network, by the compiler and assembler it ships."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    found: dict[str, ASTSource] = {}
    noted = ModuleType("noted")
    for name in ("finish", "finish_transposed", "finish_phases", "convolve", "convolve_phases"):
        setattr(noted, name, Launches(getattr(tiles, name), found))
    monkeypatch.setattr(kernels, "tiles", noted)
    G = generator(widths={4: 32, 8: 32}, conv_clamp=256.0)
    for form in (TRANSPOSED, PHASES, DIRECT):
        network(G, HALF, kernels, form=form, uint8=True)(latents(G, 2))
    assert len(found) == 7
    for source in found.values():
        made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 4})
        assert len(made.asm["cubin"]) > 1000
        assert re.search(r"ld\.global\S*\.v4|cp\.async\S* .*0x10", made.asm["ptx"]), "reads sixteen bytes at a time"
        assert made.metadata.shared < 48 * 1024


def test_the_norm_of_nothing_is_not_zero() -> None:
    assert (modulation.norms(torch.zeros(2, 3, 3, 3)) > 0).all()
    assert SAME == plan.layer(generator(), "b4.conv1", WHOLE).form
