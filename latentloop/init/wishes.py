"""What the person said with flags, read and checked before any picture is looked at."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args

import typer

from deploy.configuration.fields import read_fields
from deploy.configuration.intake import Subfolders
from deploy.settings import Settings
from latentloop.errors import InitRefused
from latentloop.init.proposing.form import Size
from latentloop.init.proposing.model import TAKEN, find_halvings
from vae_core.images.fit import Fit

Choice = TypeVar("Choice")
_SIZE = re.compile(r"(\d{1,5})(?:\s*[xX×*]\s*(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Wishes:
    """None where nothing was said. `asks`: is there somebody to ask? `trial_s`: seconds of trial, 0: none.

    `longest_px`: of a size that is proposed, the longer side at most.
    """

    place: str | None
    output: Path
    asks: bool
    trial_s: float
    size: Size | None
    channels: int | None
    fit: Fit | None
    subfolders: Subfolders | None
    product: str | None
    minutes: float | None
    longest_px: int | None = None


def read_wishes(
    place: str | None,
    flags: Mapping[str, str | None],
    output: Path,
    *,
    asks: bool,
    trial_s: float,
    minutes: float | None = None,
) -> Wishes:
    """`InitRefused` for a flag that cannot be, or where nobody sits at a terminal to be asked."""
    size, channels, fit = flags["size"], flags["channels"], flags["fit"]
    subfolders, product = flags["subfolders"], flags["product"]
    if minutes is not None and not math.isfinite(minutes):
        # as typer says it of what is below its bound, which holds for infinity
        raise typer.BadParameter(f"{minutes} is not a finite number of minutes.", param_hint="'--minutes'")
    wishes = Wishes(
        place=place,
        output=output,
        asks=asks,
        trial_s=trial_s,
        size=read_size(size) if size is not None else None,
        channels=read_channels(channels) if channels is not None else None,
        fit=read_fit(fit) if fit is not None else None,
        subfolders=read_meaning(subfolders) if subfolders is not None else None,
        product=read_product(product) if product is not None else None,
        minutes=minutes,
    )
    if asks and not sys.stdin.isatty():
        raise InitRefused("there is no terminal to ask at: add --yes to take what is proposed")
    return wishes


def read_size(text: str) -> Size:
    """`64`, or height x width as in `48x64`; InitRefused for what is none, or what no network takes."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InitRefused(f"size {text!r}: expected pixels such as 64, or height x width such as 48x64")
    height = int(found[1])
    size = Size(height, int(found[2] or height))
    if find_halvings(size.height, size.width) is None:
        raise InitRefused(f"size {size}: no network takes it: {TAKEN}")
    return size


def read_channels(text: str) -> int:
    """1 or 3."""
    if text.strip() not in ("1", "3"):
        raise InitRefused(f"channels {text!r}: expected 1 (grey) or 3 (colour)")
    return int(text)


def read_fit(text: str) -> Fit:
    """One of the ways to bring a picture to its size."""
    return _read_choice("fit", text, get_args(Fit))


def read_meaning(text: str) -> Subfolders:
    """What sub-folders mean."""
    return _read_choice("subfolders", text, get_args(Subfolders))


def _read_choice(what: str, text: str, choices: tuple[Choice, ...]) -> Choice:
    for each in choices:
        if text.strip() == each:
            return each
    raise InitRefused(f"{what} {text!r}: expected {' or '.join(map(str, choices))}")


def read_product(text: str) -> str:
    """A name as the registry takes it."""
    pattern = next(each.bounds for each in read_fields(Settings) if each.name == "product").removeprefix("matches ")
    if re.fullmatch(pattern, text.strip()) is None:
        raise InitRefused(f"product {text!r}: expected letters, digits, `.`, `_` and `-`, 100 at most, no mark first")
    return text.strip()


def product_of(name: str) -> str:
    """A product's name made of a folder's."""
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100]
    return words or "image-vae"
