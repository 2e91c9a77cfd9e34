"""The common form of a reference and of a window."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from data_checks.sample import Sample
from vae_core.reference import HISTOGRAM_BINS, Reference


def test_a_reference_keeps_every_column_of_a_sample_in_single_precision() -> None:
    rng = np.random.default_rng(0)
    codes = {name: rng.normal(size=(5, 3)).astype(np.float16) for name in ("mu", "logvar")}
    others = ("recon_error", "kl", "norm", "image_mean", "image_variance", "image_entropy")
    columns = {name: rng.random(5).astype(np.float32) for name in others}
    reference = Reference(**codes, **columns, histogram=np.full(HISTOGRAM_BINS, 1 / HISTOGRAM_BINS, np.float32))

    sample = Sample.of(reference)

    assert {each.name for each in fields(Sample)} == {*codes, *columns}
    for name, column in {**codes, **columns}.items():
        assert getattr(sample, name).dtype == np.float32
        np.testing.assert_array_equal(getattr(sample, name), column)
