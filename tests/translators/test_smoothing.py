"""Smoothing: what stands still is calm, what moves is as it comes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError
from latentart.translators.base import Translator
from latentart.translators.smoothing import Smoothed, Smoothing, calmed


class Nervous(Translator):
    """A network that turns faint noise into strong flicker: contours of grey levels."""

    name = "nervous"

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        shift = 0.0 if style is None else float(style[0])
        return torch.sin(img * 25 + shift)


def scene(shift: float = 0.0, side: int = 64) -> Tensor:
    y, x = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    x = x + shift
    return torch.stack([torch.sin(x / 5) * torch.cos(y / 6), torch.cos(x / 4 + y / 9), torch.sin(y / 8)])[None] * 0.7


def noisy(img: Tensor, seed: int) -> Tensor:
    return img + 0.024 * torch.randn(img.shape, generator=torch.Generator().manual_seed(seed))


def flicker(clip: list[Tensor]) -> float:
    return float(torch.cat(clip[8:]).diff(dim=0).abs().mean())


def fine(clip: list[Tensor]) -> float:
    stack = torch.cat(clip[4:])
    return float((stack - F.avg_pool2d(stack, 5, 1, 2)).square().mean())


def test_a_still_scene_flickers_a_third_or_less() -> None:
    T, clip = Nervous(), [noisy(scene(), i) for i in range(20)]
    calm = Smoothed(T)
    assert flicker([calm.translate(img) for img in clip]) < flicker([T.translate(img) for img in clip]) / 3


@pytest.mark.parametrize("noise", [False, True])
def test_a_moving_scene_is_not_blurred(noise: bool) -> None:
    T, clip = Nervous(), [scene(1.5 * i) for i in range(14)]
    clip = [noisy(img, i) for i, img in enumerate(clip)] if noise else clip
    calm = Smoothed(T)
    assert fine([calm.translate(img) for img in clip]) > 0.95 * fine([T.translate(img) for img in clip])


def test_what_moves_leaves_no_trace() -> None:
    calm, T = Smoothed(Nervous()), Nervous()
    back, thing = scene(), torch.full((1, 3, 16, 16), 0.9)
    for i in range(16):
        frame = noisy(back, i)
        if i < 12:
            frame[..., 8:24, 3 * i : 3 * i + 16] = thing
        made = calm.translate(frame)
    # Where it was four frames ago the background is back, no matter what was there.
    off = (made - T.translate(back))[..., 8:24, 33:49].abs().mean()
    bright = (T.translate(thing) - T.translate(back)[..., 8:24, 33:49]).abs().mean()
    assert float(off) < 0.5 * float(bright)


def test_a_cut_is_seen_at_once() -> None:
    calm = Smoothed(Nervous())
    for i in range(5):
        calm.translate(noisy(scene(), i))
    other = -scene(7)
    torch.testing.assert_close(calm.translate(other), Nervous().translate(other))


def test_slow_light_is_followed() -> None:
    calm = Smoothing()
    for i in range(60):
        seen = calm.steady(noisy(scene() * 0.5 + 0.004 * i, i))
    assert float((seen - scene() * 0.5).mean()) == pytest.approx(0.004 * 59, abs=0.03)


def test_strength_and_style_are_seen_at_once() -> None:
    calm, img = Smoothed(Nervous()), scene()
    calm.T.style_dim = 1
    first = torch.tensor([0.0])
    for _ in range(4):
        calm.translate(img, style=first)
    assert torch.equal(calm.translate(img, style=first.clone()), Nervous().translate(img))
    other = torch.tensor([2.0])
    torch.testing.assert_close(calm.translate(img, style=other), calm.T.translate(img, style=other))
    torch.testing.assert_close(calm.translate(img, 0.5, style=other), calm.T.translate(img, 0.5, style=other))


def test_another_size_and_reset_begin_anew() -> None:
    calm = Smoothed(Nervous())
    calm.translate(scene())
    small = scene(side=31)
    torch.testing.assert_close(calm.translate(small), Nervous().translate(small))
    calm.reset()
    torch.testing.assert_close(calm.translate(small * 0.99), Nervous().translate(small * 0.99))


@pytest.mark.parametrize("side", [1, 2, 3, 7])
def test_tiny_pictures_are_taken(side: int) -> None:
    calm = Smoothing()
    for _ in range(3):
        assert calm.blend(calm.steady(torch.zeros(2, 3, side, side))).shape == (2, 3, side, side)


@pytest.mark.parametrize("amount", [-0.1, 1.0, float("nan")])
def test_an_amount_out_of_range_is_an_error(amount: float) -> None:
    with pytest.raises(SettingsError, match="smoothing"):
        Smoothing(amount)


def test_any_change_can_be_calmed() -> None:
    T = Nervous()
    calm, loose = (calmed(lambda img, u: T.translate(img), 0.8, held=held) for held in (True, False))
    clip = [noisy(scene(), i) for i in range(16)]
    changes = [flicker([change(img, np.zeros(1)) for img in clip]) for change in (calm, loose, lambda i, u: T(i))]
    assert changes[0] < changes[1] < changes[2]
