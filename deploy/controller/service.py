"""The inference service as the controller sees it: what it has loaded, and its answers to chosen inputs."""

from __future__ import annotations

import io

import httpx
import numpy as np
from pydantic import BaseModel

from deploy.delivery.steps import ServiceView
from deploy.stores.authorities import trusted
from deploy.stores.errors import StoreRefused, StoreUnavailable


class _Slot(BaseModel):
    version: str
    digest: str


class _Trouble(BaseModel):
    where: str
    message: str


class _Readiness(BaseModel):
    """The part of /readyz that delivery needs."""

    release_epoch: int
    slots: dict[str, _Slot]
    errors: list[_Trouble]


class Service:
    """One replica (or the balancer in front of several) over HTTP."""

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=timeout_s, verify=trusted())

    def view(self) -> ServiceView:
        """What it has loaded, and what it could not load; an absent service, or none of ours, is a fact, no error."""
        try:
            found = _Readiness.model_validate_json(self._client.get("/readyz").content)
        except (httpx.HTTPError, ValueError):  # pydantic's ValidationError is a ValueError
            return ServiceView(reachable=False)
        return ServiceView(
            reachable=True,
            epoch=found.release_epoch,
            loaded={each.version: each.digest for each in found.slots.values()},
            troubles={each.where: each.message for each in found.errors},
        )

    def score(self, pixels: np.ndarray, version: str) -> np.ndarray:
        """`recon_error` (B,) of uint8 images (B, C, H, W), answered by this version whatever its slot."""
        body = io.BytesIO()
        np.save(body, pixels, allow_pickle=False)
        try:
            answer = self._client.post(
                "/v1/score",
                content=body.getvalue(),
                headers={"Content-Type": "application/x-npy", "X-Latentloop-Version": version},
            )
        except httpx.HTTPError as error:
            raise StoreUnavailable(f"service at {self.url}: {error}; is it up?") from error
        if answer.status_code == 404 or answer.status_code >= 500:  # 404: this replica has not loaded it yet
            raise StoreUnavailable(f"service at {self.url}: answered {answer.status_code} to a golden input")
        if not answer.is_success:
            raise StoreRefused(
                f"service at {self.url}: refused a golden input with {answer.status_code}: {answer.text[:200]}"
            )
        return np.asarray([each["recon_error"] for each in answer.json()["images"]], dtype=np.float64)
