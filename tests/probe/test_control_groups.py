"""What control groups allow is read from files as the kernel writes them, of both versions."""

import pytest

from tuner.domain.place import Quota, Throttling
from tuner.probe.control_groups import (
    Held,
    held,
    limiting_group,
    memory_free,
    memory_limit_mb,
    own_groups,
    quota,
    throttling,
)

V1 = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 {seen} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n33 31 0:30 {seen} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
V2 = "30 23 0:27 {seen} /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


@pytest.fixture
def host(tmp_path):
    def host(mounts, own, **files):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/mountinfo").write_text(mounts)
        (tmp_path / "proc/self/cgroup").write_text(own)
        for path, texts in files.items():
            folder = tmp_path / "sys/fs/cgroup" / path.replace("__", "/").replace("_and_", ",")
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in texts.items():
                (folder / name).write_text(f"{text}\n")
        return tmp_path

    return host


def v1(quota_us, period_us=100_000):
    return {"cpu.cfs_quota_us": quota_us, "cpu.cfs_period_us": period_us, "cpu.shares": 1024}


def test_a_subgroup_of_the_older_version_is_looked_at_and_all_above_it(host):
    root = host(
        V1.format(seen="/"),
        "2:memory:/a\n1:cpu,cpuacct:/a/b\n",
        cpu_and_cpuacct=v1(-1),
        cpu_and_cpuacct__a=v1(150_000),
        cpu_and_cpuacct__a__b=v1(200_000),
    )
    assert quota(root) == Quota(1.5)
    assert [group.folder.name for group in own_groups("cpu", root)] == ["b", "a", "cpu,cpuacct"]


def test_a_group_of_the_new_version_and_its_period(host):
    root = host(
        V2.format(seen="/"),
        "0::/user.slice/app\n",
        **{"user.slice": {"cpu.max": "max 100000"}, "user.slice__app": {"cpu.max": "25000 50000"}},
    )
    assert quota(root) == Quota(0.5, 0.05)


def test_in_a_container_the_mounts_root_is_the_own_group(host):
    """Without a namespace of its own, a container sees a path of the host and a mount of its own group."""
    root = host(V1.format(seen="/docker/1"), "1:cpu,cpuacct:/docker/1\n", cpu_and_cpuacct=v1(50_000))
    assert quota(root) == Quota(0.5)
    inside = [group.folder for group in own_groups("cpu", root)]
    assert inside == [root / "sys/fs/cgroup/cpu,cpuacct"]


def test_with_a_namespace_the_path_is_the_root(host):
    root = host(V2.format(seen="/.."), "0::/\n", **{".": {"cpu.max": "100000 100000"}})
    assert quota(root) == Quota(1.0)


def test_without_a_limit_there_is_no_quota(host):
    root = host(V1.format(seen="/"), "1:cpu,cpuacct:/\n", cpu_and_cpuacct=v1(-1))
    assert quota(root) is None
    assert limiting_group(root) is None
    assert held(None) is None


def test_periods_are_counted_in_the_group_that_limits(host):
    root = host(
        V1.format(seen="/"),
        "1:cpu,cpuacct:/a/b\n",
        cpu_and_cpuacct__a={
            **v1(100_000),
            "cpu.stat": "nr_periods 40\nnr_throttled 10\nthrottled_time 2000000000",
        },
        cpu_and_cpuacct__a__b={**v1(-1), "cpu.stat": "nr_periods 0\nnr_throttled 0"},
    )
    before = held(limiting_group(root))
    assert before == Held(40, 10, 2.0)
    assert throttling(before, Held(50, 15, 2.5), 2.0) == Throttling(0.5, 0.25)
    assert throttling(before, before, 2.0) == Throttling(0.0, 0.0)
    assert throttling(None, before, 2.0) is None


def test_version_2_tells_the_time_in_microseconds(host):
    stat = "nr_periods 4\nnr_throttled 1\nthrottled_usec 500000"
    root = host(V2.format(seen="/"), "0::/\n", **{".": {"cpu.max": "100000 100000", "cpu.stat": stat}})
    assert held(limiting_group(root)) == Held(4, 1, 0.5)


def test_limits_of_memory_are_read_in_both_versions(host):
    root = host(
        V1.format(seen="/"),
        "2:memory:/a\n1:cpu,cpuacct:/\n",
        memory={"memory.limit_in_bytes": 9223372036854771712, "memory.usage_in_bytes": 1},
        memory__a={"memory.limit_in_bytes": 64 << 20, "memory.usage_in_bytes": 48 << 20},
    )
    assert memory_limit_mb(root) == 64.0
    assert min(memory_free(root)) == 16 << 20


@pytest.mark.parametrize(
    ("cores", "counts"), [(0.5, (1,)), (1.0, (1,)), (1.5, (1, 2)), (6.2, (6, 7)), (0.1, (1,))]
)
def test_counts_near_a_quota(cores, counts):
    assert Quota(cores).counts == counts


@pytest.mark.parametrize("text", ["", "0::", "nonsense", "1:cpu"])
def test_odd_files_are_no_quota(host, text):
    assert quota(host(V2.format(seen="/"), text)) is None


def test_on_a_host_with_both_versions_each_has_its_own_path(host):
    root = host(
        V2.format(seen="/") + V1.format(seen="/"),
        "1:cpu,cpuacct:/a\n0::/b\n",
        cpu_and_cpuacct__a=v1(150_000),
        b={"cpu.max": "50000 100000"},
    )
    first, *_ = own_groups("cpu", root)
    assert (first.folder.name, first.version) == ("b", 2)
    assert quota(root) == Quota(0.5)


def test_a_mount_with_a_space_in_its_path_is_found(host):
    root = host(V2.replace("/sys/fs/cgroup rw", "/sys/fs/cgroup/my\\040groups rw").format(seen="/"), "0::/\n")
    folder = root / "sys/fs/cgroup/my groups"
    folder.mkdir(parents=True)
    (folder / "cpu.max").write_text("50000 100000\n")
    assert quota(root) == Quota(0.5)


def test_without_figures_nothing_is_said_of_periods(host):
    root = host(V2.format(seen="/"), "0::/\n", **{".": {"cpu.max": "50000 100000"}})
    assert held(limiting_group(root)) is None
