"""What data_checks raises when it cannot decide; a failed check is a `Verdict` or a `Refusal`.

DataChecksError
├── SplitImpossible    no choice of whole sources gives a hold-out of the wanted size, or too few images for any
└── ImageRefused       carries a refusal through the steps of input validation; never leaves it
"""

from data_checks.refusal import Refusal


class DataChecksError(Exception):
    """Base of the room's errors: the facts given do not allow a decision."""


class SplitImpossible(DataChecksError):
    """No choice of whole sources holds out enough images without holding out too many."""


class ImageRefused(DataChecksError):
    """One image must not be used: `refusal` is the reason, `detail` one line (expected, came, what to do)."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(f"{refusal}: {detail}")
        self.refusal = refusal
        self.detail = detail
