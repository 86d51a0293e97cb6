"""Unity Catalog through databricks-sdk against a server that speaks its wire: the registry's contract, and traps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.errors import PlatformBusy
from shared.platforms.databricks_errors import NotThere
from shared.platforms.databricks_registry import DatabricksRegistry
from shared.platforms.port import Registry
from tests.contracts.test_registry_contract import FILES, RegistryContract, contents
from tests.wire.databricks import SCHEMA, VOLUME, FakeDatabricks

RUN_ID, NAME = "pulse-0001-t-1", f"{SCHEMA}.pulse"


class DatabricksBench:
    model = "pulse"

    def __init__(self, fake: FakeDatabricks) -> None:
        self.fake = fake
        self.registry = DatabricksRegistry(fake.service(), pause=lambda _seconds: None)

    def made(self, run_id: str, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            self.fake.files[f"{VOLUME}/runs/{run_id}/outputs/model/{name}"] = content

    def register_by_hand(self, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        version = str(self.fake.models.make(NAME, dict(tags))["version"])
        for name, content in files.items():
            self.fake.files[f"/Models/{NAME.replace('.', '/')}/{version}/{name}"] = content
        return version

    def unreachable(self) -> Registry:
        for path in ("/unity-catalog/models/", "/unity-catalog/model-versions/"):
            self.fake.fail("GET", path, 503, "TEMPORARILY_UNAVAILABLE", times=99)
        return self.registry

    def tags(self, version: str) -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in self.fake.models.found[NAME][version]["tags"]}


@pytest.fixture
def bench(databricks: FakeDatabricks) -> DatabricksBench:
    return DatabricksBench(databricks)


class TestDatabricksRegistry(RegistryContract):
    @pytest.fixture
    def bench(self, databricks: FakeDatabricks) -> DatabricksBench:
        return DatabricksBench(databricks)


def test_a_version_whose_answer_was_lost_is_found_by_its_run(bench: DatabricksBench) -> None:
    bench.made(RUN_ID, FILES)
    bench.fake.fail("POST", "/model-versions/create$", 500, "INTERNAL_ERROR", after=True)
    assert bench.registry.register("pulse", run_id=RUN_ID, tags={}) == "1"
    assert list(bench.fake.models.found[NAME]) == ["1"]


def test_a_list_that_lags_brings_no_second_version_about(bench: DatabricksBench) -> None:
    bench.made(RUN_ID, FILES)
    bench.fake.lag = 9
    for _ in range(2):
        assert bench.registry.register("pulse", run_id=RUN_ID, tags={}) == "1"
    assert list(bench.fake.models.found[NAME]) == ["1"]


def test_a_version_that_was_left_half_filled_does_not_show_and_is_filled_by_a_repeat(
    bench: DatabricksBench, tmp_path: Path
) -> None:
    bench.made(RUN_ID, FILES)
    bench.fake.fail("PUT", "/Models/.*weights.bin$", 503)
    with pytest.raises(PlatformBusy):
        bench.registry.register("pulse", run_id=RUN_ID, tags={})
    assert bench.registry.versions("pulse") == ()
    with pytest.raises(NotThere):
        bench.registry.fetch("pulse", "1", tmp_path / "half")
    assert bench.registry.register("pulse", run_id=RUN_ID, tags={}) == "1"
    bench.registry.fetch("pulse", "1", tmp_path / "whole")
    assert contents(tmp_path / "whole") == FILES


def test_beside_a_version_that_failed_to_be_registered_a_repeat_makes_another(bench: DatabricksBench) -> None:
    bench.made(RUN_ID, FILES)
    bench.fake.fail("PUT", "/Models/.*weights.bin$", 503)
    with pytest.raises(PlatformBusy):
        bench.registry.register("pulse", run_id=RUN_ID, tags={})
    bench.fake.models.found[NAME]["1"]["status"] = "FAILED_REGISTRATION"
    assert [bench.registry.register("pulse", run_id=RUN_ID, tags={}) for _ in range(2)] == ["2", "2"]
    assert [one.version for one in bench.registry.versions("pulse")] == ["2"]


def test_tags_are_added_and_those_of_others_stay(bench: DatabricksBench) -> None:
    bench.made(RUN_ID, FILES)
    version = bench.registry.register("pulse", run_id=RUN_ID, tags={})
    bench.fake.models.found[NAME][version]["tags"].append({"key": "who", "value": "a person"})
    bench.registry.register("pulse", run_id=RUN_ID, tags={"release": "pulse-0001", "who": "Baton"})
    assert bench.tags(version) == {"baton.run_id": RUN_ID, "who": "a person", "release": "pulse-0001"}


def test_a_run_that_left_no_model_is_refused_after_reading_again(bench: DatabricksBench) -> None:
    with pytest.raises(NotThere, match="left no outputs/model"):
        bench.registry.register("pulse", run_id=RUN_ID, tags={})
    assert bench.fake.models.found == {}


def test_versions_of_several_pages_are_all_listed(bench: DatabricksBench) -> None:
    for _ in range(5):
        bench.register_by_hand({}, FILES)
    assert [one.version for one in bench.registry.versions("pulse")] == ["1", "2", "3", "4", "5"]


def test_an_alias_that_cannot_be_read_is_not_taken_for_none(bench: DatabricksBench) -> None:
    bench.register_by_hand({}, FILES)
    bench.fake.wire.fail("GET", "/aliases/champion$", 404, kind="text/html")
    with pytest.raises(PlatformBusy, match="not Databricks' own"):
        bench.registry.champion("pulse", serving="1")
