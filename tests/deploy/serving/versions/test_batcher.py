from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
import torch

from deploy.serving.config import ServingConfig
from deploy.serving.errors import Problem
from deploy.serving.versions.batcher import Batcher
from deploy.serving.versions.router import LoadedVersion
from tests.deploy.serving.house import pictures, tiny_artifact
from vae_core.inference import score_images


def _version(name: str, seed: int) -> LoadedVersion:
    return LoadedVersion(name, name * 64, tiny_artifact(seed), datetime.now(UTC))


ONE, TWO = _version("1", 1), _version("2", 2)


@pytest.fixture
def sizes() -> list[int]:
    return []


@pytest.fixture
def batcher(sizes: list[int]) -> Iterator[Batcher]:
    # long enough for every task of a test to queue, so that batches are the same on a busy machine
    batcher = Batcher(ServingConfig(batch_max=8, batch_wait_ms=50, queue_limit=16, max_images=8), sizes.append)
    batcher.start()
    yield batcher
    batcher.end()
    batcher.join()


def test_requests_that_come_together_share_a_pass_and_get_their_own_answers(batcher: Batcher, sizes: list[int]) -> None:
    images = pictures(6)

    async def scenario() -> list[float]:
        answers = await asyncio.gather(*(batcher.score(ONE, image[None]) for image in images))
        return [float(answer.scores.recon_error[0]) for answer in answers]

    together = asyncio.run(scenario())
    assert sizes == [6]
    expected = score_images(ONE.artifact.model, images).recon_error
    # the same float32 sums in another order: a few units in the last place
    np.testing.assert_allclose(together, expected, rtol=1e-5)


def test_versions_never_share_a_pass(batcher: Batcher, sizes: list[int]) -> None:
    image = pictures(1)

    async def scenario() -> list[np.ndarray]:
        answers = await asyncio.gather(*(batcher.score(v, image) for v in (ONE, TWO, ONE)))
        return [answer.scores.mu[0] for answer in answers]

    first, second, third = asyncio.run(scenario())
    assert sorted(sizes) == [1, 2]
    np.testing.assert_allclose(first, third)
    assert not np.allclose(first, second)


def test_a_batch_is_not_larger_than_it_may_be(batcher: Batcher, sizes: list[int]) -> None:
    async def scenario() -> None:
        await asyncio.gather(*(batcher.score(ONE, pictures(4)) for _ in range(4)))

    asyncio.run(scenario())
    assert sizes == [8, 8]


def test_a_full_queue_is_told_and_empties_again(batcher: Batcher) -> None:
    async def scenario() -> int:
        results = await asyncio.gather(*(batcher.score(ONE, pictures(8)) for _ in range(3)), return_exceptions=True)
        refused = [result for result in results if isinstance(result, Problem)]
        assert [problem.status for problem in refused] == [503]
        await batcher.score(ONE, pictures(8))
        return batcher.images_waiting

    assert asyncio.run(scenario()) == 0


def test_samples_give_a_spread_that_a_request_can_ask_for_again(batcher: Batcher) -> None:
    image = pictures(2)

    async def scenario(seed: int) -> np.ndarray | None:
        return (await batcher.score(ONE, image, samples=16, seed=seed)).sd

    sd, again, other = (asyncio.run(scenario(seed)) for seed in (5, 5, 6))
    assert sd is not None and again is not None and other is not None
    assert sd.shape == image.shape and (sd > 0).all()
    np.testing.assert_array_equal(sd, again)
    assert not np.array_equal(sd, other)


@pytest.mark.parametrize("damage", ["wrong shape", "not finite"])
def test_a_model_that_fails_fails_its_own_requests_only(batcher: Batcher, damage: str) -> None:
    broken = _version("3", 3)
    with torch.no_grad():
        for weight in broken.artifact.model.parameters():
            weight.fill_(float("nan"))
    image = pictures(1) if damage == "not finite" else np.zeros((1, 1, 5, 5), np.uint8)

    async def scenario() -> list[object]:
        return await asyncio.gather(
            batcher.score(broken, image), batcher.score(ONE, pictures(1)), return_exceptions=True
        )

    failed, fine = asyncio.run(scenario())
    assert isinstance(failed, Problem) and failed.status == 500 and "version 3" in str(failed)
    assert not isinstance(fine, BaseException)
