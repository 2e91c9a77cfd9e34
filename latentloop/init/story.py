"""The story of `latentloop init`: look, tell, propose, ask, convert, measure, write."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_checks.least_images import fewest_images
from deploy.configuration.evaluation import EvaluationConfig
from deploy.settings import Settings, load_settings
from latentloop.errors import InitRefused
from latentloop.init.asking import Person
from latentloop.init.deciding import (
    MeasureRate,
    choose_form,
    choose_names,
    choose_training,
    convert_sample,
    measure_rate,
)
from latentloop.init.defaults import HEADING, default_lines
from latentloop.init.looking.contact_sheet import write_sheet
from latentloop.init.looking.converted import Converted, Twins, count_twins
from latentloop.init.looking.looked import Looked, look
from latentloop.init.looking.seen import share_of, tell_folders, tell_levels, tell_seen
from latentloop.init.picturing import draw
from latentloop.init.proposing.afterwards import REST_S
from latentloop.init.proposing.proposal import Training, all_lines, bucket_lines
from latentloop.init.proposing.thresholds import BLACK, propose_min_variance
from latentloop.init.report import InitReport, ProposedLine
from latentloop.init.settings_file import Line, require_place, require_valid, write_new, write_text
from latentloop.init.wishes import Wishes
from latentloop.machine import quickest_device
from latentloop.runs.progress import Say
from latentloop.sources.opening import open_source
from latentloop.timing.shown_duration import say_about

SHEET = "latentloop-init.png"
OPTIONAL = {"latentloop doctor": "  # optional: what could go wrong, before anything is started"}


def run_init(wishes: Wishes, say: Say, tell: Say, measure: MeasureRate = measure_rate) -> InitReport:
    """Write a settings file; `tell` hears what a person came for, `say` how far it is. `InitRefused` in one line.

    measure: how quick this machine is.
    """
    require_place(wishes.output)
    if wishes.place is None:
        return _write_defaults(wishes, tell)
    settings, person = load_settings(), Person(wishes.asks)
    looked = look(open_source(settings, wishes.place), say)
    surveyed = looked.surveyed
    for line in (*tell_seen(surveyed, looked.sample), tell_folders(surveyed), tell_levels(surveyed)):
        if line:
            tell(line)
    device = quickest_device()
    names = choose_names(person, wishes, looked)
    form = choose_form(person, wishes, looked, device)
    converted = convert_sample(looked, form)
    twins = count_twins(converted.pixels)
    for line in _tell_converted(looked, converted, twins):
        tell(line)
    images = _estimate_usable(looked, converted, twins)
    training = choose_training(wishes, names, converted, images, device, settings, say, measure)
    lines = (
        *all_lines(names, form, converted, looked.surveyed.endings, training, images),
        *bucket_lines(wishes.place, settings.s3),
    )
    text = write_text(_heading(looked), lines)
    require_valid(text)
    sheet = wishes.output.absolute().with_name(SHEET)
    write_sheet(sheet, draw(looked, converted, form, propose_min_variance(converted.variance).value))
    tell(f"contact sheet: {sheet}")
    for each in _tell_lines(lines):
        tell(each)
    tell(_tell_time(training))
    if not person.agrees(f"write {wishes.output}?"):
        raise InitRefused("nothing was written")
    write_new(wishes.output, text)
    following = tuple(_next(settings, wishes.place))
    _tell_end(wishes.output, following, tell)
    return _report(wishes.output, sheet, looked, converted, twins, training, lines, following)


def _write_defaults(wishes: Wishes, tell: Say) -> InitReport:
    lines = tuple(default_lines())
    text = write_text(HEADING, lines)
    require_valid(text)
    write_new(wishes.output, text)
    following = tuple(_next(load_settings(), "FOLDER"))
    _tell_end(wishes.output, following, tell)
    return InitReport(settings_file=str(wishes.output.absolute()), settings=_proposed(lines), next=following)


def _tell_converted(looked: Looked, converted: Converted, twins: Twins) -> Iterator[str]:
    """What became of the sample in this form."""
    count = len(converted.looks)
    changed = Counter(word for each in converted.conversions for word in each)
    done = f": {', '.join(f'{count:,} {word}' for word, count in changed.most_common())}" if changed else ""
    yield f"in this form: {count:,} of {looked.sample.opened:,}{done}"
    if converted.refused:
        reasons = Counter(each.reason for each in converted.refused)
        told = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
        yield f"refused in this form: {told}, such as {converted.refused[0].detail}"
    if flat := int((converted.variance < BLACK).sum()):
        yield f"flat: {flat:,} show nothing and will be refused as black or flat frames"
    if twins.exact or twins.near:
        told = f"duplicates in the sample: {twins.exact:,} with equal pixels, {twins.near:,} more that only look alike"
        usable = f"{_estimate_usable(looked, converted, twins):,} usable of {looked.surveyed.images:,}"
        yield f"{told}; equal ones count once: about {usable}" if twins.exact else told
    held_out = EvaluationConfig()
    fewest = fewest_images(held_out.holdout_share, held_out.holdout_min)
    if (images := _estimate_usable(looked, converted, twins)) < fewest:
        distinct = "distinct " if twins.exact else ""
        usable = f"{images:,} usable {distinct}image{'s' if images > 1 else ''}"
        yield f"too few: about {usable}, a training needs {fewest:,}: ingest more before `retrain`"


def _estimate_usable(looked: Looked, converted: Converted, twins: Twins) -> int:
    """Of all images, by the sample's share; copies, which `ingest` refuses as duplicates, count once."""
    opened = looked.sample.opened + looked.sample.ignored
    return max(1, round(looked.surveyed.images * (len(converted.looks) - twins.exact) / max(1, opened)))


def _tell_lines(lines: Sequence[Line]) -> Iterator[str]:
    from deploy.configuration.kinds import quoted

    yield "proposed:"
    wide = max(len(f"{each.name} = {quoted(each.value)}") for each in lines)
    for each in lines:
        yield f"  {f'{each.name} = {quoted(each.value)}':<{min(wide, 60)}}  {each.why}"


def _tell_time(training: Training) -> str:
    """What a person waits for `retrain --tier full`, what of it, and how it becomes shorter."""
    budget, measuring = training.budget, training.measuring
    parts = [
        f"{say_about(budget.seconds)} for the network",
        f"{say_about(budget.prior_s.value)} for the prior over its codes",
    ]
    if training.measuring_s is None:
        on_top = "; measuring the version comes on top, how long was not tried"
    else:
        parts.append(
            f"{say_about(training.measuring_s)} to measure the version (features of {measuring.features:,} images, "
            f"{measuring.samples:,} samples)"
        )
        on_top = ""
    parts.append(f"{say_about(REST_S)} to start, plan, draw the card and register")
    return (
        f"a full training: {say_about(training.expected_s)} while nothing else runs ({', '.join(parts)}){on_top}; "
        "--minutes N plans another for network and prior"
    )


def _heading(looked: Looked) -> tuple[str, ...]:
    return (
        f"Written by `latentloop init` for {looked.surveyed.place}:",
        f"{looked.surveyed.images:,} images, {looked.sample.opened:,} of them looked at. "
        "docs/settings.md lists all that may stand here.",
    )


def _next(settings: Settings, place: str) -> Iterator[str]:
    """The commands that come now, in the order of the README."""
    if not settings.features_file.is_file():
        yield "latentloop setup"
    yield "latentloop doctor"
    yield "latentloop up --detach"
    yield f"latentloop ingest {shlex.quote(place)}"


def _tell_end(output: Path, following: Sequence[str], tell: Say) -> None:
    tell(f"written: {output.absolute()}")
    tell("next:")
    for command in following:
        tell(f"  {command}{OPTIONAL.get(command, '')}")


def _report(
    output: Path,
    sheet: Path,
    looked: Looked,
    converted: Converted,
    twins: Twins,
    training: Training,
    lines: Sequence[Line],
    following: tuple[str, ...],
) -> InitReport:
    looks = looked.sample.looks
    return InitReport(
        settings_file=str(output.absolute()),
        contact_sheet=str(sheet),
        place=looked.surveyed.place,
        images=looked.surveyed.images,
        opened=looked.sample.opened,
        usable=len(converted.looks),
        coloured_share=share_of(looks, "coloured"),
        formats=dict(Counter(each.format for each in looks)),
        modes=dict(Counter(each.mode for each in looks)),
        refused=dict(looked.sample.reasons()),
        ignored=dict(looked.surveyed.ignored),
        exact_duplicates=twins.exact,
        near_duplicates=twins.near,
        images_per_s=training.images_per_s,
        expected_seconds=training.expected_s,
        settings=_proposed(lines),
        next=following,
    )


def _proposed(lines: Sequence[Line]) -> tuple[ProposedLine, ...]:
    return tuple(ProposedLine(name=each.name, value=each.value, why=each.why) for each in lines)
