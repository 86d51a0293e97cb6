"""azureml-core's registry calls against a server that speaks Azure ML's wire: the registry's contract, and its traps."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.errors import Permanent, PlatformBusy
from shared.platforms.azureml import AzureMLTrainer
from shared.platforms.azureml_errors import TagsMoved
from shared.platforms.azureml_registry import AzureMLRegistry, fetch_run_model
from shared.platforms.azureml_run import Job
from shared.platforms.azureml_service import Service
from shared.platforms.port import Registry, RunRequest
from tests.contracts.test_registry_contract import FILES, RegistryContract, contents
from tests.wire.azureml import PATIENCE, FakeAzureML

RUN_ID = "pulse-0001-t-1"


class AzureMLBench:
    model = "pulse"

    def __init__(self, fake: FakeAzureML, source: Path) -> None:
        self.fake = fake
        self.registry = AzureMLRegistry(Service(fake.connect, seconds=PATIENCE), pause=self._pause)
        self.trainer = AzureMLTrainer(Service(fake.connect, seconds=PATIENCE), Job("cpu", lambda: source))
        self.pauses = 0

    def _pause(self, _seconds: float) -> None:
        self.pauses += 1

    def made(self, run_id: str, files: Mapping[str, bytes]) -> None:
        self.trainer.start(RunRequest(run_id, self.model, "train", ""))
        self.fake.finish(run_id, files={f"outputs/model/{name}": content for name, content in files.items()})

    def register_by_hand(self, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        for name, content in files.items():
            self.fake.files["by-hand", f"m/{name}"] = content
        return self.fake.models.register(self.model, "ExperimentRun/by-hand/m", tags=tags)

    def unreachable(self) -> Registry:
        gone = FakeAzureML()
        with gone.running():
            pass
        return AzureMLRegistry(Service(gone.connect, seconds=5.0))


@pytest.fixture
def azureml(tmp_path: Path) -> Iterator[AzureMLBench]:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/step.py").write_text("print(1)\n")
    with FakeAzureML().running() as fake:
        yield AzureMLBench(fake, tmp_path / "source")


class TestAzureMLRegistry(RegistryContract):
    @pytest.fixture
    def bench(self, azureml: AzureMLBench) -> AzureMLBench:
        return azureml


def test_a_version_that_the_list_does_not_show_yet_is_not_registered_again(azureml: AzureMLBench) -> None:
    azureml.fake.lag = 9
    azureml.made(RUN_ID, FILES)
    azureml.fake.finish(RUN_ID)
    azureml.fake._hidden.clear()
    first = azureml.registry.register("pulse", run_id=RUN_ID, tags={})
    assert azureml.registry.register("pulse", run_id=RUN_ID, tags={}) == first
    assert len(azureml.fake.models.found) == 1


def test_a_registration_whose_answer_was_lost_is_found(azureml: AzureMLBench) -> None:
    azureml.made(RUN_ID, FILES)
    azureml.fake.wire.fail("POST", "/models$", 400, after=True)
    with pytest.raises(Permanent):
        azureml.registry.register("pulse", run_id=RUN_ID, tags={})
    assert azureml.registry.register("pulse", run_id=RUN_ID, tags={}) == "1"
    assert len(azureml.fake.models.found) == 1


def test_of_two_versions_of_one_run_the_older_one_counts(azureml: AzureMLBench) -> None:
    azureml.made(RUN_ID, FILES)
    for _ in range(2):
        azureml.fake.models.register(
            "pulse", f"ExperimentRun/dcid.{RUN_ID}/outputs/model", tags={"baton.run_id": RUN_ID}
        )
    assert azureml.registry.register("pulse", run_id=RUN_ID, tags={}) == "1"


def test_tags_that_others_wrote_stay_when_ours_are_added(azureml: AzureMLBench) -> None:
    azureml.made(RUN_ID, FILES)
    azureml.fake.models.register("pulse", "ExperimentRun/x/m", tags={"baton.run_id": RUN_ID, "who": "a person"})
    azureml.registry.register("pulse", run_id=RUN_ID, tags={"baton.release": "pulse-0001"})
    tags = azureml.fake.models.found["pulse:1"]["kvTags"]
    assert tags == {"baton.run_id": RUN_ID, "who": "a person", "baton.release": "pulse-0001"}


def test_tags_that_do_not_stay_are_told(azureml: AzureMLBench) -> None:
    azureml.fake.models.register("pulse", "ExperimentRun/x/m", tags={"baton.run_id": RUN_ID})
    unchanged = azureml.fake.models.found["pulse:1"]
    azureml.fake.wire.fail("PATCH", "/models/pulse:1$", 200, times=9, document=unchanged)
    with pytest.raises(TagsMoved, match=r"baton\.release"):
        azureml.registry.register("pulse", run_id=RUN_ID, tags={"baton.release": "pulse-0001"})


def test_what_serves_counts_as_champion_before_a_list_shows_that_it_was_named(azureml: AzureMLBench) -> None:
    for since in ("2026-03-01T12:00:00+00:00", "2026-03-02"):
        azureml.fake.models.register("pulse", "ExperimentRun/x/m", tags={"baton.champion": since})
    assert azureml.registry.champion("pulse", serving="1") == "2"
    azureml.registry.name_champion("pulse", "1", since=datetime(2026, 3, 3, tzinfo=UTC))
    listed = [{**one, "kvTags": {}} if one["version"] == 1 else one for one in azureml.fake.models.found.values()]
    azureml.fake.wire.fail("GET", "/models$", 200, times=9, document={"value": listed, "continuationToken": None})
    assert azureml.registry.champion("pulse", serving="1") == "1"


def test_a_champion_whose_time_cannot_be_read_is_no_answer(azureml: AzureMLBench) -> None:
    azureml.fake.models.register("pulse", "ExperimentRun/x/m", tags={"baton.champion": "yes"})
    with pytest.raises(Permanent, match="is no time: 'yes'"):
        azureml.registry.champion("pulse", serving="1")


def test_a_registry_that_answers_with_an_error_is_not_empty(azureml: AzureMLBench) -> None:
    azureml.fake.wire.fail("GET", "/models/pulse:1$", 403, times=9)
    with pytest.raises(Permanent, match="role on the workspace"):
        azureml.registry.version("pulse", "1")
    azureml.fake.wire.fail("GET", "/models/pulse:2$", 404, times=9, kind="text/html")
    with pytest.raises(PlatformBusy):
        azureml.registry.version("pulse", "2")


def test_more_versions_than_a_page_holds_are_all_seen(azureml: AzureMLBench) -> None:
    for _ in range(45):
        azureml.fake.models.register("pulse", "ExperimentRun/x/m")
    assert [seen.version for seen in azureml.registry.versions("pulse")] == [str(n) for n in range(1, 46)]
    assert azureml.fake.wire.count("GET", "/models$") == 3


def test_listing_asks_nothing_about_each_version(azureml: AzureMLBench) -> None:
    for _ in range(5):
        azureml.fake.models.register("pulse", "ExperimentRun/x/m", run_id=RUN_ID)
    azureml.registry.versions("pulse")
    assert azureml.fake.wire.count("GET", "/history/") == 0


def test_a_run_that_left_no_model_is_refused_after_reading_again(azureml: AzureMLBench) -> None:
    azureml.made(RUN_ID, {})
    with pytest.raises(Permanent, match="ModelPathNotFound"):
        azureml.registry.register("pulse", run_id=RUN_ID, tags={})
    assert azureml.pauses == 2
    assert azureml.fake.models.found == {}


def archive(name: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 2
        tar.addfile(member, io.BytesIO(b"ok"))
    return packed.getvalue()


def test_a_packed_model_is_unpacked(azureml: AzureMLBench, tmp_path: Path) -> None:
    azureml.fake.files["by-hand", "packed.tar.gz"] = archive("m/model.json")
    azureml.fake.models.register("pulse", "ExperimentRun/by-hand/packed.tar.gz", unpack=True)
    azureml.registry.fetch("pulse", "1", tmp_path / "fetched")
    assert contents(tmp_path / "fetched") == {"model.json": b"ok"}


def test_a_packed_model_that_leaves_its_folder_is_refused(azureml: AzureMLBench, tmp_path: Path) -> None:
    azureml.fake.files["by-hand", "packed.tar.gz"] = archive("../../escaped")
    azureml.fake.models.register("pulse", "ExperimentRun/by-hand/packed.tar.gz", unpack=True)
    with pytest.raises(Permanent, match="outside"):
        azureml.registry.fetch("pulse", "1", tmp_path / "fetched")
    assert not list(tmp_path.rglob("escaped"))
    assert not (tmp_path / "fetched").exists()


def test_the_model_of_a_run_is_fetched_with_exactly_its_files(azureml: AzureMLBench, tmp_path: Path) -> None:
    azureml.made(RUN_ID, FILES)
    azureml.fake.finish(RUN_ID, files={"outputs/result.json": b"{}"})
    (tmp_path / "into").mkdir()
    fetch_run_model(Service(azureml.fake.connect, seconds=PATIENCE), RUN_ID, tmp_path / "into")
    assert contents(tmp_path / "into") == FILES


def test_a_run_that_left_no_model_is_no_empty_model(azureml: AzureMLBench, tmp_path: Path) -> None:
    azureml.made(RUN_ID, {})
    with pytest.raises(Permanent, match="left no outputs/model"):
        fetch_run_model(Service(azureml.fake.connect, seconds=PATIENCE), RUN_ID, tmp_path)


def swept(azureml: AzureMLBench, best: str = "") -> None:
    """A sweep that SDK v2 made, with a preparation, two trials and one that failed, as azureml-core finds it."""
    azureml.made(RUN_ID, {})
    sweep = azureml.fake.runs[RUN_ID]
    sweep["tags"]["baton.sweep"] = '{"trials": 3, "seconds": 60, "goal": "minimize"}'
    sweep["properties"] |= {"best_child_run_id": best} if best else {}
    below = {"parentRunId": RUN_ID, "rootRunId": RUN_ID, "status": "Completed"}
    for name in ("preparation", "0", "1", "2"):
        run_id = f"{RUN_ID}_{name}"
        azureml.fake.runs[run_id] = {**sweep, **below, "runId": run_id, "dataContainerId": f"dcid.{run_id}", "tags": {}}
    azureml.fake.runs[f"{RUN_ID}_2"]["status"] = "Failed"
    for name, value in (("0", 2.0), ("1", 1.0)):
        told = {"v": 1, "trial": {"value": value, "parameters": {"alpha": name}}}
        files = {"outputs/result.json": json.dumps(told).encode(), "outputs/model/model.json": name.encode()}
        azureml.fake.finish(f"{RUN_ID}_{name}", files=files)


@pytest.mark.parametrize(("named", "best"), [("", b"1"), (f"{RUN_ID}_0", b"0")])
def test_a_sweeps_model_is_its_best_trials(azureml: AzureMLBench, tmp_path: Path, named: str, best: bytes) -> None:
    swept(azureml, named)
    fetch_run_model(Service(azureml.fake.connect, seconds=PATIENCE), RUN_ID, tmp_path / "into")
    assert contents(tmp_path / "into") == {"model.json": best}
    version = azureml.registry.register("pulse", run_id=RUN_ID, tags={})
    found = azureml.registry.version("pulse", version)
    assert found is not None
    assert found.run_id == RUN_ID
    azureml.registry.fetch("pulse", version, tmp_path / "version")
    assert contents(tmp_path / "version") == {"model.json": best}
