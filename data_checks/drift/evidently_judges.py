"""Our verdicts as Evidently's metrics with tests. Importing this takes seconds: import it where it runs.

The results hold only Evidently's own types, so that its UI opens a stored snapshot without this package.
"""

import re
from typing import Any

from evidently.core.container import MetricContainer
from evidently.core.metric_types import (
    BoundTest,
    MetricTest,
    MetricTestResult,
    SingleValue,
    SingleValueCalculation,
    SingleValueMetric,
)
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import table_data, text_widget
from evidently.legacy.tests.base_test import TestStatus

from data_checks.verdict import Evidence, Phase, Verdict

STATUS = {
    Phase.passed: TestStatus.SUCCESS,
    Phase.inconclusive: TestStatus.WARNING,
    Phase.no_data: TestStatus.ERROR,
    Phase.failed: TestStatus.FAIL,
}
"""Evidently's word for each phase; it writes ERROR where a result cannot be calculated."""


class Judge(SingleValueMetric):  # type: ignore[misc]
    """A verdict as a metric: its leading number. `measured` is False where the verdict came without one."""

    judge: str
    phase: str
    reason: str
    number: str
    value: float
    limit: float | None = None
    measured: bool = True

    def get_bound_tests(self, context: Any) -> list[BoundTest]:
        """Bind the one test of a judge: its own phase."""
        return [JudgeBoundTest(test=JudgeTest(phase=self.phase), metric_fingerprint=self.get_fingerprint())]


class JudgeCalculation(SingleValueCalculation[Judge]):  # type: ignore[misc]
    """Hands over the number that the judge has measured."""

    def calculate(self, context: Any, current_data: Any, reference_data: Any) -> SingleValue:
        """Give the leading number; 0 numbers measured where there is none."""
        result = self.result(self.metric.value)
        result.widget = []  # the table of all judges shows it
        return result

    def display_name(self) -> str:
        """Name the judge and what the number is."""
        return f"{self.metric.judge}: {self.metric.number}"


class JudgeTest(MetricTest):  # type: ignore[misc]
    """Says what the judge said; nothing is compared anew."""

    phase: str

    def to_test(self) -> Any:
        """Give the function that Evidently calls with the metric and its value."""

        def outcome(context: Any, metric: Any, value: Any) -> MetricTestResult:
            judge: Judge = metric.to_metric()
            return MetricTestResult(
                id=judge.judge,
                name=judge.judge,
                description=judge.reason,
                metric_config=metric.to_metric_config(),
                test_config={"phase": judge.phase, "limit": judge.limit},
                status=STATUS[Phase(judge.phase)],
            )

        return outcome


class JudgeBoundTest(BoundTest[SingleValue]):  # type: ignore[misc]
    """Runs a judge's test without leaving itself in the result, where Evidently's UI could not read it."""

    def run_test(self, context: Any, calculation: Any, metric_result: Any) -> MetricTestResult:
        """Give the judge's phase and reason as a test result."""
        return self.test.to_test()(context, calculation, metric_result)


class JudgesPanel(MetricContainer):  # type: ignore[misc]
    """All judges, shown as one table, the gravest first, below a few words of introduction."""

    words: str
    judges: list[Judge]

    def generate_metrics(self, context: Any) -> list[Judge]:
        """List the judges."""
        return self.judges

    def render(self, context: Any, child_widgets: Any = None) -> list[BaseWidgetInfo]:
        """Draw the introduction and the table."""
        rows = [
            [
                each.judge,
                each.phase,
                f"{each.value:.4g}" if each.measured else "not measured",
                "none" if each.limit is None else f"{each.limit:.4g}",
                each.reason,
            ]
            for each in sorted(self.judges, key=lambda judge: Phase(judge.phase), reverse=True)
        ]
        header = ["Judge", "Verdict", "Value", "Limit", "Reason"]
        return [text_widget(text=self.words), table_data(title="Our judges", column_names=header, data=rows)]


class Words(MetricContainer):  # type: ignore[misc]
    """A paragraph between the pictures."""

    words: str

    def generate_metrics(self, context: Any) -> list[Judge]:
        """List no metric: it only speaks."""
        return []

    def render(self, context: Any, child_widgets: Any = None) -> list[BaseWidgetInfo]:
        """Draw the paragraph."""
        return [text_widget(text=self.words)]


def make_judge(name: str, verdict: Verdict) -> Judge:
    """Make a metric of a verdict; its number is the evidence that leads it."""
    evidence = _leading(verdict)
    said = {"judge": plain(name), "phase": verdict.phase.value, "reason": plain(verdict.reason)}
    if evidence is None:
        return Judge(**said, number="numbers measured", value=0.0, measured=False)
    return Judge(**said, number=evidence.name, value=evidence.value, limit=evidence.limit)


def plain(text: str) -> str:
    """Keep a text from closing the script of Evidently's page, which takes it as it is."""
    return re.sub(r"<(?=[/!])", "< ", text)


def _leading(verdict: Verdict) -> Evidence | None:
    """The first number that is beyond its limit, else the first."""
    beyond = (each for each in verdict.evidence if not each.within_limit)
    return next(beyond, verdict.evidence[0] if verdict.evidence else None)
