"""Normalisations whose statistics can be fixed, and the names of tensors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from latentart.errors import WeightsError
from latentart.translators import layers, tensor_names
from latentart.translators.layers import BatchNorm, InstanceNorm


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 3 + 1


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("affine", [True, False])
def test_instance_norm_is_that_of_pytorch(number: int, affine: bool) -> None:
    ours, theirs = InstanceNorm(5, eps=1e-3, affine=affine), nn.InstanceNorm2d(5, eps=1e-3, affine=affine)
    if affine:
        state = {"weight": some(5, seed=1), "bias": some(5, seed=2)}
        ours.load_state_dict(state)
        theirs.load_state_dict(state)
    torch.testing.assert_close(ours(some(number, 5, 7, 6)), theirs(some(number, 5, 7, 6)))


@pytest.mark.parametrize("number", [1, 2])
def test_one_pixel_is_its_own_mean(number: int) -> None:
    layer = InstanceNorm(3)
    layer.load_state_dict({"weight": some(3), "bias": torch.tensor([1.0, 2.0, 3.0])})
    assert layer(some(number, 3, 1, 1))[:, :, 0, 0].tolist() == [[1, 2, 3]] * number
    assert not InstanceNorm(3, affine=False)(some(number, 3, 1, 1)).any()


def test_fixed_statistics_stay_whatever_the_picture() -> None:
    layer, whole = InstanceNorm(4, affine=False), some(1, 4, 8, 8)
    layer.fix(layers.statistics(whole))
    torch.testing.assert_close(layer(whole[..., :3, :5]), nn.InstanceNorm2d(4)(whole)[..., :3, :5])
    layer.fix(None)
    assert abs(float(layer(whole[..., :3, :5]).mean())) < 1e-6


def test_statistics_of_a_whole_network_are_met_and_fixed() -> None:
    network = nn.Sequential(InstanceNorm(2), nn.Conv2d(2, 3, 1), BatchNorm(3))
    img = some(1, 2, 8, 8)
    with layers.measured(network) as found:
        wanted = network(img)
    assert list(found) == [network[0], network[2]]
    with layers.fixed(found):
        torch.testing.assert_close(network(img[..., :4, :4]), wanted[..., :4, :4])
    assert network[0].mean is None


def test_stored_averages_are_played_when_asked() -> None:
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3).eval()
    state = {name: some(3, seed=i).abs() for i, name in enumerate(("weight", "bias", "running_mean", "running_var"))}
    ours.load_state_dict(state)
    theirs.load_state_dict(state, strict=False)
    img = some(2, 3, 4, 4)
    own = ours(img)
    ours.stored(True)
    torch.testing.assert_close(ours(img), theirs(img))
    assert layers.norms(ours) == []
    ours.stored(False)
    torch.testing.assert_close(ours(img), own)


def test_missing_and_left_over_names_are_one_error() -> None:
    tensors = {"a": some(1), "b": some(1), "c.num_batches_tracked": some(1), **{f"x{i}": some(1) for i in range(9)}}
    with pytest.raises(WeightsError) as raised:
        tensor_names.renamed(tensors, {"a": "A", "z": "Z"}, what="thing", switches=["wide", "batch norm"])
    text = "not a whole thing (taken for: wide, batch norm): missing: z; left over: b, x0, x1, x2, x3, x4 and 4 more"
    assert str(raised.value) == text


def test_names_that_are_all_there_are_renamed() -> None:
    assert tensor_names.renamed({"a": some(1), "old": some(1)}, {"a": "A"}, what="thing", unused="old").keys() == {"A"}


def test_a_network_is_filled_or_says_what_is_wrong() -> None:
    with torch.device("meta"):
        network = nn.Conv2d(2, 3, 1)
    tensor_names.fill(network, {"weight": some(3, 2, 1, 1).half(), "bias": some(3)}, what="thing")
    assert network.weight.dtype == torch.float32
    assert not network.weight.requires_grad
    with pytest.raises(
        WeightsError, match=r"do not fit a thing: missing: bias; left over: c; of another shape: weight "
    ):
        tensor_names.fill(network, {"weight": some(3), "c": some(1)}, what="thing")


def test_numbers_in_names() -> None:
    assert tensor_names.numbered(["m.10.w", "m.2.w", "m.2.b", "n.3.w"], r"m\.(\d+)\.") == [2, 10]
