"""azure-ai-ml's registry calls against a server that speaks Azure ML's wire: the registry's contract, and its traps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.errors import Permanent, PlatformBusy
from shared.platforms.azureml_errors import AzureMLRefused, NotThere, TagsMoved
from shared.platforms.azureml_run import Job
from shared.platforms.azureml_v2 import AzureMLV2Trainer
from shared.platforms.azureml_v2_registry import AzureMLV2Registry
from shared.platforms.port import Registry, RunRequest
from tests.contracts.test_registry_contract import FILES, RegistryContract, contents
from tests.wire.azureml_v2 import FakeAzureMLV2
from tests.wire.azureml_v2_models import WHERE

RUN_ID = "pulse-0001-t-1"
OF_RUN = f"azureml://jobs/{RUN_ID}/outputs/artifacts/paths/outputs/model/"


class AzureMLV2Bench:
    model = "pulse"

    def __init__(self, fake: FakeAzureMLV2, source: Path) -> None:
        self.fake = fake
        self.registry = AzureMLV2Registry(fake.service(), pause=self._pause)
        self.trainer = AzureMLV2Trainer(fake.service(), Job("cpu", lambda: source))
        self.pauses = 0

    def _pause(self, _seconds: float) -> None:
        self.pauses += 1

    def made(self, run_id: str, files: Mapping[str, bytes]) -> None:
        self.trainer.start(RunRequest(run_id, self.model, "train", ""))
        self.fake.finish(run_id, files={f"outputs/model/{name}": content for name, content in files.items()})

    def register_by_hand(self, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        for name, content in files.items():
            self.fake.blobs.files["azureml-blobstore-1", f"LocalUpload/1/m/{name}"] = content
        uri = f"azureml://{WHERE}/datastores/workspaceblobstore/paths/LocalUpload/1/m"
        return self.fake.models.register(self.model, uri, tags=tags)

    def unreachable(self) -> Registry:
        self.fake.wire.fail("GET", "/models/", 503, times=99)
        return self.registry


@pytest.fixture
def azureml(azureml_v2: FakeAzureMLV2, source: Path) -> AzureMLV2Bench:
    return AzureMLV2Bench(azureml_v2, source)


class TestAzureMLV2Registry(RegistryContract):
    @pytest.fixture
    def bench(self, azureml: AzureMLV2Bench) -> AzureMLV2Bench:
        return azureml


def test_a_version_that_the_list_does_not_show_yet_is_not_registered_again(azureml: AzureMLV2Bench) -> None:
    azureml.made(RUN_ID, FILES)
    azureml.fake.lag = 9
    first = azureml.registry.register("pulse", run_id=RUN_ID, tags={})
    assert azureml.registry.register("pulse", run_id=RUN_ID, tags={}) == first
    assert len(azureml.fake.models.found) == 1


def test_a_registration_whose_answer_was_lost_is_found(azureml: AzureMLV2Bench) -> None:
    azureml.made(RUN_ID, FILES)
    azureml.fake.wire.fail("PUT", "/models/pulse/versions/1$", 500, after=True)
    assert azureml.registry.register("pulse", run_id=RUN_ID, tags={}) == "1"
    assert len(azureml.fake.models.found) == 1


def test_a_number_that_somebody_else_takes_first_is_left_to_them(azureml: AzureMLV2Bench) -> None:
    azureml.made(RUN_ID, FILES)
    register, taken = azureml.registry._create, []

    def second(model: str, version: str, *rest: object) -> Exception | None:
        if not taken:
            taken.append(azureml.register_by_hand({"who": "a person"}, {}))
        return register(model, version, *rest)  # type: ignore[arg-type]

    azureml.registry._create = second  # type: ignore[method-assign]
    assert azureml.registry.register("pulse", run_id=RUN_ID, tags={}) == "2"
    assert azureml.fake.models.found["pulse", "1"]["properties"]["tags"] == {"who": "a person"}


def test_tags_that_others_wrote_stay_when_ours_are_added(azureml: AzureMLV2Bench) -> None:
    azureml.made(RUN_ID, FILES)
    azureml.fake.models.register("pulse", OF_RUN, tags={"baton.run_id": RUN_ID, "who": "a person"})
    azureml.registry.register("pulse", run_id=RUN_ID, tags={"baton.release": "pulse-0001"})
    tags = azureml.fake.models.found["pulse", "1"]["properties"]["tags"]
    assert tags == {"baton.run_id": RUN_ID, "who": "a person", "baton.release": "pulse-0001"}


def test_tags_that_do_not_stay_are_told(azureml: AzureMLV2Bench) -> None:
    azureml.fake.models.register("pulse", OF_RUN, tags={"baton.run_id": RUN_ID})
    unchanged = azureml.fake.models.found["pulse", "1"]
    azureml.fake.wire.fail("PUT", "/models/pulse/versions/1$", 200, times=9, document=unchanged)
    with pytest.raises(TagsMoved, match=r"baton\.release"):
        azureml.registry.register("pulse", run_id=RUN_ID, tags={"baton.release": "pulse-0001"})


def test_a_registry_that_answers_with_an_error_is_not_empty(azureml: AzureMLV2Bench) -> None:
    azureml.fake.wire.fail("GET", "/versions/1$", 403)
    with pytest.raises(Permanent, match="role on the workspace"):
        azureml.registry.version("pulse", "1")
    azureml.fake.wire.fail("GET", "/versions/2$", 404, kind="text/html")
    with pytest.raises(PlatformBusy):
        azureml.registry.version("pulse", "2")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceGroupNotFound", "Resource group 'rg-1' could not be found."),
        ("ResourceNotFound", "The Resource 'Microsoft.MachineLearningServices/workspaces/ws-1' was not found."),
    ],
)
def test_a_workspace_that_is_gone_is_not_an_empty_registry(azureml: AzureMLV2Bench, code: str, message: str) -> None:
    document = {"error": {"code": code, "message": message}}
    azureml.fake.wire.fail("GET", "/versions/1$", 404, document=document)
    with pytest.raises(NotThere, match="the workspace ws-1 is not there"):
        azureml.registry.version("pulse", "1")


def test_more_versions_than_a_page_holds_are_all_seen(azureml: AzureMLV2Bench) -> None:
    for _ in range(45):
        azureml.fake.models.register("pulse", OF_RUN)
    assert [seen.version for seen in azureml.registry.versions("pulse")] == [str(n) for n in range(1, 46)]
    assert azureml.fake.wire.count("GET", "/models/pulse/versions$") == 3


def test_a_run_that_left_no_model_is_refused_after_reading_again(azureml: AzureMLV2Bench) -> None:
    azureml.made(RUN_ID, {})
    with pytest.raises(NotThere, match="left no outputs/model"):
        azureml.registry.register("pulse", run_id=RUN_ID, tags={})
    assert azureml.pauses == 2
    assert azureml.fake.models.found == {}


def test_a_file_that_leaves_its_folder_is_refused(azureml: AzureMLV2Bench, tmp_path: Path) -> None:
    version = azureml.register_by_hand({}, {"../../../escaped": b"1"})
    with pytest.raises(AzureMLRefused, match="outside its folder"):
        azureml.registry.fetch("pulse", version, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()
    assert not list(tmp_path.rglob("escaped"))


def test_files_of_a_store_with_a_secret_are_read_with_a_token_of_the_workspaces(
    azureml: AzureMLV2Bench, tmp_path: Path
) -> None:
    azureml.fake.secret_stores = True
    version = azureml.register_by_hand({}, FILES)
    azureml.registry.fetch("pulse", version, tmp_path / "fetched")
    assert contents(tmp_path / "fetched") == FILES
    assert azureml.fake.wire.count("POST", "/listSecrets$") == 1
