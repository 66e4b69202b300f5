"""What a GAN training begins with, and what is wrong with it in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from layouts import nvidia
from layouts.random_stylegan2 import random_state
from layouts.small_gan import a_gan, drawings

from latentart.errors import SettingsError, WeightsError
from latentart.features.critic import critic
from latentart.models import load
from latentart.training import run
from latentart.training.gan import build, start
from latentart.training.run import Schedule

AUTO: dict[str, Any] = {"base": 0, "most": 0, "latent": 0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("run")
    run.train(a_gan(), folder, Schedule(2))
    return folder


def test_a_run_goes_on_from_network_and_critic_alone(trained: Path, tmp_path: Path) -> None:
    for name in (run.NETWORK, build.CRITIC_FILE):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    gan = a_gan(start=str(tmp_path), **AUTO)
    assert len(gan.begun.notes) == 2
    assert all(": all of " in note for note in gan.begun.notes)
    assert not gan.warming.active
    kept = load.load(trained / run.NETWORK, "cpu").state_dict()
    assert [n for n, t in gan.average.state_dict().items() if not torch.equal(t, kept[n])] == []


def test_a_network_without_a_critic_warms_one_up(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    file.write_bytes((trained / run.NETWORK).read_bytes())
    gan = a_gan(start=str(file), **AUTO)
    assert "has no ada critic: a fresh one learns alone for 2000 to 20000 pictures" in gan.begun.notes[1]
    before = {name: t.clone() for name, t in gan.G.state_dict().items()}
    with run.seeded(0, 0):
        assert gan.step(0, 0.0).keys() == {"D", "R1", "augment", "kimg"}
    assert all(torch.equal(t, before[name]) for name, t in gan.G.state_dict().items())


def test_the_average_stays_near_what_it_begins_with(trained: Path) -> None:
    gan = a_gan(start=str(trained), **AUTO)
    before = {name: t.clone() for name, t in gan.average.named_parameters()}
    with run.seeded(0, 0):
        gan.step(0, 0.0)
    raw = dict(gan.G.named_parameters())
    for name, t in gan.average.named_parameters():
        moved = (raw[name] - before[name]).abs().max()
        assert float((t - before[name]).abs().max()) <= 0.01 * float(moved) + 1e-7, name


@pytest.mark.parametrize(("signs", "steps"), [([0.9], 20), ([0.0], 200), ([0.0] * 40 + [0.9], 45), ([None], 20)])
def test_a_fresh_critic_learns_alone_until_it_is_sure(signs: list[float | None], steps: int) -> None:
    warming = start.Warming(True)
    count = 0
    while warming.active:
        warming.update(100, signs[min(count, len(signs) - 1)])
        count += 1
        kept = warming.tensors()
        warming = start.Warming(False)
        warming.restore(kept)
    assert count == pytest.approx(steps, abs=2)
    warming.update(100, -1.0)
    assert not warming.active


@pytest.mark.parametrize(
    ("changes", "fresh"),
    [({"size": 32}, "b32.conv0"), ({"classes": True}, "mapping.embed"), ({"channels": 1}, "torgb"), ({"size": 8}, "")],
)
def test_what_fits_is_taken(trained: Path, changes: dict[str, Any], fresh: str) -> None:
    side = changes.get("size", 16)
    shape = (side, side, changes.get("channels", 3))
    found = drawings(shape=shape, classes=3 if changes.get("classes") else 0)
    gan = a_gan(found, **{**changes, **AUTO, "start": str(trained)})
    assert "tensors of" in gan.begun.notes[0] if fresh else True
    assert fresh in gan.begun.notes[0]
    with run.seeded(0, 0):
        gan.step(0, 0.0)


def test_nvidia_pickles_give_all_three_networks(tmp_path: Path) -> None:
    tensors, config = random_state(resolution=16, z_dim=8, w_dim=8)
    judge = a_gan(base=0, most=8).D.state_dict()
    document = {
        "G": nvidia.stylegan2({n: t + 1 for n, t in tensors.items() if not n.endswith("resample_filter")}, config),
        "D": nvidia.network(judge, "Discriminator"),
        "G_ema": nvidia.stylegan2(tensors, config),
    }
    nvidia.write_document(tmp_path / "n.pkl", document)
    gan = a_gan(start=str(tmp_path / "n.pkl"), **AUTO)
    assert all(": all of " in note for note in gan.begun.notes), gan.begun.notes
    assert torch.equal(gan.G.state_dict()["synthesis.b4.const"], tensors["synthesis.b4.const"] + 1)
    assert torch.equal(gan.average.state_dict()["synthesis.b4.const"], tensors["synthesis.b4.const"])
    assert [n for n, t in gan.D.state_dict().items() if not torch.equal(t, judge[n])] == []


def test_a_critic_is_a_feature_network(trained: Path) -> None:
    network = critic(trained / build.CRITIC_FILE)
    a, b = torch.zeros(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    assert float(network(a, a)) == 0.0
    assert float(network(a, b)) > 0.0
    with pytest.raises(WeightsError, match="keeps no discriminator"):
        critic(trained / run.NETWORK)


def test_freeze_d_leaves_the_highest_layers(trained: Path) -> None:
    gan = a_gan(freeze_d=2, start=str(trained), **AUTO)
    before = {name: t.clone() for name, t in gan.D.state_dict().items()}
    with run.seeded(0, 0):
        gan.step(0, 0.0)
    still = {name for name, t in gan.D.state_dict().items() if torch.equal(t, before[name])}
    kept = {name for name in before if name.startswith(("b16.fromrgb", "b16.conv0"))}
    assert {name for name in still if not name.endswith("resample_filter")} == kept


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("glyps-64", "did you mean glyphs-64"),
        ("none.pkl", "no such file"),
        ("mosaic26", "holds a network of family 'mosaic': begin with a stylegan2 generator"),
        ("critic", "holds a network of family 'stylegan2-critic'"),
    ],
)
def test_a_start_of_another_family(start: str, words: str, trained: Path) -> None:
    named = str(trained / build.CRITIC_FILE) if start == "critic" else start
    with pytest.raises((WeightsError, SettingsError), match=words):
        a_gan(start=named, **AUTO)


def test_other_settings_do_not_go_on(trained: Path) -> None:
    with pytest.raises(SettingsError, match=r"was begun with gamma None, now 1\.0"):
        run.train(a_gan(gamma=1.0), trained, Schedule(3))
