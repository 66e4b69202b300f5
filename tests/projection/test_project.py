"""Projection on generators small enough for every test: what is found, for whom, and what is said when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tiny
from torch import Tensor

import latentart
from latentart.errors import SettingsError
from latentart.features import load as features_load
from latentart.models.base import Generator
from latentart.projection import presets
from latentart.projection.presets import Preset, Stage
from latentart.projection.project import Projector, Settings, _layout, as_targets, project
from latentart.projection.search.loss import likeness, visible
from latentart.projection.settings import Step

QUICK = Preset(
    (Stage("w", 8, 10, 0.2), Stage("w", 16, 20, 0.1), Stage("w+", 16, 20, 0.1, 10)),
    noise_steps=20,
    tune_steps=8,
    starts=2,
)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(presets.PRESETS, "preview", QUICK)
        yield


@pytest.fixture(scope="module")
def projector(G: Generator) -> Projector:
    return Projector.of(G, samples=64)


def samples(G: Generator, count: int, seed: int = 7) -> Tensor:
    z = torch.from_numpy(np.random.RandomState(seed).randn(count, G.z_dim)).float()
    c = torch.eye(G.c_dim)[:count] if G.c_dim else None
    return G(z, c, truncation_psi=0.7).clamp(-1, 1)


def distances(G: Generator, ws: Tensor, target: Tensor) -> Tensor:
    return features_load.lpips()(G.synthesis(ws), target)


def test_own_samples_are_found(projector: Projector, G: Generator) -> None:
    target = samples(G, 2)
    found = projector.project(as_targets(G, target, None), Settings("preview", "w"))
    average = distances(G, G.w_avg.expand(2, G.num_ws, -1), target)
    assert bool((distances(G, torch.cat([p.ws for p in found]), target) < 0.5 * average).all())


def test_w_has_equal_rows_and_w_plus_is_closer(projector: Projector, G: Generator) -> None:
    target = -samples(G, 1)
    w, wplus = (projector.project(as_targets(G, target, None), Settings("preview", s))[0].ws for s in ("w", "w+"))
    assert bool((w == w[:, :1]).all())
    assert not bool((wplus == wplus[:, :1]).all())
    assert distances(G, wplus, target) < distances(G, w, target)


def test_a_batch_gives_what_single_pictures_give(projector: Projector, G: Generator) -> None:
    targets = as_targets(G, samples(G, 3), None)
    settings = Settings("preview", "w+", noise=True)
    together = projector.project(targets, settings)
    alone = projector.project(targets[1:2], settings)[0]
    torch.testing.assert_close(together[1].render(G), alone.render(G), rtol=0, atol=0.05)
    assert together[1].settings["projection"]["losses"]["noise"] == pytest.approx(
        alone.settings["projection"]["losses"]["noise"], rel=0.05
    )


def test_the_same_seed_gives_the_same_codes(projector: Projector, G: Generator) -> None:
    targets = as_targets(G, samples(G, 1), None)
    first, again = (projector.project(targets, Settings("preview", tune=True))[0] for _ in range(2))
    assert torch.equal(first.ws, again.ws)
    assert all(torch.equal(first.delta[name], again.delta[name]) for name in first.delta)


def test_noise_and_tuning_come_closer_each(projector: Projector, G: Generator) -> None:
    target = -samples(G, 1)
    far = []
    for noise, tune in ((False, False), (True, False), (True, True)):
        found = projector.project(as_targets(G, target, None), Settings("preview", noise=noise, tune=tune))[0]
        img = found.render(G)
        far.append(float(features_load.lpips()(img, target) + (img - target).square().mean()))
    assert far[2] < far[1] < far[0]


def test_the_users_generator_is_left_as_it_was(projector: Projector, G: Generator) -> None:
    before = {name: value.clone() for name, value in G.state_dict().items()}
    projector.project(as_targets(G, samples(G, 1), None), Settings("preview", noise=True, tune=True))
    assert all(torch.equal(before[name], value) for name, value in G.state_dict().items())


def test_a_search_that_begins_anew_keeps_what_was_better(
    projector: Projector, G: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, short = Stage("w", 16, 30, 0.1, pixels=1.0), Stage("w", 16, 1, 0.1, pixels=1.0)
    targets, found = as_targets(G, samples(G, 2), None), []
    for stages in ((long,), (long, replace(short, anew=True)), (short, replace(long, anew=True)), (short, long)):
        monkeypatch.setitem(presets.PRESETS, "preview", Preset((), 1, 1, alone=stages))
        found.append(torch.cat([made.ws for made in projector.project(targets, Settings("preview", "w"))]))
    torch.testing.assert_close(found[1], found[0])
    torch.testing.assert_close(found[2], found[0])
    assert not torch.allclose(found[3], found[0])


def test_many_pictures_are_taken_a_few_at_a_time(
    projector: Projector, G: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = as_targets(G, samples(G, 3), None)
    whole = projector.project(targets, Settings("preview", "w"))
    monkeypatch.setattr("latentart.projection.prepared.PIXELS_AT_ONCE", {"cpu": 2 * 16 * 16})
    assert projector.at_once == 2
    for made, other in zip(projector.project(targets, Settings("preview", "w")), whole, strict=True):
        torch.testing.assert_close(made.ws, other.ws, rtol=0, atol=0.02)


def test_what_lies_beyond_black_and_white_is_no_fault(G: Generator) -> None:
    white = torch.ones(1, 3, 16, 16)
    near = likeness(features_load.lpips(), white, 16, pixel_weight=1.0, cut=True)
    assert float(near(1.3 * white)) == pytest.approx(0, abs=1e-6)
    img = (-1.3 * white).requires_grad_()
    (slope,) = torch.autograd.grad(near.squares(visible(img)).sum(), [img])
    assert bool((slope < 0).all())


def test_codes_of_w_plus_are_held_near_the_models_own(projector: Projector, G: Generator) -> None:
    targets = as_targets(G, -samples(G, 1), None)
    free, held = (
        projector.project(targets, Settings("preview", "w+", norm_weight=weight))[0].ws for weight in (0.0, 0.02)
    )
    assert projector.prior.norm(held) < projector.prior.norm(free)
    assert projector.prior.distance(held) < projector.prior.distance(free)


def test_two_looks_at_once_are_the_sum_of_both(projector: Projector, G: Generator) -> None:
    target, img = samples(G, 2), -samples(G, 2)
    near, closer = (likeness(projector.features, target, size, pixel_weight=0.5) for size in (8, 16))
    both = replace(near, closer=closer)
    torch.testing.assert_close(both(img), near(img) + closer(img))
    torch.testing.assert_close(both.select(torch.tensor([1]))(img[1:]), both(img)[1:])


def test_a_stage_with_two_looks_is_compared_in_both(
    projector: Projector, G: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = (Stage("w+", 8, 4, 0.1), Stage("w+", 8, 4, 0.1, closer=16))
    monkeypatch.setitem(presets.PRESETS, "preview", Preset(stages, noise_steps=1, tune_steps=1))
    found = projector.project(as_targets(G, -samples(G, 1), None), Settings("preview", "w+"))[0]
    losses = found.settings["projection"]["losses"]
    assert losses["w+ 8+16"] > losses["w+ 8"]


def test_a_mask_says_what_counts(projector: Projector, G: Generator) -> None:
    a, b = samples(G, 2)
    mask = torch.zeros(1, 1, *G.img_size)
    mask[..., : G.img_size[1] // 2] = 1
    mixed = a * mask[0] + b * (1 - mask[0])
    settings = Settings("preview", "w")
    seen = projector.project(as_targets(G, mixed[None], mask), settings)[0].render(G)
    blind = projector.project(as_targets(G, mixed[None], None), settings)[0].render(G)
    left = slice(0, G.img_size[1] // 2)
    assert (seen - a)[..., left].square().mean() < (blind - a)[..., left].square().mean()


@pytest.mark.parametrize(
    "shape",
    [{"c_dim": 3}, {"img_channels": 1}, {"img_channels": 4}, {"init_res": (4, 6)}, {"architecture": "resnet"},
     {"use_noise": False}, {"resolution": 32}],
    ids=str,
)  # fmt: skip
def test_every_kind_of_generator(shape: dict[str, object]) -> None:
    G = tiny(**shape)
    # All tiny generators claim the same file; without one, the bank goes by the weights.
    G.sha256 = ""
    own = Projector.of(G, samples=16)
    target = samples(G, 1)
    found = own.project(as_targets(G, target, None), Settings("preview", tune=True))[0]
    assert found.ws.shape == (1, G.num_ws, G.w_dim)
    start = G.w_avg.expand(1, G.num_ws, -1)
    assert distances(G, found.ws, target) < distances(G, start, target)
    assert found.render(G).shape == target.shape


def test_noise_for_a_model_without_any_says_so() -> None:
    G = tiny(use_noise=False)
    G.sha256 = ""
    with pytest.raises(SettingsError, match="leave out --noise"):
        Projector.of(G, samples=16).project(as_targets(G, samples(G, 1), None), Settings("preview", noise=True))


def test_on_step_sees_the_whole_search(projector: Projector, G: Generator) -> None:
    steps: list[Step] = []
    projector.project(as_targets(G, samples(G, 2), None), Settings("preview", tune=True), steps.append)
    done = [s.done for s in steps]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1, abs=0.2)
    assert list(dict.fromkeys(s.stage for s in steps)) == ["w 8 x2", "w 16", "w+ 16", "tune"]
    assert steps[0].ws is not None
    assert steps[0].ws.shape == (2, G.num_ws, G.w_dim)
    assert steps[-1].ws is None


def test_strangers_are_warned_of(projector: Projector, G: Generator, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings("preview", "w")
    projector.project(as_targets(G, samples(G, 1), None), settings)
    assert not caplog.records
    y, x = np.mgrid[0:16, 0:16]
    checks = torch.from_numpy(((x // 2 + y // 2) % 2 * 2 - 1).astype(np.float32)).expand(1, 3, -1, -1)
    projector.project([replace(as_targets(G, checks, None)[0], name="checks")], settings)
    assert "checks is unlike anything tiny draws" in caplog.text


def test_the_published_schedule_is_a_preset(
    projector: Projector, G: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latentart.projection.search.nvidia.STEPS", 60)
    target = samples(G, 1)
    found = projector.project(as_targets(G, target, None), Settings("nvidia"))[0]
    assert bool((found.ws == found.ws[:, :1]).all())
    assert not found.noise
    assert distances(G, found.ws, target) < distances(G, G.w_avg.expand(1, G.num_ws, -1), target)


def test_align_finds_a_shifted_picture(projector: Projector, G: Generator) -> None:
    target = torch.roll(samples(G, 1), (2, -1), dims=(2, 3))
    settings = Settings("preview", "w")
    targets = as_targets(G, target, None)
    both = [projector.project(targets, replace(settings, align=align))[0] for align in (False, True)]
    straight, aligned = (found.settings["projection"] for found in both)
    assert aligned["losses"]["w 16"] < straight["losses"]["w 16"]
    assert len(aligned["place"]) == 4
    assert straight["place"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "standart"}, "did you mean standard"),
        ({"space": "w++"}, "did you mean w+"),
        ({"seed": -1}, "out of range"),
        ({"preset": "nvidia", "tune": True}, "leave out"),
        ({"features": "vgg17"}, "did you mean vgg16"),
    ],
)
def test_wrong_settings_are_named(G: Generator, options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        project(G, torch.zeros(1, 3, 16, 16), **options)  # type: ignore[arg-type]


def test_pictures_of_another_shape_are_named(G: Generator) -> None:
    with pytest.raises(SettingsError, match=r"\[1, 3, 8, 8\], this model draws \['N', 3, 16, 16\]"):
        project(G, torch.zeros(1, 3, 8, 8))


def test_project_is_at_the_top(tmp_path: Path) -> None:
    assert latentart.project is project


@pytest.mark.parametrize(("device", "layout"), [("cpu", torch.channels_last), ("cuda", torch.contiguous_format)])
def test_weights_lie_as_the_device_is_faster(device: str, layout: torch.memory_format) -> None:
    assert _layout(torch.device(device)) == layout
