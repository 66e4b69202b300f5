"""pix2pix networks against transcriptions of the layers that their files were saved from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from layouts import pix2pix as layout
from torch import Tensor, nn

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.translators.base import Translator
from latentart.translators.load import load_translator, open_translator
from latentart.translators.tiles import translate_tiled
from latentart.weights import safe

Network = Callable[[], nn.Module]

LAYOUTS: dict[str, tuple[Network, str, int, str]] = {
    "unet_256": (lambda: layout.UNet(8, 2), "pix2pix", 256, "U-Net of 8 levels, 2 wide"),
    "unet_128": (lambda: layout.UNet(7, 2), "pix2pix", 128, "U-Net of 7 levels, 2 wide"),
    "unet of 5 levels, instance norm": (lambda: layout.UNet(5, 4, "instance"), "pix2pix", 64, "instance norm"),
    "unet without norm": (lambda: layout.UNet(5, 4, "none"), "pix2pix", 32, "none norm"),
    "resnet_9blocks": (lambda: layout.ResNet(9, 2), "pix2pix-resnet", 20, "ResNet of 9 blocks, 2 wide"),
    "resnet_6blocks": (lambda: layout.ResNet(6, 4), "pix2pix-resnet", 16, "ResNet of 6 blocks"),
    "resnet, batch norm": (lambda: layout.ResNet(2, 4, "batch"), "pix2pix-resnet", 16, "batch norm"),
    "resnet trained with dropout": (lambda: layout.ResNet(3, 4, "batch", dropout=True), "pix2pix-resnet", 16, "off"),
    "pix2pixHD global": (
        lambda: layout.ResNet(2, 2, halvings=4, bias=True), "pix2pixhd", 64, "global generator of 2 blocks, 4 halvings",
    ),
    "pix2pixHD global, batch norm": (
        lambda: layout.ResNet(1, 2, "batch", halvings=3, bias=True), "pix2pixhd", 32, "norm image",
    ),
    "pix2pixHD local": (lambda: layout.LocalEnhancer(2), "pix2pixhd", 64, "1 local enhancer of 3 blocks"),
    "pix2pixHD local twice": (lambda: layout.LocalEnhancer(2, enhancers=2), "pix2pixhd", 96, "2 local enhancer"),
}  # fmt: skip


def picture(side: int, channels: int = 3, *, number: int = 1, seed: int = 1) -> Tensor:
    return torch.rand(number, channels, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def saved(network: nn.Module, path: Path) -> Path:
    torch.save(network.state_dict(), path)
    return path


def apart(made: Tensor, wanted: Tensor) -> float:
    assert made.shape == wanted.shape
    return float((made - wanted).norm() / wanted.norm())


@pytest.mark.parametrize(("make", "family", "side", "words"), LAYOUTS.values(), ids=LAYOUTS)
def test_pictures_are_those_of_the_network(
    tmp_path: Path, make: Network, family: str, side: int, words: str
) -> None:  # fmt: skip
    network = layout.shaken(make())
    T = load_translator(saved(network, tmp_path / "latest_net_G.pth"), "cpu")
    with torch.no_grad():
        wanted = network(picture(side))
    assert (T.family, words in " ".join(T.inferred)) == (family, True)
    assert float(wanted.std()) > 0.1
    assert apart(T(picture(side)), wanted) <= 1e-5
    assert side % T.multiple == 0
    assert apart(T.translate(picture(side)), wanted) <= 1e-5


@pytest.mark.parametrize("make", [m for m, *_ in LAYOUTS.values()], ids=LAYOUTS)
def test_it_comes_back_from_our_own_format(tmp_path: Path, make: Network) -> None:
    found = open_translator(saved(layout.shaken(make()), tmp_path / "net.pth"))
    safe.write(tmp_path / "net.safetensors", found)
    a, b = (load_translator(tmp_path / name, "cpu") for name in ("net.pth", "net.safetensors"))
    img = picture(2 * a.multiple)
    assert torch.equal(a(img), b(img))
    assert a.inferred[:2] == b.inferred[:2]


@pytest.mark.parametrize("make", [lambda: layout.UNet(5, 4), lambda: layout.ResNet(2, 4, "batch")])
def test_the_pictures_of_a_batch_do_not_see_each_other(tmp_path: Path, make: Network) -> None:
    T = load_translator(saved(layout.shaken(make()), tmp_path / "net.pth"), "cpu")
    img = picture(64, number=2)
    both = T(img)
    assert apart(both[:1], T(img[:1])) <= 1e-5
    assert apart(both[1:], T(img[1:])) <= 1e-5


@pytest.mark.parametrize(
    "make",
    [lambda: layout.UNet(6, 2), lambda: layout.ResNet(2, 4, "batch"), lambda: layout.ResNet(1, 2, "batch", halvings=3)],
)
def test_stored_averages_are_a_switch(tmp_path: Path, make: Network) -> None:
    network = layout.shaken(make())
    path = saved(network, tmp_path / "net.pth")
    with torch.no_grad():
        wanted = network.eval()(picture(64))
    T = load_translator(path, "cpu", norm="stored")
    assert "norm stored" in T.inferred
    assert apart(T(picture(64)), wanted) <= 1e-5
    assert apart(load_translator(path, "cpu")(picture(64)), wanted) > 0.1


def test_stored_averages_that_are_not_there(tmp_path: Path) -> None:
    path = saved(layout.shaken(layout.ResNet(1, 4)), tmp_path / "net.pth")
    with pytest.raises(SettingsError, match="no stored statistics"):
        load_translator(path, norm="stored")
    with pytest.raises(SettingsError, match="unknown norm 'imgae': did you mean image"):
        load_translator(path, norm="imgae")


@pytest.mark.parametrize("make", [lambda: layout.UNet(6, 2), lambda: layout.ResNet(2, 4, "batch", dropout=True)])
def test_dropout_is_off_or_named_by_a_seed(tmp_path: Path, make: Network) -> None:
    path = saved(layout.shaken(make()), tmp_path / "net.pth")
    plain = load_translator(path, "cpu")
    one, other = (load_translator(path, "cpu", dropout=True, seed=seed) for seed in (1, 2))
    img = picture(64)
    assert torch.equal(one(img), one(img))
    assert len({float(T(img).sum()) for T in (plain, one, other)}) == 3
    assert ("dropout off" in plain.inferred, "dropout with seed 1" in one.inferred) == (True, True)
    with pytest.raises(SettingsError, match="give a seed"):
        load_translator(path, dropout=True)
    with pytest.raises(SettingsError, match="seed 1 without dropout"):
        load_translator(path, seed=1)


def test_dropout_leaves_out_half_and_doubles_the_rest() -> None:
    from latentart.translators.layers import Dropout

    layer = Dropout(4).eval()
    ones = torch.ones(2, 64, 8, 8)
    assert torch.equal(layer(ones), ones)
    layer.seed = 3
    made = layer(ones)
    assert set(made.unique().tolist()) == {0.0, 2.0}
    assert 0.9 < float(made.mean()) < 1.1
    assert torch.equal(made[0], made[1])


def test_a_network_trained_without_dropout_has_none(tmp_path: Path) -> None:
    path = saved(layout.shaken(layout.UNet(6, 2)), tmp_path / "net.pth")
    (tmp_path / "train_opt.txt").write_text("no_dropout: True  [default: False]\n")
    with pytest.raises(SettingsError, match="trained without"):
        load_translator(path, dropout=True, seed=1)


def test_early_instance_norms_stored_averages_that_nobody_used(tmp_path: Path) -> None:
    for network in (layout.shaken(layout.UNet(5, 4, "instance")), layout.shaken(layout.ResNet(2, 4))):
        state = network.state_dict()
        for name, layer in network.named_modules():
            if isinstance(layer, nn.InstanceNorm2d):
                zeros = torch.zeros(layer.num_features)
                state |= {
                    f"{name}.running_mean": zeros,
                    f"{name}.running_var": zeros,
                    f"{name}.num_batches_tracked": zeros[0],
                }
        torch.save(state, tmp_path / "old.pth")
        with torch.no_grad():
            assert apart(load_translator(tmp_path / "old.pth", "cpu")(picture(32)), network(picture(32))) <= 1e-5


@pytest.mark.parametrize("make", [lambda: layout.ResNet(1, 2), lambda: layout.UNet(4, 2)])
def test_tiles_give_the_whole_picture(tmp_path: Path, make: Network) -> None:
    T = load_translator(saved(layout.shaken(make()), tmp_path / "net.pth"), "cpu")
    img = picture(100)[:, :, :60]
    assert float((translate_tiled(T, img, 64) - T.translate(img)).abs().max()) <= 2 / 255


def test_a_u_net_down_to_a_point_needs_the_whole_picture(tmp_path: Path) -> None:
    T = load_translator(saved(layout.shaken(layout.UNet(7, 2)), tmp_path / "net.pth"), "cpu")
    with pytest.raises(SettingsError, match="needs the whole picture"):
        translate_tiled(T, picture(300), 128)


WRAPPED: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "DataParallel": lambda state: {f"module.{name}": t for name, t in state.items()},
    "netG": lambda state: {"netG": state, "epoch": 3},
    "state_dict": lambda state: {"state_dict": state},
    "model, DataParallel": lambda state: {"model": {f"module.{name}": t for name, t in state.items()}},
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_state_dicts_in_other_things(tmp_path: Path, wrap: Callable[[dict[str, Tensor]], Any]) -> None:
    network = layout.shaken(layout.UNet(5, 4))
    torch.save(wrap(network.state_dict()), tmp_path / "net.pth")
    with torch.no_grad():
        assert apart(load_translator(tmp_path / "net.pth", "cpu")(picture(32)), network(picture(32))) <= 1e-5


def test_half_precision_and_plain_safetensors(tmp_path: Path) -> None:
    network = layout.shaken(layout.ResNet(2, 4)).half().float()
    torch.save(network.half().state_dict(), tmp_path / "net.pth")
    safetensors.torch.save_file(network.state_dict(), tmp_path / "net.safetensors")
    with torch.no_grad():
        wanted = network.float()(picture(32))
    for name in ("net.pth", "net.safetensors"):
        assert apart(load_translator(tmp_path / name, "cpu")(picture(32)), wanted) <= 1e-5


def test_files_of_2017_with_storages_of_a_graphics_card(tmp_path: Path) -> None:
    network = layout.shaken(layout.UNet(5, 4))
    torch.save(network.state_dict(), tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    raw = (tmp_path / "net.pth").read_bytes()
    moved = raw.replace(b"ctorch\nFloatStorage\n", b"ctorch.cuda\nFloatStorage\n")
    assert moved != raw
    (tmp_path / "net.pth").write_bytes(moved)
    with torch.no_grad():
        assert apart(load_translator(tmp_path / "net.pth", "cpu")(picture(32)), network(picture(32))) <= 1e-5


def test_any_size_and_strength(tmp_path: Path) -> None:
    T = load_translator(saved(layout.shaken(layout.UNet(6, 2)), tmp_path / "net.pth"), "cpu")
    img = picture(64)[:, :, :37, :50]
    full, half = T.translate(img), T.translate(img, 0.5)
    torch.testing.assert_close(half, (full + img) / 2)
    assert full.shape == img.shape
    with pytest.raises(PictureError, match="50x12 is too small for net: it takes 16 pixels"):
        T.translate(img[:, :, :12])


@pytest.mark.parametrize(
    ("make", "side"),
    [
        (lambda i, o: layout.UNet(5, 4, inputs=i, outputs=o), 32),
        (lambda i, o: layout.ResNet(1, 4, inputs=i, outputs=o), 16),
    ],
)
def test_grey_networks_take_and_give_pictures(tmp_path: Path, make: Callable[..., nn.Module], side: int) -> None:
    network = layout.shaken(make(1, 1))
    T = load_translator(saved(network, tmp_path / "net.pth"), "cpu")
    grey = picture(side, 1)
    with torch.no_grad():
        wanted = network(grey)
    assert apart(T.translate(grey), wanted.expand(-1, 3, -1, -1)) <= 1e-5
    assert apart(T.translate(grey.expand(-1, 3, -1, -1)), wanted.expand(-1, 3, -1, -1)) <= 1e-5
    colours = load_translator(saved(layout.shaken(make(4, 3)), tmp_path / "four.pth"), "cpu")
    assert colours.translate(picture(side)).shape == (1, 3, side, side)
    with pytest.raises(WeightsError, match=r"out_channels .7. makes no sense"):
        load_translator(saved(layout.shaken(make(3, 7)), tmp_path / "seven.pth"))


def test_missing_and_extra_keys_are_one_error_that_names_them(tmp_path: Path) -> None:
    state = layout.UNet(6, 2).state_dict()
    del state["model.model.1.model.1.weight"], state["model.model.1.model.2.running_var"]
    state["model.model.1.model.1.weight"] = torch.zeros(4, 2, 4, 4)
    state["model.extra.weight"] = torch.zeros(1)
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(
        WeightsError, match=r"missing: model\.model\.1\.model\.2\.running_var; left over: model\.extra\.weight"
    ) as e:
        load_translator(tmp_path / "net.pth")
    assert "taken for: U-Net of 6 levels, 2 wide, batch norm" in str(e.value)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("gone", ["model.10.conv_block.1.weight", "model.15.weight", "model.1.bias", "model.19.weight"])
def test_missing_keys_of_a_resnet(tmp_path: Path, gone: str) -> None:
    state = layout.ResNet(2, 4).state_dict()
    del state[gone]
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=gone.replace(".", r"\.")):
        load_translator(tmp_path / "net.pth")


def test_shapes_that_do_not_fit_are_named(tmp_path: Path) -> None:
    state = layout.ResNet(2, 4).state_dict() | {"model.4.weight": torch.zeros(9, 4, 3, 3)}
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(
        WeightsError, match=r"another shape: trunk.downs.0.conv.weight \[9, 4, 3, 3\], expected \[8, 4, 3, 3\]"
    ):
        load_translator(tmp_path / "net.pth")


def test_a_discriminator_is_no_translator(tmp_path: Path) -> None:
    layers = {f"model.{i}.weight": torch.zeros(4, 4, 4, 4) for i in (0, 2, 5, 8, 11)}
    torch.save(layers, tmp_path / "latest_net_D.pth")
    with pytest.raises(WeightsError, match="unknown layout"):
        load_translator(tmp_path / "latest_net_D.pth")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"model.10.conv_block.1.weight": torch.zeros(4, 4, 3, 3)}, "0 halvings and 1 residual blocks"),
        ({f"model.{i}.conv_block.1.weight": torch.zeros(1) for i in range(10, 200)}, "0 halvings and 190 residual"),
        ({"model.4.weight": torch.zeros(2), "model.10.conv_block.1.weight": torch.zeros(1)}, "0 halvings"),
    ],
)
def test_a_resnet_of_absurd_shape(tmp_path: Path, state: dict[str, Tensor], words: str) -> None:
    torch.save(state | {"model.1.weight": torch.zeros(4, 3, 7, 7)}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=words):
        load_translator(tmp_path / "net.pth")


@pytest.mark.parametrize("depth", [13, 40])
def test_a_u_net_of_absurd_depth(tmp_path: Path, depth: int) -> None:
    state = {"model.model.0.weight": torch.zeros(1, 3, 4, 4)}
    for level in range(1, depth):
        state["model.model.1.model." + "3.model." * (level - 1) + "1.weight"] = torch.zeros(1, 1, 4, 4)
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="more than 12 levels"):
        load_translator(tmp_path / "net.pth")


CHANGES: list[dict[str, Any]] = [
    {"widths": [4, 10**9]}, {"widths": []}, {"widths": 4}, {"norm": "layer"}, {"bias": 1}, {"dropout": [99]},
    {"dropout": [4, 4]}, {"in_channels": True}, {"in_channels": 0}, {"out_channels": [3]}, {"widths": [4, 8]},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_our_own_config_may_say_anything(tmp_path: Path, change: dict[str, Any]) -> None:
    from latentart.weights.checkpoint import Checkpoint

    found = open_translator(saved(layout.UNet(5, 4), tmp_path / "net.pth"))
    safe.write(tmp_path / "n.safetensors", Checkpoint(found.tensors, {**found.config, **change}, "", "test"))
    with pytest.raises(WeightsError, match=r"makes no sense|do not fit a U-Net"):
        load_translator(tmp_path / "n.safetensors")


def test_it_is_a_translator_by_the_first_name(tmp_path: Path) -> None:
    import latentart

    T = latentart.load_translator(saved(layout.ResNet(1, 4), tmp_path / "net.pth"), "cpu")
    assert isinstance(T, Translator)
