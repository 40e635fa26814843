"""A plugins file whose libraries do not load: OpenVINO leaves them out in silence."""

import pytest

from tests import models
from tuner.cli.app import main
from tuner.errors import UsageError
from tuner.probe.devices import core


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


def test_a_plugin_called_like_openvinos_own_is_told_too_where_its_file_names_a_folder(tmp_path):
    text = tmp_path / "libopenvino_text_plugin.so"
    text.write_text("not a library")
    for library in (text, "/no/such/libopenvino_template_plugin.so"):
        with pytest.raises(UsageError, match="names a plugin that does not load"):
            core(str(plugins_file(tmp_path, library)))


def test_openvinos_own_plugins_may_be_without_a_driver(tmp_path):
    library = "libopenvino_intel_npu_plugin.so"
    assert core(str(plugins_file(tmp_path, library)))


@pytest.mark.parametrize("content", ["<ie></ie>", "<ie><!-- <plugins/> --></ie>", None])
def test_an_xml_file_without_plugins_is_refused(tmp_path, content):
    path = models.mlp(tmp_path / "m.xml")
    if content:
        path.write_text(content)
    with pytest.raises(UsageError, match="has no <plugins> element; give an XML file like OpenVINO's"):
        core(str(path))
