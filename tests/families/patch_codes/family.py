"""What the quantised linear autoencoder answers."""

from __future__ import annotations

from tests.families.patch_codes.config import PatchCodesConfig
from vae_core.families.columns import CODE_DISTANCE, CODES
from vae_core.families.units import UsedUnits


class PatchCodesFamily:
    """The figures, the prior and the checks of any grid of codes; network and objective are its own."""

    variant = "patch_codes"
    config = PatchCodesConfig
    is_served = True
    held_out_loss = "squared_error"
    has_kl = False
    columns = (CODES, CODE_DISTANCE)
    reported = ("squared_error", "commitment", "codes_used", "perplexity")
    figures = ("codes", "codes_used")

    def likelihood_of(self, config):
        return None

    def outline(self, config):
        from tests.families.patch_codes.model import PatchCodes

        return PatchCodes(config)

    def make_objective(self, model, config, ranks):
        from tests.families.patch_codes.objective import PatchCodesObjective

        return PatchCodesObjective(model, ranks)

    def say_progress(self, progress):
        return f"squared error {progress.squared_error:.1f}"

    def freeze(self, model, config):
        from vae_core.training.warm_start import freeze_encoder

        freeze_encoder(model)

    def is_begun(self, model):
        return True

    def smallest_fall(self, loss, config):
        return 1e-3 * loss

    def shrink(self, config, trouble):
        return None

    def with_posterior(self, model):
        return None

    def with_likelihood(self, model):
        return None

    def with_codes(self, model):
        return model

    def code_grid(self, config):
        return config

    def find_batch_problem(self, config, batch_size):
        return None

    def score(self, model, pixels, device):
        from tests.families.patch_codes.scores import score_codes

        return score_codes(model, pixels, device)

    def measure_columns(self, model, pixels, scores, generator, device):
        return dict(scores.own)

    def measure_figures(self, model, pixels, scores, sources, effort, *, seed, device, on_progress):
        from vae_core.families.vq_vae.figures import measure_code_use

        on_progress(len(pixels))
        return measure_code_use(scores.column("codes"), scores.column("code_distance"), model.config.codes)

    def used_units(self, result):
        return UsedUnits("codes_used", result.codes_used, result.codes)

    def describe_use(self, result):
        return f"uses {result.codes_used} of {result.codes} codes"

    def tell_figures(self, result):
        return (("codes used", f"{result.codes_used} of {result.codes}"),)

    def find_sources(self, model, prior):
        from vae_core.evaluation.images.sample_sources import code_sources

        return code_sources(model, prior)

    def require_prior(self, prior, config):
        from vae_core.priors.sampling import require_code_prior

        require_code_prior(prior, config.variant, config.grid, config.codes)

    def prior_nats(self, prior, reference):
        from vae_core.priors.sampling import mean_code_nats

        return None if prior is None or reference is None else mean_code_nats(prior, reference.column("codes"))

    def decode(self, model, codes):
        return model.decode_codes(codes)

    def find_problem(self, reference, config):
        return reference.find_foreign_grid(config.grid)

    def worst_deviation(self, deviations):
        import numpy as np

        return float(np.median(deviations))
