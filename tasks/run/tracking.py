"""Training curves and recipes on their way to MLflow: batched, in the background, never in the way of the training.

A tracking server that is away costs the curve nothing but time: points wait and are sent when it is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from deploy.shown_time import show_time
from deploy.wiring import World
from tasks.run.curve import told_names

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import BaseModel

    from deploy.stores.mlflow.registry import CurvePoint, Registry
    from tasks.values import RetrainPlan
    from vae_core.priors.fit_code_prior import CodePriorProgress
    from vae_core.training.health.information import InformationPoint
    from vae_core.training.health.progress import TrainProgress

FLUSH_S = 5.0
LAST_TRIES = 6  # at the end of a training; then the model card still holds the curve


class CurveLogger:
    """Collects points and sends them every five seconds from a thread of its own.

    `params`: those that the run begins with. MLflow lets nobody change one, so what a recovery made otherwise stands
    beside the planned one under `trained.` and its name.
    """

    def __init__(
        self,
        registry: Registry,
        trigger: str,
        name: str,
        params: dict[str, object],
        planned_at: datetime,
        clock: Callable[[], datetime],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._registry, self._trigger, self._name, self._params = registry, trigger, name, params
        self._planned_at, self._clock, self._pause = planned_at, clock, pause
        self._waiting: list[tuple[datetime | None, CurvePoint]] = []
        self._otherwise: dict[str, object] = {}
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

    def add_trained(self, **parts: BaseModel) -> None:
        """Take what was trained by, each config under its name among the parameters; returns at once."""
        trained = {name: value for part, config in parts.items() for name, value in _fields(part, config).items()}
        with self._lock:
            self._otherwise |= {
                f"trained.{name}": value for name, value in trained.items() if value != self._params.get(name)
            }

    def _take(self, points: Iterable[CurvePoint], at: datetime | None = None) -> None:
        with self._lock:
            self._waiting.extend((at, each) for each in points)

    def _run(self) -> None:
        while not self._ended.wait(FLUSH_S):
            self._send()
        for attempt in range(LAST_TRIES):
            if self._send():
                return
            self._pause(min(2**attempt, 10))
        print(
            f"{len(self._waiting)} points of the training curve and {len(self._otherwise)} parameters of what was "
            "trained otherwise than planned did not reach MLflow"
        )

    def _send(self) -> bool:
        from deploy.stores.errors import StoreError

        with self._lock:
            batch, otherwise = list(self._waiting), dict(self._otherwise)
        if not batch and not otherwise:
            return True
        try:
            run_id = self._registry.ensure_run(self._trigger, self._name, self._params)
            # what may be sent twice goes first: if the other fails, both are sent again
            if otherwise:
                self._send_params(run_id, otherwise)
            for at in (self._planned_at, None):
                if points := [each for when, each in batch if when == at]:
                    self._registry.log_curve(run_id, points, at or self._clock())
        except StoreError as error:
            print(f"training curve waits: {error}")
            return False
        with self._lock:
            del self._waiting[: len(batch)]
            self._otherwise = {name: value for name, value in self._otherwise.items() if name not in otherwise}
        return True

    def _send_params(self, run_id: str, params: dict[str, object]) -> None:
        """Of a training that was killed and came to another end, the first end stays: no reason to keep points back."""
        from deploy.stores.errors import StoreRefused

        try:
            self._registry.log_params(run_id, params)
        except StoreRefused as error:
            print(f"what was trained otherwise than planned is in the version's summary only: {error}")


def open_curves(world: World, plan: RetrainPlan, pause: Callable[[float], None] = time.sleep) -> CurveLogger:
    """Those of a plan's run in MLflow, whose parameters say what is trained and by which recipe.

    `pause`: waits so many seconds between two tries at the end.
    """
    params = {
        "tier": plan.tier,
        "catalogue_version": plan.catalogue_version,
        "training_images": plan.n_training,
        "cause": plan.cause,
        "snapshot": plan.snapshot or "",
        "parent_version": plan.champion.version if plan.champion else "",
        **_fields("model", plan.model),
        **_fields("train", plan.train),
    }
    if plan.code_prior is not None:
        params |= _fields("code_prior", plan.code_prior.config) | _fields("code_prior", plan.code_prior.recipe)
    return CurveLogger(world.registry, plan.key, name_run(world, plan), params, plan.planned_at, world.now, pause)


def name_run(world: World, plan: RetrainPlan) -> str:
    """What a person reads in the registry: the tier, and when it was planned."""
    return f"{plan.tier} {show_time(plan.planned_at, world.settings.timezone, seconds=False)}"


def _fields(part: str, config: BaseModel) -> dict[str, object]:
    """A config as parameters: each field under the part's name and its own."""
    return {f"{part}.{name}": value for name, value in config.model_dump().items()}


def _points(progress: TrainProgress) -> Iterable[CurvePoint]:
    from deploy.stores.mlflow.registry import CurvePoint

    for name in told_names(progress):
        yield CurvePoint(f"train/{name}", float(getattr(progress, name)), progress.step)


def _information_points(points: Sequence[InformationPoint]) -> Iterable[CurvePoint]:
    from deploy.stores.mlflow.registry import CurvePoint

    for each in points:
        yield CurvePoint("train/information_lower", each.lower, each.step)
        yield CurvePoint("train/information_upper", each.upper, each.step)


def _prior_points(progress: CodePriorProgress) -> Iterable[CurvePoint]:
    from deploy.stores.mlflow.registry import CurvePoint

    for name in ("nll", "held_out_nll", "learning_rate"):
        yield CurvePoint(f"prior/{name}", float(getattr(progress, name)), progress.step)
