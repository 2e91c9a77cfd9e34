"""Training curves on their way to MLflow: batched, in the background, and never in the way of the training.

A tracking server that is away costs the curve nothing but time: points wait and are sent when it is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tasks.context import now, settings
from tasks.curve import told_names

if TYPE_CHECKING:
    from datetime import datetime

    from deploy.stores.registry import CurvePoint, Registry
    from tasks.values import RetrainPlan
    from vae_core.priors.fit_code_prior import CodePriorProgress
    from vae_core.training.information import InformationPoint
    from vae_core.training.progress import TrainProgress

FLUSH_S = 5.0
LAST_TRIES = 6  # at the end of a training; then the model card still holds the curve


class CurveLogger:
    """Collects points and sends them every five seconds from a thread of its own."""

    def __init__(
        self, registry: Registry, trigger: str, name: str, params: dict[str, object], planned_at: datetime
    ) -> None:
        self._registry, self._trigger, self._name, self._params = registry, trigger, name, params
        self._planned_at = planned_at
        self._waiting: list[tuple[datetime | None, CurvePoint]] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="curves", daemon=True)

    def __enter__(self) -> CurveLogger:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def add(self, progress: TrainProgress) -> None:
        """Take the values of one interval; returns at once."""
        self._take(_points(progress))

    def add_information(self, points: Sequence[InformationPoint]) -> None:
        """Take the bounds of a whole training; returns at once.

        A run that is killed later and begins again has them all again: MLflow keeps equal points of one time once.
        """
        self._take(_information_points(points), self._planned_at)

    def add_prior(self, progress: CodePriorProgress) -> None:
        """Take the values of one interval of a prior's fit, by its own steps; returns at once."""
        self._take(_prior_points(progress))

    def _take(self, points: Iterable[CurvePoint], at: datetime | None = None) -> None:
        with self._lock:
            self._waiting.extend((at, each) for each in points)

    def _run(self) -> None:
        while not self._ended.wait(FLUSH_S):
            self._send()
        for attempt in range(LAST_TRIES):
            if self._send():
                return
            time.sleep(min(2**attempt, 10))
        print(f"{len(self._waiting)} points of the training curve did not reach MLflow")

    def _send(self) -> bool:
        from deploy.stores.errors import StoreError

        with self._lock:
            batch = list(self._waiting)
        if not batch:
            return True
        try:
            run_id = self._registry.ensure_run(self._trigger, self._name, self._params)
            # what may be sent twice goes first: if the other fails, both are sent again
            for at in (self._planned_at, None):
                if points := [each for when, each in batch if when == at]:
                    self._registry.log_curve(run_id, points, at or now())
        except StoreError as error:
            print(f"training curve waits: {error}")
            return False
        with self._lock:
            del self._waiting[: len(batch)]
        return True


def open_curves(plan: RetrainPlan) -> CurveLogger:
    """Those of a plan's run in MLflow, whose parameters say what is trained and by which recipe."""
    params = {
        "tier": plan.tier,
        "catalogue_version": plan.catalogue_version,
        "training_images": plan.n_training,
        "cause": plan.cause,
        "snapshot": plan.snapshot or "",
        "parent_version": plan.champion.version if plan.champion else "",
        **{f"model.{name}": value for name, value in plan.model.model_dump().items()},
        **{f"train.{name}": value for name, value in plan.train.model_dump().items()},
    }
    if plan.code_prior is not None:
        params |= {f"code_prior.{name}": value for name, value in plan.code_prior.config.model_dump().items()}
        params |= {f"code_prior.{name}": value for name, value in plan.code_prior.recipe.model_dump().items()}
    name = f"{plan.tier} {plan.planned_at:%Y-%m-%d %H:%M}"
    return CurveLogger(settings().open_registry(), plan.key, name, params, plan.planned_at)


def _points(progress: TrainProgress) -> Iterable[CurvePoint]:
    from deploy.stores.registry import CurvePoint

    for name in told_names(progress):
        yield CurvePoint(f"train/{name}", float(getattr(progress, name)), progress.step)


def _information_points(points: Sequence[InformationPoint]) -> Iterable[CurvePoint]:
    from deploy.stores.registry import CurvePoint

    for each in points:
        yield CurvePoint("train/information_lower", each.lower, each.step)
        yield CurvePoint("train/information_upper", each.upper, each.step)


def _prior_points(progress: CodePriorProgress) -> Iterable[CurvePoint]:
    from deploy.stores.registry import CurvePoint

    for name in ("nll", "held_out_nll", "learning_rate"):
        yield CurvePoint(f"prior/{name}", float(getattr(progress, name)), progress.step)
