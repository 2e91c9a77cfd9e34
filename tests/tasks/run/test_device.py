"""The device of the settings: where this machine has none of that name, one line says what it has and what to do."""

from __future__ import annotations

import pytest

from tasks.errors import DeviceMissing
from tasks.run.device import Cuda, training_device
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened


def _machine(count: int, built_for: str | None = "12.8") -> Cuda:
    """One with so many CUDA devices."""
    return Cuda(count, lambda index: f"Card {index}", built_for)


@pytest.mark.parametrize(("device", "count"), [("cpu", 0), ("cpu", 1), ("cuda", 1), ("cuda:0", 1), ("cuda:1", 2)])
def test_a_device_that_is_there_is_answered_as_the_settings_name_it(
    configure: Configure, device: str, count: int
) -> None:
    configure(f'[training]\ndevice = "{device}"\n')
    assert training_device(opened(), _machine(count)) == device


@pytest.mark.parametrize(
    ("device", "count", "there"),
    [
        ("cuda", 0, "no CUDA device"),
        ("cuda:1", 1, r"cuda:0 \(Card 0\)"),
        ("cuda:2", 2, r"cuda:0 \(Card 0\), cuda:1 \(Card 1\)"),
    ],
)
def test_a_device_that_is_absent_is_one_line_with_what_is_there_and_what_to_do(
    configure: Configure, device: str, count: int, there: str
) -> None:
    configure(f'[training]\ndevice = "{device}"\n')
    expected = (
        rf'^device: expected "{device}", the \[training\] device of the settings, this machine has {there}.*; let a '
        r'worker run this where that device is, or set LATENTLOOP_TRAINING__DEVICE="cpu" for this one$'
    )
    with pytest.raises(DeviceMissing, match=expected) as raised:
        training_device(opened(), _machine(count))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("built", "said"), [(None, "is built without CUDA"), ("12.8", "")])
def test_a_torch_without_cuda_is_named(configure: Configure, built: str | None, said: str) -> None:
    configure('[training]\ndevice = "cuda"\n')
    with pytest.raises(DeviceMissing) as raised:
        training_device(opened(), _machine(0, built))
    assert ("built without CUDA" in str(raised.value)) == bool(said)
