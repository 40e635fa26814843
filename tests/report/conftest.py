import pytest

from tests.report.results import searched, view_of_kind


@pytest.fixture(scope="module")
def result():
    return searched()


@pytest.fixture(scope="module")
def view():
    return view_of_kind("searched")
