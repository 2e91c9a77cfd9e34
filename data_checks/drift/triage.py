"""What is to be done about a judgement: a truth table, read from the top; the first row that holds is the action.

| row | holds when | action |
|---|---|---|
| regression | errors rose soon after a promotion, and there is a previous version | roll_back |
| sensor | image statistics moved further than a new kind of that share explains | block |
| altered | codes left, and risen clusters hold images of every kind, or the images outside of them moved too | block |
| no pixels | a drift whose image statistics cannot be judged: it may be a sensor's | cannot_judge |
| new kind | clusters rose whose errors are not those of known kinds, and codes or errors left | emergency, full |
| refused | a reason refuses more than its share, and no new kind explains the rest | block |
| encoder | codes left and errors rose | emergency, full |
| unclear | codes left, errors unknown; errors rose, codes unknown; or only the far tail of the errors | cannot_judge |
| mix | codes left, errors did not rise: known kinds in another mix | none |
| decoder | errors rose, codes inside | incremental |
| latency | the 99th percentile is above its limit | scale_out |
| unjudged | codes, errors or image statistics were not judged, or are too noisy to tell | cannot_judge |
| healthy | nothing above | none |

A retrain cures neither a bad promotion nor a broken sensor, and would learn the fault: those rows come first. `full`
where more than half of the traffic is concerned. Where the found images were not measured, `altered` does not hold.
What else is true goes into `also`, where no retraining action stands: a retrain that a row above overruled is told as
held back.
"""

from __future__ import annotations

from dataclasses import dataclass

from data_checks.drift.actions import RETRAINS, Action
from data_checks.drift.judge import Judgement
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.triage_facts import Circumstances, Facts
from data_checks.drift.triage_rows import ROWS, Notice

__all__ = ["Circumstances", "Notice", "Triage", "triage"]


@dataclass(frozen=True, slots=True)
class Triage:
    """The action with its reason of one line, and what else is true."""

    action: Action
    reason: str
    also: tuple[Notice, ...] = ()


def triage(judgement: Judgement, circumstances: Circumstances, policy: DriftPolicy) -> Triage:
    """Decide by the table above; latency asks for machines and never for a retrain."""
    facts = Facts(judgement, circumstances, policy)
    holding = [notice for notice in (row(facts) for row in ROWS) if notice is not None]
    main, rest = holding[0], holding[1:]
    also = [each for each in rest if each.action in ("block", "scale_out")]
    if main.action not in RETRAINS:
        also += [_hold_back(each) for each in rest if each.action in RETRAINS][:1]
    if main.action in ("block", "scale_out"):
        also += [each for each in rest if each.action == "cannot_judge"][:1]
    return Triage(main.action, main.reason, tuple(also))


def _hold_back(retrain: Notice) -> Notice:
    return Notice("none", f"held back: {retrain.action}: {retrain.reason}")
