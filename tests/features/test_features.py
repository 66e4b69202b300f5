"""Feature networks: the shipped stub against the full network's figures, the trunk, LPIPS and its masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.features import int8, load, trunk
from latentart.features.lpips import Lpips


def waves(size: int = 64) -> tuple[Tensor, Tensor]:
    """Two pictures made of sines, [1, 3, size, size]: the same ones on every machine."""
    y, x = np.mgrid[0:size, 0:size] / size
    first = [np.sin(2 * np.pi * (3 * x + k * y)) * np.cos(5 * y * (k + 1)) for k in range(3)]
    second = [np.sin(2 * np.pi * (3 * x + k * y) + 0.7) * np.cos(5 * y * (k + 1)) for k in range(3)]
    return tuple(torch.from_numpy(np.stack(p)[None]).float() for p in (first, second))  # type: ignore[return-value]


def random_trunk(plan: trunk.Plan, seed: int = 0) -> trunk.Trunk:
    random = torch.Generator().manual_seed(seed)
    state = {}
    for step in plan:
        if isinstance(step, trunk.Conv):
            shape = (step.outputs, step.inputs, step.size, step.size)
            state[f"{step.name}.weight"] = torch.randn(shape, generator=random) / (step.inputs * step.size) ** 0.5
            state[f"{step.name}.bias"] = torch.randn(step.outputs, generator=random) * 0.1
    return trunk.Trunk(plan, state)


@pytest.fixture(scope="module")
def stub() -> Lpips:
    return load.lpips()


def test_stub_agrees_with_the_first_three_layers_of_full_lpips(stub: Lpips) -> None:
    # What VGG16 in float32 gives through the same three layers.
    assert stub(*waves()).item() == pytest.approx(0.1288128, rel=2e-3)


def test_lpips_is_zero_for_the_same_picture_and_symmetric(stub: Lpips) -> None:
    a, b = waves()
    assert stub(a, a).item() == 0
    assert stub(a, b).item() == pytest.approx(stub(b, a).item(), rel=1e-6)


def test_stub_orders_pictures_by_how_much_they_were_blurred(stub: Lpips) -> None:
    a, _ = waves()
    blurred = [torch.nn.functional.avg_pool2d(a, k, 1, k // 2, count_include_pad=False) for k in (3, 7, 15)]
    distances = [stub(a, b).item() for b in blurred]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_mask_limits_where_lpips_looks(stub: Lpips) -> None:
    a, _ = waves()
    b = a.clone()
    b[..., 32:] = 0
    left = torch.zeros(1, 1, 64, 64)
    left[..., :16] = 1
    near, far = stub.embed(a), stub.embed(b)
    assert stub.distance(near, far, left).item() < 1e-6
    assert stub.distance(near, far, 1 - left).item() > stub.distance(near, far).item() > 0.01


def test_distances_of_a_batch_are_those_of_its_pictures(stub: Lpips) -> None:
    a, b = waves()
    both = stub(torch.cat([a, b]), torch.cat([b, -a]))
    torch.testing.assert_close(both, torch.cat([stub(a, b), stub(b, -a)]), rtol=1e-4, atol=1e-6)


def test_gradients_flow_to_the_picture_even_where_features_are_zero(stub: Lpips) -> None:
    a, b = waves()
    a.requires_grad_()
    stub(a, b).backward()
    assert a.grad is not None
    assert torch.isfinite(a.grad).all()
    assert a.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in stub.parameters())


def test_heads_of_both_networks_ship() -> None:
    assert [len(h) for h in load.lpips_heads("vgg16").values()] == [64, 128, 256, 512, 512]
    assert [len(h) for h in load.lpips_heads("alexnet").values()] == [64, 192, 384, 256, 256]


def test_alexnet_has_the_published_shapes() -> None:
    activations = random_trunk(trunk.ALEXNET)(torch.zeros(1, 3, 224, 224), ["relu1", "relu2", "relu5"])
    assert [tuple(x.shape[1:]) for x in activations] == [(64, 55, 55), (192, 27, 27), (256, 13, 13)]


def test_trunk_reads_layers_in_the_order_asked_for() -> None:
    plan = trunk.until(trunk.VGG16, "relu2_2")
    later, early = random_trunk(plan)(waves()[0], ["relu2_1", "relu1_1"])
    assert later.shape == (1, 128, 32, 32)
    assert early.shape == (1, 64, 64, 64)
    assert early.min() == 0


def test_average_pooling_differs_from_maximum() -> None:
    plan = trunk.until(trunk.VGG16, "relu2_1")
    maximum = random_trunk(plan)
    average = random_trunk(plan)
    average.pool = torch.nn.functional.avg_pool2d
    a, _ = waves()
    assert average(a, ["relu2_1"])[0].mean() < maximum(a, ["relu2_1"])[0].mean()
    assert load.vgg16(average_pool=True).pool is torch.nn.functional.avg_pool2d


def test_grey_and_rgba_reach_the_network_as_rgb() -> None:
    grey = torch.rand(2, 1, 8, 8)
    assert torch.equal(trunk.rgb(grey)[:, 2], grey[:, 0])
    clear = torch.cat([torch.ones(1, 3, 8, 8), -torch.ones(1, 1, 8, 8)], dim=1)
    assert trunk.rgb(clear).abs().max() == 0
    with pytest.raises(PictureError, match="5 channels"):
        trunk.rgb(torch.zeros(1, 5, 8, 8))


def test_what_cannot_work_is_said_in_one_line() -> None:
    net = random_trunk(trunk.VGG16)
    with pytest.raises(SettingsError, match="did you mean relu3_3"):
        net(waves()[0], ["relu3_33"])
    with pytest.raises(PictureError, match="8x8 is too small"):
        net(torch.zeros(1, 3, 8, 8), ["relu5_1"])
    with pytest.raises(SettingsError, match="did you mean vgg16"):
        load.lpips("vgg15")
    with pytest.raises(WeightsError, match=r"relu1_1.weight is missing"):
        trunk.Trunk(trunk.VGG16, {})


def test_a_network_that_was_not_pulled_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path))
    with pytest.raises(SettingsError, match="latentart weights pull alexnet"):
        load.lpips("alexnet")
    load.pulled_file("alexnet").write_bytes(b"not safetensors")
    with pytest.raises(WeightsError, match="damaged"):
        load.lpips("alexnet")


def test_int8_is_within_half_a_step() -> None:
    weight = torch.randn(5, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    weight[4] = 0
    values, scale = int8.reduce(weight)
    back = int8.restore({"a.int8": values, "a.scale": scale, "a.bias": torch.zeros(5)})
    error = (back["a.weight"] - weight).abs().amax(dim=(1, 2, 3))
    assert bool((error <= scale / 2 * 1.001).all())
    assert set(back) == {"a.weight", "a.bias"}
