"""Plans with small models, and a stand-in for the search of a pair that leaves the files of one."""

import tempfile
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import optuna

from tests.advice.advice_of import HOST, RUN
from tests.report.results import won
from tuner.advice.writer import make_advice, write_advice
from tuner.commands.asked import asked_of
from tuner.commands.fleet.pairs import Pair
from tuner.domain.result import Notice, Result
from tuner.errors import ModelError
from tuner.probe.model_files import digest
from tuner.study.storage import STUDY_NAME, Study
from tuner.tuning.progress import Started, Step, Warned

TWO_MODELS = """\
defaults: {budget: 60s, seed: 0}
models:
  small: {model: small.xml}
  large: {model: large.xml, budget: 5m}
questions:
  fast: {}
  calm: {objective: cpu, rate: 10, max_latency: 50ms}
"""


def write(folder: Path, text: str, *models: str) -> Path:
    """Write a plan, and beside it files that count as models until somebody reads them."""
    for name in models or ("small", "large"):
        (folder / f"{name}.xml").write_text(f"<net name='{name}'/>")
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def saved(pair: Pair, result: Result, is_whole: bool = True) -> Result:
    """Leave what a search of a pair with such a result leaves in its folder; `is_whole` or it was killed."""
    model = replace(result.model, name=pair.path.stem, path=str(pair.path), sha256=digest(pair.path))
    question = asked_of(pair.path, **pair.options).question
    run = replace(RUN, command=pair.command)
    setting = replace(
        result.setting, model=model, question=question, run=run, host=replace(HOST, cpu=f"{pair.kind} CPU")
    )
    result = replace(result, setting=setting, outcome=replace(result.outcome, run=run), trials=())
    pair.folder.mkdir(parents=True, exist_ok=True)
    if not (pair.folder / STUDY_NAME).exists():
        (pair.folder / STUDY_NAME).write_bytes(_empty_storage())
    with closing(Study(pair.folder / STUDY_NAME, model, setting.host, "CPU", question=question)) as study:
        study.begin(setting)
        if is_whole:
            result = study.standing(result)
            study.finish(result)
            write_advice(make_advice(result), pair.folder / "config.yaml")
            (pair.folder / "report.html").write_text("a page")
    return result


@cache
def _empty_storage() -> bytes:
    """Return a file with the tables of a study and nothing in them: to make it takes most of the time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / STUDY_NAME
        optuna.storages.RDBStorage(f"sqlite:///{path}").remove_session()
        return path.read_bytes()


class Searches:
    """Stands in for the searches of pairs: keeps which were asked for, and how each is to end."""

    def __init__(self, **endings):
        """`endings` by the model's name: an exception to raise, or a result; `warned` has what is told before."""
        self.asked: list[str] = []
        self.endings = endings
        self.warned: dict[str, Notice] = {}

    def __call__(self, pair, observer):
        self.asked.append(str(pair))
        observer(Started(pair.seconds))
        observer(Step("reading the model"))
        if notice := self.warned.get(pair.model):
            observer(Warned(notice))
        ending = self.endings.get(pair.model, won())
        if isinstance(ending, Exception):
            raise ending
        return saved(pair, ending)


UNREADABLE = ModelError("The model 'large.xml' cannot be read; give shapes={'ids': (1, 128)}.")
