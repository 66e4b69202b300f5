"""A checkpoint's own discriminator as a feature network: its arithmetic, its file, and files without one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from conftest import tiny
from layouts.nvidia import network, write_document
from torch import Tensor

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.features.critic import CriticTrunk, critic
from latentart.models import ops
from latentart.projection.project import Projector, Settings, as_targets


def tensors(architecture: str = "resnet", channels: int = 3) -> dict[str, Tensor]:
    """A discriminator of 16x16 pictures."""
    rng = torch.Generator().manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {"b4.conv.weight": (8, 9, 3, 3), "b4.fc.weight": (8, 128)}
    for size, inputs, outputs in ((16, 4, 6), (8, 6, 8)):
        shapes |= {f"b{size}.conv0.weight": (inputs, inputs, 3, 3), f"b{size}.conv0.bias": (inputs,)}
        shapes |= {f"b{size}.conv1.weight": (outputs, inputs, 3, 3), f"b{size}.conv1.bias": (outputs,)}
        if architecture == "resnet":
            shapes[f"b{size}.skip.weight"] = (outputs, inputs, 1, 1)
        if size == 16 or architecture == "skip":
            shapes |= {f"b{size}.fromrgb.weight": (inputs, channels, 1, 1), f"b{size}.fromrgb.bias": (inputs,)}
    return {name: torch.randn(shape, generator=rng) for name, shape in shapes.items()}


def pictures(count: int = 2, size: int = 16, channels: int = 3) -> Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def pickled(path: Path, architecture: str = "resnet") -> Path:
    D = network(tensors(architecture), "Discriminator")
    D.add("b4.out.weight", torch.zeros(1, 8))
    D.at("b4.out").state["activation"] = "linear"
    for size in (16, 8):
        D.at(f"b{size}").state["architecture"] = architecture
        D.at(f"b{size}.conv0").state["conv_clamp"] = 256
    write_document(path, {"D": D, "G_ema": None})
    return path


def test_a_block_is_what_the_paper_says() -> None:
    """The first block again, with the smoothing written as a sum over shifted pictures."""
    own, img = tensors(), pictures()

    def conv(x: Tensor, name: str) -> Tensor:
        weight = own[f"{name}.weight"] / math.sqrt(own[f"{name}.weight"][0].numel())
        return torch.nn.functional.conv2d(x, weight, padding=weight.shape[2] // 2)

    def smoothed(x: Tensor) -> Tensor:
        """Each pixel and three beyond it, right and down, on a picture with two rows of zeros around."""
        wide = torch.nn.functional.pad(x, (2, 2, 2, 2))
        taps = ops.smooth()
        side = wide.shape[2] - 3
        return sum(taps[i, j] * wide[:, :, i : i + side, j : j + side] for i in range(4) for j in range(4))  # type: ignore[return-value]

    def act(x: Tensor, name: str) -> Tensor:
        return ops.lrelu(x + own[f"{name}.bias"][:, None, None])

    x = act(conv(img, "b16.fromrgb"), "b16.fromrgb")
    inner = act(conv(x, "b16.conv0"), "b16.conv0")
    # A convolution on the smoothed picture, without zeros of its own, at every second place.
    main = act(conv(smoothed(inner), "b16.conv1")[:, :, 1:-1:2, 1:-1:2], "b16.conv1")
    side = conv(smoothed(x)[:, :, 1:-1:2, 1:-1:2], "b16.skip")
    (found,) = CriticTrunk(own, {})(img, ["b16"])
    torch.testing.assert_close(found, (main + side) * math.sqrt(0.5))


@pytest.mark.parametrize("architecture", ["orig", "skip", "resnet"])
def test_every_architecture_reads_its_own_tensors(architecture: str, tmp_path: Path) -> None:
    look = critic(pickled(tmp_path / "a.pkl", architecture))
    a, b = pictures(2, 12).split(1)
    assert [tuple(x.shape[1:]) for x in look.embed(a)] == [(6, 8, 8), (8, 4, 4)]
    assert float(look(a, a)) == pytest.approx(0, abs=1e-6)
    assert float(look(a, b)) > 1e-3


def test_a_projection_looks_through_it(tmp_path: Path) -> None:
    G = tiny()
    G.sha256 = ""
    look = critic(pickled(tmp_path / "a.pkl"))
    p = Projector.of(G, look, samples=16)
    target = G(torch.randn(1, G.z_dim, generator=torch.Generator().manual_seed(3))).clamp(-1, 1)
    found = p.project(as_targets(G, target, None), Settings("preview", "w"))[0]
    assert found.settings["projection"]["features"] == "critic"
    assert look(found.render(G), target) < 0.7 * look(G.synthesis(G.w_avg.expand(1, G.num_ws, -1)), target)


def test_what_has_no_discriminator_says_so(tmp_path: Path) -> None:
    write_document(tmp_path / "a.pkl", {"G_ema": network({})})
    with pytest.raises(WeightsError, match="holds no discriminator D"):
        critic(tmp_path / "a.pkl")
    bent = network(tensors(), "Discriminator")
    bent.at("b8.conv0").state["activation"] = "swish"
    write_document(tmp_path / "c.pkl", {"D": bent})
    with pytest.raises(WeightsError, match=r"'b8.conv0' has activation 'swish'"):
        critic(tmp_path / "c.pkl")
    write_document(tmp_path / "b.pkl", {"D": network({"main.0.weight": torch.zeros(1, 1, 3, 3)}, "Other")})
    with pytest.raises(WeightsError, match="of another kind"):
        critic(tmp_path / "b.pkl")
    with pytest.raises(WeightsError, match="keeps no discriminator"):
        critic(tmp_path / "a.safetensors")


def test_what_does_not_fit_is_named() -> None:
    own = tensors()
    with pytest.raises(WeightsError, match=r"'b8.skip.weight' is missing"):
        CriticTrunk({name: t for name, t in own.items() if name != "b8.skip.weight"}, {})
    with pytest.raises(WeightsError, match=r"of shape \[4\]"):
        CriticTrunk(own | {"b16.conv0.weight": torch.zeros(4)}, {})
    with pytest.raises(WeightsError, match="unknown discriminator architecture"):
        CriticTrunk(own, {"architecture": "unet"})
    trunk = CriticTrunk(own, {})
    with pytest.raises(SettingsError, match="unknown layer 'b32'"):
        trunk(pictures(), ["b32"])
    with pytest.raises(PictureError, match="1 channels, this discriminator reads 3"):
        trunk(pictures(channels=1), ["b16"])


def test_values_are_limited_as_in_training() -> None:
    loud = {name: 100 * value for name, value in tensors("orig").items()}
    configs = ({"architecture": "orig", "conv_clamp": limit} for limit in (None, 5))
    free, held = (CriticTrunk(loud, config)(pictures(), ["b16"])[0].abs().max() for config in configs)
    assert free > 100
    assert held == 5
