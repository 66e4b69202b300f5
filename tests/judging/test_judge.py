"""A network judged: what is compared, what is written, and copies that are found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from latentart import judging, pixels
from latentart.cli import group, main
from latentart.errors import SettingsError
from latentart.judging import material, nearest


class Copier(torch.nn.Module):
    """A generator of 2 classes that shows pictures of a list, chosen by z and class."""

    z_dim, c_dim, img_size, img_channels = 4, 2, (32, 32), 3
    name, sha256 = "copier", ""
    device = torch.device("cpu")

    def __init__(self, frames: np.ndarray) -> None:
        super().__init__()
        self.frames = pixels.to_float(frames)

    def forward(self, z: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        half = len(self.frames) // 2
        return self.frames[(z[:, 0].abs() * 1000).long() % half + half * c.argmax(1)]


def pictures(count: int = 16, seed: int = 0) -> np.ndarray:
    """Smooth random pictures, uint8 [count, 32, 32, 3]; the second half is red."""
    small = np.random.RandomState(seed).randint(0, 255, (count, 4, 4, 3), np.uint8)
    frames = np.stack([np.asarray(Image.fromarray(each).resize((32, 32), Image.Resampling.BICUBIC)) for each in small])
    frames[count // 2 :, :, :, 1:] //= 4
    return frames


def folder(root: Path, frames: np.ndarray) -> Path:
    for i, frame in enumerate(frames):
        path = root / ("a" if i < len(frames) // 2 else "b") / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(path)
    return root


def test_a_network_that_copies_is_near_in_everything_and_shown_beside_its_originals(tmp_path: Path) -> None:
    frames = pictures(8)
    G: Any = Copier(frames)
    found = judging.judge(G, folder(tmp_path / "set", frames), samples=10, shown=3)
    assert found["pictures"] == 8
    assert abs(found["kid-vgg16-relu3_3"]) < 0.5
    assert found["precision-vgg16-relu3_3"] == 1
    assert found["nearest-lpips-vgg16-relu3_3"] < 1e-4
    assert all(Path(each["picture"]).is_file() for each in found["nearest"])
    assert found["sheet"].shape == (34 + 2, 3 * 66 + 2, 3)
    other = judging.judge(G, pictures(8, seed=5) // 3, samples=10, shown=2)
    assert other["kid-vgg16-relu3_3"] > found["kid-vgg16-relu3_3"]
    assert other["fid-vgg16-relu3_3"] > found["fid-vgg16-relu3_3"]
    assert other["nearest-lpips-vgg16-relu3_3"] > 0.05


def test_the_same_seed_gives_the_same_values(tmp_path: Path) -> None:
    frames = pictures(6)
    G: Any = Copier(frames)
    assert judging.judge(G, frames, samples=6, shown=0) == judging.judge(G, frames, samples=6, shown=0)


def test_classes_come_as_often_as_in_the_pictures() -> None:
    G: Any = Copier(pictures())
    known = material.of_frames(pictures(), [0] * 4 + [1] * 12)
    assert material.samples(G, 8, known).labels == [0, 0, 1, 1, 1, 1, 1, 1]
    unlabelled = material.of_frames(pictures())
    assert material.samples(G, 4, unlabelled).labels == [0, 1, 0, 1]


def test_lpips_decides_among_the_candidates() -> None:
    frames = pictures()
    known, one = material.of_frames(frames), material.of_frames(frames[3:4])
    blind = torch.zeros(16, 2)

    class Squares:
        def embed(self, img: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return (img,)

        def distance(self, a: tuple[torch.Tensor, ...], b: tuple[torch.Tensor, ...]) -> torch.Tensor:
            return (a[0] - b[0]).square().mean((1, 2, 3))

    assert nearest.find(one, blind[:1], known, blind, Squares()).numbers == [3]


def test_large_pictures_are_compared_at_128_pixels() -> None:
    assert nearest._reduced(np.zeros((2, 100, 300, 3), np.uint8)).shape == (2, 3, 43, 128)
    assert nearest._reduced(np.zeros((1, 64, 64, 1), np.uint8)).shape == (1, 1, 64, 64)


def test_transparency_lies_on_a_chequerboard_in_the_sheet() -> None:
    clear = material.of_frames(np.zeros((1, 32, 32, 4), np.uint8))
    sheet = nearest.sheet(clear, clear, nearest.Nearest([0], [0.0]))
    assert set(np.unique(sheet)) == {60, 200, 235}


def test_pictures_of_another_size_are_brought_to_the_networks(tmp_path: Path) -> None:
    found = material.of_folder(folder(tmp_path, pictures()), (16, 24), 1, most=5)
    assert found.frames.shape == (5, 16, 24, 1)
    assert found.labels == [0, 0, 1, 1, 1]


def test_what_cannot_be_judged(tmp_path: Path) -> None:
    G: Any = Copier(pictures())
    for given, options, words in (
        (tmp_path / "none", {}, "there is no folder"),
        (tmp_path, {}, "no pictures in"),
        (pictures()[:, :16], {}, "the network makes"),
        (pictures().astype(np.float32), {}, "give uint8"),
        (pictures(), {"samples": 1}, "1 samples"),
        (pictures(), {"features": "vgg61"}, "unknown feature network 'vgg61'"),
    ):
        with pytest.raises(SettingsError, match=words):
            judging.judge(G, given, **options)


def test_the_command_prints_a_table_and_writes_metrics_and_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path / "set", pictures(8))
    words = ["judge", "--network", "glyphs-64", "--pictures", str(tmp_path / "set"), "--samples", "6", "--shown", "2"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "-o", str(tmp_path / "out")])
    assert ended.value.code in (0, None)
    assert "kid-vgg16-relu3_3" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (found["network"], found["samples"], len(found["nearest"])) == ("glyphs-64", 6, 2)
    assert pixels.open_image(tmp_path / "out" / "nearest.png").shape == (64 + 2 * 4, 2 * (128 + 4) + 4, 3)
    assert group.get_command(None, "judge") is not None  # type: ignore[arg-type]
