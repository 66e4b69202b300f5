"""DCGANs against the networks of PyTorch's own layers that their files were saved from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from layouts import dcgan as layout
from torch import Tensor

from latentart.errors import WeightsError
from latentart.models.load import build
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.describe import describe
from latentart.weights.open import open_checkpoint


@pytest.mark.parametrize("notebook", [False, True], ids=["tutorial", "notebook"])
@pytest.mark.parametrize("widths", [(16, 8, 4), (8, 8, 6, 4, 2)])
def test_pictures_are_those_of_the_network(tmp_path: Path, notebook: bool, widths: tuple[int, ...]) -> None:
    network = layout.random_network(widths=widths, notebook=notebook)
    state = layout.state_dict(network, notebook=notebook)
    discriminator = {"main.0.weight": torch.ones(4, 3, 4, 4), "main.3.running_mean": torch.ones(4)}
    torch.save({"netD_state_dict": discriminator, "netG_state_dict": state}, tmp_path / "net.tar")
    found = open_checkpoint(tmp_path / "net.tar")
    G = build(found, "cpu")
    z = torch.randn(3, 10, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = network(z if notebook else z[:, :, None, None])
    assert G(z).shape == wanted.shape
    assert (G(z) - wanted).norm() <= 1e-5 * wanted.norm()
    assert found.config["slope"] == (0.2 if notebook else 0.0)


def test_it_comes_back_from_safetensors(tmp_path: Path) -> None:
    made = Checkpoint(*layout.random_state(), "", "test")
    safe.write(tmp_path / "net", made)
    found = open_checkpoint(tmp_path / "net")
    assert dict(found.config) == dict(made.config)
    facts = describe(found)
    assert (facts["resolution"], facts["channels"], facts["widths"]) == ([32, 32], 3, {"4": 16, "8": 8, "16": 4})


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        ("main.3.weight", torch.ones(16, 8, 3, 3), "neither a transposed convolution of 4 x 4"),
        ("main.3.weight", torch.ones(15, 8, 4, 4), "after 16 channels"),
        ("main.1.running_mean", torch.ones(15), "normalisation 'main.1' does not fit 16 channels"),
        ("main.1.running_var", torch.ones(2, 8), "normalisation 'main.1' does not fit"),
        ("main.20.weight", torch.ones(3), "layer 'main.20' is neither"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, name: str, tensor: Tensor, words: str) -> None:
    torch.save(layout.state_dict(layout.random_network()) | {name: tensor}, tmp_path / "net.pt")
    with pytest.raises(WeightsError, match=words):
        open_checkpoint(tmp_path / "net.pt")


def test_a_network_for_digits_is_named_with_its_layer(tmp_path: Path) -> None:
    state = layout.state_dict(layout.random_network()) | {"main.0.weight": torch.ones(10, 16, 7, 7)}
    torch.save(state, tmp_path / "digits.pth")
    with pytest.raises(WeightsError, match=r"'main.0.weight' of shape \[10, 16, 7, 7\].*28 x 28 digits are not"):
        open_checkpoint(tmp_path / "digits.pth")
