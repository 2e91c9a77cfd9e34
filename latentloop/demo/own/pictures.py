"""Somebody's own pictures, each read once: those that can be used, in the form that was proposed for them."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data_checks.input_validation import judge_image_bytes
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from latentloop.errors import DemoFailed
from latentloop.init.looking.look import EVERYTHING
from latentloop.init.looking.survey import HELD_AT_MOST, survey
from latentloop.init.proposing.thresholds import BLACK
from latentloop.runs.progress import Say
from latentloop.sources.found import Content, Found, Source
from latentloop.sources.meaning import kind_of
from vae_core.images.preprocessing import Preprocessing, pixel_digest

FEWEST = 2_000
"""Usable pictures of which every part of the story has enough."""
FEWEST_NEW = 750
"""Pictures of the season: of 700 sent, 600 are found without labels, 500 of them trained on and the rest held out."""
MOST_NEW = 1_500
"""Pictures of the season that are sent; more only take time."""
MOST_S = 150.0
"""Of reading; the pictures so far are enough by then, or all are read."""
_AT_ONCE, _THREADS = 64, 4
"""Files that are held, and what decodes them: the decoders let go of the interpreter."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """N different pictures in one form.

    found: their files. pixels uint8 (N, C, H, W). kinds: their first sub-folders, empty at the top. served (N,) bool:
    which of them the policy's thresholds accept. `misjudged`: files that another program opens and the intake does not.
    `left_out`: how many files are no pictures for the story, by reason.
    """

    source: Source
    found: tuple[Found, ...]
    pixels: NDArray[np.uint8]
    kinds: tuple[str, ...]
    served: NDArray[np.bool_]
    misjudged: tuple[Found, ...]
    left_out: Counter[str]

    def __len__(self) -> int:
        """N."""
        return len(self.found)


@dataclass(frozen=True, slots=True)
class _Seen:
    found: Found
    pixels: NDArray[np.uint8] | None
    served: bool
    why: str


def read_pictures(
    source: Source, form: Preprocessing, policy: InputPolicy, most: int, season: Sequence[str], say: Say
) -> Pictures:
    """Read at most so many files, spread evenly over the folder, those of the named season first.

    Left out is what has the same pixels as another picture, what is flat, and what no program opens; never what the
    thresholds of the policy refuse. DemoFailed where a kind is unknown, or fewer than 2,000 pictures can be used.
    """
    surveyed = survey(source, HELD_AT_MOST)
    chosen = _season_first(surveyed.chosen, season)[:most]
    kept, digests, misjudged, left_out = list[_Seen](), set[str](), list[Found](), Counter[str]()
    began = said_at = time.monotonic()
    for number, seen in enumerate(_read(source, chosen, form, policy), start=1):
        if seen.pixels is not None and (digest := pixel_digest(seen.pixels)) not in digests:
            digests.add(digest)
            kept.append(seen)
        elif seen.why == "misjudged":
            misjudged.append(seen.found)
        else:
            left_out[seen.why or "same pixels as another"] += 1
        now = time.monotonic()
        if now - said_at > 5:
            said_at = now
            say(f"read {number:,} of {len(chosen):,} files, {len(kept):,} pictures can be used")
        if now - began > MOST_S and len(kept) >= FEWEST:
            break
    if len(kept) < FEWEST:
        why = ", ".join(f"{count:,} {reason}" for reason, count in left_out.most_common())
        raise DemoFailed(
            f"{source.place}: {len(kept):,} different pictures can be used{f' ({why})' if why else ''}: expected at "
            f"least {FEWEST:,}, so that a season can be kept out; name a folder with more"
        )
    kept.sort(key=lambda seen: seen.found.path)
    return Pictures(
        source,
        tuple(each.found for each in kept),
        np.stack([each.pixels for each in kept if each.pixels is not None]),
        tuple(kind_of(each.found.path) for each in kept),
        np.array([each.served for each in kept]),
        tuple(misjudged),
        left_out,
    )


def _season_first(chosen: Sequence[Found], season: Sequence[str]) -> list[Found]:
    """As many of the named kinds as a season takes, then the others; DemoFailed for a kind that is not there."""
    kinds = Counter(kind for each in chosen if (kind := kind_of(each.path)))
    for name in season:
        if name not in kinds:
            near = get_close_matches(name, kinds, n=3, cutoff=0.5) or [kind for kind, _ in kinds.most_common(5)]
            there = f"did you mean {' or '.join(near)}?" if near else "the folder has no sub-folders, which kinds are"
            raise DemoFailed(f"--season {name}: expected a sub-folder of the pictures' folder, found none: {there}")
    of_season = [each for each in chosen if kind_of(each.path) in season]
    others = [each for each in chosen if kind_of(each.path) not in season]
    room = MOST_NEW + MOST_NEW // 10
    return [*of_season[:room], *others]


def _read(source: Source, chosen: Sequence[Found], form: Preprocessing, policy: InputPolicy) -> Iterator[_Seen]:
    def look(found: Found) -> _Seen:
        return _look(source, found, form, policy)

    waiting = iter(chosen)
    with ThreadPoolExecutor(_THREADS) as pool:
        while part := list(islice(waiting, _AT_ONCE)):
            yield from pool.map(look, part)


def _look(source: Source, found: Found, form: Preprocessing, policy: InputPolicy) -> _Seen:
    outcome = source.read(found, EVERYTHING.max_bytes)
    if not isinstance(outcome, Content):
        return _Seen(found, None, False, "no image, or not readable")
    if (judged := judge_image_bytes(outcome.data, form, policy)).accepted:
        return _Seen(found, judged.pixels, True, "")
    judged = judge_image_bytes(outcome.data, form, EVERYTHING)
    if judged.pixels is None or judged.statistics is None:
        if judged.refusal is Refusal.too_many_pixels:  # no setting lets them in, and to open them takes gigabytes
            return _Seen(found, None, False, f"more than {EVERYTHING.max_pixels // 10**6} megapixels")
        return _Seen(found, None, False, "misjudged" if _opens_elsewhere(outcome.data) else "damaged")
    if judged.statistics.variance < BLACK:
        return _Seen(found, None, False, "flat")
    return _Seen(found, judged.pixels, False, "")


def _opens_elsewhere(data: bytes) -> bool:
    """Whether a program that knows nothing of our intake opens these bytes as one still picture that is not flat."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if getattr(image, "n_frames", 1) != 1:
                return False
            small = image.convert("RGB").resize((64, 64), Image.Resampling.BOX)
            return bool(np.asarray(small, np.float64).var() / 255**2 >= BLACK)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
