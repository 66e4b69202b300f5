"""The cartoon without a network: what it makes of known pictures, and how calm it is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.translators.cartoon import ink
from latentart.translators.cartoon.guided_filter import box, guided_filter
from latentart.translators.cartoon.oklab import from_oklab, to_oklab
from latentart.translators.load import load_translator, names
from latentart.weights.checkpoint import Contents, Origin


def noise(*size: int) -> Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(3))


def disc(size: int = 96) -> Tensor:
    """A bright disc on dark ground, [1, 3, size, size] in [-1, 1]."""
    at = torch.arange(size) - size / 2
    inside = (at[:, None] ** 2 + at**2 < (size / 3) ** 2).float()
    return (inside * 1.2 - 0.6).expand(1, 3, -1, -1).clone()


@pytest.mark.parametrize("name", ["ink", "cartoon"])
def test_it_has_names_and_needs_no_file(name: str) -> None:
    T = load_translator(name, "cpu")
    assert (T.family, T.name, T.licence) == ("ink", "ink", ink.LICENCE)
    assert name in names()
    assert "lines 1" in T.inferred


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 61), (64, 48), (33, 200)])
def test_any_size_is_drawn_and_the_same_twice(height: int, width: int) -> None:
    img = noise(1, 3, height, width) * 2 - 1
    T = load_translator("ink", "cpu")
    made = T.translate(img)
    assert made.shape == img.shape
    assert torch.equal(made, T.translate(img))
    assert torch.isfinite(made).all()


def test_pictures_of_a_batch_do_not_see_each_other() -> None:
    img = noise(2, 3, 40, 52) * 2 - 1
    T = load_translator("ink", "cpu")
    torch.testing.assert_close(T.translate(img)[1:], T.translate(img[1:]), atol=1e-3, rtol=0)


def test_colours_go_to_oklab_and_back() -> None:
    img = noise(1, 3, 16, 16) * 2 - 1
    torch.testing.assert_close(from_oklab(to_oklab(img)), img, atol=2e-4, rtol=0)
    white, red = to_oklab(torch.ones(1, 3, 1, 1)), to_oklab(torch.tensor([1.0, -1, -1])[None, :, None, None])
    torch.testing.assert_close(white.flatten(), torch.tensor([1.0, 0, 0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(red.flatten(), torch.tensor([0.62796, 0.22486, 0.12585]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("radius", [1, 2, 3, 6])
def test_the_box_counts_what_is_there(radius: int) -> None:
    x, r = noise(2, 3, 9, 16), radius
    wanted = torch.nn.functional.avg_pool2d(x, 2 * r + 1, 1, r, count_include_pad=False)
    torch.testing.assert_close(box(x, r), wanted)
    assert box(x, r)[0, 0, 0, 0] == pytest.approx(x[0, 0, : r + 1, : r + 1].mean().item())


def test_the_guided_filter_smooths_grain_and_keeps_edges() -> None:
    edge = torch.cat([torch.zeros(1, 1, 32, 16), torch.ones(1, 1, 32, 16)], dim=3)
    grainy = edge + (noise(1, 1, 32, 32) - 0.5) * 0.1
    made = guided_filter(grainy, grainy, 3, 0.02)
    assert (made - edge)[..., 4:-4, 4:12].std() < 0.3 * (grainy - edge)[..., 4:-4, 4:12].std()
    assert (made[..., 16] - made[..., 15]).mean() > 0.7


def test_an_edge_gets_a_line_on_its_dark_side_and_a_plain_none() -> None:
    lightness = to_oklab(disc())[:, :1]
    lines = ink.drawn(lightness, 1.0)[0, 0]
    assert lines[48, 8:20].max() > 0.9
    assert lines[40:56, 40:56].max() < 0.05
    assert torch.all(ink.drawn(torch.full((1, 1, 40, 40), 0.5), 1.0) == 0)


def test_directions_run_along_edges() -> None:
    stripes = torch.linspace(0, 12, 64).sin()[None, None, :, None].expand(1, 1, 64, 64)
    flow = ink.tangents(stripes, 2.0)[0, :, 8:-8, 8:-8]
    assert flow[0].abs().min() > 0.99
    x = noise(1, 1, 64, 64)
    assert (
        ink.along(x, torch.tensor([1.0, 0]).view(1, 2, 1, 1).expand(1, 2, 64, 64), 1.0)[..., 20:44].std() < x.std() / 2
    )


def test_lightness_is_drawn_to_the_middles_of_steps_without_jumps() -> None:
    ramp = torch.linspace(0, 1, 2001)[None, None, None].expand(1, 1, 3, -1).contiguous()
    made = ink.stepped(ramp, 4)[0, 0, 1]
    for middle in (0.125, 0.375, 0.625, 0.875):
        assert made[round(middle * 2000)] == pytest.approx(middle, abs=1e-3)
    assert made.diff().min() > -1e-4
    assert made.diff().max() < 0.002
    near = (made - 0.125).abs()[50:450]
    assert near.median() < (ramp[0, 0, 1] - 0.125).abs()[50:450].median() / 2


def test_grain_flickers_less_than_it_did() -> None:
    still = torch.nn.functional.interpolate(noise(1, 3, 6, 6), size=(96, 96), mode="bicubic").clamp(0, 1) * 2 - 1
    frames = still + torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(1)) * 0.02
    T = load_translator("ink", "cpu")
    assert T.translate(frames).std(0).mean() < frames.std(0).mean()


def test_switches_change_the_picture_and_nothing_is_left_of_it_without() -> None:
    img = disc() * 0.5 + (noise(1, 3, 96, 96) - 0.5) * 0.2
    plain = load_translator("ink", "cpu", lines=0, levels=0, smoothness=0)
    made = plain.translate(img)
    assert (made.mean(1) - img.mean(1)).abs().mean() < 0.05
    assert (
        load_translator("ink", "cpu", lines=2).translate(img).mean()
        < load_translator("ink", "cpu").translate(img).mean()
    )
    assert load_translator("ink", "cpu", levels=0).inferred == ("lines 1", "levels 0", "smoothness 1")


@pytest.mark.parametrize("switch", [{"lines": -1}, {"levels": 33}, {"smoothness": float("nan")}, {"lines": "thick"}])
def test_switches_out_of_range_are_errors(switch: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(switch))} .* is out of range"):
        load_translator("ink", "cpu", **switch)


def test_what_cannot_be_drawn_is_an_error(tmp_path) -> None:
    with pytest.raises(PictureError, match="too small for ink"):
        load_translator("ink", "cpu").translate(torch.zeros(1, 3, 7, 100))
    with pytest.raises(SettingsError, match="unknown switch of ink 'line'"):
        load_translator("ink", "cpu", line=1)
    with pytest.raises(WeightsError, match="has none: load it as 'ink'"):
        ink.convert({}, Origin(tmp_path, "", Contents({})))
