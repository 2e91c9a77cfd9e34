"""What MLflow is told of a training beside its curve: the recipe that was trained, where it is not the planned one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deploy.stores.errors import StoreRefused, StoreUnavailable
from deploy.stores.mlflow.registry import CurvePoint
from tasks.run.tracking import CurveLogger, open_curves
from tasks.values import PlannedCodePrior, RetrainPlan
from tests.tasks.card.test_model_card import PLAN
from vae_core.config import Budget
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.training.health.information import InformationPoint

PRIOR = CodePriorConfig(grid=(7, 7), codebook_size=512)
POINT = InformationPoint(step=5, lower=1.0, upper=2.0, n=10)


class Recorder:
    """A registry that keeps what it is told; `away`: how many times it does not answer at first."""

    def __init__(self) -> None:
        self.away, self.refuses = 0, False
        self.names: list[str] = []
        self.params: list[Mapping[str, object]] = []
        self.points: list[CurvePoint] = []

    def ensure_run(self, trigger: str, name: str, params: Mapping[str, object]) -> str:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        self.names.append(name)
        return "run"

    def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        if self.refuses:
            raise StoreRefused("another value")
        self.params.append(params)

    def log_curve(self, run_id: str, points: Sequence[CurvePoint], now: datetime) -> None:
        self.points += points


@pytest.fixture
def recorder() -> Recorder:
    """What curves are sent to."""
    return Recorder()


def _open(recorder: Recorder, plan: RetrainPlan = PLAN) -> CurveLogger:
    """The curves of a plan, without a wait between two tries."""
    settings = SimpleNamespace(timezone="Asia/Kolkata")
    world: Any = SimpleNamespace(registry=recorder, settings=settings, now=lambda: datetime.now(UTC))
    return open_curves(world, plan, pause=lambda seconds: None)


def test_a_run_is_named_by_its_tier_and_the_moment_in_the_zone_of_the_settings(recorder: Recorder) -> None:
    with _open(recorder) as curves:
        curves.add_trained(model=PLAN.model, train=PLAN.train.model_copy(update={"beta": 0.5}))
    planned = f"{PLAN.planned_at.astimezone(ZoneInfo('Asia/Kolkata')):%Y-%m-%d %H:%M} IST"
    assert set(recorder.names) == {f"{PLAN.tier} {planned}"}


def test_a_training_that_went_as_planned_adds_no_parameter(recorder: Recorder) -> None:
    with _open(recorder) as curves:
        curves.add_trained(model=PLAN.model, train=PLAN.train)
    assert recorder.params == []


def test_what_a_recovery_changed_of_recipe_and_model_stands_beside_the_planned_values(recorder: Recorder) -> None:
    smaller = PLAN.model.model_copy(update={"decoder_widths": (16, 32)})
    with _open(recorder) as curves:
        curves.add_trained(model=smaller, train=PLAN.train.model_copy(update={"beta": 0.5, "kl_schedule": "cyclical"}))
    (sent,) = recorder.params
    assert sent == {
        "trained.model.decoder_widths": (16, 32),
        "trained.train.beta": 0.5,
        "trained.train.kl_schedule": "cyclical",
    }


def test_a_smaller_codebook_is_one_of_the_model_and_of_its_prior(recorder: Recorder) -> None:
    prior = PlannedCodePrior(config=PRIOR, recipe=CodePriorRecipe(budget=Budget(amount=1, unit="epochs")))
    with _open(recorder, PLAN.model_copy(update={"model": VqVaeConfig(), "code_prior": prior})) as curves:
        curves.add_trained(model=VqVaeConfig(codebook_size=64), train=PLAN.train)
        curves.add_trained(code_prior=PRIOR.model_copy(update={"codebook_size": 64}))
    sent = {name: value for each in recorder.params for name, value in each.items()}
    assert sent == {"trained.model.codebook_size": 64, "trained.code_prior.codebook_size": 64}


def test_a_server_that_is_away_gets_it_later(recorder: Recorder) -> None:
    recorder.away = 2
    with _open(recorder) as curves:
        curves.add_trained(train=PLAN.train.model_copy(update={"beta": 0.5}))
        curves.add_information([POINT])
    assert recorder.params == [{"trained.train.beta": 0.5}] and len(recorder.points) == 2


def test_a_server_that_stays_away_is_said_in_one_line(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    recorder.away = 100
    with _open(recorder) as curves:
        curves.add_trained(train=PLAN.train.model_copy(update={"beta": 0.5}))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("0 points of the training curve and 1 parameters of what was trained otherwise")


def test_a_server_that_has_another_value_costs_the_curve_nothing(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.refuses = True
    with _open(recorder) as curves:
        curves.add_trained(train=PLAN.train.model_copy(update={"beta": 0.5}))
        curves.add_information([POINT])
    assert [each.name for each in recorder.points] == ["train/information_lower", "train/information_upper"]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("what was trained otherwise than planned is in the version's summary only: ")
