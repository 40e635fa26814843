from tuner.domain.configuration import Configuration
from tuner.domain.properties import as_text, as_texts, frozen, thawed

PLAIN = {"NUM_STREAMS": 2, "DEVICE_PROPERTIES": {"GPU": {"NUM_STREAMS": 1, "ALLOW_AUTO_BATCHING": False}}}


def test_every_value_goes_out_as_openvino_reads_it_from_text():
    assert [as_text(value) for value in (2, True, False, "HIGH", 0.5)] == ["2", "YES", "NO", "HIGH", "0.5"]


def test_devices_own_properties_go_out_as_texts_too():
    own = {"GPU": {"NUM_STREAMS": "1", "ALLOW_AUTO_BATCHING": "NO"}}
    assert as_texts(PLAIN) == {"NUM_STREAMS": "2", "DEVICE_PROPERTIES": own}


def test_a_configuration_keeps_plain_values_and_compiles_with_texts():
    combination = Configuration.of("MULTI:GPU,CPU", PLAIN, 1, 2)
    assert combination.plain_properties == PLAIN
    assert combination.compile_properties == as_texts(PLAIN)
    assert thawed(frozen(PLAIN)) == PLAIN
