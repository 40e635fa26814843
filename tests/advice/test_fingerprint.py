"""Hosts compared with the host of an advice."""

from dataclasses import replace

import pytest

from tests.advice.advice_of import HOST
from tuner.advice.fingerprint import compare
from tuner.advice.records import HostRecord
from tuner.domain.host import Host
from tuner.probe.host import describe_host


@pytest.mark.parametrize(
    ("changed", "level", "reason"),
    [
        ({}, "same", ()),
        ({"cpu": "B CPU"}, "different", ("CPU: A CPU -> B CPU",)),
        ({"cores": 8}, "different", ("cores: 2 -> 8",)),
        ({"cgroup_cores": 1.5}, "different", ("quota of CPU time: none -> 1.5 cores",)),
        ({"cgroup_cores": 4.0}, "same", ()),
        ({"cpuset": (0, 1)}, "compatible", ("cpuset: all -> 0,1",)),
        ({"cores": 1, "cpuset": (1,)}, "different", ("cores: 2 -> 1", "cpuset: all -> 1")),
        ({"devices": {"CPU": "another"}}, "different", ("CPU: A CPU -> another",)),
        ({"devices": {}}, "different", ("CPU: A CPU -> none",)),
        ({"devices": {"CPU": "A CPU", "GPU": "new"}}, "same", ()),
        ({"openvino": "2027.1.0"}, "compatible", ("OpenVINO: 2026.4.1 -> 2027.1.0",)),
        ({"drivers": {"CPU": "5"}}, "compatible", ("driver of CPU: none -> 5",)),
        ({"drivers": {"NPU": "5"}}, "same", ()),
        ({"os": "Linux 7"}, "compatible", ("OS: Linux -> Linux 7",)),
        ({"memory_mb": 1090}, "same", ()),
        ({"memory_mb": 500}, "compatible", ("memory: 1000 MiB -> 500 MiB",)),
    ],
)
def test_hosts_are_the_same_compatible_or_different_with_reasons(changed, level, reason):
    fit = compare(HOST, replace(HOST, **changed), ("CPU",))
    assert (fit.level, fit.reasons) == (level, reason)


def test_the_fingerprint_holds_what_the_issue_of_a_slow_program_turns_on():
    here = describe_host()
    assert isinstance(here, Host)
    assert set(HostRecord.__struct_fields__) == {
        "cpu", "cores", "memory_mb", "os", "openvino", "devices", "cgroup_cores", "drivers", "cpuset",
        "memory_limit_mb", "cpu_weight",
    }  # fmt: skip
