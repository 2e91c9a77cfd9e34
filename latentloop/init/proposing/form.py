"""The form that pictures are brought into: channels, size, fit, and the colours around and under them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latentloop.init.looking.look import Look
from latentloop.init.looking.seen import commonest_border, hex_of, share_of
from latentloop.init.proposing.model import find_halvings
from latentloop.init.proposing.reasoned import Reasoned
from vae_core.images.fit import Fit

COLOURED_ENOUGH = 0.03
"""Of the pictures: fewer are stamps, captions and mistakes in an otherwise grey catalogue."""
ONE_SIZE_SHARE = 0.5
"""Of the pictures in one size, which is then the size."""
NEARLY_EQUAL = 1.1
"""Between the largest and the smallest proportion of nearly all: a crop to one of them cuts less than a tenth."""
FLAT_ENOUGH = 0.5
"""Of the pictures with a border of one colour: then padding in that colour is invisible."""
_SIDES = (16, 20, 24, 28, 32, 40, 48, 64, 96, 128, 192, 256)


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"

    @property
    def proportion(self) -> float:
        """Width over height."""
        return self.width / self.height


def propose_channels(looks: Sequence[Look]) -> Reasoned[int]:
    """3 where pictures really have colour, whatever their mode says."""
    share = share_of(looks, "coloured")
    if share > COLOURED_ENOUGH:
        return Reasoned(3, f"{share:.0%} of the pictures show colour")
    return Reasoned(1, f"only {share:.1%} of the pictures show colour" if share else "no picture shows colour")


def propose_size(looks: Sequence[Look], largest_px: int, longest_px: int | None = None) -> Reasoned[Size]:
    """The size that most have, where a network takes it and the machine trains it; else a smaller one of that form.

    largest_px: what the machine trains well; twice that is taken where the pictures have it, unless a person set
    `longest_px` as a limit.
    """
    most_px = 2 * largest_px if longest_px is None else longest_px
    largest_px = min(largest_px, most_px)
    sizes = Counter(Size(each.height, each.width) for each in looks)
    size, count = sizes.most_common(1)[0]
    if count >= ONE_SIZE_SHARE * len(looks):
        share = "all" if count == len(looks) else f"{count / len(looks):.0%}"
        if find_halvings(size.height, size.width) is not None and max(size.height, size.width) <= most_px:
            return Reasoned(size, f"{share} of the pictures have it")
    if are_nearly_equal(looks):
        longest = int(np.median([max(each.height, each.width) for each in looks]))
        size = _shrink(float(np.median([each.width / each.height for each in looks])), min(longest, largest_px))
        return Reasoned(size, f"nearly all have this form; the longer side is {longest} px in the middle")
    longest = int(np.median([max(each.height, each.width) for each in looks]))
    side = _side_within(min(longest, largest_px))
    limit = f", and this machine trains {largest_px} px well" if longest > largest_px else ""
    return Reasoned(Size(side, side), f"the longer side is {longest} px in the middle{limit}")


def propose_fit(looks: Sequence[Look], size: Size) -> Reasoned[Fit]:
    """Never `stretch`: it changes what things look like."""
    if all((each.height, each.width) == (size.height, size.width) for each in looks):
        return Reasoned("refuse", "all pictures have this size, another one is a mistake")
    is_flat = share_of(looks, "border_is_flat") >= FLAT_ENOUGH
    if is_flat:
        return Reasoned("pad", "objects on a plain background: the whole picture, the background goes on")
    if are_nearly_equal(looks, size):
        return Reasoned("crop", "the proportions are nearly those of the size: little is cut")
    return Reasoned("pad", "the proportions differ: the whole picture, with a border")


def propose_padding(looks: Sequence[Look], background: str) -> Reasoned[str]:
    """The colour that pictures end in."""
    if share_of(looks, "transparent") >= FLAT_ENOUGH:
        return Reasoned(background, "most pictures are transparent: the same as under them")
    return Reasoned(hex_of(commonest_border(looks)), "the commonest colour of their borders")


def are_nearly_equal(looks: Sequence[Look], size: Size | None = None) -> bool:
    """Have nearly all pictures one proportion, and that of the size?"""
    low, high = np.quantile([each.width / each.height for each in looks], [0.02, 0.98])
    if size is not None:
        low, high = min(low, size.proportion), max(high, size.proportion)
    return bool(high / low <= NEARLY_EQUAL)


def _shrink(proportion: float, longest: int) -> Size:
    """The largest size of this proportion within so many pixels that the network takes, in steps that keep the form."""
    long_side = _side_within(longest)
    step = 8 if long_side >= 48 else 4
    short_side = max(step, round(long_side * min(proportion, 1 / proportion) / step) * step)
    return Size(short_side, long_side) if proportion >= 1 else Size(long_side, short_side)


def _side_within(longest: int) -> int:
    return max((each for each in _SIDES if each <= longest), default=_SIDES[0])
