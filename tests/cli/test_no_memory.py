"""Where there is no memory left, a command ends with a sentence, whoever noticed."""

import errno

import pytest

from tuner.cli import app


def ending_with(monkeypatch, error):
    def end(**_):
        raise error

    monkeypatch.setattr(app.cli, "main", end)
    return app.main(["devices"])


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("libopenblas.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_no_memory_is_a_sentence(monkeypatch, capsys, error):
    assert ending_with(monkeypatch, error) == 4
    assert capsys.readouterr().err == f"tuner: {app.NO_MEMORY_LEFT}\n"


@pytest.mark.parametrize("error", [RuntimeError("a mistake"), ImportError("a mistake")])
def test_a_mistake_of_the_program_is_not_hidden(monkeypatch, error):
    with pytest.raises(type(error), match="a mistake"):
        ending_with(monkeypatch, error)
