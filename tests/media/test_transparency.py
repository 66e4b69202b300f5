"""One rule for transparency on every route: kept where the result can hold it, otherwise laid over the ground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import tiny
from numpy.typing import NDArray
from PIL import Image

from latentart import footage, pixels
from latentart.errors import SettingsError
from latentart.exhibition import parse
from latentart.exhibition.canvas import OpenedScore
from latentart.live.play import painter
from latentart.live.web import inputs
from latentart.media import transparency
from latentart.painting.goal import PaintingSettings
from latentart.render import convert, direction_sheet, film, stills, style
from latentart.sinks.sink import open_sink
from latentart.training.data import pairs
from latentart.translators.chain import Chain
from latentart.translators.load import load_translator

HIDDEN = (250, 0, 250)
"""A colour under clear pixels, which must never show."""
SHOWN = (60, 160, 90)


def cutout(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """The left half is clear, over a colour that must not show; the right half is opaque."""
    frame = np.zeros((height, width, 4), np.uint8)
    frame[:, : width // 2] = (*HIDDEN, 0)
    frame[:, width // 2 :] = (*SHOWN, 255)
    return frame


def saved(path: Path, frame: NDArray[np.uint8] | None = None) -> Path:
    Image.fromarray(cutout() if frame is None else frame).save(path, lossless=True)
    return path


def magenta(frame: NDArray[Any]) -> float:
    """How much of the hidden colour shows: red and blue above green, weighed by alpha."""
    wide = frame.astype(float)
    share = wide[..., 3] / 255 if frame.shape[-1] == 4 else 1.0
    return float(((np.minimum(wide[..., 0], wide[..., 2]) - wide[..., 1]).clip(0) * share).max())


def test_colours_are_read_and_spelled() -> None:
    assert transparency.colour("#ff8000") == transparency.colour("FF8000") == (255, 128, 0)
    assert transparency.spelled((255, 128, 0)) == "#ff8000"
    assert transparency.spelled(transparency.colour("White")) == "white"
    with pytest.raises(SettingsError, match="'#ff80' is no colour: write black"):
        transparency.colour("#ff80")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ground", [(0, 0, 0), (255, 255, 255), (255, 128, 0)])
def test_frames_and_tensors_agree(dtype: Any, ground: transparency.Ground) -> None:
    white = np.iinfo(dtype).max
    frame = np.random.default_rng(0).integers(0, white, (16, 16, 4), dtype, endpoint=True)
    frame[0, :, 3], frame[1, :, 3] = 0, white
    share = frame[..., 3:] / white
    wanted = frame[..., :3] * share + np.array(ground) * (white / 255) * (1 - share)
    assert np.abs(transparency.over(frame, ground) - wanted).max() <= 0.51
    img = torch.from_numpy(frame / (white / 2) - 1).permute(2, 0, 1)[None].float()
    made = (transparency.rgb(img, ground)[0].permute(1, 2, 0).numpy() + 1) * white / 2
    assert np.abs(made - wanted).max() <= white / 1000


def test_what_is_hidden_does_not_bleed_when_sizes_change() -> None:
    made = pixels.resize_straight(pixels.to_float(cutout()), (20, 15))
    assert magenta(pixels.to_uint8(made)[0]) == 0


NETWORKS = {
    "cartoon": lambda: load_translator("cartoon"),
    "style": lambda: Chain(["style:mosaic26:7"]).translators[0],
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("ending", [".png", ".webp", ".jpg"])
def test_pictures_through_translators(name: str, ending: str, tmp_path: Path) -> None:
    T, source = NETWORKS[name](), saved(tmp_path / "a.png")
    made = convert.translate_file(T, source, tmp_path / f"b{ending}").target
    seen = pixels.open_image(made, "RGBA")
    assert (seen[:, :32, 3] == (255 if ending == ".jpg" else 0)).all()
    assert (seen[:, 32:, 3] == 255).all()
    assert magenta(seen[:, 36:]) < 200
    if ending == ".jpg":
        assert seen[:, :28, :3].max() < 8
    laid = convert.translate_file(T, source, tmp_path / f"c{ending}", ground="white").target
    on_paper = saved(tmp_path / "paper.png", transparency.over(cutout(), transparency.WHITE))
    plain = convert.translate_file(T, on_paper, tmp_path / f"d{ending}").target
    assert np.array_equal(pixels.open_image(laid, "RGBA"), pixels.open_image(plain, "RGBA"))


def test_a_network_of_four_channels_sees_them() -> None:
    def change(img: torch.Tensor, u: NDArray[np.float64]) -> torch.Tensor:
        assert img.shape[1] == 4
        return img[:, :3]

    change.sees_alpha = True  # type: ignore[attr-defined]
    assert transparency.kept(change)(pixels.to_float(cutout()), np.zeros(1)).shape[1] == 4


def test_painted_pictures_keep_alpha(tmp_path: Path) -> None:
    styles = style.read_styles([str(saved(tmp_path / "style.png"))])
    assert magenta(pixels.to_uint8(styles[0].picture)[0]) == 0
    source = saved(tmp_path / "a.png")
    made = style.paint_file(styles, source, tmp_path / "b.png", PaintingSettings(steps=2), size=(64, 48))
    assert np.array_equal(pixels.open_image(made.target, "RGBA")[..., 3], cutout()[..., 3])


def moving() -> list[NDArray[np.uint8]]:
    """The opaque half moves, so that no frame is left out."""
    return [np.roll(cutout(), 16 * i, axis=1) for i in range(3)]


FILMS = ("a.mov", "a.webm", "a.mkv", "a.webp", "a.png", "a.gif")


def film_of(path: Path) -> Path:
    if path.suffix in (".png", ".webp", ".gif"):
        first, *others = map(Image.fromarray, moving())
        first.save(path, save_all=True, append_images=others, duration=100, lossless=True, disposal=2)
        return path
    with open_sink(path, fps=10, **({"crf": 4} if path.suffix == ".webm" else {})) as sink:
        for frame in moving():
            sink.write(frame)
    return path


@pytest.mark.parametrize("name", FILMS)
def test_films_with_alpha_are_read_with_it(name: str, tmp_path: Path) -> None:
    found = footage.open_footage(film_of(tmp_path / name))
    assert found.alpha
    for frame, wanted in zip(footage.read(found, None), moving(), strict=True):
        assert np.abs(frame[..., 3].astype(int) - wanted[..., 3]).max() <= 4
    for frame, wanted in zip(footage.read(found, transparency.WHITE), moving(), strict=True):
        # Away from the edges, where 4:2:0 mixes neighbours.
        inner = np.abs(frame.astype(int) - transparency.over(wanted, transparency.WHITE))[:, 4:12]
        assert inner.max() <= 6
    assert next(footage.read(found)).shape[2] == 3


@pytest.mark.parametrize("source", ["a.webm", "a.gif"])
@pytest.mark.parametrize("target", ["b.mov", "b.webm", "b.mkv", "b.webp", "b.gif", "frames/", "b.mp4"])
def test_films_with_alpha_through_a_translator(source: str, target: str, tmp_path: Path) -> None:
    made = convert.translate_file(load_translator("cartoon"), film_of(tmp_path / source), f"{tmp_path}/{target}").target
    if target == "frames/":
        frame = pixels.open_image(made / "frame0000.png", "RGBA")
    else:
        frame = next(footage.read(footage.open_footage(made), None))
    if target == "b.mp4":
        assert frame.shape[2] == 3
        assert frame[:, :24].max() < 16
    else:
        assert frame[:, :28, 3].max() < 8
        assert frame[:, 36:, 3].min() > 247


def rgba_model() -> Any:
    return tiny("clear", img_channels=4)


@pytest.mark.parametrize("then", [(), ("cartoon",)])
@pytest.mark.parametrize("target", ["a.mp4", "a.mov", "a.webm", "a.gif", "a.webp"])
def test_films_of_a_model_with_alpha(target: str, then: tuple[str, ...], tmp_path: Path) -> None:
    wanted = film.Film(seeds=(3, 11), seconds=0.3, fps="10", size=(64, 48), then=then)
    made = film.render(wanted, tmp_path / target, G=rgba_model()).target
    found = footage.open_footage(made)
    frames = list(footage.read(found, None))
    assert len(frames) == 3
    assert found.alpha == (target != "a.mp4")
    laid = film.render(wanted, tmp_path / f"white-{target}", G=rgba_model(), ground="white").target
    assert not footage.open_footage(laid).alpha
    if target == "a.mov" and not then:
        seen = next(footage.read(footage.open_footage(laid))).astype(int)
        assert np.abs(seen - transparency.over(frames[0], transparency.WHITE)).mean() < 3


def test_stills_of_a_model_with_alpha_keep_it() -> None:
    for then in ((), ("cartoon",)):
        wanted = stills.Stills(seeds=(3,), then=then, size=(64, 64))
        [(_, frame, _)] = stills.pictures(rgba_model(), wanted)
        assert frame.shape == (64, 64, 4)
        assert frame[..., 3].min() < 255


def test_sheets_maps_and_stages_lie_over_black() -> None:
    img = pixels.to_float(cutout())
    assert magenta(direction_sheet._cell(img, 24)) == 0
    assert magenta(painter.rgb(cutout())) == 0


def test_a_score_lays_a_model_with_alpha_over_its_background() -> None:
    text = 'background = "#ffffff"\nfps = 10\nsize = "64x64"\n[[section]]\nseeds = [3, 11]\nseconds = 2\n'
    G = rgba_model()
    canvas = OpenedScore(parse.from_text(text), {"landscapes-256": G}).canvas(0)
    path = film.make_path(film.Film(seeds=(3, 11), seconds=2, fps="10"), G)
    with torch.inference_mode():
        img = pixels.resize_straight(G.synthesis(path(np.zeros(1)), noise_mode="const"), (64, 64))
    wanted = transparency.over(pixels.to_uint8(img)[0], transparency.WHITE)
    assert np.abs(canvas.astype(int) - wanted).max() <= 2


def test_brightness_as_alpha_frees_colours_of_their_darkness() -> None:
    canvas = np.zeros((1, 4, 4), np.uint8)
    canvas[0, :, :3] = [(100, 50, 0), (255, 255, 255), (0, 0, 0), (3, 2, 1)]
    before = canvas[..., :3].copy()
    transparency.freed(canvas)
    assert canvas[0].tolist()[:3] == [[255, 128, 0, 100], [255, 255, 255, 255], [0, 0, 0, 0]]
    assert np.array_equal(transparency.over(canvas), before)


def test_ink_on_transparency_is_on_paper_in_pairs(tmp_path: Path) -> None:
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[4:6, :, 3] = 255
    for folder in ("A", "B"):
        (tmp_path / folder).mkdir()
        saved(tmp_path / folder / "1.png", ink)
    a, b = pairs.find(tmp_path).sources[0].read()
    assert (a[0, 0].tolist(), a[4, 0].tolist()) == ([255] * 3, [0] * 3)
    assert np.array_equal(a, b)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_live_input_lies_over_black(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    Image.fromarray(cutout()).save(path, format=kind, lossless=True, exact=True)
    assert magenta(inputs.decode(path.read_bytes(), kind)) == 0


WHITE, BLACK, CLEAR, RED = (255, 255, 255, 255), (0, 0, 0, 255), (0, 0, 0, 0), (200, 0, 0, 255)
MASKS: dict[str, tuple[Any, Any, Any]] = {
    "white on black": (WHITE, BLACK, (255, 0)),
    "white on clear": (WHITE, CLEAR, (255, 0)),
    "black on clear": (BLACK, CLEAR, (255, 0)),
    "red on clear": (RED, CLEAR, (255, 0)),
    "half clear": ((0, 0, 0, 128), CLEAR, (128, 0)),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_use_alpha_where_it_says_something(name: str, tmp_path: Path) -> None:
    left, right, wanted = MASKS[name]
    frame = np.zeros((8, 8, 4), np.uint8)
    frame[:, :4], frame[:, 4:] = left, right
    mask = pixels.open_mask(saved(tmp_path / "m.png", frame))
    assert (mask[0, 0, 0], mask[0, 7, 0]) == wanted


def test_a_mask_of_black_and_white_with_clear_edges_is_read_by_its_light(tmp_path: Path) -> None:
    frame = np.zeros((8, 9, 4), np.uint8)
    frame[:, :3], frame[:, 3:6] = WHITE, BLACK
    mask = pixels.open_mask(saved(tmp_path / "m.png", frame))
    assert mask[0, [0, 4, 8], 0].tolist() == [255, 0, 0]
