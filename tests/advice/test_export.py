"""Exports are used for what they are: `benchmark_app`, Python, a C++ compiler; the server's file against its schema."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import openvino as ov
import pytest
from openvino import opset13 as ops

from tests import models
from tests.advice.advice_of import advice_of
from tuner.advice.advice import Advice
from tuner.advice.export import EXPORTS

SCRIPTS = Path(sys.executable).parent

SERVER_SCHEMA = {
    "type": "object",
    "required": ["model_config_list"],
    "additionalProperties": False,
    "properties": {
        "model_config_list": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["config"],
                "additionalProperties": False,
                "properties": {
                    "config": {
                        "type": "object",
                        "required": ["name", "base_path"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "base_path": {"type": "string"},
                            "batch_size": {"type": ["integer", "string"], "minimum": 0},
                            "shape": {
                                "type": "object",
                                "additionalProperties": {"type": "string", "pattern": r"^\(\d+(,\d+)*\)$"},
                            },
                            "nireq": {"type": "integer", "minimum": 0},
                            "stateful": {"type": "boolean"},
                            "target_device": {"type": "string"},
                            "plugin_config": {"type": "object", "additionalProperties": {"type": "string"}},
                        },
                    }
                },
            },
        }
    },
}
"""What the server's own schema (src/schema.cpp) and the parser of `plugin_config` take of these fields."""


def exported(advice: Advice, program: str, folder: Path) -> tuple[Path, str]:
    export = EXPORTS[program](advice)
    path = folder / export.name
    path.write_text(export.text)
    return path, export.line(str(path))


def run(command, **options):
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=True, timeout=300, **options
    )


@pytest.mark.parametrize(
    ("properties", "batch", "requests", "streams"),
    [
        ({"NUM_STREAMS": 1}, 4, 3, 1),
        ({"NUM_STREAMS": 2, "ENABLE_CPU_PINNING": False}, 1, 5, 2),
        ({"PERFORMANCE_HINT": "THROUGHPUT"}, 8, 4, None),
    ],
)
def test_benchmark_app_measures_the_same_configuration(tmp_path, properties, batch, requests, streams):
    advice = advice_of(models.wide(tmp_path / "wide.xml"), properties, batch, requests)
    _, command = exported(advice, "benchmark_app", tmp_path)
    words = shlex.split(command)
    report = run([SCRIPTS / words[0], *words[1:-1], 1]).stdout
    reported = dict(re.findall(r"^\[ INFO \]\s+(\w+): (\w+)$", report, re.M))
    compiled = advice.compile()
    assert (
        int(reported["NUM_STREAMS"])
        == compiled.get_property("NUM_STREAMS")
        == (streams or int(reported["NUM_STREAMS"]))
    )
    assert reported["PERFORMANCE_HINT"] == compiled.get_property("PERFORMANCE_HINT")
    assert reported["ENABLE_CPU_PINNING"] == str(compiled.get_property("ENABLE_CPU_PINNING"))
    assert f"{requests} inference requests" in report
    assert f"model batch size: {batch}" in report.lower() or f"batch size: {batch}" in report.lower()
    (count,) = re.findall(r"Count:\s+(\d+) iterations", report)
    (duration,) = re.findall(r"Duration:\s+([\d.]+) ms", report)
    (fps,) = re.findall(r"Throughput:\s+([\d.]+) FPS", report)
    assert float(fps) == pytest.approx(int(count) * batch / float(duration) * 1e3, rel=0.01)


@pytest.mark.parametrize(
    "make",
    [
        models.image_of_fixed_batch,
        pytest.param(models.two_inputs_and_a_scalar, marks=pytest.mark.slow),
        pytest.param(models.embedding, marks=pytest.mark.slow),
    ],
)
def test_benchmark_app_leaves_the_types_of_inputs_alone(tmp_path, make):
    """What looks like an image would become u8."""
    advice = advice_of(make(tmp_path / "m.xml"), batch=1)
    _, command = exported(advice, "benchmark_app", tmp_path)
    words = shlex.split(command)
    report = run([SCRIPTS / words[0], *words[1:-1], 1]).stdout
    compiled = report.partition("[Step 6/11]")[2].partition("[Step 7/11]")[0]
    for name, given in advice.model.inputs.items():
        assert re.search(rf"{name} \(node: {name}\) : {given.type} /", compiled), report


@pytest.mark.parametrize(
    ("kinds", "option"),
    [
        ((ov.Type.boolean,), ["-ip", "bool"]),
        ((ov.Type.boolean, ov.Type.f32), ["-iop", "a:bool,b:f32"]),
        ((ov.Type.bf16,), []),
        ((ov.Type.bf16, ov.Type.i64), ["-iop", "b:i64"]),
    ],
)
def test_benchmark_app_gets_its_own_names_of_element_types(tmp_path, kinds, option):
    inputs = [models.parameter([1, 4], kind, name) for kind, name in zip(kinds, "ab", strict=False)]
    path = models.save(tmp_path / "m.xml", [ops.result(ops.convert(node, "f32")) for node in inputs], inputs)
    words = shlex.split(exported(advice_of(path, batch=1), "benchmark_app", tmp_path)[1])
    assert words[words.index("-layout") + 2 : words.index("-t")] == option
    if option == ["-ip", "bool"]:
        assert "Throughput:" in run([SCRIPTS / words[0], *words[1:-1], 1]).stdout


def test_settings_of_each_device_are_written_as_benchmark_app_reads_them(tmp_path):
    each = {"CPU": {"NUM_STREAMS": 2, "ENABLE_CPU_PINNING": False}, "EMU": {"NUM_STREAMS": 1}}
    properties = {"PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT", "DEVICE_PROPERTIES": each}
    advice = advice_of(models.mlp(tmp_path / "m.xml"), properties, device="AUTO:EMU,CPU")
    path, command = exported(advice, "benchmark_app", tmp_path)
    assert "-d AUTO:EMU,CPU -hint none -load_config" in command
    from openvino.tools.benchmark.utils.utils import load_config

    config = {}
    load_config(path, config)
    read = {name: value.value for name, value in config["AUTO"].items()}
    assert read["PERFORMANCE_HINT"] == "CUMULATIVE_THROUGHPUT"
    assert read["DEVICE_PROPERTIES"] == {
        "CPU": {"NUM_STREAMS": "2", "ENABLE_CPU_PINNING": "NO"},
        "EMU": {"NUM_STREAMS": "1"},
    }


def test_the_servers_file_follows_its_schema(tmp_path):
    path = models.two_inputs_and_a_scalar(tmp_path / "m.xml")
    advice = advice_of(path, {"NUM_STREAMS": 2, "ENABLE_CPU_PINNING": False}, batch=8, requests=3)
    export = EXPORTS["ovms"](advice)
    document = json.loads(export.text)
    jsonschema.validate(document, SERVER_SCHEMA)
    (entry,) = document["model_config_list"]
    assert entry["config"] == {
        "name": "m",
        "base_path": "/models/m",
        "target_device": "CPU",
        "nireq": 3,
        "shape": {"x": "(8,16)", "y": "(8,16)"},
        "plugin_config": {"NUM_STREAMS": "2", "ENABLE_CPU_PINNING": "NO"},
    }
    assert export.notes[0].startswith("The server looks for m.xml in /models/m/1/")
    assert export.notes[1] == "The server does not gather requests: clients must send 8 items at once."


def test_the_server_is_told_that_a_model_keeps_a_state(tmp_path):
    advice = advice_of(models.stateful(tmp_path / "m.xml"), batch=1)
    assert advice.model.stateful
    written = json.loads(EXPORTS["json"](advice).text)
    export = EXPORTS["ovms"](advice)
    assert "clients must send sequence_id and sequence_control_input" in export.notes[1]
    document = json.loads(export.text)
    jsonschema.validate(document, SERVER_SCHEMA)
    assert document["model_config_list"][0]["config"]["stateful"] is written["model"]["stateful"] is True
    plain = advice_of(models.mlp(tmp_path / "plain.xml"), batch=1)
    assert "stateful" not in EXPORTS["ovms"](plain).text + EXPORTS["json"](plain).text


def test_what_the_server_cannot_express_is_said(tmp_path):
    each = {"CPU": {"NUM_STREAMS": 2}}
    properties = {"PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT", "DEVICE_PROPERTIES": each}
    export = EXPORTS["ovms"](advice_of(models.mlp(tmp_path / "m.xml"), properties, 1, device="AUTO:EMU,CPU"))
    jsonschema.validate(json.loads(export.text), SERVER_SCHEMA)
    assert "DEVICE_PROPERTIES" not in export.text
    assert "cannot hold DEVICE_PROPERTIES" in export.notes[-1]


ODD = 'odd "name" \\ $5 {x}.xml'


@pytest.mark.parametrize(("properties", "device"), [
    ({"NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}, "CPU"),
    ({"PERFORMANCE_HINT": "THROUGHPUT"}, "CPU"),
])  # fmt: skip
def test_the_python_program_runs_as_it_is(tmp_path, properties, device):
    advice = advice_of(models.wide(tmp_path / ODD), properties, device=device)
    path, _ = exported(advice, "python", tmp_path)
    fps = run([sys.executable, path, advice.model.path, 0.2]).stdout
    assert float(fps.removesuffix(" items/s\n")) > 0
    assert "import tuner" not in path.read_text()


def build(source: Path) -> Path:
    """Compile a program against the headers and libraries of the installed wheel, as CMake would."""
    package, program = Path(ov.__file__).parent, source.with_suffix("")
    (library,) = (package / "libs").glob("libopenvino.so.*")
    run(
        [
            "g++",
            "-std=c++17",
            f"-D_GLIBCXX_USE_CXX11_ABI={int(b'__cxx11' in library.read_bytes())}",  # wheels of 2025 have the old ABI
            source,
            "-I",
            package / "include",
            library,
            f"-Wl,-rpath,{library.parent}",
            "-o",
            program,
        ]
    )
    return program


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++ (apt-get install g++)")
def test_the_cpp_program_compiles_and_runs_as_it_is(tmp_path):
    advice = advice_of(models.wide(tmp_path / ODD), {"NUM_STREAMS": 2, "ENABLE_CPU_PINNING": False}, 4, 3)
    source, _ = exported(advice, "cpp", tmp_path)
    program = build(source)
    fps = run([program, advice.model.path, 0.2]).stdout
    assert float(fps.removesuffix(" items/s\n")) > 0
    gone = subprocess.run([program, tmp_path / "none.xml"], capture_output=True, check=False)
    assert gone.returncode != 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake (apt-get install cmake)")
def test_the_cpp_program_is_built_with_cmake_as_it_says(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"), {"NUM_STREAMS": 1})
    exported(advice, "cpp", tmp_path)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(run CXX)\nset(CMAKE_CXX_STANDARD 17)\n"
        "find_package(OpenVINO REQUIRED)\nadd_executable(run run.cpp)\n"
        "target_link_libraries(run PRIVATE openvino::runtime)\n"
    )
    package = Path(ov.__file__).parent
    run(["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DOpenVINO_DIR={package / 'cmake'}"])
    run(["cmake", "--build", tmp_path / "build"])
    assert " items/s" in run([tmp_path / "build" / "run", advice.model.path, 0.2]).stdout


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++ (apt-get install g++)")
def test_a_cpp_program_for_several_devices_compiles(tmp_path):
    each = {"CPU": {"NUM_STREAMS": 2}, "EMU": {"ENABLE_CPU_PINNING": True}}
    properties = {"PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT", "DEVICE_PROPERTIES": each}
    advice = advice_of(models.two_inputs_and_a_scalar(tmp_path / "m.xml"), properties, device="AUTO:EMU,CPU")
    source, _ = exported(advice, "cpp", tmp_path)
    assert os.access(build(source), os.X_OK)


def test_json_is_the_whole_advice(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    assert json.loads(EXPORTS["json"](advice).text)["best"]["batch"] == advice.batch
