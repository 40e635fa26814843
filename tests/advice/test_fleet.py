"""Advice for several hosts in one file."""

import pytest

from tests import models
from tests.advice.advice_of import advice_of, on
from tuner.advice.fleet import merged
from tuner.advice.loader import fitting, load, read
from tuner.advice.writer import write_advice, write_fleet
from tuner.errors import AdviceError
from tuner.probe.host import describe_host


def test_a_fleet_gives_every_host_its_own_advice(advice, tmp_path):
    here = describe_host()
    profiles = [on(advice, cores=64), on(advice, openvino="2020.1"), advice]
    write_fleet(profiles, tmp_path / "fleet.yaml")
    assert read(tmp_path / "fleet.yaml") == profiles
    assert load(tmp_path / "fleet.yaml") == advice
    assert fitting(profiles[:2], here).host.openvino == "2020.1"
    assert fitting(profiles[:1], here) == profiles[0]


def test_merging_takes_advice_for_one_model_on_different_hosts(advice, tmp_path):
    paths = [tmp_path / f"{number}.yaml" for number in range(3)]
    for path, cores in zip(paths, (2, 8, 8), strict=True):
        write_advice(on(advice, cores=cores), path)
    assert [profile.host.cores for profile in merged(paths[:2])] == [2, 8]
    with pytest.raises(
        AdviceError, match=r"1\.yaml' and '.*2\.yaml' are for the same host .* leave one file out"
    ):
        merged(paths)
    write_advice(advice_of(models.wide(tmp_path / "w.xml")), paths[2])
    with pytest.raises(AdviceError, match=r"is for the model 'w', .* for another model \('m'\)"):
        merged([paths[0], paths[2]])
    write_fleet(merged(paths[:2]), tmp_path / "fleet.yaml")
    with pytest.raises(AdviceError, match="are for the same host"):
        merged([tmp_path / "fleet.yaml", paths[1]])
