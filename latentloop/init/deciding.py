"""From what was seen to a proposal: the person is asked what is hers to say, the machine what it can train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np

from deploy.settings import Settings
from latentloop.errors import InitRefused, TrialFailed
from latentloop.init.asking import Person
from latentloop.init.looking.converted import Converted, convert
from latentloop.init.looking.look import Look
from latentloop.init.looking.looked import Looked
from latentloop.init.proposing.afterwards import count_measuring
from latentloop.init.proposing.background import TRIED_AT_MOST, propose_background
from latentloop.init.proposing.budget import guess_images_per_s, propose_batch_size, propose_budget
from latentloop.init.proposing.form import propose_channels, propose_fit, propose_padding, propose_size
from latentloop.init.proposing.meaning import guess_meaning
from latentloop.init.proposing.model import propose_model
from latentloop.init.proposing.proposal import Form, Names, Training, count_held_out
from latentloop.init.proposing.reasoned import Reasoned
from latentloop.init.wishes import (
    Wishes,
    product_of,
    read_channels,
    read_fit,
    read_meaning,
    read_product,
    read_size,
)
from latentloop.runs.progress import Say
from latentloop.trial_steps import EvaluationCost, EvaluationRequest, TrialSteps, try_steps
from vae_core.families.vq_vae.config import VqVaeConfig

LARGEST_PX = {"cpu": 64, "cuda": 128}
"""Side of a picture that such a machine trains to something good in ten minutes."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Images that a training takes a second here; `measured` or guessed from what is known of other machines.

    evaluation: what measuring one image costs; None where that was not tried.
    """

    images_per_s: float
    measured: bool
    evaluation: EvaluationCost | None = None


MeasureRate = Callable[[VqVaeConfig, Converted, int, Settings, str, float, Say], Rate]
"""See `measure_rate`."""


def choose_names(person: Person, wishes: Wishes, looked: Looked) -> Names:
    """The product's name, and what sub-folders mean."""
    place = looked.surveyed
    named = Reasoned(product_of(place.name), "the folder's name")
    product = person.choose("name of the product", wishes.product, named, read_product)
    guessed = guess_meaning(place.folders)
    if not any(place.folders.keys()) and wishes.subfolders is None:
        return Names(product, guessed)
    question = "what is a sub-folder: kind, source, date or none"
    return Names(product, person.choose(question, wishes.subfolders, guessed, read_meaning))


def choose_form(person: Person, wishes: Wishes, looked: Looked, device: str) -> Form:
    """Channels, size and fit; the colours follow from them and the pictures."""
    looks = looked.sample.looks
    channels = person.choose(
        "channels: 1 is grey, 3 is colour", wishes.channels, propose_channels(looks), read_channels
    )
    largest = propose_size(looks, LARGEST_PX[device], wishes.longest_px)
    size = person.choose("size in pixels, one number or height x width", wishes.size, largest, read_size)
    proposed = propose_fit(looks, size.value)
    fit = person.choose("other sizes: pad, crop, stretch or refuse", wishes.fit, proposed, read_fit)
    background = propose_background(_transparent(looked))
    return Form(channels, size, fit, propose_padding(looks, background.value), background)


def convert_sample(looked: Looked, form: Form) -> Converted:
    """The sample in this form; `InitRefused` where the form refuses every picture."""
    converted = convert(looked.surveyed, looked.sample.looks, looked.files, form.preprocessing)
    if not converted.looks:
        raise InitRefused(
            f"every picture of the sample is refused in this form, the first with: {converted.refused[0].detail}: "
            'choose another size or fit = "pad"'
        )
    return converted


def choose_training(
    wishes: Wishes,
    names: Names,
    converted: Converted,
    images: int,
    device: str,
    settings: Settings,
    say: Say,
    measure: MeasureRate,
) -> Training:
    """Network and budget for so many images, by a few steps that `measure` takes unless nothing is to be measured."""
    channels, height, width = converted.pixels.shape[1:]
    model, batch_size = propose_model(channels, height, width, images), propose_batch_size(images)
    if wishes.trial_s:
        rate = measure(model, converted, batch_size.value, settings, device, wishes.trial_s, say)
    else:
        rate = Rate(guess_images_per_s(model), measured=False)
    budget = propose_budget(images, batch_size.value, rate.images_per_s, measured=rate.measured, minutes=wishes.minutes)
    measuring = count_measuring(images, count_held_out(images), labelled=names.subfolders.value == "kind")
    measuring_s = None if rate.evaluation is None else measuring.seconds(rate.evaluation)
    return Training(model, batch_size, budget, device, rate.images_per_s, measuring, measuring_s)


def measure_rate(
    model: VqVaeConfig,
    converted: Converted,
    batch_size: int,
    settings: Settings,
    device: str,
    seconds: float,
    say: Say,
) -> Rate:
    """A few steps on the sample, and a few of its images measured; a guess, said so, where they fail."""
    say(f"training for {seconds:.0f} s, to see how quick this machine is")
    images = np.resize(converted.pixels, (max(len(converted.pixels), batch_size), *converted.pixels.shape[1:]))
    try:
        steps: TrialSteps = try_steps(
            model,
            images,
            batch_size=batch_size,
            threads=settings.training.threads,
            device=device,
            seconds=seconds,
            evaluation=_ask_evaluation(settings, model),
        )
    except TrialFailed as error:
        say(f"not measured: {error}")
        return Rate(guess_images_per_s(model), measured=False)
    if steps.busy:
        say(f"other processes take most of this machine now: {steps.say_rate()}; the budget counts with the latter")
    return Rate(steps.images_per_own_s, measured=True, evaluation=steps.evaluation)


def _ask_evaluation(settings: Settings, model: VqVaeConfig) -> EvaluationRequest | None:
    """What an evaluation of this model needs; None before `latentloop setup` has brought the feature network."""
    if not settings.features_file.is_file():
        return None
    prior = settings.training.code_prior.config_for(model)
    return EvaluationRequest(
        features_file=settings.features_file.absolute(), precision=settings.evaluation.precision, prior=prior
    )


def _transparent(looked: Looked) -> list[tuple[Look, bytes]]:
    """Transparent pictures from all over the sample, with their bytes: one folder may have its icons in white."""
    wanted = {each.path: each for each in looked.sample.looks if each.transparent}
    found = [each for each in looked.surveyed.chosen if each.path in wanted]
    some = found[:: ceil(len(found) / TRIED_AT_MOST) or 1]
    read = ((wanted[each.path], looked.files.again(each)) for each in some)
    return [(look, data) for look, data in read if data is not None]
