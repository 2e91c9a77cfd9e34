from __future__ import annotations

import pytest
from pydantic import ValidationError

from deploy.serving.config import ServingConfig


def test_the_defaults_agree_with_each_other() -> None:
    config = ServingConfig()
    assert config.batch_max == 32
    assert config.capture_segment_images == 1000


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValidationError, match="bacth_max"):
        ServingConfig(bacth_max=8)


def test_all_contradictions_are_named_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        ServingConfig(queue_limit=8, max_images=9, shadow_queue=8, capture_queue=10, latency_buckets_s=(0.2, 0.1))
    message = str(caught.value)
    assert "queue_limit 8 < max_images 9" in message
    assert "shadow_queue 8 < max_images 9" in message
    assert "capture_queue 10 < capture_segment_images 1000" in message
    assert "latency_buckets_s must rise" in message
