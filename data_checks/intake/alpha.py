"""Lays a picture with transparency over a background of one colour."""

import numpy as np
from PIL import Image, ImageColor

OPAQUE = 255

TRANSPARENCY = "transparency over "
"""Begins the name of this conversion; the colour follows."""


def flatten(image: Image.Image, background: str) -> tuple[Image.Image, tuple[str, ...]]:
    """Make L or RGB of LA or RGBA: colour x alpha + background x (1 - alpha), rounded; nothing of another mode."""
    if image.mode not in ("LA", "RGBA"):
        return image, ()
    plain, alpha = image.convert(image.mode[:-1]), image.getchannel("A")
    if alpha.getextrema()[0] == OPAQUE:
        return plain, ("opaque alpha left out",)
    if plain.mode == "L" and len(set(ImageColor.getrgb(background))) > 1:
        plain = plain.convert("RGB")
    ground = Image.new(plain.mode, plain.size, background)
    ground.paste(plain, (0, 0), alpha)
    return ground, (f"{TRANSPARENCY}{background}",)


def add_key(image: Image.Image, key: tuple[int, ...], bits: int) -> Image.Image:
    """Give L or RGB of 8 bits an alpha channel: transparent where it has the one colour `key`, said in `bits` bits."""
    colour = np.array(key, np.int64) * 255 // (2**bits - 1)
    pixels = np.asarray(image)
    pixels = pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
    keyed = image.copy()
    keyed.putalpha(Image.fromarray(np.where((pixels == colour).all(axis=2), 0, OPAQUE).astype(np.uint8)))
    return keyed
