"""The number format of a training, by what was asked and what the processor can do."""

import pytest
import torch

from vae_core.errors import DataError
from vae_core.training.objectives.precision import autocast, resolve_precision


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx512_bf16": True}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16"),
        ({"avx512_f": True, "avx512_bf16": False}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_auto_takes_bf16_where_the_processor_computes_in_it(features, expected):
    assert resolve_precision("auto", "cpu", lambda: features) == expected


def test_auto_has_an_answer_on_this_machine():
    assert resolve_precision("auto", "cpu") in ("fp32", "bf16")


@pytest.mark.parametrize("word", ["fp32", "bf16"])
def test_what_was_asked_for_stays(word):
    assert resolve_precision(word, "cpu") == word


def test_another_word_is_refused():
    with pytest.raises(DataError, match="expected auto, fp32 or bf16, came 'fp16'"):
        resolve_precision("fp16", "cpu")


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_products_are_computed_in_the_precision(precision, dtype):
    with autocast(precision, "cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_auto_has_an_answer_on_a_gpu():
    assert resolve_precision("auto", "cuda") in ("fp32", "bf16")
