import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from hypothesis import settings

CI = os.environ.get("CI") == "true"

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if CI else "here")

INSTALLED_IN_CI = re.compile(
    r"chromium|g\+\+|gcc|cmake|opencl-headers|gpu-emulation|postgresql|mariadb-server"
)
"""What `.ci/run` installs, as the reasons of skipped tests name it."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let a test fail in CI that is skipped for want of something that CI installs."""
    report = yield
    if CI and report.skipped and not hasattr(report, "wasxfail") and INSTALLED_IN_CI.search(_reason(report)):
        report.outcome, report.longrepr = "failed", f"In CI this must not be skipped: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter):
    """List why tests were skipped, with what to install, each reason once."""
    reasons = Counter(map(_reason, terminalreporter.stats.get("skipped", ())))
    if reasons:
        terminalreporter.section("skipped tests")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count:4d}  {reason}")


def _reason(report):
    return report.longrepr[2].removeprefix("Skipped: ")


@pytest.fixture(scope="session")
def onnx_light() -> Callable[[str], Path]:
    """Light versions of well-known networks that ship inside the onnx package."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    return lambda name: folder / f"light_{name}.onnx"
