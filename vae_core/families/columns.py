"""The scores of an image that not every family has: declared once, for whatever keeps them as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

ColumnName = Literal["logvar", "kl", "codes", "code_distance"]


@dataclass(frozen=True, slots=True)
class Column:
    """One number, vector or grid an image, and its numbers' type where it is stored beside a version."""

    name: ColumnName
    form: Literal["number", "vector", "grid"]
    stored: Literal["float16", "float32", "int32"]


COLUMNS: tuple[Column, ...] = (
    Column("logvar", "vector", "float16"),
    Column("kl", "number", "float32"),
    Column("codes", "grid", "int32"),
    Column("code_distance", "number", "float32"),
)
"""Of all families, in the order in which they are written down."""


def columns_named(*names: ColumnName) -> tuple[Column, ...]:
    """The columns of these names, in the order of all."""
    return tuple(each for each in COLUMNS if each.name in names)


def columns_in(table: object) -> dict[ColumnName, Any]:
    """Those of them that a table of scores has, by name: its attributes that are not None."""
    found = ((each.name, getattr(table, each.name)) for each in COLUMNS)
    return {name: column for name, column in found if column is not None}
