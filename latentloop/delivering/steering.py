"""What the commands `deliver` and `rollback` do: one look of delivery, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from data_checks.verdict import Evidence
from deploy.configuration.in_force import find_disagreement
from deploy.settings import Settings
from deploy.wiring import World, release_private_key
from latentloop.errors import NothingToDo, RunFailed
from latentloop.installation.running import WAY_OUT

if TYPE_CHECKING:
    from deploy.controller.trials import Standing
    from deploy.delivery.steps import RunningTrial, Step


class TrialView(BaseModel):
    """A trial for the eye: who is tried against whom, since when, and the judge's numbers with their bounds."""

    model_config = ConfigDict(frozen=True)

    stage: str
    version: str
    against: str
    since: AwareDatetime
    elapsed_s: float
    phase: str
    reason: str
    evidence: tuple[Evidence, ...]


class StepTaken(BaseModel):
    """A step of delivery in one line."""

    model_config = ConfigDict(frozen=True)

    step: str
    version: str
    reason: str


class Delivered(BaseModel):
    """What one look did, what it waits for, the trial that runs, and what the registry did not take."""

    model_config = ConfigDict(frozen=True)

    steps: tuple[StepTaken, ...]
    waits: str
    trial: TrialView | None
    trouble: str = ""


class Rollback(BaseModel):
    """What a rollback did; `published`: replicas can see it already."""

    model_config = ConfigDict(frozen=True)

    version: str
    serves: str
    epoch: int
    reason: str
    published: bool


def deliver_once(settings: Settings) -> Delivered:
    """One look of the controller in this process; beside a running controller it is one look more.

    StoreError for a registry that is away, where nothing could be done without it.
    """
    from deploy.controller.measure import measure_canary
    from deploy.controller.neighbours import open_neighbours
    from deploy.controller.reconcile import Reconciler
    from deploy.stores.errors import EpochConflict, StoreError

    world = open_neighbours(settings)
    try:
        look = Reconciler(
            world,
            settings.controller,
            settings.delivery,
            _now,
            settings.clock_factor,
            golden_tolerance=settings.serving.golden_tolerance,
        ).look()
    except EpochConflict as error:
        raise RunFailed(
            f"the controller changed which versions serve at the same moment ({error}): nothing was lost"
        ) from error
    if look.trouble is not None and not look.taken:
        raise look.trouble
    waits = look.waits
    try:
        measure_canary(world, settings, _now())
    except StoreError as error:  # what was done is done: a later look asks again
        waits = f"{waits}; and to measure the canary: {error}"
    trial = view_trial(look.standing, look.trial) if look.standing and look.trial else None
    return Delivered(
        steps=tuple(_taken(each) for each in look.taken),
        waits=waits,
        trial=trial,
        trouble=str(look.trouble) if look.trouble is not None else "",
    )


def print_delivered(delivered: Delivered) -> None:
    """One line a step, then what is waited for, then the numbers."""
    for each in delivered.steps:
        print(f"{each.step} version {each.version}" + (f": {each.reason}" if each.reason else ""))
    print(f"waiting: {delivered.waits}")
    if delivered.trial is not None:
        for line in trial_lines(delivered.trial):
            print(line)


def view_trial(standing: Standing, trial: RunningTrial) -> TrialView:
    """The trial as a value that can be printed and sent."""
    against = standing.candidate if standing.stage == "watch" else standing.champion
    verdict = trial.verdict
    return TrialView(
        stage=trial.stage,
        version=trial.version,
        against=against.version,
        since=standing.stage_since,
        elapsed_s=trial.elapsed_s,
        phase=verdict.phase.value if verdict is not None else "cannot_judge",
        reason=verdict.reason if verdict is not None else trial.trouble,
        evidence=verdict.evidence if verdict is not None else (),
    )


def trial_lines(trial: TrialView) -> list[str]:
    """What is tried, the verdict, and a line for each number with its bounds."""
    words = {"shadow": "in the shadow", "canary": "as canary", "watch": "watched after its promotion"}
    head = (
        f"version {trial.version} {words[trial.stage]} since {trial.elapsed_s:.0f} s, against version {trial.against}"
    )
    return [f"{head}: {trial.phase}", *(f"  {each.describe()}" for each in trial.evidence), f"  {trial.reason}"]


def roll_back_by_hand(
    world: World, reason: str, say: Callable[[str], None], asked_at: datetime | None = None
) -> Rollback:
    """Take back what serves, or what did at `asked_at`; needs the ledger and the object store, and no server.

    Settings that differ from those of the installation are told, and keep nobody from the way back.
    """
    from deploy.record.rollback import Desk, NothingToRollBack, Order, find_target, roll_back, who

    releases = world.releases
    if disagreement := find_disagreement(world.ledger, world.settings, WAY_OUT):
        say(disagreement)
    try:
        find_target(releases.read())  # a home without a release has no keys either
        desk = Desk(releases, world.ledger, world.objects, release_private_key(world.settings))
        order = Order(who(), "by hand", reason.strip() or "no reason was given")
        done = roll_back(desk, order, _now, asked_at)
    except NothingToRollBack as error:
        raise NothingToDo(str(error)) from error
    return Rollback(
        version=done.version,
        serves=done.serves,
        epoch=done.release.epoch,
        reason=done.release.reason,
        published=done.published,
    )


def _taken(step: Step) -> StepTaken:
    facts: dict[str, Any] = asdict(step)
    version = facts.get("version", "")
    named = version["version"] if isinstance(version, dict) else getattr(version, "version", version)
    return StepTaken(step=type(step).__name__, version=str(named), reason=str(facts.get("reason", "")))


def _now() -> datetime:
    return datetime.now(UTC)
