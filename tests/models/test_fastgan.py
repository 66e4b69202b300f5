"""FastGAN against its paper's equations and its authors' wiring, written out with the names of their files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from layouts import fastgan as layout
from torch import Tensor

from latentart.errors import WeightsError
from latentart.models.load import build
from latentart.weights import safe
from latentart.weights.describe import describe
from latentart.weights.open import open_checkpoint


def plays(state: dict[str, Tensor], z: Tensor, noise: dict[str, Tensor]) -> Tensor:
    """The picture; `noise` maps 'feat_8.2' to [1, 1, H, W], nothing is added where there is none."""

    def kernel(name: str, axis: int = 0) -> Tensor:
        weight = state[f"{name}.weight_orig"]
        matrix = weight.movedim(axis, 0).reshape(weight.shape[axis], -1)
        return weight / (state[f"{name}.weight_u"] @ matrix @ state[f"{name}.weight_v"])

    def norm(x: Tensor, name: str) -> Tensor:
        parts = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, training=False)

    def glu(x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1)
        return a * torch.sigmoid(b)

    def up(x: Tensor, size: int) -> Tensor:
        name = f"feat_{size}"
        x = F.conv2d(x.repeat_interleave(2, 2).repeat_interleave(2, 3), kernel(f"{name}.1"), padding=1)
        if f"{name}.5.weight_orig" not in state:
            return glu(norm(x, f"{name}.2"))
        x = glu(norm(x + state[f"{name}.2.weight"] * noise.get(f"{name}.2", 0), f"{name}.3"))
        x = F.conv2d(x, kernel(f"{name}.5"), padding=1)
        return glu(norm(x + state[f"{name}.6.weight"] * noise.get(f"{name}.6", 0), f"{name}.7"))

    def excited(small: Tensor, large: Tensor, size: int) -> Tensor:
        x = F.conv2d(F.adaptive_avg_pool2d(small, 4), kernel(f"se_{size}.main.1"))
        return large * torch.sigmoid(F.conv2d(x * torch.sigmoid(x), kernel(f"se_{size}.main.3")))

    at = {4: glu(norm(F.conv_transpose2d(z[:, :, None, None], kernel("init.init.0", 1)), "init.init.1"))}
    size = 4
    while f"feat_{2 * size}.1.weight_orig" in state:
        size *= 2
        at[size] = up(at[size // 2], size)
        if 64 <= size <= 512:
            at[size] = excited(at[size // 16], at[size], size)
    img = F.conv2d(at[size], kernel("to_big"), padding=1)
    return torch.tanh(img) if size == 1024 else img


@pytest.mark.parametrize("size", [64, 256, 1024])
@pytest.mark.parametrize("mode", ["none", "const"])
def test_pictures_are_those_of_the_paper(tmp_path: Path, size: int, mode: str) -> None:
    state = layout.random_generator(size)
    torch.save({"g": {f"module.{name}": t for name, t in state.items()}, "d": {"x": torch.ones(1)}}, tmp_path / "5.pth")
    found = open_checkpoint(tmp_path / "5.pth")
    G = build(found, "cpu")
    assert (G.family, G.img_size, G.num_ws) == ("fastgan", (size, size), 1)
    z = torch.randn(2 if size < 1024 else 1, 6, generator=torch.Generator().manual_seed(3))
    maps = {}
    if mode == "const":
        for name in G.noise_shapes:
            block, _, index = name.removeprefix("b").partition(".")
            stored = found.tensors[f"blocks.{(int(block) // 8).bit_length() - 1}.noise_const"][int(index)]
            maps[f"feat_{block}.{(2, 6)[int(index)]}"] = stored[None, None]
    wanted = plays(state, z, maps)
    made = G.synthesis(G.mapping(z), noise_mode=mode)
    assert wanted.std() > 1e-4
    assert (made - wanted).norm() <= 1e-4 * wanted.norm()


def test_it_comes_back_from_safetensors(tmp_path: Path) -> None:
    torch.save(layout.random_generator(128), tmp_path / "net.pth")
    found = open_checkpoint(tmp_path / "net.pth")
    safe.write(tmp_path / "ours", found)
    again = open_checkpoint(tmp_path / "ours")
    assert dict(again.config) == dict(found.config)
    z = torch.randn(1, 6)
    assert torch.equal(build(again, "cpu")(z), build(found, "cpu")(z))
    facts = describe(again)
    assert (facts["resolution"], facts["z_dim"], facts["widths"]["128"]) == ([128, 128], 6, 2)


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        ("feat_8.1.weight_u", torch.ones(3), "'feat_8.1.weight_u' has shape"),
        ("feat_8.1.weight_v", torch.ones(3), "'feat_8.1.weight_v' has shape"),
        ("feat_16.2.running_var", torch.ones(3), "normalisation 'feat_16.2' does not fit"),
        ("feat_8.5.weight_orig", torch.ones(2), "'feat_8.5.weight_orig' has shape"),
        ("feat_16.1.weight_orig", None, "no tensor 'feat_16.1.weight'"),
        ("to_big.weight_orig", None, "no tensor 'to_big.weight'"),
        ("feat_8.2.weight", None, "no tensor 'feat_8.2.weight'"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, name: str, tensor: Tensor | None, words: str) -> None:
    state = layout.random_generator() | {name: tensor}
    torch.save({n: t for n, t in state.items() if t is not None}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=words):
        open_checkpoint(tmp_path / "net.pth")
