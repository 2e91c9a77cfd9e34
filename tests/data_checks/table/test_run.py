"""What every accepted row must be, and which rows are not."""

import numpy as np
import pytest

from data_checks.policy import InputPolicy
from data_checks.table.suite import judge_table
from data_checks.verdict import Phase
from tests.data_checks.table.accepted import table
from vae_core.images.preprocessing import Preprocessing

GREY, POLICY = Preprocessing(), InputPolicy()


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


def test_thresholds_are_those_of_the_policy_and_of_the_preprocessing() -> None:
    frame = table(20).assign(variance=0.004, width=640, height=480)
    lenient = judge_table(frame, InputPolicy(min_variance=0.003), Preprocessing(fit="stretch"))
    assert lenient.verdict.passed
    strict = judge_table(frame, POLICY, GREY)
    assert set(strict.failed_rows) == set(range(20))
    assert strict.verdict.phase is Phase.inconclusive  # 20 rows are too few to hold a batch
