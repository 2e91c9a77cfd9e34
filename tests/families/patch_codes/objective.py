"""How it is trained: squared error, and vectors that keep to the signs that stand for them."""

from __future__ import annotations

import torch.nn.functional as F

from vae_core.families.vq_vae.quantisers.usage import CodeUsage
from vae_core.ranks import ALONE
from vae_core.training.objectives.objective import IntervalFigures, StepTerms
from vae_core.training.objectives.precision import autocast


class PatchCodesObjective:
    """van den Oord et al. 2017, equation 3, without a codebook that would follow."""

    def __init__(self, model, ranks=ALONE) -> None:
        self.model, model.ranks = model, ranks
        self._usage = CodeUsage(model.config.codes, next(model.parameters()).device, ranks)
        self._indices = None

    @property
    def sizes(self):
        return {"squared_error": 1, "commitment": 1}

    @property
    def counted(self):
        return {"usage": self._usage.counts}

    def measure(self, batch, generator, weights, precision):
        with autocast(precision, batch.target.device.type):
            found = self.model(batch.seen)
        error = F.mse_loss(found.mean, batch.target)
        kept = F.mse_loss(found.before, found.after)
        self._indices = found.indices
        told = {"squared_error": error.detach() * batch.target[0].numel(), "commitment": kept.detach()}
        return StepTerms(loss=error + self.model.config.commitment * kept, told=told)

    def accept(self, terms):
        self._usage.add(self._indices)

    def end_epoch(self, step):
        self._usage.counts.zero_()
        return ()

    def summarise(self, means):
        used, perplexity = self._usage.used, self._usage.perplexity
        return IntervalFigures(
            squared_error=float(means["squared_error"]), commitment=float(means["commitment"]),
            codes_used=used, perplexity=perplexity if used else 1.0,
        )  # fmt: skip
