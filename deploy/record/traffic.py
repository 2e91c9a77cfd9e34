"""The champion's traffic and what it was accepted on, as the drift judges want them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_checks.drift.window import Window
from data_checks.sample import Sample
from deploy.delivery.history import Fate
from deploy.release import Release, ServedVersion
from deploy.stores.errors import ObjectMissing, StoreCorrupt
from deploy.stores.objects.artifacts import fetch_reference
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.telemetry import Telemetry, TelemetryWindow
from vae_core.families.columns import Column
from vae_core.families.registry import SERVED

_COLUMNS = ("recon_error", "norm", "image_mean", "image_variance", "image_entropy", "image_digest")


def serving_since(release: Release, fates: Mapping[str, Fate]) -> datetime | None:
    """Since when the champion serves without a break; after a rollback that is the rollback."""
    if release.champion is None:
        return None
    fate = fates.get(release.champion.digest)
    return fate.at if fate is not None and fate.delivery == "promoted" else release.changed_at


def read_window(telemetry: Telemetry, version: str, since: datetime, until: datetime, rows: int) -> Window:
    """The newest `rows` images that came to one version, the refused ones counted by reason."""
    found = telemetry.window(since, until, rows, version=version)
    answered = found.refusal == ""
    refused = Counter(str(each) for each in found.refusal[~answered])
    return Window(sample=sample_of(found, np.flatnonzero(answered)), refused=dict(refused), received=len(found))


def sample_of(found: TelemetryWindow, rows: NDArray[np.integer]) -> Sample:
    """Take answered rows as images that the version scored."""
    columns: dict[str, Any] = {name: getattr(found, name)[rows] for name in _COLUMNS}
    for each in _columns_written(found):
        column = getattr(found, each.name)[rows]
        columns[each.name] = column.astype(np.float32) if each.form == "vector" else column
    return Sample(mu=found.mu[rows].astype(np.float32), **columns)


def _columns_written(found: TelemetryWindow) -> tuple[Column, ...]:
    """The own columns of the family whose vectors and grids are in these rows; the first family's where none is."""
    has_width = (
        each.columns for each in SERVED if all(getattr(found, column.name).shape[1:] != (0,) for column in each.columns)
    )
    return next(has_width, SERVED[0].columns)


def read_reference(objects: ObjectStore, served: ServedVersion) -> Sample | None:
    """The reference that travels with the version; None where it has none that can be read."""
    from vae_core.errors import ArtifactError

    try:
        found = fetch_reference(objects, served.artifact, served.digest)
    except (ObjectMissing, StoreCorrupt, ArtifactError):
        return None
    return Sample.of(found)
