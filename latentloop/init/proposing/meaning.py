"""What sub-folders mean: a kind, a source, a date, or nothing; guessed from their names and how full they are. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from statistics import median

from deploy.configuration.intake import Subfolders
from latentloop.init.proposing.reasoned import Reasoned
from latentloop.sources.meaning import kind_of, read_date
from latentloop.sources.names import storable

MOST_KINDS = 200
FEWEST_OF_A_KIND = 8
"""Images of a kind, in the middle: people make no folder for less."""
NEARLY_ALL = 0.8
"""Of the images in sub-folders."""

_WORD = re.compile(r"[^\W\d_]{3,}")
_OF_A_SOURCE = re.compile(
    r"(?i)(?:^|[-_ .])(?:cam(?:era)?|shop|store|supplier|vendor|seller|user|client|customer|site|line|sensor|device|"
    r"phone|scanner|station|machine|host|batch|upload|session|order|patient|subject)s?[-_ .]?[\w-]*$"
)


def guess_meaning(folders: Mapping[str, int]) -> Reasoned[Subfolders]:
    """From images by folder, relative to the top."""
    named = Counter({folder: count for folder, count in folders.items() if folder})
    if not named or named.total() < (1 - NEARLY_ALL) * sum(folders.values()):
        return Reasoned("none", "nearly all lie in no sub-folder" if named else "there are no sub-folders")
    if _share(named, lambda folder: read_date(folder) is not None) >= NEARLY_ALL:
        return Reasoned("date", f"names such as {_example(named)} are dates")
    kinds = Counter[str]()
    for folder, count in named.items():
        kinds[kind_of(f"{folder}/")] += count
    if _share(kinds, lambda name: _OF_A_SOURCE.search(name) is not None) >= NEARLY_ALL:
        return Reasoned("source", f"names such as {_example(kinds)} say where they come from")
    return _kinds_or_sources(kinds, named)


def _kinds_or_sources(kinds: Counter[str], folders: Collection[str]) -> Reasoned[Subfolders]:
    """Kinds are few, have names that are words, and many images each."""
    usual = median(kinds.values())
    if len(kinds) == 1 and any("/" in folder for folder in folders):
        name = storable(next(iter(kinds)))
        return Reasoned("source", f'all lie below "{name}": name that folder where the folders in it are kinds')
    if len(kinds) > MOST_KINDS:
        return Reasoned("source", f"{len(kinds):,} folders are too many for kinds")
    worded = _share(kinds, lambda name: _WORD.search(name) is not None)
    if len(kinds) > 1 and usual >= FEWEST_OF_A_KIND and worded >= NEARLY_ALL:
        return Reasoned(
            "kind", f"{len(kinds)} names such as {_example(kinds)}, {usual:,.0f} images of each in the middle"
        )
    return Reasoned("source", f"{len(kinds):,} folders such as {_example(kinds)}")


def _share(named: Counter[str], holds: Callable[[str], bool]) -> float:
    return sum(count for folder, count in named.items() if holds(folder)) / named.total()


def _example(named: Counter[str]) -> str:
    return " and ".join(f'"{storable(folder)}"' for folder, _ in named.most_common(2))
