"""How long MLflow's texts may be: what its tables hold on PostgreSQL, on SQLite too, which would take any length.

MLflow 3.17 leaves the refusal of a long description or run name to the database, where it comes at the last step of a
retraining (`store/*/dbmodels/models.py`). PostgreSQL takes no NUL either, and no server takes half a surrogate, as file
names may hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.stores.errors import StoreRefused

DESCRIPTION = 5_000
RUN_NAME = 250
PARAMS_AT_ONCE = 100
METRICS_AT_ONCE = 1_000

# ours: MLflow takes 100,000 and 6,000, which nobody reads in a table of tags or parameters
TAG = 5_000
PARAM = 500

_MORE = "…"


def fit_description(text: str) -> str:
    """The description of a version; StoreRefused when it is too long: who wrote it knows where it can be cut."""
    text = fit_characters(text)
    if len(text) > DESCRIPTION:
        raise StoreRefused(
            f"registry: a description of {len(text):,} characters, {DESCRIPTION:,} are kept: cut it at a section and "
            "log the whole among the run's files"
        )
    return text


def fit_identity(name: str, text: str) -> str:
    """A tag by which things are found again; StoreRefused when it is too long, because its beginning finds nothing."""
    text = fit_characters(text)
    if len(text) > TAG:
        raise StoreRefused(f"registry: a {name} of {len(text):,} characters, {TAG:,} are kept: use a shorter one")
    return text


def fit_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of a version: sentences, cut where they are too long."""
    return {key: fit_text(value, TAG) for key, value in tags.items()}


def fit_params(params: Mapping[str, Any]) -> list[dict[str, str]]:
    """Parameters of a run, as many in each part as the server takes at once."""
    rows = [(key, fit_characters(str(value))[:PARAM]) for key, value in params.items()]
    return [dict(rows[start : start + PARAMS_AT_ONCE]) for start in range(0, len(rows), PARAMS_AT_ONCE)]


def fit_text(text: str, limit: int) -> str:
    """A text for people, cut where it is too long, so that one sees it."""
    text = fit_characters(text)
    return text if len(text) <= limit else text[: limit - len(_MORE)] + _MORE


def fit_characters(text: str) -> str:
    """The text without what no database takes."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
