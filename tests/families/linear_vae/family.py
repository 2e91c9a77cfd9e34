"""What the linear VAE answers; its scores have a column that no family of the product has."""

from __future__ import annotations

from dataclasses import replace

from tests.families.linear_vae.config import LinearVaeConfig
from vae_core.families.columns import KL, LOGVAR, Column
from vae_core.families.units import active_units

LENGTH = Column("length_per_unit", "number", "float32")
"""||mu||² / D: 1 where the posterior means fill the prior."""


class LinearVaeFamily:
    """The bound, the figures and the mixture of any Gaussian posterior; network and column are its own."""

    variant = "linear_vae"
    config = LinearVaeConfig
    is_served = True
    held_out_loss = "neg_elbo"
    has_kl = True
    columns = (LOGVAR, KL, LENGTH)
    reported = ("neg_elbo", "nll", "kl", "beta")
    figures = ("active_units", "neg_elbo", "kl")

    def likelihood_of(self, config):
        return "bernoulli"

    def outline(self, config):
        from tests.families.linear_vae.model import LinearVae

        return LinearVae(config)

    def make_objective(self, model, config, ranks):
        from vae_core.families.conv_vae.objective import VaeObjective

        return VaeObjective(model, config, ranks)

    def say_progress(self, progress):
        return f"bound {progress.neg_elbo:.1f} nats"

    def freeze(self, model, config):
        from vae_core.training.warm_start import freeze_encoder

        freeze_encoder(model)

    def is_begun(self, model):
        return True

    def smallest_fall(self, loss, config):
        return config.min_delta_nats

    def shrink(self, config, trouble):
        return None

    def with_posterior(self, model):
        return model

    def with_likelihood(self, model):
        return model

    def with_codes(self, model):
        return None

    def code_grid(self, config):
        return None

    def find_batch_problem(self, config, batch_size):
        return None

    def score(self, model, pixels, device):
        from vae_core.families.conv_vae.scores import score_posteriors

        scores = score_posteriors(model, pixels, device)
        length = (scores.mu**2).mean(axis=1)
        return replace(scores, own={**scores.own, LENGTH.name: length})

    def measure_columns(self, model, pixels, scores, generator, device):
        from vae_core.families.conv_vae.scores import measure_neg_elbo

        neg_elbo = measure_neg_elbo(model, pixels, scores, generator, device)
        return {"neg_elbo": neg_elbo, "mu": scores.mu, "logvar": scores.column("logvar")}

    def measure_figures(self, model, pixels, scores, sources, effort, *, seed, device, on_progress):
        from vae_core.families.conv_vae.figures import measure_posteriors

        return measure_posteriors(
            model, pixels, scores, sources[-1], effort, seed=seed, device=device, on_progress=on_progress
        )

    def used_units(self, result):
        return active_units(result.active_units, result.latent_dim)

    def describe_use(self, result):
        return f"uses {result.active_units} of {result.latent_dim} latent units"

    def tell_figures(self, result):
        return (("active units", f"{result.active_units} of {result.latent_dim}"),)

    def find_sources(self, model, prior):
        from vae_core.evaluation.images.sample_sources import SampleSource, mixture_sources

        return (SampleSource("standard", model.latent_dim, None), *mixture_sources(model, prior))

    def require_prior(self, prior, config):
        from vae_core.priors.sampling import require_mixture

        require_mixture(prior, config.variant, config.latent_dim)

    def prior_nats(self, prior, reference):
        return None

    def decode(self, model, codes):
        return model.decode(codes)

    def find_problem(self, reference, config):
        return reference.find_foreign_grid(None)

    def worst_deviation(self, deviations):
        return float(deviations.max())
