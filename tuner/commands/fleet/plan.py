"""The plan of a fleet as it is written in YAML: strict types, unknown fields refused.

`plan.schema.json` beside this file is made from them, for editors.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from tuner.advice.records import Record
from tuner.domain.objectives import Objective
from tuner.domain.units import GREATEST_SEED, MOST_NICE
from tuner.tuning.targets import Batching

Counts = str | int | list[int]
"""A count, a list of them, or a list or range as the command line takes it: `1,2,8`, `1-64`."""


class Options(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Options of a search, those of `tuner.search`; what is left out is as there."""

    device: str | list[str] | UnsetType = UNSET
    plugins: str | UnsetType = UNSET
    batching: Batching | UnsetType = UNSET
    budget: str | int | float | UnsetType = UNSET
    up_to: str | int | float | UnsetType = UNSET
    trials: Annotated[int, msgspec.Meta(ge=1)] | UnsetType = UNSET
    streams: str | int | list[int | str] | UnsetType = UNSET
    batch: Counts | UnsetType = UNSET
    requests: Counts | UnsetType = UNSET
    precision: str | list[str] | UnsetType = UNSET
    max_error: str | int | float | UnsetType = UNSET
    objective: Objective | UnsetType = UNSET
    max_latency: str | list[str] | UnsetType = UNSET
    max_memory: str | UnsetType = UNSET
    min_throughput: str | int | float | UnsetType = UNSET
    rate: str | int | float | UnsetType = UNSET
    arrivals: str | UnsetType = UNSET
    copies: Counts | UnsetType = UNSET
    beside: str | UnsetType = UNSET
    nice: Annotated[int, msgspec.Meta(ge=0, le=MOST_NICE)] | UnsetType = UNSET
    inputs: dict[str, str] | UnsetType = UNSET
    shapes: dict[str, list[Annotated[int, msgspec.Meta(ge=1)]]] | UnsetType = UNSET
    cpus: str | int | float | UnsetType = UNSET
    cpuset: str | list[int] | UnsetType = UNSET
    storage: str | UnsetType = UNSET
    seed: Annotated[int, msgspec.Meta(ge=0, le=GREATEST_SEED)] | UnsetType = UNSET


class KindPart(Options, frozen=True, kw_only=True, omit_defaults=True):
    """A kind of host: the labels of its nodes in a Ray cluster, `kind=xeon,zone=a`, and options for it."""

    hosts: str | UnsetType = UNSET


class ModelPart(Options, frozen=True, kw_only=True, omit_defaults=True):
    """A model: its path, the kinds and questions that it is searched for (all unless given), and options."""

    model: str
    kinds: Annotated[list[str], msgspec.Meta(min_length=1)] | UnsetType = UNSET
    questions: Annotated[list[str], msgspec.Meta(min_length=1)] | UnsetType = UNSET


class Plan(Record, frozen=True, kw_only=True):
    """Models, kinds of host, questions: each pair of them is a search.

    The options of a search are those of `defaults`, of its kind, its model and its question; where two of
    them give the same option, the later one in this order holds.
    """

    models: Annotated[dict[str, ModelPart], msgspec.Meta(min_length=1)]
    defaults: Options | None = None
    output: str | None = None
    ray: str | None = None
    kinds: dict[str, KindPart | None] | None = None
    questions: dict[str, Options | None] | None = None


def json_schema() -> bytes:
    """Return the JSON Schema of a plan, indented, as shipped in `plan.schema.json`."""
    schema = msgspec.json.schema(Plan)
    for record in schema["$defs"].values():
        record["description"] = cleandoc(record["description"])  # before Python 3.13 it is indented
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
