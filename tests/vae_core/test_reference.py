from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import percentileofscore

from data_checks.image_statistics import measure_images
from tests.vae_core.synthetic_images import TINY, boxes, tiny_vq_vae
from vae_core.errors import ArtifactError, DataError
from vae_core.families.build import build_model
from vae_core.images.inversion import measure_inversion, tells_negatives
from vae_core.inference import score_images
from vae_core.reference import Reference, measure_reference

VALUES = hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(-100, 100, width=32))


def reference_of(values: np.ndarray) -> Reference:
    n = len(values)
    codes, zeros = np.zeros((n, 2), np.float16), np.zeros(n, np.float32)
    histogram = np.full(16, 1 / 16, np.float32)
    return Reference(codes, values, zeros, zeros, zeros, zeros, histogram, own={"logvar": codes, "kl": zeros})


@pytest.fixture(scope="module")
def reference():
    return measure_reference(build_model(TINY).eval(), boxes(20))


@pytest.fixture(scope="module")
def of_codes():
    return measure_reference(tiny_vq_vae(), boxes(20))


@given(VALUES, st.floats(-120, 120, width=32))
def test_a_rank_is_the_share_of_values_at_most_this_one(values, value):
    expected = percentileofscore(values, value, kind="weak") / 100
    assert reference_of(values).quantile_rank("recon_error", value) == pytest.approx(expected)


@given(VALUES, st.floats(0, 1))
def test_a_threshold_is_the_smallest_value_that_reaches_its_rank(values, q):
    reference = reference_of(values)
    threshold = reference.threshold("recon_error", q)
    assert threshold in values and reference.quantile_rank("recon_error", threshold) >= q - 1e-12
    smaller = values[values < threshold]
    if len(smaller):
        assert reference.quantile_rank("recon_error", float(smaller.max())) < q + 1e-12


def test_what_is_no_number_ranks_above_everything():
    assert reference_of(np.ones(3, np.float32)).quantile_rank("recon_error", float("nan")) == 1


def test_a_quantile_outside_of_0_and_1_is_refused():
    with pytest.raises(DataError, match=r"between 0 and 1, came 99"):
        reference_of(np.ones(3, np.float32)).threshold("recon_error", 99)


def test_a_reference_holds_what_the_model_scores(reference):
    scores = score_images(build_model(TINY).eval(), boxes(20))
    assert len(reference) == 20
    np.testing.assert_allclose(reference.recon_error, scores.recon_error, rtol=1e-5)
    np.testing.assert_allclose(reference.column("kl"), scores.column("kl"), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(reference.mu.astype(np.float32), scores.mu, rtol=1e-3, atol=1e-4)
    assert reference.mu.dtype == reference.column("logvar").dtype == np.float16


def test_its_image_statistics_are_those_of_input_validation():
    pixels = np.random.default_rng(0).integers(0, 256, (600, 1, 8, 8), dtype=np.uint8)  # more than one chunk
    pixels[0] = 0
    reference, table = measure_reference(build_model(TINY).eval(), pixels), measure_images(pixels)
    np.testing.assert_allclose(reference.image_mean, table.mean, rtol=1e-6)
    np.testing.assert_allclose(reference.image_variance, table.variance, rtol=1e-5)
    np.testing.assert_allclose(reference.image_entropy, table.entropy_bits, rtol=1e-6)
    np.testing.assert_allclose(reference.histogram, table.histogram.mean(axis=0), rtol=1e-5)
    assert reference.histogram.sum() == pytest.approx(1)


def test_an_empty_set_has_no_reference():
    with pytest.raises(DataError, match="at least one uint8 image"):
        measure_reference(build_model(TINY).eval(), boxes(0))


def test_a_reference_survives_its_tensors(reference):
    again = Reference.from_tensors(reference.to_tensors())
    for name, tensor in reference.to_tensors().items():
        assert np.array_equal(again.to_tensors()[name], tensor)
    assert again.threshold("kl", 0.5) == reference.threshold("kl", 0.5)


def test_a_reference_of_codes_holds_what_the_model_scores_and_survives_its_tensors(of_codes):
    scores, again = score_images(tiny_vq_vae(), boxes(20)), Reference.from_tensors(of_codes.to_tensors())
    for held in (of_codes, again):
        assert np.array_equal(held.column("codes"), scores.column("codes")) and held.column("codes").dtype == np.int32
        np.testing.assert_allclose(held.column("code_distance"), scores.column("code_distance"), rtol=1e-5)
        assert list(held.own) == ["codes", "code_distance"]
        assert held.ranked == ("recon_error", "code_distance", "norm")
    assert again.quantile_rank("code_distance", float(scores.column("code_distance").max())) == 1


def test_a_measure_that_the_model_has_not_is_refused_by_name(reference, of_codes):
    assert reference.ranked == ("recon_error", "kl", "norm")
    with pytest.raises(DataError, match="expected one of recon_error, code_distance, norm, came kl"):
        of_codes.threshold("kl", 0.5)
    with pytest.raises(DataError, match="came code_distance"):
        reference.quantile_rank("code_distance", 0.5)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"codes": torch.zeros(20, 2, 2)}, r"codes: expected int32 \(20, 2, 2\), came float32"),
        ({"codes": torch.zeros(20, 4, dtype=torch.int32)}, "codes are not"),
        ({"codes": torch.full((20, 2, 2), -1, dtype=torch.int32)}, "codes: some are negative"),
        ({"kl": torch.ones(20)}, "expected the tensors"),
    ],
)
def test_tensors_that_are_no_reference_of_codes_are_refused(of_codes, change, complaint):
    with pytest.raises(ArtifactError, match=complaint):
        Reference.from_tensors({**of_codes.to_tensors(), **change})


def test_a_changed_copy_ranks_by_its_own_values(reference):
    doubled = replace(reference, own={**reference.own, "kl": 2 * reference.column("kl")})
    assert doubled.threshold("kl", 0.9) == pytest.approx(2 * reference.threshold("kl", 0.9))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kl": torch.ones(3)}, r"kl: expected float32 \(20,\), came float32 \(3,\)"),
        ({"kl": torch.full((20,), torch.nan)}, "kl: some values are NaN"),
        ({"mu": torch.ones(20, 4)}, "mu: expected float16"),
        ({"histogram": torch.ones(8)}, r"histogram: expected float32 \(16,\)"),
        ({"colour": torch.ones(20)}, "expected the tensors"),
        ({"recon_error": torch.ones(0)}, "holds no images"),
    ],
)
def test_tensors_that_are_no_reference_are_refused(reference, change, complaint):
    with pytest.raises(ArtifactError, match=complaint):
        Reference.from_tensors({**reference.to_tensors(), **change})


def _greys(n: int, low: int, high: int) -> np.ndarray:
    return np.random.default_rng(5).integers(low, high, (n, 1, 8, 8), dtype=np.uint8)


def test_negatives_are_told_by_a_reference_of_which_none_passes_for_one():
    reference = measure_reference(build_model(TINY).eval(), _greys(299, 150, 256))
    assert (reference.inversion < 0).all()
    positives = reference.histogram_of_positives(0.45, 0.01)
    np.testing.assert_array_equal(positives, reference.histogram)


@pytest.mark.parametrize("others", [0, 1])
def test_none_are_told_by_a_smaller_one_or_where_one_good_image_passes_for_a_negative(others):
    pixels = np.concatenate([_greys(298, 150, 256), 255 - _greys(others, 150, 256)])
    reference = measure_reference(build_model(TINY).eval(), pixels)
    assert (reference.inversion > 0.45).sum() == others
    assert reference.histogram_of_positives(0.45, 0.01) is None
    assert (reference.histogram_of_positives(0.45, 0.02) is None) is bool(others)


def test_a_version_of_a_release_that_did_not_measure_it_tells_negatives_as_it_did(reference):
    tensors = reference.to_tensors()
    del tensors["inversion"]
    before = Reference.from_tensors(tensors)
    assert before.inversion is None and "inversion" not in before.to_tensors()
    np.testing.assert_array_equal(before.histogram_of_positives(0.45, 0.01), reference.histogram)


def test_how_much_an_image_looks_like_a_negative_is_bounded_and_changes_its_sign_with_it():
    rng = np.random.default_rng(1)
    histograms, reference = rng.dirichlet(np.ones(16), 50), rng.dirichlet(np.ones(16))
    measured = measure_inversion(histograms, reference)
    np.testing.assert_allclose(measured, [measure_inversion(each, reference) for each in histograms])
    np.testing.assert_allclose(measure_inversion(histograms[:, ::-1], reference), -measured, atol=1e-12)
    assert (np.abs(measured) <= np.abs(reference - reference[::-1]).sum() + 1e-12).all()


def test_a_share_is_stated_at_95_percent_confidence():
    """Of a catalogue of which 1 % passes for negatives at most 5 % of the references tell any."""
    rng, told = np.random.default_rng(2), 0
    for _ in range(2_000):
        passing = rng.random(299) < 0.01
        told += tells_negatives(np.where(passing, 1.0, -1.0), 0.45, 0.01)
    assert told / 2_000 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2_000)
