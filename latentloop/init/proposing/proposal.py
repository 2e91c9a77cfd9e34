"""What is proposed for a folder of pictures, as lines of a settings file. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import ceil

from data_checks.least_images import FEWEST_HELD_OUT
from data_checks.policy import InputPolicy
from data_checks.statistics.rates import measure_rate
from deploy.configuration.evaluation import EvaluationConfig
from deploy.configuration.intake import Subfolders
from deploy.delivery.policy import GatePolicy
from deploy.settings import S3Config
from latentloop.init.looking.converted import Converted
from latentloop.init.proposing.afterwards import REST_S, Measuring
from latentloop.init.proposing.budget import Budget, say_usable
from latentloop.init.proposing.form import Size
from latentloop.init.proposing.reasoned import Reasoned
from latentloop.init.proposing.thresholds import (
    BLACK,
    propose_formats,
    propose_max_bytes,
    propose_max_pixels,
    propose_min_entropy,
    propose_min_variance,
)
from latentloop.init.settings_file import Line
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.images.fit import Fit
from vae_core.images.preprocessing import Preprocessing

FEWEST_FOR_FRECHET = 5_000
"""Held-out images below which the gate judges kernel distances (`vae_core.evaluation.benchmark_scores.SMALLEST_N`)."""
ROOM = 1.5
"""Times the share that the sample may have at most: a limit that ordinary traffic does not reach."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a picture becomes pixels, each part with its reason."""

    channels: Reasoned[int]
    size: Reasoned[Size]
    fit: Reasoned[Fit]
    padding: Reasoned[str]
    background: Reasoned[str]

    @property
    def preprocessing(self) -> Preprocessing:
        """The same as ingest, training and serving take it."""
        return Preprocessing.model_validate(
            {
                "channels": self.channels.value,
                "height": self.size.value.height,
                "width": self.size.value.width,
                "fit": self.fit.value,
                "padding": self.padding.value,
                "background": self.background.value,
            }
        )

    def lines(self) -> Iterator[Line]:
        """`[preprocessing]`."""
        size = self.size.value
        yield Line("preprocessing.channels", self.channels.value, self.channels.why)
        yield Line("preprocessing.height", size.height, self.size.why)
        yield Line("preprocessing.width", size.width, "square" if size.height == size.width else "of the same form")
        yield Line("preprocessing.fit", self.fit.value, self.fit.why)
        yield Line("preprocessing.padding", self.padding.value, self.padding.why)
        yield Line("preprocessing.background", self.background.value, self.background.why)


@dataclass(frozen=True, slots=True)
class Names:
    """What the catalogue and its folders are."""

    product: Reasoned[str]
    subfolders: Reasoned[Subfolders]


@dataclass(frozen=True, slots=True)
class Training:
    """The network, its recipe and where it is trained.

    measuring: what the first version's evaluation sees after both budgets; measuring_s: its seconds, None where that
    was not tried.
    """

    model: VqVaeConfig
    batch_size: Reasoned[int]
    budget: Budget
    device: str
    images_per_s: float
    measuring: Measuring
    measuring_s: float | None = None

    @property
    def expected_s(self) -> float:
        """Seconds of the whole retraining, as a person waits for it, as far as they are known."""
        return self.budget.seconds + self.budget.prior_s.value + (self.measuring_s or 0.0) + REST_S


def all_lines(
    names: Names, form: Form, converted: Converted, endings: Collection[str], training: Training, images: int
) -> tuple[Line, ...]:
    """The whole file; `endings` are those of all images by their names, `images` how many of them can be used."""
    return (
        Line("product", names.product.value, names.product.why),
        *form.lines(),
        Line("intake.subfolders", names.subfolders.value, names.subfolders.why),
        *gate_lines(converted, endings),
        *refused_lines(converted),
        *training_lines(training),
        *evaluation_lines(images),
        *delivery_lines(images),
    )


def gate_lines(converted: Converted, endings: Collection[str]) -> Iterator[Line]:
    """`[input_policy]`, from the sample; limits of size only where the usual ones are too narrow."""
    usual, formats = InputPolicy(), propose_formats(converted.looks, endings)
    max_bytes, max_pixels = propose_max_bytes(converted.looks), propose_max_pixels(converted.looks)
    yield Line("input_policy.formats", list(formats.value), formats.why)
    if max_bytes.value > usual.max_bytes:
        yield Line.of("input_policy.max_bytes", max_bytes)
    if max_pixels.value > usual.max_pixels:
        yield Line.of("input_policy.max_pixels", max_pixels)
    yield Line.of("input_policy.min_variance", propose_min_variance(converted.variance))
    yield Line.of("input_policy.min_entropy_bits", propose_min_entropy(converted.entropy_bits, converted.variance))


def refused_lines(converted: Converted) -> Iterator[Line]:
    """Where the folder itself has more flat pictures than may be refused, they hold no batch and are no alarm."""
    flat, opened = int((converted.variance < BLACK).sum()), len(converted.variance)
    if not opened:
        return
    bound = measure_rate(flat, opened, confidence=0.95).high
    if bound > InputPolicy().max_refused_share:
        yield Line(
            "input_policy.max_refused_share",
            min(0.5, ceil(100 * ROOM * bound) / 100),
            f"{flat:,} of the sample's {opened:,} are flat and will be refused: as many hold no batch, "
            "and in the traffic they are no alarm",
        )


def training_lines(training: Training) -> Iterator[Line]:
    """`[training]`: size and channels follow `[preprocessing]`."""
    model, (high, wide) = training.model, training.model.grid
    if training.device != "cpu":
        yield Line("training.device", training.device, "this machine has one")
    else:
        yield Line("training.clock", "cpu", "seconds are the processor's: beside other load the same prior over codes")
    yield Line("training.model.variant", model.variant, "size and channels follow [preprocessing]")
    yield Line("training.model.widths", list(model.widths), f"halve a picture to {high}x{wide} codes")
    yield Line("training.model.codebook_size", model.codebook_size, "codes of which each finds enough places")
    yield Line.of("training.full.batch_size", training.batch_size)
    yield Line.of("training.full.budget.amount", training.budget.epochs)
    yield Line("training.full.budget.unit", "epochs", "passes over the pictures: the same result on a slower machine")
    yield Line.of("training.code_prior.recipe.budget.amount", training.budget.prior_s)
    yield Line(
        "training.code_prior.recipe.budget.unit", "seconds", "of the prior over the codes, which samples are drawn from"
    )


def bucket_lines(place: str, s3: S3Config) -> Iterator[Line]:
    """`[s3]` of a bucket as the environment told it; keys are never written."""
    if place.startswith("s3://") and s3.endpoint_url is not None:
        yield Line("s3.endpoint_url", s3.endpoint_url, "where the bucket answers; its keys stay in the environment")
        yield Line("s3.region", s3.region, "of the bucket")


def delivery_lines(images: int) -> Iterator[Line]:
    """`[delivery]`: what a trial of few images can tell."""
    if count_held_out(images) < FEWEST_FOR_FRECHET:
        yield Line(
            "delivery.reconstruction_frechet_margin",
            GatePolicy().kernel_margin,
            "as the gate's for so few images: two trainings of one recipe differ by 2 to 5 %, measured on 5,700",
        )


def evaluation_lines(images: int) -> Iterator[Line]:
    """`[evaluation]`: how much is held out."""
    usual = EvaluationConfig()
    held = count_held_out(images)
    yield Line("evaluation.holdout_min", held, f"held out for the benchmark, of {say_usable(images)}")
    yield Line("evaluation.holdout_share", usual.holdout_share, "the most of a catalogue that may be held out")


def count_held_out(images: int) -> int:
    """Images that the proposed settings hold out of so many."""
    usual = EvaluationConfig()
    return max(FEWEST_HELD_OUT, min(usual.holdout_min, int(images * usual.holdout_share)))
