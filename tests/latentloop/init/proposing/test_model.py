"""The network fits the size: about sixteen codes a side, and sizes that none takes are known beforehand."""

from __future__ import annotations

import pytest

from deploy.configuration.training import CodePriorTraining
from latentloop.init.proposing.model import find_halvings, propose_model


@pytest.mark.parametrize(
    ("size", "halvings"),
    [
        ((28, 28), 2), ((64, 64), 2), ((48, 64), 2), ((72, 72), 3), ((96, 96), 3), ((256, 256), 4), ((512, 512), 5),
        ((68, 68), 2), ((8, 8), 2), ((4, 4), None), ((50, 50), None), ((260, 260), None), ((1028, 1028), None),
    ],
)  # fmt: skip
def test_the_halvings_are_those_that_leave_about_sixteen_codes_a_side(
    size: tuple[int, int], halvings: int | None
) -> None:
    assert find_halvings(*size) == halvings


@pytest.mark.parametrize("side", range(4, 1025, 4))
def test_every_size_that_is_taken_makes_a_network_with_a_prior(side: int) -> None:
    if find_halvings(side, side) is None:
        return
    model = propose_model(3, side, side, 5_000)

    assert model.shape == (3, side, side)
    CodePriorTraining().config_for(model)


def test_few_images_get_few_codes() -> None:
    assert propose_model(1, 28, 28, 60_000).codebook_size == 512
    assert propose_model(1, 28, 28, 300).codebook_size == 256
