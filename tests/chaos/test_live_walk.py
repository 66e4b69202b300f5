"""Everything that can be done to a live server, in any order, with graphs exported for the first time meanwhile."""

from __future__ import annotations

import json

import pytest
from live_house import open_house, tiny_file, wait_until
from live_walk import Walk

from latentart.live.play.painter import Painter
from latentart.live.session import SessionSettings
from latentart.models.load import load


@pytest.mark.timeout(240)
def test_any_walk_ends_alive_and_where_it_should(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path / "cache"))
    file = str(tiny_file(tmp_path))
    # Nothing is drawn yet, and another process would start by importing PyTorch.
    Painter(load(file, "cpu"), (16, 16), "openvino f32")
    settings = SessionSettings(
        network=file, http_port=0, osc_port=0, osc_out_port=0, threads=1, fps=30,
        folder=tmp_path / "kept", engine="openvino f32",
    )  # fmt: skip
    with open_house(settings, seconds=100) as house:
        loop = house.session.supervisor
        walk = Walk(
            house.port, house.session.osc.port, seed=3, models=["tiny", "glyphs-64"], translators=["mosaic26"],
            sizes=[64],
            renderer=lambda: loop.status.pid or 0,
        )  # fmt: skip
        # One of each that makes graphs, whatever the walk does.
        walk.translate()
        walk.load()
        walk.run(6, pause=0.04)
        walk.post("set", {"master/freeze": False})
        walk.account.put({"master/freeze": False})
        assert walk.settle(90) == []
        # The renderer's own state, beside what the server says of it.
        wanted = {n: v for n, v in walk.account.values.items() if n not in walk.account.free}
        assert wait_until(lambda: json.loads(json.dumps(wanted)).items() <= targets(loop).items(), 10)
        assert house.healthy()
    assert loop.status.restarts == walk.kills


def targets(loop):
    """What the renderer goes to, as JSON has it."""
    return json.loads(json.dumps(loop._snapshot["state"]["targets"]))
