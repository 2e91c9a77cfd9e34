"""Which prior over codes a fit begins at: the parent's, where that is one of just this config."""

from __future__ import annotations

import numpy as np

from tasks.scoring.sampling_prior import warm_start
from vae_core.priors.code_prior import build_code_prior
from vae_core.priors.code_prior_config import CodePriorConfig
from vae_core.priors.gaussian_mixture import fit_mixture

CONFIG = CodePriorConfig(grid=(2, 2), codebook_size=16, width=8, depth=1, heads=1)


def test_a_prior_of_another_size_begins_anew() -> None:
    parent = build_code_prior(CONFIG).eval()
    assert warm_start(parent, CONFIG) is parent
    assert warm_start(parent, CONFIG.model_copy(update={"depth": 2})) is None
    assert warm_start(parent, CONFIG.model_copy(update={"codebook_size": 32})) is None


def test_a_parent_without_a_prior_over_codes_gives_nothing_to_begin_at() -> None:
    mixture = fit_mixture(np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32), 2, 0)
    assert warm_start(mixture, CONFIG) is None
    assert warm_start(None, CONFIG) is None
