"""What is proposed for a folder of pictures, as lines of a settings file."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.delivery.policy import GatePolicy
from latentloop.init.looking.converted import Converted
from latentloop.init.proposing.proposal import FEWEST_FOR_FRECHET, delivery_lines, refused_lines
from vae_core.evaluation.benchmark_scores import SMALLEST_N


@pytest.mark.parametrize(("images", "proposed"), [(2_000, [GatePolicy().kernel_margin]), (60_000, [])])
def test_the_trial_of_few_images_has_the_margin_of_their_gate(images: int, proposed: list[float]) -> None:
    assert FEWEST_FOR_FRECHET == SMALLEST_N, "the gate judges kernel distances below it"
    assert [line.value for line in delivery_lines(images)] == proposed


@pytest.mark.parametrize(("flat", "proposed"), [(0, []), (5, []), (54, [0.06]), (1_000, [0.5])])
def test_flat_pictures_of_the_folder_itself_are_no_alarm_in_its_traffic(flat: int, proposed: list[float]) -> None:
    variance = np.full(2_000, 0.05)
    variance[:flat] = 0.0
    looked = Converted((), np.zeros((2_000, 1, 1, 1), np.uint8), variance, variance, (), ())
    assert [line.value for line in refused_lines(looked)] == proposed
    for line in refused_lines(looked):
        assert line.name == "input_policy.max_refused_share" and f"{flat:,} of the sample's 2,000 are flat" in line.why
