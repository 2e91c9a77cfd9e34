"""The first chapters: each kind of model is told by what it has."""

from __future__ import annotations

import pytest

from latentloop.demo.first_half import _show_code
from latentloop.demo.telling import Chapter
from tests.tasks.card.test_model_card import RESULT, VQ_RESULT
from vae_core.evaluation.benchmark_result import BenchmarkResult


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
