import subprocess
import sys

import pytest

import tuner

HEAVY = {"optuna", "scipy", "plotly", "matplotlib", "sqlalchemy"}


def imported_by(code: str) -> set[str]:
    program = f"import sys; {code}; print(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_public_names_are_these():
    assert sorted(tuner.__all__) == dir(tuner)
    assert {name for name in tuner.__all__ if name[0].islower()} == {
        "fleet",
        "load",
        "progress",
        "search",
        "search_kinds",
        "verify",
    }
    for name in tuner.__all__:
        assert getattr(tuner, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'find'"):
        _ = tuner.find


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import tuner", HEAVY | {"openvino", "numpy", "click", "rich"}),
        ("import tuner; tuner.load", HEAVY | {"click", "rich", "PIL"}),
        ("import tuner; tuner.load; import tuner.advice.export", HEAVY | {"click", "rich", "PIL"}),
        ("from tuner.cli.app import main; main(['--help'])", HEAVY | {"openvino", "numpy", "rich"}),
    ],
)
def test_start_up_imports_nothing_heavy(code, absent):
    assert imported_by(code) & absent == set()


def test_every_error_is_a_tuner_error_with_a_documented_exit_code():
    for name in tuner.__all__:
        value = getattr(tuner, name)
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, tuner.TunerError)
            assert value.exit_code in {2, 3, 4}


def test_a_search_loads_its_statistics_before_it_begins():
    """Loaded in the final, without memory for it, SciPy cost the answer, or tried again for ever."""
    code = "import sys, tuner.tuning.tune; sys.exit('scipy.special' not in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
