"""Which pictures a person should see before she trusts the settings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentloop.init.looking.contact_sheet import PAIRS_AT_MOST, Pair, draw_sheet
from latentloop.init.looking.converted import Converted
from latentloop.init.looking.looked import Looked
from latentloop.init.proposing.proposal import Form

IN_DOUBT_AT_MOST = 10


def draw(looked: Looked, converted: Converted, form: Form, min_variance: float) -> bytes:
    """A sheet as PNG: those that the thresholds would refuse and the flattest first, then some of all."""
    order = np.argsort(converted.variance, kind="stable")
    doubtful = [int(row) for row in order[:IN_DOUBT_AT_MOST]]
    others = [row for row in range(len(converted.looks)) if row not in doubtful]
    rows = doubtful + others[: PAIRS_AT_MOST - len(doubtful)]
    images = form.preprocessing
    colour = "colour" if images.channels == 3 else "grey"
    title = (
        f"{looked.surveyed.name}: left as it came, right as a model sees it ({images.height}x{images.width} {colour}, "
        f"{images.fit}); the {len(doubtful)} flattest of the sample first"
    )
    return draw_sheet(title, _pairs(looked, converted, rows, min_variance))


def _pairs(looked: Looked, converted: Converted, rows: Sequence[int], min_variance: float) -> list[Pair]:
    found = {each.path: each for each in looked.surveyed.chosen}
    pairs = []
    for row in rows:
        look, variance = converted.looks[row], float(converted.variance[row])
        data = looked.files.again(found[look.path])
        refusal = f"refused, variance {variance:.1g}" if variance < min_variance else ""
        if data is not None:
            pairs.append(Pair(look, data, converted.pixels[row], converted.conversions[row], refusal))
    return pairs
