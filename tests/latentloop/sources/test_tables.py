"""Tables of labels: columns by their names, whatever the delimiter, and the line of what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from latentloop.errors import UnusableLabels
from latentloop.sources.tables import Row, is_side_car, looks_like_labels, read_table

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def said(data: str | bytes, path: str = "labels.csv") -> list[tuple[str, str, str, datetime | None]]:
    rows = read_table(data.encode() if isinstance(data, str) else data, path)
    return [(row.id, row.label, row.source, row.captured_at) for row in rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_are_found_by_their_names_in_any_order(delimiter: str, bom: str, end: str) -> None:
    lines = [["Label", "weight", "File Name", "captured-at"], ["cat", "3", "a/1.png", "2026-03-01T12:00:00Z"]]

    table = bom + "".join(delimiter.join(line) + end for line in lines)

    assert said(table) == [("a/1.png", "cat", "", NOON)]


@pytest.mark.parametrize("word", ["id", "file", "file_name", "filename", "name", "path", "image", "ID", " Path "])
@pytest.mark.parametrize("label", ["label", "class", "kind", "category"])
def test_each_word_for_an_id_and_a_label_is_known(word: str, label: str) -> None:
    assert said(f"{word},{label}\n1,cat\n") == [("1", "cat", "", None)]


def test_a_path_is_surer_than_an_id_and_a_name() -> None:
    assert said("id,name,path,label\n17,a cat,x/1.png,cat\n") == [("x/1.png", "cat", "", None)]


def test_quoted_values_hold_delimiters_quotes_and_line_breaks() -> None:
    table = 'id,label\n"a,1.png","a ""big"" cat"\n"b\n2.png",dog\n3.png,"x;y"\n'

    assert said(table) == [
        ("a,1.png", 'a "big" cat', "", None),
        ("b\n2.png", "dog", "", None),
        ("3.png", "x;y", "", None),
    ]


def test_numbers_stay_as_they_are_written_and_blanks_go() -> None:
    assert said("id,label\n 007 , 1.0 \n") == [("007", "1.0", "", None)]


def test_short_and_empty_lines_say_less() -> None:
    assert said("\nid,label,source\n\n1.png\n2.png,,shop\n ,,\n") == [
        ("1.png", "", "", None),
        ("2.png", "", "shop", None),
    ]


def test_a_table_that_a_spreadsheet_saved_as_unicode_text_is_read() -> None:
    assert said("id\tlabel\n1\tKäse\n".encode("utf-16"), "labels.tsv") == [("1", "Käse", "", None)]


def test_json_lines_hold_words_and_numbers_and_other_things_are_left_alone() -> None:
    lines = (
        '{"file_name": "1.png", "label": "cat", "box": [1, 2]}\n\n{"label": 3, "id": 7}\n{"id": "x", "label": null}\n'
    )

    assert said(lines, "x.jsonl") == [("1.png", "cat", "", None), ("7", "3", "", None), ("x", "", "", None)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01 12:00", NOON),
        ("2026-03-01T13:00:00+01:00", NOON),
        ("2026:03:01 12:00:00", NOON),
        ("20260301T120000Z", NOON),
    ],
)
def test_times_are_iso_8601_or_as_cameras_write_them_in_utc_unless_they_say_otherwise(
    written: str, expected: datetime
) -> None:
    assert said(f"id,captured_at\n1,{written}\n") == [("1", "", "", expected)]


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (b"id,label\n1,a\n2,a,b\n", "labels.csv", "labels.csv line 3: expected 2 values as in its first line, came 3"),
        (b"id,captured_at\n1,1.3.26\n", "labels.csv", "labels.csv line 2: captured_at: expected a time such as"),
        (b"id,captured_at\n1,0001-01-01T00:00+05:00\n", "labels.csv", "labels.csv line 2: captured_at"),
        (b"name,size\n1,2\n", "labels.csv", "labels.csv: expected a first line with a column id"),
        (b"", "labels.csv", "labels.csv: expected a first line with a column id"),
        (b"id,label\n1,K\xe4se\n", "labels.csv", "labels.csv line 2: expected UTF-8, came other bytes"),
        (b'id,label\n1,"' + b"x" * 200_000 + b'"\n', "labels.csv", "cannot be read as CSV"),
        (b'{"id": 1, "label": 2}\nnot json\n', "a.jsonl", "a.jsonl line 2: expected one JSON object a line"),
        (b"[" * 100_000, "a.jsonl", "a.jsonl line 1: expected one JSON object a line"),
        (b"[1, 2]\n", "a.jsonl", "a.jsonl line 1: expected a JSON object with an id"),
        (b'{"id": 1, "label": ["a", "b"]}\n', "a.jsonl", "a.jsonl line 1: expected one word or number"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line_with_its_place(data: bytes, path: str, message: str) -> None:
    with pytest.raises(UnusableLabels) as refused:
        list(read_table(data, path))

    assert message in str(refused.value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("labels.csv", True), ("Metadata.TSV", True), ("anything.jsonl", True), ("train.csv", False),
        ("labels.txt", False), ("labels.json", False),
    ],
)  # fmt: skip
def test_tables_are_known_by_their_names(path: str, expected: bool) -> None:
    assert is_side_car(path) is expected


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        (b"image,class\nx", "t.csv", True), (b"price,amount\n", "t.csv", False), (b"\xff\x00", "t.csv", False),
        (b'{"id": 1, "kind": "a"}\n', "t.jsonl", True), (b'{"level": "info"}\n', "t.jsonl", False),
        (b"text\n", "t.jsonl", False), ("id\tlabel\n".encode("utf-16"), "t.csv", True),
    ],
)  # fmt: skip
def test_a_table_is_recognised_by_its_first_line(data: bytes, path: str, expected: bool) -> None:
    assert looks_like_labels(data, path) is expected


def test_a_row_knows_its_line() -> None:
    (row,) = read_table(b"id,label\n\n1,a\n", "labels.csv")

    assert row == Row("labels.csv line 3", "1", "a")
