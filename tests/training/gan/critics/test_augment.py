"""Augmentation of what a discriminator sees: exactness, borders, alpha, derivatives, statistics, the controller."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.training.gan.critics import augment, warp
from latentart.training.gan.critics.augment import Augment, Controller


def pictures(count: int = 4, channels: int = 3, height: int = 16, width: int = 16, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, height, width, generator=random) * 2 - 1


def inverse(rows: list[list[float]]) -> Tensor:
    return torch.tensor([rows], dtype=torch.float64)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(16, 16), (8, 24)])
def test_shapes_and_channels(channels: int, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    img = pictures(8, channels, *size)
    made = Augment(channels)(img, 0.7)
    assert made.shape == img.shape
    assert not torch.equal(made, img)
    assert torch.equal(Augment(channels)(img, 0.0), img)


def test_random_numbers_are_those_of_the_global_generator() -> None:
    img = pictures()
    torch.manual_seed(5)
    first = Augment(3)(img, 0.5)
    torch.manual_seed(5)
    assert torch.equal(first, Augment(3)(img, 0.5))
    assert not torch.equal(first, Augment(3)(img, 0.5))


def test_the_identity_map_returns_the_picture() -> None:
    img = pictures(2, 4, 12, 20).double()
    made = warp.warp(img, inverse([[1, 0, 0], [0, 1, 0]]).expand(2, -1, -1))
    assert (made - img).abs().max() < 0.02
    assert (made - img).norm() < 0.006 * img.norm()


@pytest.mark.parametrize("place", [(3, 0), (0, -5), (-40, 7)])
def test_whole_shifts_mirror_at_the_edges(place: tuple[int, int]) -> None:
    """A map by whole pixels shows the endlessly mirrored picture, also far outside."""
    img = pictures(1, 3, 10, 14).double()
    x, y = place
    made = warp.warp(img, inverse([[1, 0, -x], [0, 1, -y]]))
    rows = warp.mirrored(torch.arange(10) - y, 10)
    columns = warp.mirrored(torch.arange(14) - x, 14)
    wanted = img[:, :, rows][:, :, :, columns]
    assert (made - wanted).norm() < 0.006 * wanted.norm()


def test_a_map_of_a_quarter_turn_is_the_turned_picture() -> None:
    img = pictures(1, 3).double()
    made = warp.warp(img, inverse([[0, -1, 0], [1, 0, 0]]))
    apart = sorted(float((made - img.rot90(k, (2, 3))).norm() / img.norm()) for k in range(4))
    assert apart[0] < 0.006
    assert apart[1] > 0.5


@pytest.mark.parametrize("size", [(8, 8), (6, 10)])
def test_blits_are_flips_turns_and_shifts(size: tuple[int, int]) -> None:
    img = pictures(1, 2, *size)
    turns = range(4) if size[0] == size[1] else (0, 2)
    for flip in (False, True):
        for k in turns:
            source = augment.sources(torch.tensor([flip]), torch.tensor([k]), torch.tensor([[1, -2]]), size)
            made = img.flatten(2)[..., source.flatten()].view_as(img)
            turned = (img.flip(3) if flip else img).rot90(-k if size[0] == size[1] else k, (2, 3))
            rows = warp.mirrored(torch.arange(size[0]) - 1, size[0])
            columns = warp.mirrored(torch.arange(size[1]) + 2, size[1])
            wanted = turned[:, :, rows][:, :, :, columns]
            other = turned.rot90(2, (2, 3))[:, :, rows][:, :, :, columns]
            assert torch.equal(made, wanted) or (k % 2 and torch.equal(made, other))


def test_colours_leave_alpha_and_transparent_places_alone() -> None:
    torch.manual_seed(0)
    img = pictures(64, 4, 4, 4)
    img[:, 3, :2] = -1
    img[:, :3] *= (img[:, 3:] + 1) / 2
    made = augment.coloured(img, 1.0)
    assert torch.equal(made[:, 3], img[:, 3])
    assert made[:, :3, :2].abs().max() == 0
    assert (made[:, :3, 2:] - img[:, :3, 2:]).abs().mean() > 0.1


def test_grey_pictures_change_as_grey_rgb_does() -> None:
    torch.manual_seed(3)
    matrix, offset, _ = augment.colours(16, 0.8)
    grey = pictures(16, 1)
    wide = augment.recoloured(grey.expand(-1, 3, -1, -1), matrix, offset)
    assert (wide - augment.recoloured(grey, matrix, offset)).abs().max() < 1e-5


def test_it_can_be_differentiated_twice() -> None:
    """R1 goes through it: first and second derivatives agree with finite differences."""
    img = pictures(3, 4, 8, 8).double().requires_grad_()

    def function(x: Tensor) -> Tensor:
        torch.manual_seed(2)
        made: Tensor = Augment(4)(x, 0.9)
        return made[:, :, ::3, ::3].square()

    assert torch.autograd.gradcheck(function, img, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, img, fast_mode=True)


def test_a_penalty_on_gradients_reaches_the_weights() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Softplus(), torch.nn.Flatten(), torch.nn.LazyLinear(1))
    img = pictures().requires_grad_()
    logits = net(Augment(3)(img, 0.9))
    (gradient,) = torch.autograd.grad(logits.sum(), img, create_graph=True)
    gradient.square().sum().backward()
    assert net[0].weight.grad.abs().sum() > 0


def test_changes_are_as_often_as_the_strength_and_centred() -> None:
    """What is applied by chance has no preferred direction: means of parameters vanish within four deviations."""
    torch.manual_seed(0)
    count, strength = 20_000, 0.4
    maps, active = augment.geometry(count, strength, (64, 64))
    assert abs(active.float().mean() - (1 - 0.6**4)) < 0.02
    linear = maps[:, :, :2]
    angle = torch.atan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1])
    log_scale = linear.det().log() / 2
    upright = (angle.abs() < 1e-3).float().mean()
    assert abs(upright - (1 - strength)) < 0.02
    for values in (angle.sin(), log_scale, maps[:, 0, 2], maps[:, 1, 2]):
        assert abs(values.mean()) < 4 * values.std() / math.sqrt(count)
    matrix, offset, changed = augment.colours(count, strength)
    assert abs(changed.float().mean() - (1 - 0.6**4 * 0.8)) < 0.02
    turn = matrix[:, 0, 1] - matrix[:, 1, 0]
    for values in (offset, turn, matrix.det().abs().log()):
        assert abs(values.mean()) < 4 * values.std() / math.sqrt(count)


def test_a_toy_learns_the_data_and_not_the_changes() -> None:
    """A picture whose augmented pictures match those of the data in the mean is the data: nothing leaks.

    The toy generator is one picture, and what it matches is the mean of augmented data at a fixed strength. Among
    shifted, mirrored, turned and recoloured versions of the data, the data itself matches best.
    """
    torch.manual_seed(0)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    data = torch.stack([torch.tanh(4 * x), y, x * y])[None] * 0.8

    def mean(img: Tensor) -> Tensor:
        made: Tensor = Augment(3)(img.expand(1500, -1, -1, -1), 0.5)
        return made.mean(dim=0)

    wanted = mean(data)
    others = [data.flip(3), data.rot90(1, (2, 3)), data.rot90(2, (2, 3)), data.roll(3, 3), -data, data.roll(1, 1)]
    # Two draws of the same picture differ by chance alone.
    apart = (mean(data) - wanted).norm()
    assert all((mean(other) - wanted).norm() > 1.5 * apart for other in others)


def test_the_strength_rises_when_the_discriminator_is_sure() -> None:
    sure, unsure = Controller(), Controller()
    random = torch.Generator().manual_seed(0)
    for _ in range(50_000 // 16):
        noise = float(torch.randn(1, generator=random)) / 4
        sure.update(min(0.95 + noise, 1.0), 16)
        unsure.update(0.3 + noise, 16)
    assert sure.strength >= 0.4
    assert unsure.strength < 0.01
    for _ in range(200_000 // 16):
        sure.update(1.0, 16)
    assert sure.strength == augment.MOST


def test_a_restored_controller_goes_on_in_the_same_way() -> None:
    whole, first = Controller(kimg=1), Controller(kimg=1)
    signs = [0.9, 0.2, 0.8, 1.0, 0.7, 0.9, 0.1, 1.0, 0.9]
    for sign in signs[:3]:
        first.update(sign, 8)
    second = Controller(kimg=1)
    second.restore(first.tensors())
    for sign in signs:
        whole.update(sign, 8)
    for sign in signs[3:]:
        second.update(sign, 8)
    assert torch.equal(whole.tensors()["controller"], second.tensors()["controller"])
    assert whole.strength > 0


def test_bad_settings_are_named() -> None:
    with pytest.raises(SettingsError, match="5 channels"):
        Augment(5)
    with pytest.raises(SettingsError, match=r"strength 1\.5"):
        Augment(3)(pictures(), 1.5)
    with pytest.raises(SettingsError, match="kimg 0"):
        Controller(kimg=0)
    with pytest.raises(WeightsError, match="controller"):
        Controller().restore({})
