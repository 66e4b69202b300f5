"""Pictures made larger: exact against an independent transcription, whole in tiles, from three kinds of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import LatentartError, SettingsError, WeightsError
from latentart.translators.load import load_translator, open_translator
from latentart.translators.upscale import esrgan
from latentart.translators.upscale.upscaling import enlarge, load_upscaler, resize_by
from latentart.weights import safe

Tensors = dict[str, Tensor]
WIDTH, GROWTH = 6, 4


def convolution(found: Tensors, name: str, inputs: int, outputs: int, random: torch.Generator) -> None:
    found[f"{name}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=random) * (1.5 / (9 * inputs) ** 0.5)
    found[f"{name}.bias"] = torch.randn(outputs, generator=random) * 0.1


def real(blocks: int = 2, doublings: int = 2, squeeze: int = 1) -> Tensors:
    """As Real-ESRGAN's files name them."""
    random, found = torch.Generator().manual_seed(3), dict[str, Tensor]()
    convolution(found, "conv_first", 3 * squeeze**2, WIDTH, random)
    for block in range(blocks):
        for dense in (1, 2, 3):
            for conv in range(1, 6):
                outputs = GROWTH if conv < 5 else WIDTH
                name = f"body.{block}.rdb{dense}.conv{conv}"
                convolution(found, name, WIDTH + (conv - 1) * GROWTH, outputs, random)
    for name in ("conv_body", *(f"conv_up{n + 1}" for n in range(doublings)), "conv_hr"):
        convolution(found, name, WIDTH, WIDTH, random)
    convolution(found, "conv_last", WIDTH, 3, random)
    return found


def first_names(tensors: Tensors) -> Tensors:
    """As ESRGAN's later files name them."""
    table = {"conv_body": "trunk_conv", "body.": "RRDB_trunk.", "rdb": "RDB", "conv_up": "upconv", "conv_hr": "HRconv"}
    return renamed(tensors, table)


def old_names(tensors: Tensors) -> Tensors:
    """As the oldest files number them."""
    ups = sum(name.startswith("conv_up") for name in tensors) // 2
    blocks = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("body."))
    table = {"conv_first": "model.0", "conv_body": f"model.1.sub.{blocks}", "body.": "model.1.sub.", "rdb": "RDB",
             "conv_up1": "model.3", "conv_up2": "model.6", "conv_up3": "model.9", "conv_hr": f"model.{2 + 3 * ups}",
             "conv_last": f"model.{4 + 3 * ups}"}  # fmt: skip
    made = renamed(tensors, table)
    return {n.replace(".weight", ".0.weight").replace(".bias", ".0.bias") if "RDB" in n else n: t
            for n, t in made.items()}  # fmt: skip


def renamed(tensors: Tensors, table: dict[str, str]) -> Tensors:
    for theirs, ours in table.items():
        tensors = {name.replace(theirs, ours): tensor for name, tensor in tensors.items()}
    return tensors


def transcribed(t: Tensors, img: Tensor, squeeze: int = 1) -> Tensor:
    """The network of Real-ESRGAN's names, written from the papers a second time."""

    def conv(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, t[f"{name}.weight"], t[f"{name}.bias"], padding=1)

    def lrelu(x: Tensor) -> Tensor:
        return torch.where(x >= 0, x, 0.2 * x)

    x = (img + 1) / 2
    if squeeze > 1:
        n, c, h, w = x.shape
        x = x.view(n, c, h // squeeze, squeeze, w // squeeze, squeeze).permute(0, 1, 3, 5, 2, 4)
        x = x.reshape(n, c * squeeze**2, h // squeeze, w // squeeze)
    x = first = conv(x, "conv_first")
    for block in range(sum(name.endswith("rdb1.conv1.bias") for name in t)):
        whole = x
        for dense in (1, 2, 3):
            name, parts = f"body.{block}.rdb{dense}.conv", [x]
            for k in (1, 2, 3, 4):
                parts.append(lrelu(conv(torch.cat(parts, 1), f"{name}{k}")))
            x = conv(torch.cat(parts, 1), f"{name}5") * 0.2 + x
        x = x * 0.2 + whole
    x = first + conv(x, "conv_body")
    for n in range(sum(name.startswith("conv_up") for name in t) // 2):
        x = lrelu(conv(x.repeat_interleave(2, -1).repeat_interleave(2, -2), f"conv_up{n + 1}"))
    return conv(lrelu(conv(x, "conv_hr")), "conv_last") * 2 - 1


def picture(height: int = 20, width: int = 28) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def written(tensors: Any, folder: Path) -> Path:
    torch.save(tensors, folder / "net.pth")
    return folder / "net.pth"


LAYOUTS: dict[str, Callable[[Tensors], Any]] = {
    "params_ema": lambda t: {"params_ema": t},
    "params": lambda t: {"params": t},
    "plain": lambda t: t,
    "first": first_names,
    "old": old_names,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("doublings", "squeeze"), [(2, 1), (1, 1), (2, 2), (2, 4), (0, 1), (3, 1)])
def test_every_layout_draws_what_the_papers_say(layout: str, doublings: int, squeeze: int, tmp_path: Path) -> None:
    tensors = real(doublings=doublings, squeeze=squeeze)
    network = load_upscaler(written(LAYOUTS[layout](tensors), tmp_path), "cpu")
    img = picture()
    made = network(img)
    assert made.shape[-1] == img.shape[-1] * 2**doublings // squeeze
    exact = transcribed({name: tensor.double() for name, tensor in tensors.items()}, img.double(), squeeze)
    assert (made - exact).abs().max() <= 1e-5 * exact.abs().max()
    assert (network.double()(img.double()) - exact).abs().max() <= 1e-12 * exact.abs().max()


def test_our_own_file_is_the_same_network(tmp_path: Path) -> None:
    path = written(LAYOUTS["old"](real()), tmp_path)
    safe.write(tmp_path / "own.safetensors", open_translator(path))
    img = picture()
    assert torch.equal(load_upscaler(tmp_path / "own.safetensors", "cpu")(img), load_upscaler(path, "cpu")(img))


def small(tmp_path: Path, **shape: int) -> esrgan.Upscaler:
    return load_upscaler(written(real(**{"blocks": 1, **shape}), tmp_path), "cpu")


@pytest.mark.parametrize("squeeze", [1, 2])
def test_tiles_that_see_far_enough_are_the_whole_picture(squeeze: int, tmp_path: Path) -> None:
    """One block reaches 15 pixels, the convolutions around it three or four more, at most twice that in squares."""
    network, img = small(tmp_path, squeeze=squeeze), picture(101, 131)
    margin = 40 * squeeze
    whole, tiled = enlarge(network, img, tile=400), enlarge(network, img, tile=margin, margin=margin)
    assert (whole - tiled).abs().max() <= 1e-5


def test_tiles_that_do_not_see_far_enough_show_no_seam(tmp_path: Path) -> None:
    network, img = small(tmp_path), picture(64, 64)
    made = enlarge(network, img, tile=32, margin=8)
    step = (made[..., 1:] - made[..., :-1]).abs().mean(dim=(0, 1, 2))
    # The edge between two tiles is at 32 pixels, 128 when enlarged: no larger than steps of its own phase elsewhere.
    phases = step[3::4]
    assert phases[31] <= phases.median() * 1.5


def test_flat_tiles_meet_without_a_trace(tmp_path: Path) -> None:
    """What tiles give to each place sums to 1."""
    network = small(tmp_path)
    flat = torch.full((1, 3, 90, 70), 0.25)
    whole, tiled = enlarge(network, flat, tile=400), enlarge(network, flat, tile=32, margin=24)
    assert (whole - tiled).abs().max() <= 1e-5


def test_any_size_and_grey_come_out_scaled(tmp_path: Path) -> None:
    network = small(tmp_path, squeeze=2)
    assert enlarge(network, picture(7, 9)[:, :1]).shape == (1, 3, 14, 18)
    with pytest.raises(SettingsError, match="margin"):
        enlarge(network, picture(), tile=8, margin=16)


def test_only_pictures_that_grow_go_through_the_network(tmp_path: Path) -> None:
    resize, img = resize_by(small(tmp_path)), picture(20, 20)
    assert resize(img, (50, 60)).shape == (1, 3, 60, 50)
    plain = F.interpolate(img, (10, 10), mode="bicubic", antialias=True)
    torch.testing.assert_close(resize(img, (10, 10)), plain)


@pytest.mark.parametrize(("change", "said"), [
    (lambda t: t.pop("conv_body.bias"), "missing: conv_body.bias"),
    (lambda t: t.update({"body.0.rdb1.conv1x1.weight": torch.zeros(1)}), "left over: body.0.rdb1.conv1x1.weight"),
    (lambda t: t.update({"conv_hr.weight": torch.zeros(2, 2, 3, 3)}), "of another shape: fine.weight"),
    (lambda t: t.update({"conv_first.weight": torch.zeros(WIDTH, 5, 3, 3)}), "takes 5 channels"),
    (lambda t: t.update({"body.63.rdb1.conv1.weight": torch.zeros(1), "body.x.rdb": torch.zeros(1)}), "missing: body"),
    (lambda t: t.update({"conv_up9.weight": torch.zeros(1)}), "missing: conv_up9.bias"),
    (lambda t: t.update({"body.0.rdb1.conv1.weight": torch.zeros(0, 6, 3, 3)}), "no kernel"),
])  # fmt: skip
def test_a_damaged_file_names_the_tensors(change: Callable[[Any], Any], said: str, tmp_path: Path) -> None:
    tensors = real()
    change(tensors)
    with pytest.raises(WeightsError, match=said) as raised:
        load_upscaler(written(tensors, tmp_path))
    assert "\n" not in str(raised.value)


def test_a_damaged_old_file_names_what_is_missing(tmp_path: Path) -> None:
    tensors = old_names(real())
    for name in [n for n in tensors if n.startswith("model.") and n.split(".")[1] not in "01"]:
        del tensors[name]
    with pytest.raises(WeightsError, match=r"the last convolutions, model\.8 and model\.10, are missing"):
        load_upscaler(written(tensors, tmp_path))


def test_an_upscaler_is_no_translator_and_the_other_way_round(tmp_path: Path) -> None:
    path = written(real(), tmp_path)
    with pytest.raises(LatentartError, match="--upscale"):
        load_translator(path)
    checkpoint = open_translator("mosaic26")
    safe.write(tmp_path / "style.safetensors", checkpoint)
    with pytest.raises(SettingsError, match="does not make pictures larger"):
        load_upscaler(tmp_path / "style.safetensors")
