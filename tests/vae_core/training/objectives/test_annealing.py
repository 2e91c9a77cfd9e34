import pytest

from tests.vae_core.synthetic_images import recipe
from vae_core.training.objectives.annealing import anneal


def weights(share=0.0, step=0, **changes):
    return anneal(recipe(10_000, beta=2.0, **changes), share=share, step=step, steps_per_epoch=10)


@pytest.mark.parametrize(
    ("unit", "position", "beta"),
    [
        ({"kl_warmup_share": 0.5}, {"share": 0.25, "step": 99}, 1.0),
        ({"kl_warmup_unit": "steps", "kl_warmup_steps": 40}, {"share": 0.99, "step": 20}, 1.0),
        ({"kl_warmup_unit": "steps"}, {"step": 1250}, 0.5),  # 5,000 steps by default
        ({"kl_warmup_unit": "epochs", "kl_warmup_epochs": 5}, {"share": 0.99, "step": 25}, 1.0),
        ({"kl_warmup_unit": "epochs"}, {"step": 25}, 0.5),  # 10 epochs by default
        ({"kl_warmup_unit": "steps", "kl_warmup_steps": 0}, {}, 2.0),
        ({"kl_schedule": "cyclical", "kl_warmup_share": 1.0}, {"share": 0.3125}, 1.0),
        ({"kl_schedule": "cyclical", "kl_warmup_share": 1.0, "kl_cycles": 1}, {"share": 0.3125}, 1.25),
        ({"kl_schedule": "cyclical", "kl_warmup_share": 1.0, "kl_rising_share": 1.0}, {"share": 0.3125}, 0.5),
        ({"kl_schedule": "monotonic", "kl_warmup_unit": "steps", "kl_warmup_steps": 30}, {"step": 15}, 1.0),
    ],
)
def test_the_kl_weight_follows_its_schedule_in_the_unit_that_is_named(unit, position, beta):
    assert weights(**position, **unit).beta == pytest.approx(beta)


@pytest.mark.parametrize("schedule", ["linear", "cyclical", "monotonic"])
def test_free_bits_count_until_the_warm_up_is_over_whatever_the_weight(schedule):
    options = {"kl_schedule": schedule, "kl_warmup_unit": "steps", "kl_warmup_steps": 40}
    inside, outside = weights(step=39, **options), weights(step=40, **options)
    assert inside.warming and inside.free_bits_nats == 0.5
    assert not outside.warming and outside.free_bits_nats == 0.0 and outside.beta == 2.0
