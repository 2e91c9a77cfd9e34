"""Makes the small home that the next release must open: `python -m tests.upgrades.make_home FILE.tar.gz`.

Run it once, on the last commit before a release changes what lies in a home, and keep its file under that release's
version: `home-0.1.0.tar.gz` was made by 0.1.0 (database revision 0003). Everything in it is written by the stores
themselves; its release keys were made for it and sign nothing else.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from deploy.release import Release, ServedVersion
from deploy.stores.catalogue import Catalogue
from deploy.stores.catalogue_rows import CatalogueRow, QuarantineRow
from deploy.stores.objects.artifacts import artifact_prefix, put_artifact
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.release_file import RELEASE_KEY, generate_keys, sign_release
from deploy.stores.sql.database import migrate, open_engine
from deploy.stores.sql.digests import DigestIndex
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.pairs import PairRow, Pairs
from deploy.stores.sql.release import ReleaseStore
from deploy.stores.sql.telemetry import RequestRow, Telemetry
from tests.deploy.serving.house import pictures, png, tiny_artifact
from vae_core.artifact import write_artifact
from vae_core.images.preprocessing import Preprocessing

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
SETTINGS = """\
# as an owner of 0.1.0 wrote it: one key of every table
product = "shoes"
clock_factor = 0.5

[input_policy]
min_variance = 0.003

[training]
clock = "cpu"

[training.model]
variant = "conv_vae"
latent_dim = 4

[training.full.budget]
amount = 3
unit = "epochs"

[evaluation]
n_images = 1500

[gate]
recon_error_margin = 0.03

[delivery]
canary_min_s = 300

[drift]
budget_days = 60

[controller]
reconcile_s = 10

[serving]
capture_segment_s = 2
"""


def make_home(folder: Path) -> None:
    """Write `latentloop.toml` and `.latentloop` into the folder, as a user's working directory has them."""
    (folder / "latentloop.toml").write_text(SETTINGS)
    home = folder / ".latentloop"
    objects = LocalObjects(home / "objects")
    champion = _register(objects, home)
    _fill_captures(objects)
    _fill_ledger(home, objects, champion)
    _fill_telemetry(home)


def _register(objects: LocalObjects, home: Path) -> ServedVersion:
    with tempfile.TemporaryDirectory() as temporary:
        digest = write_artifact(Path(temporary) / "artifact", tiny_artifact(7))
        put_artifact(objects, Path(temporary) / "artifact", artifact_prefix(digest))
    return ServedVersion(version="1", digest=digest, artifact=artifact_prefix(digest))


def _fill_captures(objects: LocalObjects) -> None:
    images = [
        CapturedImage(f"shoe-{number}.png", "camera-1", NOW, png(each)) for number, each in enumerate(pictures(6))
    ]
    captures, catalogue = CaptureStore(objects), Catalogue(objects, Preprocessing().digest)
    taken = captures.write("replica-a", 1, images[:5])
    captures.write_by_content(images[5:])  # not ingested yet
    rows = [
        CatalogueRow(
            f"digest-{row}", each.source, taken, row, NOW, each.name, 28, 28, 1, 0.3, 0.1, 2.5, pixels.tobytes()
        )
        for row, (each, pixels) in enumerate(zip(images[:4], pictures(4), strict=True))
    ]
    refused = QuarantineRow("camera-1", taken, 4, NOW, "shoe-4.png", "low_variance", "a", None, images[4].data)
    catalogue.append_accepted(rows, [taken])
    catalogue.append_quarantined([refused], [taken])


def _fill_ledger(home: Path, objects: LocalObjects, champion: ServedVersion) -> None:
    engine = open_engine(f"sqlite:///{home}/ledger.db")
    migrate(engine)
    ledger = Ledger(engine)
    for key, outcome in (("full-1", "done"), ("emergency-1", "failed"), ("weekly-1", None)):
        ledger.claim(key, "retrain", "{}", "host:1:a", NOW, 60)
        if outcome is not None:
            ledger.finish(key, "host:1:a", outcome, "{}", NOW)
    said = {"digest": champion.digest, "benchmark": "passed", "reason": "recon_error .012 < limit .02 (n=1500)"}
    ledger.record("registered", "1", json.dumps(said), NOW, key="registered:full-1")
    approved = {"digest": champion.digest, "approval": "approved", "reason": "approved in MLflow"}
    ledger.record("approval", "1", json.dumps(approved), NOW, key=f"approval:1:{champion.digest}")
    ledger.beat("controller", NOW)
    DigestIndex(engine).claim(["digest-0", "digest-1"], ["s:0", "s:1"])
    DigestIndex(engine).protect(["digest-0"], "benchmarks/old-1")
    fresh = ReleaseStore(engine).compare_and_swap(0, Release(champion=champion, changed_at=NOW, reason="first version"))
    objects.put(RELEASE_KEY, sign_release(fresh, generate_keys(home / "secrets").private))
    engine.dispose()


def _fill_telemetry(home: Path) -> None:
    engine = open_engine(f"sqlite:///{home}/telemetry.db")
    migrate(engine)
    Telemetry(engine).write([_request(number) for number in range(20)])
    Pairs(engine).write(
        [PairRow(_at(number), f"r{number}", "replica-a", "1", "2", "1", 0.01, 0.02, 1.5, None) for number in range(20)]
    )
    engine.dispose()


def _request(number: int) -> RequestRow:
    """Every second one of a VQ-VAE."""
    codes = np.arange(49).reshape(7, 7)
    code = np.random.default_rng(number).normal(size=4).astype(np.float32)
    return RequestRow(
        at=_at(number),
        request_id=f"r{number}",
        replica="replica-a",
        route="champion",
        version="2" if number % 2 else "1",
        refusal=None,
        recon_error=0.01,
        mu=code,
        norm=2.0,
        image_mean=0.3,
        image_variance=0.1,
        image_entropy=2.5,
        histogram=np.full(16, 1 / 16, dtype=np.float32),
        latency_ms=3.0,
        own={"codes": codes, "code_distance": 0.5} if number % 2 else {"logvar": code, "kl": 15.0},
    )


def _at(number: int) -> datetime:
    return NOW + timedelta(seconds=number)


def main() -> None:
    """Write the archive, with the modes that the usual umask gives."""
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as temporary:
        make_home(Path(temporary))
        with tarfile.open(sys.argv[1], "w:gz", compresslevel=9) as archive:
            for path in sorted(Path(temporary).iterdir()):
                archive.add(path, arcname=path.name, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main()
