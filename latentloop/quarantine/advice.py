"""The sentence beside a reason: which setting would let these images in, computed from the images themselves."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np

from data_checks.batch import HELD, SHARE_SETTING, find_least_share
from data_checks.intake.alpha import TRANSPARENCY
from data_checks.intake.formats.header import ImageFormat
from data_checks.refusal import NO_SETTING
from latentloop.quarantine.state import Refused

REJUDGE = "`latentloop quarantine rejudge`"
LETS_IN = 0.99  # of the images, where a threshold can do that
_FLAT = 1e-6  # variance on [0, 1] of a picture in which nothing can be seen
_WHITE, _BLACK = 0.8, 0.2  # mean on [0, 1]
_CAME_FORMAT = re.compile(rf"expected [A-Z, or]+, came an? ({'|'.join(get_args(ImageFormat))}): ", re.IGNORECASE)
_LAID_OVER = re.compile(rf"{TRANSPARENCY}(#[0-9a-fA-F]{{6}})")
_VANISHING = 1e-3  # variance below which hardly anything of a picture is left; `init` says the same of its sample
_WHITE_GROUND, _MIDDLE = "#ffffff", "#808080"  # what is white and what is black shows on it
_ONE_TONE = "check the camera, the lens cap or the export, and `discard` what is empty"
_CAME = re.compile(r"came (?:\S+ = )?([0-9]+)")


def advise(reason: str, rows: Sequence[Refused], formats: Sequence[str]) -> str:
    """What to do about images that were refused for this reason, in one line; `formats`: those that are taken now."""
    if reason in _OF_FORMATS:
        return _format(rows, formats)
    sentence = _SENTENCES.get(reason)
    return sentence(rows) if sentence is not None else _UNDECODABLE


_SMALLER = "make them smaller (such as `vipsthumbnail FILE --size 4000`) and ingest them again"
_UNDECODABLE = "no setting makes pictures of these files: send them again whole, or `discard` them"
_OF_FORMATS = ("format_not_wanted", "not_an_image")  # earlier releases said the second of both


def _format(rows: Sequence[Refused], formats: Sequence[str]) -> str:
    came = [found[1].upper() for each in rows if (found := _CAME_FORMAT.match(each.detail)) is not None]
    if not came:
        return _UNDECODABLE
    named = ", ".join(f'"{each}"' for each in dict.fromkeys([*formats, *sorted(set(came))]))
    lets_in = f"`input_policy.formats = [{named}]` accepts"
    if len(came) == len(rows):
        return f"{lets_in} {_all(len(rows))}"
    return f"{lets_in} {len(came):,} of these {len(rows):,}; no setting the others: send them again whole"


def _low_variance(rows: Sequence[Refused]) -> str:
    return _beside_vanished(rows, _low_variance_of)


def _low_variance_of(rows: Sequence[Refused]) -> str:
    values = np.array([each.variance or 0.0 for each in rows])
    flat = int((values <= _FLAT).sum())
    if flat == len(rows):
        are = "it is" if len(rows) == 1 else f"all {len(rows):,} are"
        return f"{are} of one single tone: {_ONE_TONE}"
    lets_in = _threshold("input_policy.min_variance", values[values > _FLAT], len(rows))
    if flat:
        only = "" if 2 * flat <= len(rows) else ", so this setting alone is no answer"
        others = f"the other {flat:,} {'is' if flat == 1 else 'are'} of one single tone"
        lets_in += f"{only}; {others}: {_ONE_TONE}"
    return lets_in + _ground(rows)


def _low_entropy(rows: Sequence[Refused]) -> str:
    return _beside_vanished(rows, _low_entropy_of)


def _low_entropy_of(rows: Sequence[Refused]) -> str:
    values = np.array([each.entropy_bits or 0.0 for each in rows])
    return _threshold("input_policy.min_entropy_bits", values, len(rows)) + _ground(rows)


def _beside_vanished(rows: Sequence[Refused], advise_others: Callable[[Sequence[Refused]], str]) -> str:
    """First what was laid over a colour that may be its own: a lower threshold would let in pictures of nothing."""
    grounds = {each.id: ground for each in rows if (ground := _vanished_on(each))}
    if not grounds:
        return advise_others(rows)
    ground = Counter(grounds.values()).most_common(1)[0][0]
    others = [each for each in rows if each.id not in grounds]
    are = "it is" if len(rows) == 1 else f"{_all(len(rows))} are" if not others else f"{len(grounds):,} are"
    told = (
        f'{are} transparent and on `preprocessing.background = "{ground}"`, where what is drawn in that colour '
        f'vanishes: it shows with another, such as "{_MIDDLE if ground != _MIDDLE else _WHITE_GROUND}" (another '
        "catalogue, which the next ingest fills by itself); a lower threshold would let in pictures of nothing"
    )
    return f"{told}; of the other {len(others):,}: {advise_others(others)}" if others else told


def _vanished_on(row: Refused) -> str:
    found = _LAID_OVER.search(row.detail)
    return found[1] if found is not None and (row.variance or 0.0) < _VANISHING else ""


def _threshold(setting: str, values: np.ndarray, of: int) -> str:
    """The roundest value that lets 99 % of these in."""
    wanted = float(np.quantile(values, 1 - LETS_IN, method="lower"))
    value = _round_down(wanted)
    share = int((values >= value).sum()) / of
    return f"`{setting} = {value:g}` accepts {'it' if of == 1 and share == 1 else f'{_percent(share)} of these {of:,}'}"


def _round_down(value: float) -> float:
    """One digit that counts, or two where one would halve the value."""
    if value <= 0:
        return 0.0
    for digits in (1, 2):
        scale = 10.0 ** (digits - 1 - math.floor(math.log10(value)))
        rounded = math.floor(value * scale) / scale
        if rounded > 0.7 * value:
            break
    return float(f"{rounded:.3g}")


def _ground(rows: Sequence[Refused]) -> str:
    means = np.array([each.mean for each in rows if each.mean is not None])
    if not len(means):
        return ""
    if np.median(means) > _WHITE:
        return "; they are bright (a subject on a white ground is no broken camera): look with `show`"
    return "; they are dark: look whether a camera failed" if np.median(means) < _BLACK else ""


def _batch_held(rows: Sequence[Refused]) -> str:
    out = (
        "nothing is wrong with these, they wait because too many others of their source were refused; "
        '`latentloop quarantine release batch_held --reason "…"` takes them in as they are'
    )
    share = find_least_share({each.detail for each in rows})
    return f"{out}, and so does `{SHARE_SETTING} = {share:g}` for good: set it, then {REJUDGE}" if share else out


def _inverted(rows: Sequence[Refused]) -> str:
    return f"`input_policy.detect_inversion = false` accepts {_all(len(rows))}; a negative is better inverted before"


def _too_many_bytes(rows: Sequence[Refused]) -> str:
    return _largest("input_policy.max_bytes", rows)


def _too_many_pixels(rows: Sequence[Refused]) -> str:
    return _largest("input_policy.max_pixels", rows)


def _largest(setting: str, rows: Sequence[Refused]) -> str:
    allowed = [each for each in rows if NO_SETTING not in each.detail]
    if not allowed:
        return f"no setting takes {'it' if len(rows) == 1 else f'these {len(rows):,}'}: {_SMALLER}"
    came = [int(found[1]) for each in allowed if (found := _CAME.search(each.detail)) is not None]
    if not came:
        return f"raise `{setting}`, or make them smaller"
    if len(allowed) == len(rows):
        return f"`{setting} = {max(came)}` accepts {_all(len(rows))}"
    others = f"no setting the others: {_SMALLER}"
    return f"`{setting} = {max(came)}` accepts {len(allowed):,} of these {len(rows):,}, {others}"


def _wrong_shape(rows: Sequence[Refused]) -> str:
    return (
        'any size comes in with `preprocessing.fit = "pad"`, `"crop"` or `"stretch"`: that is another catalogue, which '
        "the next ingest fills by itself"
    )


def _wrong_mode(rows: Sequence[Refused]) -> str:
    return f"convert them as the detail says ({rows[0].detail[:120]})"


def _duplicate(rows: Sequence[Refused]) -> str:
    return "the same pixels are in the catalogue: nothing is lost, nothing to do"


def _label_differs(rows: Sequence[Refused]) -> str:
    return "the catalogue has these images with another label, which stays: `show` names both, mend one"


def _leakage(rows: Sequence[Refused]) -> str:
    return "the same pixels are held out in a benchmark: they measure versions and are never trained on"


def _all(count: int) -> str:
    return "it" if count == 1 else f"all {count:,}"


def _percent(share: float) -> str:
    return "all" if share == 1 else f"{math.floor(share * 1000) / 10:g} %"


_SENTENCES: dict[str, Callable[[Sequence[Refused]], str]] = {
    "low_variance": _low_variance,
    "low_entropy": _low_entropy,
    "inverted": _inverted,
    HELD: _batch_held,
    "too_many_bytes": _too_many_bytes,
    "too_many_pixels": _too_many_pixels,
    "wrong_shape": _wrong_shape,
    "wrong_mode": _wrong_mode,
    "duplicate": _duplicate,
    "label_differs": _label_differs,
    "leakage": _leakage,
}
