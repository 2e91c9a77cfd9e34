"""Scores of images, whatever the family: parts of them, their numbers, and columns that only some have."""

from dataclasses import fields, replace

import numpy as np
import pytest

from tests.vae_core.synthetic_images import TINY, boxes, tiny_vq_vae
from vae_core.errors import DataError
from vae_core.families.build import build_model
from vae_core.families.scores import Scores
from vae_core.inference import score_images


@pytest.fixture
def model():
    return build_model(TINY, seed=5).eval()


def columns(scores: Scores) -> dict[str, np.ndarray]:
    return {**{each.name: getattr(scores, each.name) for each in fields(scores) if each.name != "own"}, **scores.own}


def test_rows_of_scores_are_those_of_their_images(model):
    for each in (model, tiny_vq_vae()):
        whole = score_images(each, boxes(6))
        part, joined = whole.rows(1, 4), Scores.joined([whole.rows(0, 2), whole.rows(2, 6)])
        assert columns(part).keys() == columns(joined).keys() == columns(whole).keys()
        for name, values in columns(whole).items():
            assert np.array_equal(columns(part)[name], values[1:4]) and np.array_equal(columns(joined)[name], values)


@pytest.mark.parametrize("name", ["recon_error", "norm", "kl"])
def test_a_score_that_is_no_number_is_seen(model, name):
    scores = score_images(model, boxes(3))
    assert scores.all_finite()
    broken = {name: np.array([1, np.nan, 1])}
    assert not replace(scores, **({"own": {**scores.own, **broken}} if name in scores.own else broken)).all_finite()


def test_a_column_of_another_family_is_refused_by_its_name(model):
    vae, coded = score_images(model, boxes(3)), score_images(tiny_vq_vae(), boxes(3))
    assert vae.column("kl") is vae.own["kl"] and coded.column("codes") is coded.own["codes"]
    with pytest.raises(DataError, match="expected codes beside .'kl', 'logvar'., came none"):
        vae.column("codes")


def test_code_that_an_older_release_kept_beside_a_model_still_finds_what_it_asks_for(model):
    vae, coded = score_images(model, boxes(3)), score_images(tiny_vq_vae(), boxes(3))
    assert vae.codes is None and vae.code_distance is None
    assert coded.codes is coded.own["codes"] and coded.code_distance is coded.own["code_distance"]


def test_the_numbers_are_those_of_one_an_image(model):
    assert list(score_images(model, boxes(3)).numbers()) == ["recon_error", "norm", "kl"]
    assert list(score_images(tiny_vq_vae(), boxes(3)).numbers()) == ["recon_error", "norm", "code_distance"]
