import psutil
import pytest

from tuner.errors import DeviceError
from tuner.probe.devices import describe, facts, list_devices, usable_cores
from tuner.probe.host import available_mb, cgroup_cores, describe_host, host_warnings


def files(root, **texts):
    for name, text in texts.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def codes(root):
    return {notice.code for notice in host_warnings(root)}


@pytest.fixture(autouse=True)
def idle_and_plugged_in(monkeypatch):
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval: 3.0)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)


def test_a_good_host_is_not_warned_about(tmp_path):
    files(tmp_path, sys__devices__system__cpu__cpu0__cpufreq__scaling_governor="performance\n")
    assert codes(tmp_path) == set()


def test_other_load_is_a_warning_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval: 60.0)
    (notice,) = host_warnings(tmp_path)
    assert notice.code == "other-load"
    assert "60 %" in notice.text
    assert "search again" in notice.text


def test_frequency_scaling_is_a_warning(tmp_path):
    files(tmp_path, sys__devices__system__cpu__cpu0__cpufreq__scaling_governor="powersave\n")
    assert codes(tmp_path) == {"frequency-scaling"}


def test_battery_is_a_warning(tmp_path, monkeypatch):
    battery = type("Battery", (), {"power_plugged": False})()
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert codes(tmp_path) == {"battery"}


def test_a_cgroup_limit_below_the_cores_is_a_warning(tmp_path):
    quota = int(usable_cores() * 50_000)
    folder = "sys/fs/cgroup/user.slice"
    (tmp_path / folder / "app").mkdir(parents=True)
    (tmp_path / folder / "cpu.max").write_text(f"{quota} 100000\n")
    (tmp_path / folder / "app" / "cpu.max").write_text("max 100000\n")
    files(tmp_path, proc__self__cgroup="0::/user.slice/app\n")
    assert cgroup_cores(tmp_path) == usable_cores() / 2
    assert codes(tmp_path) == {"cgroup-limit"}


def test_a_container_sees_its_limit_at_the_root_of_its_cgroups(tmp_path):
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text("150000 100000\n")
    files(tmp_path, proc__self__cgroup="0::/\n")
    assert cgroup_cores(tmp_path) == 1.5


def test_the_older_cgroups_are_read_too(tmp_path):
    (tmp_path / "sys/fs/cgroup/cpu").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_period_us").write_text("100000\n")
    assert cgroup_cores(tmp_path) == 0.5


def test_memory_is_what_the_tightest_control_group_leaves(tmp_path):
    assert available_mb(tmp_path) == pytest.approx(psutil.virtual_memory().available / 2**20, rel=0.2)
    folder = tmp_path / "sys/fs/cgroup/user.slice"
    (folder / "app").mkdir(parents=True)
    files(tmp_path, proc__self__cgroup="0::/user.slice/app\n")
    for name, text in {
        "memory.max": f"{100 << 20}\n",
        "memory.current": f"{80 << 20}\n",
        "memory.stat": f"anon 1\ninactive_file {30 << 20}\n",
        "app/memory.max": "max\n",
        "app/memory.current": f"{70 << 20}\n",
    }.items():
        (folder / name).write_text(text)
    assert available_mb(tmp_path) == 50
    (folder / "memory.stat").unlink()
    assert available_mb(tmp_path) == 20


def test_memory_of_the_older_cgroups_is_read_too(tmp_path):
    (tmp_path / "sys/fs/cgroup/memory").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory/memory.limit_in_bytes").write_text(f"{64 << 20}\n")
    (tmp_path / "sys/fs/cgroup/memory/memory.usage_in_bytes").write_text(f"{48 << 20}\n")
    assert available_mb(tmp_path) == 16


def test_the_host_is_described():
    host = describe_host()
    assert host.cores == usable_cores()
    assert host.memory_mb > 100
    assert "CPU" in host.devices
    assert host.openvino.count(".") == 2


def test_the_cpu_reports_its_streams_and_writable_properties():
    (cpu,) = [device for device in list_devices() if device.name == "CPU"]
    assert cpu.streams == (1, usable_cores())
    assert {"NUM_STREAMS", "ENABLE_CPU_PINNING"} <= cpu.writable
    assert facts(cpu).max_streams == usable_cores()


def test_an_unknown_device_lists_those_that_exist():
    with pytest.raises(DeviceError, match=r"There is no device 'GPU\.7' here; device= takes one of: CPU"):
        describe("GPU.7")
