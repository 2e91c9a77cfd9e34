import json
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from data_checks.policy import InputPolicy
from data_checks.table.suite import COLUMNS, judge_table
from data_checks.verdict import Phase
from vae_core.images.preprocessing import Preprocessing

GREY, POLICY = Preprocessing(), InputPolicy()


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "false")


def table(rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(rows)
    return pd.DataFrame(
        {
            "digest": [sha256(str(row).encode()).hexdigest() for row in range(rows)],
            "source": [f"shop-{row % 7}" for row in range(rows)],
            "segment": [f"replica-1/{row // 50:06d}" for row in range(rows)],
            "row": np.arange(rows) % 50,
            "width": 28,
            "height": 28,
            "channels": 1,
            "mean": rng.uniform(0.1, 0.9, rows),
            "variance": rng.uniform(0.02, 0.2, rows),
            "entropy_bits": rng.uniform(0.5, 4, rows),
        }
    )


def test_a_sound_table_passes_whatever_its_index_and_its_further_columns(
    capfd: pytest.CaptureFixture[str],
) -> None:
    frame = table().assign(image=b"\x89PNG").set_index(np.arange(200) * 7 + 1)
    result = judge_table(frame, POLICY, GREY)
    assert result.verdict.passed
    assert result.verdict.reason == "refused_suite 0 <= limit 0.01 (n=200)"
    assert result.failed_rows == {}
    assert result.document["success"] is True
    assert capfd.readouterr() == ("", ""), "progress bars of the library stay off"


def test_each_bad_row_is_found_at_its_position_and_blamed_on_what_it_broke() -> None:
    frame = table().astype({"row": float, "width": float}).set_index(np.arange(200)[::-1])
    bad = {
        3: ("variance", 0.004, "expect_column_values_to_be_between: variance"),
        7: ("variance", 0.3, "expect_column_values_to_be_between: variance"),
        11: ("width", 32.0, "expect_column_values_to_be_in_set: width"),
        20: ("mean", np.nan, "expect_column_values_to_not_be_null: mean"),
        21: ("mean", 127.5, "expect_column_values_to_be_between: mean"),
        30: ("digest", "not a digest", "expect_column_values_to_match_regex: digest"),
        40: ("source", "", "expect_column_value_lengths_to_be_between: source"),
        60: ("row", -1.0, "expect_column_values_to_be_between: row"),
        70: ("entropy_bits", 4.5, "expect_column_values_to_be_between: entropy_bits"),
        80: ("channels", 3, "expect_column_values_to_be_in_set: channels"),
    }
    for position, (column, value, _) in bad.items():
        frame.iloc[position, frame.columns.get_loc(column)] = value
    result = judge_table(frame, POLICY, GREY)
    assert result.failed_rows == {position: name for position, (_, _, name) in bad.items()}
    assert result.verdict.failed  # 10 of 200 are shown to be more than 1 %
    assert "refused_suite 0.05 [" in result.verdict.reason


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


def test_thresholds_are_those_of_the_policy_and_of_the_preprocessing() -> None:
    frame = table(20).assign(variance=0.004, width=640, height=480)
    lenient = judge_table(frame, InputPolicy(min_variance=0.003), Preprocessing(fit="stretch"))
    assert lenient.verdict.passed
    strict = judge_table(frame, POLICY, GREY)
    assert set(strict.failed_rows) == set(range(20))
    assert strict.verdict.phase is Phase.inconclusive  # 20 rows are too few to hold a batch


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
