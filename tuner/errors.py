"""Every error the project raises on purpose.

TunerError                 catch this to catch them all
├── UsageError             an option or argument that cannot mean anything (exit code 2)
├── ModelError             the model, its shapes or its inputs cannot be used (exit code 3)
├── DeviceError            the device or one of its properties cannot be used (exit code 3)
├── LaneError              one configuration failed to compile, crashed or hung
├── AdviceError            a configuration file that is no valid advice, or not for this (exit code 2)
├── InferenceError         an inference failed in the application; has the samples' indices (exit code 3)
├── StorageError           a study or an output directory that cannot be used (exit code 2)
└── Interrupted            the user asked to stop; everything so far is saved (exit code 4)
"""

import re
from typing import ClassVar


class TunerError(Exception):
    """Base of every error raised on purpose; its text is one sentence meant for the user."""

    exit_code: ClassVar[int] = 3


class UsageError(TunerError):
    """A value the user gave does not have the form that is asked for."""

    exit_code: ClassVar[int] = 2


class ModelError(TunerError):
    """The model cannot be read, shaped or fed."""


class DeviceError(TunerError):
    """The device does not exist here, or refuses a property."""


class LaneError(TunerError):
    """A lane could not compile its configuration, died, or did not answer within its limit."""


class AdviceError(TunerError):
    """A configuration file is missing, malformed, of a newer schema, or used on what it is not for."""

    exit_code: ClassVar[int] = 2


class InferenceError(TunerError):
    """An inference failed in the application.

    Attributes:
        samples: Indices of the samples in the batch that failed.
    """

    def __init__(self, sentence: str, samples: range) -> None:
        """Keep the indices beside the sentence."""
        super().__init__(sentence)
        self.samples = samples


class StorageError(TunerError):
    """A study or an output directory cannot be opened, or belongs to something else."""

    exit_code: ClassVar[int] = 2


class Interrupted(TunerError):
    """The user asked to stop (Ctrl-C or SIGTERM)."""

    exit_code: ClassVar[int] = 4


PLACES = re.compile(r"(Exception from|Check '.*?' failed at) [\w./+-]+:\d+:?")
"""Where in OpenVINO's source an error came up: before, and inside, the lines that say what it is."""

INTRODUCTIONS = ("While validating node", "Shape inference input shapes", "FrontEnd API failed")


def reason(error: BaseException) -> str:
    """Return the line of an exception that says what went wrong.

    OpenVINO's messages begin with places in its source and with introductions; what was refused is the first
    line after them, and what follows describes the property in general.
    """
    lines = [line.strip() for line in PLACES.sub("", str(error)).splitlines()]
    told = [line for line in lines if line and not line.startswith(INTRODUCTIONS)]
    if not told:
        return type(error).__name__
    first, rest = told[0], told[1:]
    return (f"{first} {rest[0]}" if first.endswith(":") and rest else first).rstrip(".")
