"""What an evaluation tells while it runs."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EvaluationProgress:
    """How far an evaluation is: the stage in words, its images, and the share [0, 1] of all images seen."""

    stage: str
    done: int
    images: int
    share_done: float

    def describe(self) -> str:
        """The stage, and how many of its images are done, where that says anything.

        >>> EvaluationProgress("samples from N(0, I)", 120, 300, 0.7).describe()
        'samples from N(0, I): 120 of 300'
        """
        return f"{self.stage}: {self.done:,} of {self.images:,}" if 0 < self.done < self.images else self.stage


class ProgressCounter:
    """Turns "k of this stage's images are done" into the share of the whole evaluation."""

    def __init__(self, total: int, listener: Callable[[EvaluationProgress], None] | None) -> None:
        self._total = total
        self._listener = listener
        self._finished = 0

    def stage(self, name: str, images: int) -> Callable[[int], None]:
        """Begin a stage over so many images, and say so; the answer is called with the number that are done."""
        before = self._finished
        self._finished += images

        def report(done: int) -> None:
            if self._listener:
                self._listener(EvaluationProgress(name, done, images, (before + done) / self._total))

        report(0)
        return report
