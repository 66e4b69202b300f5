"""Maps: planes of pictures, and a page that holds all it needs."""

import base64
import json
import re

import numpy as np
import pytest
import torch

from latentart.errors import SettingsError
from latentart.latent import space
from latentart.latent.directions import Direction, Directions
from latentart.render import map as maps


@pytest.fixture(scope="module")
def book(G):
    rng = np.random.RandomState(0)
    return Directions([Direction("across", rng.randn(G.w_dim)), Direction("up", rng.randn(G.w_dim), "coarse")])


def test_two_directions_span_the_plane(G, book):
    plane = maps.axes(G, book, ("across", "up"), columns=3, reach=2)
    assert (plane.columns, len(plane.cells)) == (3, 9)
    assert torch.allclose(plane.cells[4].ws, G.w_avg.expand(1, G.num_ws, -1))
    # The first row is the upper one.
    step = plane.cells[0].ws - plane.cells[6].ws
    assert np.allclose(step[0].numpy(), 4 * book["up"].rows(G.num_ws), atol=1e-5)
    assert plane.cells[0].copied == "--edit across=-2.00 --edit up=2.00"
    around = maps.axes(G, book, ("across", "up"), columns=1, seed=3)
    assert around.cells[0].label.startswith("across -3.00")


def test_seeds_are_all_there_and_alike_beside_alike(G):
    plane = maps.seeds(G, range(30))
    assert sorted(int(cell.copied) for cell in plane.cells) == list(range(30))
    looks = np.stack([maps._look(G, cell.ws) for cell in plane.cells])
    beside = np.linalg.norm(np.diff(looks, axis=0), axis=1).mean()
    apart = np.mean([np.linalg.norm(a - b) for a in looks for b in looks if a is not b])
    assert beside < apart


def test_every_place_of_a_spread_is_its_own():
    points = np.random.RandomState(0).randn(50, 7)
    places = maps.spread(points)
    assert len({tuple(place) for place in places}) == 50
    assert places.min() > 0
    assert places.max() < 1
    assert maps.spread(points[:1]).shape == (1, 2)


def test_the_plane_of_classes_is_pure_at_its_places_and_never_jumps(G_classes):
    places = maps.spread(np.random.RandomState(1).randn(9, 4))
    assert maps.near(places, places[4]) == {4: 1.0}
    line = [np.zeros(9) for _ in range(400)]
    for row, t in zip(line, np.linspace(0, 1, 400), strict=True):
        for index, share in maps.near(places, np.array([t, 0.4])).items():
            row[index] = share
    assert np.abs(np.diff(line, axis=0)).max() < 0.1
    assert np.sum(line, axis=1).min() > 0.98
    plane = maps.classes(G_classes, columns=4)
    assert len(plane.cells) == 16
    for cell in plane.cells:
        mixes = space.parse_classes(G_classes, cell.copied.removeprefix("--class "))
        assert sum(mixes[0].values()) == pytest.approx(1, abs=0.03)


def test_saved_latents_are_copied_whole(G, tmp_path):
    ws = np.random.RandomState(0).randn(3, G.num_ws, G.w_dim)
    np.save(tmp_path / "a.npy", ws)
    plane = maps.latents(G, [tmp_path / "a.npy"])
    copied = {cell.label: json.loads(cell.copied) for cell in plane.cells}
    assert np.allclose(copied["latent 1"], ws[1].ravel(), atol=1e-4)


def test_the_page_needs_nothing_else(G, book, tmp_path):
    plane = maps.axes(G, book, ("across", "up"), columns=3)
    sheet = maps.draw(G, plane, cell=16)
    assert sheet.shape == (48, 48, 3)
    text = maps.write_page(tmp_path / "map.html", plane, sheet).read_text()
    assert not re.search(r"(src|href)=\"?https?:", text)
    facts = json.loads(re.search(r"const map = (\{.*\});\n", text)[1])
    assert (facts["columns"], facts["cell"], len(facts["cells"])) == (3, 16, 9)
    latents = facts["latents"]
    numbers = np.frombuffer(base64.b64decode(latents["data"]), "<i2").reshape(9, -1) * latents["scale"]
    wanted = torch.cat([cell.ws for cell in plane.cells]).flatten(1).numpy()
    assert np.allclose(numbers, wanted, atol=2 * latents["scale"])


def test_a_name_cannot_close_the_script(G, tmp_path):
    plane = maps.Map("</script><b>", 1, [maps.Cell(G.w_avg.expand(1, G.num_ws, -1), "</script>", "x")])
    text = maps.write_page(tmp_path / "map.html", plane, maps.draw(G, plane, cell=8)).read_text()
    assert text.count("</script>") == 1


def test_limits(G, book):
    with pytest.raises(SettingsError, match="no classes"):
        maps.classes(G)
    with pytest.raises(SettingsError, match="columns"):
        maps.axes(G, book, ("across", "up"), columns=0)
    with pytest.raises(SettingsError, match="unknown direction"):
        maps.axes(G, book, ("across", "down"))
