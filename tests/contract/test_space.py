"""What can be done with a space is done in every family, or refused in one line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from contract.test_generators import EXAMPLES, checkpoint

from latentart.errors import SettingsError
from latentart.latent import bending, composition, directions, space
from latentart.latent.axes import sefa
from latentart.latent.directions import Directions
from latentart.models.base import Generator
from latentart.models.load import build
from latentart.render import map as maps

STYLED = ("stylegan2", "stylegan3")
UNBENT = ("lucidrains", "fastgan")
"""Families whose layers have no names for bending."""


@pytest.fixture(params=EXAMPLES)
def G(request: pytest.FixtureRequest) -> Generator:
    """A small random generator of the family."""
    return build(checkpoint(request.param), "cpu")


@pytest.fixture
def ws(G: Generator) -> torch.Tensor:
    return space.to_ws(G, space.z_of(G, [1]), space.c_of(G, [{0: 1.0}] if G.c_dim else []))


def test_pca_and_edits(G: Generator, ws: torch.Tensor) -> None:
    book = directions.pca(G, count=3, samples=400)
    moved = directions.edit(G, book, ["pca:1=2"])(ws, np.zeros(1))
    assert not torch.allclose(G.synthesis(moved), G.synthesis(ws), atol=1e-4)
    assert maps.draw(G, maps.axes(G, book, ("pca:1", "pca:2"), columns=2), 8).shape == (16, 16, 3)


def test_sefa_where_there_are_styles(G: Generator) -> None:
    if G.family in STYLED:
        assert len(directions.sefa(G, count=2)) == 2
        assert sefa.groups(G)
    elif not sefa.groups(G):
        with pytest.raises(SettingsError, match="needs a StyleGAN"):
            directions.sefa(G)


def test_every_layer_can_be_bent_and_zero_is_nothing(G: Generator, ws: torch.Tensor) -> None:
    if G.family in UNBENT:
        with pytest.raises(SettingsError, match="no layers"):
            bending.layers(G)
        return
    own = G.synthesis(ws)
    for name in bending.layers(G):
        zero = bending.Bends(G, [f"gain=0@{name}", f"flip-x=0@{name}/0"])
        assert torch.equal(zero.at(np.zeros(1))(ws), own)
        assert not torch.equal(bending.Bends(G, [f"flip-x=1@{name}/0-1"]).at(np.zeros(1))(ws), own)


def test_styles_where_there_are_some(G: Generator, ws: torch.Tensor) -> None:
    if G.family in UNBENT:
        return
    name = next(iter(bending.layers(G)))
    if G.family in STYLED:
        assert torch.equal(bending.Bends(G, [f"style=0@{name}/1"]).at(np.zeros(1))(ws), G.synthesis(ws))
    else:
        with pytest.raises(SettingsError, match="no styles"):
            bending.Bends(G, [f"style=1@{name}"])


def test_compositions_begin_with_a_constant(G: Generator, ws: torch.Tensor) -> None:
    if G.family == "stylegan2":
        assert composition.compose(G, ws, tiles=(1, 2)).shape[-1] == 2 * G.img_size[1]
    else:
        with pytest.raises(SettingsError, match="constant"):
            composition.compose(G, ws)


def test_names_without_a_file(G: Generator) -> None:
    assert directions.named(G, Directions([]), "pca:2").source == "pca:2"
