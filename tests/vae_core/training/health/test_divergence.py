"""A step that was not taken, in one line."""

import pytest

from vae_core.training.health.divergence import withheld_step


@pytest.mark.parametrize(
    ("rows", "shown"),
    [([3], "3"), (range(8), "0, 1, 2, 3, 4, 5, 6, 7"), (range(9), "0, 1, 2, 3, 4, 5, 6, 7 and 1 more")],
)
def test_the_line_shows_eight_images_and_counts_the_others_while_the_error_has_all(rows, shown):
    error = withheld_step("train", 13, list(rows), "loss nan")
    assert str(error).startswith(
        f"train: step 13 is not finite (loss nan) on images {shown}; the weights did not take it"
    )
    assert "\n" not in str(error) and "Lower learning_rate or use precision fp32" in str(error)
    assert (error.step, error.batch_indices) == (13, tuple(rows))
