"""Scores: what is read, what is refused and where, and the frames that come of it."""

from __future__ import annotations

import json
import wave
from dataclasses import fields, replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from conftest import tiny

from latentart.errors import SettingsError
from latentart.exhibition import parse, players, render, validate
from latentart.exhibition import schema as schemas
from latentart.exhibition.canvas import Exhibit, OpenedScore
from latentart.exhibition.score import Section
from latentart.exhibition.synth import PIECES
from latentart.jobs.run import run
from latentart.media import transparency
from latentart.render import film as films
from latentart.render.frames import frames
from tests.translators.upscale.test_upscaling import real as esrgan_tensors

BASE = """
title = "small"
fps = 10
size = "64x48"

[[section]]
seeds = [3, 11]
seconds = 2
"""


def score(text="", base=BASE):
    return parse.from_text(base + text)


def stage(text="", base=BASE, models=None, hearing=None):
    read = score(text, base)
    return OpenedScore(read, models or {"landscapes-256": tiny()}, hearing)


def all_frames(opened):
    return np.stack([opened.canvas(n) for n in range(opened.score.frames)]).astype(int)


def test_a_score_is_one_tree_of_frozen_values():
    read = score('transition = { kind = "fade", seconds = 1 }\n[section.play]\npsi = "0.4..0.9 sine"\nlight = 1\n')
    [section] = read.section
    assert (read.size, read.frames, section.film.seeds) == ((64, 48), 20, (3, 11))
    assert section.transition.kind == "fade"
    assert section.play == (("psi", "0.4..0.9 sine"), ("light", "1"))
    assert hash(read) == hash(replace(read))


def test_seeds_and_sizes_may_be_written_as_on_the_command_line():
    read = parse.from_text('size = [32, 32]\n[[section]]\nseeds = "3,11-13"\nfps_ = 1\n'.replace("fps_ = 1\n", ""))
    assert (read.size, read.section[0].film.seeds) == ((32, 32), (3, 11, 12, 13))


WRONG = {
    "unknown key": ("[[section]]\nsedes = [3]", "line 2: unknown key 'sedes': did you mean seeds?"),
    "unknown table": ("[grit]\nrows = 2", "line 1: unknown key 'grit': did you mean grid?"),
    "type": ("fps = true", "line 1: fps is True: give text or a number"),
    "seeds": ("[[section]]\nseeds = [1.5]", "line 2: seeds is [1.5]: give whole numbers"),
    "walk": ('[[section]]\nseeds = [1]\nwalk = "orbt"', "line 3: unknown walk 'orbt': did you mean orbit?"),
    "second": ("[[section]]\nseeds = [1]\n[[section]]\npsi = 'x'", "line 4: psi is 'x': give a number"),
    "colour": ('background = "red"', "line 1: background: 'red' is no colour"),
    "no section": ("fps = 30", ": the score has no section"),
    "tiles": (
        "[[section]]\nseeds = [1]\nseconds = 3\ntiles = [2, 1]\nbends=['rotate=30@b8.conv1']",
        "line 1: tiles goes with neither bend, blend nor",
    ),
    "then": (
        "[[section]]\nseeds = [1]\nthen = ['cartoon', 'stile:a']",
        "line 3: then: unknown translator kind 'stile'",
    ),
    "bends": ("[[section]]\nseeds = [1]\nbends = ['rotat=30@b8.conv1']", "line 3: bends:"),
    "blend": ("[[section]]\nseeds = [1]\nblend = 'other'", "line 3: blend:"),
    "sequence": (
        "[[section]]\nseeds=[1]\n[[output]]\nending='/'\nformat='h264'",
        "line 5: unknown format of a sequence",
    ),
    "alpha of ten bits": (
        "alpha='luma'\n[[section]]\nseeds=[1]\n[[output]]\nformat='hevc'",
        "hevc has no transparency",
    ),
    "no seeds": ("[[section]]\nseconds = 3", "line 1: this section has no seeds"),
    "seconds": ("[[section]]\nseeds = [1]\nseconds = 0", "line 3: 0 seconds is no length"),
    "single": ("[section]\nseeds = [1]", "line 1: section is"),
    "transition": ("[[section]]\nseeds=[1]\nseconds=1\n[section.transition]\nseconds = 3", "line 5: a transition of 3"),
    "course": ("[[section]]\nseeds = [1]\n[section.play]\npsi = '0.5 +'", "line 4: cannot read '0.5 +'"),
    "silence": ("[[section]]\nseeds = [1]\n[section.play]\npsi = 'low'", "line 4: 'low' is heard"),
    "parameter": ("[[section]]\nseeds = [1]\n[section.play]\nps = 1", "line 4: unknown parameter 'ps'"),
    "mix": ("[[section]]\nseeds = [1]\n[section.play]\nmix = 1", "line 4: mix needs the seed"),
    "voices": ("[[section]]\nseeds=[1]\n[[section]]\nseeds=[1]\nvoice='b'\nseconds=3", "line 3: voice 'b' lasts 3"),
    "tile": ("[[section]]\nseeds=[1]\n[[tile]]\nat=[1900, 0]\nsize='64x64'", "line 3: 64x64 at [1900, 0] is not on"),
    "voice": ("[[section]]\nseeds=[1]\n[[tile]]\nvoice='mian'", "line 4: unknown voice 'mian': did you mean main?"),
    "both": ("[[section]]\nseeds=[1]\n[[tile]]\n[grid]\nrows=2", "line 4: the score has tiles and a grid"),
    "screens": ("[[section]]\nseeds=[1]\n[[screen]]\n[[screen]]", "line 3: screen name ''"),
    "format": ("[[section]]\nseeds=[1]\n[[output]]\nformat='ffv1'", "line 4: format 'ffv1' does not go into '.mp4'"),
    "outputs": ("[[section]]\nseeds=[1]\n[[output]]\n[[output]]", "line 4: two outputs end in '.mp4'"),
    "odd": ("size='33x33'\n[[section]]\nseeds=[1]", "h264 needs even sides"),
    "alpha": ("alpha='luma'\n[[section]]\nseeds=[1]", "h264 has no transparency"),
    "gif": ("alpha='luma'\n[[section]]\nseeds=[1]\n[[output]]\nending='.gif'", "line 4: a GIF has no soft"),
    "repeat": ("[[section]]\nseeds=[1]\n[[output]]\nending='.gif'\nrepeat=2", "line 3: '.gif' takes no"),
    "synth": ("audio = { synth = 'bels' }", "line 1: unknown synth 'bels': did you mean bells?"),
    "not toml": ("fps = = 3", "this is not TOML"),
    "columns": ("[grid]\ncolumns = 0", "line 2: columns: 0 is impossible: give 1 to 16"),
    "play": ("[[section]]\nseeds=[1]\nplay = {psi = [1]}", "psi is [1]: give a number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_line(case):
    text, said = WRONG[case]
    with pytest.raises(SettingsError) as error:
        parse.from_text(text, "wall.toml")
    assert str(error.value).startswith("wall.toml")
    assert said in str(error.value)


@pytest.mark.parametrize("seconds", [0.5, 1, 2, 3])
def test_a_transition_nobody_asked_for_is_no_longer_than_its_section(seconds):
    read = parse.from_text(f"fps = 10\n[[section]]\nseeds = [1, 2]\nseconds = {seconds}\n")
    assert read.section[0].crossing == min(2, seconds)


def test_every_name_of_film_works_in_a_section():
    from latentart.cli.render.film import command

    known = {*schemas.members(Section), *schemas.ALIASES}
    for option in command.params:
        if option.name in {f.name for f in fields(films.Film)} - set(schemas.NOT_IN_SECTIONS):
            for spelling in option.opts:
                name = spelling.removeprefix("--")
                assert schemas.key_of(Section, name) == option.name, spelling
                assert name.replace("-", "_") in known
    text = "[[section]]\nseeds = [1, 2]\nclass = 'A,B'\ntrunc = 0.5\ntruncation-cutoff = 3\nedit = 'pca:1=1'\n"
    film = parse.from_text(text).section[0].film
    assert (film.classes, film.psi, film.cutoff, film.edits) == ("A,B", 0.5, 3, ("pca:1=1",))
    with pytest.raises(SettingsError, match="line 3: psi and trunc are the same: leave one out"):
        parse.from_text("[[section]]\ntrunc = 0.5\npsi = 0.5\nseeds = [1]")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom"])
def test_scores_of_every_editor_are_read(encoding, tmp_path):
    text = 'title = "été"\n' + BASE.replace('title = "small"\n', "")
    mark = {"utf-16-le-bom": b"\xff\xfe", "utf-16-be-bom": b"\xfe\xff"}.get(encoding, b"")
    (tmp_path / "a.toml").write_bytes(mark + text.encode(encoding.removesuffix("-bom")))
    assert parse.read(tmp_path / "a.toml").title == "été"


def test_a_score_that_is_no_utf8_is_told_with_its_line(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"fps = 10\ntitle = '\xe9'\n")
    with pytest.raises(SettingsError, match=r"a\.toml line 2: this is not UTF-8 text: save"):
        parse.read(tmp_path / "a.toml")


def test_errors_of_a_score_name_its_keys():
    with pytest.raises(SettingsError, match=r"section 1: .*leave out class A$"):
        stage("class = 'A'\n")
    assert schemas.as_keys("leave out --mix-seed, or say --overwrite") == "leave out mix_seed, or say --overwrite"


def test_a_missing_file_or_sound_is_named(tmp_path):
    with pytest.raises(SettingsError, match="cannot read the score"):
        parse.read(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_text('audio = "none.wav"\n' + BASE)
    with pytest.raises(SettingsError, match=r"a\.toml line 1: there is no sound 'none\.wav' beside"):
        parse.read(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text('[[section]]\nseconds = 9\nseeds = [1, 2]\nnetwork = "landscape-256"\n')
    with pytest.raises(SettingsError, match=r"a\.toml line 4: unknown checkpoint 'landscape-256': did you mean land"):
        parse.read(tmp_path / "a.toml")


def test_the_schema_knows_every_key_of_the_exhibitions():
    import tomllib

    schema = json.loads(json.dumps(schemas.schema(parse.CHOICES)))
    assert schema["properties"]["section"]["items"]["properties"]["walk"]["enum"] == [
        "drift",
        "flower",
        "keyframes",
        "orbit",
    ]
    for file in (Path(__file__).parents[2] / "exhibitions").glob("*.toml"):
        assert tomllib.loads(file.read_text()).keys() <= schema["properties"].keys()


def steps(frames):
    """Mean change from each frame to the next; the last one leads to the first."""
    return np.abs(frames - np.roll(frames, -1, axis=0)).mean(axis=(1, 2, 3))


def jump(opened):
    """The largest step of the loop, in steps of its neighbours."""
    change = steps(all_frames(opened))
    return (change / np.maximum(np.roll(change, 1), np.roll(change, -1))).max()


SMALL = 'fps = 20\nsize = "16x16"\n'


TWO = """
[[section]]
seeds = [3]
walk = "orbit"
diameter = 0.3
seconds = 2
transition = { seconds = 1, kind = "KIND" }

[[section]]
seeds = [20]
walk = "orbit"
diameter = 0.3
seconds = 1
transition = { seconds = 1, kind = "KIND" }
"""


@pytest.mark.parametrize("kind", ["auto", "morph", "fade"])
def test_sections_flow_into_each_other_and_the_last_into_the_first(kind):
    assert jump(stage(TWO.replace("KIND", kind), SMALL)) < 1.5


def test_a_cut_is_a_cut():
    assert jump(stage(TWO.replace("KIND", "cut"), SMALL)) > 3


def test_models_that_differ_fade_and_refuse_to_morph():
    two = TWO.replace("seeds = [20]", 'seeds = [20]\nnetwork = "other"')
    models = {"landscapes-256": tiny(), "other": tiny("other", seed=5, resolution=32)}
    assert jump(stage(two.replace("KIND", "auto"), SMALL, models)) < 1.5
    with pytest.raises(SettingsError, match="cannot morph from"):
        stage(two.replace("KIND", "morph"), SMALL, models)


def test_psi_that_moves_is_the_psi_of_the_walk_where_it_stands():
    moving = stage('[section.play]\npsi = "0.7"\n')
    still = stage("psi = 0.7\n")
    assert np.abs(all_frames(moving) - all_frames(still)).max() <= 1


def test_parameters_move_the_picture():
    plain = stage("psi = 1\n").canvas(5).astype(int)
    for text in ("psi = 0", "mix = 1", "phase = 0.3", "light = 0.5", '"pca:1" = 3', '"sefa:coarse:1@coarse" = "3"'):
        moved = stage(f"psi = 1\nmix_seed = 9\nmix_layers = 'coarse'\n[section.play]\n{text}\n")
        base = plain if "mix" not in text else stage("psi = 1\n").canvas(5).astype(int)
        if "mix" not in text:
            base = stage("psi = 1\nmix_seed = 9\nmix_layers = 'coarse'\n").canvas(5).astype(int)
        assert np.abs(moved.canvas(5).astype(int) - base).mean() > 1, text


def test_light_zero_is_black():
    assert stage("[section.play]\nlight = 0\n").canvas(3).max() == 0


def test_tiles_mirrors_shifts_and_colours():
    opened = stage(
        '[[tile]]\nsize = "32x48"\n[[tile]]\nat = [32, 0]\nsize = "32x48"\nmirror = "x"\n'
        '[[screen]]\nname = "a"\nsize = "32x48"\n[[screen]]\nname = "b"\nat = [32, 0]\nsize = "32x48"\n'
    )
    left, right = opened.pictures(4)
    assert np.array_equal(left, right[:, ::-1])
    assert np.array_equal(np.concatenate([left, right], axis=1), opened.canvas(4))
    shifted = stage("[[tile]]\nshift = 0.5\n")
    assert np.array_equal(shifted.canvas(0), stage().canvas(5))
    assert np.array_equal(shifted.canvas(16), stage().canvas(1))
    inked = stage('[[tile]]\ncolours = ["#ff0000", "#ffff00"]\n').canvas(0)
    assert (inked[..., 0].min(), inked[..., 2].max()) == (255, 0)


def test_a_grid_gives_voices_in_turn_and_covers_the_canvas():
    read = score('[[section]]\nvoice = "b"\nseeds = [5]\nseconds = 2\n[grid]\ncolumns = 3\nrows = 2\nmirror = "x"\n')
    tiles = read.tiles()
    assert [tile.voice for tile in tiles] == ["main", "b"] * 3
    assert sum(tile.size[0] * tile.size[1] for tile in tiles) == 64 * 48
    assert [tile.mirror for tile in tiles] == ["", "x", ""] * 2


def test_any_range_of_frames_is_the_same():
    opened, again = stage('noise_mode = "random"\n'), stage('noise_mode = "random"\n')
    there = [opened.canvas(n) for n in range(6)]
    assert np.array_equal(again.canvas(4), there[4])


def test_alpha_is_brightness():
    canvas = stage('[[output]]\nending = ".mov"\n', 'alpha = "luma"\n' + BASE).canvas(0)
    plain = stage().canvas(0)
    assert np.array_equal(canvas[..., 3], plain.max(axis=2))
    # Laid over black it is the picture, and no colour is darker than its alpha makes it.
    assert np.abs(transparency.over(canvas).astype(int) - plain).max() <= 1
    assert (canvas[..., :3].max(axis=2)[canvas[..., 3] > 0] == 255).all()


def test_a_preview_is_small_and_keeps_the_layout():
    read = parse.read(Path(__file__).parents[2] / "exhibitions" / "triptych.toml")
    small = render.preview_of(read)
    assert (small.size, small.fps, small.screen) == ((320, 190), "25", ())
    validate.check(small)
    assert sum(tile.size[0] for tile in small.tile) == 320
    assert render.preview_of(replace(read, fps=60)).rate == 15


def test_players_are_asked_before_the_film_travels():
    assert players.check(score(), "browser") == []
    assert players.check(score("[[output]]\nending = '.webp'\n[[output]]\nending = '.gif'\n"), "browser") == []
    assert players.check(score("[[output]]\nending = '.webp'\n"), "resolume") == [
        "it takes .mov or .mp4 or .gif, not '.webp'"
    ]
    said = players.check(score('[[output]]\nending = ".mov"\n'), "pi-hevc")
    assert "it takes .mp4 or .mkv, not '.mov'" in said
    large = score(base=BASE.replace("64x48", "4096x2160"))
    assert any("largest" in line for line in players.check(large, "pi4-h264"))
    wide = score("[[output]]\nending = '.mp4'\nformat = 'h264'\n", BASE.replace("64x48", "3840x2160"))
    assert players.check(wide, "brightsign") == ["h264 above 1920 pixels: use hevc"]
    assert all(player.source for player in players.PLAYERS.values())
    with pytest.raises(SettingsError, match="unknown player"):
        players.check(score(), "vlc")
    assert torch.get_num_threads() <= 2
    assert PIECES


def test_sixteen_bits_are_the_picture_and_eight_are_its_rounding():
    both = BASE + "[[output]]\n[[output]]\nending = '/'\nformat = 'png16'\n"
    opened, plain = stage(base=both), stage()
    eight, sixteen = opened.pictures(3)
    assert (eight.dtype, sixteen.dtype) == (np.uint8, np.uint16)
    assert np.array_equal(eight, plain.pictures(3)[0])
    [tile] = opened.tiles
    drawn = opened._picture(tile, 3, {})[0].permute(1, 2, 0).double().clamp(-1, 1).numpy()
    assert np.abs(sixteen - (drawn + 1) * 32767.5).max() <= 0.51
    assert len(np.unique(sixteen)) > 4 * len(np.unique(eight))


@pytest.mark.parametrize(("name", "ending"), [("png16", "*.png"), ("tiff16", "*.tif")])
def test_a_score_gives_sequences_of_sixteen_bits(name, ending, tmp_path, monkeypatch):
    monkeypatch.setattr("latentart.exhibition.canvas.load", lambda name, device: tiny())
    read = score(f"[[output]]\nending = '/'\nformat = '{name}'\n[[output]]\nending = '.mkv'\nformat = 'ffv1-16'\n")
    job = render.make_job(read, "small", tmp_path, frames=3)
    folder, film = run(job, workers=0)
    expected = next(iter(job.source.frames(2, 3)))[0]
    pictures = sorted(folder.glob(ending))
    assert len(pictures) == 3
    for path, place in ((pictures[2], 0), (film, 2)):
        with av.open(str(path)) as opened:
            shown = list(opened.decode(video=0))[place].to_ndarray(format="rgb48le")
        assert np.array_equal(shown, expected)


SHORT = """
fps = 20
size = "32x16"
[[section]]
seeds = [3, 11]
seconds = 0.5
transition = { kind = "cut" }
"""


@pytest.mark.parametrize(
    "text", ['then = ["style:mosaic26:7@0.5"]', 'bends = ["rotate=0..90@b8.conv1"]', "tiles = [2, 1]\npace = 'even'"]
)
def test_translators_bends_and_tiles_are_those_of_a_film(text):
    """A section is a film: what its keys do is what `latentart film` does with them."""
    G = tiny()
    opened = stage(text, SHORT, {"landscapes-256": G})
    film = replace(opened.score.section[0].film, fps="20")
    path = films.make_path(film, G)
    how = {"scene": films.make_scene(film, G, path), "then": films.make_then(film, G, fast=False), "size": (32, 16)}
    [wanted] = frames(G, path, start=4, stop=5, **how)
    assert np.abs(opened.canvas(4).astype(int) - wanted).max() <= 1
    assert np.abs(opened.canvas(4).astype(int) - stage("", SHORT).canvas(4)).max() > 5


def test_what_is_played_reaches_a_picture_of_several_tiles():
    moved = stage("tiles = [2, 1]\n[section.play]\npsi = 0\n", SHORT)
    assert np.abs(moved.canvas(2).astype(int) - stage("tiles = [2, 1]\n", SHORT).canvas(2)).mean() > 5


def test_sections_drawn_in_other_ways_fade_and_refuse_to_morph():
    bent = TWO.replace("seeds = [20]", 'seeds = [20]\nbends = ["rotate=90@b8.conv1"]')
    assert jump(stage(bent.replace("KIND", "auto"), SMALL)) < 1.5
    with pytest.raises(SettingsError, match="drawn in other ways"):
        stage(bent.replace("KIND", "morph"), SMALL)


def test_an_even_pace_is_found_out_once_and_travels(monkeypatch):
    text = "pace = 'even'\n"
    first = stage(text)
    monkeypatch.setattr("latentart.latent.path._picture_steps", None)
    again = stage(text, hearing=first.found)
    assert np.array_equal(again.canvas(7), first.canvas(7))
    assert not np.array_equal(first.canvas(7), stage().canvas(7))


def test_files_are_found_beside_the_score_and_known_by_their_content(tmp_path, monkeypatch):
    monkeypatch.setattr("latentart.exhibition.canvas.load", lambda name, device: tiny())
    torch.save({"params_ema": esrgan_tensors(blocks=1, doublings=1)}, tmp_path / "x2.pth")
    (tmp_path / "wall.toml").write_text('upscale = "x2.pth"\n' + BASE + "then = ['translate:faces.pth@0.5']\n")
    (tmp_path / "faces.pth").touch()
    read = parse.read(tmp_path / "wall.toml")
    assert read.section[0].film.then == (f"translate:{tmp_path}/faces.pth@0.5",)
    read = replace(read, section=(replace(read.section[0], film=replace(read.section[0].film, then=())),))
    record = render.make_job(read, "wall", tmp_path).plan.settings
    assert str(tmp_path) not in json.dumps(record)
    assert (record["score"]["upscale"], record["upscaler"]["name"]) == ("x2.pth", "x2")
    assert len(record["upscaler"]["sha256"]) == 64
    larger = Exhibit(read, "cpu").open().canvas(2).astype(int)
    assert np.abs(larger - stage().canvas(2)).mean() > 1


def test_a_sound_that_changes_makes_another_job(tmp_path, monkeypatch):
    monkeypatch.setattr("latentart.exhibition.canvas.load", lambda name, device: tiny())
    keys = set()
    for tone in (100, 200):
        samples = (np.sin(np.arange(96000) * tone / 5000) * 9000).astype("<i2")
        with wave.open(str(tmp_path / "a.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(48000)
            file.writeframes(samples.tobytes())
        (tmp_path / "wall.toml").write_text('audio = "a.wav"\n' + BASE)
        keys.add(render.make_job(parse.read(tmp_path / "wall.toml"), "wall", tmp_path).plan.key)
    assert len(keys) == 2
