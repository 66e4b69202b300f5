"""Films and encoders: frames that hold together, and a network that learns to guess."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from latentart.errors import PictureError
from latentart.models.base import Generator
from latentart.projection import film, presets, restyle
from latentart.projection.project import Projector, Settings, as_targets
from latentart.projection.search import bank, encoder
from latentart.projection.search.prior import prior, sample_w


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        stages = (presets.Stage("w", 16, 20, 0.1), presets.Stage("w+", 16, 10, 0.1))
        patch.setitem(presets.PRESETS, "preview", presets.Preset(stages, 1, 1))
        yield


@pytest.fixture(scope="module")
def projector(G: Generator) -> Projector:
    return Projector.of(G, samples=32)


def walk(G: Generator, count: int) -> Tensor:
    """Pictures on a straight line between two samples, with grain that changes: what flickers."""
    a, b = sample_w(G, 2, 3)
    w = torch.stack([torch.lerp(a, b, 0.3 * i / count) for i in range(count)])
    with torch.no_grad():
        img = G.synthesis(w[:, None].expand(-1, G.num_ws, -1))
    return (img + 0.1 * torch.randn(img.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)


def test_a_clip_flickers_less_than_its_frames_alone(projector: Projector, G: Generator) -> None:
    targets = as_targets(G, walk(G, 5), None)
    settings = Settings("preview", "w+")
    seen: list[tuple[int, int]] = []
    held = film.project_clip(projector, targets, settings, steps=10, on_frame=lambda *at: seen.append(at))
    alone = torch.cat([found.ws for found in projector.project(targets, settings)])
    assert held.shape == (5, G.num_ws, G.w_dim)
    assert film.jitter(G.synthesis(held)) < film.jitter(G.synthesis(alone))
    assert seen == [(i, 5) for i in range(1, 6)]


def test_smoothness_holds_codes_together(projector: Projector, G: Generator) -> None:
    targets = as_targets(G, walk(G, 3), None)
    loose, tight = (
        film.project_clip(projector, targets, Settings("preview", "w"), steps=10, smoothness=s) for s in (0.0, 10.0)
    )
    assert tight.diff(dim=0).norm() < loose.diff(dim=0).norm()


def test_steady_motion_is_no_jitter() -> None:
    img = torch.arange(4.0).view(4, 1, 1, 1).expand(-1, 3, 2, 2)
    assert film.jitter(img) == 0
    assert film.jitter(img[[0, 1, 0, 1]]) == 2


def test_what_is_no_film_is_said(G: Generator, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no film")
    with pytest.raises(PictureError, match="cannot read film"):
        film.read_frames(tmp_path / "a.mp4", G)
    with pytest.raises(PictureError, match="cannot read film"):
        film.read_frames(tmp_path / "none.mp4", G)


def test_an_encoder_learns_from_samples_alone(G: Generator) -> None:
    known = prior(G, samples=2000)
    torch.manual_seed(0)
    net = encoder.Encoder(G.img_channels, G.w_dim)
    losses: list[float] = []
    encoder.teach(net, G, known, steps=60, watch=lambda step, loss: losses.append(loss))
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:5])


def test_an_encoder_is_kept_and_read_again(
    G: Generator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    known = prior(G, samples=500)
    monkeypatch.setattr(encoder, "STEPS", 2)
    assert encoder.encoder(G, known) is None
    trained = encoder.encoder(G, known, train=True)
    again = encoder.encoder(G, known)
    assert trained is not None
    assert again is not None
    img = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(trained(img), again(img))
    path = encoder.cache.place("encoders", f"{bank.fingerprint(G)[:24]}.safetensors")
    path.write_bytes(b"damaged")
    assert encoder.encoder(G, known) is None
    assert "searches begin in the bank" in caplog.text
    path.unlink()


def test_a_damaged_bank_is_made_again(projector: Projector, G: Generator, caplog: pytest.LogCaptureFixture) -> None:
    path = bank.cache.place("banks", f"{bank.fingerprint(G)[:24]}-{projector.features.name}-32.safetensors")
    path.write_bytes(b"damaged")
    made = bank.bank(G, projector.features, 32)
    assert "making it again" in caplog.text
    torch.testing.assert_close(made.w, projector.bank.w)
    assert torch.equal(bank.bank(G, projector.features, 32).w, made.w)


def test_the_nearest_sample_is_the_picture_itself(projector: Projector, G: Generator) -> None:
    with torch.no_grad():
        img = G.synthesis(projector.bank.w[[7, 20], None].expand(-1, G.num_ws, -1))
    looks = bank.look(projector.features, img)
    assert projector.bank.nearest(looks, 1).flatten().tolist() == [7, 20]
    mask = torch.ones(2, 1, 16, 16)
    mask[1, ..., 8:] = 0
    assert projector.bank.nearest(looks, 1, mask).flatten().tolist() == [7, 20]


def test_a_region_takes_on_another_pictures_texture(projector: Projector, G: Generator) -> None:
    a, b = sample_w(G, 2, 11)[:, None, None].expand(-1, -1, G.num_ws, -1)
    mask = torch.zeros(1, 1, *G.img_size)
    mask[..., 8:] = 1
    with torch.no_grad():
        before, style = G.synthesis(a), G.synthesis(b)
    after = G.synthesis(restyle.restyle(projector, a, style, mask, weight=1.0, steps=25))
    wanted = restyle.gram(projector.features, style, torch.ones_like(mask))
    near, far = (restyle.gram(projector.features, img, mask).sub(wanted).norm() for img in (after, before))
    assert near < 0.9 * far
    held, changed = ((after - before).square() * m for m in (1 - mask, mask))
    assert held.sum() < changed.sum()
