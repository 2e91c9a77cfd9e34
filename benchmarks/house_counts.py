"""What of a structure can be counted from its text: who asks for a family, rooms, mirrored tests, patches of tests."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PRODUCT = ("latentloop", "flows", "tasks", "deploy", "data_checks", "vae_core")
FAMILY_ROOMS = ("vae_core/families",)
COLUMNS = frozenset({"kl", "logvar", "codes", "code_distance", "quantised"})
"""What the scores of some families have and those of others have not."""
EXEMPT = frozenset({"__init__", "__main__", "errors", "constants"})
"""Modules that no test file of their own is asked for."""
_PATCHES = frozenset({"setattr", "delattr", "setitem", "delitem"})


@dataclass(frozen=True, slots=True)
class Families:
    """What names a family: its classes (and unions of them), and the words of configurations."""

    classes: frozenset[str]
    words: frozenset[str]


def read_families(root: Path) -> Families:
    """From the rooms of the families, and from the configurations beside them."""
    classes, words = set[str](), set[str]()
    for path in _files(root, "vae_core"):
        inside = _room(root, path).startswith(FAMILY_ROOMS)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                named = {_word_of(each) for each in node.body} - {None}
                words.update(str(each) for each in named)
                if named or (inside and not node.name.startswith("_")):
                    classes.add(node.name)
            elif inside and isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Name):
                classes.update(each.id for each in node.targets if isinstance(each, ast.Name) and each.id[0].isupper())
    return Families(frozenset(classes), frozenset(words))


def find_questions(root: Path) -> list[str]:
    """`file:line` of every place outside of the families that asks which one it has, disguised or not."""
    families = read_families(root)
    return [
        f"{path.relative_to(root)}:{line}"
        for package in (*PRODUCT, "benchmarks")
        for path in _files(root, package)
        if not _room(root, path).startswith(FAMILY_ROOMS)
        for line in sorted(_questions(ast.parse(path.read_text("utf-8")), families))
    ]


def find_enumerators(root: Path) -> list[str]:
    """Files of the product that name several families: a new one is written into them, beside its own folder."""
    return [
        str(path.relative_to(root))
        for package in PRODUCT
        for path in _files(root, package)
        if len(_families_imported(ast.parse(path.read_text("utf-8")))) > 1
        and _room(root, path) not in _folders_of_families(root)
    ]


def _families_imported(tree: ast.AST) -> set[str]:
    rooms = tuple(f"{each.replace('/', '.')}." for each in FAMILY_ROOMS)
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names}
    inside = {module.removeprefix(room) for module in modules for room in rooms if module.startswith(room)}
    return {each.split(".")[0] for each in inside if "." in each}


def _folders_of_families(root: Path) -> set[str]:
    """Below the rooms of the families: one may use parts of another."""
    return {_room(root, path) for room in FAMILY_ROOMS for path in _files(root, room)} - set(FAMILY_ROOMS)


def largest_room(root: Path) -> tuple[str, int]:
    """The folder of the product with the most modules, and how many."""
    rooms = Counter(_room(root, path) for package in PRODUCT for path in _files(root, package))
    return max(rooms.items(), key=lambda each: (each[1], each[0]))


def find_untested(root: Path) -> tuple[list[str], int]:
    """Modules without a test file in the mirrored place (`test_NAME.py`, `test_NAME_*.py`), and of how many."""
    modules = [
        path.relative_to(root) for package in PRODUCT for path in _files(root, package) if path.stem not in EXEMPT
    ]
    missing = [
        str(each)
        for each in modules
        if not (there := root / "tests" / each.parent).is_dir()
        or not any(there.glob(f"test_{each.stem}.py"))
        and not any(there.glob(f"test_{each.stem}_*.py"))
    ]
    return missing, len(modules)


def count_patches(root: Path) -> tuple[int, int]:
    """Patches of the tests (`setattr`, `setitem`, their opposites, `mock.patch`), and their `def test_`."""
    patches = tests = 0
    for path in _files(root, "tests"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                tests += node.name.startswith("test_")
            elif isinstance(node, ast.Attribute):
                patches += node.attr == "patch"
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                patches += node.func.attr in _PATCHES
    return patches, tests


def _questions(tree: ast.AST, families: Families) -> set[int]:
    return {line for node in ast.walk(tree) for line in _asked(node, families)}


def _asked(node: ast.AST, families: Families) -> Iterator[int]:
    match node:
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]):
            if _names(kinds) & families.classes:
                yield node.lineno
        case ast.Call(func=ast.Name(id="hasattr" | "getattr"), args=[_, ast.Constant(value=str(name)), *_]):
            if name in COLUMNS or name == "variant":
                yield node.lineno
        case ast.MatchClass(cls=cls):
            if _names(cls) & families.classes:
                yield node.lineno
        case ast.MatchValue(value=ast.Constant(value=str(word))):
            if word in families.words:
                yield node.lineno
        case ast.Compare():
            sides = [node.left, *node.comparators]
            words = {each.value for side in sides for each in ast.walk(side) if isinstance(each, ast.Constant)}
            of_none = any(isinstance(side, ast.Constant) and side.value is None for side in sides)
            of_column = any(isinstance(side, ast.Attribute) and side.attr in COLUMNS for side in sides)
            of_own = sides[0].value in COLUMNS if isinstance(sides[0], ast.Constant) else False
            of_own = of_own and any(isinstance(side, ast.Attribute) and side.attr == "own" for side in sides[1:])
            of_type = any(_names(side) & families.classes for side in sides)
            if words & families.words or (of_none and of_column) or of_type or of_own:
                yield node.lineno
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(attr="own"), attr="get"), args=[ast.Constant() as name, *_]
        ):
            if name.value in COLUMNS:
                yield node.lineno
        case ast.Attribute(attr="quantised", ctx=ast.Load()):
            yield node.lineno
        case _:
            return


def _names(node: ast.AST) -> set[str]:
    """Names in an expression of types: alone, in a union, in a tuple, behind a module."""
    found = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return found | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def _word_of(node: ast.stmt) -> str | None:
    """The word that a configuration gives its family: the constant in `variant: Literal["conv_vae"]`."""
    match node:
        case ast.AnnAssign(
            target=ast.Name(id="variant"),
            annotation=ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Constant(value=str(word))),
        ):
            return word
    return None


def _files(root: Path, package: str) -> list[Path]:
    return sorted((root / package).rglob("*.py"))


def _room(root: Path, path: Path) -> str:
    return path.parent.relative_to(root).as_posix()
