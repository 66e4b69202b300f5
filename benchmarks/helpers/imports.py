"""Circles of imports between the parts of a package, read from its text; tests/test_structure.py forbids them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def circles(package: Path, *, types: bool = False) -> list[tuple[str, list[str]]]:
    """(package, its files and folders that import each other in a circle); types: imports for type checking count."""
    modules = {_dotted(file, package): file for file in sorted(package.rglob("*.py"))}
    imported = {name: set(_imports(ast.parse(file.read_text()), types)) for name, file in modules.items()}
    packages = [name for name, file in modules.items() if file.name == "__init__.py"]
    found = [(name, sorted(_ring(_links(name, modules, imported)))) for name in packages]
    return [(name, ring) for name, ring in found if ring]


def _dotted(file: Path, package: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


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


def _links(package: str, modules: dict[str, Path], imported: dict[str, set[str]]) -> dict[str, set[str]]:
    parts: dict[str, set[str]] = {}
    names = {_part(package, module) for module in modules} - {""}
    for module in modules:
        if own := _part(package, module):
            others = {_part(package, name) for name in imported[module]} & names
            parts.setdefault(own, set()).update(others - {own})
    return parts


def _part(package: str, module: str) -> str:
    return module.removeprefix(f"{package}.").split(".")[0] if module.startswith(f"{package}.") else ""


def _ring(graph: dict[str, set[str]]) -> set[str]:
    """What is left when every node without a way in or out is taken away, again and again."""
    left = dict(graph)
    while ends := {n for n in left if not left[n] & left.keys() or not any(n in left[m] for m in left)}:
        left = {n: to for n, to in left.items() if n not in ends}
    return set(left)
