"""How a VQ-VAE is trained: squared error and commitment, codes that follow, and how many of them an epoch used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from vae_core.config import TrainConfig
from vae_core.families.vq_vae.model import VqReconstruction, VqVae, vq_loss
from vae_core.families.vq_vae.quantisers.usage import CodeUsage
from vae_core.ranks import ALONE, Ranks
from vae_core.training.data.batches import Batch
from vae_core.training.data.masking import mask_patches
from vae_core.training.health.events import CodesUnused, EventKind, TrainEvent
from vae_core.training.objectives.objective import IntervalFigures, LossWeights, StepTerms
from vae_core.training.objectives.precision import Precision, autocast

FEW_CODES = 0.5
"""Share of the codebook below which an epoch used too few codes; a healthy model uses 0.9 and more of 512."""

_ERROR, _COMMITMENT, _USAGE = "squared_error", "commitment", "usage"


class VqVaeObjective:
    """Squared error per pixel + codebook loss + weighted commitment (van den Oord et al. 2017, equation 3).

    The KL's weight and its free bits mean nothing here; while they warm up, code usage is not judged. After an epoch
    that left more than half of the codes unused, the unused ones begin anew at tokens that the codebook renders badly.
    """

    def __init__(self, model: VqVae, config: TrainConfig, ranks: Ranks = ALONE) -> None:
        self.model, self._ranks = model, ranks
        model.ranks = ranks
        self._config = config
        self._warming = True
        device = next(model.parameters()).device
        self._usage, self._last = (CodeUsage(model.config.codes, device, ranks) for _ in range(2))
        self._output: VqReconstruction | None = None
        self._generator: torch.Generator | None = None

    @property
    def sizes(self) -> Mapping[str, int]:
        """Squared error summed over an image, and commitment as a mean over the numbers of its tokens."""
        return {_ERROR: 1, _COMMITMENT: 1}

    @property
    def counted(self) -> Mapping[str, torch.Tensor]:
        """Codes (K,) chosen in this epoch and in the one before."""
        return {_USAGE: self._usage.counts, f"{_USAGE}_before": self._last.counts}

    def measure(
        self, batch: Batch, generator: torch.Generator, weights: LossWeights, precision: Precision
    ) -> StepTerms:
        """Reconstruct the targets of a batch from codes of what the encoder may see of them."""
        config = self._config
        x, seen = batch.target, batch.seen
        if config.mask_share:
            seen = mask_patches(seen, config.mask_share, config.mask_patch_px, generator, self._ranks)
        with autocast(precision, x.device.type):
            output = self.model(seen, generator, config.encoder_dropout)
        self._output, self._generator, self._warming = output, generator, weights.warming
        loss = vq_loss(output, x, self.model.config.commitment)
        error = torch.nn.functional.mse_loss(output.mean.detach(), x) * x[0].numel()
        return StepTerms(loss=loss, told={_ERROR: error, _COMMITMENT: output.quantised.commitment.detach()})

    def accept(self, terms: StepTerms) -> None:
        """Let the codes follow the tokens of the step, and count them."""
        assert self._output is not None and self._generator is not None, "a step is measured before it is accepted"
        self.model.follow(self._output, self._generator)
        self._usage.add(self._output.quantised.indices)
        self._output = None

    def end_epoch(self, step: int) -> Sequence[TrainEvent]:
        """Say when the epoch used fewer than half of the codes, and let the unused begin anew."""
        counts = self._usage.counts
        self._last.counts.copy_(counts)
        used, codes = self._last.used, self.model.config.codes
        events: list[TrainEvent] = []
        if not self._warming and used < FEW_CODES * codes:
            self.model.quantiser.retire(self._last.counts == 0)
            done = "they keep their places" if self.model.quantiser.keeps_codes else "the others begin anew"
            detail = f"{used} of {codes} codes used in the epoch < {FEW_CODES:.0%}: {done}"
            events.append(TrainEvent(EventKind.codes_unused, step, detail, codes=CodesUnused(used, codes)))
        counts.zero_()
        return events

    def summarise(self, means: Mapping[str, torch.Tensor]) -> IntervalFigures:
        """Squared error, and the use of the codes in the last whole epoch, or so far where none is."""
        usage = self._last if int(self._last.counts.sum()) else self._usage
        return IntervalFigures(
            squared_error=float(means[_ERROR]),
            commitment=float(means[_COMMITMENT]),
            codes_used=usage.used,
            perplexity=usage.perplexity,
        )
