"""Two models as one."""

import numpy as np
import pytest
import torch
from conftest import tiny

from latentart.errors import SettingsError, WeightsError
from latentart.latent import automation, blending, space
from latentart.render import film as films
from latentart.render.frames import frames
from latentart.weights.checkpoint import Checkpoint


@pytest.fixture(scope="module")
def other():
    return tiny("other", seed=5)


def picture(G, seed=1):
    with torch.inference_mode():
        return G.synthesis(space.to_ws(G, space.z_of(G, [seed])))


def test_the_ends_are_the_two_models_exactly(G, other):
    blend = blending.Blend(G, other, automation.parse_amount("0..1"))
    assert torch.equal(picture(blend.at(0.5)), picture(blend.at(0.5)))
    for weight, model in ((1.0, other), (0.0, G), (1.0, other)):
        assert torch.equal(picture(blend.at(weight)), picture(model))


def test_layers_are_swapped_and_the_rest_stays(G, other):
    swap = blending.Blend(G, other, automation.parse_amount("1"), "2-3").at(1.0)
    mine, its, made = (dict(model.state_dict()) for model in (G, other, swap))
    names = list(swap.synthesis.layers())
    for name, tensor in made.items():
        layer = name.removeprefix("synthesis.").rpartition(".conv")[0]
        swapped = any(name.startswith(f"synthesis.{names[row]}.") for row in (2, 3)) or name.startswith(
            "synthesis.b8.torgb"
        )
        assert torch.equal(tensor, its[name] if swapped else mine[name]), (name, layer)


def test_every_layer_belongs_to_some_row(G):
    state = G.state_dict()
    rows = set(blending.chosen(G, state, "coarse") + blending.chosen(G, state, "middle"))
    everything = {n for n in state if n.startswith("synthesis.") and n.rsplit(".", 1)[1] != "resample_filter"}
    blocks = {n for n in everything if ".torgb." in n or ".conv" in n or n.endswith("const")}
    assert blocks <= rows


def test_a_walk_crosses_from_one_model_to_the_other(G, other, monkeypatch):
    monkeypatch.setattr(films, "load", lambda name, device=None: other)
    film = films.Film(seeds=(1, 2), seconds=1, fps="4", psi=1.0, blend="other=0..1")
    path = films.make_path(film, G)
    crossing = list(frames(G, path, scene=films.make_scene(film, G, path)))
    plain = films.Film(seeds=(1, 2), seconds=1, fps="4", psi=1.0)
    for index, model in ((0, G), (2, other)):
        alone = list(frames(model, films.make_path(plain, model)))[index]
        assert np.abs(crossing[index].astype(int) - alone).max() <= 1
    bent = films.Film(seeds=(1, 2), seconds=1, fps="4", blend="other=0..1@fine", bends=("gain=1@b8.conv1",))
    path = films.make_path(bent, G)
    assert len(list(frames(G, path, scene=films.make_scene(bent, G, path), batch=4))) == 4


def test_models_of_two_shapes_are_named(G):
    with pytest.raises(SettingsError, match=r"tiny and wide cannot be blended: .* is \["):
        blending.Blend(G, tiny("wide", w_dim=8), automation.parse_amount("1"))


def checkpoint(G, name, **card):
    return Checkpoint(dict(G.state_dict()), {"family": "stylegan2"}, "0" * 64, "test", name, card=card)


def test_the_average_of_checkpoints(G, other):
    a, b = checkpoint(G, "a", license="MIT"), checkpoint(other, "b", license="CC0")
    mean = blending.average([a, b])
    name = "synthesis.b8.conv1.weight"
    assert torch.allclose(mean.tensors[name], (a.tensors[name] + b.tensors[name]) / 2)
    assert mean.card == {"license": "MIT and CC0"}
    lerped = torch.lerp(a.tensors[name], b.tensors[name], 0.25)
    assert torch.allclose(blending.average([a, b], [3, 1]).tensors[name], lerped, atol=1e-6)
    for bad in ([a], [a, checkpoint(tiny(w_dim=8), "c")]):
        with pytest.raises((WeightsError, SettingsError)):
            blending.average(bad)
    with pytest.raises(WeightsError):
        blending.average([a, b], [1, -1])


def test_a_blend_to_keep(G, other):
    note = blending.parse("b=0.5@2")
    kept = blending.swapped(checkpoint(G, "a"), checkpoint(other, "b"), G, note)
    changed = {n for n, t in kept.tensors.items() if not torch.equal(t, G.state_dict()[n])}
    assert changed
    assert all(n.startswith(("synthesis.b8.conv1.", "synthesis.b8.torgb.")) for n in changed)
