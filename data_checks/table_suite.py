"""The Great Expectations suite over the table of accepted images, before its rows enter the catalogue.

The gate judged each image by itself; the suite sees the table that was made of them. Expectations on rows
send single rows to quarantine; expectations on the table (its columns, its length, or one that could not be
computed) fail the whole. Great Expectations takes seconds to import, so it is imported where it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_checks.policy import InputPolicy
from data_checks.statistics.rates import judge_rate_below
from data_checks.verdict import Evidence, Phase, Verdict, combine
from vae_core.preprocessing import Preprocessing

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "digest", "source", "segment", "row", "width", "height", "channels", "mean", "variance", "entropy_bits",
)  # fmt: skip
"""What the table holds, one row an accepted image; further columns are not looked at."""

SUITE_NAME = "accepted_images"

_EXAMPLES = 3  # failing values kept in the document: enough to see the kind, small enough to store
_LARGEST_VARIANCE = 0.25 + 1e-9  # half black, half white; the sum of squares rounds


@dataclass(frozen=True, slots=True)
class TableResult:
    """The verdict on the table, the rows that failed (position -> expectation), and the document to store.

    `document` is plain JSON: one entry an expectation with its arguments, its outcome, the number of failing
    rows and at most three failing values.
    """

    verdict: Verdict
    failed_rows: dict[int, str]
    document: dict[str, Any]


def judge_table(frame: "pd.DataFrame", policy: InputPolicy, preprocessing: Preprocessing) -> TableResult:
    """Run the suite over a table with `COLUMNS`; its index is ignored, rows are known by their position.

    passed: no row failed, or so few that their share is shown to be within the policy's largest refused share.
    failed: an expectation on the table failed, or that share is shown to be exceeded. no_data: the table is
    empty. Of rows that share a digest the first stays.
    Not for two threads at once: Great Expectations keeps one current context a process.
    """
    if len(frame) == 0:
        reason = "table of accepted images: 0 rows, at least 1 needed"
        return TableResult(Verdict(phase=Phase.no_data, reason=reason), {}, _document(0, []))
    outcomes = _run_suite(frame.reset_index(drop=True), _expectations(policy, preprocessing))
    failed_rows = _failed_rows(outcomes, frame)
    rows = _judge_rows(len(failed_rows), len(frame), policy)
    verdict = combine([*_table_failures(outcomes), rows])
    return TableResult(verdict, failed_rows, _document(len(frame), outcomes))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One expectation after the run; `rows` are the positions of failing rows, None for one on the table."""

    name: str
    arguments: dict[str, Any]
    success: bool
    rows: tuple[int, ...] | None
    examples: tuple[str, ...]
    problem: str


def _expectations(policy: InputPolicy, preprocessing: Preprocessing) -> list[Any]:
    """List what every accepted row must be, in the order in which a failing row is blamed."""
    from great_expectations import expectations as gxe

    between = gxe.ExpectColumnValuesToBeBetween
    in_set = gxe.ExpectColumnValuesToBeInSet
    resized = preprocessing.resize != "refuse"
    width = between(column="width", min_value=1, max_value=policy.max_pixels)
    height = between(column="height", min_value=1, max_value=policy.max_pixels)
    return [
        gxe.ExpectTableColumnsToMatchSet(column_set=list(COLUMNS), exact_match=False),
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        *[gxe.ExpectColumnValuesToNotBeNull(column=column) for column in COLUMNS],
        gxe.ExpectColumnValuesToMatchRegex(column="digest", regex="^[0-9a-f]{64}$"),
        gxe.ExpectColumnValuesToBeUnique(column="digest"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="source", min_value=1),
        gxe.ExpectColumnValueLengthsToBeBetween(column="segment", min_value=1),
        between(column="row", min_value=0),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["segment", "row"]),
        width if resized else in_set(column="width", value_set=[preprocessing.width]),
        height if resized else in_set(column="height", value_set=[preprocessing.height]),
        in_set(column="channels", value_set=[preprocessing.channels]),
        between(column="mean", min_value=0.0, max_value=1.0),
        between(column="variance", min_value=policy.min_variance, max_value=_LARGEST_VARIANCE),
        between(column="entropy_bits", min_value=policy.min_entropy_bits, max_value=4.0),
    ]


def _run_suite(frame: "pd.DataFrame", expectations: Sequence[Any]) -> list[_Outcome]:
    """Run the expectations over the frame in a context that lives in memory and reports to nobody."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset(SUITE_NAME)
    definition = gx.ValidationDefinition(
        name=SUITE_NAME,
        data=asset.add_batch_definition_whole_dataframe("all"),
        suite=context.suites.add(gx.ExpectationSuite(name=SUITE_NAME, expectations=list(expectations))),
    )
    run = definition.run(batch_parameters={"dataframe": frame}, result_format="COMPLETE")
    order = {expectation.id: place for place, expectation in enumerate(definition.suite.expectations)}
    results = sorted(run.results, key=lambda result: order[result.expectation_config.id])
    return [_read_outcome(result) for result in results]


def _read_outcome(result: Any) -> _Outcome:
    config = result.expectation_config
    arguments = {name: value for name, value in config.kwargs.items() if name != "batch_id"}
    about = arguments.get("column") or "+".join(arguments.get("column_list", ())) or "table"
    rows = result.result.get("unexpected_index_list")
    return _Outcome(
        name=f"{config.type}: {about}",
        arguments=arguments,
        success=bool(result.success),
        rows=None if rows is None else tuple(int(row) for row in rows),
        examples=tuple(str(value)[:80] for value in result.result.get("unexpected_list", ())[:_EXAMPLES]),
        problem="" if result.success else _problem(result),
    )


def _problem(result: Any) -> str:
    """Say in one line what an expectation on the table saw, or why it could not be computed."""
    info = result.exception_info or {}
    raised = [info] if "exception_message" in info else list(info.values())
    messages = [str(entry["exception_message"]) for entry in raised if entry.get("exception_message")]
    seen = messages[:1] or [str(result.result.get("details") or result.result.get("observed_value", ""))]
    return " ".join(seen[0].split())[:200]


def _failed_rows(outcomes: Sequence[_Outcome], frame: "pd.DataFrame") -> dict[int, str]:
    """Position of each failing row -> the first expectation that it failed, ordered by position."""
    failed: dict[int, str] = {}
    for outcome in outcomes:
        rows = outcome.rows or ()
        if outcome.arguments.get("column") == "digest" and "unique" in outcome.name:
            later = frame["digest"].duplicated(keep="first").to_numpy()
            rows = tuple(row for row in rows if later[row])
        for row in rows:
            failed.setdefault(row, outcome.name)
    return dict(sorted(failed.items()))


def _judge_rows(failed: int, rows: int, policy: InputPolicy) -> Verdict:
    limit = policy.max_refused_share
    if failed == 0:  # every row was looked at, so a small table without a failing row is no small sample
        evidence = Evidence(
            name="refused_suite", value=0.0, limit=limit, unit="", direction="lower", n=rows
        )  # fmt: skip
        return Verdict(phase=Phase.passed, reason=evidence.describe(), evidence=(evidence,))
    return judge_rate_below(
        "refused_suite",
        failed,
        rows,
        limit=limit,
        confidence=policy.refused_share_confidence,
        minimum_n=policy.refused_share_min_images,
    )


def _table_failures(outcomes: Sequence[_Outcome]) -> list[Verdict]:
    """Give a failed verdict for each expectation on the table that did not hold or could not be computed."""
    return [
        Verdict(
            phase=Phase.failed,
            reason=f"{outcome.name}: expected {_arguments(outcome)}, came {outcome.problem}",
        )
        for outcome in outcomes
        if not outcome.success and outcome.rows is None
    ]


def _arguments(outcome: _Outcome) -> str:
    stated = (f"{name}={value}" for name, value in outcome.arguments.items() if name != "column")
    return " ".join(", ".join(stated).split())[:300] or "values that can be checked"


def _document(rows: int, outcomes: Sequence[_Outcome]) -> dict[str, Any]:
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
