from __future__ import annotations

import numpy as np
import pytest

from data_checks.policy import InputPolicy
from deploy.serving.errors import Problem
from deploy.serving.gate import Admitted, require_decodable
from deploy.serving.payload import Upload
from tests.deploy.serving.house import png
from vae_core.preprocessing import Preprocessing

FILE = Upload("a", png(np.zeros((1, 100, 100), np.uint8)))
POLICY = InputPolicy(max_pixels=30_000)


@pytest.mark.parametrize("channels", [1, 3])
def test_files_that_together_decode_to_more_than_one_may_are_a_413_before_one_is_decoded(channels: int) -> None:
    any_size = Preprocessing(channels=channels, fit="stretch")
    require_decodable([FILE] * 3, any_size, POLICY)
    with pytest.raises(
        Problem, match="at most 30000 pixels .* came 40000 in 4 files: .*input_policy.max_pix"
    ) as caught:
        require_decodable([FILE] * 4, any_size, POLICY)
    assert caught.value.status == 413


def test_where_nothing_is_resized_a_file_of_another_size_is_left_to_the_gate() -> None:
    require_decodable([FILE] * 9, Preprocessing(), POLICY)


def test_what_a_request_holds_is_its_content_and_its_pixels() -> None:
    uploads = (Upload("a", b"four"), Upload("", np.zeros(3, np.float64)))
    assert Admitted(uploads, np.zeros((2, 1, 28, 28), np.uint8), ()).size == 4 + 24 + 2 * 784
