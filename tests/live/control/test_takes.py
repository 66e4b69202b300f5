"""Journals: written, read, cut off, damaged."""

from __future__ import annotations

import json

import av
import pytest
import torch

from latentart import provenance
from latentart.errors import SettingsError, TargetError
from latentart.live.control.takes import Takes, read_take
from latentart.live.play.instrument import Instrument
from latentart.live.play.replay import render_take, take_frames, without_rev

FACTS = {"fps": 30, "size": [16, 16], "threads": 1}


def snapshot(G):
    return {**Instrument(G, 30).snapshot(), "model": G.name, "sha256": G.sha256, "engine": "eager", "directions": ""}


@pytest.fixture
def recorded(G, tmp_path):
    takes = Takes(tmp_path, FACTS)
    takes.start("one")
    takes.passed(9, [{"do": {"set": {"psi": 0.1}}}])
    takes.begin(10, snapshot(G))
    for frame in range(10, 20):
        takes.passed(frame, [{"do": {"set": {"psi": frame / 10}, "rev": frame}}] if frame % 4 == 0 else [])
    takes.mark("chorus")
    takes.stop()
    return tmp_path / "one.jsonl"


def test_a_take_begins_with_its_snapshot_and_ends_where_it_was_stopped(recorded):
    take = read_take(recorded)
    assert (take.frame, take.end, take.num_frames) == (10, 20, 10)
    assert sorted(take.events) == [12, 16]
    assert take.marks == {20: "chorus"}
    assert (take.network, take.fps, take.size) == ("tiny", 30.0, (16, 16))
    assert take.models() == {"tiny": "eager"}


def test_it_is_rendered(G, recorded):
    take = read_take(recorded)
    frames = list(take_frames(G, take))
    assert (len(frames), frames[0].shape) == (10, (16, 16, 3))
    part = list(take_frames(G, take, start=3, stop=7))
    assert [f.tobytes() for f in part] == [f.tobytes() for f in frames[3:7]]
    assert next(take_frames(G, take, size=(32, 24), only="eager")).shape == (24, 32, 3)


def test_a_model_that_was_a_file_is_found_again(G, tmp_path):
    files = {"mine": str(tmp_path / "models" / "mine.pkl"), "card": str(tmp_path / "card.pkl")}
    takes = Takes(tmp_path / "takes", {**FACTS, "files": files})
    takes.start("one")
    takes.begin(0, {**snapshot(G), "model": "mine"})
    takes.stop()
    take = read_take(tmp_path / "takes" / "one.jsonl")
    assert take.source("glyphs-64") == "glyphs-64"
    with pytest.raises(
        SettingsError, match=r"models/mine\.pkl' \(sha256 0{12}\.\.\.\), which is not there: .*--network FILE"
    ):
        take.source("mine")
    (tmp_path / "takes" / "mine.pkl").touch()
    assert take.source("mine") == str(tmp_path / "takes" / "mine.pkl")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.pkl").touch()
    assert take.source("mine") == files["mine"]


@pytest.mark.parametrize("files", [5, [], {"mine": 5}, {"mine": None}, "x"])
def test_damaged_places_of_files_are_left_out(files, G, tmp_path):
    takes = Takes(tmp_path, {**FACTS, "files": files})
    takes.start("one")
    takes.begin(0, snapshot(G))
    takes.stop()
    assert read_take(tmp_path / "one.jsonl").source("mine") == "mine"


def test_a_film_of_a_take_keeps_no_folders(G, tmp_path):
    takes = Takes(tmp_path, {**FACTS, "files": {"tiny": str(tmp_path / "tiny.pkl")}})
    takes.start("one")
    takes.begin(0, snapshot(G))
    takes.passed(0, [])
    takes.stop()
    film = render_take(read_take(tmp_path / "one.jsonl"), tmp_path / "film.mp4", G=G)
    assert str(tmp_path) not in json.dumps(provenance.read(film))


def test_it_becomes_a_film(G, recorded, tmp_path):
    threads = torch.get_num_threads()
    film = render_take(read_take(recorded), tmp_path / "film.mp4", G=G)
    assert torch.get_num_threads() == threads
    with av.open(film) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 30
    assert len(frames) == 10
    assert provenance.read(film)["take"]["network"] == "tiny"


def test_wrong_wishes(G, G_classes, recorded):
    take = read_take(recorded)
    with pytest.raises(SettingsError, match="outside"):
        take_frames(G, take, start=5, stop=11)
    with pytest.raises(SettingsError, match="choice"):
        next(take_frames(G, take, only="nothing"))
    G_classes.sha256 = "1" * 64
    with pytest.raises(SettingsError, match="was played on"):
        take_frames(G_classes, take)
    G_classes.sha256 = "0" * 64


def test_a_change_of_model_asks_for_it(G, G_classes, recorded):
    with recorded.open("a") as file:
        file.write(json.dumps({"frame": 20, "events": [{"model": "letters", "engine": "eager"}]}) + "\n")
        file.write(json.dumps({"frame": 25, "end": True}) + "\n")
    take = read_take(recorded)
    asked = []
    frames = list(take_frames(G, take, open_model=lambda name: asked.append(name) or G_classes))
    assert (len(frames), asked) == (15, ["letters"])
    assert frames[9].tobytes() != frames[10].tobytes()


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_power_cut_costs_the_last_line(recorded, cut, caplog):
    text = recorded.read_text()
    recorded.write_text(text[:-cut])
    take = read_take(recorded)
    assert take.num_frames >= 7
    assert sorted(take.events) == [12, 16]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "5\n", "[]\n", '{"latentart": "take", "version": 2}\n', '{"latentart": "take", "version": 1}\n',
     '{"latentart": "preset", "version": 1}\n', "{\n{}\n", "[" * 100_000 + "\n{}\n"],
)  # fmt: skip
def test_what_is_no_take(tmp_path, text):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        read_take(path)
    assert "\n" not in str(refused.value)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(SettingsError, match="cannot read"):
        read_take(tmp_path / "none.jsonl")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\0")
    with pytest.raises(SettingsError, match="cannot read"):
        read_take(tmp_path / "binary.jsonl")


def test_takes_are_numbered_and_never_overwritten(G, tmp_path):
    takes = Takes(tmp_path, FACTS)
    for _ in range(2):
        takes.start()
        takes.begin(0, snapshot(G))
        with pytest.raises(SettingsError, match="stop it first"):
            takes.start()
        takes.stop()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["take0001.jsonl", "take0002.jsonl"]
    with pytest.raises(TargetError, match="exists"):
        takes.start("take0001")
    with pytest.raises(SettingsError, match="no take"):
        takes.mark("x")
    takes.stop()


def test_a_full_disk_ends_the_take_and_not_the_show(G, tmp_path, caplog):
    takes = Takes(tmp_path, FACTS)
    takes.start("one")
    takes.begin(0, snapshot(G))

    class Full:
        def write(self, text):
            raise OSError(28, "No space left on device")

    takes._file.close()
    takes._file = Full()
    takes.passed(1, [{"do": {}}])
    assert takes.recording is None
    assert "No space" in caplog.text


def test_revisions_are_of_one_evening():
    assert without_rev({"do": {"set": {"psi": 1}, "rev": 4}}) == {"do": {"set": {"psi": 1}}}
    assert without_rev({"model": "x"}) == {"model": "x"}
