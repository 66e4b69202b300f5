"""Address patterns, against the standard library's matcher and against malice."""

from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentart.live.osc.dispatch import addresses
from latentart.live.osc.pattern import PatternError, is_pattern, matching, tree

ALL = list(addresses())
ROOT = tree(ALL)


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("/latentart/psi", ["/latentart/psi"]),
        ("/latentart/p?i", ["/latentart/psi"]),
        ("/latentart/dir/[1-3]/amount", [f"/latentart/dir/{i}/amount" for i in (1, 2, 3)]),
        ("/la/style/{coarse,fine}/seed", ["/la/style/coarse/seed", "/la/style/fine/seed"]),
        ("/{la,latentart}/psi", ["/la/psi", "/latentart/psi"]),
        ("/la/dir/[!1-9]*/amount", []),
        ("/la/dir/1*/amount", [f"/la/dir/{i}/amount" for i in (1, 10, 11, 12, 13, 14, 15, 16)]),
        ("/la/walk/*e", ["/la/walk/glide", "/la/walk/mode", "/la/walk/phase"]),
        ("/la/*", ["/la/cutoff", "/la/ping", "/la/psi", "/la/seed", "/la/source"]),
        ("/*", ["/latentX", "/latentY", "/psi", "/query", "/randomize", "/seed", "/setpkl", "/speed", "/truncpsi"]),
        ("/nothing/*", []),
    ],
)
def test_patterns(pattern, wanted):
    assert sorted(matching(pattern, ROOT)) == wanted


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["*", "?", "p", "s", "i", "a"]), max_size=7))
def test_stars_and_questions_as_in_a_shell(parts):
    pattern = "".join(parts)
    names = ["psi", "pi", "p", "sip", "aaaa", "pspspsi"]
    found = matching(f"/{pattern}", tree(f"/{name}" for name in names))
    assert found == [f"/{name}" for name in names if fnmatch.fnmatchcase(name, pattern)]


@pytest.mark.parametrize("pattern", ["/la/[abc", "/la/{a,b", "/la/" + "*" * 9, "/la/" + "a" * 130 + "*"])
def test_bad_patterns_are_refused(pattern):
    with pytest.raises(PatternError):
        matching(pattern, ROOT)


@pytest.mark.parametrize(
    "pattern",
    [
        "/latentart/layers/8/" + "*" * 14 + "X",
        "/latentart/" + "*a" * 7 + "*X",
        "/*/" + "?" * 4 + "*" * 2 + "/*",
        "/{" + ",".join("a" * i for i in range(14)) + "}{" + "b," * 10 + "}*",
        "/la/[!-~]*[!-~]*[!-~]*[!-~]*/x",
    ],
)
def test_malicious_patterns_cost_little(pattern):
    begun = time.perf_counter()
    for _ in range(5):
        try:
            matching(pattern, ROOT)
        except PatternError:
            pass
    assert time.perf_counter() - begun < 0.25


def test_plain_addresses_are_no_patterns():
    assert not any(is_pattern(address) for address in ALL)
