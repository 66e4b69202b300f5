"""Equal amounts look equal; plus is said in words; what the sheet shows."""

import numpy as np
import pytest
import torch

from latentart.latent import directions
from latentart.latent.directions import Direction, Directions
from latentart.latent.discovery import calibrate
from latentart.render import direction_sheet


class Plain:
    """Squared distance of pixels, in the place of LPIPS."""

    def embed(self, img):
        return (img,)

    def distance(self, a, b):
        return (a[0] - b[0]).square().mean(dim=(1, 2, 3))

    def __call__(self, a, b):
        return self.distance(self.embed(a), self.embed(b))


@pytest.fixture(scope="module")
def place(G):
    return calibrate.ground(G, Plain(), 3)


@pytest.fixture(scope="module")
def books(G, place):
    found = directions.pca(G, count=4, samples=2000)
    uneven = found.like([Direction(d.name, d.vector * s) for d, s in zip(found, (0.2, 1, 3, 0.5), strict=True)])
    return uneven, calibrate.calibrated(place, uneven)


def variation(place, book):
    steps = np.concatenate([place.distances(d, (-2, -1, 0, 1, 2)) for d in book])
    return steps.std() / steps.mean()


def test_equal_amounts_look_equal_after_calibration(place, books):
    before, after = books
    assert variation(place, after) < 0.5 * variation(place, before)


def test_plus_brightens(place, books):
    for d in books[1]:
        assert place.draw(d, 1).mean() >= place.draw(d, -1).mean()
        assert d.effect > 0


def test_a_direction_that_does_nothing_keeps_its_place(place, G):
    nothing = Directions([Direction("nothing", np.zeros(G.w_dim)), *directions.pca(G, count=1, samples=500)])
    flat = calibrate.calibrated(place, nothing)["nothing"]
    assert flat.effect == 0
    assert flat.curve[-1] <= 3 * calibrate.FARTHEST


def test_ranking_puts_large_and_clean_first():
    book = Directions([Direction("small", np.ones(2), effect=0.1, clean=0.2),
                       Direction("large", np.ones(2), effect=0.1, clean=0.9)])  # fmt: skip
    assert [d.name for d in calibrate.ranked(book)] == ["large", "small"]


def test_cleanness_is_one_for_the_same_change_everywhere():
    low = torch.randn(4, 3, 16, 16)
    assert calibrate.cleanness(low, low + torch.randn(1, 3, 16, 16)) == pytest.approx(1, abs=1e-5)
    assert calibrate.cleanness(low, low + torch.randn(4, 3, 16, 16)) < 0.7


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ((0.3, 0.3, 0.3), "brighter"),
        ((-0.3, -0.3, -0.3), "darker"),
        ((0.3, 0, -0.3), "warmer"),
        ((0, 0.3, 0), "greener"),
    ],
)
def test_words_name_what_changed(change, word):
    low = torch.zeros(3, 3, 32, 32) + 0.05 * torch.rand(3, 3, 32, 32)
    assert word in calibrate.words(low, low + torch.tensor(change)[:, None, None])
    assert calibrate.words(low, low) == ""


def test_the_sheet_has_a_row_for_each_direction(G, G_classes, books):
    for generator in (G, G_classes):
        page = direction_sheet.sheet(generator, books[1], [1, 2], cell=32)
        assert page.shape == (26 + 4 * 36, direction_sheet.MARGIN + 7 * 34 + 2, 3)
    assert direction_sheet.sheet(G, books[1], [1, 2], cell=32, each=True).shape[0] == 26 + 8 * 36
