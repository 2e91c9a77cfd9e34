"""What set-up brings once: the feature network as safetensors, and the offline data set.

`latentloop setup`, or `python -m latentloop.assets`; quick and silent when everything is there. A data set that is not
to be had is said, and is no failure of set-up: only the demo needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from deploy.settings import Settings, SettingsError, load_settings
from latentloop.errors import DatasetMissing
from latentloop.fashion_mnist import fetch_fashion_mnist


def bring_features(settings: Settings) -> bool:
    """Convert the packaged EfficientNet-Lite0 weights; True when it was done now."""
    if settings.features_file.is_file():
        return False
    from vae_core.evaluation.features.convert_features import convert_efflite0

    settings.features_file.parent.mkdir(parents=True, exist_ok=True)
    convert_efflite0(settings.features_file)
    return True


Fetch = Callable[[Path], str]
"""Brings the data set into a folder and says where it came from; DatasetMissing where nothing has it."""


def bring_data_set(settings: Settings, fetch: Fetch = fetch_fashion_mnist) -> str | None:
    """Fetch Fashion-MNIST where the settings name no folder; says where it came from, or None when it was there."""
    kept = settings.assets_folder / "fashion-mnist"
    if settings.fashion_mnist is not None or kept.is_dir():
        return None
    return fetch(kept)


def bring_all(settings: Settings, say: Callable[[str], None], fetch: Fetch = fetch_fashion_mnist) -> None:
    """Bring both, and say what was brought; an error only where the product itself could not run."""
    if bring_features(settings):
        say(f"feature network converted to {settings.features_file}")
    try:
        if (source := bring_data_set(settings, fetch)) is not None:
            say(f"Fashion-MNIST brought by {source}")
    except DatasetMissing as error:
        say(f"note: {error}")


def main() -> int:
    """Bring both; exit code 1 only when the product itself could not run."""
    try:
        bring_all(load_settings(), print)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
