"""Runs Great Expectations over the table of accepted images and brings its answers into our own words.

The library takes seconds to import, so it is imported where it runs.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_checks.policy import InputPolicy
from vae_core.images.preprocessing import Preprocessing

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
class Outcome:
    """One expectation after the run; `rows`: positions of failing rows, None where none failed, and of the table."""

    name: str
    arguments: dict[str, Any]
    success: bool
    rows: tuple[int, ...] | None
    examples: tuple[str, ...]
    problem: str


def list_expectations(policy: InputPolicy, preprocessing: Preprocessing) -> list[Any]:
    """List what every accepted row must be, in the order in which a failing row is blamed."""
    gxe = _load_library().expectations
    between = gxe.ExpectColumnValuesToBeBetween
    in_set = gxe.ExpectColumnValuesToBeInSet
    resized = preprocessing.any_size
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


def _load_library() -> Any:
    with warnings.catch_warnings():
        # great_expectations 1.24 imports two modules of the standard library that Python 3.11 deprecates
        warnings.filterwarnings("ignore", r"module 'sre_(constants|parse)' is deprecated", DeprecationWarning)
        import great_expectations
    return great_expectations


def run_suite(frame: "pd.DataFrame", expectations: Sequence[Any]) -> list[Outcome]:
    """Run the expectations over the frame in a context that lives in memory and reports to nobody.

    First without a look at rows, which takes half the time; with one where something failed.
    """
    gx = _load_library()
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
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(name=SUITE_NAME, expectations=list(expectations))
    for place, expectation in enumerate(suite.expectations):  # answers come in another order
        expectation.id = str(place)
    # by the batch: a validation definition would keep the suite and every answer in stores that nobody reads
    run = batch.validate(suite, result_format="BOOLEAN_ONLY")
    if not run.success:
        run = batch.validate(suite, result_format="COMPLETE")
    results = sorted(run.results, key=lambda result: int(result.expectation_config.id))
    return [_read_outcome(result) for result in results]


def _read_outcome(result: Any) -> Outcome:
    config = result.expectation_config
    arguments = {name: value for name, value in config.kwargs.items() if name != "batch_id"}
    about = arguments.get("column") or "+".join(arguments.get("column_list", ())) or "table"
    rows = result.result.get("unexpected_index_list")
    return Outcome(
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
