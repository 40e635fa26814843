"""Auto-tuning configuration advisor for OpenVINO.

    advice = tuner.load("reports/resnet50/config.yaml")
    compiled = advice.compile("resnet50.xml")

    result = tuner.search("resnet50.xml", budget="60s", observer=tuner.progress())

Names are imported when they are first used, so that an application that only loads advice pays
for neither the search nor the command line.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.advice.advice import Advice
    from tuner.advice.loader import load
    from tuner.cli.terminal import progress
    from tuner.commands.fleet.fleet import fleet
    from tuner.commands.fleet.mixed import search_kinds
    from tuner.commands.fleet.results import FleetResult
    from tuner.commands.search import search
    from tuner.commands.verify import verify
    from tuner.domain.result import Result

__version__ = "0.1.0"

from tuner.errors import (
    AdviceError,
    DeviceError,
    InferenceError,
    Interrupted,
    LaneError,
    ModelError,
    NeighbourError,
    PlanError,
    StorageError,
    TunerError,
    UnsavedError,
    UsageError,
)

_LAZY = {
    "Advice": "tuner.advice.advice",
    "FleetResult": "tuner.commands.fleet.results",
    "Result": "tuner.domain.result",
    "fleet": "tuner.commands.fleet.fleet",
    "load": "tuner.advice.loader",
    "progress": "tuner.cli.terminal",
    "search": "tuner.commands.search",
    "search_kinds": "tuner.commands.fleet.mixed",
    "verify": "tuner.commands.verify",
}

__all__ = [
    "Advice",
    "AdviceError",
    "DeviceError",
    "FleetResult",
    "InferenceError",
    "Interrupted",
    "LaneError",
    "ModelError",
    "NeighbourError",
    "PlanError",
    "Result",
    "StorageError",
    "TunerError",
    "UnsavedError",
    "UsageError",
    "__version__",
    "fleet",
    "load",
    "progress",
    "search",
    "search_kinds",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module 'tuner' has no attribute '{name}'")
    import warnings
    from importlib import import_module

    with warnings.catch_warnings():
        # Optuna imports tqdm, which asks for a package that nothing here needs when it is in a notebook.
        warnings.filterwarnings("ignore", message="IProgress not found")
        value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
