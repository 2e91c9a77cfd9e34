"""What the sample shows, in a few plain lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from latentloop.init.looking.look import Look
from latentloop.init.looking.sample import Sample
from latentloop.init.looking.survey import Survey
from latentloop.sources.meaning import kind_of
from latentloop.sources.names import storable

_NAMED_AT_MOST = 6


def tell_seen(surveyed: Survey, sample: Sample) -> Iterator[str]:
    """Line after line; nothing is said of what is not there."""
    yield f"{surveyed.place}: {surveyed.images:,} images by their names, {surveyed.image_bytes / 1e6:,.1f} MB"
    if surveyed.ignored:
        yield f"ignored: {_list(Counter(surveyed.ignored))}"
    if surveyed.tables:
        more = f" and {len(surveyed.tables) - 3:,} more" if len(surveyed.tables) > 3 else ""
        yield f"labels: ingest reads {', '.join(map(storable, surveyed.tables[:3]))}{more}"
    for why, named in surveyed.left_out.items():
        yield f"left out: {named.count:,} {why} ({named})"
    cut = f", ended after {sample.cut_by}" if sample.cut_by else ""
    yield f"opened: {sample.opened:,} of them, spread evenly{cut}"
    yield from _tell_looks(sample.looks)
    if sample.ignored:
        yield f"no images inside: {sample.ignored:,}"
    if sample.unusable:
        yield f"refused whatever the settings: {_list(sample.reasons())}"
        yield f"  such as {storable(sample.unusable[0].path)}: {sample.unusable[0].detail}"


def _tell_looks(looks: Sequence[Look]) -> Iterator[str]:
    if not looks:
        return
    yield f"formats: {_list(Counter(each.format for each in looks))}"
    yield f"modes: {_list(Counter(each.mode for each in looks))}; {share_of(looks, 'coloured'):.0%} really have colour"
    yield f"sizes: {tell_sizes(looks)}"
    turned = sum(each.turned for each in looks)
    if turned:
        yield f"orientation: {turned:,} are turned by their EXIF orientation"
    flat = share_of(looks, "border_is_flat")
    yield f"borders: {flat:.0%} are of one colour, mostly {hex_of(commonest_border(looks))}"


def tell_sizes(looks: Sequence[Look]) -> str:
    """All alike, or the commonest and the range."""
    sizes = Counter(f"{each.width}x{each.height}" for each in looks)
    if len(sizes) == 1:
        return f"all {next(iter(sizes))}"
    sides = [side for each in looks for side in (each.width, each.height)]
    return f"{len(sizes):,} different, sides from {min(sides)} to {max(sides)}, mostly {_list(sizes, 3)}"


def tell_folders(surveyed: Survey) -> str:
    """The fullest sub-folders; empty where there are none."""
    named = Counter({storable(folder): count for folder, count in surveyed.folders.items() if folder})
    return f"sub-folders: {len(named):,}, {_list(named)}" if named else ""


def tell_levels(surveyed: Survey) -> str:
    """Which level of folders in folders would count; empty where none lies in another."""
    deep = min((folder for folder in surveyed.folders if "/" in folder), default="")
    if not deep:
        return ""
    return (
        f'sub-folders lie in sub-folders: a kind is the first below the top ("{kind_of(deep)}" of "{storable(deep)}"), '
        "a source the whole path (intake.subfolders); for a lower level as kinds give the folder above it, or a "
        "labels.csv"
    )


def share_of(looks: Sequence[Look], word: str) -> float:
    """Of which this is true."""
    return sum(bool(getattr(each, word)) for each in looks) / len(looks)


def commonest_border(looks: Sequence[Look]) -> tuple[int, int, int]:
    """Of the flat borders where there are any, else of all; nearly white is white, nearly black black."""
    borders = np.array([each.border for each in looks if each.border_is_flat] or [each.border for each in looks])
    names = borders // 16 @ np.array([256, 16, 1])
    red, green, blue = (int(each) for each in np.median(borders[names == np.bincount(names).argmax()], axis=0))
    if min(red, green, blue) >= 250:
        return (255, 255, 255)
    return (0, 0, 0) if max(red, green, blue) <= 5 else (red, green, blue)


def hex_of(colour: tuple[int, int, int]) -> str:
    """`#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _list(counts: Counter[str], most: int = _NAMED_AT_MOST) -> str:
    named = ", ".join(f"{count:,} {name}" for name, count in counts.most_common(most))
    more = len(counts) - most
    return f"{named} and {more:,} more" if more > 0 else named
