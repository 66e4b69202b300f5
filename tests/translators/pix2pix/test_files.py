"""pix2pix networks of TensorFlow, networks that draw from label maps, and options beside a file."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from layouts import pix2pix as layout
from torch import Tensor

from latentart.errors import LatentartError, PictureError, SettingsError, WeightsError
from latentart.translators.load import load_translator
from latentart.weights.open import open_file
from tests.translators.pix2pix.test_pix2pix import apart, picture, saved


def drawn(state: dict[str, Tensor], img: Tensor, *, encoder_biases: bool = True) -> Tensor:
    return layout.tensorflow_drawn(state, img, encoder_biases=encoder_biases)


@pytest.mark.parametrize(("levels", "inputs", "outputs"), [(8, 3, 3), (4, 3, 3), (5, 1, 1)])
def test_pict_pictures_are_those_of_the_network(tmp_path: Path, levels: int, inputs: int, outputs: int) -> None:
    raw, kept = layout.pict(layout.tensorflow_state(levels, 2, inputs=inputs, outputs=outputs))
    (tmp_path / "edges2cats.pict").write_bytes(raw)
    T = load_translator(tmp_path / "edges2cats.pict", "cpu")
    img = picture(2**levels, inputs)
    assert (T.family, T.multiple) == ("pix2pix-affinelayer", 2**levels)
    assert float(drawn(kept, img).std()) > 0.05
    assert apart(T(img), drawn(kept, img)) <= 1e-5
    assert T.translate(img).shape == (1, 3, 2**levels, 2**levels)


def test_the_values_of_a_pict_are_those_of_its_index(tmp_path: Path) -> None:
    raw, kept = layout.pict(layout.tensorflow_state(3, 2))
    (tmp_path / "net").write_bytes(raw)
    found = open_file(tmp_path / "net")
    assert found.source == "pict"
    assert found.groups[""].keys() == kept.keys()
    assert all(torch.equal(t, kept[name]) for name, t in found.groups[""].items())


CONTAINERS: dict[str, Callable[[dict[str, Tensor], Path], None]] = {
    "npz": lambda state, path: np.savez(str(path) + ".npz", **{f"{n}:0": t.numpy() for n, t in state.items()}),
    "safetensors": lambda state, path: safetensors.torch.save_file(state, str(path) + ".safetensors"),
    "tfjs": lambda state, path: layout.tfjs_folder(path, state),
    "torch": lambda state, path: torch.save({"generator": state}, str(path) + ".pth"),
}


@pytest.mark.parametrize("write", CONTAINERS.values(), ids=CONTAINERS)
def test_the_same_variables_from_other_containers(
    tmp_path: Path, write: Callable[[dict[str, Tensor], Path], None]
) -> None:  # fmt: skip
    state = layout.tensorflow_state(4, 4)
    averages = {f"{n[:-5]}moving_mean": torch.zeros_like(t) for n, t in state.items() if n.endswith("/gamma")}
    write(state | averages, tmp_path / "net")
    (path,) = tmp_path.iterdir()
    assert apart(load_translator(path, "cpu")(picture(32)), drawn(state, picture(32))) <= 1e-5


def test_as_ml5_played_it(tmp_path: Path) -> None:
    raw, kept = layout.pict(layout.tensorflow_state(4, 4))
    (tmp_path / "net.pict").write_bytes(raw)
    wanted = drawn(kept, picture(32), encoder_biases=False)
    T = load_translator(tmp_path / "net.pict", "cpu", ml5_biases=True)
    assert "without the encoder's biases, as ml5" in T.inferred
    assert apart(T(picture(32)), wanted) <= 1e-5
    assert apart(load_translator(tmp_path / "net.pict", "cpu")(picture(32)), wanted) > 1e-3


def test_names_of_2017_without_biases(tmp_path: Path) -> None:
    state = {n: t * 0 if n.endswith("bias") else t for n, t in layout.tensorflow_state(4, 4).items()}
    older = {}
    for name, tensor in state.items():
        for new, old in (("conv2d_transpose/kernel", "deconv/filter"), ("conv2d/kernel", "conv/filter"),
                         ("batch_normalization/gamma", "batchnorm/scale"),
                         ("batch_normalization/beta", "batchnorm/offset")):  # fmt: skip
            name = name.replace(new, old)
        if not name.endswith("bias"):
            older[name] = tensor
    safetensors.torch.save_file(older, tmp_path / "old.safetensors")
    T = load_translator(tmp_path / "old.safetensors", "cpu")
    assert "no biases in the file: they are 0" in T.inferred
    assert apart(T(picture(32)), drawn(state, picture(32))) <= 1e-5


@pytest.mark.parametrize(("levels", "first"), [(8, 1), (4, 1), (4, 17)])
def test_keras_u_nets_of_tensorflow_js(tmp_path: Path, levels: int, first: int) -> None:
    state = layout.tensorflow_state(levels, 2)
    T = load_translator(layout.tfjs_folder(tmp_path / "cats", layout.keras_names(state, levels, first)), "cpu")
    img = picture(2**levels)
    assert T.family == "pix2pix-keras"
    assert apart(T(img), layout.tensorflow_drawn(state, img, eps=1e-3)) <= 1e-5


def test_keras_u_nets_with_a_layer_too_few(tmp_path: Path) -> None:
    state = layout.keras_names(layout.tensorflow_state(4, 2), 4)
    less = {n: t for n, t in state.items() if not n.startswith("batch_normalization_2/")}
    with pytest.raises(WeightsError, match="5 normalisations in a U-Net of 4 levels"):
        load_translator(layout.tfjs_folder(tmp_path / "a", less))
    del state["batch_normalization_2/gamma"]
    with pytest.raises(WeightsError, match="missing: generator/encoder_3/batch_normalization/gamma"):
        load_translator(layout.tfjs_folder(tmp_path / "b", state))


@pytest.mark.parametrize(
    ("gone", "added", "words"),
    [
        ("generator/decoder_2/conv2d_transpose/bias", "", "missing: generator/decoder_2/conv2d_transpose/bias"),
        ("", "generator/encoder_9/conv2d/kernel", r"encoder levels \[1, 2, 3, 4, 9\]"),
        ("", "generator/extra", "left over: generator/extra"),
        ("generator/encoder_2/conv2d/kernel", "", "no tensor 'generator/encoder_2/conv2d/kernel'"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, gone: str, added: str, words: str) -> None:
    state = layout.tensorflow_state(4, 2)
    state = {n: t for n, t in state.items() if n != gone} | ({added: torch.zeros(1)} if added else {})
    safetensors.torch.save_file(state, tmp_path / "net.safetensors")
    with pytest.raises(WeightsError, match=words):
        load_translator(tmp_path / "net.safetensors")


def blocks(listed: str | bytes, index: bytes = bytes(1024), codes: bytes = bytes(4)) -> bytes:
    return layout.pict_of(listed if isinstance(listed, bytes) else listed.encode(), index, codes)


ONE = '[{"name": "a", "shape": [4]}]'
BROKEN: dict[str, tuple[bytes, str]] = {
    "ends in its list": (blocks(ONE)[:20], "ends within its list of tensors"),
    "ends before its index": (blocks(ONE)[: 4 + len(ONE)], "ends before its index"),
    "ends in its values": (blocks(ONE)[:-1], "ends within its values: 1 bytes"),
    "goes on after its end": (blocks(ONE) + b"x", "1 bytes after its last block"),
    "shapes that lie": (blocks('[{"name": "a", "shape": [5]}]'), "tensors of 5 values together, where the file has 4"),
    "a product beyond numbers": (blocks('[{"name": "a", "shape": [1000000000, 1000000000, 9]}]'), "tensors of 9"),
    "shape too large": (blocks('[{"name": "a", "shape": [99999999999]}]'), "whole numbers are wanted"),
    "nine dimensions": (blocks('[{"name": "a", "shape": [1,1,1,1,1,1,1,1,4]}]'), "whole numbers are wanted"),
    "negative shape": (blocks('[{"name": "a", "shape": [-2, -2]}]'), "whole numbers are wanted"),
    "shape of fractions": (blocks('[{"name": "a", "shape": [4.0]}]'), "whole numbers are wanted"),
    "shape of truths": (blocks('[{"name": "a", "shape": [true, 4]}]'), "whole numbers are wanted"),
    "name that is a number": (blocks('[{"name": 1, "shape": [4]}]'), "a name and a shape"),
    "two of one name": (blocks(f"{ONE[:-1]},{ONE[1:]}", codes=bytes(8)), "two tensors named 'a'"),
    "list that is none": (blocks("[1, 2]"), "a name and a shape"),
    "list of brackets": (blocks("[" * 100_000), "is not JSON"),
    "list cut short": (blocks('[{"name": "a"'), "is not JSON"),
    "list that is no text": (blocks(b"[\xff\xfe]"), "is not JSON"),
    "index too long": (blocks(ONE, bytes(1028)), "its index has 1028 bytes"),
    "index of odd length": (blocks(ONE, bytes(7)), "its index has 7 bytes"),
    "no index": (blocks(ONE, b""), "its index has 0 bytes"),
    "index with NaN": (blocks(ONE, struct.pack("<f", float("nan")) * 256), "not finite"),
    "value beyond the index": (blocks(ONE, bytes(12), bytes([0, 1, 2, 3])), "place 3 of an index of 3 numbers"),
    "nothing of a network": (blocks(ONE), "unknown layout"),
}


@pytest.mark.parametrize(("raw", "words"), BROKEN.values(), ids=BROKEN)
def test_a_pict_that_lies_is_one_line(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "net.pict").write_bytes(raw)
    with pytest.raises(WeightsError, match=words) as raised:
        load_translator(tmp_path / "net.pict")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 1000


def test_every_cut_of_a_pict_is_an_error(tmp_path: Path) -> None:
    raw, _ = layout.pict(layout.tensorflow_state(2, 1))
    for end in [*range(0, 40), *range(40, len(raw), 97), len(raw) - 1]:
        (tmp_path / "cut.pict").write_bytes(raw[:end])
        with pytest.raises(LatentartError):
            load_translator(tmp_path / "cut.pict")


def label_map(side: int, count: int) -> tuple[Tensor, Tensor]:
    """(numbers [1, side, side] in patches, the grey picture of them)."""
    coarse = torch.randint(count, (1, 1, 4, 4), generator=torch.Generator().manual_seed(5)).float()
    numbers = torch.nn.functional.interpolate(coarse, size=(side, side))[:, 0]
    return numbers.long(), numbers[:, None] / 127.5 - 1


def edges_of(numbers: Tensor) -> Tensor:
    """By the definition: a pixel with a neighbour of another number at one of its four sides."""
    n, height, width = numbers.shape
    found = torch.zeros(n, 1, height, width)
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    found[:, 0, y, x] += (numbers[:, y, x] != numbers[:, y + dy, x + dx]).float()
    return (found > 0).float()


@pytest.mark.parametrize("edges", [True, False])
def test_pix2pixhd_draws_from_label_numbers(tmp_path: Path, edges: bool) -> None:
    numbers, grey = label_map(32, 7)
    network = layout.shaken(layout.ResNet(1, 2, halvings=3, inputs=7 + edges, bias=True))
    (tmp_path / "opt.txt").write_text(f"label_nc: 7\nno_instance: {not edges}\n")
    T = load_translator(saved(network, tmp_path / "latest_net_G.pth"), "cpu")
    assert "takes label numbers 0 to 6" in " ".join(T.inferred)
    hot = torch.nn.functional.one_hot(numbers, 7).permute(0, 3, 1, 2).float()
    hot = torch.cat([hot, edges_of(numbers)], 1) if edges else hot
    with torch.no_grad():
        wanted = network(hot)
    assert apart(T.translate(grey), wanted) <= 1e-5
    assert apart(T.translate(grey.expand(-1, 3, -1, -1)), wanted) <= 1e-5


def test_label_maps_that_are_none(tmp_path: Path) -> None:
    network = layout.ResNet(1, 2, halvings=3, inputs=8, bias=True)
    T = load_translator(saved(network, tmp_path / "net.pth"), "cpu")
    assert "takes label numbers 0 to 6 and draws their edges" in T.inferred
    with pytest.raises(PictureError, match="label 200 in the picture: this network knows 0 to 6"):
        T.translate(torch.full((1, 1, 32, 32), 200 / 127.5 - 1))
    with pytest.raises(PictureError, match="draws from label numbers"):
        T.translate(picture(32))


def test_what_the_input_channels_mean_can_be_said(tmp_path: Path) -> None:
    path = saved(layout.ResNet(1, 2, halvings=3, inputs=8, bias=True), tmp_path / "net.pth")
    config = load_translator(path, "cpu", labels=8).config  # type: ignore[attr-defined]
    assert (config.labels, config.edges) == (8, False)
    config = load_translator(path, "cpu", edges=False).config  # type: ignore[attr-defined]
    assert (config.labels, config.edges) == (8, False)
    for wrong in ({"labels": 5}, {"labels": 0}, {"labels": 8, "edges": True}):
        with pytest.raises(SettingsError, match="do not fit: the network has 8 input channels"):
            load_translator(path, "cpu", **wrong)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label_nc: 9\nno_instance: False\n", "says label_nc 9 and edges, the tensors have 8 input channels"),
        ("label_nc: 0\nno_instance: True\n", "says label_nc 0, the tensors have 8"),
        ("label_nc: 0\nno_instance: False\n", "more than a picture or labels"),
        ("instance_feat: True\n", "more than a picture or labels"),
    ],
)
def test_options_that_leave_the_channels_without_meaning(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "opt.txt").write_text(text)
    with pytest.raises(WeightsError, match=words):
        load_translator(saved(layout.ResNet(1, 2, halvings=3, inputs=8, bias=True), tmp_path / "net.pth"))


OPTIONS = """----------------- Options ---------------
               batch_size: 1
                direction: BtoA                          \t[default: AtoB]
                 input_nc: 3
                     netG: resnet_9blocks                \t[default: unet_256]
                     norm: instance                      \t[default: batch]
                  gpu_ids: 0,1
                   suffix:
----------------- End -------------------
"""


def test_options_are_read_and_the_tensors_count(tmp_path: Path) -> None:
    (tmp_path / "train_opt.txt").write_text(OPTIONS)
    T = load_translator(saved(layout.shaken(layout.UNet(5, 4)), tmp_path / "net.pth"), "cpu")
    said = "; ".join(T.inferred)
    assert "direction BtoA" in said
    assert "train_opt.txt says norm instance, the tensors say batch: the tensors count" in said
    assert "train_opt.txt says netG resnet_9blocks, the tensors say unet" in said
    assert "input_nc" not in said


HOSTILE: dict[str, tuple[bytes, str]] = {
    "huge": (b"a: b\n" * 60_000, "more than 262144 bytes"),
    "binary": (b"\x80\x02\x8a\xff" * 10, "is no text"),
    "contradiction": (b"norm: batch\nnorm: instance\n", "says norm 'batch' and then 'instance'"),
    "prose": (b"dear diary\n", "line 1 is 'dear diary'"),
    "number that is none": (b"ngf: sixty-four\n", "says ngf 'sixty-four': a whole number"),
    "number of a million digits": (b"ngf: " + b"9" * 1900 + b"\n", "a whole number"),
    "truth that is none": (b"no_dropout: maybe\n", "True or False"),
    "norm that is none": (b"norm: layer\n", "says norm 'layer'"),
    "direction that is none": (b"direction: up\n", "says direction 'up'"),
}


@pytest.mark.parametrize(("raw", "words"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", ["train_opt.txt", "test_opt.txt"])
def test_hostile_options(tmp_path: Path, raw: bytes, words: str, name: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(WeightsError, match=words) as raised:
        load_translator(saved(layout.UNet(5, 2), tmp_path / "net.pth"))
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_options_of_the_training_come_first(tmp_path: Path) -> None:
    (tmp_path / "test_opt.txt").write_text("direction: AtoB\n")
    (tmp_path / "train_opt.txt").write_text("direction: BtoA\n")
    assert "direction BtoA" in load_translator(saved(layout.UNet(5, 2), tmp_path / "net.pth"), "cpu").inferred


def test_the_list_of_a_pict_is_json() -> None:
    raw, _ = layout.pict(layout.tensorflow_state(2, 1))
    (length,) = struct.unpack_from(">I", raw)
    assert json.loads(raw[4 : 4 + length])[0] == {"name": "generator/encoder_1/conv2d/kernel", "shape": [4, 4, 3, 1]}
