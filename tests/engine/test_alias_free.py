"""latentart.engine.fused.alias_free: StyleGAN3 against G.synthesis, its kernels in Triton's interpreter and compiler.

No test here has run on a GPU.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import triton
import triton.language as tl
from layouts.random_stylegan3 import random_state
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from latentart import pixels
from latentart.engine.fused.alias_free import filters, kernels, plain, plan, tiles
from latentart.engine.fused.alias_free.filters import Strip
from latentart.engine.fused.alias_free.network import Network, Passes
from latentart.engine.fused.alias_free.plan import Layer
from latentart.models import stylegan3
from latentart.models.base import placed
from latentart.weights.checkpoint import Checkpoint

HALF, WHOLE = torch.float16, torch.float32
ALLOWED = {HALF: 2e-3, WHOLE: 2e-5}


def generator(**shape: Any) -> stylegan3.StyleGAN3:
    tensors, config = random_state(**{"resolution": 16, "base": 64, "largest": 4, **shape})
    return stylegan3.build(Checkpoint(tensors, config, sha256="", source="test"))


def latents(G: stylegan3.StyleGAN3, n: int) -> Tensor:
    return G.mapping(torch.randn(n, G.z_dim, generator=torch.Generator().manual_seed(n)))


def difference(made: Tensor, wanted: Tensor) -> float:
    return float((made.float() - wanted.float()).norm() / wanted.float().norm())


def network(G: stylegan3.StyleGAN3, dtype: torch.dtype, passes: Passes = plain, *, uint8: bool = False) -> Network:
    return Network(plan.make(G, dtype), passes, uint8=uint8)


@pytest.mark.parametrize("dtype", [WHOLE, HALF])
@pytest.mark.parametrize("variant", ["t", "r"])
@pytest.mark.parametrize("shape", [{"resolution": 16, "img_channels": 1}, {"resolution": 64, "largest": 11}])
def test_pictures_are_the_models(shape: dict[str, Any], variant: str, dtype: torch.dtype) -> None:
    G = generator(variant=variant, **shape)
    ws, moved = latents(G, 2), placed((0.1, -0.2), 20)
    for transform in (torch.eye(3), moved):
        drawn = network(G, dtype)
        drawn.plan.start.transform.copy_(transform)
        (made,) = drawn(ws)
        assert difference(made, G.synthesis(ws, transform=transform)) < ALLOWED[dtype]


def test_styles_and_kernels_of_any_size_fit_half() -> None:
    G = generator()
    ws = latents(G, 2)
    for factor in (1e-4, 1e4):
        for layer in [*G.synthesis.layers().values()][:-1]:
            layer.weight.mul_(factor)
            layer.affine.weight.mul_(factor)
            layer.affine.bias.mul_(factor)
        assert difference(network(G, HALF)(ws)[0], G.synthesis(ws)) < 2e-3


def test_frames_are_rounded_as_pixels_are_and_tell_of_nan() -> None:
    G = generator()
    ws = latents(G, 2)
    frames, total = network(G, WHOLE, uint8=True)(ws)
    assert np.abs(frames.numpy().astype(int) - pixels.to_uint8(G.synthesis(ws))).max() <= 1
    assert not math.isnan(float(total))
    assert math.isnan(float(network(G, WHOLE, uint8=True)(ws * math.nan)[1]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"up": 3}, "L1_36_4: the fused filters go up 2 or 4 times and down 2 times, not 3 and 2"),
        ({"down": 1}, "not 2 and 1 times"),
        ({"up_taps": (12, 12)}, "12 taps upwards, not 12x12"),
        ({"down_taps": (14,)}, "12 taps downwards, not 14"),
        ({"padding": (12, 9, 11, 10)}, "reaches beyond the filter"),
        ({"outputs": 2**28}, "too large to be counted in 32 bits"),
    ],
)
def test_what_is_refused(change: dict[str, Any], words: str) -> None:
    G = generator()
    layers = list(G.config.layers)
    layers[1] = replace(layers[1], **change)
    G.config = replace(G.config, layers=tuple(layers))
    assert (plan.refusal(G) == "") == (words == "")
    assert words in plan.refusal(G)


def test_radial_filters_are_sums_of_few_products() -> None:
    G = generator(resolution=64, variant="r")
    for layer in [*G.synthesis.layers().values()][:-1]:
        taps = layer.down_filter.flip(*range(layer.down_filter.ndim)).double()
        for allowed, most in ((3e-4, 4), (1e-6, 5)):
            down, along = filters.terms(layer.down_filter, allowed)
            assert len(down) <= most
            if taps.ndim == 2:
                assert float((down.t() @ along - taps).norm() / taps.norm()) <= allowed
            else:
                assert torch.equal(down[0], taps)


def test_taps_are_rounded_with_the_sum_they_had() -> None:
    taps = torch.rand(24, generator=torch.Generator().manual_seed(0)).double() ** 4
    made = filters.evenly(taps, 4, HALF)
    assert torch.equal(made, made.to(HALF).double())
    for phase in range(4):
        assert abs(float(made[phase::4].sum() - taps[phase::4].sum())) < 1e-6
    assert float((made - taps).abs().max()) < 1e-3


# The kernels, in Triton's interpreter.


@pytest.fixture(scope="module")
def interpreted() -> Iterator[Any]:
    """`kernels` with tiles of its own that the interpreter runs: no other test, and no other process, sees them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "tiles", interpreted_tiles())
        patch.setattr(tl.standard, "_sum_combine", kernels.tiles.add)
        yield kernels


def interpreted_tiles() -> ModuleType:
    spec = importlib.util.spec_from_file_location("interpreted_alias_free", tiles.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        spec.loader.exec_module(module)
    return module


def near(made: Tensor, wanted: Tensor, allowed: float) -> None:
    assert (made.shape, made.dtype) == (wanted.shape, wanted.dtype)
    assert float((made.float() - wanted.float()).abs().max()) <= allowed * float(wanted.float().abs().max())


def call(
    up: int,
    padding: tuple[int, int, int, int],
    taps: int,
    *,
    size: tuple[int, int] = (6, 9),
    channels: int = 8,
    n: int = 1,
    limit: float = 1.5,
    form: str = "64x8x1",
    dtype: torch.dtype = WHOLE,
) -> tuple[Tensor, Layer, Tensor, Tensor]:
    """Arguments of `filtered`, with filters that are no mirror image of themselves."""
    random = torch.Generator().manual_seed(7)

    def some(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    up_taps, down_taps = some(6 * up) / 3, some(12) / 3
    if taps > 1:
        down_taps = sum(torch.outer(some(12), some(12)) / 9 / 4**k for k in range(taps))
    left, right, top, bottom = padding
    more = (top + bottom, left + right)
    high = [up * side + pad - 6 * up + 1 for side, pad in zip(size, more, strict=True)]
    out = ((high[0] - 12) // 2 + 1, (high[1] - 12) // 2 + 1)
    laid = filters.lay_out(up_taps, down_taps, up, padding, strip=Strip.named(form), dtype=dtype, width=size[1])
    assert taps == laid.rank
    layer = Layer("x", form, torch.empty(0), some(channels), up, padding, up_taps, down_taps, laid, out, limit)
    return some(n, *size, channels).to(dtype), layer, some(n, channels + 8), some(n, channels + 8)


EVEN, ODD, CROPPED, SHORT = (11, 10, 11, 10), (10, 11, 10, 12), (-9, -10, -9, -10), (8, 11, 9, 10)


@pytest.mark.parametrize(
    ("up", "padding", "taps", "form"),
    [
        (2, EVEN, 1, "64x16x1"),
        (2, ODD, 2, "64x8x2"),
        (2, CROPPED, 1, "64x8x1"),
        (4, SHORT, 1, "64x16x1"),
        (4, (9, 8, 10, 9), 3, "64x8x1"),
    ],
)
def test_the_filtered_leaky_relu(interpreted: Any, up: int, padding: Any, taps: int, form: str) -> None:
    size = (23, 25) if padding == CROPPED else (5, 8)
    arguments = call(up, padding, taps, size=size, form=form)
    near(interpreted.filtered(*arguments), plain.filtered(*arguments), 2e-5)


@pytest.mark.parametrize(("up", "padding"), [(2, EVEN), (4, SHORT)])
def test_the_filtered_leaky_relu_in_half(interpreted: Any, up: int, padding: Any) -> None:
    z, layer, scale, style = call(up, padding, 1, dtype=HALF, limit=math.inf)
    wanted = plain.filtered(z.float(), layer, scale, style).half()
    near(interpreted.filtered(z, layer, scale, style), wanted, 2e-3)


def test_a_map_of_many_programs(interpreted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "LEAST_ROWS", 2)
    arguments = call(2, EVEN, 1, size=(3, 29), channels=24, form="64x16x1")
    assert kernels._rows(arguments[1].size[0], 4) == 2
    near(interpreted.filtered(*arguments), plain.filtered(*arguments), 2e-5)


def test_rows_of_a_program() -> None:
    assert kernels._rows(1044, 2000) == 1044
    assert kernels._rows(1044, 234) == 209 or kernels._rows(1044, 234) == 131
    assert kernels._rows(36, 1) == 18


@pytest.mark.parametrize(("colours", "uint8"), [(3, True), (1, False)])
def test_the_picture(interpreted: Any, colours: int, uint8: bool) -> None:
    random = torch.Generator().manual_seed(3)
    x, kernel = (torch.randn(shape, generator=random) for shape in ((2, 9, 37, 24), (2, colours, 40)))
    paint = plan.Paint(torch.randn(colours, generator=random), 4.0, 0.25)
    x[1, 3, 3] = 1e4
    made, tell = interpreted.painted(x.half(), paint, kernel, uint8=uint8)
    wanted, _ = plain.painted(x.half(), paint, kernel, uint8=uint8)
    assert float((made.float() - wanted.float()).abs().max()) <= (1 if uint8 else 2e-4)
    assert (tell is not None) == uint8
    if uint8:
        x[1, 3, 3] = math.nan
        assert float(tell.sum()) == 0
        assert math.isnan(float(interpreted.painted(x, paint, kernel, uint8=True)[1].sum()))


def test_nan_passes_all_limits(interpreted: Any) -> None:
    z, layer, scale, style = call(2, EVEN, 1, n=2, size=(3, 4))
    z[1, 1, 1] = math.nan
    made = interpreted.filtered(z, layer, scale, style)
    assert not made[0].isnan().any()
    assert made[1].isnan().any()


MUTATIONS = {
    "the bias is everywhere": ("tl.where(inside, share, 0.0) * offset", "offset"),
    "the bias is within the rows, whatever the column": ("tl.where(inside, share, 0.0)", "tl.where(inside, 1.0, 0.0)"),
    "taps down the rows are not flipped": ("window[5 - k] * taps[PHASE", "window[k] * taps[PHASE"),
    "the slope is on the other side": ("tl.maximum(high, high * 0.2)", "tl.minimum(high, high * 0.2)"),
    "no limit": ("_cut(tl.maximum(high, high * 0.2), limit)", "tl.maximum(high, high * 0.2)"),
    "a row too early": ("- first_row - 11) // 2", "- first_row - 13) // 2"),
    "even and odd rows are exchanged": ("10 - 2 * (k % 6) + ODD", "11 - 2 * (k % 6) - ODD"),
    "only the first rank": ("for r in tl.static_range(RANK)", "for r in tl.static_range(1)"),
    "no styles": ("RANK) * follow", "RANK)"),
    "rows begin too late": ("// UP - 5\n    bottom", "// UP - 4\n    bottom"),
    "the last rows are left out": ("row + 1\n    value", "row\n    value"),
    "columns begin too late": ("// UP - 5 + tl.arange(0, COARSE)", "// UP - 4 + tl.arange(0, COARSE)"),
    "the next row is the same": ("            value = ahead", "            value = value"),
}  # fmt: skip


@pytest.mark.parametrize("what", MUTATIONS)
def test_mistakes_show(what: str, interpreted: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = MUTATIONS[what]
    program = Path(tiles.__file__).read_text()
    assert right in program
    changed = tmp_path / "tiles.py"
    changed.write_text(program.replace(right, wrong))
    monkeypatch.setattr(tiles, "__file__", str(changed))
    monkeypatch.setattr(kernels, "tiles", interpreted_tiles())
    # What lies above a program's first row shows where a program begins within the map.
    monkeypatch.setattr(kernels, "LEAST_ROWS", 5)
    arguments = call(2, (10, 11, 10, 11), 2, size=(9 if "begin" in what else 3, 4))
    made, wanted = kernels.filtered(*arguments), plain.filtered(*arguments)
    assert not float((made - wanted).abs().max()) <= 1e-3 * float(wanted.abs().max())


# The kernels, in Triton's compiler.


class Launches:
    """Stands for a kernel: notes what it would be started with."""

    def __init__(self, kernel: Any, found: dict[str, tuple[ASTSource, dict[str, int]]]) -> None:
        self._kernel, self._found = kernel, found

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        assert all(0 < side < 65536 for side in grid[1:])
        return self._note

    def _note(self, *arguments: Any, **constants: Any) -> None:
        options = {name: constants.pop(name) for name in ("num_warps", "num_stages", "maxnreg") if name in constants}
        given = dict(zip(self._kernel.arg_names, arguments, strict=False)) | constants
        assert list(given) == self._kernel.arg_names
        kinds = {name: _kind(value, name in constants) for name, value in given.items()}
        fixed = {(i,): given[name] for i, name in enumerate(kinds) if kinds[name] == "constexpr"}
        tensors = [(i,) for i, value in enumerate(given.values()) if isinstance(value, Tensor)]
        source = ASTSource(self._kernel, kinds, fixed, {place: [["tt.divisibility", 16]] for place in tensors})
        self._found[f"{self._kernel.__name__} {sorted(kinds.items())} {fixed}"] = (source, options)


def _kind(value: Any, fixed: bool) -> str:
    if fixed or value is None:
        return "constexpr"
    if isinstance(value, Tensor):
        return {HALF: "*fp16", WHOLE: "*fp32", torch.uint8: "*u8"}[value.dtype]
    return "i32" if isinstance(value, int) else "fp32"


def test_kernels_compile_for_a_gpu(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    found: dict[str, tuple[ASTSource, dict[str, int]]] = {}
    noted = ModuleType("noted")
    for name in ("filtered", "painted"):
        setattr(noted, name, Launches(getattr(tiles, name), found))
    monkeypatch.setattr(kernels, "tiles", noted)
    for form in plan.FORMS:
        kernels.filtered(*call(2, EVEN, 1, form=form, dtype=HALF, limit=math.inf))
    kernels.filtered(*call(4, SHORT, 1, form="64x16x1", dtype=HALF))
    kernels.filtered(*call(2, EVEN, 3, form="64x8x1", dtype=HALF))
    paint = plan.Paint(torch.zeros(3), 256.0, 0.25)
    kernels.painted(torch.zeros(1, 8, 8, 32, dtype=HALF), paint, torch.zeros(1, 3, 40), uint8=True)
    assert len(found) == 6
    for name, (source, options) in found.items():
        made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 4, **options})
        assert len(made.asm["cubin"]) > 1000
        if name.startswith("filtered"):
            assert re.search(r"ld\.global\S*\.v4", made.asm["ptx"]), "reads sixteen bytes at a time"
            assert "mma" in made.asm["ptx"]
        assert made.metadata.shared < 48 * 1024
