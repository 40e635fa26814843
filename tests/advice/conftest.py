import pytest

from tests import models
from tests.advice.advice_of import advice_of


@pytest.fixture
def advice(tmp_path):
    return advice_of(models.mlp(tmp_path / "m.xml"))
