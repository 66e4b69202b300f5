"""latentart data and latentart train as they are typed, and what is wrong in one line."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latentart import cli, pixels
from latentart.models.base import Generator
from latentart.training import run as training
from latentart.translators.load import load_translator
from tests.training.data.test_pairs import folders, save, scene

Command = Callable[..., tuple[int, str, str]]
TINY = ("--size", "16", "--width", "2", "--batch", "1", "--critic-width", "2", "--steps", "2", "--device", "cpu")
STYLE = ("--size", "32", "--width", "4", "--batch", "1", "--style-scale", "1", "--steps", "2", "--device", "cpu")


@pytest.fixture
def run(
    G: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """The command line in an empty folder, the tiny generator as every network: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("latentart.models.load.load", lambda name, device=None: G)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_from_a_folder_of_photographs_to_a_network(run: Command, tmp_path: Path) -> None:
    for i in range(3):
        save(tmp_path / "photos" / f"{i}.png", scene(i))
    (tmp_path / "photos" / "bad.png").write_text("no")
    code, out, err = run("data", "pairs", "--make", "edges", "photos", "-o", "pairs", "--size", "20")
    assert (code, out) == (0, "pairs: 3 pairs, 1 left out\n")
    assert "left out: cannot open image 'photos/bad.png'" in err
    code, out, err = run("train", "pix2pix", "--pairs", "pairs", "-o", "mine", *TINY)
    assert "3 pairs to learn from, too few to keep some aside for previews" in err
    assert code == 0, err
    assert out.startswith("done: mine/network.safetensors")
    assert "3 pairs to learn from" in err
    assert load_translator(tmp_path / "mine" / "network.safetensors", "cpu").family == "pix2pix"


def test_split_and_join(run: Command, tmp_path: Path) -> None:
    folders(tmp_path / "two", "abx", "aby")
    code, out, err = run("data", "join", "two", "-o", "one")
    assert (code, out) == (0, "one: 2 pairs, 2 left out\n")
    assert "'x' is in A but not in B" in err
    assert run("data", "split", "one", "-o", "again")[1] == "again: 2 pairs\n"
    assert sorted(p.name for p in (tmp_path / "again" / "A").iterdir()) == ["a.png", "b.png"]


def test_damaged_pairs_are_counted_and_listed(run: Command, tmp_path: Path) -> None:
    folders(tmp_path / "two", "abc", "abd")
    (tmp_path / "two" / "B" / "b.png").write_bytes(b"\x89PNG")
    code, _, err = run("train", "pix2pix", "--pairs", "two", "-o", "mine", *TINY)
    assert code == 0, err
    assert "left out: cannot open image 'two/B/b.png'" in err
    assert "left out: 'c' is in A but not in B" in err
    assert "3 left out in all" in err


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders(tmp_path / "two")
    keep = training.Record.step

    def step(self: training.Record) -> None:
        keep(self)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(training.Record, "step", step)
    code, _, err = run("train", "pix2pix", "--pairs", "two", "-o", "mine", *TINY)
    assert code == 130
    assert "stopped at step 1 of 2; everything is kept in 'mine': run the same command again" in err.splitlines()[-1]
    monkeypatch.setattr(training.Record, "step", keep)
    assert run("train", "pix2pix", "--pairs", "two", "-o", "mine", *TINY)[0] == 0
    assert [line["step"] for line in training.read_metrics(tmp_path / "mine" / training.METRICS)] == [1, 2]


def test_a_style_needs_no_photographs(run: Command, tmp_path: Path) -> None:
    save(tmp_path / "painting.png", scene(size=(40, 36)))
    code, out, err = run("train", "style", "--image", "painting.png", "--from", "any", "-o", "mine", *STYLE)
    assert code == 0, err
    assert "done: mine/network.safetensors, mine/preview.png, mine/losses.png" in out
    assert load_translator(tmp_path / "mine" / "network.safetensors", "cpu").family == "fast_style"
    assert pixels.open_image(tmp_path / "mine" / "preview.png").shape == (2 * 36 + 4, 5 * 36 + 4, 3)


def test_a_style_from_photographs_with_minutes(run: Command, tmp_path: Path) -> None:
    save(tmp_path / "painting.png", scene(size=(40, 36)))
    save(tmp_path / "photos" / "a.png", scene())
    arguments = ("train", "style", "--image", "painting.png", "--photos", "photos", "-o", "mine", *STYLE)
    code, out, err = run(*arguments, "--minutes", "0.00001")
    assert code == 0, err
    assert out.startswith("stopped at step 1 of 2: mine/network.safetensors")
    assert run(*arguments)[1].startswith("done")


def test_interfaces_need_a_browser(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    code, _, err = run("data", "gui", "-o", "gui")
    assert code == 1
    assert "no browser found" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "pairs", "photos", "--make", "edgs", "-o", "x"], "did you mean edges"),
        (["data", "pairs", "none", "--make", "edges", "-o", "x"], "no pictures in 'none'"),
        (["data", "split", "none", "-o", "x"], "there is no folder 'none'"),
        (["data", "openmoji", "-o", "x", "--size", "4"], "size 4"),
        (["data", "openmoji", "-o", "x", "--from", "none.tgz"], "there is no file 'none.tgz'"),
        (["train", "pix2pix", "--pairs", "none", "-o", "x"], "there is no folder 'none'"),
        (["train", "pix2pix", "--pairs", "two", "-o", "x", "--net", "unte"], "did you mean unet"),
        (["train", "pix2pix", "--pairs", "two", "-o", "x", "--gan", "wgan"], "unknown GAN loss 'wgan'"),
        (["train", "pix2pix", "--pairs", "two", "-o", "x", "--size", "100"], "size 100 is out of range"),
        (["train", "pix2pix", "--pairs", "two", "-o", "x", "--steps", "0"], "0 steps are no training"),
        (["train", "pix2pix", "--pairs", "two", "-o", "x", "--minutes", "nan"], "nan minutes are no time to train"),
        (["data", "pairs", "photos", "--make", "blank", "--seed", "-1", "-o", "x"], "seed -1 is out of range"),
        (["data", "pairs", "photos", "--make", "edges", "-o", "p.png"], "cannot write into 'p.png': it is a file"),
        (["data", "pairs", "odd", "--make", "edges", "-o", "x"], "none of 1 pictures could be used"),
        (["data", "openmoji", "--from", "p.png", "-o", "x"], "'p.png' is not the package"),
        (["data", "join", "photos", "-o", "x"], "'photos' has no folders A and B"),
        (["data", "split", "two", "-o", "x"], "'two' is split already"),
        (["train", "pix2pix", "--pairs", "two", "-o", "two/A/a.png", *TINY], "cannot write"),
        (["train", "pix2pix", "--pairs", "empty", "-o", "x"], "no pairs in 'empty' (no pictures)"),
        (["train", "style", "--image", "none.jpg", "--photos", "two/A", "-o", "x"], "cannot open image 'none.jpg'"),
        (["train", "style", "--image", "p.png", "-o", "x"], "nothing to paint"),
        (["train", "style", "--image", "p.png", "--photos", "empty", "-o", "x"], "no pictures in 'empty'"),
        (
            ["train", "style", "--image", "p.png", "--photos", "two/A", "-o", "x", "--preset", "quik"],
            "did you mean quick",
        ),
        (
            ["train", "style", "--image", "p.png", "--photos", "two/A", "-o", "x", "--features", "vgg"],
            "did you mean vgg16",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run: Command, tmp_path: Path, arguments: list[str], message: str) -> None:
    folders(tmp_path / "two")
    save(tmp_path / "photos" / "a.png", scene())
    save(tmp_path / "p.png", scene())
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "a.png").write_text("no picture")
    code, _, err = run(*arguments)
    assert not (tmp_path / "x").exists()
    assert code == 1
    assert message in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize("command", ["train", "data"])
def test_help_names_every_kind(run: Command, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    for name in {"train": ("pix2pix", "style"), "data": ("pairs", "join", "split", "openmoji", "gui")}[command]:
        assert name in out
