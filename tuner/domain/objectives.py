"""What may be gained. Apart, because the command line names it before it loads anything heavy."""

from __future__ import annotations

from typing import Literal, get_args

Objective = Literal["throughput", "latency", "cpu", "pareto", "rate"]
"""Items per second, a short p99 latency for one caller, little CPU time an item, much throughput for its p99
latency, or the highest rate of arrivals at which a limit of the latency holds."""

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
