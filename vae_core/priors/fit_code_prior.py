"""Fitting a prior over codes: one sequence of steps, from codes to the prior that did best on held-out images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from vae_core.errors import DataError
from vae_core.priors.code_prior import CodePrior
from vae_core.priors.code_prior_checkpoint import FitHeader, identify_fit
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.priors.code_prior_state import NLL, CodePriorState
from vae_core.priors.code_set import (
    CodeBatches,
    CodeSet,
    draw_weighted,
    independent_nll,
    leave_out_unweighted,
    place_codes,
    split_codes,
)
from vae_core.training.budget import BudgetMeter
from vae_core.training.checkpoints.keeper import Keeper
from vae_core.training.engine import Cadence, Engine, Stretch
from vae_core.training.health.divergence import require_finite_look
from vae_core.training.health.early_stopping import BestWeights, HeldOutPoint
from vae_core.training.health.events import StopReason
from vae_core.training.objectives.objective import StepTerms
from vae_core.training.objectives.precision import autocast
from vae_core.training.step import descend

REPORT_EVERY = 20
"""Steps between two reports."""

LOOK_IMAGES = 256
"""Held-out images in one pass."""

MIN_STEPS_TO_LOOK = 20
"""Steps between two looks at least, where an epoch has fewer."""


@dataclass(frozen=True, slots=True)
class CodePriorProgress:
    """The steps since the last report, up to `step`.

    epoch: passes over the fitted images. share_done: of the budget, 0 to 1. nll: mean over the interval, nats per
    image; held_out_nll: of the last look. images_per_s: by the fit's clock, None where it did not move.
    """

    step: int
    epoch: float
    share_done: float
    nll: float
    held_out_nll: float
    learning_rate: float
    images_per_s: float | None


@dataclass(frozen=True, slots=True, eq=False)
class FittedCodePrior:
    """A fitted prior, in eval mode on the device of its fit, with the weights after `best_step` steps.

    The NLL are of the held-out images, nats per image, lower is better, in float32: nll_before with the first
    weights, nll with the best ones, independent_nll of the frequencies of each position alone. curve: every look.
    seconds: of the fit's clock, those before a resume included. epochs: passes over the fitted images.
    """

    prior: CodePrior
    nll_before: float
    nll: float
    independent_nll: float
    held_out_images: int
    steps: int
    best_step: int
    epochs: float
    seconds: float
    stop_reason: StopReason
    curve: tuple[HeldOutPoint, ...]

    @property
    def nll_per_code(self) -> float:
        """Held-out NLL in nats per code; log K is that of a prior that knows nothing."""
        return self.nll / self.prior.config.positions

    @property
    def nll_per_code_before(self) -> float:
        """The same with the first weights."""
        return self.nll_before / self.prior.config.positions


def fit_code_prior(
    codes: torch.Tensor | np.ndarray,
    config: CodePriorConfig,
    recipe: CodePriorRecipe,
    *,
    seed: int,
    clock: Callable[[], float],
    device: str = "cpu",
    on_progress: Callable[[CodePriorProgress], None] | None = None,
    initial: CodePrior | None = None,
    checkpoint_folder: Path | None = None,
    weights: np.ndarray | None = None,
) -> FittedCodePrior:
    """Fit a prior to the codes (N, h, w) of N ≥ 2 images, of any integer type, until the budget is used.

    At least one step is made; the fit ends early when the held-out NLL was not improved on for `patience` looks.
    With a budget in steps or epochs, on one thread of one kind of processor, the seed names the weights bit for
    bit, through any number of kills when there is a folder for checkpoints. `clock` gives seconds and counts for a
    budget in seconds. `initial` is a warm start: a prior of the same config, whose weights are copied. `weights` (N,):
    how often each image is drawn beside the others, to fit and to look; all alike without them. No image is on both
    sides, however often it is drawn, and those of weight 0 on none.

    DataError for codes that are none, of another grid or codebook, or a start of another config. DivergenceError,
    naming step and rows of the codes, when a loss or a gradient is not finite: the weights did not take that step, and
    the last checkpoint is kept. CheckpointError when the folder holds another fit, or cannot be written.
    """
    if initial is not None and initial.config != config:
        raise DataError(
            f"fit_code_prior: expected a warm start of the same config, came {initial.config!r} for {config!r}; "
            "fit from the beginning"
        )
    placed = place_codes("fit_code_prior", codes, config, device)
    identity = identify_fit(config, recipe, seed, placed, initial, weights)
    keeper = Keeper(checkpoint_folder, identity, FitHeader)
    if weights is not None:
        placed = leave_out_unweighted(placed, weights)
    fitted, held_out = split_codes(placed, recipe.held_out_share, seed)
    state = CodePriorState.begin(config, recipe, seed, device, initial)
    batches = CodeBatches(fitted, batch_size=recipe.batch_size, seed=seed, weights=fitted.pick(weights))

    fitted, held_out = (draw_weighted(part, part.pick(weights), seed) for part in (fitted, held_out))
    run = _Run(recipe, state, batches, held_out, keeper, clock, on_progress)
    return run.run(independent_nll(fitted, held_out, config.codebook_size))


class _Run:
    """What the engine calls in a fit of a prior: its steps, what they are told of, and what they come to."""

    name = "fit_code_prior"

    def __init__(
        self,
        recipe: CodePriorRecipe,
        state: CodePriorState,
        batches: CodeBatches,
        held_out: CodeSet,
        keeper: Keeper[FitHeader],
        clock: Callable[[], float],
        on_progress: Callable[[CodePriorProgress], None] | None,
    ) -> None:
        self._recipe, self._state, self._batches, self._held_out = recipe, state, batches, held_out
        self._keeper, self._on_progress, self._rate = keeper, on_progress, 0.0
        self._meter = BudgetMeter(recipe.budget, batches.steps_per_epoch, clock, keeper.resume(state))
        cadence = Cadence(
            steps_per_epoch=batches.steps_per_epoch,
            batch_size=batches.batch_size,
            report_every=REPORT_EVERY,
            look_every=min(recipe.look_every_steps, max(MIN_STEPS_TO_LOOK, batches.steps_per_epoch)),
            checkpoint_every=recipe.checkpoint_every_steps,
            patience=recipe.patience,
        )
        self._engine = Engine(self, cadence, self._meter, keeper.saved_step)

    def run(self, independent: float) -> FittedCodePrior:
        """Fit to the end, and hand the best prior over; `independent`: see `FittedCodePrior.independent_nll`."""
        self._engine.run()
        state, best = self._state, self._state.best.point
        assert best is not None, "the first weights were looked at"
        state.prior.load_state_dict(state.best.weights)
        return FittedCodePrior(
            prior=state.prior.eval(),
            nll_before=state.best.curve[0].loss,
            nll=best.loss,
            independent_nll=independent,
            held_out_images=len(self._held_out),
            steps=state.step,
            best_step=best.step,
            epochs=state.step / self._batches.steps_per_epoch,
            seconds=self._meter.seconds_used(),
            stop_reason=self._engine.stop_reason,
            curve=tuple(state.best.curve),
        )

    @property
    def step(self) -> int:
        """Steps done."""
        return self._state.step

    @property
    def unreported_steps(self) -> int:
        """Steps since the last report."""
        return self._state.interval.steps

    @property
    def best(self) -> BestWeights:
        """The looks so far."""
        return self._state.best

    def rows(self) -> Sequence[int]:
        """The images of the next step."""
        return self._batches.images(self._state.step)

    def take_step(self, share: float) -> None:
        """Descend on the mean nats per code."""
        state, recipe, codes = self._state, self._recipe, self._batches.take(self._state.step)
        self._rate = recipe.learning_rate * rate_share(share, recipe.warmup_share, recipe.final_rate_share)
        for group in state.optimiser.param_groups:
            group["lr"] = self._rate
        with autocast(state.precision, codes.device.type):
            logits = state.prior.logits(codes, state.dropout)
        loss = F.cross_entropy(logits.flatten(0, 1), codes.flatten())
        terms = StepTerms(loss, {NLL: loss.detach() * state.prior.config.positions})
        report = descend(terms, state.optimiser, state.prior.parameters(), clip_norm=recipe.clip_norm)
        state.step += 1
        state.interval.add(report.flat)

    def report(self, stretch: Stretch) -> None:
        """Tell the mean NLL of the steps since the last report."""
        state = self._state
        progress = CodePriorProgress(
            step=stretch.step,
            epoch=stretch.epoch,
            share_done=stretch.share_done,
            nll=float(state.interval.means()[NLL]),
            held_out_nll=state.best.curve[-1].loss,
            learning_rate=self._rate,
            images_per_s=stretch.images_per_s,
        )
        state.interval.clear()
        if self._on_progress:
            self._on_progress(progress)

    @torch.no_grad()
    def look(self) -> None:
        """Measure the held-out images in float32, without dropout, and keep the weights that did best on them."""
        state = self._state
        total = math.fsum(
            float(state.prior.neg_log_prob(chunk.long()).sum(dtype=torch.float64))
            for chunk in torch.split(self._held_out.codes, LOOK_IMAGES)
        )
        require_finite_look(self.name, "NLL", total, state.step)
        look = HeldOutPoint(state.step, total / len(self._held_out))
        state.best.take(look, state.prior, self._recipe.min_delta_nats)

    def inspect(self) -> None:
        """Nothing else is measured of a prior."""

    def conclude(self) -> None:
        """Nothing else is measured of a prior."""

    def gives_up(self) -> bool:
        """A prior is never fitted otherwise than asked."""
        return False

    def save(self, seconds_used: float) -> None:
        """Keep the state."""
        self._keeper.save(self._state, seconds_used)


def rate_share(share: float, warmup_share: float, final_share: float) -> float:
    """Share of the highest learning rate: a straight rise from `final_share` to 1, then half a cosine down to it.

    Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts; `share` is that of the used budget.
    """
    if share < warmup_share:
        return final_share + (1 - final_share) * share / warmup_share
    fall = (min(share, 1.0) - warmup_share) / (1 - warmup_share)
    return final_share + (1 - final_share) * 0.5 * (1 + math.cos(math.pi * fall))
