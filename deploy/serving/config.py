"""How the inference service runs: one frozen value, each field with its unit and its origin."""

from __future__ import annotations

import socket

from pydantic import BaseModel, ConfigDict, Field, model_validator

TOKEN_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"


def _replica_name() -> str:
    kept = (
        letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in socket.gethostname()
    )
    return "".join(kept).strip("-._")[:60] or "replica"


class ServingConfig(BaseModel):
    """Limits, waiting times and names of one replica of the inference service.

    Images count, not requests, wherever a queue or a batch is measured. Bytes are bytes on the wire.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        default="127.0.0.1", min_length=1, description="address to listen on; loopback unless told otherwise"
    )
    port: int = Field(default=8900, ge=0, le=65535, description="0 takes a free port")
    replica: str = Field(
        default_factory=_replica_name,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$",
        description="names this replica in telemetry and capture segments",
        json_schema_extra={"default_in_words": "the host name"},
    )

    max_body_bytes: int = Field(
        default=64 * 1024**2,
        ge=1024,
        description="bytes; a larger body is answered 413. As large as the largest file of input_policy.max_bytes",
    )
    max_images: int = Field(default=256, ge=1, description="images of one request; more are answered 413")
    max_values: int = Field(
        default=32 * 1024**2,
        ge=3 * 1024**2,
        le=2**30,
        description="pixels x channels of all images of one request as a model sees them, and of an array as it "
        "comes; more are answered 413. One byte each, several times; at least one image of the largest preprocessing "
        "fits. Of files as they come input_policy.max_pixels are taken",
    )
    max_samples: int = Field(default=64, ge=2, description="draws that ?samples=K may ask for")
    max_sampled_images: int = Field(
        default=1024, ge=2, description="images x draws of one request; more are answered 413"
    )
    decode_threads: int = Field(default=2, ge=1, le=64, description="threads that decode and judge images")
    decode_wait_s: float = Field(
        default=10.0, gt=0, le=60, description="seconds that a body waits for one of these threads, then 503"
    )
    keep_alive_s: int = Field(
        default=75, ge=1, description="seconds an idle connection stays; above usual load balancers' 60"
    )
    graceful_shutdown_s: int = Field(
        default=10,
        ge=1,
        description="seconds that requests in flight get at SIGTERM, 4 of them for the body; new ones are refused at "
        "once. Then telemetry and captures get their final_flush_s",
    )

    batch_max: int = Field(default=32, ge=1, description="images in one forward pass")
    batch_wait_ms: float = Field(
        default=0.0,
        ge=0,
        le=50,
        description="milliseconds a batch waits for company; 0 takes what queued during the last one",
    )
    queue_limit: int = Field(default=512, ge=1, description="images waiting or in work; above it 503")
    retry_after_s: int = Field(default=1, ge=1, description="seconds, the Retry-After of a 503")
    threads: int = Field(
        default=1, ge=1, le=256, description="torch threads; beside other load two are slower than one"
    )

    release_poll_s: float = Field(default=0.5, gt=0, description="seconds between two looks at the release file")
    load_retry_s: float = Field(
        default=30, gt=0, description="seconds, the longest pause between two tries to load a version"
    )
    golden_tolerance: float = Field(
        default=1e-2,
        gt=0,
        description="relative deviation from the golden answers that refuses a version; other processors' "
        "float32 kernels differ by less than 1e-4, a bf16 one by less than 1e-2",
    )

    telemetry_queue: int = Field(
        default=20_000, ge=1, description="rows that wait for the database; more are dropped, counted"
    )
    telemetry_batch: int = Field(default=2_000, ge=1, description="rows in one insert")
    telemetry_flush_s: float = Field(default=1.0, gt=0, description="seconds between two writes; what a kill can lose")

    shadow_queue: int = Field(
        default=2_000,
        ge=1,
        description="images that wait to be scored by the version on trial; more are dropped, counted",
    )
    shadow_queue_bytes: int = Field(default=64 * 1024**2, ge=1, description="bytes that wait; more are dropped")
    shadow_batch: int = Field(default=32, ge=1, description="images in one forward pass of the shadow")
    shadow_wait_ms: float = Field(
        default=50.0,
        ge=0,
        le=10_000,
        description="milliseconds a shadow batch waits for company; nobody waits for a shadow",
    )
    champion_timeout_s: float = Field(
        default=30.0,
        gt=0,
        description="seconds that the champion may take, then 503; far above what a full queue takes, below the 60 "
        "after which usual load balancers give up without an answer",
    )
    beside_timeout_s: float = Field(
        default=5.0,
        gt=0,
        description="seconds that a version beside the champion may take; 100 x the latency target. Then the "
        "champion answers for a canary, and who asked for a version by name gets 503. A version that left the "
        "release is left behind when one pass of it takes as long",
    )
    canary_failures_to_stop: int = Field(
        default=5,
        ge=1,
        description="failures in a row after which this replica sends the canary nothing more; one that fails "
        "every tenth request is stopped by five in a row once in 100,000 requests",
    )

    capture_segment_images: int = Field(default=1_000, ge=1, description="images at which a segment is written")
    capture_segment_bytes: int = Field(default=64 * 1024**2, ge=1, description="bytes at which a segment is written")
    capture_segment_s: float = Field(
        default=60, gt=0, description="seconds after which a segment is written; a kill loses as much"
    )
    capture_queue: int = Field(
        default=20_000, ge=1, description="images that wait for the object store; more are dropped, counted"
    )
    capture_queue_bytes: int = Field(
        default=256 * 1024**2, ge=1, description="bytes that wait; more are dropped, counted"
    )
    capture_source: str = Field(
        default="http",
        pattern=TOKEN_PATTERN,
        description="source of a request without the header X-Latentloop-Source",
    )
    final_flush_s: float = Field(default=10, gt=0, description="seconds that telemetry and captures get at shutdown")

    latency_buckets_s: tuple[float, ...] = Field(
        default=(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 5.0),
        description="seconds, upper bounds of the latency histogram; 0.05 is the target, 0.1 the alarm",
    )
    recon_error_buckets: tuple[float, ...] = Field(
        default=(0.0005, 0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.0125, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5),
        description="mean squared error on [0, 1], upper bounds of its histogram",
    )

    @model_validator(mode="after")
    def _agree(self) -> ServingConfig:
        problems = []
        if self.queue_limit < self.max_images:
            problems.append(f"queue_limit {self.queue_limit} < max_images {self.max_images}: such a request never fits")
        if self.shadow_queue < self.max_images:
            problems.append(
                f"shadow_queue {self.shadow_queue} < max_images {self.max_images}: such a request is never compared"
            )
        if self.capture_queue < self.capture_segment_images:
            problems.append(
                f"capture_queue {self.capture_queue} < capture_segment_images {self.capture_segment_images}: "
                "no segment would ever fill"
            )
        for name in ("latency_buckets_s", "recon_error_buckets"):
            bounds = getattr(self, name)
            if not bounds or list(bounds) != sorted(set(bounds)):
                problems.append(f"{name} must rise strictly, came {bounds}")
        if problems:
            raise ValueError("; ".join(problems))
        return self
