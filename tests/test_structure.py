"""The shape of the project, held by a few small checks."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "latentart"

LAYERS = [
    {"errors", "seeds", "folder", "files", "rate", "cache", "shipped"},
    {"pixels", "provenance", "footage"},
    {"weights"},
    {"models"},
    {"features"},
    {"latent"},
    {"translators"},
    {"engine"},
    {"walks", "projection", "painting"},
    {"sinks"},
    {"render", "exports"},
    {"jobs", "live", "training", "exhibition"},
    {"bench"},
    {"cli", "sketch", "__main__"},
]
"""Imports go upward in this list only."""

HEAVY = ("torch", "av", "PIL", "scipy", "rich", "starlette", "uvicorn", "ray", "py5", "openvino")


def layer(module: str) -> int | None:
    """The layer of 'latentart.walks.orbit'; None for the package itself, which imports lazily."""
    part = module.split(".")[1] if "." in module else ""
    for number, names in enumerate(LAYERS):
        if part in names:
            return number
    assert part in ("", "__init__"), f"{module} has no place in LAYERS: add it"
    return None


def imports(tree: ast.AST) -> list[str]:
    """Modules of latentart that a file imports at any depth, apart from those for type checking only."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "latentart":
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            found += inside if node.module == "latentart" else [node.module]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] == "latentart"]
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_go_one_way(file):
    own = layer("latentart." + ".".join(file.relative_to(PACKAGE).with_suffix("").parts))
    if own is None:
        return
    for name in imports(ast.parse(file.read_text())):
        if name == "latentart.__version__":
            continue
        other = layer(name)
        assert other is None or other <= own, f"{file.name} imports {name}, which lies above it"


def test_the_library_never_imports_click():
    for file in FILES:
        if "cli" not in file.parts:
            assert "click" not in file.read_text().split(), file


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_latentart_loads_nothing_heavy():
    assert not modules_after("import latentart") & set(HEAVY)


def test_help_of_every_command_loads_nothing_heavy():
    every = (
        "from latentart.cli import group; [c for n in group.list_commands(None) for c in [group.get_command(None, n)]]"
    )
    assert not modules_after(every) & set(HEAVY)
