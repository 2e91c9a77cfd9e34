"""What a task raises when the work cannot be done as things are; each carries a finished line for the user.

A final one closes the trigger: the same trigger, started again, would end the same way. The others may pass once more
images came, or a person made room.

TaskError
├── NotEnoughData     too few images, or none that may be trained on
├── DataRefused       final: the data of the plan did not pass its checks
├── NoChampion        final: a tier that starts from the champion was asked for before there is one
├── TrialOver         final: a trial was to be measured that has ended meanwhile
├── DiskFull          the decoded images of a training do not fit on the disk of the work folder
├── SnapshotMissing   final: a retraining for drift without the stored report that asks for it
├── PlanOutdated      final: the plan is of another catalogue than the one of today's settings
└── DeviceMissing     the settings name a device that this machine does not have
"""

from __future__ import annotations

from typing import ClassVar


class TaskError(Exception):
    """Root of the family."""

    final: ClassVar[bool] = False


class NotEnoughData(TaskError):
    """What was expected, and what the catalogue holds."""


class DataRefused(TaskError):
    """The verdict's reason."""

    final = True


class NoChampion(TaskError):
    """The tier, and the one to run first."""

    final = True


class TrialOver(TaskError):
    """The trial that was to be measured, and what the release says."""

    final = True


class DiskFull(TaskError):
    """The folder, the bytes that were needed there, and the two ways out."""


class SnapshotMissing(TaskError):
    """The snapshot that was expected in the object store."""

    final = True


class PlanOutdated(TaskError):
    """Both catalogues, and that the retraining begins anew."""

    final = True


class DeviceMissing(TaskError):
    """The device of the settings, what this machine has, and the two ways out."""
