from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from data_checks.policy import InputPolicy
from deploy.serving.errors import ImagesRefused, Problem
from deploy.serving.http.image_validation import Admitted, admit_uploads, require_decodable
from deploy.serving.http.payload import Upload
from deploy.serving.versions.router import LoadedVersion
from tests.data_checks.pictures import encode
from tests.deploy.serving.house import pictures, png, tiny_artifact
from vae_core.images.preprocessing import Preprocessing
from vae_core.reference import measure_reference

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


def test_a_picture_of_a_format_that_is_left_out_is_refused_with_the_setting_that_takes_it() -> None:
    version = LoadedVersion("1", "", tiny_artifact(seed=1), datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ImagesRefused) as caught:
        admit_uploads([Upload("a", encode(pictures(1)[0, 0], "GIF"))], version, InputPolicy(formats=("PNG", "JPEG")))
    (refused,) = caught.value.refused
    assert refused.reason == "format_not_wanted"
    assert refused.detail.startswith("expected PNG or JPEG, came a GIF: ")
    assert refused.detail.endswith('add "GIF" to input_policy.formats')


@pytest.mark.parametrize("known_negatives", [0, 1])
def test_a_negative_is_refused_unless_one_of_the_versions_own_images_passes_for_one(known_negatives: int) -> None:
    dark, negative = pictures(300), 255 - pictures(1, seed=9)[0]
    own = np.concatenate([dark, 255 - dark[:known_negatives]])
    artifact = tiny_artifact(seed=1)
    artifact = replace(artifact, reference=measure_reference(artifact.model, own))
    version = LoadedVersion("1", "", artifact, datetime(2026, 1, 1, tzinfo=UTC))
    admitted = admit_uploads([Upload("a", png(dark[0]))], version, InputPolicy(min_variance=0))
    assert len(admitted.pixels) == 1
    if known_negatives:
        assert len(admit_uploads([Upload("a", png(negative))], version, InputPolicy(min_variance=0)).pixels) == 1
        return
    with pytest.raises(ImagesRefused) as caught:
        admit_uploads([Upload("a", png(negative))], version, InputPolicy(min_variance=0))
    assert [each.reason for each in caught.value.refused] == ["inverted"]
