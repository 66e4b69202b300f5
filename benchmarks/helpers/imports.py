"""Imports between the modules and packages of a source tree, read from its text."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

Edges = Mapping[str, set[str]]


def cycles(package: Path, *, types: bool = False) -> list[list[str]]:
    """Groups of folders that import each other in a circle; types: imports for type checking only count too.

    A module that lies beside a folder, such as live/session.py, counts as itself: it may use that folder's rooms.
    """
    return [sorted(group) for group in _strong(edges(package, types=types)) if len(group) > 1]


def edges(package: Path, *, types: bool = False) -> Edges:
    """Folder or module beside folders -> those that it imports."""
    modules = {_dotted(file, package): file for file in package.rglob("*.py")}
    found: dict[str, set[str]] = defaultdict(set)
    for name, file in modules.items():
        for target in _imports(ast.parse(file.read_text()), types):
            home = _known(target, modules)
            if home and _room(home, modules) != _room(name, modules):
                found[_room(name, modules)].add(_room(home, modules))
    return found


def _dotted(file: Path, package: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _known(name: str, modules: Mapping[str, Path]) -> str | None:
    if name in modules:
        return name
    above = name.rpartition(".")[0]
    return above if above in modules else None


def _room(name: str, modules: Mapping[str, Path]) -> str:
    """The folder of a module; a module beside folders is a room of its own."""
    file = modules[name]
    if file.name == "__init__.py":
        return name
    mixed = any(path.is_dir() and (path / "__init__.py").exists() for path in file.parent.iterdir())
    return name if mixed else name.rpartition(".")[0]


def _imports(node: ast.AST, types: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test) and not types:
            continue
        if isinstance(child, ast.ImportFrom) and child.module:
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        else:
            yield from _imports(child, types)


def _strong(graph: Edges) -> list[set[str]]:
    """Strongly connected components: two nodes are in one where each reaches the other."""
    reach = {node: _reach(node, graph) for node in {*graph, *(b for each in graph.values() for b in each)}}
    groups: list[set[str]] = []
    for node, there in reach.items():
        group = {other for other in there if node in reach[other]} | {node}
        if group not in groups:
            groups.append(group)
    return groups


def _reach(start: str, graph: Edges) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen
