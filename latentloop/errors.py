"""What can go wrong at the front door, one finished line each.

FrontDoorError
├── DatasetMissing   no way to the offline data set worked
├── ProcessFailed    a server could not be brought to life
├── NothingToDo      the request is valid and there is nothing it could act on
│   └── UnusableLabels   a table beside the images cannot be read, contradicts itself, or means none of them
├── RunFailed        a flow run ended without its result
├── TrialFailed      a model cannot be trained on this machine
├── InitRefused      there is nothing to write settings for, or no place for them
└── DemoFailed       a chapter of the demo did not come true, or the watchdog ended it
"""

from __future__ import annotations


class FrontDoorError(Exception):
    """Root of the family."""


class DatasetMissing(FrontDoorError):
    """The message says what to do."""


class ProcessFailed(FrontDoorError):
    """Names the process, its fate, its log and the log's last line."""


class NothingToDo(FrontDoorError):
    """An empty folder, an empty catalogue."""


class UnusableLabels(NothingToDo):
    """Names the table and the line."""


class RunFailed(FrontDoorError):
    """A flow run crashed or failed; the message holds its state and its URL."""


class TrialFailed(FrontDoorError):
    """Which batch was too much, and what came of it."""


class InitRefused(FrontDoorError):
    """What of the pictures, the flags or the place keeps a settings file from being written."""


class DemoFailed(FrontDoorError):
    """What was expected in a chapter, and what came."""


class RunGoesOn(KeyboardInterrupt):
    """A person left a command whose run goes on: where the run shows, and the command that cancels it."""
