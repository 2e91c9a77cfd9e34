"""The Fréchet benchmark measures equal things on equal terms."""

import torch

from benchmarks.frechet import run
from benchmarks.stopwatch import measure_interleaved, one_thread


def test_all_three_forms_agree_and_are_timed_once_a_round() -> None:
    results = {result.name: result for result in run(dim=24, n=200, rounds=3)}
    assert results["relative_error"].value < 1e-6
    assert results["relative_error_symmetric_eigh"].value < 1e-6
    for name in ("cholesky_eigvalsh", "symmetric_eigh", "scipy_sqrtm"):
        assert results[f"{name}_cpu_s"].n == 3
        assert results[f"{name}_cpu_s"].value >= 0


def test_contestants_take_turns() -> None:
    order: list[str] = []

    def contestant(name: str) -> float:
        order.append(name)
        return float(len(order))

    seconds, values = measure_interleaved({"a": lambda: contestant("a"), "b": lambda: contestant("b")}, 2)
    assert order == ["a", "b", "a", "b"]
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}
    assert values == {"a": 3.0, "b": 4.0}


def test_one_thread_is_given_back_afterwards() -> None:
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
