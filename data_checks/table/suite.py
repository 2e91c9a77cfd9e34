"""The Great Expectations suite over the table of accepted images, before its rows enter the catalogue.

Each image was validated by itself; the suite sees the table that was made of them. Expectations on rows
send single rows to quarantine; expectations on the table (its columns, its length, or one that could not be
computed) fail the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_checks.policy import InputPolicy
from data_checks.statistics.rates import judge_rate_below
from data_checks.table.run import COLUMNS, SUITE_NAME, Outcome, list_expectations, run_suite
from data_checks.verdict import Evidence, Phase, Verdict, combine
from vae_core.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "TableResult", "judge_table"]


@dataclass(frozen=True, slots=True)
class TableResult:
    """The verdict on the table, the rows that failed (position -> expectation), and the document to store.

    `table_failed`: what is wrong with the table as a whole, in one line; empty where it is well. `failures`: a line for
    each expectation that did not hold, with what came.

    `document` is plain JSON: one entry an expectation with its arguments, its outcome, the number of failing
    rows and at most three failing values.
    """

    verdict: Verdict
    failed_rows: dict[int, str]
    document: dict[str, Any]
    table_failed: str = ""
    failures: tuple[str, ...] = ()


def judge_table(frame: "pd.DataFrame", policy: InputPolicy, preprocessing: Preprocessing) -> TableResult:
    """Run the suite over a table with `COLUMNS`; its index is ignored, rows are known by their position.

    passed: no row failed, or so few that their share is shown to be within the policy's largest refused
    share. failed: an expectation on the table failed, or that share is shown to be exceeded. no_data: the
    table is empty. Of rows that share a digest the first stays.
    Not for two threads at once: Great Expectations keeps one current context a process.
    """
    if len(frame) == 0:
        reason = "table of accepted images: 0 rows, at least 1 needed"
        return TableResult(Verdict(phase=Phase.no_data, reason=reason), {}, _document(0, []))
    outcomes = run_suite(frame.reset_index(drop=True), list_expectations(policy, preprocessing))
    failed_rows = _failed_rows(outcomes, frame)
    rows = _judge_rows(len(failed_rows), len(frame), policy)
    wrong = _table_failures(outcomes)
    table_failed = combine(wrong).reason if wrong else ""
    failures = (*(each.reason for each in wrong), *_row_failures(outcomes, len(frame)))
    return TableResult(combine([*wrong, rows]), failed_rows, _document(len(frame), outcomes), table_failed, failures)


def _failed_rows(outcomes: Sequence[Outcome], frame: "pd.DataFrame") -> dict[int, str]:
    """Position of each failing row -> the first expectation that it failed, ordered by position."""
    failed: dict[int, str] = {}
    for outcome in outcomes:
        rows = outcome.rows or ()
        if rows and outcome.arguments.get("column") == "digest" and "unique" in outcome.name:
            later = frame["digest"].duplicated(keep="first").to_numpy()
            rows = tuple(row for row in rows if later[row])
        for row in rows:
            failed.setdefault(row, outcome.name)
    return dict(sorted(failed.items()))


def _judge_rows(failed: int, rows: int, policy: InputPolicy) -> Verdict:
    name, limit = "refused_suite", policy.max_refused_share
    if failed == 0:  # every row was looked at, so a small table without a failing row is no small sample
        evidence = Evidence(name=name, value=0.0, limit=limit, unit="", direction="lower", n=rows)
        return Verdict(phase=Phase.passed, reason=evidence.describe(), evidence=(evidence,))
    return judge_rate_below(
        name,
        failed,
        rows,
        limit=limit,
        confidence=policy.refused_share_confidence,
        minimum_n=policy.refused_share_min_images,
    )


def _table_failures(outcomes: Sequence[Outcome]) -> list[Verdict]:
    """Give a failed verdict for each expectation on the table that did not hold or could not be computed."""
    return [
        Verdict(
            phase=Phase.failed,
            reason=f"{outcome.name}: expected {_arguments(outcome)}, came {outcome.problem}",
        )
        for outcome in outcomes
        if not outcome.success and outcome.rows is None
    ]


def _row_failures(outcomes: Sequence[Outcome], rows: int) -> list[str]:
    return [
        f"{len(outcome.rows):,} of {rows:,} rows fail {outcome.name}: expected {_arguments(outcome)}, "
        f"came {', '.join(outcome.examples)}"
        for outcome in outcomes
        if outcome.rows
    ]


def _arguments(outcome: Outcome) -> str:
    stated = (f"{name}={value}" for name, value in outcome.arguments.items() if name != "column")
    return " ".join(", ".join(stated).split())[:300] or "values that can be checked"


def _document(rows: int, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "suite": SUITE_NAME,
        "rows": rows,
        "success": bool(outcomes) and all(outcome.success for outcome in outcomes),
        "expectations": [
            {
                "name": outcome.name,
                "arguments": outcome.arguments,
                "success": outcome.success,
                "failed_rows": len(outcome.rows or ()),
                "examples": list(outcome.examples),
                "problem": outcome.problem,
            }
            for outcome in outcomes
        ],
    }
