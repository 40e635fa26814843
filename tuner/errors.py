"""Every error the project raises on purpose.

TunerError                 catch this to catch them all
├── UsageError             an option or argument without a meaning here (exit code 2)
│   └── PlanError          a plan of `tuner fleet` with all that is wrong with it (exit code 2)
├── ModelError             the model, its shapes or its inputs cannot be used (exit code 3)
├── DeviceError            the device or one of its properties cannot be used (exit code 3)
├── NeighbourError         the program that a search is to run beside does not go on running (exit code 3)
├── LaneError              one configuration failed to compile, crashed or hung
├── AdviceError            a configuration file that is not valid advice, or not for this use (exit code 2)
├── InferenceError         an inference failed in the application; says which samples (exit code 3)
├── StorageError           a study or an output directory that cannot be used (exit code 2)
│   └── UnsavedError       a search has its answer, but not all of its files could be written (exit code 2)
└── Interrupted            the user asked to stop; everything so far is saved (exit code 4)
"""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar


class TunerError(Exception):
    """Base of every error raised on purpose; its text is one sentence meant for the user."""

    exit_code: ClassVar[int] = 3


class UsageError(TunerError):
    """A value that the user gave does not have the expected form."""

    exit_code: ClassVar[int] = 2


class PlanError(UsageError):
    """A plan of `tuner fleet` that cannot be carried out; nothing was started.

    Attributes:
        problems: All that is wrong with it, a sentence each, with file, line and place.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the sentences, which are the error's lines."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class ModelError(TunerError):
    """The model cannot be read, shaped or fed."""


class DeviceError(TunerError):
    """The device does not exist here, or refuses a property."""


class NeighbourError(TunerError):
    """The program beside which a search measures ended at once, or kept ending."""


class LaneError(TunerError):
    """A lane could not compile its configuration, died, or did not answer within its limit."""


class AdviceError(TunerError):
    """A configuration file is missing, malformed, of a newer schema, or used for what it was not made for."""

    exit_code: ClassVar[int] = 2


class InferenceError(TunerError):
    """An inference failed in the application.

    Attributes:
        samples: Indices of the samples that the failed batch held.
    """

    def __init__(self, sentence: str, samples: range) -> None:
        """Keep the indices beside the sentence."""
        super().__init__(sentence)
        self.samples = samples


class StorageError(TunerError):
    """A study or an output directory cannot be opened, or belongs to something else."""

    exit_code: ClassVar[int] = 2


class UnsavedError(StorageError):
    """A search ended with an answer, but a file of it could not be written; the sentence says which.

    Attributes:
        result: The search's `tuner.Result`.
        unsaved: The files that were not written.
    """

    def __init__(self, sentence: str, result: Any, unsaved: Collection[Path]) -> None:
        """Keep the answer beside the sentence."""
        super().__init__(sentence)
        self.result = result
        self.unsaved = frozenset(unsaved)


class Interrupted(TunerError):
    """The user asked to stop (Ctrl-C or SIGTERM), or the terminal was closed (SIGHUP)."""

    exit_code: ClassVar[int] = 4


PLACES = re.compile(r"(Exception from|Check '.*?' failed at) [\w./+-]+:\d+:?")
"""Places in OpenVINO's source, which stand before the lines that say what went wrong, and in them."""

INTRODUCTIONS = ("While validating node", "Shape inference input shapes", "FrontEnd API failed")
"""How the lines begin that only lead up to what went wrong."""


NO_MEMORY = re.compile("Cannot allocate memory|can't start new thread|failed to map segment")
"""What the system, Python's threads and the loading of a library say where there is no memory."""


def reason(error: BaseException) -> str:
    """Return the line of an exception that says what went wrong.

    OpenVINO's messages begin with places in its source and with introductions; the first line after them says
    what was refused, and the lines that follow describe the property in general.
    """
    lines = [line.strip() for line in PLACES.sub("", str(error)).splitlines()]
    lines = [line for line in lines if line and not line.startswith(INTRODUCTIONS)]
    if not lines:
        return type(error).__name__
    first, rest = lines[0], lines[1:]
    return (f"{first} {rest[0]}" if first.endswith(":") and rest else first).rstrip(".")


def root(error: BaseException) -> BaseException:
    """Return the first exception of a chain."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def first_cause(error: BaseException) -> str:
    """Return in a line what an error comes from: the text of the first exception in its chain.

    A database's layers wrap its errors in sentences of their own, which guess at other causes.
    """
    error = root(error)
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def lacks_memory(error: BaseException) -> bool:
    """Return whether there was no memory for something: each library says that in its own way."""
    return isinstance(error, MemoryError) or NO_MEMORY.search(str(error)) is not None
