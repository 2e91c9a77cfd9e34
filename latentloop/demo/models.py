"""The models that the demo can be told with, and what its settings file says of each."""

from __future__ import annotations

from enum import StrEnum


class DemoModel(StrEnum):
    """What is trained: a VAE, whose figures compare with earlier releases, or the product's default."""

    vae = "vae"
    vqvae = "vqvae"


def describe_model(model: DemoModel, prior_s: float) -> str:
    """The lines of the settings file; `prior_s`: CPU seconds for the prior over codes, which a VAE has not."""
    if model is DemoModel.vae:
        return '[training.model]\nvariant = "conv_vae"\n'
    return (
        '[training.model]\nvariant = "vq_vae"\n\n'
        f'[training.code_prior.recipe.budget]\namount = {prior_s:g}\nunit = "seconds"\n'
    )
