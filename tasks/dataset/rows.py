"""Which rows of the catalogue a plan trains on, watches and replays: the same at every start of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deploy.wiring import World
from tasks.dataset.images import benchmark_digests, selection_of
from tasks.dataset.mixing import mark_new_kind, most_replayed
from tasks.dataset.twins import twins_of
from tasks.run.steps import finish_step, finished_step
from tasks.values import Excluded, RetrainPlan

if TYPE_CHECKING:
    import pyarrow as pa

    from deploy.stores.catalogue import Catalogue

EXCLUDED_STEP = "excluded"
_POLICY_COLUMNS = ("variance", "entropy_bits", "vouched")


def training_rows(world: World, catalogue: Catalogue, plan: RetrainPlan, columns: list[str]) -> pa.Table:
    """Rows of the plan's catalogue version that may be trained on, in the order of segment and row.

    Their source is for training, and no set that was cut from traffic holds them, nor the plan's own early stopping,
    nor a set that another run cut after the plan was made; of those beside the window, as many as the plan replays,
    and fewer where the new kind would miss its share.
    """
    rows = _without(planned_rows(world, catalogue, plan, columns), excluded_digests(world, catalogue, plan))
    if plan.window_began is None or plan.replay_images is None:
        return rows
    inside, at_most = in_window(world, rows, plan), plan.replay_images
    if plan.found is not None:
        distinct = int(mark_new_kind(world, rows, plan).sum())
        at_most = min(at_most, most_replayed(distinct, int(inside.sum()), plan.found))
    return rows.filter(_replayed(inside, at_most, plan.train.seed))


def planned_rows(world: World, catalogue: Catalogue, plan: RetrainPlan, columns: list[str]) -> pa.Table:
    """Rows that could be trained on when the plan was made, before replay is bounded: no held-out image, no twin."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = [*dict.fromkeys([*columns, "source", "digest", "segment", "captured_at", *_POLICY_COLUMNS])]
    rows = catalogue.read(wanted, version=plan.catalogue_version)
    rows = rows.filter(_within_policy(rows, plan))
    rows = rows.filter(pc.is_in(rows["source"], value_set=pa.array(plan.sources, pa.string())))
    held_back = [digest for prefix in plan.held_back for digest in benchmark_digests(world.objects, prefix)]
    return _without(rows, (*held_back, *_watched(world, plan), *twins_of(world, plan)))


def count_below_policy(catalogue: Catalogue, plan: RetrainPlan) -> int:
    """Rows of the plan's sources that are left out because the input policy of the plan would refuse them today."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = catalogue.read(["source", *_POLICY_COLUMNS], version=plan.catalogue_version)
    rows = rows.filter(pc.is_in(rows["source"], value_set=pa.array(plan.sources, pa.string())))
    return len(rows) - int(pc.sum(_within_policy(rows, plan)).as_py() or 0)


def without_vouched(rows: pa.Table) -> pa.Table:
    """Rows that came in by the policy alone."""
    import pyarrow.compute as pc

    return rows.filter(pc.equal(rows["vouched"], ""))


def _within_policy(rows: pa.Table, plan: RetrainPlan) -> Any:
    """Which rows the plan's input policy lets in, or a person did."""
    import pyarrow.compute as pc

    inside = pc.and_(
        pc.greater_equal(rows["variance"], plan.min_variance),
        pc.greater_equal(rows["entropy_bits"], plan.min_entropy_bits),
    )
    return pc.or_(inside, pc.not_equal(rows["vouched"], ""))


def early_stopping_rows(world: World, catalogue: Catalogue, plan: RetrainPlan, columns: list[str]) -> pa.Table:
    """Rows of the plan's new kind that are watched while training, and not trained on; often none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = catalogue.read([*dict.fromkeys([*columns, "digest"])], version=plan.catalogue_version)
    rows = rows.filter(pc.is_in(rows["digest"], value_set=pa.array(_watched(world, plan), pa.string())))
    return _without(rows, excluded_digests(world, catalogue, plan))


def excluded_digests(world: World, catalogue: Catalogue, plan: RetrainPlan) -> tuple[str, ...]:
    """Planned images that another run's benchmark holds by now; once the training began, those of that moment."""
    if (kept := finished_step(world.objects, plan.key, EXCLUDED_STEP, Excluded)) is not None:
        return kept.digests

    digests = planned_rows(world, catalogue, plan, [])["digest"].to_pylist()
    return tuple(sorted(world.digests.protected([*digests, *_watched(world, plan)])))


def fix_rows(world: World, catalogue: Catalogue, plan: RetrainPlan) -> Excluded:
    """Fix the rows as they are now: whoever resumes this training sees the same ones, or its checkpoints are void."""
    now_excluded = Excluded(digests=excluded_digests(world, catalogue, plan))
    return finish_step(world.objects, plan.key, EXCLUDED_STEP, now_excluded)


def in_window(world: World, rows: pa.Table, plan: RetrainPlan) -> np.ndarray:
    """Which rows (N,) bool are of the plan's window; all where it has none.

    Captured since it began, and of the segments that it was chosen from: a folder of files whose times fall inside
    the window was not looked at, it is replayed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if plan.window_began is None:
        return np.ones(len(rows), dtype=bool)
    began = pa.scalar(plan.window_began, rows["captured_at"].type)
    inside: np.ndarray = pc.greater_equal(rows["captured_at"], began).to_numpy()
    chosen = selection_of(world, plan)
    if chosen is None or chosen.segments is None:
        return inside
    looked_at: np.ndarray = pc.is_in(rows["segment"], value_set=pa.array(chosen.segments, pa.string())).to_numpy()
    both: np.ndarray = inside & looked_at
    return both


def _watched(world: World, plan: RetrainPlan) -> tuple[str, ...]:
    chosen = selection_of(world, plan)
    return chosen.early_stopping if chosen is not None else ()


def _without(rows: pa.Table, digests: tuple[str, ...]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not digests:
        return rows
    return rows.filter(pc.invert(pc.is_in(rows["digest"], value_set=pa.array(digests, pa.string()))))


def _replayed(window: np.ndarray, at_most: int, seed: int) -> np.ndarray:
    """The window, and of the other rows as many as are asked for, the same at every call."""
    others = np.flatnonzero(~window)
    kept = window.copy()
    kept[np.random.default_rng(seed).permutation(others)[:at_most]] = True
    return kept
