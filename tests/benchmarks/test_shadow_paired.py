import numpy as np

from benchmarks.shadow_paired import requests_to_clear, requests_to_recognise, unpaired_requests


def test_both_questions_are_answered_for_every_trace_within_it() -> None:
    recognised, cleared = (measure("lognormal", 20, seed=0) for measure in (requests_to_recognise, requests_to_clear))
    assert recognised.shape == cleared.shape == (20,)
    assert (recognised >= 250).all() and (cleared >= 1_000).all()
    assert np.median(recognised) < 600 and np.median(cleared) < 1_500


def test_a_trace_that_is_never_decided_counts_as_a_whole() -> None:
    assert (unpaired_requests("lognormal", 3, seed=0, requests=3_000) == 3_000).all()
