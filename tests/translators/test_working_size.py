"""Networks that draw well at one size draw there, whatever the picture's size is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from layouts import pix2pix as layout
from PIL import Image, ImageDraw

from latentart import pixels
from latentart.errors import SettingsError
from latentart.training import nets
from latentart.translators.base import pad, working_size
from latentart.translators.load import load_translator
from latentart.translators.tiles import translate_tiled
from latentart.weights import cards, safe

SIZED = [card.name for card in cards.readable() if card.facts["family"] == "pix2pix" and "resolution" in card.facts]


def face(width: int, height: int) -> torch.Tensor:
    """A face in lines, as thick as openmoji's, [1, 3, height, width]."""
    big = Image.new("RGB", (4 * width, 4 * height), "white")
    draw, side = ImageDraw.Draw(big), 4 * min(width, height)
    x, y, thick = 2 * width, 2 * height, side // 30

    def box(dx: float, dy: float, rx: float, ry: float) -> list[float]:
        return [x + (dx - rx) * side, y + (dy - ry) * side, x + (dx + rx) * side, y + (dy + ry) * side]

    draw.ellipse(box(0, 0, 0.4, 0.4), outline="black", width=thick)
    for eye in (-0.15, 0.15):
        draw.ellipse(box(eye, -0.1, 0.04, 0.06), fill="black")
    draw.arc(box(0, 0.06, 0.2, 0.16), 20, 160, fill="black", width=thick)
    return pixels.to_float(np.asarray(big.resize((width, height), Image.Resampling.LANCZOS)))


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize("size", [(128, 128), (256, 256), (512, 512), (64, 64), (512, 256), (320, 240), (300, 480)])
def test_a_drawing_of_any_size_is_coloured(name: str, size: tuple[int, int]) -> None:
    T = load_translator(name, "cpu")
    assert T.trained_at == 128
    made = T.translate(face(*size))
    assert made.shape[-2:] == size[::-1]
    # Between eyes and mouth, where white is white without the network.
    height, width, r = size[1], size[0], max(2, min(size) // 20)
    cheek = made[0, :, height // 2 - r : height // 2 + r, width // 2 - r : width // 2 + r].mean(dim=(1, 2))
    assert cheek[0] - cheek[2] > 0.5, f"the face is not yellow: {cheek.tolist()}"


def test_a_size_asked_for_counts_more_and_0_is_the_pictures_own() -> None:
    img = face(256, 192)
    own, at_96 = (load_translator("openmoji-128", "cpu", work_size=side) for side in (0, 96))
    with torch.no_grad():
        assert torch.equal(own.translate(img), own(pad(img, own.multiple))[..., :192, :256].clamp(-1, 1))
    assert own.tiles
    assert at_96.trained_at == 96
    assert "draws at 96 pixels" in at_96.inferred
    with pytest.raises(SettingsError, match="out of range"):
        load_translator("openmoji-128", "cpu", work_size=-1)
    with pytest.raises(SettingsError, match="draws at 96 pixels"):
        translate_tiled(at_96, img, tile=64)


def test_the_size_of_a_training_is_kept_in_its_file(tmp_path: Path) -> None:
    net = nets.fresh("unet", 2, 32)
    safe.write(tmp_path / "mine.safetensors", nets.checkpoint("unet", net, net.state_dict()))
    assert load_translator(tmp_path / "mine.safetensors", "cpu").trained_at == 32


@pytest.mark.parametrize(("options", "side"), [("", 0), ("crop_size: 64\n", 64), ("fineSize: 128\n", 128)])
def test_the_options_beside_a_file_state_its_size(tmp_path: Path, options: str, side: int) -> None:
    torch.save(layout.shaken(layout.UNet(6, 2)).state_dict(), tmp_path / "latest_net_G.pth")
    if options:
        (tmp_path / "train_opt.txt").write_text(options)
    assert load_translator(tmp_path / "latest_net_G.pth", "cpu").trained_at == side


def test_working_sizes() -> None:
    assert working_size((640, 480), 0) == (640, 480)
    assert working_size((640, 480), 128) == (171, 128)
    assert working_size((40000, 10), 128) == (2048, 1), "memory stays bounded"
