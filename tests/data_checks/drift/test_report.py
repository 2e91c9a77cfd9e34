"""One Evidently run over the window and the reference, what it leaves behind, and where it is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from data_checks.drift.report import DriftReport, run_drift_report, save_to_workspace
from data_checks.sample import Sample
from tests.data_checks.drift.grids import Grids
from tests.data_checks.drift.reported import AT, VERDICTS, ordinary, report, season


def test_evidently_gives_its_own_verdict_in_one_sentence_beside_ours(drifted: DriftReport) -> None:
    assert drifted.stock_verdict.startswith("Evidently's own verdict, not acted on: drift, ")
    assert "of 10 columns (KS p < 0.05, drift from 50% of columns): recon_error, " in drifted.stock_verdict
    calm = report(ordinary(seed=5), ordinary())
    assert calm.stock_verdict.startswith("Evidently's own verdict, not acted on: no drift, ")
    assert calm.failed == ("recon_error",), "what it finds or does not find changes no verdict of ours"


def test_columns_without_a_distribution_are_left_out_and_named() -> None:
    window, known = season(), ordinary()
    window.column("kl")[:] = np.nan
    window.image_entropy[::3] = np.inf
    known.norm[:] = 4.0
    window.recon_error[:] = 0.01
    spoilt = report(window, known)
    named = "recon_error (constant in the window); kl (only NaN in the window); norm (constant in the reference)"
    assert spoilt.stock_verdict.endswith(f"; left out: {named}")
    assert " of 7 columns " in spoilt.stock_verdict
    assert f"Left out of the pictures: {named}." in spoilt.html.decode()


@pytest.mark.parametrize(
    ("current", "reference", "words"),
    [
        (season(), None, "every column: this version has no reference"),
        (season().take(slice(0, 0)), ordinary(), "recon_error (empty in the window)"),
        (season(), ordinary().take(slice(0, 0)), "recon_error (empty in the reference)"),
    ],
    ids=["no reference", "no traffic", "empty reference"],
)
def test_where_nothing_can_be_compared_the_judges_are_still_on_record(
    current: Sample, reference: Sample | None, words: str
) -> None:
    alone = report(current, reference)
    assert [test.status for test in alone.tests] == ["FAIL", "SUCCESS", "WARNING", "ERROR"]
    assert alone.stock_verdict.startswith("Evidently's own verdict: none, nothing to compare (")
    assert words in alone.stock_verdict
    assert VERDICTS["recon_error"].reason in alone.html.decode()


def test_codes_of_another_model_are_not_compared() -> None:
    known = ordinary()
    narrow = replace(known, mu=known.mu[:, :3], own={**known.own, "logvar": known.column("logvar")[:, :3]})
    assert "codes of 16 dimensions against 3 in the reference" in report(season(), narrow).stock_verdict


def test_the_same_run_has_the_same_id_and_another_moment_another_one(drifted: DriftReport) -> None:
    assert report(ordinary(), None).snapshot_id == drifted.snapshot_id
    later = run_drift_report(
        ordinary(), None, VERDICTS, name="fashion: suspicion", at=AT.replace(hour=13), max_rows=300, seed=0
    )
    assert later.snapshot_id != drifted.snapshot_id
    with pytest.raises(ValueError, match="expected a moment with a time zone, came 2025-06-01T12:30:00"):
        run_drift_report(ordinary(), None, VERDICTS, name="fashion", at=AT.replace(tzinfo=None), seed=0)


def test_the_moment_is_shown_in_its_zone_and_kept_in_utc(drifted: DriftReport) -> None:
    at = AT.astimezone(ZoneInfo("Asia/Kolkata"))
    there = run_drift_report(ordinary(), None, VERDICTS, name="fashion: suspicion", at=at, max_rows=300, seed=0)

    assert b"2025-06-01 18:00:00 IST. 600 images of the window" in there.html
    assert b"2025-06-01 12:30:00 UTC. 600 images of the window" in drifted.html
    assert there.snapshot_id == drifted.snapshot_id
    assert json.loads(there.snapshot_json)["timestamp"] == json.loads(drifted.snapshot_json)["timestamp"]


def test_the_workspace_keeps_one_project_and_one_file_a_snapshot(tmp_path: Path, drifted: DriftReport) -> None:
    from evidently.ui.workspace import Workspace

    calm = report(ordinary(), None, {"kl": VERDICTS["kl"]})
    first = save_to_workspace(tmp_path / "evidently", "fashion", drifted)
    again = save_to_workspace(tmp_path / "evidently", "fashion", drifted)
    save_to_workspace(tmp_path / "evidently", "fashion", calm)
    save_to_workspace(tmp_path / "evidently", "shoes", calm)
    assert first == again
    assert Path(first).is_file()

    workspace = Workspace(str(tmp_path / "evidently"))
    assert sorted(project.name for project in workspace.list_projects()) == ["fashion", "shoes"]
    (project,) = workspace.search_project("fashion")
    assert {str(run) for run in workspace.list_runs(project.id)} == {drifted.snapshot_id, calm.snapshot_id}
    run = workspace.get_run(project.id, drifted.snapshot_id)
    assert run is not None and run.timestamp == AT
    statuses = {test.name: test.status.value for result in run.metric_results.values() for test in result.tests}
    assert statuses == {test.name: test.status for test in drifted.tests}


def test_importing_the_report_does_not_load_evidently() -> None:
    program = "import sys, data_checks.drift.report; print([m for m in ('evidently', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_pictures_of_a_vq_vae_show_its_distance_from_the_codes_and_no_kl() -> None:
    grids, rng = Grids(1), np.random.default_rng(3)
    shown = report(grids.sample(400, rng, distance=3.0), grids.sample(400, rng), {})
    assert "code_distance" in shown.stock_verdict
    assert "kl" not in shown.stock_verdict
    other = report(grids.sample(400, rng), grids.rest.draw(400, rng), {})
    assert "every column: the reference is of another kind of model" in other.stock_verdict
