"""The file of somebody who names no pictures: the few settings that everybody looks at, as they are by default."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.configuration.fields import read_fields
from deploy.settings import Settings
from latentloop.init.settings_file import Line

HEADING = (
    "Written by `latentloop init`: the defaults, to be changed.",
    "`latentloop init FOLDER` looks at pictures and proposes what fits them; docs/settings.md lists everything.",
)
_SHOWN = (
    "product",
    "preprocessing.channels",
    "preprocessing.height",
    "preprocessing.width",
    "preprocessing.fit",
    "input_policy.formats",
    "input_policy.min_variance",
    "intake.subfolders",
    "training.full.budget.amount",
    "training.full.budget.unit",
    "evaluation.holdout_share",
)


def default_lines() -> Iterator[Line]:
    """Each with what it is."""
    fields = {each.name: each for each in read_fields(Settings)}
    for name in _SHOWN:
        yield Line(name, fields[name].default, fields[name].description.partition(". ")[0])
