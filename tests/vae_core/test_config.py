import pytest
from pydantic import ValidationError

from vae_core.config import Budget, TrainConfig
from vae_core.families.conv_vae.config import ConvVaeConfig

STEPS = Budget(amount=1, unit="steps")


def test_a_rising_learning_rate_is_a_contradiction():
    with pytest.raises(ValidationError, match="final_learning_rate 0.01 is above learning_rate 0.001"):
        TrainConfig(budget=STEPS, learning_rate=1e-3, final_learning_rate=1e-2)


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 0},
        {"kl_warmup_share": 1.5},
        {"beta": -1},
        {"precision": "fp16"},
        {"seed": -1},
        {"epochs": 3},
        {"trains": "encoder"},
        {"validate_every_steps": 0},
        {"patience": 0},
        {"min_delta_nats": -0.1},
        {"kl_schedule": "cosine"},
        {"kl_warmup_unit": "seconds"},
        {"kl_warmup_steps": -1},
        {"kl_cycles": 0},
        {"kl_rising_share": 1.1},
        {"encoder_rate_factor": 0},
        {"clip_norm": float("inf")},
        {"mask_share": 1},
        {"mask_patch_px": 0},
        {"encoder_dropout": 1},
        {"ema_decay": 1},
    ],
)
def test_values_out_of_bounds_and_unknown_words_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        TrainConfig(budget=STEPS, **changes)


@pytest.mark.parametrize("amount", [0, -1, float("inf"), float("nan")])
def test_a_budget_is_positive_and_finite(amount):
    with pytest.raises(ValidationError, match="amount"):
        Budget(amount=amount, unit="seconds")


def test_a_decoder_alone_is_trained_by_nothing_that_would_change_its_encoder():
    with pytest.raises(ValidationError, match="drop encoder_rate_factor 0.5, mask_share 0.1"):
        TrainConfig(budget=STEPS, trains="decoder", mask_share=0.1, encoder_rate_factor=0.5)


@pytest.mark.parametrize("unit", ["steps", "epochs"])
def test_a_warm_up_longer_than_the_budget_is_refused_where_both_are_in_one_unit(unit):
    with pytest.raises(ValidationError, match=f"warm-up of 21 {unit} is longer than the budget of 20"):
        TrainConfig(budget=Budget(amount=20, unit=unit), kl_warmup_unit=unit, **{f"kl_warmup_{unit}": 21})
    assert TrainConfig(budget=Budget(amount=20, unit=unit), kl_warmup_unit=unit, **{f"kl_warmup_{unit}": 20})


def test_a_recipe_and_a_model_of_the_first_release_mean_what_they_meant():
    old = TrainConfig.model_validate_json('{"budget":{"amount":1.0,"unit":"steps"},"kl_warmup_share":0.1}')
    assert old == TrainConfig(budget=STEPS) and (old.kl_schedule, old.kl_warmup_unit) == ("linear", "share")
    assert {old.clip_norm, old.mask_share, old.encoder_dropout, old.ema_decay} == {0.0}
    assert old.encoder_rate_factor == 1.0
    assert ConvVaeConfig.model_validate_json('{"latent_dim":4}').likelihood == "bernoulli"


def test_a_config_survives_json():
    config = TrainConfig(budget=Budget(amount=0.1, unit="epochs"), learning_rate=1 / 3)
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config
