"""The instrument: the same operations at the same frames give the same pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from latentart import seeds, walks
from latentart.latent import space, walk_options
from latentart.latent.path import Path
from latentart.live.control.params import WALKS
from latentart.live.play.directions import Directions, directions_of
from latentart.live.play.instrument import Instrument
from latentart.live.play.painter import Painter, dimmed, rgb
from latentart.live.play.sources import Sources
from latentart.walks.keyframes import keyframes


def play(instrument, frames, **values):
    if values:
        instrument.apply({"set": {name.replace("__", "/"): value for name, value in values.items()}})
    for _ in range(frames):
        instrument.tick()
    return instrument.shot()


def settled(G, **values):
    """An instrument that has arrived."""
    instrument = Instrument(G, 60)
    return instrument, play(instrument, 120, **{"walk__glide": 0, "walk__play": False, "psi": 1.0, **values})


def ws_of(G, seed, psi=1.0, **kwargs):
    return space.to_ws(G, seeds.z(seed, G.z_dim), psi=psi, **kwargs)


def test_hold_shows_the_seed(G):
    _, shot = settled(G, walk__mode="hold", seed=7)
    torch.testing.assert_close(shot.ws, ws_of(G, 7))


def test_psi_and_cutoff_are_those_of_the_model(G):
    _, shot = settled(G, walk__mode="hold", seed=7, psi=0.5, cutoff=3)
    torch.testing.assert_close(shot.ws, ws_of(G, 7, psi=0.5, cutoff=3))


def test_keyframes_are_those_of_a_film(G):
    path: Path = keyframes(G, seeds=[7, 8, 9, 10], seconds=1, psi=1.0)
    _, shot = settled(G, walk__mode="keyframes", seed=7, walk__count=4, walk__phase=0.3)
    torch.testing.assert_close(shot.ws, path(0.3))


def test_the_plane_has_seeds_at_its_crossings(G):
    _, shot = settled(G, walk__mode="plane", latent__x=3, latent__y=2)
    torch.testing.assert_close(shot.ws, ws_of(G, 203))
    _, shot = settled(G, walk__mode="plane", latent__x=3.5, latent__y=2)
    torch.testing.assert_close(shot.ws, (ws_of(G, 203) + ws_of(G, 204)) / 2)


@pytest.mark.parametrize("mode", ["orbit", "drift"])
def test_radius_zero_is_home(G, mode):
    _, shot = settled(G, walk__mode=mode, seed=7, walk__radius=0)
    torch.testing.assert_close(shot.ws, ws_of(G, 7))
    _, far = settled(G, walk__mode=mode, seed=7, walk__radius=1, walk__phase=0.3)
    assert (far.ws - shot.ws).abs().max() > 0.05


def test_given_latents(G):
    w = np.random.RandomState(0).randn(G.num_ws, G.w_dim)
    _, shot = settled(G, walk__mode="latent", latent__w=list(w.ravel()))
    torch.testing.assert_close(shot.ws[0], torch.from_numpy(w).float())
    _, shot = settled(G, walk__mode="latent", latent__w=list(w[0]))
    torch.testing.assert_close(shot.ws[0, 3], torch.from_numpy(w[0]).float())
    _, shot = settled(G, walk__mode="latent", latent__z=list(seeds.z(7, G.z_dim)[0]))
    torch.testing.assert_close(shot.ws, ws_of(G, 7))
    _, shot = settled(G, walk__mode="latent", latent__z=[1.0, 2.0])
    torch.testing.assert_close(shot.ws[0, 0], G.w_avg)


def test_styles_fill_their_rows(G):
    _, shot = settled(G, walk__mode="hold", seed=7, style__coarse__seed=3, style__coarse__amount=1)
    rows = space.rows(G.num_ws, "coarse")
    torch.testing.assert_close(shot.ws[:, rows], ws_of(G, 3)[:, rows])
    rest = [row for row in range(G.num_ws) if row not in rows]
    torch.testing.assert_close(shot.ws[:, rest], ws_of(G, 7)[:, rest])


def test_classes_mix(G_classes):
    a = space.to_ws(G_classes, seeds.z(7, G_classes.z_dim), np.eye(4)[[1]])
    b = space.to_ws(G_classes, seeds.z(7, G_classes.z_dim), np.eye(4)[[2]])
    for mix, wanted in ((0, a), (1, b), (0.5, (a + b) / 2)):
        _, shot = settled(G_classes, walk__mode="hold", seed=7, class__a=1, class__b=2, class__mix=mix)
        torch.testing.assert_close(shot.ws, wanted)
    # A class that the model has not is one that it has.
    _, shot = settled(G_classes, walk__mode="hold", seed=7, class__a=5)
    torch.testing.assert_close(shot.ws, a)


def test_directions_push(G):
    rows = tuple(np.repeat(row[None], G.num_ws, axis=0) for row in np.eye(G.w_dim)[:2])
    instrument = Instrument(G, 60, Directions(("one", "two"), rows, (lambda t: t, lambda t: t)))
    before = play(instrument, 60, walk__mode="hold", psi=1.0).ws
    after = play(instrument, 120, dir__2__amount=3.0).ws
    assert (after - before)[0, :, 1].tolist() == pytest.approx([3.0] * G.num_ws, abs=1e-4)


def test_a_model_without_a_file_of_directions_has_some(G):
    found, again = directions_of(G, "none"), directions_of(G, "none")
    assert len(found.names) == 16
    assert found.digest == again.digest
    ws = np.zeros((G.num_ws, G.w_dim))
    assert np.array_equal(found.push(ws, lambda i: 0.0), ws)
    pushed = found.push(ws, lambda i: float(i == 3))
    np.testing.assert_allclose(pushed, found.rows[3] * found.far[3](np.asarray(1.0)))


def test_a_change_of_seed_glides(G):
    instrument, before = settled(G, walk__mode="hold", seed=7, walk__glide=1.0)
    first = play(instrument, 1, seed=20)
    middle = play(instrument, 29)
    last = play(instrument, 30)
    total = (last.ws - before.ws).norm()
    assert (first.ws - before.ws).norm() < 0.02 * total
    assert 0.3 * total < (middle.ws - before.ws).norm() < 0.8 * total
    torch.testing.assert_close(last.ws, ws_of(G, 20))


def test_a_fade_carries_the_picture_along(G):
    instrument, _ = settled(G, walk__mode="hold", seed=7)
    instrument.apply({"set": {"seed": 20}, "fade": 0.5})
    assert not torch.equal(play(instrument, 10).ws, ws_of(G, 20))
    torch.testing.assert_close(play(instrument, 20).ws, ws_of(G, 20))


@pytest.mark.parametrize(("mode", "moves"), [("const", False), ("none", False), ("boil", True), ("random", True)])
def test_noise(G, mode, moves):
    instrument, one = settled(G, walk__mode="hold", noise__mode=mode)
    two = play(instrument, 1)
    assert (one.key != two.key) == moves
    painted = [Painter(G, only="eager").paint(shot)[0] for shot in (one, two)]
    assert np.array_equal(*painted) != moves
    instrument.apply({"set": {"master/freeze": True}})
    frozen = play(instrument, 1)
    assert play(instrument, 5).key == frozen.key


def test_noise_amount_scales_what_was_trained(G):
    _, shot = settled(G, noise__amount=2.0)
    stored = dict(G.synthesis.named_buffers())["b4.conv1.noise_const"]
    torch.testing.assert_close(shot.noise["b4.conv1"], stored * 2)
    assert not any(maps.any() for maps in settled(G, noise__amount=0.0)[1].noise.values())
    assert settled(G)[1].noise is None


SCRIPT = {
    0: {"set": {"noise/mode": "boil", "walk/speed": 1.5}},
    5: {"set": {"seed": 3, "psi": 1.1}, "fade": 0.4},
    17: {"set": {"walk/mode": "orbit"}},
    20: {"set": {"style/fine/amount": 0.6, "style/fine/seed": 4}},
    30: {"set": {"walk/mode": "drift"}, "at": "beat"},
    55: {"set": {"master/freeze": True}},
    60: {"set": {"master/freeze": False, "master/fade": 0.3}},
}


def pictures(G, wanted, snapshot_at=None):
    instrument, painter, found = Instrument(G, 60), Painter(G, only="eager"), {}
    for frame in range(90):
        if frame == snapshot_at:
            kept = json.loads(json.dumps(instrument.snapshot()))
            instrument, painter = Instrument(G, 60), Painter(G, only="eager")
            instrument.restore(kept)
        if frame in SCRIPT:
            instrument.apply(SCRIPT[frame])
        instrument.tick()
        if frame in wanted:
            found[frame] = painter.paint(instrument.shot())[0]
    return found


def test_dropped_frames_change_no_other_frame(G):
    full, sparse = pictures(G, range(90)), pictures(G, range(0, 90, 7))
    assert all(np.array_equal(full[frame], sparse[frame]) for frame in sparse)
    assert len({frame.tobytes() for frame in full.values()}) > 70


@pytest.mark.parametrize("at", [6, 31, 57])
def test_a_restored_instrument_plays_the_same(G, at):
    full, again = pictures(G, range(90)), pictures(G, range(90), snapshot_at=at)
    assert all(np.array_equal(full[frame], again[frame]) for frame in full)


@pytest.mark.parametrize("mode", WALKS)
def test_a_walk_that_plays_moves_unless_it_stands(G, mode):
    instrument = Instrument(G, 60)
    one = play(instrument, 60, walk__mode=mode, walk__glide=0, walk__speed=2)
    two = play(instrument, 10)
    assert (one.key != two.key) == (mode in ("keyframes", "orbit", "drift", "flower"))


def test_another_model_takes_over(G, G_classes):
    instrument = Instrument(G, 60)
    play(instrument, 10, seed=5, walk__mode="hold")
    kept = instrument.snapshot()
    instrument.use_generator(G_classes)
    shot = play(instrument, 1)
    assert shot.ws.shape == (1, G_classes.num_ws, G_classes.w_dim)
    assert instrument.state.values["seed"] == 5
    other = Instrument(G_classes, 60)
    other.restore(kept)
    assert play(other, 1).ws.shape == (1, G_classes.num_ws, G_classes.w_dim)


def test_painter_repeats_dims_and_blackens(G):
    instrument, painter = Instrument(G, 60), Painter(G, (20, 12), "eager")
    shot = play(instrument, 5, walk__mode="hold")
    frame, again = painter.paint(shot)
    assert (frame.shape, again) == ((12, 20, 3), False)
    assert painter.paint(shot) == (frame, True)
    assert painter.paint(play(instrument, 1, master__blackout=True))[0].max() == 0
    assert np.array_equal(painter.paint(play(instrument, 1, master__blackout=False))[0], frame)


def test_grey_and_transparent_pictures_become_rgb():
    grey = np.arange(12, dtype=np.uint8).reshape(2, 6, 1)
    assert rgb(grey).shape == (2, 6, 3)
    assert np.array_equal(rgb(grey)[..., 2], grey[..., 0])
    assert rgb(np.zeros((2, 6, 4), np.uint8)).shape == (2, 6, 3)
    assert dimmed(grey, 0.5).max() == 5


@pytest.mark.parametrize("mode", ["drift", "flower", "orbit"])
def test_walks_are_played_without_truncation_which_psi_adds(G, mode):
    """Twice would be once too many: psi is a parameter of its own."""
    sources, options = Sources(G), {"walk/radius": 1.0, "walk/turns": 3, "walk/petals": 5, "walk/depth": 0.5}
    played = [sources.loop(mode, 7, 8, 0, place, values=options) for place in (0.0, 0.3)]
    live = {o.name: o.option.live for o in walk_options.of(mode) if o.kind != "str" and not o.played}
    whole = getattr(walks, mode)(G, seeds=[7], psi=1.0, **live).at(np.array([0.0, 0.3])).double().numpy()
    np.testing.assert_allclose(played, whole, atol=1e-5)


def test_memory_of_latents_and_loops_has_bounds(G):
    sources = Sources(G)
    for seed in range(600):
        sources.seed(seed, 0)
    for seed in range(40):
        sources.loop("orbit", seed, 8, 0, 0.5)
    assert (len(sources._latents), len(sources._loops)) == (256, 16)
    assert np.array_equal(sources.seed(0, 0), Sources(G).seed(0, 0))


BANDS_DRIVE = {
    "low": "react/speed",
    "onset": "react/kick",
    "mid": "react/style",
    "high": "react/noise",
    "rms": "react/psi",
}


@pytest.mark.parametrize(("band", "react"), BANDS_DRIVE.items())
def test_every_band_drives_the_picture(G, band, react):
    values = {react.replace("/", "__"): 1.0, "style__middle__seed": 9, "walk__speed": 0, "walk__mode": "keyframes"}
    instrument, _ = settled(G, **{**values, "walk__play": True})
    silent = play(instrument, 6)
    loud = play(instrument, 6, **{f"audio__{band}": 1.0})
    assert silent.key == play(settled(G, **{**values, "walk__play": True})[0], 6).key
    assert loud.key != silent.key
