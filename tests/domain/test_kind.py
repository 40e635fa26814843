"""The names of kinds of host."""

from dataclasses import replace

import pytest

from tuner.advice.fingerprint import compare
from tuner.domain.host import Host
from tuner.domain.kind import LONGEST, kind_of

XEON = Host("Intel(R) Xeon(R) Processor @ 2.7GHz", 2, 8000, "Linux 6", "2026.4", {"CPU": "Intel(R) Xeon(R)"})
GPU = replace(XEON, devices={**XEON.devices, "GPU.0": "Intel(R) Arc(TM) A770"})


@pytest.mark.parametrize(
    ("host", "devices", "name"),
    [
        (XEON, (), "intel-xeon-processor-2.7ghz-2-cores"),
        (replace(XEON, cgroup_cores=1.5), (), "intel-xeon-processor-2.7ghz-2-cores-quota-1.5"),
        (GPU, (), "intel-xeon-processor-2.7ghz-2-cores-gpu.0-intel-arc-a770"),
        (GPU, ("GPU",), "intel-xeon-processor-2.7ghz-2-cores-gpu.0-intel-arc-a770"),
        (GPU, ("GPU.0",), "intel-xeon-processor-2.7ghz-2-cores-gpu.0-intel-arc-a770"),
        (GPU, ("GPU.1",), "intel-xeon-processor-2.7ghz-2-cores"),
        (GPU, ("CPU",), "intel-xeon-processor-2.7ghz-2-cores"),
        (
            replace(XEON, memory_mb=9, os="Linux 7", openvino="2027.0"),
            (),
            "intel-xeon-processor-2.7ghz-2-cores",
        ),
    ],
)
def test_a_kind_is_named_after_its_hardware(host, devices, name):
    assert kind_of(host, devices) == name


@pytest.mark.parametrize(
    "other",
    [
        replace(XEON, cpu="Intel(R) Xeon(R) Gold"),
        replace(XEON, cores=4),
        replace(XEON, cgroup_cores=1.0),
        GPU,
        replace(XEON, memory_mb=16000),
        replace(XEON, cgroup_cores=2.0),
    ],
)
def test_kinds_differ_where_hardware_does(other):
    is_other = compare(XEON, other, sorted({*XEON.devices, *other.devices})).level == "different"
    assert (kind_of(XEON) != kind_of(other)) == is_other


def test_long_names_are_cut_and_stay_apart():
    first, second = (replace(XEON, cpu=f"{'x' * 100} {end}") for end in "ab")
    assert kind_of(first) != kind_of(second)
    assert len(kind_of(first)) == LONGEST
