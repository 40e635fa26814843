"""Prints the reference of the library as Markdown, from its docstrings; `make docs` writes it to `docs/python.md`."""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import tuner
from tuner.commands.fleet.pairs import Pair
from tuner.commands.fleet.states import PairState
from tuner.commands.verify import Verification
from tuner.domain.agreement import Agreement
from tuner.domain.configuration import Configuration, Effective
from tuner.domain.result import Notice, Outcome, SearchRun, Setting
from tuner.domain.sample import Latency, Measured
from tuner.domain.stats import Speedup
from tuner.domain.trial import Candidate, Final, Trial
from tuner.domain.verdict import Verdict
from tuner.errors import TunerError
from tuner.runtime.runner import Runner
from tuner.tuning.progress import Event

HEAD = """# Python

Made by `make docs` from the docstrings. [Applications](applications.md) shows how the parts are used together,
[errors](errors.md) lists the exceptions.

`import tuner` loads neither Optuna nor the command line: names are imported when they are first used.
"""

PARTS = (
    Setting, Outcome, Verdict, Candidate, Trial, Final, Configuration, Effective, Speedup, Measured, Latency, Agreement,
    Notice, SearchRun, Verification, Runner, PairState, Pair,
)  # fmt: skip
"""What the public functions return, beside what `tuner` names itself."""

SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Yields|Warns):\n((?:    .*\n|\n)+)", re.M)
ENTRY = re.compile(r"^    (\S.*?): (.*(?:\n {5,}.*)*)", re.M)


def reference() -> str:
    public = {name: getattr(tuner, name) for name in sorted(tuner.__all__) if name != "__version__"}
    errors = {name for name, value in public.items() if _is_error(value)}
    functions = {name: value for name, value in public.items() if inspect.isroutine(value)}
    classes = {name: value for name, value in public.items() if name not in errors | set(functions)}
    parts = [HEAD, "## Functions\n"]
    parts += [_function(f"tuner.{name}", value, "###") for name, value in functions.items()]
    parts.append("## Classes\n")
    parts += [_class(f"tuner.{name}", value) for name, value in classes.items()]
    parts.append("## What they hold\n")
    parts += [_class(value.__name__, value) for value in PARTS]
    parts.append(
        "## What an observer hears\n\nEach is passed to `observer=` of `tuner.search` as it happens.\n"
    )
    parts += [_class(value.__name__, value) for value in get_args(Event)]
    return "\n".join(parts)


def _is_error(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, TunerError)


def _class(name: str, value: type) -> str:
    parts = [f"### {name}\n\n{_markdown(value)}"]
    if is_dataclass(value) and "Attributes:" not in (value.__doc__ or "") and fields(value):
        parts.append(f"Has {_listed([f'`{field.name}`' for field in fields(value)])}.\n")
    for member, found in vars(value).items():
        if member.startswith("_") or not getattr(found, "__doc__", None):
            continue
        if isinstance(found, property):
            parts.append(f"#### {name.removeprefix('tuner.')}.{member}\n\n{_markdown(found)}")
        elif inspect.isfunction(found) or isinstance(found, classmethod):
            function = getattr(value, member)
            parts.append(_function(f"{name.removeprefix('tuner.')}.{member}", function, "####"))
    return "\n".join(parts)


def _function(name: str, function: Any, level: str) -> str:
    return f"{level} {name}\n\n```text\n{_signature(name, function)}\n```\n\n{_markdown(function)}"


def _signature(name: str, function: Any) -> str:
    """Return a call with a parameter a line where one line is too long."""
    found = inspect.signature(function)
    shown = [parameter for parameter in found.parameters.values() if parameter.name != "self"]
    words = list(map(_parameter, shown))
    first = next((at for at, parameter in enumerate(shown) if parameter.kind is parameter.KEYWORD_ONLY), None)
    if first is not None:
        words.insert(first, "*")
    result = "" if found.return_annotation is inspect.Signature.empty else f" -> {found.return_annotation}"
    line = f"{name}({', '.join(words)}){result}"
    if len(line) <= 100:
        return line
    return "\n".join([f"{name}(", *(f"    {word}," for word in words), f"){result}"])


def _parameter(parameter: inspect.Parameter) -> str:
    text = f"{parameter.name}: {parameter.annotation}"
    if parameter.default is inspect.Parameter.empty:
        return text
    return f"{text} = {'...' if callable(parameter.default) else repr(parameter.default)}"


def _markdown(documented: Any) -> str:
    """Return a docstring in Google's style as Markdown."""
    text = inspect.getdoc(documented) or ""
    return SECTION.sub(_section, f"{text}\n").rstrip() + "\n"


def _section(found: re.Match[str]) -> str:
    title, body = found[1], found[2]
    entries = list(_entries(body)) if title not in {"Returns", "Yields"} else []
    if not entries:
        return f"**{title}:** {' '.join(body.split())}\n\n"
    return "\n".join([f"**{title}:**", "", *entries]) + "\n\n"


def _entries(body: str) -> Iterator[str]:
    for name, text in ENTRY.findall(body):
        yield f"- `{name}`: {' '.join(text.split())}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


if __name__ == "__main__":
    sys.stdout.write(reference())
