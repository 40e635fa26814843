"""Where no process can be started, its lane fails and nothing else."""

from contextlib import closing

import pytest

from tests import models
from tests.measure.test_lanes import THROUGHPUT, lanes_of
from tuner.domain.configuration import Configuration
from tuner.errors import LaneError

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), EOFError("unexpected EOF")])
def test_a_process_that_cannot_be_started_is_a_lane_that_failed(tmp_path, monkeypatch, error):
    lanes = lanes_of(models.mlp(tmp_path / "m.xml"))
    kind, tried = lanes._context.Process, []
    start = kind.start

    def fail_first(process):
        tried.append(process)
        if len(tried) < 3:
            raise error
        start(process)

    monkeypatch.setattr(kind, "start", fail_first)
    asked = [Configuration.of("CPU", THROUGHPUT, 1, requests) for requests in (1, 2)]
    with pytest.raises(LaneError, match=r"^no process can be started for it \(.*(Too many|unexpected)"):
        lanes.open(asked[0])
    failed, lane = lanes.open_all(asked)
    assert isinstance(failed, LaneError)
    with closing(lane):
        assert lane.alive()
