"""What may be gained. Apart, because the command line names it before it loads anything heavy."""

from __future__ import annotations

from typing import Literal, get_args

Objective = Literal["throughput", "latency", "cpu"]
"""Items per second, a short p99 latency for one caller, or little CPU time an item."""

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
