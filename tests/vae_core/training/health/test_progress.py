from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vae_core.training.health.progress import IntervalSums, TrainProgress, curve_from_tensor, curve_to_tensor

NUMBER = st.floats(-1e9, 1e9)
POINTS = st.builds(
    TrainProgress,
    step=st.integers(0, 2**40),
    epoch=NUMBER,
    share_done=NUMBER,
    neg_elbo=NUMBER,
    nll=NUMBER,
    kl=NUMBER,
    beta=NUMBER,
    learning_rate=NUMBER,
    active_dims=st.integers(0, 4096),
    images_per_s=st.none() | NUMBER,
    commitment=st.none() | NUMBER,
)


@given(st.lists(POINTS, max_size=5))
def test_a_curve_survives_its_tensor_bit_for_bit(curve):
    assert curve_from_tensor(curve_to_tensor(curve)) == curve


def test_a_curve_of_before_the_last_field_was_known_is_read_without_it():
    points = [TrainProgress(20, 1.0, 0.5, 1e-3, None, squared_error=3.0, commitment=0.25)]
    (read,) = curve_from_tensor(curve_to_tensor(points)[:, :-1])
    assert read == replace(points[0], commitment=None)
    with pytest.raises(ValueError):
        curve_from_tensor(torch.zeros(1, 40))


def test_an_interval_tells_means_and_begins_anew():
    interval = IntervalSums({"nll": 1, "kl_dims": 2})
    interval.add(torch.tensor([100.0, 1.0, 0.0]))
    interval.add(torch.tensor([200.0, 3.0, 0.5]))
    means = {name: mean.tolist() for name, mean in interval.means().items()}
    assert interval.steps == 2 and means == {"nll": [150.0], "kl_dims": [2.0, 0.25]}
    interval.clear()
    assert interval.steps == 0 and interval.values.sum() == 0
