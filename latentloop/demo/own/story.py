"""How a story on somebody's own pictures begins: his folder is looked at, and a season of it is kept out."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from deploy.settings import Settings
from latentloop.demo.figures import own_form
from latentloop.demo.own.pictures import Pictures, read_pictures
from latentloop.demo.own.season import choose_season
from latentloop.demo.own.settings import own_settings
from latentloop.demo.own.supply import OwnSupply
from latentloop.demo.settings import Scale
from latentloop.demo.telling import Chapter, Say, Story
from latentloop.demo.told import Told
from latentloop.sources.opening import open_source

MOST_MINUTES, MOST_MINUTES_QUICK = 15.0, 6.0
ACROSS, ROWS = 16, 3


def begin_own_story(told: Told, scale: Scale, seed: int, say: Say) -> Story:
    """Look, propose settings, read the pictures, choose the season; DemoFailed or InitRefused in one line."""
    assert told.images is not None, "somebody named his pictures"
    chapter, began = Chapter("The folder is looked at"), time.monotonic()
    say(f"— {chapter.title}")
    proposed = own_settings(scale, told.images, say)
    settings = proposed.settings
    say(f"home {settings.home.resolve()}")
    form, policy = settings.preprocessing, settings.input_policy
    source = open_source(settings, told.images)
    pictures = read_pictures(source, form, policy, scale.shipment, told.season, say)
    season = choose_season(pictures, told.season, scale, lambda pixels: _extract(settings, pixels))
    say(f"the season: {len(season.rows):,} pictures, {season.told}")
    supply = OwnSupply(pictures, season, policy, form.fit, ordinary=scale.requests, seed=seed)
    story = Story(settings, scale, say, supply, form=own_form(MOST_MINUTES_QUICK if told.quick else MOST_MINUTES))
    story.chapters.append(chapter)
    chapter.seconds = time.monotonic() - began
    colour = "colour" if form.channels == 3 else "grey"
    chapter.show("pictures", source.place)
    chapter.show("form", f"{form.height}x{form.width} {colour}, {form.fit}")
    chapter.show("images by their names", f"{proposed.report.images:,}, {len(pictures):,} of them are used")
    for reason, count in pictures.left_out.most_common():
        chapter.show(f"left out: {reason}", f"{count:,}")
    chapter.show("the season, kept out", f"{len(season.rows):,} pictures: {season.told}")
    if len(season.alike):
        chapter.show("left out: like the season", f"{len(season.alike):,}")
    chapter.show("shipped", f"{len(supply.shipped):,} pictures")
    story.pictures += [
        ("Your pictures as they came (left) and as the model sees them (right)", proposed.sheet),
        (f"The season, kept out of the shipment: {season.told}", _draw(pictures, season.rows)),
        ("The shipment, that the first model is made of", _draw(pictures, supply.shipped)),
    ]
    return story


def _extract(settings: Settings, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features of the network that the product judges with; a second for some hundred pictures."""
    import torch

    from vae_core.evaluation.features.extractor import EfficientNetLite0
    from vae_core.training.objectives.precision import resolve_precision

    torch.set_num_threads(1)  # beside other load two are slower
    precision = resolve_precision(settings.evaluation.precision, "cpu")
    features: NDArray[np.float32] = EfficientNetLite0.load(settings.features_file, precision=precision).extract(pixels)
    return features


def _draw(pictures: Pictures, rows: NDArray[np.int64]) -> bytes:
    """Some of these, evenly chosen, as one picture in PNG."""
    from tasks.card.drawing import draw_picture
    from vae_core.evaluation.images.pictures import tile_images

    shown = rows[np.arange(ACROSS * ROWS) * len(rows) // (ACROSS * ROWS)]
    return draw_picture(tile_images(pictures.pixels[shown], ACROSS), zoom=1)
