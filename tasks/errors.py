"""What a task raises when the work cannot be done as things are; each carries a finished line for the user.

TaskError
├── NotEnoughData     too few images, or none that may be trained on
├── DataRefused       the data of the plan did not pass its checks
├── NoChampion        a tier that starts from the champion was asked for before there is one
├── DiskFull          the decoded images of a training do not fit on the disk of the work folder
├── SnapshotMissing   a retraining for drift without the stored report that asks for it
├── ImagesChanged     the settings make other images than those that the benchmark froze
└── DeviceMissing     the settings name a device that this machine does not have
"""

from __future__ import annotations


class TaskError(Exception):
    """Root of the family."""


class NotEnoughData(TaskError):
    """What was expected, and what the catalogue holds."""


class DataRefused(TaskError):
    """The verdict's reason."""


class NoChampion(TaskError):
    """The tier, and the one to run first."""


class DiskFull(TaskError):
    """The folder, the bytes that were needed there, and the two ways out."""


class SnapshotMissing(TaskError):
    """The snapshot that was expected in the object store."""


class ImagesChanged(TaskError):
    """What the frozen set holds, what the settings make now, and the two ways out."""


class DeviceMissing(TaskError):
    """The device of the settings, what this machine has, and the two ways out."""
