"""The common form of a reference and of a window."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.sample import Sample
from vae_core.reference import HISTOGRAM_BINS, Reference


def test_a_reference_keeps_every_column_of_a_sample_in_single_precision() -> None:
    rng = np.random.default_rng(0)
    codes = {name: rng.normal(size=(5, 3)).astype(np.float16) for name in ("mu", "logvar")}
    others = ("recon_error", "kl", "norm", "image_mean", "image_variance", "image_entropy")
    columns = {name: rng.random(5).astype(np.float32) for name in others}
    histogram = np.full(HISTOGRAM_BINS, 1 / HISTOGRAM_BINS, np.float32)
    reference = Reference.from_arrays({**codes, **columns, "histogram": histogram})

    sample = Sample.of(reference)

    assert set(sample.columns()) == {*codes, *columns}
    for name, column in {**codes, **columns}.items():
        assert sample.columns()[name].dtype == np.float32
        np.testing.assert_array_equal(sample.columns()[name], column)


def quantised(n: int = 5, places: tuple[int, int] = (2, 3)) -> Reference:
    rng = np.random.default_rng(1)
    others = ("recon_error", "norm", "image_mean", "image_variance", "image_entropy", "code_distance")
    return Reference.from_arrays(
        {
            "mu": rng.normal(size=(n, 3)).astype(np.float16),
            "codes": rng.integers(0, 9, (n, *places)).astype(np.int32),
            "histogram": np.full(HISTOGRAM_BINS, 1 / HISTOGRAM_BINS, np.float32),
            **{name: rng.random(n).astype(np.float32) for name in others},
        }
    )


def test_a_reference_of_a_vq_vae_keeps_its_codes_as_whole_numbers_row_by_row_of_the_grid() -> None:
    reference = quantised()
    sample = Sample.of(reference)
    assert list(sample.own) == ["codes", "code_distance"]
    codes = sample.column("codes")
    assert codes.dtype == np.int32
    assert codes.tolist() == [each.ravel().tolist() for each in reference.column("codes")]
    some = sample.take(np.array([3, 1]))
    assert some.column("codes").tolist() == codes[[3, 1]].tolist()


def test_samples_of_two_kinds_or_grids_are_of_two_models() -> None:
    one = Sample.of(quantised())
    assert one.of_one_model(Sample.of(quantised(9)))
    assert not one.of_one_model(Sample.of(quantised(places=(3, 3))))
    vae = {"logvar": one.mu, "kl": one.norm}
    plain = {name: column for name, column in one.columns().items() if name not in ("codes", "code_distance")}
    assert not one.of_one_model(Sample.from_columns({**plain, **vae}))


def test_of_no_images_nothing_was_written_down() -> None:
    nothing = Sample(*(np.zeros((0, 3)), *[np.zeros(0)] * 5))
    assert len(nothing) == 0 and nothing.own == {} and not nothing.of_one_model(Sample.of(quantised()))
    with pytest.raises(ValueError, match=r"beside those of all models, came \[\]"):
        Sample(*(np.zeros((1, 3)), *[np.zeros(1)] * 5))


def test_a_sample_is_of_one_kind_of_model() -> None:
    columns = Sample.of(quantised()).columns()
    with pytest.raises(ValueError, match="logvar and kl, or codes and code_distance beside .* came .*kl"):
        Sample.from_columns({**columns, "kl": columns["norm"]})
    with pytest.raises(ValueError, match="or codes and code_distance beside .* came"):
        Sample.from_columns({name: column for name, column in columns.items() if name != "codes"})
