import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from data_checks.drift.policy import DriftPolicy
from data_checks.drift.screening import judge_screening
from data_checks.drift.window import Window
from data_checks.verdict import Phase
from tests.data_checks.drift.grids import Grids
from tests.data_checks.drift.traffic import Source, concatenate, window_of

SOURCE = Source(1)
POLICY = DriftPolicy()
REFERENCE = SOURCE.draw(3000, np.random.default_rng(100))


def test_a_healthy_window_raises_no_suspicion() -> None:
    verdict = judge_screening(window_of(SOURCE.draw(2000, np.random.default_rng(1)), truncated=3), REFERENCE, POLICY)
    assert verdict.phase is Phase.passed


@pytest.mark.parametrize(
    ("drift", "words"),
    [
        ({"new_share": 0.17}, "latent_code: latent_shift"),
        ({"error_factor": 1.4}, "recon_error: recon_error_change"),
        ({"brightness": 0.8}, "image_statistics: image_mean_shift"),
    ],
)
def test_a_drift_is_suspected_in_the_newest_500_though_1500_healthy_ones_lie_before(drift: dict, words: str) -> None:
    rng = np.random.default_rng(2)
    window = concatenate(SOURCE.draw(1500, rng), SOURCE.draw(500, rng, **drift))
    verdict = judge_screening(window_of(window), REFERENCE, POLICY)
    assert verdict.phase is Phase.failed
    assert words in verdict.reason
    assert "(n=500)" in verdict.reason


def test_refused_frames_are_suspected_without_a_reference() -> None:
    sample = SOURCE.draw(1000, np.random.default_rng(3))
    verdict = judge_screening(window_of(sample, low_variance=40), None, POLICY)
    assert verdict.phase is Phase.failed
    assert "refused_low_variance 0.03846 > limit 0.01" in verdict.reason
    assert "the limit is `drift.max_refused_share`" in verdict.reason


@pytest.mark.parametrize(
    ("n", "reference", "phase", "words"),
    [
        (2000, None, Phase.no_data, "watch: cannot judge: this version has no reference"),
        (0, REFERENCE, Phase.no_data, "watch: cannot judge: no image was answered"),
        (499, REFERENCE, Phase.inconclusive, "watch: cannot judge: 499 distinct images, at least 500 needed"),
        (2000, Source(1, 16).draw(1000, np.random.default_rng(0)), Phase.no_data, "of another model"),
    ],
)
def test_what_cannot_be_judged_is_neither_a_pass_nor_a_suspicion(n, reference, phase, words) -> None:
    verdict = judge_screening(window_of(SOURCE.draw(n, np.random.default_rng(4))), reference, POLICY)
    assert verdict.phase is phase
    assert words in verdict.reason


def test_a_broken_column_blinds_its_part_only() -> None:
    sample = SOURCE.draw(2000, np.random.default_rng(5))
    blind = replace(sample, own={**sample.own, "kl": np.full(2000, np.nan)})
    assert judge_screening(window_of(blind), REFERENCE, POLICY).phase is Phase.no_data
    louder = replace(blind, recon_error=1.5 * blind.recon_error)
    assert judge_screening(window_of(louder), REFERENCE, POLICY).phase is Phase.failed


def test_it_costs_the_controller_no_heavy_import() -> None:
    code = (
        "import sys, numpy as np\n"
        "from data_checks.drift.policy import DriftPolicy\n"
        "from data_checks.drift.screening import judge_screening\n"
        "from data_checks.drift.window import Window\n"
        "from data_checks.sample import Sample\n"
        "rng = np.random.default_rng(0)\n"
        "def draw(n):\n"
        "    names = 'recon_error', 'norm', 'image_mean', 'image_variance', 'image_entropy', 'kl'\n"
        "    columns = dict(zip(names, rng.uniform(1, 2, (6, n))))\n"
        "    own = {'logvar': rng.normal(5, 1, (n, 8)), 'kl': columns.pop('kl')}\n"
        "    return Sample(mu=rng.normal(5, 1, (n, 8)), own=own, **columns)\n"
        "verdict = judge_screening(Window(draw(2000), {'truncated': 1}, 2001), draw(1500), DriftPolicy())\n"
        "heavy = {'scipy', 'sklearn', 'torch', 'pandas', 'evidently'} & set(sys.modules)\n"
        "print(verdict.phase, sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "passed []"


def test_repeats_of_one_burst_count_once() -> None:
    rng = np.random.default_rng(6)
    one = SOURCE.draw(1, rng).take(np.zeros(1000, dtype=int))
    window = concatenate(SOURCE.draw(1000, rng), one)
    assert judge_screening(Window(window, {}, 2000), REFERENCE, POLICY).phase is not Phase.failed


def test_the_screening_of_a_vq_vae_looks_at_the_distance_from_its_codes_in_place_of_the_kl() -> None:
    grids, rng = Grids(1), np.random.default_rng(8)
    reference, healthy = grids.sample(2000, rng), grids.sample(1000, rng)
    calm = judge_screening(window_of(healthy), reference, POLICY)
    far = judge_screening(window_of(grids.sample(1000, rng, distance=1.4)), reference, POLICY)
    assert calm.passed and "code_distance_change" in {each.name for each in calm.evidence}
    assert far.failed and "code_distance: code_distance_change" in far.reason
    of_a_vae = judge_screening(window_of(grids.rest.draw(1000, rng)), reference, POLICY)
    assert of_a_vae.phase is Phase.no_data
    assert (
        "the reference is of another model: codes of 49, code_distance for an image, of the traffic logvar of 16, kl"
        in of_a_vae.reason
    )
