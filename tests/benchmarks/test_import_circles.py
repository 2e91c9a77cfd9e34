"""The product has no circle of imports, and a circle is found however it is hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.house_counts import PRODUCT
from benchmarks.import_circles import find_circle

ROOT = Path(__file__).parents[2]


def write(root: Path, **modules: str) -> None:
    (root / "room").mkdir()
    (root / "room" / "__init__.py").write_text("")
    for name, text in modules.items():
        (root / "room" / f"{name}.py").write_text(text)


def test_the_product_has_none() -> None:
    assert find_circle(ROOT, (*PRODUCT, "benchmarks")) == []


@pytest.mark.parametrize(
    "closing",
    ["from room.a import x\n", "from room import a\n", "import room.a\n", "def late():\n    from room.a import x\n"],
)
def test_one_is_named_from_its_first_module_to_its_first_again(tmp_path: Path, closing: str) -> None:
    write(tmp_path, a="from room.b import y\n", b="import room.c\n", c=closing, alone="from room.a import x\n")
    circle = find_circle(tmp_path, ["room"])
    assert circle[0] == circle[-1]
    assert sorted(circle[1:]) == ["room.a", "room.b", "room.c"]


def test_what_is_imported_for_types_alone_closes_none(tmp_path: Path) -> None:
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from room.a import X\n"
    write(tmp_path, a="from room.b import y\n", b=types)
    assert find_circle(tmp_path, ["room"]) == []
