"""Everything that a store may raise.

StoreError
├── InvalidKey            the name is not one that a store accepts (traversal, empty, odd characters)
├── ObjectMissing         there is no object, table, trigger or deployment of that name
├── PreconditionFailed    a conditional write lost: somebody else wrote first
├── EpochConflict         the release row moved on since it was read
├── LeaseLost             the trigger belongs to another owner now, or is finished
├── StoreUnavailable      the neighbour does not answer: trying again later may help
├── StoreFull             no space left: nothing was written
├── StoreCorrupt          what lies in the store cannot be read as what it should be
├── NewerStore            a newer Latentloop wrote it: this program must not touch it
├── StoreRefused          the neighbour answered and said no (rights, unknown name, bad request)
├── UnsafeStore           the object store ignores conditional writes: coordinated writes are not safe on it
└── SignatureInvalid      a signed file does not carry the signature of the expected key
"""


class StoreError(Exception):
    """Root of the family: where, what was expected, what came, what to do."""


class InvalidKey(StoreError):
    """A name that no store accepts."""


class ObjectMissing(StoreError):
    """Nothing of that name is there."""


class PreconditionFailed(StoreError):
    """A conditional write lost; the store holds what somebody else wrote."""


class EpochConflict(StoreError):
    """The release row has another epoch than the caller expected; nothing was changed."""


class LeaseLost(StoreError):
    """The trigger has another owner, or is finished: the caller must stop working on it."""


class StoreUnavailable(StoreError):
    """The neighbour could not be reached; whether an interrupted write arrived is unknown."""


class StoreFull(StoreError):
    """The disk or the quota is exhausted; the old content is intact."""


class StoreCorrupt(StoreError):
    """Stored bytes or rows cannot be read as what they should be."""


class NewerStore(StoreError):
    """The database has a revision that this program does not know; nothing was changed."""


class StoreRefused(StoreError):
    """The neighbour answered with a refusal; trying again will not help."""


class UnsafeStore(StoreError):
    """The store ignores the conditions of conditional writes."""


class SignatureInvalid(StoreError):
    """A signed file is not signed by the expected key, or was changed afterwards."""
