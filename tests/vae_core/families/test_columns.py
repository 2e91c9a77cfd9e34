"""Columns that only some families have: each is of one table, in one order."""

from types import SimpleNamespace

from vae_core.families.columns import COLUMNS, columns_in, columns_named


def test_columns_come_in_the_order_in_which_they_are_written_down() -> None:
    assert [each.name for each in columns_named("kl", "logvar")] == ["logvar", "kl"]
    assert columns_named() == ()


def test_a_table_has_those_that_are_not_none() -> None:
    table = SimpleNamespace(**dict.fromkeys((each.name for each in COLUMNS), None))
    assert columns_in(table) == {}
    table.codes, table.code_distance = [[0]], [0.5]
    assert columns_in(table) == {"codes": [[0]], "code_distance": [0.5]}
