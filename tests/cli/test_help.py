"""What help texts state, and what films say before and while they are drawn."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from latentart.cli import _options, _progress, group
from latentart.cli.render.film import command as film_command
from latentart.errors import SettingsError
from latentart.files import UMASK, write_text
from latentart.latent import walk_options
from latentart.live.control import params
from latentart.render.film import Film
from latentart.render.stills import Stills
from latentart.sinks.formats import FORMATS, encoder_options
from latentart.weights import cards

QUICK = ["--seconds", "0.2", "--fps", "5", "--engine", "eager", "--network", "glyphs-64", "--class", "A"]


def test_psi_is_one_number_everywhere() -> None:
    assert Film().psi == Stills().psi == walk_options.PSI
    assert params.TABLE["psi"].default == walk_options.PSI
    assert f"[default: {walk_options.PSI}]" in str(_options.trunc(lambda: None).__click_params__[0].help)


@pytest.mark.parametrize(
    "name", ["seconds", "fps", "psi", "mix_layers", "wrap", "pace", "noise_mode", "noise_seed", "fit"]
)
def test_the_defaults_that_help_states_are_those_of_a_film(name: str) -> None:
    option = next(p for p in film_command.params if p.name == name)
    assert isinstance(option, click.Option)
    shown = re.search(r"\[default: (.*?)\]", option.help or "")
    value = getattr(Film(), name)
    assert shown is not None
    assert shown[1] == (f"{value:g}" if isinstance(value, float) else str(value))


def test_every_option_of_film_is_under_a_heading() -> None:
    said = CliRunner().invoke(group, ["film", "--help"]).output
    for heading in _options.GROUPS:
        assert f"{heading}:" in said
    for option in film_command.params:
        assert isinstance(option, click.Option)
        assert option.opts[0] in said


@pytest.mark.parametrize(("more", "walk"), [([], "orbit"), (["--walk", "keyframes"], "keyframes")])
def test_one_seed_moves_or_a_line_says_that_it_stands_still(more: list[str], walk: str, tmp_path: Path) -> None:
    from latentart import provenance

    result = CliRunner().invoke(group, ["film", "--seeds", "46", *QUICK, *more, "-o", str(tmp_path / "a.mkv")])
    assert result.exit_code == 0, result.output
    assert ("an orbit around 46" if walk == "orbit" else "every picture of this film is the same") in result.output
    assert provenance.read(tmp_path / "a.mkv")["film"]["walk"] == walk


@pytest.mark.parametrize("name", FORMATS)
def test_a_preset_or_crf_that_a_format_lacks_is_explained(name: str) -> None:
    if not FORMATS[name].presets:
        with pytest.raises(SettingsError, match=rf"{name}.*has no presets.*leave it out"):
            encoder_options(name, preset="slow")
    if not FORMATS[name].largest_crf:
        with pytest.raises(SettingsError, match=rf"{name}.*has no .*crf.*leave it out"):
            encoder_options(name, crf=12)


def test_lines_without_a_terminal_say_share_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(_progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    report = _progress.shares("search")
    for step in range(1, 41):
        report(step / 400, f"step {step}")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "search: step 1, 0%, 27 min left"
    assert len(lines) >= 10


@pytest.mark.skipif(os.name == "nt", reason="modes of files are POSIX")
def test_files_have_the_modes_that_umask_gives(tmp_path: Path) -> None:
    made = [write_text(tmp_path / "a.txt", "a")]
    for arguments in (
        ["weights", "convert", "glyphs-64", "c.safetensors"],
        ["blend", "glyphs-64", "glyphs-64", "-o", "b.safetensors"],
    ):
        target = tmp_path / next(word for word in arguments if word.endswith(".safetensors"))
        result = CliRunner().invoke(group, [str(target) if word == target.name else word for word in arguments])
        assert result.exit_code == 0, result.output
        made.append(target)
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o666 & ~UMASK}


def test_cards_speak_to_users() -> None:
    for card in cards.readable():
        text = " ".join(str(value) for value in card.facts.values())
        assert not re.search(r"to be retrained|replace it by|under-trained|good enough to develop", text), card.name


def test_pages_list_every_card() -> None:
    page = (Path(__file__).parents[2] / "docs" / "checkpoints.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in cards.names())
