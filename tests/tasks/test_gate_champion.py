"""The gate's verdict against a champion, and the champion that it speaks of, are one step."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_checks.verdict import Verdict
from deploy.release import Release, ServedVersion
from deploy.stores import faults
from deploy.stores.objects.artifacts import artifact_prefix, fetch_artifact, put_artifact
from tasks.gate import judge_candidate
from tasks.run.steps import finished_step
from tasks.values import Evaluated, Judged, RetrainPlan
from tests.tasks.opened import opened
from vae_core.artifact import write_artifact

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


def test_the_verdict_and_the_champion_beside_it_are_one_step_whoever_is_promoted_meanwhile(home: Path) -> None:
    class Killed(BaseException):
        pass

    def hook(name: str, moment: faults.Moment) -> None:
        if name == "ledger.record":
            raise Killed

    plan = finished_step(opened().objects, "first", "plan", RetrainPlan)
    evaluated = finished_step(opened().objects, "first", "evaluated", Evaluated)
    assert plan is not None and evaluated is not None
    with faults.installed(hook), pytest.raises(Killed):
        judge_candidate.fn(opened(), plan, evaluated)
    _promote_a_worse_one(evaluated, home)

    verdict = judge_candidate.fn(opened(), plan, evaluated)
    afterwards = judge_candidate.fn(opened(), plan.model_copy(update={"key": "later"}), evaluated)

    judged = finished_step(opened().objects, plan.key, "judged", Judged)
    assert judged is not None and judged.champion is not None
    assert (judged.champion.version, judged.verdict) == ("1", verdict)
    assert all(each.value == pytest.approx(0) for each in judged.champion.changes if each.metric == "recon_error")
    assert afterwards != verdict, "against the other champion it would have been another"
    (line,) = opened().ledger.entries("gate", plan.key)
    assert Verdict.model_validate_json(line.body) == verdict


def _promote_a_worse_one(evaluated: Evaluated, home: Path) -> None:
    import torch

    artifact = fetch_artifact(opened().objects, evaluated.artifact, evaluated.digest, home / "worse-from")
    with torch.no_grad():
        for each in artifact.model.parameters():
            each.mul_(0.9)
    digest = write_artifact(home / "worse", artifact)
    put_artifact(opened().objects, home / "worse", artifact_prefix(digest))
    champion = ServedVersion(version="2", digest=digest, artifact=artifact_prefix(digest))
    store = opened().releases
    store.compare_and_swap(store.read().epoch, Release(champion=champion, changed_at=opened().now(), reason="test"))
