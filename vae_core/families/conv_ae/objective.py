"""How a deterministic autoencoder is trained: the NLL of images at their codes, which its encoder may see spoilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from vae_core.config import TrainConfig
from vae_core.families.conv_ae.model import ConvAe
from vae_core.ranks import ALONE, Ranks
from vae_core.training.data.batches import Batch
from vae_core.training.data.masking import mask_patches
from vae_core.training.health.events import TrainEvent
from vae_core.training.objectives.objective import IntervalFigures, LossWeights, StepTerms
from vae_core.training.objectives.precision import Precision, autocast

_NLL, _SCALE = "nll", "scale"


class AeObjective:
    """Mean NLL + code_penalty · ||z||² / 2, summed over pixels and dimensions (Ghosh et al. 2020, section 3).

    There is no KL, so its weight and free bits mean nothing here, and nothing can collapse onto a prior.
    """

    def __init__(self, model: ConvAe, config: TrainConfig, ranks: Ranks = ALONE) -> None:
        self.model, self._ranks = model, ranks
        model.ranks = ranks
        self._config = config

    @property
    def sizes(self) -> Mapping[str, int]:
        """NLL."""
        return {_NLL: 1}

    @property
    def counted(self) -> Mapping[str, torch.Tensor]:
        """Nothing."""
        return {}

    def measure(
        self, batch: Batch, generator: torch.Generator, weights: LossWeights, precision: Precision
    ) -> StepTerms:
        """NLL of a batch at its codes, and the loss that it makes; draws nothing but holes and dropout."""
        config = self._config
        x, seen = batch.target, batch.seen
        if config.mask_share:
            seen = mask_patches(seen, config.mask_share, config.mask_patch_px, generator, self._ranks)
        with autocast(precision, x.device.type):
            output = self.model(seen, generator, config.encoder_dropout)
        scale = self.model.likelihood.fit_scale(output.logits, x)
        if scale is not None:
            scale = self._ranks.mean(scale)
        loss = nll = self.model.likelihood.nll(output.logits, x, scale).mean()
        if penalty := self.model.config.code_penalty:
            loss = nll + 0.5 * penalty * output.z.square().sum(1).mean()
        return StepTerms(loss=loss, told={_NLL: nll.detach()}, pending={} if scale is None else {_SCALE: scale})

    def accept(self, terms: StepTerms) -> None:
        """Keep the batch's scale where the likelihood fits one."""
        if _SCALE in terms.pending:
            self.model.likelihood.keep_scale(terms.pending[_SCALE])

    def end_epoch(self, step: int) -> Sequence[TrainEvent]:
        """Counts nothing over an epoch."""
        return ()

    def summarise(self, means: Mapping[str, torch.Tensor]) -> IntervalFigures:
        """NLL alone."""
        return IntervalFigures(nll=float(means[_NLL]))
