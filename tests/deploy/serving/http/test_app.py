"""The HTTP face of one replica in this process: what each route answers, and how it refuses."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.deploy.serving.house import House, jpeg, pictures, png, tiny_artifact
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.images.preprocessing import Preprocessing
from vae_core.inference import score_images

IMAGES = pictures(4, seed=5)
PNG = {"Content-Type": "image/png"}


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _bodies() -> Iterator[Any]:
    unit = IMAGES.astype(np.float32) / 255
    yield pytest.param({"content": png(IMAGES[0]), "headers": PNG}, 1, id="png")
    yield pytest.param({"content": png(IMAGES[0])}, 1, id="no content type")
    yield pytest.param({"content": jpeg(IMAGES[0]), "headers": {"Content-Type": "image/jpeg"}}, 1, id="jpeg")
    yield pytest.param({"files": [("images", ("a.png", png(IMAGES[0])))]}, 1, id="a file")
    yield pytest.param({"files": [("images", (f"{i}", png(each))) for i, each in enumerate(IMAGES)]}, 4, id="files")
    yield pytest.param({"json": {"images": IMAGES[0].tolist()}}, 1, id="levels as JSON")
    yield pytest.param({"json": {"images": unit[:, 0].tolist()}}, 4, id="floats as JSON")
    npy = {"Content-Type": "application/x-npy"}
    yield pytest.param({"content": _npy(IMAGES), "headers": npy}, 4, id="uint8 npy")
    yield pytest.param({"content": _npy(unit[0]), "headers": npy}, 1, id="float npy")


@pytest.mark.parametrize(("body", "count"), list(_bodies()))
def test_the_same_image_gets_the_same_answer_however_it_comes(
    client: httpx.Client, body: dict[str, Any], count: int
) -> None:
    answer = client.post("/v1/reconstruct", **body)
    assert answer.status_code == 200, answer.text
    images = answer.json()["images"]
    assert len(images) == count
    # JPEG changes single levels
    tolerance = 0.05 if body.get("headers", {}).get("Content-Type") == "image/jpeg" else 1e-4
    (expected,) = score_images(tiny_artifact(1).model, IMAGES[:1]).recon_error
    assert images[0]["recon_error"] == pytest.approx(float(expected), rel=tolerance)


def test_files_are_answered_under_their_names(client: httpx.Client) -> None:
    files = [("images", (f"shoe-{i}.png", png(each))) for i, each in enumerate(IMAGES)]
    images = client.post("/v1/encode", files=files).json()["images"]
    assert [image["name"] for image in images] == [f"shoe-{i}.png" for i in range(4)]


def _huge_png(width: int, height: int) -> bytes:
    """Build a PNG whose header claims a size that its few bytes of pixels do not hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\x00" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"%PDF-1.7 ....", "not_an_image"),
        (png(IMAGES[0])[:-30], "truncated"),
        (png(np.zeros((1, 28, 28), np.uint8)), "low_variance"),
        (png(pictures(1).repeat(2, axis=2)[0]), "wrong_shape"),
        (_huge_png(10_000, 6_000), "too_many_pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_image_is_refused_with_its_reason(client: httpx.Client, data: bytes, reason: str) -> None:
    answer = client.post("/v1/score", content=data, headers=PNG)
    body = answer.json()
    assert answer.status_code == 422
    assert body["reason"] == reason
    assert body["refused"] == [{"index": 0, "name": "", "reason": reason, "detail": body["detail"]}]
    assert body["detail"].count("\n") == 0 and "expected" in body["detail"]
    assert f'refusals_total{{reason="{reason}"}} 1.0' in client.get("/metrics").text


def test_a_batch_with_bad_images_is_answered_for_none_and_each_is_named(client: httpx.Client) -> None:
    black = png(np.zeros((1, 28, 28), np.uint8))
    files = [("images", (name, data)) for name, data in (("a", png(IMAGES[0])), ("b", black), ("c", b"no"))]
    answer = client.post("/v1/score", files=files)
    assert answer.status_code == 422
    refused = [(each["index"], each["name"], each["reason"]) for each in answer.json()["refused"]]
    assert refused == [(1, "b", "low_variance"), (2, "c", "not_an_image")]
    assert "images" not in answer.json()


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "text/plain"),
        ({"content": b"x", "headers": {"Content-Type": "application/json"}}, 400, "not JSON"),
        ({"content": b"x" * 2000, "headers": PNG}, 413, "larger than 1500 bytes"),
        ({"content": iter([b"x" * 1000] * 3), "headers": PNG}, 413, "larger than 1500 bytes"),
        ({"json": {"images": [[[0]]] * 5}}, 413, "at most 4 images in one request, came 5"),
        ({"content": png(IMAGES[0]), "params": {"samples": 1}}, 400, "samples"),
        ({"content": png(IMAGES[0]), "params": {"samples": "many"}}, 400, "samples"),
        ({"content": png(IMAGES[0]), "params": {"samples": 9}}, 413, "1 images x 9 samples"),
        ({"content": png(IMAGES[0]), "headers": {"X-Latentloop-Version": "7"}}, 404, "'7' is not loaded"),
        ({"content": png(IMAGES[0]), "headers": {"X-Latentloop-Source": "a b"}}, 400, "X-Latentloop-Source"),
    ],
)
def test_a_request_that_cannot_be_answered_is_told_why(
    house: House, start: Callable[..., httpx.Client], request_: dict[str, Any], status: int, words: str
) -> None:
    house.publish(champion=house.add_version("1", seed=1))
    client = start(max_body_bytes=1500, max_images=4, max_sampled_images=8)
    answer = client.post("/v1/reconstruct", **request_)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert answer.json()["request_id"]
    assert f'status="{status}"' in client.get("/metrics").text


@pytest.mark.parametrize(("kind", "options"), [("PNG", {"compress_level": 1}), ("JPEG", {"quality": 90})])
def test_a_photograph_of_twelve_megapixels_is_answered_as_ingestion_takes_it(
    house: House, start: Callable[..., httpx.Client], kind: str, options: dict[str, int]
) -> None:
    colour = ConvVaeConfig(channels=3, widths=(4, 8), latent_dim=4)
    padded = Preprocessing(channels=3, fit="pad")
    house.publish(champion=house.add_version("1", seed=1, config=colour, preprocessing=padded))
    photograph = io.BytesIO()
    Image.fromarray(IMAGES[0, 0]).convert("RGB").resize((4000, 3000)).save(photograph, kind, **options)

    answer = start().post("/v1/encode", content=photograph.getvalue())

    assert answer.status_code == 200, answer.text


def test_the_documentation_names_bodies_and_answers(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    route = document["paths"]["/v1/score"]["post"]
    assert set(route["requestBody"]["content"]) >= {"image/png", "multipart/form-data", "application/x-npy"}
    assert route["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/ScoreAnswer")
    assert route["responses"]["422"]["content"]["application/json"]["schema"]["$ref"].endswith("/RefusedAnswer")
    assert "X-Latentloop-Version" in {each["name"] for each in route["parameters"]}
    assert client.get("/docs").status_code == 200
