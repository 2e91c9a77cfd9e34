"""A real replica under the worst bodies that it takes or refuses: it goes on answering, and stays small."""

from __future__ import annotations

import re
import threading
from collections import Counter
from pathlib import Path

import httpx
import numpy as np

from deploy.serving.config import ServingConfig
from deploy.serving.http.bodies.json_array import PIECE_MEMORY
from deploy.serving.http.bodies.limits import MOST_JSON_NUMBERS
from tests.deploy.serving.house import House, pictures, png, wait_until
from tests.deploy.serving.http.bodies.test_limits import images, repeated
from tests.deploy.serving.http.bodies.test_npy_array import saved, with_header
from tests.deploy.serving.process import Replica, started
from vae_core.images.preprocessing import Preprocessing

MEBI = 1024**2
LARGEST = ServingConfig().max_body_bytes
JSON, NPY, FORM = "application/json", "application/x-npy", "multipart/form-data; boundary=cut"
CLIENTS = 2


def levels(count: int, side: int) -> bytes:
    """Images (count, side, side) of random digits as JSON."""
    rows = np.random.default_rng(0).integers(48, 58, (count * side, side), np.uint8)
    lines = [b"[" + b",".join(row.tobytes()[i : i + 1] for i in range(side)) + b"]" for row in rows]
    stacked = [b"[" + b",".join(lines[start : start + side]) + b"]" for start in range(0, len(lines), side)]
    return images(b"[" + b",".join(stacked) + b"]")


def flat_files(count: int, side: int) -> bytes:
    """Files of some kilobytes each that unpack to side x side pixels."""
    file = png(np.full((1, side, side), 128, np.uint8))
    head = b'--cut\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
    return (head + file + b"\r\n") * count + b"--cut--\r\n"


# (body, type, the status of its answer)
BODIES = [
    (levels(256, 128), JSON, 422),  # the most numbers: read, judged, and too dark
    (images(b'["' + b"x" * 100_000 + b'"' + b',""' * 5_000 + b"]"), JSON, 400),
    (repeated(b"[],", 10 * MEBI), JSON, 400),
    (repeated(b"[[0]],", 5 * MEBI), JSON, 413),
    (with_header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (8388608, 1, 1)}\n", bytes(8 * MEBI)), NPY, 413),
    (saved(np.full((2000, 2000), 0.5)), NPY, 422),  # the largest array, and flat
    (saved(np.full((4, 2000, 2000), 0.5, np.float16)), NPY, 422),
    (flat_files(8, 2000), FORM, 422),
    (flat_files(16, 2000), FORM, 413),
    (b'--cut\r\nContent-Disposition: form-data; name="f"\r\n\r\n\r\n' * 500_000 + b"--cut--\r\n", FORM, 413),
    (with_header(b"-" * 4000 + b"1\n"), NPY, 400),
]


def peak_bytes(replica: Replica) -> int:
    """The most memory that a process has had, from the kernel."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{replica.process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_health_and_scores_are_answered_while_the_worst_bodies_are_read_and_memory_stays_bounded(house: House) -> None:
    any_size = Preprocessing(fit="stretch")
    house.publish(champion=house.add_version("1", seed=1, preprocessing=any_size))
    normal = png(pictures(1, seed=9)[0])
    answers: Counter[tuple[int, int, int]] = Counter()
    meanwhile: Counter[tuple[str, int]] = Counter()

    def send(url: str, turn: int) -> None:
        with httpx.Client(base_url=url, timeout=300) as client:
            for number in range(len(BODIES)):
                index = (number + turn * len(BODIES) // CLIENTS) % len(BODIES)
                body, kind, wanted = BODIES[index]
                answer = client.post("/v1/score", content=body, headers={"Content-Type": kind})
                answers[index, wanted, answer.status_code] += 1

    with started(house, serving__decode_wait_s="60") as replica:
        assert httpx.post(f"{replica.url}/v1/score", content=normal).status_code == 200
        before = peak_bytes(replica)
        threads = [threading.Thread(target=send, args=(replica.url, turn)) for turn in range(CLIENTS)]
        for thread in threads:
            thread.start()
        with httpx.Client(base_url=replica.url, timeout=300) as client:
            while any(thread.is_alive() for thread in threads):
                meanwhile["healthz", client.get("/healthz").status_code] += 1
                meanwhile["score", client.post("/v1/score", content=normal).status_code] += 1
        for thread in threads:
            thread.join()
        grown = peak_bytes(replica) - before
        wait_until(lambda: replica.metric('queue_depth{queue="requests"}') == 0, "the end of all requests")
        assert "Traceback" not in replica.log()
    assert set(answers) == {(index, wanted, wanted) for index, (_, _, wanted) in enumerate(BODIES)}
    assert set(meanwhile) == {("healthz", 200), ("score", 200)}
    # one after the other with the bodies, there would be one of each for a body
    assert meanwhile["score", 200] > CLIENTS * len(BODIES), meanwhile
    # Each client has one body, twice while it is joined, and what was made of it, which counts as `hold` counts it;
    # one large body is read at a time, with the most that `limits` states. The rest is what an allocator keeps.
    made = 8 * MOST_JSON_NUMBERS
    reading = 3 * LARGEST + made + PIECE_MEMORY
    assert grown <= CLIENTS * (2 * LARGEST + made) + reading + 64 * MEBI, f"{grown / MEBI:.0f} MiB"
