"""What vae_core raises when it cannot do its work; a model that is merely bad is a measurement, no error.

VaeCoreError
├── DataError          images or arrays of the wrong type, shape or range, or none at all
├── SealError          a sealed folder is missing, incomplete, damaged or cannot be written
├── ArtifactError      a version's folder is not what its manifest or its documents say
├── CheckpointError    a checkpoint belongs to another training, or cannot be read or written
├── DivergenceError    NaN or infinity where a finite number is needed
└── FrozenError        weights that had to stay as they were have moved
"""


class VaeCoreError(Exception):
    """Base of the room's errors; the message is one line for a person."""


class DataError(VaeCoreError):
    """The images or arrays given are not what was asked for."""


class SealError(VaeCoreError):
    """A folder cannot be sealed, or its seal is broken."""


class ArtifactError(VaeCoreError):
    """The folder of a version cannot be trusted, read or written."""


class CheckpointError(VaeCoreError):
    """A checkpoint cannot be used for this training, or cannot be read or written."""


class FrozenError(VaeCoreError):
    """What a training was to leave as it was is not what it was."""


class DivergenceError(VaeCoreError):
    """A number stopped being finite.

    In training `step` is the step whose update was withheld, and `batch_indices` are the rows of its images; without
    any it is the step after which held-out images were looked at.
    """

    def __init__(self, message: str, *, step: int | None = None, batch_indices: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.step = step
        self.batch_indices = batch_indices
