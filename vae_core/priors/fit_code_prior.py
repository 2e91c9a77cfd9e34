"""Fitting a prior over codes: one sequence of steps, from codes to the prior that did best on held-out images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from vae_core.errors import DataError, DivergenceError
from vae_core.priors.code_prior import CodePrior
from vae_core.priors.code_prior_checkpoint import CodePriorKeeper, identify_fit
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.priors.code_prior_state import CodePriorState
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
from vae_core.training.health.divergence import withheld_step
from vae_core.training.health.early_stopping import HeldOutPoint
from vae_core.training.health.events import StopReason
from vae_core.training.objectives.precision import autocast

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
    keeper = None
    if checkpoint_folder is not None:
        keeper = CodePriorKeeper(checkpoint_folder, identify_fit(config, recipe, seed, placed, initial, weights))
    if weights is not None:
        placed = leave_out_unweighted(placed, weights)
    fitted, held_out = split_codes(placed, recipe.held_out_share, seed)
    state = CodePriorState.begin(config, recipe, seed, device, initial)
    batches = CodeBatches(fitted, batch_size=recipe.batch_size, seed=seed, weights=fitted.pick(weights))

    fitted, held_out = (draw_weighted(part, part.pick(weights), seed) for part in (fitted, held_out))
    run = _Run(recipe, state, batches, held_out, keeper, clock, on_progress)
    while not run.is_over():
        run.advance()
    return run.finish(independent_nll(fitted, held_out, config.codebook_size))


class _Run:
    """One call of `fit_code_prior`: the state, and what happens around a step."""

    def __init__(
        self,
        recipe: CodePriorRecipe,
        state: CodePriorState,
        batches: CodeBatches,
        held_out: CodeSet,
        keeper: CodePriorKeeper | None,
        clock: Callable[[], float],
        on_progress: Callable[[CodePriorProgress], None] | None,
    ) -> None:
        self._recipe, self._state, self._batches, self._held_out = recipe, state, batches, held_out
        self._keeper, self._on_progress = keeper, on_progress
        self._look_every = min(recipe.look_every_steps, max(MIN_STEPS_TO_LOOK, batches.steps_per_epoch))
        seconds_before = keeper.resume(state) if keeper else 0.0
        self._meter = BudgetMeter(recipe.budget, batches.steps_per_epoch, clock, seconds_before)
        self._told_step, self._told_seconds, self._rate = state.step, self._meter.seconds_used(), 0.0
        if not state.best.curve:
            self._look()

    def is_over(self) -> bool:
        """Whether the held-out images say that it is enough, or the budget is used; never before the first step."""
        state = self._state
        out_of_patience = state.best.looks_since >= self._recipe.patience
        return state.step > 0 and (out_of_patience or self._meter.share(state.step) >= 1.0)

    def advance(self) -> None:
        """Make one step, and whatever is due after it."""
        state, recipe = self._state, self._recipe
        share = self._meter.share(state.step)
        self._rate = recipe.learning_rate * rate_share(share, recipe.warmup_share, recipe.final_rate_share)
        self._take_step()
        state.step += 1
        if state.nll_steps >= REPORT_EVERY:
            self._report()
        if state.step % self._look_every == 0:
            self._look()
        if self._keeper and state.step % recipe.checkpoint_every_steps == 0:
            self._save(self._keeper)

    def finish(self, independent: float) -> FittedCodePrior:
        """Report, look and keep what is left, and hand the best prior over."""
        state = self._state
        if state.nll_steps:
            self._report()
        if state.best.curve[-1].step != state.step:
            self._look()
        if self._keeper and self._keeper.saved_step != state.step:
            self._save(self._keeper)
        state.prior.load_state_dict(state.best.weights)
        out_of_patience = state.best.looks_since >= self._recipe.patience
        best = state.best.point
        assert best is not None, "the first weights were looked at"
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
            stop_reason=StopReason.no_improvement if out_of_patience else StopReason.budget_used,
            curve=tuple(state.best.curve),
        )

    def _take_step(self) -> None:
        """Descend on the mean nats per code, or raise before a weight moved; one transfer from the device."""
        state, codes = self._state, self._batches.take(self._state.step)
        for group in state.optimiser.param_groups:
            group["lr"] = self._rate
        with autocast(state.precision, codes.device.type):
            logits = state.prior.logits(codes, state.dropout)
        loss = F.cross_entropy(logits.flatten(0, 1), codes.flatten())
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(state.prior.parameters(), self._recipe.clip_norm)
        nats, length = torch.stack([loss.detach(), norm]).tolist()
        if not (math.isfinite(nats) and math.isfinite(length)):
            found, rows = f"loss {nats:g}, gradient norm {length:g}", self._batches.images(state.step)
            raise withheld_step("fit_code_prior", state.step + 1, rows, found)
        state.optimiser.step()
        state.nll_sum += loss.detach() * state.prior.config.positions
        state.nll_steps += 1

    def _report(self) -> None:
        state, seconds = self._state, self._meter.seconds_used()
        elapsed, images = seconds - self._told_seconds, (state.step - self._told_step) * self._batches.batch_size
        progress = CodePriorProgress(
            step=state.step,
            epoch=state.step / self._batches.steps_per_epoch,
            share_done=self._meter.share(state.step),
            nll=float(state.nll_sum) / state.nll_steps,
            held_out_nll=state.best.curve[-1].loss,
            learning_rate=self._rate,
            images_per_s=images / elapsed if elapsed > 0 else None,
        )
        state.nll_sum.zero_()
        state.nll_steps = 0
        self._told_step, self._told_seconds = state.step, seconds
        if self._on_progress:
            self._on_progress(progress)

    @torch.no_grad()
    def _look(self) -> None:
        """Measure the held-out images in float32, without dropout, and keep the weights that did best on them."""
        state = self._state
        total = math.fsum(
            float(state.prior.neg_log_prob(chunk.long()).sum(dtype=torch.float64))
            for chunk in torch.split(self._held_out.codes, LOOK_IMAGES)
        )
        if not math.isfinite(total):
            raise DivergenceError(
                f"fit_code_prior: the NLL of the held-out images is {total:g} after step {state.step}; lower "
                "learning_rate or use precision fp32, then start anew",
                step=state.step,
            )
        look = HeldOutPoint(state.step, total / len(self._held_out))
        state.best.take(look, state.prior, self._recipe.min_delta_nats)

    def _save(self, keeper: CodePriorKeeper) -> None:
        keeper.save(self._state, self._meter.seconds_used())


def rate_share(share: float, warmup_share: float, final_share: float) -> float:
    """Share of the highest learning rate: a straight rise from `final_share` to 1, then half a cosine down to it.

    Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts; `share` is that of the used budget.
    """
    if share < warmup_share:
        return final_share + (1 - final_share) * share / warmup_share
    fall = (min(share, 1.0) - warmup_share) / (1 - warmup_share)
    return final_share + (1 - final_share) * 0.5 * (1 + math.cos(math.pi * fall))
