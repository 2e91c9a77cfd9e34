"""What a training is told, as a short name that differs where the recipe does."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.settings import Settings


def recipe_name(settings: Settings) -> str:
    """Eight digits of everything that a training is told."""
    return hashlib.sha256(settings.training.model_dump_json().encode()).hexdigest()[:8]
