"""An evaluation: which images a version is accepted on, and how it tells its share of two sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deploy.stores.objects.local import LocalObjects
from tasks.evaluate import _Shares, reference_images
from tasks.run.progress import ProgressNote, progress_key, telling_progress
from tests.tasks.card.test_model_card import PLAN
from vae_core.evaluation.progress import EvaluationProgress


@pytest.mark.parametrize(
    ("tier", "new", "expected", "words"),
    [
        ("full", None, 250, "250 images of benchmark_old"),
        ("emergency", 300, 300, "300 images of benchmark_new, in the mix of the traffic"),
        ("incremental", 300, 550, "250 images of benchmark_old and 300 of benchmark_new"),
        ("incremental", 1_000, 1_000, "1,000 images of benchmark_new, in the mix of the traffic"),
    ],
)
def test_a_version_is_accepted_on_images_like_those_that_it_will_meet(
    tier: str, new: int | None, expected: int, words: str
) -> None:
    old = np.zeros((250, 1, 2, 2), np.uint8)
    fresh = None if new is None else np.ones((new, 1, 2, 2), np.uint8)
    images, said = reference_images(PLAN.model_copy(update={"tier": tier}), old, fresh)
    assert (len(images), said) == (expected, words)


def test_an_evaluation_of_two_sets_has_one_share_and_says_at_once_what_it_begins(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    shares = _Shares(old=300, new=100)

    def stands() -> tuple[float, str]:
        note = ProgressNote.model_validate_json(objects.get(progress_key("a-run")).data)
        return note.share_done, note.detail

    with telling_progress(objects, "a-run"):
        shares.of_old(EvaluationProgress("reconstructions", 0, 300, 0.5))
        assert stands() == (0.375, "reconstructions")
        shares.of_old(EvaluationProgress("reconstructions", 64, 300, 0.6))
        assert stands() == (0.375, "reconstructions"), "the same part is said again after two seconds"
        shares.of_old(EvaluationProgress("samples", 120, 300, 1.0))
        assert stands() == (0.75, "samples: 120 of 300")
        shares.of_new(EvaluationProgress("reconstructions", 0, 100, 0.0))
        assert stands() == (0.75, "benchmark_new, reconstructions"), "the second set does not begin at nothing"
