"""The controller among real neighbours: MLflow, a service process, objects in a folder, ledger in SQLite.

One house for the module: every test registers versions of its own and looks only at them.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest

from deploy.controller.config import ControllerConfig
from deploy.controller.neighbours import Neighbours
from deploy.controller.reconcile import Look, Reconciler
from deploy.controller.retraining import find_under_way
from deploy.controller.rollback import Desk, Order, roll_back
from deploy.controller.service import Service
from deploy.controller.trials import Standing
from deploy.delivery.steps import (
    BeginTrial,
    LoadBeside,
    Promote,
    RecordApproval,
    Refuse,
    RollBack,
    Settle,
    StartCanary,
    Step,
    TakeBack,
    TryGolden,
)
from deploy.release import ServedVersion
from deploy.stores import faults
from deploy.stores.artifacts import artifact_prefix, put_artifact
from deploy.stores.errors import StoreUnavailable
from deploy.stores.registry import APPROVED, TRIGGER_TAG, Registry
from deploy.stores.release_file import RELEASE_KEY, verify_release
from tests.deploy.controller.world import POLICY, Traffic, close, neighbours, nowhere, swap, write_pairs
from tests.deploy.serving.house import House, tiny_artifact, wait_until
from tests.deploy.serving.process import environment
from tests.servers import free_ports, running
from vae_core.artifact import Artifact, write_artifact
from vae_core.golden import Golden

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]

CONFIG = ControllerConfig(warmup_requests=2)


@dataclass
class World:
    """The neighbours of a controller, and what a person and a training do to them."""

    house: House
    neighbours: Neighbours
    run_id: str
    model_uri: str
    seed: int = 0

    @property
    def registry(self) -> Registry:
        return self.neighbours.registry

    def register(self, artifact: Artifact | None = None, *, stored: bool = True, **tags: str) -> tuple[str, str]:
        """Register a version as a training does; returns its number and its digest."""
        self.seed += 1
        folder = self.house.root / "built" / str(self.seed)
        digest = write_artifact(folder, artifact or tiny_artifact(self.seed))
        if stored:
            put_artifact(self.neighbours.objects, folder, artifact_prefix(digest))
        version = self.registry.create_version(
            model_uri=self.model_uri,
            run_id=self.run_id,
            trigger=uuid.uuid4().hex,
            tags={"model_digest": digest, "benchmark": "passed", **tags},
            description="a version",
        )
        return version.version, digest

    def approve(self, version: str) -> None:
        """Edit the tag as a person does in the MLflow UI."""
        self.registry.set_tag(version, "approval", APPROVED)

    def look(self, **changes: Any) -> list[Step]:
        return list(self.see(**changes).taken)

    def see(self, **changes: Any) -> Look:
        """One look of a controller that has just been started."""
        world = replace(self.neighbours, **changes)
        return Reconciler(world, CONFIG, POLICY, lambda: datetime.now(UTC)).look()

    def settle(self, version: str, *, ratio: float = 0.9) -> list[Step]:
        """Look until the version is settled; the service loads in between, and requests come.

        On the same images its error is `ratio` times the champion's.
        """
        taken: list[Step] = []
        fed: set[str] = set()

        def is_settled() -> bool:
            look = self.see()
            taken.extend(look.taken)
            stage = f"{look.standing.subject}:{look.standing.stage}" if look.standing is not None else ""
            if look.standing is not None and look.standing.stage != "watch" and stage not in fed:
                fed.add(stage)
                self.feed(look.standing, ratio)
            return self.tags(version).get("delivery") in {"promoted", "refused", "rolled_back"}

        wait_until(is_settled, f"version {version} settled")
        return taken

    def feed(self, standing: Standing, ratio: float) -> None:
        """The traffic that a stage wants, and what the `deliver` flow measures for a canary."""
        write_pairs(self.neighbours.pairs, standing, ratio)
        if standing.stage == "canary":
            for served in (standing.champion, standing.candidate):
                Traffic(self.neighbours.telemetry).answer(served.version, 300)
            change = {"value": ratio - 1, "low": ratio - 1.01, "high": ratio - 0.99, "n": 1_000}
            self.neighbours.ledger.record("frechet", standing.subject, json.dumps(change), datetime.now(UTC))

    def tags(self, version: str) -> dict[str, str]:
        return dict(self.registry.version(version).tags)

    def snapshot(self) -> dict[str, Any]:
        """Everything that a controller may write."""
        return {
            "release": self.neighbours.releases.read(),
            "file": self.neighbours.objects.etag(RELEASE_KEY),
            "ledger": self.neighbours.ledger.entries(limit=10_000),
            "versions": self.registry.versions(),
            "aliases": [self.registry.alias(name) for name in ("champion", "previous")],
        }


@pytest.fixture(scope="module")
def world(mlflow_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    house = House(tmp_path_factory.mktemp("house"))
    registry = Registry(mlflow_url, f"controller-{uuid.uuid4().hex}")
    registry.ensure_model()
    run_id = registry.ensure_run("a-training", "training", {})
    write_artifact(house.root / "logged", tiny_artifact(0))
    model_uri = registry.log_model(run_id, house.root / "logged", (1, 28, 28))
    with _service(house) as url:
        found = neighbours(house, registry=registry, service=Service(url))
        yield World(house, found, run_id, model_uri)
        close(found)
    house.close()


@contextmanager
def _service(house: House) -> Iterator[str]:
    """Run a replica without a champion; it trusts any golden answer, so that the controller has something to find."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "deploy.serving", "--port", str(port)]
    settings = environment(house, serving__golden_tolerance="1e9", serving__load_retry_s="0.2")

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/healthz", timeout=2).is_success
        except httpx.TransportError:
            return False

    with running("serving", command, house.root, settings, answers):
        yield url


TRIED = [RecordApproval, LoadBeside, TryGolden, BeginTrial, StartCanary, Promote]


def end_watch(world: World) -> None:
    """Let the watch period of the newest promotion pass, if one runs."""
    standing = world.see().standing
    if standing is not None:
        assert standing.stage == "watch"
        write_pairs(world.neighbours.pairs, standing, 1.1)
        assert kinds(world.look()) == [Settle]


def serving(world: World) -> tuple[str, str]:
    """Champion and previous of a promotion just now, and nobody on trial: the champion is watched."""
    numbers = [world.register() for _ in range(2)]
    previous, champion = (
        ServedVersion(version=version, digest=digest, artifact=artifact_prefix(digest)) for version, digest in numbers
    )
    empty: dict[str, Any] = {"shadow": None, "canary": None, "canary_share": 0.0}
    swap(world.neighbours.releases, champion=previous, previous=None, **empty)
    swap(world.neighbours.releases, champion=champion, previous=previous, **empty)
    for served in (previous, champion):
        world.approve(served.version)
    assert world.look() == []
    return champion.version, previous.version


def with_golden(seed: int, golden: Golden | None) -> Artifact:
    return replace(tiny_artifact(seed), golden=golden)


def kinds(steps: list[Step]) -> list[type]:
    return [type(each) for each in steps]


def test_an_approved_version_becomes_champion_everywhere(world: World) -> None:
    version, digest = world.register()
    world.approve(version)
    steps = world.settle(version)
    assert kinds(steps) == [RecordApproval, LoadBeside, TryGolden, Promote], "nobody is there to be compared with"

    release = world.neighbours.releases.read()
    assert release.champion is not None and release.shadow is None
    assert (release.champion.version, release.champion.digest) == (version, digest)
    assert "golden inputs through the service: golden_deviation" in release.reason
    published = verify_release(world.house.objects.get(RELEASE_KEY).data, world.house.keys.public)
    assert published == release
    assert world.registry.alias("champion") == version
    tags = world.tags(version)
    assert (tags["delivery"], tags["delivery_reason"]) == ("promoted", release.reason)
    assert len(world.neighbours.ledger.entries("approval", version)) == 1
    wait_until(lambda: world.neighbours.service.view().epoch == release.epoch, "the service follows")
    assert world.neighbours.service.view().loaded[version] == digest


def test_the_champion_of_before_stays_as_previous(world: World) -> None:
    (old, _), (new, _) = world.register(), world.register()
    for version in (old, new):
        world.approve(version)
        world.settle(version)
    release = world.neighbours.releases.read()
    assert release.champion is not None and release.previous is not None
    assert (release.champion.version, release.previous.version) == (new, old)
    assert (world.registry.alias("champion"), world.registry.alias("previous")) == (new, old)


def test_a_pending_version_stays_where_it_is(world: World) -> None:
    version, _ = world.register()
    world.look()
    before = world.snapshot()
    assert world.look() == []
    assert world.snapshot() == before
    assert "delivery" not in world.tags(version)


def test_looking_again_at_a_settled_world_changes_nothing(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    world.settle(version)
    end_watch(world)
    before = world.snapshot()
    assert world.look() == []
    assert world.snapshot() == before


def test_an_approval_against_the_benchmark_is_refused_and_on_record(world: World) -> None:
    version, digest = world.register(benchmark="failed")
    world.approve(version)
    reason = "benchmark=failed and no override is recorded: expected benchmark=passed"
    assert world.settle(version) == [Refuse(version, digest, reason)]
    (entry,) = world.neighbours.ledger.entries("approval-refused", version)
    assert reason in entry.body and digest in entry.body
    assert (world.tags(version)["delivery"], world.tags(version)["delivery_reason"]) == ("refused", reason)
    assert world.neighbours.ledger.entries("approval", version) == []


def test_an_override_on_record_lets_the_same_version_serve(world: World) -> None:
    version, digest = world.register(benchmark="failed")
    body = {"digest": digest, "reason": "we know better", "who": "somebody"}
    world.neighbours.ledger.record("override", version, json.dumps(body), datetime.now(UTC))
    world.approve(version)
    assert Promote in kinds(world.settle(version))
    assert world.registry.alias("champion") == version


def test_an_override_counts_for_the_digest_that_it_was_given_for(world: World) -> None:
    version, _ = world.register(benchmark="failed")
    world.neighbours.ledger.record("override", version, json.dumps({"digest": "another"}), datetime.now(UTC))
    world.approve(version)
    assert kinds(world.settle(version)) == [Refuse]


def test_an_approval_that_another_one_overtook_is_refused(world: World) -> None:
    (older, _), (newer, _) = world.register(), world.register()
    world.approve(newer)
    world.approve(older)
    world.settle(newer)
    assert world.tags(older)["delivery"] == "refused"
    assert world.tags(older)["delivery_reason"] == f"superseded: version {newer} is newer and approved as well"
    assert world.registry.alias("champion") == newer


@pytest.mark.parametrize("digest", [None, "", "../../etc/passwd", "0" * 64])
def test_a_digest_without_an_artifact_is_refused_and_blocks_nobody(world: World, digest: str | None) -> None:
    tags = {} if digest is None else {"model_digest": digest}
    version, registered = world.register(stored=False, **tags)
    world.approve(version)
    named = (registered if digest is None else digest) or "(tag model_digest is missing)"
    (step,) = world.settle(version)
    assert isinstance(step, Refuse)
    assert step.reason == f"the object store holds no artifact {named}"
    assert world.tags(version)["delivery"] == "refused"


def test_golden_answers_that_differ_are_taken_back(world: World) -> None:
    good = tiny_artifact(900).golden
    assert good is not None
    _assert_taken_back(
        world,
        with_golden(900, replace(good, recon_error=good.recon_error * 1.5)),
        "golden inputs through the service: golden_deviation 0.3333 > limit 0.01 relative (n=4)",
    )


def test_golden_inputs_that_the_service_refuses_are_taken_back(world: World) -> None:
    good = tiny_artifact(901).golden
    assert good is not None
    black = replace(good, pixels=np.zeros_like(good.pixels))
    _assert_taken_back(world, with_golden(901, black), "golden inputs could not be tried: service at http://")


def test_a_version_without_golden_answers_is_taken_back(world: World) -> None:
    _assert_taken_back(world, with_golden(902, None), "golden inputs could not be tried: artifacts/")


def _assert_taken_back(world: World, artifact: Artifact, reason: str) -> None:
    champion = world.neighbours.releases.read().champion
    version, _ = world.register(artifact)
    world.approve(version)
    steps = world.settle(version)
    assert kinds(steps) == [RecordApproval, LoadBeside, TryGolden, TakeBack]
    release = world.neighbours.releases.read()
    assert release.champion == champion and release.shadow is None
    assert world.tags(version)["delivery"] == "rolled_back"
    assert world.tags(version)["delivery_reason"].startswith(f"version {version} taken back: {reason}")
    assert world.look() == []


def test_a_release_file_that_somebody_altered_is_written_again(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    world.settle(version)
    world.house.objects.put(RELEASE_KEY, b"{}")
    assert world.look() == []
    published = verify_release(world.house.objects.get(RELEASE_KEY).data, world.house.keys.public)
    assert published == world.neighbours.releases.read()


def test_without_mlflow_a_look_says_so_and_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    version, _ = world.register()
    world.approve(version)
    before = world.snapshot()
    url = nowhere()
    with pytest.raises(StoreUnavailable, match=f"MLflow at {url} could not list the versions"):
        world.look(registry=Registry(url, world.registry.product))
    assert world.snapshot() == before
    assert Promote in kinds(world.settle(version))  # and the approval was not forgotten


def test_without_the_service_a_version_waits_beside_the_champion(world: World) -> None:
    version, _ = world.register()
    world.approve(version)
    away = Service(nowhere())
    champion = world.neighbours.releases.read().champion
    assert kinds(world.look(service=away)) == [RecordApproval, LoadBeside]
    away._client.close()
    assert world.tags(version)["delivery"] == "shadow"
    assert world.neighbours.releases.read().champion == champion
    assert kinds(world.settle(version)) == TRIED[2:]


def test_a_better_version_goes_through_shadow_and_canary_and_is_settled_after_its_watch_period(world: World) -> None:
    champion, _ = serving(world)
    version, digest = world.register()
    world.approve(version)

    assert kinds(world.settle(version)) == TRIED

    ledger, release = world.neighbours.ledger, world.neighbours.releases.read()
    assert release.champion is not None and release.champion.digest == digest and release.previous is not None
    assert (release.previous.version, release.canary, release.canary_share, release.shadow) == (champion, None, 0, None)
    states = [json.loads(each.body) for each in ledger.entries("release", limit=4)][::-1]
    slots = [[name for name in ("shadow", "canary") if each[name]] for each in states]
    assert (slots[1:], states[2]["canary_share"]) == ([["shadow"], ["canary"], []], 0.05)
    for kind in ("shadow-verdict", "canary-verdict"):
        (entry,) = ledger.entries(kind, version)
        verdict = json.loads(entry.body)
        assert verdict["phase"] == "passed"
        assert {"recon_error_change", "failure_share"} <= {each["name"] for each in verdict["evidence"]}
    (begun,) = ledger.entries("trial", version)
    assert json.loads(begun.body)["champion"] == champion
    watched = world.see()
    assert watched.standing is not None and watched.standing.stage == "watch"
    assert watched.trial is not None and watched.trial.version == version
    write_pairs(world.neighbours.pairs, watched.standing, 1.1)  # `previous` is worse, as it was
    assert kinds(world.look()) == [Settle]
    assert world.see().standing is None


def test_a_worse_version_is_taken_back_from_the_shadow_and_the_numbers_say_why(world: World) -> None:
    champion, _ = serving(world)
    version, _ = world.register()
    world.approve(version)

    assert kinds(world.settle(version, ratio=1.3)) == [RecordApproval, LoadBeside, TryGolden, BeginTrial, TakeBack]

    release = world.neighbours.releases.read()
    assert release.champion is not None and release.champion.version == champion and release.shadow is None
    tags = world.tags(version)
    assert tags["delivery"] == "rolled_back"
    said = rf"version {version} taken back: candidate 0\.\d+ against champion 0\.\d+: recon_error_change 0\.30"
    assert re.match(said, tags["delivery_reason"]), tags["delivery_reason"]


def test_a_canary_that_fails_on_requests_is_taken_back_and_answers_nobody_any_more(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    canary = start_canary(world, version)
    write_pairs(world.neighbours.pairs, canary, 0.9, failures=600)

    assert kinds(world.look()) == [TakeBack]

    release = world.neighbours.releases.read()
    assert (release.canary, release.shadow, release.canary_share) == (None, None, 0.0)
    assert "candidate failed on 600 of" in world.tags(version)["delivery_reason"]
    assert world.look() == [], "and it does not come back"


def start_canary(world: World, version: str) -> Standing:
    """Look until the version is canary."""

    def is_canary() -> bool:
        standing = world.see().standing
        if standing is not None and standing.stage == "shadow":
            world.feed(standing, 0.9)
        return standing is not None and standing.stage == "canary"

    wait_until(is_canary, f"version {version} is canary")
    standing = world.see().standing
    assert standing is not None and standing.candidate.version == version
    return standing


def test_an_approval_that_is_withdrawn_ends_the_canary(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    start_canary(world, version)
    world.registry.set_tag(version, "approval", "rejected")

    (step,) = world.look()

    assert step == TakeBack(version, "the approval was withdrawn before the version became champion")
    assert world.neighbours.releases.read().canary is None


def test_a_promoted_version_that_turns_out_worse_than_the_one_before_is_rolled_back(world: World) -> None:
    champion, previous = serving(world)
    standing = world.see().standing
    assert standing is not None and standing.stage == "watch"
    write_pairs(world.neighbours.pairs, standing, 0.8)  # `previous` is a fifth better on the same images

    assert kinds(world.look()) == [RollBack]

    release = world.neighbours.releases.read()
    assert release.champion is not None and (release.champion.version, release.previous) == (previous, None)
    assert world.tags(champion)["delivery"] == "rolled_back"
    assert "recon_error_change" in world.tags(champion)["delivery_reason"]
    assert world.tags(previous)["delivery"] == "promoted"
    assert (world.registry.alias("champion"), world.registry.alias("previous")) == (previous, None)
    (entry,) = world.neighbours.ledger.entries("rollback", champion)
    assert json.loads(entry.body)["how"] == "watch period"
    assert world.look() == []


def test_a_bad_canary_is_taken_back_while_mlflow_is_away_and_its_tags_follow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    serving(world)
    version, _ = world.register()
    world.approve(version)
    write_pairs(world.neighbours.pairs, start_canary(world, version), 0.9, failures=600)
    with pytest.raises(StoreUnavailable, match="MLflow"):
        world.look(registry=Registry(nowhere(), world.registry.product))

    assert world.neighbours.releases.read().canary is None
    assert world.tags(version)["delivery"] == "canary"
    assert world.look() == []
    assert world.tags(version)["delivery"] == "rolled_back"


def test_a_controller_killed_between_the_swap_and_the_tags_mends_them(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    write_pairs(world.neighbours.pairs, start_canary(world, version), 0.9, failures=600)

    def kill(name: str, moment: faults.Moment) -> None:
        if (name, moment) == ("release.swap", "after"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), faults.installed(kill):
        world.look()
    assert world.neighbours.releases.read().canary is None
    assert world.tags(version)["delivery"] == "canary"

    assert world.look() == [], "what was taken back is not loaded again"
    assert world.tags(version)["delivery"] == "rolled_back"
    published = verify_release(world.house.objects.get(RELEASE_KEY).data, world.house.keys.public)
    assert published == world.neighbours.releases.read()


def test_a_rollback_by_hand_is_mirrored_at_the_next_look_and_nothing_comes_back_by_itself(world: World) -> None:
    champion, previous = serving(world)
    found = world.neighbours
    desk = Desk(found.releases, found.ledger, found.objects, found.signing_key)

    done = roll_back(desk, Order("a person", "by hand", "complaints"), lambda: datetime.now(UTC))

    assert (done.version, done.serves, done.published) == (champion, previous, True)
    assert world.tags(champion)["delivery"] == "promoted"
    assert world.look() == []
    assert world.tags(champion)["delivery"] == "rolled_back"
    reason = f"version {champion} rolled back (by hand, a person): complaints"
    assert world.tags(champion)["delivery_reason"] == reason
    assert world.registry.alias("champion") == previous


def test_a_person_who_empties_the_tag_has_a_version_tried_again(world: World) -> None:
    serving(world)
    version, _ = world.register()
    world.approve(version)
    world.settle(version, ratio=1.3)
    assert world.look() == []
    world.registry.set_tag(version, "delivery", "")

    assert kinds(world.settle(version))[0] is LoadBeside
    assert world.tags(version)["delivery"] == "promoted"


def test_a_version_in_a_persons_hand_or_on_trial_answers_the_drift_that_it_was_made_for(world: World) -> None:
    ledger, registry, key, now = world.neighbours.ledger, world.registry, uuid.uuid4().hex, datetime.now(UTC)
    ledger.record("drift-event", "season", json.dumps({"key": key}), now)
    ledger.claim(key, "retrain-full", "", "a-run", now, 60.0)
    ledger.finish(key, "a-run", "done", "", now)
    version, _ = world.register()
    registry.set_tag(version, TRIGGER_TAG, key)
    ledger.record("drift", "season", "{}", now, key=f"drift:{key}")
    (line,) = ledger.entries("drift", "season")

    def under_way() -> str | None:
        return find_under_way(world.neighbours, line, "another", 0.0, now)

    assert under_way() == f"version {version} awaits approval"
    registry.set_tag(version, "approval", APPROVED)
    for delivery in ("shadow", "canary"):
        registry.set_tag(version, "delivery", delivery)
        assert under_way() == f"version {version} is approved and not settled"
    registry.set_tag(version, "delivery", "rolled_back")
    assert under_way() is None
    registry.set_tag(version, "approval", "rejected")
    registry.set_tag(version, "delivery", "")
    assert under_way() is None
