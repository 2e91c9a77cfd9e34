"""What a recipe may ask to be measured or kept beside the training itself; nothing of it moves a weight."""

from __future__ import annotations

from dataclasses import replace

from vae_core.config import TrainConfig
from vae_core.errors import DataError
from vae_core.families.registry import family_of
from vae_core.families.variants import ImageModel
from vae_core.training import refit
from vae_core.training.checkpoints.snapshots import Snapshot, is_snapshot_due, take_snapshot
from vae_core.training.checkpoints.state import TrainingState
from vae_core.training.data.whole_images import WholeImages
from vae_core.training.health import information
from vae_core.training.recovery.fallback import restore_snapshot
from vae_core.weights import copy_weights

FEWEST_IMAGES = 2
"""Of a bound on the information: it tells images apart."""


class Inspections:
    """Snapshots at the final beta, bounds on the information, and the variance of the model that is handed over."""

    def __init__(self, config: TrainConfig, images: WholeImages, inspected: WholeImages) -> None:
        """`images`: what snapshots are ranked and the variance is fitted by; `inspected`: what only bounds are of."""
        self._config, self._images, self._inspected = config, images, inspected

    def snapshot(self, state: TrainingState, beta: float, share_before: float, share: float) -> None:
        """Keep the judged weights with their KL where the step, past the warm-up, made a snapshot due."""
        model = family_of(state.judged_model).with_posterior(state.judged_model)
        if not is_snapshot_due(self._config.snapshots, share_before, share) or model is None:
            return
        kl = information.measure_mean_kl(model, self._images.read(information.KL_IMAGES))
        state.snapshots.append(take_snapshot(model, state.step, kl, beta))

    def measure_information(self, state: TrainingState) -> None:
        """Bound what the codes tell about the inspected images where the step made it due."""
        every = self._config.mutual_information_every_steps
        if every and state.step % every == 0:
            self._bound(state)

    def measure_last_information(self, state: TrainingState) -> None:
        """Bound it once more for the last weights, where they were not looked at."""
        measured = bool(state.information) and state.information[-1].step == state.step
        if self._config.mutual_information_every_steps and not measured:
            self._bound(state)

    def _bound(self, state: TrainingState) -> None:
        model = family_of(state.judged_model).with_posterior(state.judged_model)
        if model is not None:
            images = self._inspected.read(information.MOST_IMAGES)
            state.information.append(information.measure_information(model, images, state.step, self._config.seed))

    def refit(self, model: ImageModel) -> None:
        """Fit the Gaussian's variance to whole images where the kept one is of other errors than the model's."""
        if (fitted := refit.find_refitted(model, self._config)) is not None:
            refit.refit_scale(fitted, self._images.read(refit.MOST_IMAGES), self._config.seed)

    def refit_snapshot(self, model: ImageModel, snapshot: Snapshot) -> Snapshot:
        """Do the same for a snapshot of the model."""
        if refit.find_refitted(model, self._config) is None:
            return snapshot
        restored = restore_snapshot(model, snapshot)
        self.refit(restored)
        return replace(snapshot, weights=copy_weights(restored))


def require_measurable(model: ImageModel, config: TrainConfig, images: int) -> None:
    """DataError when the recipe asks for what this training cannot measure; images: how many are inspected."""
    asked = [name for name in ("snapshots", "mutual_information_every_steps") if getattr(config, name)]
    if asked and not family_of(model).has_kl:
        raise DataError(f"train: {asked[0]} goes by the KL of a VAE, came another kind of model; set it to 0")
    if config.mutual_information_every_steps and images < FEWEST_IMAGES:
        raise DataError(
            f"train: mutual_information_every_steps needs at least {FEWEST_IMAGES} held-out or inspected images, came "
            f"{images}; give more, or set it to 0"
        )
