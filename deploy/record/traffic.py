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
    columns = {name: getattr(found, name)[rows] for name in _COLUMNS}
    columns |= {name: _widened(column[rows]) for name, column in found.own.items()}
    return Sample.from_columns(columns | {"mu": found.mu[rows].astype(np.float32)})


def _widened(column: NDArray[Any]) -> NDArray[Any]:
    """Vectors are kept as float16, which nothing is computed in."""
    return column.astype(np.float32) if column.dtype == np.float16 else column


def read_reference(objects: ObjectStore, served: ServedVersion) -> Sample | None:
    """The reference that travels with the version; None where it has none that can be read."""
    from vae_core.errors import ArtifactError

    try:
        found = fetch_reference(objects, served.artifact, served.digest)
    except (ObjectMissing, StoreCorrupt, ArtifactError):
        return None
    return Sample.of(found)
