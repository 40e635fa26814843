"""Merges the advice of several hosts into one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tuner.advice.advice import Advice
from tuner.advice.loader import read
from tuner.errors import AdviceError


def merged(paths: Sequence[Path]) -> list[Advice]:
    """Return the advice of several files, for one model on several hosts.

    Raises:
        AdviceError: A file is not valid advice, is for another model, or two files are for the same host.
    """
    profiles = [(path, advice) for path in paths for advice in read(path)]
    first_path, first = profiles[0]
    for position, (path, advice) in enumerate(profiles):
        if advice.model.sha256 != first.model.sha256:
            raise AdviceError(
                f"'{path}' is for the model '{advice.model.name}', '{first_path}' for another model "
                f"('{first.model.name}'); merge advice for one model."
            )
        for other_path, other in profiles[:position]:
            if other.host == advice.host:
                raise AdviceError(
                    f"'{other_path}' and '{path}' are for the same host ({advice.host.cpu}, "
                    f"{advice.host.cores} cores); leave one file out."
                )
    return [advice for _, advice in profiles]
