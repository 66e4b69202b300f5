"""Painting after other pictures: statistics, goals, regions, colours, films."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from latentart.errors import LatentartError, PictureError, SettingsError
from latentart.features.load import vgg16
from latentart.features.trunk import VGG16, Conv, Trunk, until
from latentart.painting import colours, motion
from latentart.painting.films import FilmPainter
from latentart.painting.gatys import StyleOptimizer, _carried, begin, fresh, paint, shares, sizes
from latentart.painting.goal import DEEP_LAYERS, STYLE_LAYERS, Goal, PaintingSettings, Style, prepared, roughness
from latentart.painting.moments import GramDistance, Moments, WassersteinDistance, mix, moments

SIDE = 32


def waves(side: int = SIDE, turn: float = 0.0, pitch: float = 0.9, phase: float = 0.0) -> Tensor:
    """Stripes, whose style everybody can see."""
    y, x = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    lines = torch.sin((x * math.cos(turn) + y * math.sin(turn)) * pitch + phase)
    return torch.stack([lines, lines * 0.4, -lines])[None]


def scene(side: int = SIDE, shift: float = 0.0) -> Tensor:
    """Soft blobs, different everywhere."""
    y, x = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    x = x + shift
    return torch.stack([torch.sin(x / 5) * torch.cos(y / 7), torch.sin(y / 6 + x / 11), torch.cos(x / 9)])[None] * 0.7


def style_distance(img: Tensor, style: Tensor) -> float:
    trunk = vgg16(average_pool=True)
    pairs = zip(trunk(img, ["relu1_1", "relu2_1"]), trunk(style, ["relu1_1", "relu2_1"]), strict=True)
    return sum(float(GramDistance(moments(b))(moments(a))) for a, b in pairs)


def test_moments_are_mean_and_gram() -> None:
    x = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0))
    flat = x[0].flatten(1)
    found = moments(x)
    torch.testing.assert_close(found.mean, flat.mean(1))
    torch.testing.assert_close(found.covariance, torch.cov(flat, correction=0))
    half = torch.zeros(1, 1, 6, 5)
    half[..., :3, :] = 1
    torch.testing.assert_close(moments(x, half).gram, moments(x[..., :3, :]).gram)


def test_mixing_moments_is_pooling_places() -> None:
    x = torch.randn(1, 3, 8, 4, generator=torch.Generator().manual_seed(0))
    mixed = mix([moments(x[..., :2, :]), moments(x[..., 2:, :])], [1, 3])
    torch.testing.assert_close(mixed.gram, moments(x).gram)


def test_wasserstein_distance_of_gaussians_with_one_axis_is_known() -> None:
    def gaussian(mean: list[float], spread: list[float]) -> Moments:
        m = torch.tensor(mean)
        return Moments(m, torch.diag(torch.tensor(spread)) + torch.outer(m, m))

    a, b = gaussian([0.0, 1.0], [4.0, 9.0]), gaussian([1.0, 1.0], [1.0, 1.0])
    # (0 - 1)^2 + (2 - 1)^2 + (3 - 1)^2 over the energy 1 + 1 + 1 + 1.
    assert float(WassersteinDistance(b)(a)) == pytest.approx(6 / 4, rel=0.02)
    assert float(WassersteinDistance(b)(b)) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("loss", ["gram", "wasserstein"])
def test_a_painting_has_the_style_and_keeps_the_content(loss: str) -> None:
    content, style = scene(), waves(turn=0.6)
    made = paint(content, [Style(style)], PaintingSettings(steps=16, scale=1.0, loss=loss))
    assert made.shape == content.shape
    assert float(made.abs().max()) <= 1
    assert style_distance(made, style) < 0.7 * style_distance(content, style)
    other = scene(shift=20)
    assert float((made - content).square().mean()) < float((made - other).square().mean())


def test_strength_reaches_from_the_content_to_the_style() -> None:
    content, style = scene(), waves()
    assert paint(content, [Style(style)], PaintingSettings(strength=0)) is content
    half, whole = (
        style_distance(paint(content, [Style(style)], PaintingSettings(steps=10, scale=1.0, strength=s)), style)
        for s in (0.4, 1.0)
    )
    assert whole < half < style_distance(content, style)


def test_shares_decide_between_styles() -> None:
    content, a, b = scene(), waves(turn=0), waves(turn=1.57)
    more_a, more_b = (
        paint(content, [Style(a, share), Style(b, 1 - share)], PaintingSettings(steps=10)) for share in (0.95, 0.05)
    )
    assert style_distance(more_a, a) < style_distance(more_b, a)
    assert style_distance(more_b, b) < style_distance(more_a, b)


def test_a_mask_holds_a_style_in_its_region() -> None:
    content, mask = scene(64), torch.zeros(1, 1, 64, 64)
    mask[..., :32] = 1
    made = paint(content, [Style(waves(64), mask=mask)], PaintingSettings(steps=12, tv=0))
    change = (made - content).abs().mean(dim=1)
    assert float(change[..., 44:].mean()) < 0.35 * float(change[..., :26].mean())


def test_what_no_mask_covers_belongs_to_the_styles_without() -> None:
    content = scene()
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., : SIDE // 4] = 1
    settings = PaintingSettings()
    styles = prepared([Style(waves(), mask=mask), Style(waves(turn=1))], content, settings)
    regions = Goal(vgg16(average_pool=True), content, styles, settings).regions
    assert [round(region.share, 1) for region in regions] == [0.2, 0.8] or sum(r.share for r in regions) == 1


def test_a_deeper_network_looks_for_larger_strokes() -> None:
    plan = until(VGG16, "relu4_1")
    rng = torch.Generator().manual_seed(0)
    state = {}
    for conv in (step for step in plan if isinstance(step, Conv)):
        state[f"{conv.name}.weight"] = torch.randn(conv.outputs, conv.inputs, 3, 3, generator=rng) * 0.03
        state[f"{conv.name}.bias"] = torch.zeros(conv.outputs)
    goal = Goal(
        Trunk(plan, state), scene(), prepared([Style(waves())], scene(), PaintingSettings()), PaintingSettings()
    )
    assert goal.layers == DEEP_LAYERS
    assert float(goal(scene())) > 0
    assert Goal(vgg16(), scene(), [Style(waves())], PaintingSettings()).layers == STYLE_LAYERS


def test_noise_is_seeded() -> None:
    content = scene()
    first, again, other = (begin(content, PaintingSettings(init="noise", seed=s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(begin(content, PaintingSettings()), content)


def test_sizes_double_and_steps_add_up() -> None:
    assert sizes((192, 192)) == [(96, 96), (192, 192)]
    assert sizes((300, 400)) == [(75, 100), (150, 200), (300, 400)]
    assert sizes((40, 400))[0] == (40, 400)
    assert shares(200, 2) == [100, 100]
    assert sum(shares(7, 3)) == 7


def test_moments_of_the_optimiser_are_carried_to_the_next_size() -> None:
    before = fresh(scene())
    img = before.param_groups[0]["params"][0]
    img.square().sum().backward()
    before.step()
    after = _carried(img, (80, 80), before)
    (state,) = after.state.values()
    assert state["exp_avg"].shape == (1, 3, 80, 80)
    assert float(state["exp_avg_sq"].min()) >= 0
    assert float(state["step"]) == 1


def test_luminance_keeps_the_colours() -> None:
    content, painted = scene(), waves()
    made = colours.with_luma_of(content, painted)
    torch.testing.assert_close(colours.luma(made), colours.luma(painted), atol=1e-5, rtol=0)
    assert float(made.abs().max()) <= 1 + 1e-5
    # The differences of the colours keep their direction.
    own, kept = (img - colours.luma(img) for img in (content, made))
    cosine = torch.nn.functional.cosine_similarity(own, kept, dim=1)
    assert float(cosine[kept.norm(dim=1) > 1e-3].min()) > 0.999


def test_a_matched_style_has_the_contents_colours() -> None:
    content, style = scene() * 0.3, scene(shift=13).flip(1, 2) * 0.4
    made = colours.matched(style, content)
    torch.testing.assert_close(made.mean((2, 3)), content.mean((2, 3)), atol=0.02, rtol=0)
    spread = [torch.cov(img[0].flatten(1)) for img in (made, content)]
    torch.testing.assert_close(spread[0], spread[1], atol=0.01, rtol=0.1)


def test_ctrl_c_keeps_the_painting_so_far() -> None:
    painter = StyleOptimizer(scene(), [Style(waves())], PaintingSettings(steps=50))

    def stop(done: int, total: int, draw: object) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        painter.run(stop)
    assert (painter.done, painter.total) == (5, 50)
    assert 0 < float((painter.picture - painter.content).abs().mean()) < 1


BAD = [
    (SettingsError, {}, {"loss": "mean"}),
    (SettingsError, {}, {"keep_colours": "all"}),
    (SettingsError, {}, {"init": "black"}),
    (SettingsError, {}, {"steps": 0}),
    (SettingsError, {}, {"style": float("nan")}),
    (SettingsError, {}, {"scale": 0.0}),
    (SettingsError, {}, {"strength": 1.5}),
    (SettingsError, {}, {"seed": -1}),
    (SettingsError, {}, {"features": "vgg61"}),
    (SettingsError, {"share": -1.0}, {}),
    (SettingsError, {"share": 0.0}, {}),
    (PictureError, {"picture": torch.zeros(1, 3, 8, 40)}, {}),
]


@pytest.mark.parametrize(("kind", "style", "settings"), BAD)
def test_bad_settings_say_so(kind: type[LatentartError], style: dict, settings: dict) -> None:
    with pytest.raises(kind) as caught:
        paint(scene(), [Style(**{"picture": waves(), **style})], PaintingSettings(**settings))
    assert "\n" not in str(caught.value)


def test_too_small_a_picture_and_no_style_say_so() -> None:
    with pytest.raises(PictureError, match="20x20 is too small to paint"):
        paint(scene(20), [Style(waves())])
    with pytest.raises(SettingsError, match="no style"):
        paint(scene(), [])


def test_roughness_sees_noise() -> None:
    assert float(roughness(waves())) > float(roughness(scene())) > 0 == float(roughness(torch.ones(1, 3, 4, 4)))


@pytest.mark.parametrize(("dx", "dy"), [(3.0, 0.0), (-2.0, 1.5)])
def test_flow_finds_a_shift(dx: float, dy: float) -> None:
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")

    def seen(u: Tensor, v: Tensor) -> Tensor:
        grey = torch.sin(u / 3 + torch.sin(v / 4)) * torch.cos(v / 5 + u / 9)
        return torch.stack([grey, grey, grey])[None] * 0.8

    before, now = seen(x, y), seen(x + dx, y + dy)
    found = motion.flow(now, before)
    inside = found[0, :, 10:-10, 10:-10].mean((1, 2))
    assert inside.tolist() == pytest.approx([dx, dy], abs=0.3)
    warped = motion.warp(before, found)
    assert float((warped - now)[..., 10:-10, 10:-10].abs().mean()) < 0.03
    assert float(motion.confidence(now, warped)[..., 10:-10, 10:-10].mean()) > 0.9
    assert float(motion.confidence(now, before).mean()) < 0.6


def test_flow_of_a_still_picture_is_nothing() -> None:
    assert float(motion.flow(scene(), scene()).abs().max()) < 1e-3


def test_a_painted_film_holds_its_strokes() -> None:
    noise = torch.Generator().manual_seed(0)
    frames = [scene() + 0.02 * torch.randn(1, 3, SIDE, SIDE, generator=noise) for _ in range(3)]
    settings = PaintingSettings(steps=8, scale=1.0)
    held, loose = (FilmPainter([Style(waves())], settings, steps=4, consistency=c) for c in (30.0, 0.0))
    clips = [[painter(f, np.zeros(1)) for f in frames] for painter in (held, loose)]
    alone = [paint(f, [Style(waves())], settings) for f in frames]
    changes = [float(torch.cat(clip).diff(dim=0).abs().mean()) for clip in (*clips, alone)]
    assert changes[0] < changes[1]
    assert changes[0] < 0.7 * changes[2]
    assert style_distance(clips[0][-1], waves()) < 0.8 * style_distance(frames[-1], waves())
