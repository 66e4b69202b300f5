"""The shape of the project, held by a few small checks. Run as a script it prints the layers and rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "latentart"

LAYERS = [
    {"errors", "seeds", "folder", "files", "rate", "cache", "shipped"},
    {"media"},
    {"pixels", "provenance", "footage", "sequence"},
    {"weights"},
    {"models"},
    {"features"},
    {"latent"},
    {"translators"},
    {"engine"},
    {"walks", "projection", "painting", "judging"},
    {"sinks"},
    {"render", "exports"},
    {"jobs", "live", "training", "exhibition"},
    {"bench"},
    {"cli", "sketch", "__main__"},
]
"""Imports go down this list only: from a module to its own layer or to one above it here."""

ROOMS = [
    {"wire", "outputs"},
    {"control"},
    {"osc", "play"},
    {"web"},
    {"session", "completions", "documents"},
]
"""The same inside `live`."""

STRANGERS = [("live", "jobs")]
"""Pairs of packages of which neither imports the other."""

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
    """Modules of latentart that a file imports, at any depth; those for type checking count too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "latentart":
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name if name in MODULES else node.module for name in inside]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] == "latentart"]
    return found


def named(file: Path) -> str:
    """'latentart.walks.orbit' for its file, 'latentart.walks' for the package's own."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {named(file) for file in FILES}
IMPORTS = {named(file): imports(ast.parse(file.read_text())) for file in FILES}
PACKAGES = [named(file) for file in FILES if file.name == "__init__.py"]


def part_of(package: str, module: str) -> str:
    """The file or sub-package of a package that a module lies in; '' for one outside it, and for itself."""
    return module.removeprefix(f"{package}.").split(".")[0] if module.startswith(f"{package}.") else ""


def links(package: str) -> dict[str, set[str]]:
    """Part of a package -> the other parts that it imports."""
    found: dict[str, set[str]] = {}
    for module, names in IMPORTS.items():
        if own := part_of(package, module):
            found.setdefault(own, set()).update({part_of(package, name) for name in names} - {own, ""})
    return found


def circles(graph: dict[str, set[str]]) -> set[str]:
    """Nodes that lie on a circle, or between two."""
    left = dict(graph)
    while ends := {n for n in left if not left[n] & left.keys() or not any(n in left[m] for m in left)}:
        left = {n: to for n, to in left.items() if n not in ends}
    return set(left)


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == {"b", "c"}
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_part_of_a_package_imports_itself_through_another(package):
    graph = links(package)
    round_about = circles(graph)
    assert not round_about, {name: sorted(graph[name] & round_about) for name in sorted(round_about)}


def test_the_rooms_of_the_live_server_go_one_way():
    floor = {name: number for number, room in enumerate(ROOMS) for name in room}
    for own, others in links("latentart.live").items():
        assert own in floor, f"live/{own} has no place in ROOMS: add it"
        for other in others:
            assert floor[other] < floor[own], f"live/{own} imports live/{other}, which is not below it"


@pytest.mark.parametrize(("one", "two"), STRANGERS)
def test_strangers_do_not_know_each_other(one, two):
    graph = links("latentart")
    assert two not in graph[one]
    assert one not in graph[two]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_go_one_way(file):
    own = layer(named(file))
    if own is None:
        return
    for name in IMPORTS[named(file)]:
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


def printed() -> str:
    """Layers and rooms, the highest first, as the documentation shows them."""
    layers = [f"    {', '.join(sorted(names))}" for names in reversed(LAYERS)]
    rooms = [f"    {', '.join(sorted(names))}" for names in reversed(ROOMS)]
    return "\n".join(["latentart", *layers, "latentart.live", *rooms])


if __name__ == "__main__":
    print(printed())
