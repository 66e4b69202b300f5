"""`latentart translate` as people type it, and what other commands say of a translator's file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from attacks import ATTACKS, SENTINEL, Attack, files
from click.testing import CliRunner, Result
from layouts import pix2pix as layout
from layouts.random_stylegan2 import random_state
from layouts.rosinality import write_rosinality

import latentart
from latentart import pixels, provenance
from latentart.cli import group
from latentart.errors import LatentartError, WeightsError
from latentart.sinks.images import write_image
from latentart.translators.load import load_translator
from latentart.weights.cards import FOLDER_VARIABLE
from latentart.weights.open import open_file


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoints") / "latest_net_G.pth"
    torch.save(layout.shaken(layout.UNet(6, 2)).state_dict(), path)
    return path


@pytest.fixture
def sketch(tmp_path: Path) -> Path:
    return drawing(tmp_path / "sketch.png")


def drawing(path: Path, height: int = 40, width: int = 50, seed: int = 0) -> Path:
    frame = np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)
    return write_image(path, frame)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["translate", *map(str, arguments)])


def error(result: Result) -> str:
    assert isinstance(result.exception, LatentartError), result.output
    return str(result.exception)


def test_a_picture_comes_out_as_the_network_draws_it(network: Path, sketch: Path, tmp_path: Path) -> None:
    result = run(sketch, "--network", network, "-o", tmp_path / "out.png", "--device", "cpu")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("latest_net_G: pix2pix; U-Net of 6 levels, 2 wide; batch norm; norm image; dropout off;")
    assert "licence: not known" in lines[0]
    assert lines[-1] == str(tmp_path / "out.png")
    T = load_translator(network, "cpu")
    wanted = pixels.to_uint8(T.translate(pixels.to_float(pixels.open_image(sketch))))[0]
    assert np.array_equal(pixels.open_image(tmp_path / "out.png"), wanted)
    record = provenance.read(tmp_path / "out.png")
    assert record["translator"]["family"] == "pix2pix"
    assert record["translator"]["sha256"] == T.sha256
    assert "norm image" in record["translator"]["switches"]


def test_a_folder_of_pictures_keeps_its_names(network: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i, name in enumerate(("a.png", "b.jpg")):
        drawing(tmp_path / "in" / name, seed=i)
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG")
    result = run(tmp_path / "in", "--network", network, "-o", tmp_path / "out", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.jpg"]
    assert "left out:" in result.output
    assert "broken.png" in result.output


def test_a_film_becomes_a_film(network: Path, tmp_path: Path) -> None:
    with latentart.open_sink(tmp_path / "in.mp4", fps=5) as sink:
        for seed in range(3):
            sink.write(np.full((32, 32, 3), 40 * seed, np.uint8))
    result = run(tmp_path / "in.mp4", "--network", network, "-o", tmp_path / "out.mp4", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert provenance.read(tmp_path / "out.mp4")["frames"] == 3


def test_strength_dropout_and_norm_are_switches(network: Path, sketch: Path, tmp_path: Path) -> None:
    made = {}
    for name, options in {
        "plain": (), "again": (), "weak": ("--strength", "0.2"), "stored": ("--norm", "stored"),
        "dropout": ("--dropout", "--seed", "1"), "same": ("--dropout", "--seed", "1"),
    }.items():  # fmt: skip
        path = tmp_path / f"{name}.png"
        result = run(sketch, "--network", network, "-o", path, "--device", "cpu", *options)
        assert result.exit_code == 0, result.output
        made[name] = pixels.open_image(path).astype(int)
    assert np.array_equal(made["plain"], made["again"])
    assert abs(made["weak"] - pixels.open_image(sketch)).mean() < abs(made["plain"] - pixels.open_image(sketch)).mean()
    assert abs(made["stored"] - made["plain"]).mean() > 1
    assert np.array_equal(made["dropout"], made["same"])
    assert not np.array_equal(made["dropout"], made["plain"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--dropout",), "give a seed"),
        (("--seed", "3"), "seed 3 without dropout"),
        (("--norm", "sored"), "unknown norm 'sored': did you mean stored"),
        (("--strength", "3"), "strength 3.0 is out of range"),
        (("--labels", "3"), "unknown switch of pix2pix 'labels'"),
        (("--ml5-biases",), "unknown switch of pix2pix 'ml5_biases'"),
    ],
)
def test_wrong_switches_are_one_line(
    network: Path, sketch: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:  # fmt: skip
    result = run(sketch, "--network", network, "-o", tmp_path / "out.png", "--device", "cpu", *options)
    assert re.search(words, error(result))
    assert not (tmp_path / "out.png").exists()


def test_a_generator_is_called_one(sketch: Path, tmp_path: Path) -> None:
    write_rosinality(tmp_path / "net.pt", random_state(resolution=8)[0])
    for name in ("landscapes-256", tmp_path / "net.pt"):
        result = run(sketch, "--network", name, "-o", tmp_path / "out.png")
        assert "is a generator of family 'stylegan2', not a translator" in error(result)


def test_a_sketch_that_is_too_small_or_missing(network: Path, tmp_path: Path) -> None:
    small = drawing(tmp_path / "small.png", 5, 60)
    arguments = ("--network", network, "-o", tmp_path / "out.png", "--device", "cpu")
    assert "a picture of 60x5 is too small for latest_net_G: it takes 16 pixels" in error(run(small, *arguments))
    assert "no such file" in error(run(tmp_path / "none.png", *arguments)).lower()
    assert "unknown translator 'latest_net_H'" in error(run(small, "--network", "latest_net_H", "-o", "x.png"))


def test_a_file_cut_short_is_named(sketch: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes((5000).to_bytes(8, "little") + b'{"__metadata__":')
    result = run(sketch, "--network", tmp_path / "cut.safetensors", "-o", tmp_path / "out.png")
    assert re.search(r"cannot read '.*cut.safetensors': the file ends inside its header", error(result))


def test_inspect_says_what_a_translator_is(network: Path) -> None:
    result = CliRunner().invoke(group, ["weights", "inspect", str(network)])
    assert result.exit_code == 0, result.output
    assert "pix2pix" in result.output
    assert "U-Net of 6 levels, 2 wide" in result.output
    found = json.loads(CliRunner().invoke(group, ["weights", "inspect", str(network), "--json"]).output)
    assert found["parameters"] == sum(t.numel() for t in torch.load(network, weights_only=True).values() if t.ndim)


def test_a_translator_can_be_converted(network: Path, tmp_path: Path) -> None:
    target = tmp_path / "ours.safetensors"
    result = CliRunner().invoke(group, ["weights", "convert", str(network), str(target), "--half"])
    assert result.exit_code == 0, result.output
    img = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    a, b = (load_translator(path, "cpu")(img) for path in (network, target))
    assert 0 < float((a - b).norm() / a.norm()) < 0.02
    assert target.stat().st_size < 0.7 * network.stat().st_size


def test_load_sends_translators_to_their_own_door(network: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"translator of family 'pix2pix'.*load_translator.*latentart translate"
    ) as raised:
        latentart.load(network)
    assert "\n" not in str(raised.value)


@pytest.fixture
def sentinel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that exists as soon as a payload has run."""
    monkeypatch.setenv(SENTINEL, str(tmp_path / "executed"))
    return tmp_path / "executed"


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_attacks_on_the_other_door(tmp_path: Path, sentinel: Path, attack: Attack) -> None:
    """Every attack on a checkpoint, read as plain tensors: one line or fine, and nothing is executed."""
    target = written(attack, tmp_path)
    message = said(lambda: open_file(Path(target)))
    assert not sentinel.exists()
    assert "\n" not in message
    assert len(message) < 800 + len(str(target))


@pytest.mark.parametrize("attack", files.ATTACKS.values(), ids=files.ATTACKS)
def test_places_that_hold_no_translator(
    tmp_path: Path, sentinel: Path, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    target = written(attack, tmp_path)
    if list((tmp_path / "folder").glob("*.toml")):
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "folder"))
    message = said(lambda: load_translator(target, "cpu"))
    assert message
    assert "\n" not in message
    assert len(message) < 4000 + len(str(target))
    assert not sentinel.exists()


def written(attack: Attack, tmp_path: Path) -> Path | str:
    folder = tmp_path / "folder"
    folder.mkdir()
    return attack.write(folder)


def said(read: Callable[[], object]) -> str:
    """The error's text; '' when there is none."""
    try:
        read()
    except LatentartError as refused:
        return str(refused)
    return ""
