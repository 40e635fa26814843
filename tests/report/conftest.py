import pytest

from tests.report.results import searched, view_of


@pytest.fixture(scope="module")
def result():
    return searched()


@pytest.fixture(scope="module")
def view(result):
    return view_of(result)
