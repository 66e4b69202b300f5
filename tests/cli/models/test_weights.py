"""`latentart weights` as people type it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from attacks import ATTACKS
from click.testing import CliRunner, Result
from layouts.nvidia import write_nvidia_pickle
from layouts.random_stylegan2 import random_state
from layouts.rosinality import write_rosinality

from latentart.cli import group
from latentart.cli.models import weights as cli_weights
from latentart.errors import WeightsError
from latentart.weights.cards import FOLDER_VARIABLE

SHIPPED = ["glyphs-64", "landscapes-256", "magenta", "mosaic26", "openmoji-128", "waves"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["weights", *map(str, arguments)])


def facts(path: str | Path) -> dict[str, object]:
    result = run("inspect", path, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert isinstance(found, dict)
    return found


def test_list_names_what_ships() -> None:
    lines = run("list").output.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *SHIPPED]
    assert re.search(r"landscapes-256 +stylegan2 +256x256 RGB +0 +8\.8 MB +CC-BY-SA-4.0", lines[2])
    assert lines[0].index("licence") == lines[2].index("CC-BY-SA")


def test_list_as_json_has_paths() -> None:
    found = json.loads(run("list", "--json").output)
    assert [c["name"] for c in found] == SHIPPED
    assert Path(found[0]["path"]).is_file()


def test_list_says_when_a_file_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text(f'name = "mine"\nfile = "none.pkl"\nsha256 = "{"0" * 64}"\n')
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (own,) = (line for line in run("list").output.splitlines() if line.startswith("mine"))
    assert "missing" in own


def test_inspect_of_what_ships() -> None:
    output = run("inspect", "glyphs-64").output
    for line in ("picture +64 x 64 grey", "classes +62: a b c d", "latents +z 256, w 256, 10 rows", "mapping +2 layers",
                 "widths +4: 128  8: 128  16: 128  32: 64  64: 32", "licence +OFL-1.1", "noise +yes", "fp16 +none",
                 "conv_clamp +none", "parameters +1,45"):  # fmt: skip
        assert re.search(f"^{line}", output, re.MULTILINE), line


def test_inspect_of_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "net.pkl"
    variant = {"resolution": 16, "init_res": (4, 6), "c_dim": 3, "img_channels": 4, "conv_clamp": 256}
    tensors, config = random_state(**variant)  # type: ignore[arg-type]
    write_nvidia_pickle(path, tensors, config | {"num_fp16_res": 1})
    found = facts(path)
    expected = {
        "family": "stylegan2", "format": "nvidia-pickle", "resolution": [16, 24], "channels": 4, "classes": 3,
        "z_dim": 32, "w_dim": 32, "num_ws": 6, "architecture": "skip", "mapping_layers": 2, "conv_clamp": 256,
        "widths": {"4": 32, "8": 32, "16": 32}, "noise": True, "fp16_blocks": 1, "inferred": [], "license": None,
    }  # fmt: skip
    assert {k: found[k] for k in expected} == expected
    learned = sum(t.numel() for n, t in tensors.items() if not n.endswith(("_const", "_filter", ".w_avg")))
    assert found["parameters"] == learned
    text = run("inspect", path).output
    assert "picture       24 x 16 RGBA" in text
    assert "fp16          in 1 block\n" in text
    assert "not known: no card has this file" in text


def test_inspect_says_what_was_inferred(tmp_path: Path) -> None:
    tensors, _ = random_state(resolution=16)
    write_rosinality(tmp_path / "g.pt", tensors, latent_avg=False)
    text = run("inspect", tmp_path / "g.pt").output
    for words in (
        "architecture 'skip': from the names",
        "mapping_lr_multiplier 0.01",
        "w_avg: not in the file",
        "conv_clamp",
    ):
        assert words in text


def test_inspect_of_another_family(tmp_path: Path) -> None:
    import torch

    from latentart.weights import safe
    from latentart.weights.checkpoint import Checkpoint

    safe.write(tmp_path / "a", Checkpoint({"a": torch.ones(3)}, {"family": "new"}, "", "test"))
    text = run("inspect", tmp_path / "a").output
    assert "family      new\n" in text
    assert "None" not in text


def test_convert_then_inspect(tmp_path: Path) -> None:
    tensors, config = random_state(resolution=16)
    write_nvidia_pickle(tmp_path / "net.pkl", tensors, config)
    result = run("convert", tmp_path / "net.pkl", tmp_path / "out.safetensors", "--half")
    assert result.exit_code == 0
    assert result.output.startswith(str(tmp_path / "out.safetensors"))
    before, after = facts(tmp_path / "net.pkl"), facts(tmp_path / "out.safetensors")
    same = set(before) - {"name", "format", "sha256"}
    assert {k: before[k] for k in same} == {k: after[k] for k in same}


def test_nothing_in_a_file_reaches_the_terminal_raw(tmp_path: Path) -> None:
    import torch

    from latentart.weights import safe
    from latentart.weights.checkpoint import Checkpoint

    card = {"license": "free\x1b]0;owned\x07\nname  other"}
    safe.write(tmp_path / "a", Checkpoint({"a": torch.ones(3)}, {"family": "new"}, "", "test", card=card))
    output = run("inspect", tmp_path / "a").output
    assert "\x1b" not in output
    assert "free?]0;owned??name  other" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("inspect", "nope"), "unknown checkpoint 'nope'"),
        (("convert", "glyphs-64", "."), "it is a folder"),
        (("convert", "nope", "x.safetensors"), "unknown checkpoint 'nope'"),
        (("pull", "vgg16", "progan-129"), "unknown name to pull 'progan-129': did you mean progan-128?"),
    ],
)
def test_bad_input_is_one_line_and_exit_1(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "latentart", "weights", *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_an_attack_at_the_command_line(tmp_path: Path) -> None:
    result = run("inspect", ATTACKS["os.system by reduce"].write(tmp_path))
    assert isinstance(result.exception, WeightsError)
    assert "posix.system" in str(result.exception)


def test_a_terminal_gets_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    cli_weights.command.main(["inspect", "glyphs-64"], standalone_mode=False)
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert any("17,050 glyphs" in line for line in lines)


def test_help_of_every_command() -> None:
    for name in ("list", "inspect", "convert"):
        assert isinstance(cli_weights.command.get_command(click.Context(cli_weights.command), name), click.Command)
        assert run(name, "--help").exit_code == 0
