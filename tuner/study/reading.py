"""A saved study as a result, whether its search has ended, runs, or was cut short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import optuna

from tuner.domain.history import History, unfinished
from tuner.domain.result import Outcome, Result, Setting
from tuner.domain.support import latest_run_ended
from tuner.domain.trial import Trial
from tuner.errors import StorageError
from tuner.study.importance import importance
from tuner.study.opening import cause, open_storage, shown
from tuner.study.rows import answer_of, attribute, trials_of
from tuner.study.storage import STORAGE_FAILURES

UNFINISHED = "the search has not ended"


def read_results(where: str) -> list[Result]:
    """Return the result of every search in a storage; studies of other programs are left out.

    Args:
        where: A folder that a search wrote to, its `study.db`, a URL that Optuna takes as a storage, or
            `env:NAME` with the environment variable that holds one of them.

    Raises:
        StorageError: There is no storage, or no search in it.
    """
    results = _read_each(where, _result)
    if not results:
        raise StorageError(
            f"'{shown(where)}' holds no search with a trial; give a study that 'tuner search' wrote."
        )
    return results


def ended_answers(where: str) -> list[Result]:
    """Return the answers of searches whose latest run came to its end, without their trials.

    Raises:
        StorageError: There is no storage, or it cannot be read.
    """
    return [
        found
        for found in _read_each(where, lambda study, _: answer_of(study))
        if latest_run_ended(found.outcome)
    ]


def _read_each(
    where: str, read: Callable[[optuna.Study, optuna.storages.RDBStorage], Result | None]
) -> list[Result]:
    """Return what is read of each of this program's studies in a storage, where that is anything."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(where)
    try:
        names = [study.study_name for study in storage.get_all_studies() if is_ours(study.user_attrs)]
        found = [read(optuna.load_study(study_name=name, storage=storage), storage) for name in names]
    except STORAGE_FAILURES as error:
        sentence = f"'{shown(where)}' cannot be read as a study ({cause(error, where)})."
        raise StorageError(sentence) from None
    finally:
        storage.remove_session()
        storage.engine.dispose()
    return [result for result in found if result]


def is_ours(attributes: Mapping[str, Any]) -> bool:
    """Return whether a study with these attributes is one of this program."""
    owner, setting = attributes.get("owner"), attributes.get("setting")
    return isinstance(owner, Mapping) and "openvino" in owner and isinstance(setting, Mapping)


def _result(study: optuna.Study, storage: optuna.storages.RDBStorage) -> Result | None:
    """Return the result of a search; None if it has no trial."""
    setting, trials = attribute(study, "setting", Setting), trials_of(study, storage)
    if setting is None or not trials:
        return None
    if answer := answer_of(study):
        return replace(answer, trials=trials)
    return Result(setting, _unfinished(setting, trials), trials, None)


def _unfinished(setting: Setting, trials: Sequence[Trial]) -> Outcome:
    """Return what is known of a search that still runs or was killed."""
    run = replace(setting.run, trials=len(trials), seconds=max(_ends(trials), default=0.0))
    known = unfinished(History(trials, setting.bounds), UNFINISHED)
    return replace(known, run=run, importance=importance(trials))


def _ends(trials: Sequence[Trial]) -> Iterator[float]:
    return (trial.rounds[-1].at_s for trial in trials if trial.rounds)
