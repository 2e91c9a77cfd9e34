"""A command beside a real Prefect server and a real ledger, and a run that no worker picks up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from deploy import wiring
from deploy.settings import Settings
from deploy.stores.orchestrator import Orchestrator, RunState
from deploy.stores.sql.ledger import Ledger
from latentloop.runs.following import Followed, Show, follow

LEASE_S = 0.2  # of which three are waited for
AGAIN = "`latentloop retrain --tier full` continues it"


@dataclass
class World:
    """A run of a deployment that no worker picks up, the trigger that its flow would claim, and what was said."""

    orchestrator: Orchestrator
    api: httpx.Client
    ledger: Ledger
    settings: Settings
    followed: Followed
    said: list[str]

    @property
    def stores(self) -> wiring.World:
        """What a command is handed."""
        return wiring.World(self.settings)

    def is_(self, type: str) -> None:
        """Prefect shows the run like this."""
        state = {"type": type, "name": type.capitalize(), "message": "why"}
        path = f"/flow_runs/{self.followed.run.id}/set_state"
        assert self.api.post(path, json={"state": state, "force": True}).is_success

    def claim(self, lease_s: float = LEASE_S) -> None:
        self.ledger.claim(self.followed.key, "retrain-full", "", "host:1:a", datetime.now(UTC), lease_s)

    def follow(self, timeout_s: float = 60.0, away_after_s: float = 20.0, show: Show | None = None) -> RunState:
        return follow(
            self.orchestrator, self.ledger, self.followed,
            lease_s=LEASE_S, timeout_s=timeout_s, say=self.said.append, show=show or self.show,
            away_after_s=away_after_s,
        )  # fmt: skip

    def show(self, state: RunState) -> None:
        self.said.append(state.name)
