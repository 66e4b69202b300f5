"""Fast style networks: every layout gives what its origin computes, from files as they are found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from layouts import fast_style as layouts
from scipy.signal import correlate2d
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.translators.layers import SameConv, SameTranspose
from latentart.translators.load import load_translator, open_translator
from latentart.translators.style import fast_style
from latentart.weights import safe
from latentart.weights.checkpoint import Contents, Origin

State = dict[str, Tensor]
LAYOUTS: dict[str, tuple[Callable[..., State], Callable[..., Tensor]]] = {
    "examples": (layouts.examples_state, layouts.examples),
    "rrmina": (layouts.rrmina_state, layouts.rrmina),
    "tensorflow": (layouts.tensorflow_state, layouts.tensorflow),
    "mobile": (layouts.mobile_state, layouts.mobile),
}


def picture(height: int = 24, width: int = 32, seed: int = 1) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def saved(path: Path, state: State) -> Path:
    torch.save(state, path)
    return path


def reference(compute: Callable[..., Tensor], state: State, img: Tensor, **how: bool) -> Tensor:
    """What the origin's network makes of it, in [-1, 1] and beyond."""
    double = {name: tensor.double() for name, tensor in state.items()}
    return compute(double, img.double() * 127.5 + 127.5, **how) / 127.5 - 1


def error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("width", "blocks"), [(8, 5), (4, 2)])
def test_a_file_in_each_layout_gives_the_pictures_of_its_origin(
    layout: str, width: int, blocks: int, tmp_path: Path
) -> None:
    make, compute = LAYOUTS[layout]
    state = make(3, width=width, blocks=blocks)
    T = load_translator(saved(tmp_path / "net.pth", state), "cpu")
    made, wanted = T(picture()), reference(compute, state, picture())
    assert error(made, wanted) <= 1e-5
    assert made.std() > 0.02
    torch.testing.assert_close(T.translate(picture()), wanted.float().clamp(-1, 1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("width", [8, 16, 32])
def test_the_width_comes_from_the_shapes(width: int, tmp_path: Path) -> None:
    T = load_translator(saved(tmp_path / "net.model", layouts.examples_state(width=width, blocks=1)), "cpu")
    assert f"widths {width}, {2 * width}, {4 * width}" in T.inferred


def test_the_networks_of_the_papers_have_their_number_of_values() -> None:
    """1,679,235 values in pytorch/examples, 1,677,638 in lengstrom's."""
    examples, tensorflow = layouts.examples_state(width=32), layouts.tensorflow_state(width=32)
    assert (len(examples), sum(t.numel() for t in examples.values())) == (62, 1_679_235)
    assert (len(tensorflow), sum(t.numel() for t in tensorflow.values())) == (48, 1_677_638)


def test_averages_of_old_checkpoints_are_left_aside(tmp_path: Path) -> None:
    old, new = (layouts.examples_state(blocks=1, old=old) for old in (True, False))
    assert len(old) > len(new)
    pictures = [load_translator(saved(tmp_path / "net.pth", s), "cpu")(picture()) for s in (old, new)]
    torch.testing.assert_close(*pictures, rtol=0, atol=0)


@pytest.mark.parametrize("container", ["folder", "manifest", "npz"])
def test_tensorflow_variables_come_as_an_ml5_folder_or_an_archive(container: str, tmp_path: Path) -> None:
    state = layouts.tensorflow_state(blocks=2, training=True)
    path = layouts.write_ml5(tmp_path / "udnie", state)
    if container == "npz":
        path = tmp_path / "udnie.npz"
        np.savez(path, **{name: tensor.numpy() for name, tensor in state.items()})
    T = load_translator(path / "manifest.json" if container == "manifest" else path, "cpu")
    assert error(T(picture()), reference(layouts.tensorflow, state, picture())) <= 1e-5
    assert "layout of lengstrom and ml5" in T.inferred


def test_rrmina_with_a_tanh_is_seen_in_the_size_of_its_last_weights(tmp_path: Path) -> None:
    state = layouts.rrmina_state(blocks=1, tanh=True)
    path = saved(tmp_path / "net.pth", state)
    T = load_translator(path, "cpu")
    assert any("end 'tanh'" in line for line in T.inferred)
    assert error(T(picture()), reference(layouts.rrmina, state, picture(), tanh=True)) <= 1e-5
    plain = load_translator(path, "cpu", end="plain")
    assert error(plain(picture()), reference(layouts.rrmina, state, picture())) <= 1e-5


def test_an_end_that_is_unknown_is_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", layouts.examples_state(blocks=1, width=4))
    with pytest.raises(WeightsError, match="end 'sigmoid' of a fast_style network is not one of plain, tanh"):
        load_translator(path, "cpu", end="sigmoid")
    with pytest.raises(SettingsError, match="unknown switch of fast_style 'ending'"):
        load_translator(path, "cpu", ending="tanh")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_our_own_file_of_it_gives_the_same_pictures(layout: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", LAYOUTS[layout][0](blocks=2))
    safe.write(tmp_path / "ours.safetensors", open_translator(path))
    first, second = (load_translator(p, "cpu")(picture()) for p in (path, tmp_path / "ours.safetensors"))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_missing_and_left_over_tensors_are_named(layout: str, tmp_path: Path) -> None:
    state = LAYOUTS[layout][0](blocks=1, width=4)
    gone = next(name for name in list(state)[4:] if name != "conv2.conv3.weight")
    cut = {name: tensor for name, tensor in state.items() if name != gone}
    with pytest.raises(WeightsError, match=f"missing: {gone}$"):
        load_translator(saved(tmp_path / "net.pth", cut), "cpu")
    with pytest.raises(WeightsError, match="left over: surplus"):
        load_translator(saved(tmp_path / "net.pth", {**state, "surplus": torch.zeros(1)}), "cpu")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_tensor_of_another_shape_is_named(layout: str, tmp_path: Path) -> None:
    state = LAYOUTS[layout][0](blocks=1, width=4)
    name = next(name for name in list(state)[4:] if state[name].ndim == 1)
    with pytest.raises(WeightsError, match="of another shape"):
        load_translator(saved(tmp_path / "net.pth", {**state, name: torch.zeros(5)}), "cpu")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_kernel_that_is_no_kernel_is_an_error_in_one_line(layout: str, tmp_path: Path) -> None:
    state = LAYOUTS[layout][0](blocks=1, width=4)
    for name in [name for name, tensor in state.items() if tensor.ndim == 4]:
        for wrong in (torch.tensor(1.0), torch.zeros(4), torch.zeros(0, 3, 9, 9)):
            with pytest.raises(WeightsError):
                load_translator(saved(tmp_path / "net.pth", {**state, name: wrong}), "cpu")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 31), (50, 13)])
def test_any_size_comes_back_in_its_size(layout: str, height: int, width: int, tmp_path: Path) -> None:
    T = load_translator(saved(tmp_path / "net.pth", LAYOUTS[layout][0](blocks=1, width=4)), "cpu")
    assert T.translate(picture(height, width)).shape == (1, 3, height, width)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (9, 1), (3, 2), (4, 2), (2, 2)])
@pytest.mark.parametrize("side", [8, 9])
def test_same_borders_are_those_of_tensorflow(kernel: int, stride: int, side: int) -> None:
    """Against scipy's correlation over zeros put on by hand: of an odd number, the larger part below and right."""
    conv = SameConv(2, 1, kernel, stride)
    x = torch.rand(1, 2, side, side)
    made = conv(x)[0, 0].detach().numpy()
    rows = -(-side // stride)
    missing = max((rows - 1) * stride + kernel - side, 0)
    padded = np.pad(x[0].numpy(), [(0, 0), *[(missing // 2, missing - missing // 2)] * 2])
    weight = conv.weight[0].detach().numpy()
    full = sum(correlate2d(plane, kern, mode="valid") for plane, kern in zip(padded, weight, strict=True))
    np.testing.assert_allclose(made, np.asarray(full)[::stride, ::stride], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_the_transposed_same_convolution_is_the_gradient_of_the_convolution(kernel: int) -> None:
    """TensorFlow defines it so: for every x and y, <conv(x), y> = <x, transposed(y)>."""
    conv, back = SameConv(2, 3, kernel, 2), SameTranspose(3, 2, kernel, 2)
    back.weight.data = conv.weight.data
    x, y = torch.rand(1, 2, 12, 8), torch.rand(1, 3, 6, 4)
    torch.testing.assert_close((conv(x) * y).sum(), (x * back(y)).sum(), rtol=1e-5, atol=1e-5)


def test_the_border_of_one_layout_does_not_pass_for_anothers(tmp_path: Path) -> None:
    """The measure can tell them apart: zeros in place of a reflected border are seen at once."""
    state = layouts.examples_state(blocks=1)
    T = load_translator(saved(tmp_path / "net.pth", state), "cpu")
    for layer in T.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.padding_mode = "zeros"
    assert error(T(picture()), reference(layouts.examples, state, picture())) > 1e-3


def test_spread_tells_levels_from_what_a_tanh_takes() -> None:
    for tanh in (True, False):
        parts = fast_style.convert(layouts.rrmina_state(blocks=1, tanh=tanh), Origin(Path("net.pth"), "", Contents({})))
        assert (fast_style.spread(parts.tensors) < fast_style.NEAR_ZERO) == tanh
