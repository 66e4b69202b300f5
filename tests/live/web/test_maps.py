"""Maps drawn beside the show: one at a time, kept, and a failure told once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from live_house import open_house, tiny_file, wait_until

from latentart.errors import LatentartError, SettingsError
from latentart.live.session import SessionSettings
from latentart.live.web.maps import ModelMaps, draw, plane_of

SHA = "5" * 64


@pytest.fixture
def kept(tmp_path):
    found = ModelMaps(
        tmp_path / "maps", {"tiny": str(tiny_file(tmp_path)), "broken": str(tmp_path / "nothing.safetensors")}
    )
    yield found
    found.close()


def test_a_map_is_drawn_once(kept, tmp_path, G):
    assert kept.page("tiny", SHA) is None
    process = kept._process
    assert kept.page("tiny", SHA) is None
    assert kept._process is process
    assert wait_until(lambda: kept.page("tiny", SHA), 60)
    page = kept.page("tiny", SHA)
    assert page.name == f"tiny-{SHA[:12]}.html"
    assert "connectLatent" in page.read_text()


def test_a_model_that_cannot_be_drawn_says_so(kept, monkeypatch):
    monkeypatch.setattr(kept, "_begun", lambda *_: SimpleNamespace(is_alive=lambda: False, exitcode=1))
    assert kept.page("broken", SHA) is None
    with pytest.raises(LatentartError, match="broken"):
        kept.page("broken", SHA)
    kept._process = None


def test_drawing_ends_with_a_line_and_a_fault(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("os.nice", lambda by: by, raising=False)
    with pytest.raises(SystemExit):
        draw(str(tmp_path / "nothing.safetensors"), tmp_path / "page.html")
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", ["../evil", "", "a/b", ".hidden"])
def test_names_are_never_paths(kept, name):
    with pytest.raises(SettingsError):
        kept.page(name, SHA)


def test_classes_where_there_are_some(G, G_classes):
    assert "classes" in plane_of(G_classes, 3).title
    plane = plane_of(G, 2)
    assert "4 seeds" in plane.title
    assert (plane.columns, len(plane.cells)) == (2, 4)


def test_before_a_model_plays_there_is_no_map(tmp_path):
    common = {"http_port": 0, "osc_port": 0, "osc_out_port": 0, "folder": tmp_path / "kept"}
    with open_house(SessionSettings(network=str(tiny_file(tmp_path)), **common), play=False) as house:
        assert house.get("/map")[0] == 503
        house.session.hub.facts = {"model": "tiny", "sha256": SHA}
        status, body = house.get("/map")
        assert (status, b"being drawn" in body) == (200, True)
