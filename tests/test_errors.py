"""OpenVINO's own messages, as version 2026.4 writes them, and the line of each that says what is wrong."""

import pytest

from tuner.errors import reason

CORE = "Exception from src/inference/src/cpp/core.cpp:117:\n"
PLUGIN = "Exception from src/inference/src/dev/plugin.cpp:54:\n"
REFUSED = (
    "Exception from src/inference/src/dev/plugin_config.cpp:90:\n"
    "Invalid value: 2 for property: NUM_STREAMS\n"
    "Property description: Number of streams to be used for inference\n\n"
)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (CORE + PLUGIN + REFUSED, "Invalid value: 2 for property: NUM_STREAMS"),
        (
            CORE + PLUGIN + "Check 'it != m_options_map.end()' failed at src/dev_api/plugin_config.hpp:214:\n"
            "Option not found: INFERENCE_NUM_THREADS\n\n",
            "Option not found: INFERENCE_NUM_THREADS",
        ),
        (
            "Check 'backward_compatible_check || equal' failed at src/core/reshape_shape_inference.hpp:360:\n"
            "While validating node 'opset1::Reshape n140 () -> (f32[1,1024])' with friendly_name 'n140':\n"
            "Shape inference input shapes {[2,1024,1,1],[2]}\n"
            "Requested output shape [1,1024] is incompatible with input shape\n",
            "Requested output shape [1,1024] is incompatible with input shape",
        ),
        (
            CORE + PLUGIN + "Exception from src/plugins/auto/src/cumulative_schedule.cpp:222:\n"
            "[MULTI] compile model failed, GPU.0:" + PLUGIN + REFUSED + "; CPU: something else\n",
            "[MULTI] compile model failed, GPU.0: Invalid value: 2 for property: NUM_STREAMS",
        ),
        (
            CORE
            + "Exception from src/plugins/intel_cpu/src/config.cpp:505:\nNotFound: Unsupported property X.\n",
            "NotFound: Unsupported property X",
        ),
        ("plain", "plain"),
        ("", "RuntimeError"),
        (CORE, "RuntimeError"),
    ],
    ids=["value", "option", "shape", "several devices", "cpu", "plain", "empty", "nothing but places"],
)
def test_the_reason_is_the_line_that_says_what_was_refused(message, line):
    assert reason(RuntimeError(message)) == line
