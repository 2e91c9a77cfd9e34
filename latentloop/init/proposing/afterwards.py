"""What a retraining does beside its two budgets, counted in images: a person waits for that as well. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from data_checks.label_errors import LabelPolicy
from deploy.configuration.evaluation import EvaluationConfig
from latentloop.trial_steps import EvaluationCost
from tasks.card.pictures import SAMPLE_ROWS, SHOWN_IMAGES
from tasks.scoring.measure import SAMPLES_OF_FEW

REST_S = 30.0
"""Beside budgets and measuring: until a worker has picked the run up and its process has loaded, plan and checks,
pictures of the card, MLflow. Of 1,757 drawings of 64 px in colour the run's process took 16 seconds of one core for it
(9 to load, plan and check, 5 to draw, 2 in MLflow; measured 2026-11-30); the others are for Prefect and its worker."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """Images of the first full training that are seen by the feature network, by the model, and drawn as samples."""

    features: int
    scored: int
    samples: int

    def seconds(self, cost: EvaluationCost) -> float:
        """What they take at these costs."""
        return self.features * cost.feature_s + self.scored * cost.score_s + self.samples * cost.sample_s


def count_measuring(images: int, held_out: int, *, labelled: bool) -> Measuring:
    """Of a catalogue of so many images.

    Features: all labelled images (their labels are looked at), the benchmark, its reconstructions, as many others for
    the floor, and the samples. Scored: the images that are trained on, for their codes; the benchmark four times, for
    its errors, the reference, the labels and the worst of the card.
    """
    config = EvaluationConfig()
    measured, trained = min(held_out, config.n_images), max(0, images - held_out)
    few = held_out < config.n_images
    samples = min(config.n_samples, max(measured, SAMPLES_OF_FEW)) if few else config.n_samples
    looked_at = min(images, LabelPolicy().most_images) if labelled else 0
    return Measuring(
        features=looked_at + 2 * measured + min(measured, trained) + samples,
        scored=trained + (4 if labelled else 3) * measured,
        samples=samples + SAMPLE_ROWS * SHOWN_IMAGES,
    )
