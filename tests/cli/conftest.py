import pytest

from tests import models
from tests.cli.command import run


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """One real search, shared by the tests that look at what it leaves; who changes that copies it first."""
    folder = tmp_path_factory.mktemp("searched")
    model = models.wide(folder / "wide.xml")
    done = run("search", model, "--budget", "12s", "-v", "--output", folder / "out", cwd=folder)
    return done, folder / "out", model
