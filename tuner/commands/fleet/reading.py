"""Reads a plan and makes its pairs, or says everything that is wrong with it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from tuner.advice.parsing import CONFIG_NAME, MOST_BYTES, PARSING_FAILS, shortened, with_lines
from tuner.advice.records import Record
from tuner.commands.asked import Asked, asked_of
from tuner.commands.fleet.options import option
from tuner.commands.fleet.pairs import CLUSTER, HERE, QUESTION, Pair
from tuner.commands.fleet.plan import KindPart, ModelPart, Options, Plan
from tuner.commands.fleet.problems import Place, Problems
from tuner.commands.on_a_cluster import labels_of
from tuner.errors import ModelError, PlanError, UsageError
from tuner.probe.model import read_model
from tuner.probe.model_files import is_model, require_usable_path
from tuner.probe.plain_files import read_plain

INDEX_NAME = "index.html"
NAME = r"\w[\w.-]{0,63}"
"""Names become folders."""

WHAT_A_NAME_HAS = "give up to 64 letters, digits, '-', '_' and '.', a letter or digit first"

TAKEN = (INDEX_NAME, CONFIG_NAME)
"""Files beside the folders that are called as models and kinds."""

GUIDE = "docs/fleet.md shows one"

MOST_NAMED = 3
"""Pairs that a sentence names."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A kind, a model or a question of a plan: its record, and its options as `tuner.search` takes them."""

    place: Place
    record: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)


def read_plan(
    path: str | Path,
    kind: str | None = None,
    output: str | os.PathLike[str] | None = None,
    reads_models: bool = False,
) -> list[Pair]:
    """Return the pairs of a plan, in the order of the file: by model, question and kind.

    Args:
        path: The plan, a YAML file. Paths in it begin at its folder.
        kind: The only kind that is searched, on a host of that kind, without Ray; None for all.
        output: Folder to write to, in place of the plan's own.
        reads_models: Whether to read the models, too: that takes seconds for a large one.

    Raises:
        PlanError: With everything that is wrong with it.
    """
    path = Path(path)
    document, problems = _document(path)
    plan = _top(document, problems)
    defaults = _Part(("defaults",), *_read(plan["defaults"], Options, ("defaults",), problems, path.parent))
    kinds = _parts("kinds", plan["kinds"], KindPart, problems, path.parent)
    models = _parts("models", plan["models"], ModelPart, problems, path.parent)
    questions = _parts("questions", plan["questions"], Options, problems, path.parent)
    ray = plan["ray"] if kind is None else None
    if kind is None:
        _check_hosts(kinds, ray, problems)
    elif kind not in kinds:
        problems.add(("kinds",), f"there is no kind '{kind}'{_nearest(kind, kinds)}")
    for part in models.values():
        _check_model(part, kinds, questions, problems, path.parent)
    problems.refuse()  # what follows is only about parts that have a meaning by themselves

    folder = Path(output) if output else path.parent / (plan["output"] or f"reports/{path.stem}")
    kinds = kinds or {CLUSTER if ray else HERE: _Part(("kinds",))}
    questions = questions or {QUESTION: _Part(("questions",))}
    pairs = [
        Pair(
            model,
            question,
            host,
            path.parent / part.record.model,
            folder / model / question / host,
            {**defaults.options, **kinds[host].options, **part.options, **questions[question].options},
            ray,
            _given(kinds[host].record, "hosts") if ray else None,
        )
        for model, part in models.items()
        for question in dict.fromkeys(_given(part.record, "questions") or questions)
        for host in dict.fromkeys(_given(part.record, "kinds") or kinds)
    ]
    if kind is not None and all(pair.kind != kind for pair in pairs):
        problems.add(("kinds",), f"no model is searched on the kind '{kind}'")
    _check_pairs(pairs, problems, reads_models)
    problems.refuse()
    return pairs


def _document(path: Path) -> tuple[Any, Problems]:
    """Return the content of a plan as plain data."""
    try:
        content = read_plain(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        sentence = f"{str(path)!r} cannot be read ({why}); give the path of a plan, {GUIDE}."
        raise PlanError([sentence]) from error
    try:
        document, lines = with_lines(content.decode())
    except PARSING_FAILS as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        why = getattr(error, "problem", None) or " ".join(str(error).split()) or type(error).__name__
        raise PlanError([f"{place}: it is not valid YAML ({shortened(why)}); {GUIDE}."]) from error
    return document, Problems(path, lines)


def _top(document: Any, problems: Problems) -> dict[str, Any]:
    """Return the parts of a plan by name, None for those that it has not."""
    fields = [each.encode_name for each in msgspec.structs.fields(Plan)]
    given = problems.mapping(document, (), "{models: {resnet: {model: resnet50.xml}}}")
    for name in given:
        if name not in fields:
            problems.add((name,), f"unknown field `{name}`{_nearest(name, fields)}")
    for name in ("output", "ray"):
        if name in given and not (isinstance(given[name], str) and given[name]):
            problems.add((name,), f"expected text, got {shortened(repr(given.pop(name)))}")
    if not given.get("models"):
        problems.add((), "there are no models; give for example models: {resnet: {model: resnet50.xml}}")
    return {name: given.get(name) for name in fields}


def _parts(name: str, given: Any, record: type[Record], problems: Problems, folder: Path) -> dict[str, _Part]:
    """Return the kinds, models or questions of a plan by name."""
    found = {}
    for each, fields in problems.mapping(given, (name,), "{name: {…}}").items():
        if not re.fullmatch(NAME, each) or each in TAKEN:
            problems.add(
                (name, each), f"{each!r} cannot be a name, as it becomes a folder; {WHAT_A_NAME_HAS}"
            )
            continue
        found[each] = _Part((name, each), *_read(fields, record, (name, each), problems, folder))
    return found


def _read(
    given: Any, record: type[Record], place: Place, problems: Problems, folder: Path
) -> tuple[Any, dict[str, Any]]:
    """Return a part as its record, and its options as `tuner.search` takes them."""
    found = problems.checked(given, record, place, "{budget: 60s}")
    options = {}
    for name in Options.__struct_fields__:
        value = _given(found, name)
        if value is None:
            continue
        try:
            options[name] = option(name, value, folder)
        except UsageError as error:
            problems.add((*place, name), str(error).removeprefix(f"{name}=").removeprefix(f"{name} "))
    return found, options


def _given(record: Any, name: str) -> Any:
    """Return a field of a record; None where it was not given, or where there is no record."""
    value = getattr(record, name, None)
    return None if value is msgspec.UNSET else value


def _nearest(name: str, names: Sequence[str] | Mapping[str, Any]) -> str:
    near = get_close_matches(name, list(names), 1, 0.5)
    return f", the nearest one is `{near[0]}`" if near else ""


def _check_hosts(kinds: Mapping[str, _Part], ray: str | None, problems: Problems) -> None:
    """Check that the hosts of each kind can be reached and told from those of the others."""
    if ray is None and len(kinds) > 1:
        problems.add(
            ("kinds",),
            "hosts of several kinds need a Ray cluster; give its address, ray: auto, or search each kind on "
            "a host of its own with 'tuner fleet --kind NAME'",
        )
    labels: dict[str, str] = {}
    for name, part in kinds.items():
        label = _given(part.record, "hosts")
        try:
            labels_of(label)
        except UsageError as error:
            problems.add((*part.place, "hosts"), str(error).removeprefix("hosts="))
        if ray is None and label and len(kinds) == 1:
            problems.add(
                (*part.place, "hosts"), "it is a label of Ray's; give the cluster's address, ray: auto"
            )
        if ray and part.record and label is None and len(kinds) > 1:
            problems.add(part.place, "it has no hosts; give the labels of its nodes, hosts: kind=epyc")
        if label in labels:
            taken = f"'{label}' are the hosts of the kind '{labels[label]}' already"
            problems.add((*part.place, "hosts"), taken)
        elif label:
            labels[label] = name


def _check_model(
    part: _Part, kinds: Mapping[str, _Part], questions: Mapping[str, _Part], problems: Problems, folder: Path
) -> None:
    """Check that a model is there, and that it names kinds and questions of the plan."""
    if part.record is None:
        return
    try:
        require_usable_path(part.record.model)
        if not is_model(folder / part.record.model):
            problems.add(
                (*part.place, "model"),
                f"'{folder / part.record.model}' is not there, or no model; "
                "give an IR (.xml), ONNX or other model file",
            )
    except ModelError as error:
        problems.add((*part.place, "model"), str(error))
    named: Sequence[tuple[str, Mapping[str, _Part]]] = (("kinds", kinds), ("questions", questions))
    for what, known in named:
        for position, name in enumerate(_given(part.record, what) or ()):
            if name not in known:
                sentence = f"'{name}' is none of the plan's {what}{_nearest(name, known)}"
                problems.add((*part.place, what, position), sentence)


def _check_pairs(pairs: Sequence[Pair], problems: Problems, reads_models: bool) -> None:
    """Check that the options of each pair agree; what is wrong with several pairs is said once."""
    refused: dict[str, list[Pair]] = {}
    unread: dict[str, str] = {}
    for pair in pairs:
        try:
            asked = asked_of(pair.path, output=pair.folder, **pair.options)
            if pair.ray and asked.plugins:
                raise UsageError(
                    "plugins= names libraries of this host, which are not on the cluster's; leave it out"
                )
        except UsageError as error:
            refused.setdefault(str(error), []).append(pair)
            continue
        model = f"{asked.model} {asked.shapes}"
        if reads_models and model not in unread:
            unread[model] = _why_unread(asked)
        if why := unread.get(model):
            refused.setdefault(why, []).append(pair)
    for sentence, those in refused.items():
        place, which = _common(those, pairs, problems)
        problems.add(place, f"{which}{sentence}")


def _why_unread(asked: Asked) -> str:
    """Return why a model cannot be read or shaped; empty where it can."""
    try:
        read_model(asked.model, asked.shapes)
    except (ModelError, UsageError) as error:
        return str(error)
    return ""


def _common(those: Sequence[Pair], pairs: Sequence[Pair], problems: Problems) -> tuple[Place, str]:
    """Return the part of the plan that pairs, and no others, have in common; else their names."""
    for part in ("question", "model", "kind"):
        names = {getattr(pair, part) for pair in those}
        alike = [pair for pair in pairs if getattr(pair, part) in names]
        if len(names) == 1 and len(alike) == len(those) and problems.knows((f"{part}s", *names)):
            return (f"{part}s", *names), ""
    if len(those) == len(pairs):
        return (), "in every pair, "
    more = [f"{len(those) - MOST_NAMED} more"] if len(those) > MOST_NAMED else []
    return (), f"in {'; '.join([*map(str, those[:MOST_NAMED]), *more])}: "
