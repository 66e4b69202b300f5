"""Small generators that every test can afford."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch
from layouts.random_stylegan2 import random_state

from latentart.models.base import Generator
from latentart.models.load import build
from latentart.weights.checkpoint import Checkpoint

pytest_plugins = ("audience", "processes")


def tiny(name: str = "tiny", **shape: Any) -> Generator:
    """A random StyleGAN2 of a few thousand weights."""
    tensors, config = random_state(**{"resolution": 16, "z_dim": 16, "w_dim": 16, **shape})
    return build(Checkpoint(tensors, config, "0" * 64, "random", name), "cpu")


@pytest.fixture(autouse=True)
def _two_threads() -> None:
    """For every test anew: code for worker processes takes one, and bits depend on it."""
    torch.set_num_threads(2)


@pytest.fixture(scope="session")
def G() -> Generator:
    """Without classes, 16x16 RGB."""
    return tiny()


@pytest.fixture(scope="session")
def G_classes() -> Generator:
    """With the classes a, b, c, d."""
    generator = tiny("letters", c_dim=4)
    generator.class_names = tuple("abcd")
    return generator


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """In CI a skipped test is a failure: everything a test needs is installed there."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that share the live server and the browser, and puts them last.

    The server draws pictures as long as it is open, and Playwright keeps an event loop running in this thread, which
    asyncio.run and the compiler's recursion count cannot bear: `make test` runs them in a process of their own.
    """

    def company(item: pytest.Item) -> int:
        names = getattr(item, "fixturenames", ())
        return 2 if "browser" in names else 1 if "stage" in names else 0

    for item in items:
        if company(item):
            item.add_marker("audience")
    items.sort(key=company)
