"""The recipes of the tiers that begin at the champion, and what of a recipe a model can follow.

Both tiers begin where a model has its codes already, so the KL keeps its whole weight: no warm-up, and with it no free
bits.
Adam begins without moments, so its first steps are of the size of the learning rate whatever the gradient.
"""

from vae_core.config import Budget, TrainConfig
from vae_core.families.configs import ModelConfig
from vae_core.families.registry import family_of


def recipe_for(model: ModelConfig, recipe: TrainConfig) -> TrainConfig:
    """The recipe without what goes by a KL that moves where none does: of a family without, or of the decoder alone."""
    if family_of(model).has_kl and recipe.trains == "all":
        return recipe
    return recipe.model_copy(update={"snapshots": 0, "mutual_information_every_steps": 0, "twin_share": 0.0})


def incremental_recipe() -> TrainConfig:
    """Move the decoder a little: 5 epochs at a constant 1e-5, the field's numbers.

    The codes stay the parent's, bit for bit, so every reference and latent drift alarm keeps its meaning. Measured on
    Fashion-MNIST: 800 steps take 15 CPU-seconds on one core and lower the error on the old kinds by 0.7 %, on two
    kinds never seen by 5 %: it removes blur and learns no new kind.

    A VQ-VAE's codebook moves too, by a decay of its own, and the codes keep their places. With a fifth of two kinds
    never seen among 15,000 images, .99 lowers the error on the new kinds by 5.6 % and leaves 83 % of the tokens their
    code, .999 lowers it by 2.5 % and leaves 97 %.
    """
    return TrainConfig(
        budget=Budget(amount=5, unit="epochs"),
        learning_rate=1e-5,
        final_learning_rate=1e-5,
        kl_warmup_share=0.0,
        trains="decoder",
        codebook_decay=0.999,
    )


def emergency_recipe() -> TrainConfig:
    """Learn a new kind with all weights: 3e-4 falling to 1e-5 over at most 10 epochs.

    Measured on Fashion-MNIST with 600 images of two kinds never seen at 20 % of what is drawn, 30 CPU-seconds, champion
    at .0309 on the new kinds and .0109 on the old: 1e-5 throughout brings .0263, 1e-4 .0234, 3e-4 .0220, 1e-3 .0206,
    and the error on the old falls with each (their -ELBO rises by 0.1 nats). 1e-3 stays ahead for 10 and 90 CPU-seconds
    (.0224 against .0238, .0194 against .0203), but that champion was young; one trained for long has more to lose.
    10 epochs are of the size of that: 1,600 steps on 20,600 images. The held-out -ELBO still fell by 0.2 nats in 500
    steps after twice as many; so a look every 50 steps, at 2 % of the time for 200 images, and an end when 10 looks
    together bring less than 0.05 nats.
    """
    return TrainConfig(
        budget=Budget(amount=10, unit="epochs"),
        learning_rate=3e-4,
        final_learning_rate=1e-5,
        kl_warmup_share=0.0,
        validate_every_steps=50,
        patience=10,
        min_delta_nats=0.05,
    )
