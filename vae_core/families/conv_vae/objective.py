"""How a VAE is trained: the weighted evidence lower bound, on images that its encoder may see spoilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from vae_core.config import TrainConfig
from vae_core.families.conv_vae.model import ConvVae
from vae_core.losses import free_bits, kl_divergence
from vae_core.ranks import ALONE, Ranks
from vae_core.training.data.batches import Batch
from vae_core.training.data.masking import mask_patches
from vae_core.training.health.events import TrainEvent
from vae_core.training.health.progress import ACTIVE_NATS
from vae_core.training.objectives.objective import KL_DIMS, IntervalFigures, LossWeights, StepTerms
from vae_core.training.objectives.precision import Precision, autocast

_NLL, _SCALE = "nll", "scale"


class VaeObjective:
    """Mean NLL + beta · KL, summed over pixels and dimensions.

    With a mask or dropout the posterior is that of the spoilt images, and so are the terms that are told; the target
    is always the whole image (a denoising bound: Im et al. 2017).
    """

    def __init__(self, model: ConvVae, config: TrainConfig, ranks: Ranks = ALONE) -> None:
        self.model, self._ranks = model, ranks
        model.ranks = ranks
        self._mask_share, self._mask_patch_px = config.mask_share, config.mask_patch_px
        # no third word where nothing is dropped
        self._spoiling = {"encoder_dropout": config.encoder_dropout} if config.encoder_dropout else {}

    @property
    def sizes(self) -> Mapping[str, int]:
        """NLL, and KL per dimension."""
        return {_NLL: 1, KL_DIMS: self.model.latent_dim}

    @property
    def counted(self) -> Mapping[str, torch.Tensor]:
        """Nothing."""
        return {}

    def measure(
        self, batch: Batch, generator: torch.Generator, weights: LossWeights, precision: Precision
    ) -> StepTerms:
        """NLL and unclamped KL of a batch, and the loss that they make."""
        x, seen = batch.target, batch.seen
        if self._mask_share:
            seen = mask_patches(seen, self._mask_share, self._mask_patch_px, generator, self._ranks)
        with autocast(precision, x.device.type):
            output = self.model(seen, generator, **self._spoiling)
        scale = self.model.likelihood.fit_scale(output.logits, x)
        if scale is not None:
            scale = self._ranks.mean(scale)
        nll = self.model.likelihood.nll(output.logits, x, scale).mean()
        kl_dims = kl_divergence(*output.posterior)
        return StepTerms(
            loss=nll + weights.beta * free_bits(kl_dims, weights.free_bits_nats, self._ranks),
            told={_NLL: nll.detach(), KL_DIMS: kl_dims.detach().mean(0)},
            pending={} if scale is None else {_SCALE: scale},
        )

    def accept(self, terms: StepTerms) -> None:
        """Keep the batch's scale where the likelihood fits one."""
        if _SCALE in terms.pending:
            self.model.likelihood.keep_scale(terms.pending[_SCALE])

    def end_epoch(self, step: int) -> Sequence[TrainEvent]:
        """Counts nothing over an epoch."""
        return ()

    def summarise(self, means: Mapping[str, torch.Tensor]) -> IntervalFigures:
        """NLL, KL summed over dimensions, and how many of those carry something."""
        kl_dims = means[KL_DIMS]
        nll, kl = float(means[_NLL]), float(kl_dims.sum())
        return IntervalFigures(
            neg_elbo=nll + kl, nll=nll, kl=kl, weighs_kl=True, active_dims=int((kl_dims > ACTIVE_NATS).sum())
        )
