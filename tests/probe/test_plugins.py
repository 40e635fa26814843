"""A plugins file whose libraries do not load: OpenVINO leaves them out in silence."""

from tests import models
from tuner.cli.app import main


def plugins_file(folder, library):
    path = folder / "plugins.xml"
    path.write_text(f'<ie><plugins><plugin name="EMU" location="{library}"/></plugins></ie>')
    return path


def test_a_plugin_that_is_no_library_is_told(capsys, tmp_path):
    model = models.mlp(tmp_path / "m.xml")
    text = tmp_path / "libtext.so"
    text.write_text("not a library")
    for library in (text, tmp_path / "none.so"):
        plugins = plugins_file(tmp_path, library)
        for arguments in (
            ["devices", "--plugins", str(plugins)],
            ["search", str(model), "--plugins", str(plugins), "--output", str(tmp_path / "out")],
        ):
            assert main(arguments) in (2, 3)
            told = capsys.readouterr()
            assert told.out == ""
            assert told.err.count("\n") == 1
            assert "EMU" in told.err
    assert not (tmp_path / "out").exists()
