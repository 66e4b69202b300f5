"""latentart.models.stylegan2 against the papers' formulas (benchmarks/reference), picture by picture."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from golden.paint import HERE, read, strip
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import random_stylegan3
from layouts.random_stylegan2 import random_state
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmarks.reference.stylegan2_fused import Fused
from latentart.errors import SettingsError, WeightsError
from latentart.models import load, stylegan2
from latentart.models.base import check_noise_mode
from latentart.weights.checkpoint import Checkpoint

TOLERANCE = 1e-5

architectures = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 99),
        "resolution": st.sampled_from([4, 8, 16, 32]),
        "z_dim": st.sampled_from([8, 24]),
        "w_dim": st.sampled_from([8, 20]),
        "c_dim": st.sampled_from([0, 0, 5]),
        "mapping_layers": st.integers(2, 8),
        "img_channels": st.sampled_from([1, 3, 4]),
        "architecture": st.sampled_from(stylegan2.ARCHITECTURES),
        "init_res": st.sampled_from([(4, 4), (3, 5), (6, 2)]),
        "widths": st.sampled_from([{}, {4: 6, 8: 10, 16: 5, 32: 3}]),
        "conv_clamp": st.sampled_from([None, 0.5, 256.0]),
        "use_noise": st.booleans(),
    }
)
few = settings(max_examples=40, derandomize=True, deadline=None)


def pair(**shape: Any) -> tuple[stylegan2.StyleGAN2, Fused]:
    tensors, config = random_state(**shape)
    return build(tensors, config), Fused(tensors, config)


def build(tensors: dict[str, Tensor], config: dict[str, Any]) -> stylegan2.StyleGAN2:
    return stylegan2.build(Checkpoint(dict(tensors), config, sha256="", source="test"))


def randn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def classes(seed: int, n: int, c_dim: int) -> Tensor | None:
    return torch.softmax(randn(seed, n, c_dim), dim=1) if c_dim else None


def error(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference relative to the size of what is compared."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).norm() / theirs.norm().clamp(min=1e-30))


@few
@given(architectures, st.integers(1, 3))
def test_every_architecture_gives_the_papers_picture(shape: dict[str, Any], n: int) -> None:
    G, reference = pair(**shape)
    z, c = randn(1, n, G.z_dim), classes(2, n, G.c_dim)
    ws = G.mapping(z, c)
    assert ws.shape == (n, G.num_ws, G.w_dim)
    assert error(ws, reference.mapping(z, c)) < TOLERANCE
    free = randn(3, n, G.num_ws, G.w_dim)  # every row of its own: W+
    img = G.synthesis(free)
    assert img.shape == (n, G.img_channels, *G.img_size)
    assert error(img, reference.synthesis(free)) < TOLERANCE


@few
@given(architectures, st.floats(-1, 2), st.none() | st.integers(0, 12))
def test_truncation_pulls_the_first_rows_toward_the_average(
    shape: dict[str, Any], psi: float, cutoff: int | None
) -> None:
    G, reference = pair(**shape)
    z, c = randn(1, 2, G.z_dim), classes(2, 2, G.c_dim)
    ws = G.mapping(z, c, truncation_psi=psi, truncation_cutoff=cutoff)
    assert error(ws, reference.mapping(z, c, psi, cutoff)) < TOLERANCE


def test_psi_zero_is_the_average_everywhere() -> None:
    G, _ = pair()
    ws = G.mapping(randn(0, 2, G.z_dim), truncation_psi=0)
    assert torch.equal(ws, G.w_avg.expand_as(ws))


@few
@given(architectures, st.booleans())
def test_gradients_are_those_of_the_formulas(shape: dict[str, Any], per_sample: bool) -> None:
    tensors, config = random_state(**shape)
    G = build({k: t.double() for k, t in tensors.items()}, config).double()
    G.synthesis.requires_grad_(True)
    state = {k: t.detach().clone().requires_grad_(k.startswith("synthesis")) for k, t in G.state_dict().items()}
    reference = Fused(state, config)
    n = 2
    lead = (n, 1) if per_sample else ()
    noise = {k: randn(i, *lead, *hw).double() for i, (k, hw) in enumerate(G.noise_shapes.items())}
    found = [grads(G.synthesis, dict(G.named_parameters()), noise, G), grads(reference.synthesis, state, noise, G)]
    assert found[0].keys() == found[1].keys() >= {"ws", *noise}
    for name, gradient in found[0].items():
        assert error(gradient, found[1][name]) < 1e-9, name


def grads(
    synthesis: Any, state: dict[str, Tensor], noise: dict[str, Tensor], G: stylegan2.StyleGAN2
) -> dict[str, Tensor]:
    """Gradient of a fixed random projection of the picture: to ws, to every weight, to every noise map."""
    ws = randn(5, 2, G.num_ws, G.w_dim).double().requires_grad_()
    noise = {k: t.clone().requires_grad_() for k, t in noise.items()}
    img = synthesis(ws, noise_mode="const", noise=noise)
    wanted = {"ws": ws, **noise}
    wanted |= {k: t for k, t in state.items() if t.requires_grad and k in dict(G.named_parameters())}
    target = (img * randn(6, *img.shape).double()).sum()
    return dict(zip(wanted, torch.autograd.grad(target, list(wanted.values())), strict=True))


def test_noise_modes() -> None:
    G, reference = pair(resolution=16)
    ws = randn(0, 2, G.num_ws, G.w_dim)
    const, none = G.synthesis(ws), G.synthesis(ws, noise_mode="none")
    assert error(none, reference.synthesis(ws, "none")) < TOLERANCE < error(const, none)
    torch.manual_seed(0)
    first, second = G.synthesis(ws, noise_mode="random"), G.synthesis(ws, noise_mode="random")
    assert error(first, second) > 0.01
    assert torch.equal(const, G.synthesis(ws))


@pytest.mark.parametrize("lead", [(), (2, 1)])
def test_given_noise_replaces_stored_maps(lead: tuple[int, ...]) -> None:
    G, reference = pair(resolution=16)
    ws = randn(0, 2, G.num_ws, G.w_dim)
    maps = {name: randn(i, *lead, *hw) for i, (name, hw) in enumerate(G.noise_shapes.items())}
    assert error(G.synthesis(ws, noise=maps), reference.synthesis(ws, noise=maps)) < TOLERANCE
    stored = {name: G.get_submodule(f"synthesis.{name}").noise_const for name in maps}
    assert torch.equal(G.synthesis(ws, noise=stored), G.synthesis(ws))


def test_batches_do_not_mix() -> None:
    G, _ = pair()
    ws = randn(0, 4, G.num_ws, G.w_dim)
    alone = torch.cat([G.synthesis(w[None]) for w in ws])
    assert error(G.synthesis(ws), alone) < TOLERANCE


def test_a_changed_weight_changes_the_picture() -> None:
    G, _ = pair()
    ws = randn(0, 1, G.num_ws, G.w_dim)
    before = G.synthesis(ws)
    layer = G.synthesis.layers()["b8.conv0"]
    with torch.no_grad():
        layer.weight[0, 0] *= 50
    tensors = {name: t for name, t in G.state_dict().items()}
    assert error(G.synthesis(ws), Fused(tensors, {}).synthesis(ws)) < TOLERANCE < error(G.synthesis(ws), before)


def test_layers_follow_the_rows_of_ws() -> None:
    G, _ = pair(resolution=16)
    assert list(G.noise_shapes) == ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1"]
    assert G.num_ws == 6


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("synthesis.b8.conv0.bias", None, "synthesis.b8.conv0.bias is missing"),
        ("mapping.fc0.weight", None, "mapping.fc0.weight is missing"),
        ("synthesis.b8.conv0.weight", (7, 3, 3, 3), r"conv0.weight has shape \[7, 3, 3, 3\]"),
        ("synthesis.b8.conv9.weight", (1,), "conv9.weight is not part of a stylegan2 generator"),
    ],
)
def test_tensors_that_do_not_fit(name: str, change: tuple[int, ...] | None, words: str) -> None:
    tensors, config = random_state(resolution=8)
    tensors.pop(name, None)
    if change:
        tensors[name] = torch.zeros(change)
    with pytest.raises(WeightsError, match=words):
        build(tensors, config)


def test_only_its_own_family() -> None:
    tensors, config = random_state(resolution=8)
    assert config["family"] == stylegan2.FAMILY
    assert stylegan2.matches(tensors)
    assert not stylegan2.matches(random_stylegan3.random_state(resolution=16)[0])


def test_classes_must_be_given_and_of_the_right_number() -> None:
    G, _ = pair(c_dim=5)
    with pytest.raises(SettingsError, match="has 5 classes"):
        G.mapping(randn(0, 1, G.z_dim))
    with pytest.raises(SettingsError, match="c has 3 classes"):
        G.mapping(randn(0, 1, G.z_dim), torch.ones(1, 3))


def test_a_misspelled_noise_mode_is_named() -> None:
    with pytest.raises(SettingsError, match="did you mean random"):
        check_noise_mode("randm")


def test_the_average_w_can_be_worked_out() -> None:
    tensors, config = random_state()
    del tensors["mapping.w_avg"]
    G = build(tensors, config | {"w_avg_samples": 50})
    z = torch.from_numpy(np.random.RandomState(123).randn(50, G.z_dim)).float()
    assert error(G.w_avg, G.mapping.w(z).mean(dim=0)) < TOLERANCE


def golden(name: str) -> NDArray[np.uint8]:
    with Image.open(HERE / f"{name}.png") as image:
        picture = np.asarray(image)
    return picture if picture.ndim == 3 else picture[:, :, None]


def differs(G: stylegan2.StyleGAN2, name: str) -> int:
    """Largest difference to the golden picture, in 1/255."""
    strip_of = strip(lambda z, c: G(z, c, truncation_psi=0.7), G.z_dim, G.c_dim)
    return int(np.abs(strip_of.astype(int) - golden(name)).max())


@pytest.mark.parametrize("name", ["landscapes-256", "glyphs-64"])
def test_shipped_checkpoints_paint_the_golden_pictures(name: str) -> None:
    assert differs(build(*read(name)), name) <= 1


@pytest.mark.parametrize("name", ["landscapes-256", "glyphs-64"])
@pytest.mark.parametrize("fault", ["flipped kernel", "no noise", "no demodulation", "torgb row", "other filter"])
def test_a_wrong_model_fails_the_golden_picture(name: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors, config = read(name)
    G = build(tensors, config)
    layer = G.synthesis.layers()["b64.conv0"]
    if fault == "flipped kernel":
        layer.weight.copy_(layer.weight.flip([2, 3]))
    elif fault == "no noise":
        for each in G.synthesis.layers().values():
            each.noise_strength.zero_()
    elif fault == "no demodulation":
        monkeypatch.setattr(layer, "demodulation", lambda styles: torch.full((len(styles), len(layer.bias)), 0.1))
    elif fault == "torgb row":
        block = G.synthesis.blocks[2]
        monkeypatch.setattr(block, "torgb", ShiftedRow(block.torgb, G))
    else:
        layer.resample_filter.copy_(torch.full((4, 4), 1 / 16))
    assert differs(G, name) > 1


class ShiftedRow(torch.nn.Module):
    """A toRGB that ignores the w it is given."""

    def __init__(self, torgb: Any, G: stylegan2.StyleGAN2) -> None:
        super().__init__()
        self.torgb, self.w = torgb, G.w_avg

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return self.torgb(x, self.w.expand_as(w))


def test_loading_does_not_start_pytorchs_compiler() -> None:
    code = "import sys; from latentart.models.load import load; load('glyphs-64', 'cpu'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "torch" in done.stdout.split()
    assert not {"torch._dynamo", "sympy"} & set(done.stdout.split())


@pytest.mark.parametrize("architecture", stylegan2.ARCHITECTURES)
def test_the_layout_in_memory_changes_no_picture(architecture: str) -> None:
    tensors, config = random_state(architecture=architecture)
    plain, arranged = build(tensors, config), load.build(Checkpoint(tensors, config, sha256="", source="test"), "cpu")
    up = arranged.synthesis.layers()["b8.conv0"].weight
    assert up.transpose(0, 1).is_contiguous(memory_format=torch.channels_last)
    assert all(
        torch.equal(a, b) for a, b in zip(plain.state_dict().values(), arranged.state_dict().values(), strict=True)
    )
    for n in (1, 3):
        ws = randn(0, n, plain.num_ws, plain.w_dim)
        assert error(arranged.synthesis(ws), plain.synthesis(ws)) < TOLERANCE
