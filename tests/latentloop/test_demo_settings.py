"""The demo's settings file for each of its models, and the figures that each kind leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.settings import CONFIG_VARIABLE
from latentloop.demo.figures import FORM
from latentloop.demo.first_half import _show_code
from latentloop.demo.models import DemoModel
from latentloop.demo.settings import FULL, QUICK, Scale, demo_settings
from latentloop.demo.telling import Chapter
from tests.latentloop.front_door import environment, run_latentloop
from tests.tasks.card.test_model_card import RESULT, VQ_RESULT
from vae_core.config import Budget
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, and the variable that the demo sets is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CONFIG_VARIABLE, "")


@pytest.mark.parametrize("scale", [FULL, QUICK])
def test_the_demo_asks_for_a_vae_unless_told_otherwise(scale: Scale) -> None:
    training = demo_settings(scale, DemoModel.vae).training
    assert training.model == ConvVaeConfig()
    assert training.full.budget == Budget(amount=scale.training_s, unit="seconds")
    assert training.full.kl_warmup_share == 0.1


@pytest.mark.parametrize("scale", [FULL, QUICK])
def test_the_demo_of_a_vq_vae_trains_the_default_with_a_short_prior(scale: Scale) -> None:
    training = demo_settings(scale, DemoModel.vqvae).training
    assert training.model == VqVaeConfig()
    assert training.code_prior.recipe.budget == Budget(amount=scale.prior_s, unit="seconds")
    assert (training.clock, training.emergency.budget.amount) == ("cpu", scale.emergency_s)


def test_another_model_is_refused_with_the_two_that_there_are(tmp_path: Path) -> None:
    done = run_latentloop("demo", "--model", "gan", env=environment(tmp_path / "home"), folder=tmp_path)
    assert done.returncode == 2
    assert "'gan' is not one of 'vae', 'vqvae'" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (RESULT, {"−ELBO, KL": "234.6, 17.5 nats", "active units": "1 of 2"}),
        (VQ_RESULT, {"codes used": "504 of 512", "perplexity of the codes": "176.7"}),
    ],
    ids=["vae", "vqvae"],
)
def test_each_kind_of_model_is_told_by_what_it_has(result: BenchmarkResult, shown: dict[str, str]) -> None:
    chapter = Chapter("A model is made")
    _show_code(result, chapter)
    assert dict(chapter.rows) == shown


def test_the_figures_name_units_and_codes_beside_one_another() -> None:
    names = [name for name, *_ in FORM]
    at = names.index("active_units")
    assert names[at : at + 4] == ["active_units", "kl", "codes_used", "code_perplexity"]
    assert json.dumps({name: limit for name, _, limit, _ in FORM if name in names[at : at + 4]}) == json.dumps(
        dict.fromkeys(names[at : at + 4])
    )
