"""Cards: what ships is found, what the user adds is found, and a card is believed only as far as its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from layouts.random_stylegan2 import random_state

from latentart import shipped
from latentart.errors import WeightsError
from latentart.files import toml
from latentart.weights import cards, safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import open_checkpoint


def make(folder: Path, name: str = "mine", extra: str = "", **variant: int) -> Path:
    """A checkpoint and its card in a folder of the user's."""
    path = folder / f"{name}.safetensors"
    safe.write(path, Checkpoint(*random_state(resolution=8, **variant), sha256="", source="test"))
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / f"{name}.toml").write_text(f'name = "{name}"\nfile = "{path.name}"\nsha256 = "{sha}"\n{extra}')
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cards.FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["landscapes-256", "glyphs-64"])
def test_what_ships_is_what_its_card_says(name: str) -> None:
    card = cards.card(name)
    found = open_checkpoint(name)
    assert (found.name, found.sha256) == (name, card.sha256)
    assert found.config["img_resolution"] == card.facts["resolution"]
    assert found.config["img_channels"] == card.facts["channels"]
    assert found.config["c_dim"] == card.facts["classes"] == len(card.facts["class_names"])
    assert found.card["license"]


def test_a_folder_of_ones_own(folder: Path) -> None:
    make(folder, extra='license = "CC0"\nclass_names = ["one", "two"]', c_dim=2)
    assert {"glyphs-64", "landscapes-256", "mine"} < set(cards.names())
    found = open_checkpoint("mine")
    assert (found.name, found.card["license"], found.card["class_names"]) == ("mine", "CC0", ["one", "two"])


def test_a_file_is_recognised_by_its_hash(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = make(folder)
    copy = tmp_path_factory.mktemp("elsewhere") / "renamed.bin"
    copy.write_bytes(path.read_bytes())
    assert open_checkpoint(copy).name == "mine"


def test_a_broken_card_does_not_hide_the_others(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "broken.toml").write_text("oops")
    make(folder, "zebra")
    assert open_checkpoint(folder / "zebra.safetensors").name == "zebra"
    assert "cannot read card" in caplog.text


def test_a_changed_file_is_refused(folder: Path) -> None:
    path = make(folder)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is not the file its card 'mine' describes"):
        open_checkpoint("mine")


def test_class_names_are_counted(folder: Path) -> None:
    make(folder, extra='class_names = "abc"')
    with pytest.raises(WeightsError, match="names 3 classes, its tensors have 0"):
        open_checkpoint("mine")


def test_one_name_twice(folder: Path) -> None:
    make(folder, "glyphs-64")
    with pytest.raises(WeightsError, match="two cards named 'glyphs-64'"):
        cards.names()


def test_a_folder_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cards.FOLDER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(WeightsError, match=r"LATENTART_CHECKPOINTS is .*, which is not a folder"):
        cards.names()


def test_unknown_names_suggest_a_known_one() -> None:
    with pytest.raises(WeightsError, match="did you mean landscapes-256"):
        cards.card("landscape-256")


def test_a_card_as_large_as_a_film_is_not_read(folder: Path) -> None:
    (folder / "big.toml").write_bytes(b"#" * (toml.LARGEST + 1))
    with pytest.raises(WeightsError, match="more than"):
        cards.card("big")


def test_without_a_source_tree_the_installed_cards_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `pip install`: the package lies alone, and its record of files names the cards."""
    installed = tmp_path / "share" / "latentart" / "checkpoints"
    installed.mkdir(parents=True)
    make(installed, "shipped")

    class File(type(Path())):  # type: ignore[misc]
        def locate(self) -> Path:
            return tmp_path / self

    monkeypatch.setattr(shipped, "ROOT", tmp_path / "site")
    names = ["latentart/errors.py", "share/latentart/checkpoints/shipped.toml"]
    monkeypatch.setattr(shipped.importlib.metadata, "files", lambda _: [File(n) for n in names])
    assert cards.names() == ["shipped"]


def test_a_package_that_was_copied_finds_the_cards_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `pip install --target`, or with no record of the installation at all."""
    beside = tmp_path / "share" / "latentart" / "checkpoints"
    beside.mkdir(parents=True)
    make(beside, "shipped")

    def none(_: str) -> None:
        raise shipped.importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(shipped, "ROOT", tmp_path)
    monkeypatch.setattr(shipped.importlib.metadata, "files", none)
    assert cards.names() == ["shipped"]
