"""Modules that import one another in a circle, also through imports within functions; not those for types alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


def find_circle(root: Path, packages: Sequence[str]) -> list[str]:
    """The modules of one circle, the first of them again at its end; empty where there is none."""
    graph = read_imports(root, packages)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])[::-1]
    return []


def read_imports(root: Path, packages: Sequence[str]) -> dict[str, set[str]]:
    """Module -> the modules of these packages that it imports, by their dotted names."""
    files = {_name(root, path): path for package in packages for path in (root / package).rglob("*.py")}
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in files.items()}
    return {name: set(_imported(tree, trees)) - {name} for name, tree in trees.items()}


def _name(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _imported(node: ast.AST, modules: Mapping[str, ast.Module]) -> Iterator[str]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    if isinstance(node, ast.ImportFrom) and node.module:
        for each in node.names:
            inner = f"{node.module}.{each.name}"
            yield from (name for name in ((inner,) if inner in modules else (node.module,)) if name in modules)
    elif isinstance(node, ast.Import):
        yield from (each.name for each in node.names if each.name in modules)
    for child in ast.iter_child_nodes(node):
        yield from _imported(child, modules)
