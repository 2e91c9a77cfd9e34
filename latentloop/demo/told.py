"""What a person told the demo with flags, checked before anything is started."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum

from latentloop.errors import DemoFailed


class DemoModel(StrEnum):
    """What is trained: a VAE, whose figures compare with earlier releases, or the product's default."""

    vae = "vae"
    vqvae = "vqvae"


@dataclass(frozen=True, slots=True)
class Told:
    """`images`: a folder of somebody's own pictures, of which `season` names kinds; None: the demo's own data set."""

    quick: bool
    model: DemoModel
    images: str | None
    season: tuple[str, ...]

    @property
    def command(self) -> str:
        """As it would be typed."""
        words = ["latentloop", "demo"]
        if self.images is not None:
            words += ["--images", shlex.quote(self.images)]
        if self.season:
            words += ["--season", shlex.quote(",".join(self.season))]
        if self.quick:
            words.append("--quick")
        if self.model is not DemoModel.vae:
            words += ["--model", self.model.value]
        return " ".join(words)


def read_told(quick: bool, model: DemoModel | None, images: str | None, season: str | None) -> Told:
    """DemoFailed for flags that do not go together."""
    named = tuple(dict.fromkeys(each.strip() for each in (season or "").split(",") if each.strip()))
    if images is None and named:
        raise DemoFailed("--season names kinds of your own pictures: add --images FOLDER")
    if images is not None and model is not None:
        raise DemoFailed("--model is of the demo's own images; with --images the model is what `latentloop init` says")
    return Told(quick, model or DemoModel.vae, images, named)
