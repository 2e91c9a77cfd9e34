"""The verdict on a table of accepted images, and the document that is stored of it."""

import json

import pytest

from data_checks.policy import InputPolicy
from data_checks.table.suite import COLUMNS, judge_table
from data_checks.verdict import Phase
from tests.data_checks.table.accepted import table
from vae_core.images.preprocessing import Preprocessing

GREY, POLICY = Preprocessing(), InputPolicy()


def test_of_equal_images_the_first_stays_and_rows_of_one_place_both_go() -> None:
    frame = table()
    frame.loc[[15, 90], "digest"] = frame.loc[4, "digest"]
    frame.loc[101, "row"] = 0
    result = judge_table(frame, POLICY, GREY)
    assert result.failed_rows == {
        15: "expect_column_values_to_be_unique: digest",
        90: "expect_column_values_to_be_unique: digest",
        100: "expect_compound_columns_to_be_unique: segment+row",
        101: "expect_compound_columns_to_be_unique: segment+row",
    }
    assert result.verdict.phase is Phase.inconclusive


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda frame: frame.drop(columns="variance"), "expect_table_columns_to_match_set: table: expected"),
        (lambda frame: frame.drop(columns="digest"), "'missing': ['digest']"),
        (lambda frame: frame.assign(mean="bright"), "expect_column_values_to_be_between: mean: expected"),
    ],
    ids=["no variance", "no digest", "text"],
)  # fmt: skip
def test_a_table_that_cannot_be_judged_row_by_row_fails_as_a_whole(spoil: object, words: str) -> None:
    result = judge_table(spoil(table()), POLICY, GREY)  # type: ignore[operator]
    assert result.verdict.failed
    assert words in result.verdict.reason
    assert result.document["success"] is False


def test_an_empty_table_is_no_data() -> None:
    result = judge_table(table()[:0], POLICY, GREY)
    assert result.verdict.phase is Phase.no_data
    assert result.document["rows"] == 0


def test_the_document_is_plain_json_and_small_even_where_every_row_fails() -> None:
    frame = table(5000).assign(variance=0.3, width=32, source="")
    result = judge_table(frame, POLICY, GREY)
    text = json.dumps(result.document)
    assert len(text) < 10_000
    document = json.loads(text)
    failed = {entry["name"]: entry for entry in document["expectations"] if not entry["success"]}
    assert set(failed) == {
        "expect_column_values_to_be_between: variance",
        "expect_column_values_to_be_in_set: width",
        "expect_column_value_lengths_to_be_between: source",
    }
    assert failed["expect_column_values_to_be_in_set: width"]["failed_rows"] == 5000
    assert failed["expect_column_values_to_be_in_set: width"]["examples"] == ["32"] * 3
    assert {name for entry in document["expectations"] for name in [entry["arguments"].get("column")]} >= set(COLUMNS)
