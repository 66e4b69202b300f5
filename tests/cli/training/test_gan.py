"""latentart train gan as it is typed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from layouts.small_gan import drawings
from PIL import Image

from latentart import cli, pixels
from latentart.models import load
from latentart.training import run as training

Command = Callable[..., tuple[int, str, str]]
TINY = ("--size", "16", "--base", "128", "--most", "16", "--latent", "8", "--batch", "4", "--device", "cpu")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """The command line in a folder with a set of 10 pictures in two classes: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    for i, frame in enumerate(drawings().frames):
        (tmp_path / "set" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(tmp_path / "set" / "ab"[i % 2] / f"{i}.png")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_from_a_folder_to_a_generator(run: Command, tmp_path: Path) -> None:
    command = ("train", "gan", "--pictures", "set", "--classes", "-o", "mine", *TINY)
    code, out, err = run(*command, "--kimg", "0.008")
    assert (code, out) == (0, "done: mine/network.safetensors, mine/preview.png, mine/losses.png\n"), err
    assert "10 pictures, RGB 16x16, 2 classes; generator and critic have" in err
    assert load.load(tmp_path / "mine" / training.NETWORK, "cpu").class_names == ("a", "b")
    assert run(*command, "--kimg", "0.016")[1].startswith("done")
    assert (tmp_path / "mine" / "learning.mp4").is_file()
    assert pixels.open_image(tmp_path / "mine" / "preview.png").shape == (3 * 18 + 2, 8 * 18 + 2, 3)
    code, _, err = run(*command, "--kimg", "0.016", "--gamma", "3")
    assert code == 1
    assert err.splitlines()[-1].startswith("error: 'mine' was begun with gamma None, now 3.0")


def test_the_checks_before_a_long_night(run: Command) -> None:
    code, out, err = run("train", "gan", "--pictures", "set", "-o", "a", *TINY, "--overfit", "3", "--kimg", "0.004")
    assert code == 0, err
    assert "LPIPS to the nearest of 3 pictures" in out
    assert "3 pictures, RGB 16x16; generator" in err
    code, out, err = run("train", "gan", "--pictures", "set", "-o", "b", *TINY, "--find-rate")
    assert code == 0, err
    assert out.startswith("--rate 0.")
    assert Path("b/rates.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--net", "stylegan"], "did you mean stylegan2"),
        (["--kimg", "0"], "kimg 0.0 is no length"),
        (["--kimg", "nan"], "kimg nan is no length"),
        (["--start", "landscapes"], "did you mean landscapes-256"),
        (["--net", "progan", "--loss", "rp"], "leave out --loss"),
        (["--micro", "3"], "give a multiple"),
        (["--minutes", "-1"], "-1.0 minutes are no time"),
    ],
)
def test_what_is_wrong_is_one_line(run: Command, arguments: list[str], message: str) -> None:
    code, _, err = run("train", "gan", "--pictures", "set", "-o", "x", *TINY, *arguments)
    assert code == 1
    assert err.splitlines()[-1].startswith("error: ")
    assert message in err.splitlines()[-1]
