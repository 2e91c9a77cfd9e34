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

from data_checks.intake import decode
from tests.deploy.serving.house import House, jpeg, pictures, png, tiny_artifact, wait_until
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.images.preprocessing import Preprocessing
from vae_core.inference import score_images

IMAGES = pictures(4, seed=5)
PNG = {"Content-Type": "image/png"}


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _expected(row: int = 0, seed: int = 1) -> Any:
    return score_images(tiny_artifact(seed).model, IMAGES[row : row + 1])


def test_reconstruct_answers_the_decoders_mean_and_its_error(client: httpx.Client) -> None:
    answer = client.post("/v1/reconstruct", content=png(IMAGES[0]), headers=PNG)
    body, expected = answer.json(), _expected()
    assert answer.status_code == 200
    assert body["version"] == answer.headers["X-Latentloop-Version"] == "1"
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["latency_ms"] > 0
    (image,) = body["images"]
    # rounded to six decimals
    np.testing.assert_allclose(image["reconstruction"], expected.reconstruction[0], atol=1e-6)
    assert image["recon_error"] == pytest.approx(float(expected.recon_error[0]), rel=1e-5)
    assert image["sd"] is None


def test_encode_answers_the_code(client: httpx.Client) -> None:
    (image,) = client.post("/v1/encode", content=png(IMAGES[1]), headers=PNG).json()["images"]
    expected = _expected(1)
    np.testing.assert_allclose(image["mu"], expected.mu[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(image["logvar"], expected.column("logvar")[0], rtol=1e-4, atol=1e-6)
    assert image["norm"] == pytest.approx(float(expected.norm[0]), rel=1e-4)
    assert image["kl"] == pytest.approx(float(expected.column("kl")[0]), rel=1e-4)


def test_score_answers_the_largest_of_three_quantiles(client: httpx.Client) -> None:
    (image,) = client.post("/v1/score", content=png(IMAGES[2]), headers=PNG).json()["images"]
    reference, expected = tiny_artifact(1).reference, _expected(2)
    assert reference is not None
    known = {"recon_error": reference.recon_error, "norm": reference.norm, **reference.own}
    by_hand = {
        name: float(np.mean(known[name] <= expected.numbers()[name][0])) for name in ("recon_error", "kl", "norm")
    }
    # one of the 64 reference values may lie within the rounding of another batch size
    assert image["quantiles"].pop("code_distance") is None
    assert image["quantiles"] == pytest.approx(by_hand, abs=1.5 / 64)
    assert image["score"] == max(image["quantiles"].values())


def test_a_version_without_a_reference_encodes_and_does_not_score(
    house: House, start: Callable[..., httpx.Client]
) -> None:
    house.publish(champion=house.add_version("1", seed=1, with_reference=False))
    client = start()
    assert client.post("/v1/encode", content=png(IMAGES[0]), headers=PNG).status_code == 200
    answer = client.post("/v1/score", content=png(IMAGES[0]), headers=PNG)
    assert answer.status_code == 409
    assert "version 1 carries no reference" in answer.json()["detail"]


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
    assert images[0]["recon_error"] == pytest.approx(float(_expected().recon_error[0]), rel=tolerance)


def test_files_are_answered_under_their_names(client: httpx.Client) -> None:
    files = [("images", (f"shoe-{i}.png", png(each))) for i, each in enumerate(IMAGES)]
    images = client.post("/v1/encode", files=files).json()["images"]
    assert [image["name"] for image in images] == [f"shoe-{i}.png" for i in range(4)]


def test_samples_add_a_spread_per_pixel_that_the_request_id_fixes(client: httpx.Client) -> None:
    headers = {**PNG, "X-Request-Id": "again"}
    bodies = [
        client.post("/v1/reconstruct?samples=8", content=png(IMAGES[0]), headers=headers).json() for _ in range(2)
    ]
    sd = np.array(bodies[0]["images"][0]["sd"])
    assert sd.shape == (1, 28, 28) and (sd > 0).all() and (sd < 0.5).all()
    assert bodies[0]["images"] == bodies[1]["images"]


def test_one_reconstruction_comes_as_a_png(client: httpx.Client) -> None:
    headers = {**PNG, "Accept": "image/png"}
    answer = client.post("/v1/reconstruct", content=png(IMAGES[0]), headers=headers)
    assert answer.headers["Content-Type"] == "image/png"
    levels = np.asarray(Image.open(io.BytesIO(answer.content)))
    # half a level of rounding
    np.testing.assert_allclose(levels / 255, _expected().reconstruction[0, 0], atol=0.5 / 255 + 1e-6)
    sampled = client.post("/v1/reconstruct?samples=4", content=png(IMAGES[0]), headers=headers)
    assert sampled.status_code == 406


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


def test_without_a_champion_the_answer_is_503_and_when_to_come_back(start: Callable[..., httpx.Client]) -> None:
    client = start(ready=False)
    answer = client.post("/v1/score", content=png(IMAGES[0]), headers=PNG)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert client.get("/healthz").json() == {"status": "alive", "replica": "test"}
    ready = client.get("/readyz")
    assert ready.status_code == 503 and ready.json()["ready"] is False


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


@pytest.mark.parametrize("bad", ["", "x" * 101, "two words", "nul\\x00", "ünï"])
def test_a_request_id_that_is_no_plain_word_is_replaced(client: httpx.Client, bad: str) -> None:
    headers = [(b"content-type", b"image/png"), (b"x-request-id", bad.encode())]
    answered = client.post("/v1/encode", content=png(IMAGES[0]), headers=headers).json()["request_id"]
    assert answered != bad and len(answered) == 32


def test_the_shadow_answers_only_who_asks_for_it(house: House, start: Callable[..., httpx.Client]) -> None:
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one, shadow=two)
    client = start()
    wait_until(lambda: "shadow" in client.get("/readyz").json()["slots"], "the shadow")
    plain = [client.post("/v1/encode", content=png(each)).json()["version"] for each in IMAGES]
    asked = client.post("/v1/encode", content=png(IMAGES[0]), headers={"X-Latentloop-Version": "2"}).json()
    assert plain == ["1"] * 4
    assert asked["version"] == "2"
    np.testing.assert_allclose(asked["images"][0]["mu"], _expected(seed=2).mu[0], rtol=1e-4, atol=1e-6)


def test_a_first_version_can_be_tried_before_there_is_a_champion(
    house: House, start: Callable[..., httpx.Client]
) -> None:
    house.publish(shadow=house.add_version("1", seed=1))
    client = start(ready=False)
    wait_until(lambda: "shadow" in client.get("/readyz").json()["slots"], "the shadow")
    assert client.get("/readyz").status_code == 503
    assert client.post("/v1/score", content=png(IMAGES[0])).status_code == 503
    tried = client.post("/v1/score", content=png(IMAGES[0]), headers={"X-Latentloop-Version": "1"})
    assert tried.status_code == 200


def test_a_canary_takes_its_share_of_the_requests(house: House, start: Callable[..., httpx.Client]) -> None:
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one, canary=two, canary_share=0.5)
    client = start()
    wait_until(lambda: "canary" in client.get("/readyz").json()["slots"], "the canary")
    versions = {
        client.post("/v1/encode", content=png(IMAGES[0]), headers={"X-Request-Id": f"r{n}"}).json()["version"]
        for n in range(20)
    }
    assert versions == {"1", "2"}


def test_readyz_says_what_serves_by_which_release(house: House, client: httpx.Client) -> None:
    body = client.get("/readyz").json()
    assert body["ready"] is True and body["release_epoch"] == 1 and body["errors"] == []
    assert body["slots"]["champion"]["version"] == "1"
    assert len(body["slots"]["champion"]["digest"]) == 64


def test_decoders_that_make_other_pixels_are_a_trouble_that_a_person_sees(
    house: House, start: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.publish(champion=house.add_version("1", seed=1))
    monkeypatch.setattr(decode, "decode_jpeg", lambda header, scale: Image.new("RGB", (header.width, header.height)))
    body = start().get("/readyz").json()
    assert body["ready"] is True, "it serves, and says so"
    (trouble,) = body["errors"]
    assert trouble["where"] == "decoders" and "turned.jpg" in trouble["message"]


def test_metrics_count_what_happened(client: httpx.Client) -> None:
    for each in IMAGES:
        client.post("/v1/score", content=png(each))
    page = client.get("/metrics").text
    for line in (
        'latentloop_serving_requests_total{route="/v1/score",status="200",version="1"} 4.0',
        'latentloop_serving_images_total{version="1"} 4.0',
        'latentloop_serving_latency_seconds_count{route="/v1/score"} 4.0',
        'latentloop_serving_recon_error_count{version="1"} 4.0',
        "latentloop_serving_release_epoch 1.0",
        'latentloop_serving_version_loaded{slot="champion",version="1"} 1.0',
        'latentloop_serving_queue_depth{queue="telemetry"}',
        'latentloop_serving_lost_total{kind="capture"} 0.0',
        "latentloop_serving_object_store_reachable 1.0",
    ):
        assert line in page


def test_the_documentation_names_bodies_and_answers(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    route = document["paths"]["/v1/score"]["post"]
    assert set(route["requestBody"]["content"]) >= {"image/png", "multipart/form-data", "application/x-npy"}
    assert route["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/ScoreAnswer")
    assert route["responses"]["422"]["content"]["application/json"]["schema"]["$ref"].endswith("/RefusedAnswer")
    assert "X-Latentloop-Version" in {each["name"] for each in route["parameters"]}
    assert client.get("/docs").status_code == 200
