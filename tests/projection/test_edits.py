"""Edits, the prior, noise, descent and placement: arithmetic that can be checked by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from conftest import tiny
from torch import Tensor

from latentart.errors import SettingsError
from latentart.models.base import Generator
from latentart.projection import edits
from latentart.projection.search import align, noise, pyramid
from latentart.projection.search.optimize import Schedule, Variables, descend
from latentart.projection.search.prior import prior, sample_w


def test_morph_goes_from_one_to_the_other() -> None:
    a, b = torch.zeros(1, 4, 2), torch.ones(1, 4, 2)
    assert edits.morph(a, b, 0.25).unique().tolist() == [0.25]
    assert edits.morph(a, b, 1.5).unique().tolist() == [1.5]


def test_crossover_takes_half_of_the_rows_by_default() -> None:
    a, b = torch.zeros(2, 6, 1), torch.ones(1, 6, 1)
    assert edits.crossover(a, b)[1, :, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert edits.crossover(a, b, 5)[0, :, 0].tolist() == [0, 0, 0, 0, 0, 1]
    with pytest.raises(SettingsError, match="7 rows of content: this model has 6"):
        edits.crossover(a, b, 7)


def test_transfer_leaves_rows_that_hardly_changed() -> None:
    ws, before = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)
    after = torch.tensor([[[0.1, 0.0], [3.0, 4.0]]])
    assert edits.transfer(ws, before, after, 2.0, threshold=1.0).tolist() == [[[0, 0], [6, 8]]]
    assert edits.transfer(ws, before, after).tolist() == after.tolist()


def test_paste_keeps_the_background_and_has_a_soft_seam() -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 16:] = 1
    out = edits.paste(torch.ones(1, 1, 32, 32), -torch.ones(1, 1, 32, 32), mask, feather=0.1)
    assert out[..., :16].unique().tolist() == [-1]
    assert out[0, 0, 16, 31] > 0.99
    row = out[0, 0, 16, 16:]
    assert bool((row.diff() >= -1e-6).all())
    assert ((row > -0.9) & (row < 0.9)).sum() >= 3


def test_splice_takes_each_side_from_its_code(G: Generator) -> None:
    ws = torch.randn(2, G.num_ws, G.w_dim, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, *G.img_size)
    mask[..., 8:] = 1
    out = edits.splice(G, ws[:1], ws[1:], mask)
    torch.testing.assert_close(out[..., :8], G.synthesis(ws[:1])[..., :8])
    torch.testing.assert_close(out[..., -1], G.synthesis(ws[1:])[..., -1], atol=0.05, rtol=0)


def test_whitening_has_an_inverse_and_makes_own_codes_normal(G: Generator) -> None:
    known = prior(G, samples=4000)
    w = sample_w(G, 2000, 5)
    v = known.whiten(w)
    torch.testing.assert_close(known.colour(v), w, rtol=1e-3, atol=1e-3)
    assert known.norm(w[:, None]).mean().item() == pytest.approx(1, abs=0.15)
    assert known.norm(w[:1, None] + 5 * known.radius).item() > 10
    assert known.distance(w[:, None]).mean().item() == pytest.approx(1, abs=0.15)
    away = torch.zeros(1, 2, w.shape[1])
    away[0, 1, 0] = 3 * known.radius
    # One row of two, three radii away.
    assert known.distance(known.w_avg + away).item() == pytest.approx(4.5, rel=1e-4)
    assert known.w_avg.shape == (G.w_dim,)
    assert known.radius == pytest.approx(float((w - known.w_avg).square().sum(1).mean().sqrt()), rel=0.1)


def test_white_noise_is_told_from_a_pattern() -> None:
    rng = torch.Generator().manual_seed(0)
    white = {"a": torch.randn(2, 1, 32, 32, generator=rng)}
    smooth = {"a": torch.nn.functional.avg_pool2d(white["a"], 5, 1, 2)}
    noise.normalise(smooth)
    assert smooth["a"].square().mean((1, 2, 3)).tolist() == pytest.approx([1, 1], rel=1e-4)
    assert bool((noise.correlation(smooth) > 20 * noise.correlation(white)).all())
    alone = noise.correlation({"a": white["a"][1:]})
    torch.testing.assert_close(noise.correlation(white)[1:], alone)


@pytest.mark.parametrize("shape", [{}, {"init_res": (4, 6)}, {"img_channels": 1}], ids=str)
def test_the_pyramid_ends_in_the_full_picture(shape: dict[str, object]) -> None:
    G = tiny(**shape)
    ws = torch.randn(2, G.num_ws, G.w_dim, generator=torch.Generator().manual_seed(0))
    sizes = G.sizes
    assert sizes[-1] == G.img_resolution
    for size in sizes:
        img = pyramid.render(G, ws, size)
        assert max(img.shape[2:]) == size
        assert img.shape[:2] == (2, G.img_channels)
    torch.testing.assert_close(pyramid.render(G, ws, sizes[-1]), G.synthesis(ws))
    assert pyramid.nearest(G, sizes[0] + 1) == sizes[1]
    assert pyramid.nearest(G, 10_000) == G.img_resolution


def test_models_without_a_pyramid_render_in_full() -> None:
    assert tiny(architecture="resnet").sizes == [16]


@dataclass(frozen=True)
class Bowl:
    """Squared distance to a centre per picture."""

    centre: Tensor

    def loss(self, variables: Variables) -> Tensor:
        return (variables["x"] - self.centre).square().sum(dim=1)

    def settle(self, variables: Variables) -> None:
        pass

    def select(self, keep: Tensor) -> Bowl:
        return Bowl(self.centre[keep])


def test_descent_finds_each_ones_own_minimum_and_stops_there() -> None:
    centre = torch.tensor([[0.0, 0.0], [3.0, -2.0]])
    seen: list[int] = []

    def watch(step: int, losses: Tensor, best: Variables) -> None:
        seen.append(step)

    start = {"x": torch.zeros(2, 2)}
    best, losses = descend(Bowl(centre), start, Schedule(400, {"x": 0.2}, patience=40), watch)
    torch.testing.assert_close(best["x"], centre, atol=0.02, rtol=0)
    assert losses.max() < 1e-3
    assert start["x"].unique().tolist() == [0]
    finished, _ = descend(Bowl(centre), {"x": centre.clone()}, Schedule(400, {"x": 0.2}, patience=40), watch)
    assert len(seen) < 800
    torch.testing.assert_close(finished["x"], centre)


def test_the_best_step_is_kept_not_the_last() -> None:
    best, losses = descend(Bowl(torch.zeros(1, 1)), {"x": torch.full((1, 1), 0.1)}, Schedule(3, {"x": 5.0}, warm_up=0))
    assert best["x"].item() == pytest.approx(0.1)
    assert losses.item() == pytest.approx(0.01)


def test_rates_rise_and_fall_as_published() -> None:
    schedule = Schedule(1000, {})
    assert schedule.factor(0) == 0
    assert schedule.factor(0.025) == pytest.approx(0.5)
    assert schedule.factor(0.5) == 1
    assert schedule.factor(0.875) == pytest.approx(0.5)
    assert schedule.factor(1) == pytest.approx(0, abs=1e-9)


def test_moving_there_and_back() -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    img = torch.exp(-8 * ((x - 0.2) ** 2 + y**2))[None, None]
    place = torch.tensor([[0.2, 0.3, -0.2, 0.4]])
    assert torch.equal(align.move(img, torch.zeros(1, 4)), img) or torch.allclose(
        align.move(img, torch.zeros(1, 4)), img, atol=1e-5
    )
    there = align.move(img, place)
    assert (there - img).abs().max() > 0.1
    torch.testing.assert_close(align.move(there, place, back=True), img, atol=0.08, rtol=0)
