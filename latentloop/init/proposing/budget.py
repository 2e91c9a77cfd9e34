"""How long a training from scratch may last on this machine, and what it takes in seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from latentloop.init.proposing.reasoned import Reasoned
from vae_core.families.vq_vae.config import VqVaeConfig

WANTED_S = 600.0
"""Of a training from scratch, before its prior: as long as that of the default catalogue takes on one core."""
FEWEST_EPOCHS, MOST_EPOCHS = 10, 1_000
FEWEST_STEPS = 3_000
"""With fewer nothing good is learnt, however slow the machine is; within the epochs above."""
FEWEST_QUICK_STEPS = 120
"""For who asks for minutes. With 54 steps on 2,043 drawings of 64 px a version failed its gate (a third of the variance
explained, 163 codes of 512 used), with 81 it would have passed (.58, 407), with 108 by far (.66)."""
FEWEST_FOR_LARGE_BATCHES = 20_000
"""Images. With fewer, half the batch makes twice the steps of an epoch: at 64 px the error after 40 s is .0068, not
.0094."""
PRIOR_S = 300.0
PRIOR_SHARE = 0.5
"""Of the training's seconds, for the prior over the codes; at least a minute where nobody is in a hurry, at most what
is usual."""

_USUAL_IMAGES_PER_S, _USUAL_VALUES, _SLOWER = 3_100.0, 28 * 28, 0.6
"""One core, 28 px grey; with the pixels to this power it is about the measured 1,160 at 64 px in colour."""


@dataclass(frozen=True, slots=True)
class Budget:
    """epochs of the full tier, seconds that they take, and those of the prior."""

    epochs: Reasoned[int]
    seconds: float
    prior_s: Reasoned[int]


def propose_batch_size(images: int) -> Reasoned[int]:
    """Small batches learn more from few images."""
    if images < FEWEST_FOR_LARGE_BATCHES:
        are = "is" if images == 1 else "are"
        return Reasoned(64, f"{say_usable(images)} {are} few: small batches make more steps of them")
    return Reasoned(128, "the default")


def say_usable(images: int) -> str:
    """So many, and why they are fewer than were found.

    >>> say_usable(2_936)
    '2,936 usable images (duplicates counted once)'
    """
    return f"{images:,} usable image{'' if images == 1 else 's'} (duplicates counted once)"


def guess_images_per_s(model: VqVaeConfig) -> float:
    """Where nothing was measured: from what one core does at 28 and 64 px."""
    return float(_USUAL_IMAGES_PER_S * (_USUAL_VALUES / prod(model.shape[1:])) ** _SLOWER)


def propose_budget(
    images: int, batch_size: int, images_per_s: float, *, measured: bool, minutes: float | None = None
) -> Budget:
    """As many epochs as the wanted time has, within reason; the seconds are what is to be expected.

    `minutes`: of training and prior together, as a person wants them, unless no version of so few steps could serve.
    """
    wanted_s = WANTED_S if minutes is None else 60 * minutes / (1 + PRIOR_SHARE)
    wanted_epochs = min(wanted_s * images_per_s / images, 10.0 * MOST_EPOCHS)  # 1e308 minutes have an infinity of them
    fitting = round_to_two(round(wanted_epochs))
    fewest_steps, fewest_epochs = (FEWEST_STEPS, FEWEST_EPOCHS) if minutes is None else (FEWEST_QUICK_STEPS, 1)
    needed = max(fewest_epochs, ceil(fewest_steps * batch_size / images))
    epochs = min(MOST_EPOCHS, max(needed, fitting))
    seconds = epochs * images / images_per_s
    shortest_s = 60.0 if minutes is None else 10.0
    prior_s = int(min(PRIOR_S, max(shortest_s, round(PRIOR_SHARE * seconds, -1))))
    how = "measured here" if measured else "not measured"
    if minutes is not None and fitting > MOST_EPOCHS:
        how += f"; the most epochs that are planned, which leaves some of your {minutes:g} minutes unused"
    if minutes is not None and fitting < epochs:
        how += f"; fewer than {FEWEST_QUICK_STEPS} steps hardly make a version that passes its gate: more than "
        how += f"{minutes:g} minutes"
    return Budget(
        Reasoned(
            epochs,
            f"about {seconds:,.0f} s at {images_per_s:,.0f} images/s in training steps while nothing else runs, {how}",
        ),
        seconds,
        Reasoned(prior_s, "beside the training's"),
    )


def round_to_two(number: int) -> int:
    """Two digits are as exact as the measurement.

    >>> round_to_two(922), round_to_two(41)
    (920, 41)
    """
    return round(number, 2 - len(str(number)))
