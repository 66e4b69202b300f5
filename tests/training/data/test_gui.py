"""Interfaces as the browser draws them: the boxes are where the parts are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentart import pixels
from latentart.training.data import gui, gui_page, pairs


@pytest.fixture
def tab(browser: Any) -> Any:
    """A page of 128x128 pixels."""
    tab = browser.new_page()
    tab.set_viewport_size({"width": 128, "height": 128})
    yield tab
    tab.close()


def colour(hexadecimal: str) -> np.ndarray:
    return np.array([int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5)])


def test_boxes_have_the_colours_of_their_kinds_and_looks_have_not(tab: Any) -> None:
    seen: set[str] = set()
    for number in range(6):
        boxes, looks = gui._shoot(tab, gui_page.page(3, number, 128))
        assert boxes.shape == looks.shape == (128, 128, 3)
        known = np.stack([*map(colour, gui_page.BOXES.values()), colour("#ffffff"), colour("#14171c")])
        away = np.abs(boxes.reshape(-1, 1, 3).astype(int) - known).sum(2)
        assert (away.min(1) < 12).mean() > 0.93  # but for soft corners
        seen |= {list(gui_page.BOXES)[i] for i in set(away.argmin(1)) if i < len(gui_page.BOXES)}
        assert len(np.unique(looks.reshape(-1, 3), axis=0)) > 3 * len(np.unique(boxes.reshape(-1, 3), axis=0)) > 6
    assert {"card", "button", "title"} <= seen


def test_the_same_seed_draws_the_same(tab: Any) -> None:
    first, again = (gui._shoot(tab, gui_page.page(1, 4, 128)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_pairs_of_interfaces_are_pairs(tab: Any, tmp_path: Path) -> None:
    jobs = [(f"{i}", lambda i=i: gui._pair(lambda page: gui._shoot(tab, page), 0, i, 128)) for i in range(2)]
    assert pairs.write(jobs, tmp_path, overwrite=False).written == 2
    a, b = pairs.find(tmp_path).sources[0].read()
    assert a.shape == b.shape == (128, 128, 3)
    assert pixels.open_image(tmp_path / "0.png").shape == (128, 256, 3)
