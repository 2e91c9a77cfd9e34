"""What an attempt has left, and what it does otherwise."""

from tests.vae_core.synthetic_images import TINY, recipe
from vae_core.training.recovery.attempts import Path, describe_changes, remaining_budget


def test_what_is_left_of_a_budget_is_what_the_path_has_not_used():
    path = Path(steps=30, epochs=1.5, seconds=4.0)
    left = [
        remaining_budget(recipe(amount, unit).budget, path).amount
        for amount, unit in [(100, "steps"), (4, "epochs"), (10, "seconds"), (4, "seconds")]
    ]
    assert left == [70, 2.5, 6.0, 0.04]


def test_changes_name_what_is_otherwise_and_not_the_budget():
    before, after = recipe(100, beta=4), recipe(60, kl_schedule="cyclical")
    told = [
        (each.field, each.before, each.after)
        for each in describe_changes((TINY, before), (TINY.smaller_decoder(), after))
    ]
    assert told == [
        ("decoder_widths", "None", "(4, 4)"),
        ("beta", "4", "1"),
        ("kl_schedule", "linear", "cyclical"),
    ]
