"""Presets and cues."""

from __future__ import annotations

import json

import pytest

from latentart.errors import SettingsError
from latentart.live.control.params import defaults
from latentart.live.control.presets import Cue, Presets, between, check_cues


@pytest.fixture
def presets(tmp_path):
    found = Presets(tmp_path / "presets")
    found.store("calm", defaults() | {"psi": 0.4, "seed": 3, "master/fade": 0.0, "latent/x": 5.0})
    found.store("wild", defaults() | {"psi": 1.2, "seed": 9, "walk/mode": "orbit"})
    return found


def test_kept_and_found_again(presets):
    assert presets.names() == ["calm", "wild"]
    calm = presets.recall("calm")
    assert (calm["psi"], calm["seed"], calm["latent/x"]) == (0.4, 3, 5.0)
    # The light and the tempo are the evening's.
    assert not [name for name in calm if name.startswith(("master/", "tempo/", "audio/"))]


def test_no_folder_is_made_before_something_is_stored(tmp_path):
    assert Presets(tmp_path / "none").names() == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 2, "set": {}}', '{"version": 1}', '{"version": 1, "set": 5}',
     '{"version": 1, "set": {"psi": NaN}}', '{"version": 1, "set": {"psi": "a"}}', "\0\1\2", "[" * 5000],
)  # fmt: skip
def test_a_damaged_preset_is_refused_in_one_line(presets, text):
    (presets.folder / "calm.preset.json").write_text(text)
    with pytest.raises(SettingsError) as refused:
        presets.recall("calm")
    assert "\n" not in str(refused.value)


def test_parameters_of_other_versions_are_left_out_and_values_clamped(presets):
    text = json.dumps({"version": 1, "set": {"psi": 99, "of/the/future": 1}})
    (presets.folder / "calm.preset.json").write_text(text)
    assert presets.recall("calm") == {"psi": 2.0}


def test_a_preset_is_never_a_pickle_or_a_path(presets, tmp_path):
    (tmp_path / "secret.preset.json").write_text('{"version": 1, "set": {}}')
    for name in ("../secret", "calm.preset", str(tmp_path / "secret")):
        with pytest.raises(SettingsError):
            presets.recall(name)


def test_without_a_list_the_presets_are_the_cues(presets):
    assert presets.cues() == [Cue("calm"), Cue("wild")]


def test_cues_go_on_and_back_and_stay_at_the_ends(presets):
    presets.write_cues([{"preset": "wild", "fade": 4}, {"preset": "calm", "at": "bar"}])
    steps = [presets.step(by).preset for by in (1, 1, 1, -1, -1)]
    assert steps == ["wild", "calm", "calm", "wild", "wild"]
    assert presets.cues()[1] == Cue("calm", 2.0, "bar")


def test_no_cues(tmp_path):
    with pytest.raises(SettingsError, match="no cues"):
        Presets(tmp_path).step(1)


@pytest.mark.parametrize("raw", [None, "a", 5, {}, [5], [{}], [{"preset": "a\nb"}], [{"preset": " "}],
                                 [{"preset": "a", "fade": "b"}], [{"preset": "a", "at": "never"}],
                                 [{"preset": "a"}] * 1001])  # fmt: skip
def test_bad_cues(raw):
    with pytest.raises(SettingsError):
        check_cues(raw)


def test_between(presets):
    mixed = between(presets.recall("calm"), presets.recall("wild"), 0.25)
    assert mixed["psi"] == pytest.approx(0.6)
    assert (mixed["seed"], mixed["walk/mode"]) == (3, "keyframes")
    assert between({"psi": 1.0}, {"seed": 4}, 0.9) == {"psi": 1.0, "seed": 4}


NAMES = [
    "a calm",
    "été 2",
    "夜",
    "CON",
    "..",
    "../up",
    "a/b\\c",
    ".hidden",
    '50% ~ * ? " < > |',
    "🌊" * 64,
    "x" * 64,
    "a b~c",
]


def test_any_printable_name_is_kept_inside_the_folder(tmp_path):
    presets = Presets(tmp_path / "presets")
    for number, name in enumerate(NAMES):
        presets.store(name, {"seed": number})
    assert set(presets.names()) == set(NAMES)
    assert [presets.recall(name)["seed"] for name in NAMES] == list(range(len(NAMES)))
    assert {path.parent for path in tmp_path.rglob("*.json")} == {presets.folder}
    assert all(len(path.name.encode()) < 256 for path in presets.folder.iterdir())
    for name in NAMES:
        presets.remove(name)
    assert presets.names() == []


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0", "\x1b[2J", "x" * 65, "\u202egnp", 5, None])
def test_a_name_that_is_none_is_refused(presets, name):
    with pytest.raises(SettingsError, match="printable"):
        presets.store(name, {})


def test_a_removed_preset_leaves_the_cues(presets):
    presets.write_cues([{"preset": "wild"}, {"preset": "calm"}])
    before = presets.revision
    presets.remove("wild")
    assert presets.cues() == [Cue("calm")]
    assert presets.revision > before
    with pytest.raises(SettingsError, match="unknown preset"):
        presets.recall("wild")
