"""One Evidently run over the window and the reference: our judges as its tests, beside its own verdict.

Evidently's own verdict is shown and never acted on. The library takes seconds to import and warns while it does,
so it is imported where it runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from data_checks.sample import Sample
from data_checks.verdict import Phase, Verdict

if TYPE_CHECKING:
    import pandas as pd

STOCK_P_VALUE = 0.05
"""Below it Evidently's KS test calls a column drifted; its own default."""

STOCK_SHARE = 0.5
"""From this share of drifted columns on Evidently calls the whole drifted; its own default."""

_SHOWN_CODES = 4  # those that vary most in the reference
_NAMES = UUID("7f0f1c0e-5a43-5e0b-9f6c-3d2a4be0a7d1")  # our namespace: equal runs and products get equal ids

Status = Literal["SUCCESS", "WARNING", "FAIL", "ERROR"]


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """A judge's test in Evidently's words.

    status: SUCCESS (passed), FAIL (failed), WARNING (inconclusive) or ERROR (no data). description: the reason.
    """

    __test__ = False  # not one of pytest's

    name: str
    status: Status
    description: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What an Evidently run left behind.

    snapshot_id: a UUID, the same for the same name, time and verdicts. snapshot_json: what Evidently loads again
    (`Snapshot.loads`). html: a page that needs no network. failed: names of the judges that failed. stock_verdict:
    Evidently's own, one sentence.
    """

    snapshot_id: str
    snapshot_json: bytes
    html: bytes
    tests: tuple[TestOutcome, ...]
    failed: tuple[str, ...]
    stock_verdict: str


@dataclass(frozen=True, slots=True)
class _Compared:
    """The columns that both sides can show, and for each of the others why it is left out."""

    current: pd.DataFrame
    reference: pd.DataFrame
    left_out: tuple[str, ...]


def run_drift_report(
    current: Sample,
    reference: Sample | None,
    verdicts: Mapping[str, Verdict],
    *,
    name: str,
    at: datetime,
    max_rows: int = 1000,
    seed: int,
) -> DriftReport:
    """Run Evidently over at most `max_rows` random images of each side, with our verdicts as its tests.

    The verdicts were reached on all images; the sample is for the pictures and for Evidently's own verdict.
    Constant, empty and NaN columns are left out and named. Without a reference, with one of another model's size, or
    with an empty window the report holds the judges alone. People read `at` in the zone that it has; it is
    stored in UTC. ValueError when it has none.
    Not for two threads at once: warnings are silenced for the process meanwhile.
    """
    if at.tzinfo is None:
        raise ValueError(f"drift report: expected a moment with a time zone, came {at.isoformat()}")
    compared = _compare(current, reference, np.random.default_rng(seed), max_rows)
    introduction = _introduce(current, reference, compared, name, at)
    with _quiet():
        snapshot = _run(compared, verdicts, introduction, name, at)
        metrics = snapshot.dict()["metrics"]
        content, html = snapshot.dumps().encode(), snapshot.get_html_str(as_iframe=False).encode()
        tests = tuple(TestOutcome(each.name, each.status.value, each.description) for each in snapshot.tests_results)
    return DriftReport(
        snapshot_id=str(uuid5(_NAMES, _identity(name, at, verdicts))),
        snapshot_json=content,
        html=html,
        tests=tests,
        failed=tuple(judge for judge, verdict in verdicts.items() if verdict.phase is Phase.failed),
        stock_verdict=_describe_stock(metrics, compared),
    )


def save_to_workspace(folder: Path, project: str, report: DriftReport) -> str:
    """Add the snapshot to an Evidently workspace (`evidently ui --workspace FOLDER`); the path of its file.

    The project is made when it does not exist. Adding a snapshot again replaces it.
    """
    with _quiet():
        from evidently.core.report import Snapshot
        from evidently.sdk.models import ProjectModel
        from evidently.ui.workspace import Workspace

        folder.mkdir(parents=True, exist_ok=True)
        workspace = Workspace.create(str(folder))
        known = workspace.search_project(project)
        # an id made of the name: two processes that both find no project make the same one
        place = known[0] if known else workspace.add_project(ProjectModel(id=uuid5(_NAMES, project), name=project))
        snapshot = Snapshot.loads(report.snapshot_json.decode()).to_snapshot_model()
        # not add_run, which would name it anew at each repetition
        workspace.state.write_snapshot(place.id, report.snapshot_id, snapshot)
        return str(folder / str(place.id) / "snapshots" / f"{report.snapshot_id}.json")


def _run(compared: _Compared, verdicts: Mapping[str, Verdict], introduction: str, name: str, at: datetime) -> Any:
    """Run Evidently; its `Snapshot`."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    from data_checks.drift.evidently_judges import JudgesPanel, Words, make_judge, plain

    judges = [make_judge(judge, verdict) for judge, verdict in verdicts.items()]
    shown: list[Any] = [JudgesPanel(words=plain(introduction), judges=judges)]
    columns = list(compared.current.columns)
    if columns:
        shown.append(Words(words=_STOCK_WORDS))
        shown.append(
            DataDriftPreset(
                columns=columns,
                method="ks",
                threshold=STOCK_P_VALUE,
                drift_share=STOCK_SHARE,
                include_tests=False,
            )
        )
    definition = DataDefinition(numerical_columns=columns)
    current, reference = (
        Dataset.from_pandas(frame, data_definition=definition) for frame in (compared.current, compared.reference)
    )
    return Report(shown).run(current, reference if columns else None, timestamp=at.astimezone(UTC), name=name)


_STOCK_WORDS = (
    f"## Evidently's own verdict\nKolmogorov-Smirnov per column at p < {STOCK_P_VALUE}, uncorrected; drift from "
    f"{STOCK_SHARE:.0%} of the columns on. It is shown for comparison: **nothing acts on it**."
)


def _introduce(current: Sample, reference: Sample | None, compared: _Compared, name: str, at: datetime) -> str:
    known = "no reference" if reference is None else f"a reference of {len(reference):,}"
    words = [
        f"# {name}",
        f"{at:%Y-%m-%d %H:%M:%S} {at.tzname()}. {len(current):,} images of the window against {known}; "
        f"{len(compared.current):,} and {len(compared.reference):,} of them in the pictures below. "
        "The judges saw all of them.",
    ]
    if compared.left_out:
        words.append(f"Left out of the pictures: {'; '.join(compared.left_out)}.")
    return "\n\n".join(words)


def _compare(current: Sample, reference: Sample | None, rng: np.random.Generator, max_rows: int) -> _Compared:
    """Draw both samples, and keep the columns that can be drawn."""
    import pandas as pd

    nothing = pd.DataFrame()
    if reference is None:
        return _Compared(nothing, nothing, ("every column: this version has no reference",))
    if current.latent_dim != reference.latent_dim:
        sizes = f"codes of {current.latent_dim} dimensions against {reference.latent_dim} in the reference"
        return _Compared(nothing, nothing, (f"every column: {sizes}",))
    if len(current) and set(current.own) != set(reference.own):
        return _Compared(nothing, nothing, ("every column: the reference is of another kind of model",))
    codes = _widest_codes(reference)
    sides = [_columns(each.take(_draw(len(each), max_rows, rng)), codes) for each in (current, reference)]
    kept, left_out = [], []
    for column in sides[0]:
        problem = _undrawable("window", sides[0][column]) or _undrawable("reference", sides[1][column])
        kept += [] if problem else [column]
        left_out += [f"{column} ({problem})"] if problem else []
    window, known = (pd.DataFrame({column: side[column] for column in kept}) for side in sides)
    return _Compared(window, known, tuple(left_out))


def _widest_codes(reference: Sample) -> list[int]:
    """Find the dimensions that vary most in the reference, in their order."""
    variance = reference.mu.astype(np.float64).var(axis=0) if len(reference) else np.zeros(reference.latent_dim)
    return sorted(np.argsort(-np.nan_to_num(variance), kind="stable")[:_SHOWN_CODES].tolist())


def _columns(sample: Sample, codes: list[int]) -> dict[str, NDArray[np.float64]]:
    """Name the columns; infinities become NaN, which Evidently leaves out of its tests."""
    names = ("recon_error", *sample.own_numbers(), "norm", "image_mean", "image_variance", "image_entropy")
    every = sample.columns()
    columns = {name: every[name].astype(np.float64) for name in names}
    columns |= {f"code_{code}": sample.mu[:, code].astype(np.float64) for code in codes}
    return {name: np.where(np.isfinite(column), column, np.nan) for name, column in columns.items()}


def _draw(count: int, at_most: int, rng: np.random.Generator) -> NDArray[np.integer]:
    """Rows of a random sample, in their order."""
    return np.arange(count) if count <= at_most else np.sort(rng.choice(count, at_most, replace=False))


def _undrawable(side: str, column: NDArray[np.float64]) -> str | None:
    """Say why a column has no distribution to draw, or None."""
    if len(column) == 0:
        return f"empty in the {side}"
    finite = column[np.isfinite(column)]
    if len(finite) == 0:
        return f"only NaN in the {side}"
    return f"constant in the {side}" if finite.min() == finite.max() else None


def _describe_stock(metrics: list[dict[str, Any]], compared: _Compared) -> str:
    """Say what Evidently itself makes of the columns."""
    if compared.current.empty:
        return f"Evidently's own verdict: none, nothing to compare ({'; '.join(compared.left_out)})"
    (whole,) = (each["value"] for each in metrics if each["metric_name"].startswith("DriftedColumnsCount"))
    p_values = {
        each["config"]["column"]: float(each["value"])
        for each in metrics
        if each["metric_name"].startswith("ValueDrift")
    }
    drifted = [column for column, p_value in p_values.items() if p_value < STOCK_P_VALUE]
    verdict = "drift" if float(whole["share"]) >= STOCK_SHARE else "no drift"
    named = f": {', '.join(drifted)}" if drifted else ""
    without = f"; left out: {'; '.join(compared.left_out)}" if compared.left_out else ""
    return (
        f"Evidently's own verdict, not acted on: {verdict}, {len(drifted)} of {len(p_values)} columns "
        f"(KS p < {STOCK_P_VALUE}, drift from {STOCK_SHARE:.0%} of columns){named}{without}"
    )


def _identity(name: str, at: datetime, verdicts: Mapping[str, Verdict]) -> str:
    said = "\n".join(f"{judge} {verdict.model_dump_json()}" for judge, verdict in verdicts.items())
    return f"{name}\n{at.astimezone(UTC).isoformat()}\n{said}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Evidently and its libraries warn of at import and in a run: none of it is about our data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
