"""What a plan came to, on disk: a YAML with a profile for each kind, and an index of the pairs' pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tuner.advice.advice import Advice
from tuner.advice.loader import read
from tuner.advice.parsing import CONFIG_NAME
from tuner.advice.writer import write_fleet, write_whole
from tuner.commands.fleet.problems import as_fields
from tuner.commands.fleet.reading import INDEX_NAME
from tuner.commands.fleet.states import PairState
from tuner.commands.report import REPORT_NAME
from tuner.domain.figures import count, gain, gain_name, interval
from tuner.domain.result import Result
from tuner.domain.verdict import DECIDED_FOR_ANOTHER
from tuner.errors import AdviceError, Interrupted, StorageError, TunerError
from tuner.report.index import Cell, IndexView, ModelRow, QuestionTable, index_page

UNMET = 1
"""The exit code where nothing was found that keeps the limits, as of `tuner search`."""

LEFT = {
    "failed": "failed",
    "stopped": "stopped",
    "searching": "running",
    "waiting": "waiting",
    "elsewhere": "elsewhere",
}
"""What is said of pairs that are not answered, by how far they are."""


@dataclass(frozen=True, slots=True)
class FleetResult:
    """What a plan came to.

    Attributes:
        states: How far each pair is, in the order of the plan.
        index: The page with every pair's verdict and gain; it leads to the pages of the searches.
        configs: A YAML for each model and question that has advice, with a profile for each kind of host.
    """

    states: tuple[PairState, ...]
    index: Path
    configs: tuple[Path, ...]

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it: a pair was not searched to its end, or not at all."""
        return any(not state.is_over or state.stage == "stopped" for state in self.states)

    @property
    def exit_code(self) -> int:
        """The exit code of `tuner fleet`: 4 interrupted, 3 a pair failed, 1 limits broken, else 0."""
        if self.interrupted:
            return Interrupted.exit_code
        if any(state.stage == "failed" for state in self.states):
            return TunerError.exit_code
        return UNMET if any(state.result and state.result.unmet for state in self.states) else 0


def save(
    states: Sequence[PairState], output: Path, title: str, changed: PairState | None = None
) -> FleetResult:
    """Write the YAML files and the index as far as the pairs are; searches write their own files.

    Args:
        states: Every pair, in the order of the plan.
        output: Folder to write to.
        title: Title of the index.
        changed: The only pair that has come further since; None where any may have.

    Raises:
        StorageError: A file cannot be written.
    """
    groups: dict[Path, list[PairState]] = {}
    for state in states:
        groups.setdefault(state.pair.folder.parent / CONFIG_NAME, []).append(state)
    path = index = output / INDEX_NAME
    try:
        for path, group in groups.items():
            is_new = changed is None or path.parent == changed.pair.folder.parent
            if is_new and (profiles := list(_profiles(group))):
                write_fleet(profiles, path)
        answered = (path for path, group in groups.items() if any(state.result for state in group))
        configs = tuple(path for path in answered if path.is_file())
        output.mkdir(parents=True, exist_ok=True)
        path = index
        write_whole(index_page(_view(states, output, title, configs)), index)
    except OSError as error:
        raise StorageError(
            f"'{path}' cannot be written ({error.strerror or error}); choose another folder with output=."
        ) from error
    return FleetResult(tuple(states), index, configs)


def _profiles(group: Sequence[PairState]) -> Iterator[Advice]:
    """Yield the advice for each kind of a model and question; of kinds with the same host, the first's."""
    hosts = []
    for state in group:
        if state.result is None:
            continue
        try:
            (advice,) = read(state.pair.folder)
        except (AdviceError, ValueError):  # somebody put another file there, or took it away
            continue
        if advice.host not in hosts:
            hosts.append(advice.host)
            yield advice


def summary(states: Sequence[PairState]) -> str:
    """Return how many pairs are answered, failed and left, in words."""
    answered = sum(state.stage == "answered" for state in states)
    parts = [f"{answered} of {count(len(states), 'pair')} answered"]
    for stage, words in LEFT.items():
        number = sum(state.stage == stage for state in states)
        parts += [f"{number} {words}"] if number else []
    return ", ".join(parts)


def _view(states: Sequence[PairState], output: Path, title: str, configs: Sequence[Path]) -> IndexView:
    kinds = list(dict.fromkeys(state.pair.kind for state in states))
    questions = list(dict.fromkeys(state.pair.question for state in states))
    return IndexView(
        title=title,
        summary=summary(states),
        kinds=[(kind, _processor(kind, states)) for kind in kinds],
        tables=[_table(question, kinds, states, output, configs) for question in questions],
    )


def _processor(kind: str, states: Sequence[PairState]) -> str:
    """Return the processors that a kind's answers are from; empty while there is none."""
    found = (state.result.host for state in states if state.pair.kind == kind and state.result)
    return "; ".join(dict.fromkeys(f"{host.cpu}, {count(host.cores, 'core')}" for host in found))


def _table(
    question: str, kinds: Sequence[str], states: Sequence[PairState], output: Path, configs: Sequence[Path]
) -> QuestionTable:
    asked = [state for state in states if state.pair.question == question]
    words = list(dict.fromkeys(str(state.result.question) for state in asked if state.result))
    metrics = list(dict.fromkeys(state.result.question.metric for state in asked if state.result))
    rows = []
    for model in dict.fromkeys(state.pair.model for state in asked):
        cells = {state.pair.kind: state for state in asked if state.pair.model == model}
        config = next(iter(cells.values())).pair.folder.parent / CONFIG_NAME
        found = [_cell(cells[kind], output) if kind in cells else None for kind in kinds]
        rows.append(ModelRow(model, _link(config, output) if config in configs else "", found))
    gains = "; ".join(gain_name(metric) for metric in metrics)
    return QuestionTable(question, "; or ".join(words), gains, rows)


def _cell(state: PairState, output: Path) -> Cell:
    page = state.pair.folder / REPORT_NAME
    link = _link(page, output) if page.is_file() else ""
    if state.result is None or state.stage != "answered":
        return Cell(state.stage, False, state.stage, "", "", as_fields(state.doing), link)
    result = state.result
    return Cell(
        verdict=result.verdict.kind,
        unmet=result.unmet,
        gain=answer_in_short(result),
        words=_words(result),
        configuration=str(result.verdict.best.configuration),
        sentence=result.sentence,
        page=link,
    )


def _words(result: Result) -> str:
    """Return the verdict of a gain that is advised, with its interval; empty where there is none."""
    found = result.verdict.speedup
    if not found or not _is_advised(result):
        return ""
    ends = interval(found.low, found.high, found.metric)
    return ", ".join(part for part in (result.verdict.kind.replace("_", " "), ends) if part)


def answer_in_short(result: Result) -> str:
    """Return a gain that is advised, or what else came of the search in two words."""
    found = result.verdict.speedup
    if found and _is_advised(result):
        return gain(found.ratio, metric=found.metric)
    if result.unmet:
        return "no limit kept" if len(result.question.limits) == 1 else "limits not kept"
    return result.verdict.kind.replace("_", " ")


def _is_advised(result: Result) -> bool:
    return result.verdict.kind in DECIDED_FOR_ANOTHER


def _link(path: Path, output: Path) -> str:
    """Return where a file is, as seen from the index."""
    return quote(path.relative_to(output).as_posix())
