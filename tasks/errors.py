"""What a task raises when the work cannot be done as things are; each carries a finished line for the user.

TaskError
├── NotEnoughData   too few images, or none that may be trained on
└── DataRefused     the data of the plan did not pass its checks
"""

from __future__ import annotations


class TaskError(Exception):
    """Root of the family."""


class NotEnoughData(TaskError):
    """What was expected, and what the catalogue holds."""


class DataRefused(TaskError):
    """The verdict's reason."""
