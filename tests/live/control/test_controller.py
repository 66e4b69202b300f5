"""Targets, names, taps and rates."""

from __future__ import annotations

import threading

import pytest

from latentart.errors import SettingsError
from latentart.live.control.actions import SAFE, Actions, check_arguments
from latentart.live.control.controller import MOST_WAITING, Control
from latentart.live.control.params import TABLE, defaults
from latentart.live.control.presets import Presets
from latentart.live.control.tempo import Taps
from latentart.live.wire.names import check_name, choose, inside
from latentart.live.wire.rates import Bucket


def test_what_comes_between_two_frames_is_one_operation():
    control = Control()
    control.set({"psi": 0.1})
    control.set({"seed": 4})
    control.set({"psi": 0.2})
    assert control.pop(0) == [{"set": {"psi": 0.2, "seed": 4}, "rev": 3, "fade": 0.0, "at": "none"}]
    assert control.pop(0) == []
    assert control.changes() == {"psi": 0.2, "seed": 4}
    assert control.changes() == {}


def test_fades_beats_and_other_operations_keep_their_order():
    control = Control()
    control.set({"psi": 0.1})
    control.set({"psi": 0.9}, fade=2, at="bar")
    control.push(resync=True)
    control.set({"psi": 0.2})
    found = control.pop(0)
    assert [next(iter(operation)) for operation in found] == ["set", "set", "resync", "set"]
    assert [operation["rev"] for operation in found] == [1, 2, 3, 4]


def test_all_or_nothing():
    control = Control()
    with pytest.raises(SettingsError):
        control.set({"psi": 0.1, "nothing": 1})
    with pytest.raises(SettingsError):
        control.set({"psi": 0.1}, fade=-1)
    assert control.values() == defaults()
    assert control.pop(0) == []


def test_a_renderer_that_is_gone_costs_bounded_memory():
    control = Control()
    for _ in range(3 * MOST_WAITING):
        control.push(resync=True)
    assert control.refused == 2 * MOST_WAITING
    control.panic(SAFE)
    found = control.pop(0)
    assert [next(iter(operation)) for operation in found] == ["stop", "set"]


def test_adopts_only_when_nothing_newer_is_under_way():
    control = Control()
    control.set({"psi": 0.5})
    control.adopt({"psi": 0.3}, rev=1)
    assert control.value("psi") == 0.5
    control.pop(0)
    control.adopt({"psi": 0.3}, rev=0)
    assert control.value("psi") == 0.5
    control.adopt({"psi": 0.3}, rev=1)
    assert control.value("psi") == 0.3
    assert control.changes() == {"psi": 0.3}


def test_many_hands_at_once():
    control = Control()
    threads = [threading.Thread(target=lambda i=i: [control.set({f"dir/{i}/amount": n / 100}) for n in range(200)])
               for i in range(1, 5)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert control.rev == 800
    assert [control.value(f"dir/{i}/amount") for i in range(1, 5)] == [1.99] * 4


@pytest.mark.parametrize("name", ["calm", "a", "A1._-", "x" * 64])
def test_names(name):
    assert check_name("preset", name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "-a", "a/b", "a\\b", "x" * 65, "a b", "a\n", "ü", None, 5])
def test_what_is_no_name(name):
    with pytest.raises(SettingsError, match="no name"):
        check_name("preset", name)


def test_choose_suggests():
    with pytest.raises(SettingsError, match="did you mean calm"):
        choose("preset", "clam", ["calm", "wild"])


def test_links_do_not_lead_out(tmp_path):
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "link.json").symlink_to(tmp_path / "elsewhere.json")
    assert inside(folder, "own.json") == folder / "own.json"
    with pytest.raises(SettingsError, match="leads out"):
        inside(folder, "link.json")


def test_taps():
    taps = Taps()
    assert taps.tap(10.0) == (True, None)
    assert taps.tap(10.5) == (False, pytest.approx(120))
    assert taps.tap(11.0) == (False, pytest.approx(120))
    assert taps.tap(20.0) == (True, None)
    assert Taps().tap(0.0) == (True, None)


def test_a_bucket():
    now = [0.0]
    bucket = Bucket(10, lambda: now[0])
    assert all(bucket.spend() for _ in range(10))
    assert not bucket.spend()
    now[0] = 0.5
    assert bucket.spend(5)
    assert not bucket.spend()


def test_arguments():
    assert check_arguments("preset/recall", "s|f", ["calm", 2, "more"]) == ["calm", 2]
    for bad in ([], [5], ["calm", "2"], ["calm", True]):
        with pytest.raises(SettingsError):
            check_arguments("preset/recall", "s|f", bad)


@pytest.fixture
def played(tmp_path):
    control = Control()
    return control, Actions(control, Presets(tmp_path), Models(), type("R", (), {"stop": None})())


class Models:
    """Two models, of which one plays."""

    def __init__(self):
        self.playing = "one"

    def names(self):
        return ["one", "two"]

    def load(self, name, *, swap):
        self.playing = name

    def chosen(self):
        return self.playing

    def restore(self):
        self.playing = "one"


def test_seeds_go_round(played):
    control, actions = played
    actions.fire("seed/prev")
    assert control.value("seed") == 2**32 - 1
    actions.fire("seed/next")
    actions.fire("seed/next")
    assert control.value("seed") == 1
    actions.fire("seed/random")
    assert control.value("seed") != 1


def test_actions_wait_for_the_beat_that_is_set(played):
    control, actions = played
    control.set({"tempo/quantise": "bar", "psi": 0.4})
    actions.fire("preset/store", ["one"])
    control.pop(0)
    actions.fire("preset/recall", ["one", 3.0])
    (operation,) = control.pop(0)
    assert (operation["at"], operation["fade"]) == ("bar", 3.0)


def test_tapping_sets_the_tempo(played, monkeypatch):
    control, actions = played
    now = iter([1.0, 1.4, 1.8])
    monkeypatch.setattr("latentart.live.control.actions.time.monotonic", lambda: next(now))
    for _ in range(3):
        actions.fire("tempo/tap")
    assert control.value("tempo/bpm") == pytest.approx(150)
    assert [("resync" in operation) for operation in control.pop(0)] == [True, False]


def test_unknown_actions(played):
    for name in ("nothing", None, 5, "__init__", ["cue/go"]):
        with pytest.raises(SettingsError, match="unknown action"):
            played[1].fire(name)


MODEL = {"z_dim": 2, "w_dim": 3, "num_ws": 4}


def test_the_newest_latent_is_played():
    control = Control()
    control.set({"latent/w": [1, 2, 3]})
    control.set({"latent/z": [0.5, 0.5]})
    assert (control.value("latent/z"), control.value("latent/w")) == ((0.5, 0.5), ())
    control.set({"latent/z": [1, 1], "latent/w": [3, 2, 1]})
    assert (control.value("latent/z"), control.value("latent/w")) == ((), (3, 2, 1))
    (operation,) = control.pop(0)
    assert {name: operation["set"][name] for name in ("latent/z", "latent/w")} == {
        "latent/z": (), "latent/w": (3, 2, 1),
    }  # fmt: skip
    control.set({"latent/w": []})
    assert control.value("latent/w") == ()


def test_latents_of_a_wrong_length_are_refused_with_the_right_one():
    control = Control()
    control.set({"latent/z": [1, 2, 3, 4, 5]})
    control.fit(MODEL)
    assert control.value("latent/z") == ()
    for name, length, wanted in [("latent/z", 3, "takes 2 numbers"), ("latent/w", 4, "takes 3 or 12 numbers")]:
        with pytest.raises(SettingsError, match=f"{name} {wanted} .* not {length}"):
            control.set({name: [0.0] * length})
    for name, length in [("latent/z", 2), ("latent/w", 3), ("latent/w", 12)]:
        control.set({name: [0.0] * length})
        assert len(control.value(name)) == length


def test_every_value_has_the_type_of_the_table():
    control = Control()
    for name, param in TABLE.items():
        kind = {"float": float, "int": int, "bool": bool, "choice": str, "name": str, "vector": tuple}[param.kind]
        assert type(param.default) is kind, name
        for raw in (-1e9, 0, 1, 1e12) if param.kind in ("float", "int", "bool", "choice") else ():
            assert type(control.check(name, raw)) is kind, (name, raw)
        for share in (0, 0.3, 1) if param.has_unit else ():
            assert type(param.from_unit(share)) is kind, (name, share)


def test_a_preset_brings_its_model(played):
    control, actions = played
    control.set({"psi": 0.4, "then/1/network": "mosaic26"})
    actions.fire("preset/store", ["first"])
    actions.models.playing = "two"
    control.set({"psi": 1.2, "then/1/network": ""})
    actions.fire("preset/store", ["second"])
    for name, model, translator in [("first", "one", "mosaic26"), ("second", "two", ""), ("first", "one", "mosaic26")]:
        actions.fire("preset/recall", [name])
        assert (actions.models.playing, control.value("then/1/network")) == (model, translator)
    actions.fire("cue/at", ["second"])
    assert actions.models.playing == "two"
    actions.fire("preset/morph", ["first", "second", 0.2])
    assert actions.models.playing == "one"
    assert [operation.get("scene") for operation in control.pop(0)][-1] is True


def test_a_preset_whose_model_is_gone_changes_nothing(played):
    control, actions = played
    actions.models.playing = "gone"
    actions.fire("preset/store", ["old"])
    actions.models.playing = "one"
    control.set({"psi": 1.5})
    with pytest.raises(SettingsError, match="unknown model 'gone'"):
        actions.fire("preset/recall", ["old"])
    assert control.value("psi") == 1.5


def test_panic_returns_to_a_whole_safe_state(played):
    control, actions = played
    actions.models.playing = "two"
    wild = {
        "latent/w": [1.0],
        "walk/mode": "latent",
        "class/a": 3,
        "audio/rms": 1.0,
        "then/2/network": "cartoon",
        "tempo/quantise": "4bar",
        "tempo/bpm": 90,
        "source": "input",
        "master/fade": 0,
        "bend/1/amount": 1,
    }
    control.set(wild)
    actions.fire("master/panic")
    assert control.values() == defaults() | {"walk/play": False, "tempo/bpm": 90.0}
    assert actions.models.playing == "one"


def test_whoever_shows_presets_learns_of_new_ones(played):
    actions = played[1]
    before = actions.presets.revision
    actions.fire("preset/store", ["calm"])
    actions.presets.write_cues([{"preset": "calm"}])
    assert actions.presets.revision == before + 2
