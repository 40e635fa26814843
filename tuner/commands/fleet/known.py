"""What earlier runs of a plan have answered: the folder of each pair holds it, there is no other record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tuner.advice.parsing import CONFIG_NAME
from tuner.commands.asked import asked_of
from tuner.commands.fleet.pairs import Pair
from tuner.commands.report import is_advice_of
from tuner.domain.result import Result
from tuner.errors import StorageError
from tuner.probe.model_files import digest
from tuner.study.reading import ended_answers
from tuner.study.storage import STUDY_NAME


def known_answers(pairs: Sequence[Pair]) -> list[Result | None]:
    """Return, without its trials, the answer of each pair whose search came to its end; None for the others.

    It counts if the same was asked, with no less time and trials, of the same model file, and if the advice
    is still beside the study. A study that cannot be read counts as none: its search says what is wrong.
    """
    hashes: dict[Path, str] = {}
    return [_known(pair, hashes) for pair in pairs]


def _known(pair: Pair, hashes: dict[Path, str]) -> Result | None:
    try:
        if not (pair.folder / STUDY_NAME).is_file():
            return None
        answers = ended_answers(str(pair.folder))
        if answers and pair.path not in hashes:
            hashes[pair.path] = digest(pair.path)
    except (StorageError, OSError):
        return None
    question = asked_of(pair.path, **pair.options).question.key
    for answer in answers:
        of_the_same = (answer.model.sha256, answer.question.key) == (hashes[pair.path], question)
        asked_as_much = pair.asks_no_more_than(answer.setting.run.command)
        if of_the_same and asked_as_much and is_advice_of(answer, pair.folder / CONFIG_NAME):
            return answer
    return None
