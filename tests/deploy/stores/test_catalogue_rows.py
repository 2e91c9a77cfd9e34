"""Rows take the form of their table: an Arrow table like rows, other columns and times without a zone not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pytest

from deploy.stores.catalogue import Catalogue
from tests.deploy.stores.test_catalogue import accepted


def test_an_arrow_table_is_taken_like_rows(catalogue: Catalogue) -> None:
    catalogue.append_accepted(accepted("a", 2), ["a"])
    table = catalogue.read()
    small = table.set_column(table.schema.get_field_index("pixels"), "pixels", table["pixels"].cast(pa.binary()))
    other = pa.table({name: small[name] for name in reversed(small.column_names)})
    renamed = other.set_column(other.schema.get_field_index("segment"), "segment", pa.array(["b", "b"]))
    assert catalogue.append_accepted(renamed, ["b"]) == ["b"]
    assert catalogue.counts().accepted == 4
    with pytest.raises(ValueError, match="expected columns"):
        catalogue.append_accepted(table.drop_columns(["digest"]), ["a"])


def test_a_time_without_a_zone_is_refused(catalogue: Catalogue) -> None:
    naive = [replace(row, captured_at=datetime(2026, 3, 1)) for row in accepted("a", 1)]
    with pytest.raises(ValueError, match="time zone"):
        catalogue.append_accepted(naive, ["a"])
