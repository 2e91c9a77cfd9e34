"""The place, looked at: its names, and a sample of what is in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from latentloop.errors import InitRefused
from latentloop.init.looking.sample import FILES, Files, Sample, take_sample
from latentloop.init.looking.survey import Survey, survey
from latentloop.runs.progress import Say
from latentloop.sources.found import Source
from latentloop.sources.names import storable


@dataclass(frozen=True, slots=True)
class Looked:
    """What is there; `files` reads the sample again."""

    surveyed: Survey
    sample: Sample
    files: Files


def look(source: Source, say: Say) -> Looked:
    """Go through the names, open the sample; `InitRefused` in one line where nothing can be used."""
    surveyed, files = survey(source, FILES), Files(source)
    _require_images(surveyed)
    sample = take_sample(surveyed, files, say)
    if not sample.looks:
        _refuse(surveyed, sample)
    return Looked(surveyed, sample, files)


def _require_images(surveyed: Survey) -> None:
    if surveyed.images:
        return
    others = Counter(surveyed.ignored)
    found = ", ".join(f"{count:,} {ending}" for ending, count in others.most_common(4))
    left = "; ".join(f"{named.count:,} {why} left out" for why, named in surveyed.left_out.items())
    told = "; ".join(each for each in (found, left) if each) or "nothing"
    raise InitRefused(
        f"{surveyed.place}: expected image files in it or below, found {told}: name the folder that has them"
    )


def _refuse(surveyed: Survey, sample: Sample) -> None:
    if not sample.unusable:
        raise InitRefused(f"{surveyed.place}: none of {sample.ignored:,} files that were opened is an image")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sample.reasons().most_common(4))
    first = sample.unusable[0]
    raise InitRefused(
        f"{surveyed.place}: all {len(sample.unusable):,} images that were opened are refused ({reasons}), such as "
        f"{storable(first.path)}: {first.detail}"
    )
