"""Nothing is cut: where lines have a width long cells go on below, in a pipe or a file they are as long as needed."""

from __future__ import annotations

import re

import pytest
from rich.table import Column, Table

from latentloop.screen import open_screen, print_table

LONG = "0123456789abcdef" * 30
TEXT = "one sentence of many words, " * 40


def drawn(capsys: pytest.CaptureFixture[str]) -> list[str]:
    table = Table(Column("id", no_wrap=True), Column("name", max_width=20), "detail", box=None)
    table.add_row("a1b2c3d4-17", LONG, TEXT)
    table.add_row("a1b2c3d4-18", "short", "short")
    print_table(open_screen(), table)
    return capsys.readouterr().out.splitlines()


def test_in_a_pipe_a_row_is_a_line_and_has_every_letter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    head, first, second = drawn(capsys)
    assert head.split() == ["id", "name", "detail"]
    assert re.split(r"  +", first.strip()) == ["a1b2c3d4-17", LONG, TEXT.rstrip()]
    assert second == second.rstrip() and second.split() == ["a1b2c3d4-18", "short", "short"]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_where_there_is_a_width_long_cells_go_on_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = drawn(capsys)
    assert max(map(len, lines)) <= columns
    assert "…" not in "".join(lines)
    assert "".join(re.findall(r"(?<= )[0-9a-f]{2,}(?= |$)", "\n".join(lines), re.MULTILINE)) == LONG
    assert len(re.findall("words,", "\n".join(lines))) == 40
