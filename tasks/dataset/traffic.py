"""The newest rows of the catalogue, and which of them are traffic.

Traffic is what replicas captured and the champion was not trained on: the catalogue's segments from requests that its
own catalogue version does not have. So after a rollback, the traffic since the older champion counts again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deploy.wiring import World, open_catalogue

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from vae_core.artifact import Artifact

REQUESTS = "requests/"  # segments of replicas; packed folders have others (`deploy.stores.objects.captures`)
COLUMNS = ["digest", "source", "segment", "captured_at"]


def free_rows(world: World, version: int, old_sources: tuple[str, ...], held_back: tuple[str, ...]) -> pa.Table:
    """Rows that no benchmark holds, the oldest capture first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = world.catalogue.read(COLUMNS, version=version)
    rows = rows.filter(pc.invert(pc.is_in(rows["source"], value_set=pa.array(old_sources, pa.string()))))
    rows = rows.filter(pc.invert(pc.is_in(rows["digest"], value_set=pa.array(held_back, pa.string()))))
    order = np.argsort(rows["captured_at"].cast("int64").to_numpy(), kind="stable")
    return rows.take(order)


def traffic_among(world: World, rows: pa.Table, artifact: Artifact) -> pa.Table:
    """Those that replicas captured and the champion's data set does not have."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from deploy.stores.catalogue import Dataset
    from deploy.stores.errors import ObjectMissing
    from deploy.stores.objects.captures import PREFIX

    rows = rows.filter(pc.starts_with(rows["segment"], f"{PREFIX}{REQUESTS}"))
    if (trained_on := Dataset.parse(artifact.summary.dataset_version)) is None:  # registered by hand, from elsewhere
        return rows
    try:
        catalogue = open_catalogue(world.settings, trained_on.catalogue)
        known = catalogue.read(["segment"], version=trained_on.version)["segment"].unique()
    except ObjectMissing:  # from elsewhere as well: this installation never had such a catalogue or version
        return rows
    return rows.filter(pc.invert(pc.is_in(rows["segment"], value_set=pa.array(known.to_pylist(), pa.string()))))


def newest(world: World, rows: pa.Table) -> pa.Table:
    """At most as many as a window has."""
    at_most = world.settings.training.window_images
    return rows.slice(max(0, len(rows) - at_most))


def ends(window: pa.Table) -> tuple[datetime | None, datetime | None]:
    """Capture times of the oldest and the newest image."""
    if not len(window):
        return None, None
    return window["captured_at"][0].as_py(), window["captured_at"][-1].as_py()
