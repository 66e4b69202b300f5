"""latentart project as it is typed: files, folders, films, and everything that can be wrong with them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from latentart import cli
from latentart.models.base import Generator
from latentart.projection import presets, project, result
from latentart.projection.presets import Preset, Stage
from latentart.projection.search import encoder

QUICK = Preset((Stage("w", 16, 4, 0.2), Stage("w+", 16, 3, 0.1)), noise_steps=2, tune_steps=2)
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    G: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """The command line in an empty folder, with the tiny generator as every network: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(presets.PRESETS, "preview", QUICK)
    monkeypatch.setattr(project.Projector, "of", small(project.Projector.of))
    monkeypatch.setattr(encoder, "STEPS", 3)
    monkeypatch.setattr("latentart.models.load.load", lambda name, device=None: G)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["project", *arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


def small(of: Callable[..., project.Projector]) -> Callable[..., project.Projector]:
    """`Projector.of` with a small bank, each kind made once."""
    made: dict[tuple[str, str], project.Projector] = {}

    def cached(G: Generator, features: str, *, encoder: str) -> project.Projector:
        if (features, encoder) not in made:
            made[features, encoder] = of(G, features, 32, encoder)
        return made[features, encoder]

    return cached


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (24, 20)) -> Path:
    path.parent.mkdir(exist_ok=True)
    rng = np.random.RandomState(seed)
    small = Image.fromarray(rng.randint(0, 255, (4, 4, 3), np.uint8))
    small.resize(size).save(path)
    return path


def test_a_picture_becomes_a_bundle_and_a_side_by_side(run: Command, G: Generator, tmp_path: Path) -> None:
    picture(tmp_path / "photo.png")
    code, out, err = run("photo.png", "--preset", "preview", "-o", "here")
    assert code == 0, err
    assert "here/photo.npz: loss" in out
    made = result.load(tmp_path / "here" / "photo.npz", G)
    assert made.ws.shape == (1, G.num_ws, G.w_dim)
    shown = np.asarray(Image.open(tmp_path / "here" / "photo.png"))
    assert shown.shape == (16, 32, 3)
    drawn = ((made.render(G)[0].clamp(-1, 1) * 127.5 + 128).clamp(0, 255).to(torch.uint8)).permute(1, 2, 0).numpy()
    assert np.abs(shown[:, 16:].astype(int) - drawn).max() <= 1
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == ["photo.npz", "photo.png"]


def test_a_folder_does_only_what_is_missing(run: Command, tmp_path: Path) -> None:
    for i in range(3):
        picture(tmp_path / "in" / f"{i}.png", i)
    assert run("in", "--preset", "preview", "--batch", "2")[0] == 0
    first = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "projected").glob("*.npz")}
    assert sorted(first) == ["0.npz", "1.npz", "2.npz"]
    (tmp_path / "projected" / "1.npz").unlink()
    code, out, err = run("in", "--preset", "preview")
    assert code == 0
    assert "2 of 3 are there already" in err
    assert out.count("loss") == 1
    again = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "projected").glob("*.npz")}
    assert (again["0.npz"], again["2.npz"]) == (first["0.npz"], first["2.npz"])
    assert run("in", "--preset", "preview", "--overwrite")[1].count("loss") == 3


def test_other_settings_do_not_replace_what_is_there(
    run: Command, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture(tmp_path / "a.png")
    run("a.png", "--preset", "preview", "--space", "w")
    assert run("a.png", "--preset", "preview")[0] == 0
    assert "a.npz is kept, though it was made with {'space': 'w'}" in caplog.text


def test_interrupted_in_the_middle_nothing_done_is_lost(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(3):
        picture(tmp_path / "in" / f"{i}.png", i)
    save, count = result.save, []

    def saving(*args: object, **options: object) -> Path:
        path = save(*args, **options)  # type: ignore[arg-type]
        count.append(path)
        if len(count) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return path

    monkeypatch.setattr(result, "save", saving)
    assert run("in", "--preset", "preview", "--batch", "1")[0] == 130
    monkeypatch.setattr(result, "save", save)
    kept = sorted(p.name for p in (tmp_path / "projected").iterdir())
    assert kept == ["0.npz", "0.png"]
    assert run("in", "--preset", "preview")[1].count("loss") == 2


def test_one_bad_file_does_not_stop_a_folder(run: Command, tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_text("no picture")
    picture(tmp_path / "in" / "c.png", 2)
    code, out, err = run("in", "--preset", "preview")
    assert code == 1
    assert out.count("loss") == 2
    assert "left out: cannot open image" in err
    assert "1 of 3 pictures could not be read" in err.splitlines()[-1]


def test_noise_tune_align_and_film(run: Command, G: Generator, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    code, _, err = run("a.png", "--preset", "preview", "--noise", "--tune", "--align", "--film", "--space", "w")
    assert code == 0, err
    made = result.load(tmp_path / "projected" / "a.npz", G)
    assert set(made.noise) == set(G.noise_shapes)
    assert made.delta
    with av.open(str(tmp_path / "projected" / "a.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 4 + 25
    assert frames[0].shape == (16, 32, 3)


def test_masks_by_file_and_by_folder(run: Command, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    Image.new("L", (24, 20), 255).save(tmp_path / "m.png")
    assert run("a.png", "--preset", "preview", "--mask", "m.png")[0] == 0
    Image.new("L", (8, 8), 255).save(tmp_path / "m.png")
    code, _, err = run("a.png", "--preset", "preview", "--mask", "m.png", "-o", "b")
    assert code == 1
    assert "is 8x8 pixels, its picture 24x20" in err
    (tmp_path / "masks").mkdir()
    Image.new("L", (24, 20), 255).save(tmp_path / "masks" / "a.png")
    assert run("a.png", "--preset", "preview", "--mask", "masks", "-o", "c")[0] == 0


def test_strokes_on_a_picture_are_followed(run: Command, G: Generator, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    strokes = np.zeros((20, 24, 4), np.uint8)
    strokes[:, 12:] = 255
    Image.fromarray(strokes).save(tmp_path / "s.png")
    code, _, err = run("a.png", "--preset", "preview", "--scribble", "s.png")
    assert code == 0, err
    assert result.load(tmp_path / "projected" / "a.npz", G).settings["projection"]["strokes"] is True
    shown = np.asarray(Image.open(tmp_path / "projected" / "a.png"))
    assert shown[:, 9:16].min() > 250


def test_a_film_is_projected_frame_by_frame(
    run: Command, G: Generator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with av.open(str(tmp_path / "clip.mp4"), "w") as film:
        stream = film.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for i in range(4):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 40 * i, np.uint8), format="rgb24")
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    code, _, err = run("clip.mp4", "--preset", "preview")
    assert code == 0, err
    assert result.load(tmp_path / "projected" / "clip.npz", G).ws.shape == (4, G.num_ws, G.w_dim)
    with av.open(str(tmp_path / "projected" / "clip.mp4")) as film:
        assert film.streams.video[0].average_rate == 10
    assert "is there already" in run("clip.mp4", "--preset", "preview")[2]
    first, *others = [Image.fromarray(np.full((16, 16, 3), v, np.uint8)) for v in (20, 90, 160)]
    for name in ("moving.gif", "moving.webp", "moving.png"):
        first.save(tmp_path / name, save_all=True, append_images=others, duration=100, lossless=True)
        assert run(name, "--preset", "preview", "--overwrite")[0] == 0
        assert result.load(tmp_path / "projected" / "moving.npz", G).ws.shape[0] == 3
    (tmp_path / "folder").mkdir()
    (tmp_path / "moving.gif").rename(tmp_path / "folder" / "still.gif")
    run("folder", "--preset", "preview")
    assert "still.gif moves: its first frame is taken" in caplog.text
    (tmp_path / "bad.mp4").write_text("no film")
    assert "cannot read film" in run("bad.mp4", "--preset", "preview")[2]


def test_an_encoder_is_trained_and_kept(run: Command, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    assert run("a.png", "--preset", "preview", "--train-encoder")[0] == 0
    assert len(list((tmp_path / "cache" / "encoders").iterdir())) == 1
    assert run("a.png", "--preset", "preview", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to project"),
        (["none.png"], "'none.png' does not exist"),
        (["empty"], "there is no picture in 'empty'"),
        (["a.png", "--preset", "depp"], "did you mean deep"),
        (["a.png", "--space", "z"], "unknown space 'z'"),
        (["a.png", "--fit", "corp"], "did you mean crop"),
        (["a.png", "--features", "vgg"], "did you mean vgg16"),
        (["a.png", "--mask", "none"], "cannot find mask 'none'"),
        (["a.png", "--scribble", "none"], "cannot find strokes 'none'"),
        (["a.png", "--features", "critic"], "'landscapes-256' keeps no discriminator"),
        (["a.png", "--seed", "-1"], "out of range"),
        (["a.png", "-o", "a.png"], "cannot make folder 'a.png'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run: Command, tmp_path: Path, arguments: list[str], message: str) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    code, _, err = run(*arguments, *([] if "--preset" in arguments else ["--preset", "preview"]))
    assert code == 1
    assert message in err.splitlines()[-1]


def test_a_bundle_of_another_checkpoint_is_not_taken_for_done(run: Command, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    run("a.png", "--preset", "preview")
    path = tmp_path / "projected" / "a.npz"
    made = result.load(path)
    other = {**made.settings, "checkpoint": {"name": "another", "sha256": "e" * 64}}
    result.save(result.Projection(made.ws, settings=other), path, overwrite=True)
    code, _, err = run("a.png", "--preset", "preview")
    assert code == 1
    assert "name the right checkpoint with --network" in err
