import pytest

from tests import models
from tests.advice.advice_of import advice_of


@pytest.fixture
def mlp(tmp_path):
    return models.mlp(tmp_path / "m.xml")


@pytest.fixture
def advice(mlp):
    return advice_of(mlp)
