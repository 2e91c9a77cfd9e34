"""The newest images before a training: which are new, which are held out; chosen once, before anything is cut."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from data_checks.least_images import FEWEST_HELD_OUT
from deploy.wiring import World
from tasks.dataset.holdout import (
    HeldOut,
    hold_out,
    hold_out_for_reference,
    least_images,
    too_few,
    wanted_images,
    wanted_window,
    watch_some,
)
from tasks.dataset.images import WINDOW_STEP, benchmark_digests, probing_digests
from tasks.dataset.mixing import require_share
from tasks.dataset.new_kind import look_back, place_by_kinds, read_captured, score_captured
from tasks.dataset.stretch import left_without, refuse_fault, take_whole
from tasks.dataset.traffic import ends, free_rows, newest, traffic_among
from tasks.dataset.twins import LookAlikes
from tasks.errors import NoChampion, NotEnoughData
from tasks.run.progress import tell_step
from tasks.run.steps import finish_step, finished_step
from tasks.values import Cause, NewKindFound, Tier, WindowSelection

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from data_checks.kinds.new_kind import NewKind
    from data_checks.sample import Sample
    from deploy.release import ServedVersion
    from deploy.stores.objects.port import ObjectStore
    from vae_core.artifact import Artifact

NAMES_NOTHING = 0.9
"""Of a stretch in risen clusters: above it all of the traffic has changed, not a kind in it."""


def select_window(
    world: World,
    key: str,
    tier: Tier,
    champion: ServedVersion,
    old_sources: tuple[str, ...],
    frozen: tuple[str, ...],
    cause: Cause = "schedule",
) -> WindowSelection:
    """Choose window, hold-out and new kind of this trigger; `frozen`: prefixes of sets that were cut before.

    Nothing outside is changed, so whoever is killed after this cuts the same sets when it starts again.
    NotEnoughData when the emergency tier finds too few images of a new kind, or none and all as a whole are not new;
    DataRefused when they may be a broken sensor's and nobody asked by hand.
    """
    if (kept := finished_step(world.objects, key, WINDOW_STEP, WindowSelection)) is not None:
        return kept
    version = world.catalogue.version()
    artifact = world.artifact(champion.artifact, champion.digest)
    if tier != "full":
        _require_same_images(world, artifact, tier)
    free = free_rows(world, version, old_sources, tuple(_digests(world, benchmark_digests, frozen)))
    traffic = newest(world, traffic_among(world, free, artifact))
    if tier == "emergency":
        chosen = _select_new_kind(world, traffic, frozen, version, champion, artifact, trusted=cause == "by hand")
    else:
        window = newest(world, free) if tier == "incremental" else traffic
        chosen = _select_newest(world, window, traffic, version, champion)
    return finish_step(world.objects, key, WINDOW_STEP, chosen)


def _select_new_kind(
    world: World,
    traffic: pa.Table,
    frozen: tuple[str, ...],
    version: int,
    champion: ServedVersion,
    artifact: Artifact,
    *,
    trusted: bool,
) -> WindowSelection:
    """Window, hold-out and early stopping around the images of a new kind, or around all where none can be named.

    `trusted`: a person has looked at the images of the new kind.
    """
    from data_checks.sample import Sample

    pixels = read_captured(world, traffic, version, artifact)
    captured = score_captured(world, pixels, artifact)
    if artifact.reference is None:
        raise NoChampion(f"version {champion.version} has no reference to find a new kind against: evaluate it again")
    reference, alike = Sample.of(artifact.reference), LookAlikes.of_catalogue(world, version)
    probing = _digests(world, probing_digests, frozen)
    refused: NotEnoughData | None = None
    places = place_by_kinds(world, pixels, artifact.digest)

    def choose(size: int, indices: np.ndarray, found: NewKindFound) -> WindowSelection:
        return _choose(world, traffic.slice(len(traffic) - size), indices, found, alike, probing, champion)

    def choose_whole(named: int) -> WindowSelection:
        size, found = take_whole(world, captured, wanted_window(world), reference, named, trusted=trusted)
        return choose(size, np.arange(size), found)

    for size, kind in look_back(world, captured, reference, wanted_images(world), places):
        stretch = captured.take(slice(len(captured) - size, None))
        named = 0 if kind is None else len(kind.indices)
        try:
            if kind is None or _explains_nothing(world, kind, stretch, reference, trusted=trusted):
                return choose_whole(named)
            if named >= least_images() and not trusted:
                refuse_fault(world, stretch, kind, reference)
            return choose(size, kind.indices, _named(kind))
        except NotEnoughData as error:  # a longer stretch has more of all
            refused = refused or error
    assert refused is not None, "there is one stretch at least"
    if trusted:  # of all together there may be enough
        with suppress(NotEnoughData):
            return choose_whole(0)
    raise refused


def _explains_nothing(world: World, kind: NewKind, stretch: Sample, reference: Sample, *, trusted: bool) -> bool:
    """Whether the risen clusters hold nearly all of the stretch, or too few to learn from where others left as well."""
    if kind.share > NAMES_NOTHING:
        return True
    return len(kind.indices) < least_images() and (trusted or left_without(world, stretch, kind, reference))


def _named(kind: NewKind) -> NewKindFound:
    """What was found in clusters, without its images."""
    return NewKindFound(
        n=len(kind.indices),
        share=kind.share,
        share_low=kind.share_low,
        purity=kind.purity,
        error_ratio=kind.error_ratio,
        clusters=kind.clusters,
    )


def _choose(
    world: World,
    window: pa.Table,
    indices: np.ndarray,
    found: NewKindFound,
    alike: LookAlikes,
    probing: frozenset[str],
    champion: ServedVersion,
) -> WindowSelection:
    """The selection of one stretch; NotEnoughData, with both numbers, where something would be short.

    What is a copy of a held-out image, or of one of `probing`, is not counted as one to train on: the plan leaves it
    out.
    """
    size = len(window)
    if found.n < least_images():
        raise too_few(found.n, size)
    tell_step("holding out", f"some of the newest {size:,} images, {found.n:,} of them of a new kind")
    is_new = np.zeros(size, dtype=bool)
    is_new[indices] = True
    digests, (began, ended) = np.array(window["digest"].to_pylist()), ends(window)
    new = np.flatnonzero(is_new)
    new_digests = digests[new].tolist()

    def learn(held: HeldOut) -> np.ndarray:
        original = np.setdiff1d(held.rows, held.of_cut_groups)
        copies = alike.are_copies(new_digests, probing.union(digests[original].tolist()))
        return np.setdiff1d(new[~copies], held.rows)

    groups = alike.groups(digests.tolist())
    held = hold_out_for_reference(world, window, is_new, groups, alike.version, learn)
    trained = learn(held)
    watched = watch_some(trained)
    require_share(len(trained) - len(watched), size - len(held.rows) - len(watched), found)
    return WindowSelection(
        catalogue=world.catalogue.name,
        catalogue_version=alike.version,
        champion=champion,
        n=size,
        began=began,
        ended=ended,
        holdout=tuple(digests[held.rows].tolist()),
        holdout_sources=held.sources,
        of_cut_groups=tuple(digests[held.of_cut_groups].tolist()),
        new_kind=tuple(new_digests),
        early_stopping=tuple(digests[watched].tolist()),
        segments=tuple(sorted(set(window["segment"].to_pylist()))),
        found=found,
    )


def _select_newest(
    world: World, window: pa.Table, traffic: pa.Table, version: int, champion: ServedVersion
) -> WindowSelection:
    """The newest images, and of the traffic among them a hold-out where there is enough of it."""
    from data_checks.errors import SplitImpossible

    share = world.settings.evaluation.window_holdout_share
    holdout: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    if len(traffic) * share >= FEWEST_HELD_OUT:
        try:
            held = hold_out(world, traffic, np.zeros(len(traffic), dtype=bool), share, version)
            holdout, sources = tuple(traffic["digest"].take(held.rows).to_pylist()), held.sources
        except SplitImpossible as error:  # these tiers can do without it, an emergency cannot
            print(f"no benchmark_new: {error}")
    began, ended = ends(window)
    return WindowSelection(
        catalogue=world.catalogue.name,
        catalogue_version=version,
        champion=champion,
        n=len(window),
        began=began,
        ended=ended,
        holdout=holdout,
        holdout_sources=sources,
    )


def _digests(world: World, of: Callable[[ObjectStore, str], list[str]], prefixes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(digest for prefix in prefixes for digest in of(world.objects, prefix))


def _require_same_images(world: World, artifact: Artifact, tier: Tier) -> None:
    if not artifact.preprocessing.same_images(world.settings.preprocessing):
        raise NoChampion(
            f"{tier}: the champion sees images of {artifact.preprocessing.shape}, this installation makes them "
            f"{world.settings.preprocessing.shape} (C, H, W) or by another fit: run the full tier first"
        )
