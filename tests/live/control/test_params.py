"""The table, and everything that is made from it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentart.errors import SettingsError
from latentart.latent.bend_ops import OPS
from latentart.live import documents
from latentart.live.control import params
from latentart.live.control.actions import SAFE, Actions
from latentart.live.control.params import ACTIONS, BENDS, TABLE, defaults, find
from latentart.live.osc import oscquery
from latentart.live.osc.dispatch import addresses

PARAMS = list(TABLE.values())
NUMERIC = [p for p in PARAMS if p.kind in ("float", "int")]
DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("param", PARAMS, ids=lambda p: p.name)
def test_every_parameter_makes_sense(param):
    assert param.check(param.default) == param.default
    assert param.doc.endswith(".")
    assert param.low < param.high
    assert type(param.check(param.default)) is type(param.default)
    json.dumps(param.default)


@pytest.mark.parametrize("param", NUMERIC, ids=lambda p: p.name)
def test_numbers_are_clamped_and_never_nan(param):
    assert param.check(param.high + 1e6) == param.high
    assert param.check(param.low - 1e6) == param.low
    for bad in (math.nan, math.inf, -math.inf, "1", None, [1], {}, 10**400):
        with pytest.raises(SettingsError):
            param.check(bad)


@pytest.mark.parametrize("param", [p for p in PARAMS if p.has_unit], ids=lambda p: p.name)
@settings(max_examples=20, deadline=None)
@given(n=st.floats(0, 1))
def test_the_twin_from_0_to_1(param, n):
    value = param.from_unit(n)
    assert param.check(value) == value
    assert param.from_unit(param.to_unit(value)) == pytest.approx(value)


def test_the_ends_of_the_twin():
    psi = find("psi")
    assert (psi.from_unit(0), psi.from_unit(1), psi.from_unit(7)) == (psi.low, psi.high, psi.high)


def test_vectors():
    z = find("latent/z")
    assert z.check([1, 2.5]) == (1.0, 2.5)
    for bad in ("12", 5, [1, "a"], [math.nan], [0.0] * (params.LONGEST_VECTOR + 1)):
        with pytest.raises(SettingsError):
            z.check(bad)


def test_names_are_names_and_no_paths():
    network = find("then/1/network")
    assert network.check("mosaic26") == "mosaic26"
    assert network.check("") == ""
    for bad in ("../evil", "/etc/passwd", "a/b", ".hidden", "x" * 65, 5, None, ["a"], "a\0"):
        with pytest.raises(SettingsError):
            network.check(bad)


def test_bends_are_those_of_the_library():
    assert set(BENDS) == set(OPS)


@pytest.mark.parametrize("name", ["", "nothing", "__class__", "psi/", None, 5, "a" * 10_000])
def test_unknown_names(name):
    with pytest.raises(SettingsError, match="unknown parameter"):
        find(name)


def test_panic_covers_what_matters():
    assert {"psi", "walk/play", "master/blackout", "master/freeze", "master/fade"} <= set(SAFE)
    assert set(SAFE) <= set(defaults())


def test_every_action_is_done_by_something():
    nothing = type("Nothing", (), {})()
    nothing.start = nothing.stop = nothing.mark = nothing.push = nothing.panic = None
    assert set(Actions(nothing, nothing, nothing, nothing)._table) == set(ACTIONS)


def test_oscquery_tree_is_complete():
    tree = oscquery.tree(defaults())
    for name in [*TABLE, *ACTIONS]:
        leaf = oscquery.node(f"/latentart/{name}", defaults())
        assert leaf["FULL_PATH"] == f"/latentart/{name}"
        assert leaf["FULL_PATH"] in addresses()
        assert leaf["DESCRIPTION"]
    assert "CONTENTS" in tree
    assert oscquery.node("/latentart/nothing/here", defaults()) is None
    json.dumps(tree, allow_nan=False)


def test_the_schema_is_json():
    found = json.loads(json.dumps(params.schema(), allow_nan=False))
    assert [p["name"] for p in found["params"]] == list(TABLE)


def test_the_pages_are_those_of_the_table():
    assert (DOCS / "osc.md").read_text() == documents.osc_page()
    assert (DOCS / "touchosc.csv").read_text() == documents.touchosc()


def test_every_address_is_on_the_page():
    page = documents.osc_page()
    assert all(f"`/{name}`" in page for name in [*TABLE, *ACTIONS])
