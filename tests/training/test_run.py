"""A training goes on after any interruption as if there had been none, bit for bit on a CPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from latentart import pixels
from latentart.errors import LatentartError, PictureError, SettingsError, WeightsError
from latentart.models.base import Generator
from latentart.training import nets, patch_gan, pix2pix, plot, pool, run, state, style
from latentart.training.lock import locked
from latentart.training.run import Progress, Schedule
from latentart.translators.load import load_translator
from tests.training.data.test_pairs import scene

Make = Callable[[], run.Trainee]
TINY = {"width": 2, "size": 16, "batch": 2, "critic_width": 2, "seed": 5}


def pairs(count: int = 6) -> pool.Pool:
    frames = np.stack([scene(i, (18, 18)) for i in range(count)])
    return pool.Pool(np.concatenate([255 - frames, frames], axis=3), [f"{i}" for i in range(count)], [])


def a_pix2pix(**changes: object) -> pix2pix.Pix2Pix:
    settings = pix2pix.Settings(**{**TINY, **changes})  # type: ignore[arg-type]
    return pix2pix.Pix2Pix(settings, pairs(), pix2pix.smaller(pairs(2), settings.size), "cpu")


def photos(settings: style.Settings) -> style.Photos:
    frames = np.stack([scene(i, (36, 36)) for i in range(4)])
    return style.from_folder(pool.Pool(frames, list("abcd"), []), settings)


def a_style(**changes: object) -> style.Style:
    settings = style.Settings(**{"width": 4, "size": 32, "batch": 1, "style_scale": 1.0, **changes})  # type: ignore[arg-type]
    return style.Style(settings, pixels.to_float(scene(size=(40, 36))), photos(settings), "cpu")


KINDS = {
    "unet": a_pix2pix,
    "unet, dropout, lsgan": lambda: a_pix2pix(dropout=True, gan="lsgan", colour=0.1),
    "resnet, late GAN": lambda: a_pix2pix(net="resnet", gan_after=0.5),
    "bf16": lambda: a_pix2pix(bf16=True),
    "style": a_style,
    "style for ml5": lambda: a_style(layout="ml5"),
}


def stopping(*steps: int) -> run.Watch:
    """Ctrl-C after these steps."""

    def watch(now: Progress) -> None:
        if now.step in steps:
            os.kill(os.getpid(), signal.SIGINT)

    return watch


def same(a: run.Trainee, b: run.Trainee) -> None:
    left, right = a.tensors(), b.tensors()
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_twice_is_the_same_as_never(kind: str, tmp_path: Path) -> None:
    whole = KINDS[kind]()
    assert run.train(whole, tmp_path / "whole", Schedule(6)).ended == "done"
    for stop in (2, 3):
        with pytest.raises(KeyboardInterrupt, match=f"stopped at step {stop} of 6.*run the same command again"):
            run.train(KINDS[kind](), tmp_path / "parts", Schedule(6), stopping(2, 3))
    last = KINDS[kind]()
    run.train(last, tmp_path / "parts", Schedule(6))
    same(whole, last)
    assert (tmp_path / "whole" / run.NETWORK).read_bytes() == (tmp_path / "parts" / run.NETWORK).read_bytes()
    losses = [
        [{key: line[key] for key in line if key != "seconds" and "unseen" not in key} for line in lines]
        for lines in (run.read_metrics(tmp_path / folder / run.METRICS) for folder in ("whole", "parts"))
    ]
    assert losses[0] == losses[1]
    assert [line["step"] for line in losses[1]] == [1, 2, 3, 4, 5, 6]


def test_another_seed_is_another_training(tmp_path: Path) -> None:
    found = [a_pix2pix(seed=seed) for seed in (5, 5, 6)]
    for i, trainee in enumerate(found):
        run.train(trainee, tmp_path / str(i), Schedule(2))
    same(found[0], found[1])
    assert any(not torch.equal(t, found[2].tensors()[name]) for name, t in found[0].tensors().items())


TESTS = Path(__file__).parents[1]
KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
import torch
torch.set_num_threads(2)
from test_run import a_pix2pix
from latentart import files
from latentart.training import run
commit, count = files.commit, 0
def cut(part, target):
    global count
    count += target.name == {name!r}
    if count == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    commit(part, target)
files.commit = cut
run.train(a_pix2pix(), {folder!r}, run.Schedule(6, first=0, most=0))
"""


@pytest.mark.parametrize(("name", "at"), [(run.STATE, 3), (run.NETWORK, 4)])
def test_killed_while_it_writes_nothing_is_lost(name: str, at: int, tmp_path: Path) -> None:
    whole = a_pix2pix()
    run.train(whole, tmp_path / "whole", Schedule(6))
    folder = tmp_path / "killed"
    script = KILLED.format(
        paths=[str(TESTS / "training"), str(TESTS), str(TESTS.parent)], name=name, at=at, folder=str(folder)
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert list(folder.glob("*.part"))
    assert state.read(folder / run.STATE)[1]["step"] == at - 1
    again = a_pix2pix()
    run.train(again, folder, Schedule(6))
    same(whole, again)
    assert not list(folder.glob("*.part"))


def test_a_finished_run_does_nothing_and_more_steps_go_on(tmp_path: Path) -> None:
    run.train(a_pix2pix(), tmp_path, Schedule(2))
    before = (tmp_path / run.STATE).stat().st_mtime_ns
    assert run.train(a_pix2pix(), tmp_path, Schedule(2)).ended == "done"
    assert (tmp_path / run.STATE).stat().st_mtime_ns == before
    assert run.train(a_pix2pix(), tmp_path, Schedule(3)).step == 3


def test_minutes_end_a_run_that_can_go_on(tmp_path: Path) -> None:
    ended = run.train(a_pix2pix(), tmp_path, Schedule(1000, minutes=1e-6))
    assert ended.ended == "stopped at step 1 of 1000"
    assert state.read(tmp_path / run.STATE)[1]["step"] == 1


def test_a_run_keeps_what_one_wants_to_look_at(tmp_path: Path) -> None:
    run.train(a_pix2pix(), tmp_path, Schedule(3, first=0, most=0))
    assert sorted(p.name for p in (tmp_path / "previews").iterdir()) == [f"step00000{i}.png" for i in (1, 2, 3)]
    assert pixels.open_image(tmp_path / run.PREVIEW).shape == (20 + 4, 6 * 20 + 4, 3)
    assert pixels.open_image(tmp_path / run.LOSSES).shape[1] > 800
    lines = [json.loads(line) for line in (tmp_path / run.METRICS).read_text().splitlines()]
    assert set(lines[-1]) == {"step", "seconds", "L1", "critic", "GAN", "L1 (unseen)"}
    T = load_translator(tmp_path / run.NETWORK, "cpu")
    assert T.family == "pix2pix"
    assert T.translate(torch.zeros(1, 3, 20, 30)).shape == (1, 3, 20, 30)


@pytest.mark.parametrize("kind", ["resnet, late GAN", "style"])
def test_the_network_kept_draws_what_the_preview_shows(kind: str, tmp_path: Path) -> None:
    trainee = KINDS[kind]()
    run.train(trainee, tmp_path, Schedule(2))
    T = load_translator(tmp_path / run.NETWORK, "cpu")
    sheet = pixels.open_image(tmp_path / run.PREVIEW)
    if isinstance(trainee, style.Style):
        shown, side, at = trainee.shown[:1], 32, (4 + 32 + 4, 4)
    else:
        shown, side, at = pixels.to_float(trainee.shown.frames[:1])[:, :3], 16, (4, 4 + 16 + 4)  # type: ignore[attr-defined]
    made = pixels.to_uint8(T.translate(shown))[0].astype(int)
    assert np.abs(sheet[at[0] : at[0] + side, at[1] : at[1] + side] - made).max() <= 1


# --- what can be wrong


def test_other_settings_do_not_go_on(tmp_path: Path) -> None:
    run.train(a_pix2pix(), tmp_path, Schedule(1))
    with pytest.raises(SettingsError, match=r"was begun with l1 100\.0, now 10\.0"):
        run.train(a_pix2pix(l1=10.0), tmp_path, Schedule(2))
    with pytest.raises(SettingsError, match="kind 'pix2pix', now 'style'"):
        run.train(a_style(), tmp_path, Schedule(2))


def test_two_trainings_in_one_folder_are_one_too_many(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(SettingsError, match="another training is under way in"):
        run.train(a_pix2pix(), tmp_path, Schedule(1))
    run.train(a_pix2pix(), tmp_path, Schedule(1))


def test_other_pictures_do_not_go_on(tmp_path: Path) -> None:
    run.train(a_pix2pix(), tmp_path, Schedule(1))
    other = pix2pix.Pix2Pix(pix2pix.Settings(**TINY), pairs(5), pairs(1), "cpu")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"pairs '6 pictures.*now '5 pictures"):
        run.train(other, tmp_path, Schedule(2))


def broken(path: Path) -> dict[str, bytes]:
    whole = path.read_bytes()
    tensors, facts = state.read(path)
    short = path.with_name("short")
    state.write(short, dict(list(tensors.items())[2:]), facts)
    return {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"no state", "parts missing": short.read_bytes()}


@pytest.mark.parametrize("how", ["cut", "empty", "text", "parts missing"])
def test_a_damaged_state_is_one_line(how: str, tmp_path: Path) -> None:
    run.train(a_pix2pix(), tmp_path, Schedule(1))
    (tmp_path / run.STATE).write_bytes(broken(tmp_path / run.STATE)[how])
    with pytest.raises(WeightsError, match=run.STATE if how != "parts missing" else "does not fit"):
        run.train(a_pix2pix(), tmp_path, Schedule(2))


def test_a_network_is_no_state(tmp_path: Path) -> None:
    run.train(a_pix2pix(), tmp_path, Schedule(1))
    (tmp_path / run.STATE).write_bytes((tmp_path / run.NETWORK).read_bytes())
    with pytest.raises(WeightsError, match="is no state of a training"):
        run.train(a_pix2pix(), tmp_path, Schedule(2))


@pytest.mark.parametrize("line", ["{", "5", "{}", '{"step": 1, "seconds": "a"}', "[" * 5000])
def test_damaged_metrics_are_one_line(line: str, tmp_path: Path) -> None:
    (tmp_path / run.METRICS).write_text(line + "\n")
    with pytest.raises(SettingsError, match="is damaged"):
        run.read_metrics(tmp_path / run.METRICS)


def test_lost_metrics_do_not_stop_a_training(tmp_path: Path) -> None:
    run.train(a_pix2pix(), tmp_path, Schedule(1))
    (tmp_path / run.METRICS).unlink()
    run.train(a_pix2pix(), tmp_path, Schedule(2))
    assert [line["step"] for line in run.read_metrics(tmp_path / run.METRICS)] == [2]


@pytest.mark.parametrize("step", [-1, True, "1", 1.5, 10**30])
def test_a_step_that_makes_no_sense(step: object, tmp_path: Path) -> None:
    state.write(tmp_path / run.STATE, {}, {"step": step})
    with pytest.raises(WeightsError, match="is no state of a training"):
        run.train(a_pix2pix(), tmp_path, Schedule(2))


def test_a_training_that_runs_off_says_so_and_keeps_what_was_good(tmp_path: Path) -> None:
    run.train(a_pix2pix(), tmp_path, Schedule(2))
    wild = a_pix2pix()
    step = wild.step
    wild.step = lambda number, progress: {**step(number, progress), "L1": float("nan")}  # type: ignore[method-assign]
    with pytest.raises(SettingsError, match=r"'L1' is nan after step 2: give a lower --rate; .* holds step 2"):
        run.train(wild, tmp_path, Schedule(4))
    assert state.read(tmp_path / run.STATE)[1]["step"] == 2


@pytest.mark.parametrize(
    "changes",
    [{"net": "uent"}, {"width": 0}, {"size": 20}, {"size": 8}, {"gan": "wgan"}, {"batch": 0}, {"l1": -1.0},
     {"ema": 1.5}, {"rate": float("nan")}, {"seed": -1}],
)  # fmt: skip
def test_settings_that_make_no_sense(changes: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=str(next(iter(changes.values())))):
        pix2pix.Settings(**{**TINY, **changes})  # type: ignore[arg-type]


def test_styles_that_make_no_sense(G: Generator) -> None:
    for changes, words in (({"size": 34}, "multiple of 4"), ({"size": 8}, "size 8"), ({"style": -1.0}, "style")):
        with pytest.raises(SettingsError, match=words):
            a_style(**changes)
    with pytest.raises(SettingsError, match="did you mean quick"):
        style.preset("quik")
    with pytest.raises(SettingsError, match="nothing to paint"):
        style.mixed([])
    settings = style.Settings(size=32)
    with pytest.raises(PictureError, match="painting of 10x10"):
        style.Style(settings, torch.zeros(1, 3, 10, 10), photos(settings), "cpu")
    with pytest.raises(SettingsError, match="0 steps are no"):
        Schedule(0)
    with pytest.raises(LatentartError, match="nan minutes are no time"):
        Schedule(1, float("nan"))


# --- the parts


def test_it_learns(tmp_path: Path) -> None:
    trainee = a_pix2pix(width=8, rate=2e-3, gan_after=1.0, ema=0.9, jitter=False)
    before = trainee.check()["L1 (unseen)"]
    run.train(trainee, tmp_path, Schedule(60))
    assert trainee.check()["L1 (unseen)"] < 0.4 * before


def test_a_style_is_learned(tmp_path: Path) -> None:
    trainee = a_style(width=4, rate=5e-3)
    run.train(trainee, tmp_path, Schedule(40))
    lines = run.read_metrics(tmp_path / run.METRICS)
    early, late = (np.mean([line["style"] for line in part]) for part in (lines[:5], lines[-5:]))
    assert late < 0.75 * early


@pytest.mark.parametrize("make", [a_pix2pix, a_style])
def test_a_training_can_begin_with_another_network(make: Callable[..., run.Trainee], tmp_path: Path) -> None:
    run.train(make(), tmp_path / "first", Schedule(2))
    second = make(start=str(tmp_path / "first" / run.NETWORK))
    kept, began = state.part("average", make().tensors()), state.part("net", second.tensors())
    wanted = load_translator(tmp_path / "first" / run.NETWORK, "cpu").state_dict()
    assert all(torch.equal(began[name], wanted[name]) for name in wanted)
    assert any(not torch.equal(kept[name], wanted[name]) for name in wanted)
    with pytest.raises(WeightsError, match=r"network.safetensors' does not fit this network: .*weight"):
        make(start=str(tmp_path / "first" / run.NETWORK), width=8)


def test_samples_of_a_generator_are_photographs_too(G: Generator, G_classes: Generator) -> None:
    settings = style.Settings(width=4, size=32, batch=2)
    for generator in (G, G_classes):
        made = style.from_generator(generator, settings)
        assert made.batch(3).shape == (2, 3, 32, 32)
        assert torch.equal(made.batch(3), made.batch(3))
        assert not torch.equal(made.batch(3), made.batch(4))
        assert generator.name in made.name


def test_photographs_and_samples_take_turns(G: Generator) -> None:
    settings = style.Settings(width=4, size=32, batch=1)
    kinds = [photos(settings), style.from_generator(G, settings)]
    both = style.mixed(kinds)
    assert torch.equal(both.batch(4), kinds[0].batch(2))
    assert torch.equal(both.batch(5), kinds[1].batch(2))


@pytest.mark.parametrize(("halvings", "patch"), [(2, 34), (3, 70)])
def test_the_critic_sees_patches(halvings: int, patch: int) -> None:
    judge = patch_gan.PatchCritic(4, halvings=halvings)
    for i, layer in enumerate(judge.layers):
        if isinstance(layer, torch.nn.InstanceNorm2d):  # which sees the whole picture
            judge.layers[i] = torch.nn.Identity()
    a, b = torch.randn(2, 1, 3, 128, 128)
    b.requires_grad_()
    judged = judge(a, b)
    judged[0, 0, judged.shape[2] // 2, judged.shape[3] // 2].backward()
    assert b.grad is not None
    assert judged.shape[1] == 1
    assert int((b.grad != 0).any(dim=1).any(dim=2).sum()) == patch


def test_verdicts() -> None:
    for kind in patch_gan.LOSSES:
        sure = [float(patch_gan.verdict(torch.full((1, 1, 2, 2), at), True, kind)) for at in (-2.0, 0.0, 1.0)]
        assert sure == sorted(sure, reverse=True)
    with pytest.raises(SettingsError, match="did you mean lsgan"):
        patch_gan.check_loss("lsgn")


def test_the_average_forgets_chance_first() -> None:
    net = torch.nn.Linear(1, 1)
    average = patch_gan.Average(net, 0.999)
    with torch.no_grad():
        net.weight.fill_(10.0)
    average.follow(net, 0)
    assert float(average.tensors["weight"]) > 7
    average.follow(net, 10**6)
    assert float(average.tensors["weight"]) < 10


def test_pairs_are_kept_aside_for_previews() -> None:
    seen, aside = pix2pix.held(pairs(), 2, seed=0)
    assert sorted([*seen.names, *aside.names]) == sorted(pairs().names)
    assert len(aside) == 2
    assert pix2pix.held(pairs(), 0, seed=0)[1].names == pairs().names


@pytest.mark.parametrize(("size", "levels"), [(256, 8), (128, 7), (96, 5), (512, 8), (16, 4)])
def test_a_fresh_unet_is_as_deep_as_its_size_allows(size: int, levels: int) -> None:
    net = nets.fresh("unet", 2, size)
    assert len(net.config.widths) == levels  # type: ignore[arg-type, union-attr]
    assert net(torch.zeros(1, 3, size, size)).shape == (1, 3, size, size)


def test_losses_as_a_picture() -> None:
    rng = np.random.RandomState(0)
    lines = [{"step": i + 1, "seconds": 1.0, "L1": 1 / (1 + i / 50) + 0.1 * rng.rand()} for i in range(300)]
    lines[-1]["unseen"] = 0.25
    drawn = plot.losses(lines)
    assert drawn.shape == (264, 922, 3)
    bright = (np.abs(drawn.astype(int) - plot.HUES[0]).sum(2) < 60)[:, :460]
    columns = [np.flatnonzero(column).mean() for column in bright[60:210, 70:420].T if column.any()]
    assert len(columns) > 300
    assert columns[-1] > columns[0] + 60  # it falls
    assert plot.losses(lines[:1]).shape[2] == 3


@pytest.mark.parametrize(("low", "high"), [(0.2, 1), (99, 101), (0, 0), (-3, 5), (1e-6, 2e-6)])
def test_scales_are_round_and_hold_the_values(low: float, high: float) -> None:
    bottom, top, ticks = plot._scale(low, high)
    assert bottom <= low <= high <= top
    assert ticks == sorted(set(ticks))
    assert 2 <= len(ticks) <= 8
