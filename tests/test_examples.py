"""The examples in docstrings say what the code answers."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from benchmarks.house_counts import PRODUCT

ROOT = Path(__file__).parents[1]
WITH_EXAMPLES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for room in PRODUCT
    for file in (ROOT / room).rglob("*.py")
    if ">>> " in file.read_text("utf-8")
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_an_example_is_true(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted > 0
    assert found.failed == 0, "pytest shows what was expected and what came"
