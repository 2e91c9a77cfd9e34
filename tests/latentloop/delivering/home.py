"""The home of an installation whose processes are all down, with versions that wait, serve and were taken back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deploy.controller.mirroring import mirror_fates
from deploy.delivery.causes import Cause
from deploy.record.history import read_fates
from deploy.record.registered import RegisteredLine, record_registered
from deploy.record.taken_back import record_taken_back
from deploy.release import ServedVersion
from deploy.settings import Settings
from deploy.stores.mlflow.registry import Registry
from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.release import ReleaseStore
from deploy.wiring import open_database, open_objects
from tests.deploy.controller.world import swap
from tests.deploy.serving.house import tiny_artifact
from vae_core.artifact import write_artifact


@dataclass
class Home:
    """Stores of one installation whose processes are all down, and versions, each a model of its own."""

    settings: Settings
    registry: Registry
    run_id: str
    model_uri: str
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        return Ledger(open_database(self.settings))

    @property
    def releases(self) -> ReleaseStore:
        return ReleaseStore(open_database(self.settings))

    def register(self, **tags: str) -> str:
        trigger = uuid.uuid4().hex
        folder = self.settings.home / "built" / trigger
        digest = write_artifact(folder, tiny_artifact(len(self.digests) + 2))
        put_artifact(open_objects(self.settings), folder, artifact_prefix(digest))
        told = {"model_digest": digest, "benchmark": "passed", **tags}
        made = self.registry.create_version(
            model_uri=self.model_uri, run_id=self.run_id, trigger=trigger, tags=told, description="a version"
        )
        line = RegisteredLine(digest=told["model_digest"], benchmark=told["benchmark"], reason="as it was judged")
        record_registered(self.ledger, made.version, line, trigger, datetime.now(UTC))
        self.digests[made.version] = told["model_digest"]
        return made.version

    def served(self, version: str) -> ServedVersion:
        digest = self.digests[version]
        return ServedVersion(version=version, digest=digest, artifact=artifact_prefix(digest))

    def release(self, **slots: str) -> None:
        """Let the release hold these versions and no other."""
        held: dict[str, Any] = dict.fromkeys(("champion", "canary", "shadow", "previous"))
        held |= {name: self.served(version) for name, version in slots.items()}
        swap(self.releases, **held, canary_share=0.05 if "canary" in slots else 0.0)

    def take_back(self, version: str, cause: Cause) -> str:
        """As the controller does: the version leaves the shadow, and its tags are told."""
        self.registry.set_tag(version, "approval", "approved")
        self.release(shadow=version)
        return self.end(version, cause)

    def end(self, version: str, cause: Cause, *, tell: bool = True) -> str:
        """The end of what the shadow holds; the reason."""
        told = f"version {version} taken back: its reason"
        record_taken_back(
            self.ledger, self.served(version), self.releases.read().epoch + 1, cause, told, datetime.now(UTC)
        )
        swap(self.releases, told, shadow=None)
        if tell:
            mirror_fates(
                self.registry,
                [self.registry.version(version)],
                read_fates(self.ledger),
                self.ledger,
                self.releases.read(),
            )
        return told

    def tags(self, version: str) -> dict[str, str]:
        return dict(self.registry.version(version).tags)
