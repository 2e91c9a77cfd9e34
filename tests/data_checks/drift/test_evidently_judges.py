"""Our verdicts as Evidently shows, stores and reads them back."""

from __future__ import annotations

import json
import subprocess
import sys

from data_checks.drift.report import DriftReport
from data_checks.verdict import Phase, Verdict
from tests.data_checks.drift.reported import VERDICTS, ordinary, report


def test_each_verdict_is_a_test_of_its_own_status_and_only_the_failed_ones_failed(drifted: DriftReport) -> None:
    assert {test.name: test.status for test in drifted.tests} == {
        "recon_error": "FAIL",
        "refused_low_variance": "SUCCESS",
        "kl": "WARNING",
        "aggregated_posterior": "ERROR",
    }
    assert {test.name: test.description for test in drifted.tests} == {
        judge: verdict.reason for judge, verdict in VERDICTS.items()
    }
    assert drifted.failed == ("recon_error",)


def test_evidently_reads_its_snapshot_back_with_the_leading_number_of_every_judge(drifted: DriftReport) -> None:
    from evidently.core.report import Snapshot

    snapshot = Snapshot.loads(drifted.snapshot_json.decode())
    assert {(test.name, test.status.value) for test in snapshot.tests_results} == {
        (test.name, test.status) for test in drifted.tests
    }
    values = {result.display_name: result.value for result in snapshot.metric_results.values() if result.tests}
    assert values == {
        "recon_error: relative rise": 0.29,  # the number beyond its limit, not the first one
        "refused_low_variance: rate": 0.001,
        "kl: rise": 0.6,
        "aggregated_posterior: numbers measured": 0.0,
    }
    assert snapshot.get_name() == "fashion: suspicion"


def test_the_page_tells_a_person_what_each_judge_said_and_needs_no_network(drifted: DriftReport) -> None:
    page = drifted.html.decode()
    for judge, verdict in VERDICTS.items():
        assert json.dumps(judge) in page
        assert json.dumps(verdict.reason) in page
    for words in ("fashion: suspicion", "600 images of the window against a reference of 600", "nothing acts on it"):
        assert words in page
    assert 'src="http' not in page and 'href="http' not in page.split("</script>")[0]


def test_no_word_of_a_verdict_can_break_out_of_the_page() -> None:
    evil = Verdict(phase=Phase.failed, reason="a </script><script>alert(1)</script> <!-- b < c")
    page = report(ordinary(), None, {"judge": evil}).html.decode()
    assert "</script><script>alert" not in page
    assert "b < c" in page


def test_a_stored_snapshot_holds_only_what_evidently_knows_by_itself(drifted: DriftReport) -> None:
    # the process of its UI has never heard of our judges
    program = (
        "import sys, warnings; warnings.simplefilter('ignore'); from evidently.core.report import Snapshot\n"
        "print(len(Snapshot.loads(sys.stdin.read()).tests_results), 'data_checks' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=drifted.snapshot_json, capture_output=True, check=False, timeout=400
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.split() == [b"4", b"False"]
