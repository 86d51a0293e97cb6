"""What azure-ai-ml and the service behind it get wrong, met by the trainer: each trap by the request that shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from azure.core.exceptions import ServiceRequestError

from shared.errors import CapacityRefused, Permanent, PlatformBusy, SettingsRefused
from shared.platforms.azureml_errors import AzureMLRefused, NotThere, named
from shared.platforms.azureml_service import DeadlinePassed
from shared.platforms.azureml_v2 import AzureMLV2Trainer
from shared.platforms.azureml_v2_service import Identity, Workspace
from shared.platforms.port import RunRequest
from tests.contracts.remote_traps import RUN_ID, RemoteBench, RemoteTraps
from tests.wire.azureml import PATIENCE
from tests.wire.azureml_v2 import FakeAzureMLV2

SUBMIT = f"/jobs/{RUN_ID}$"


class Bench(RemoteBench):
    refused = AzureMLRefused
    trainer: AzureMLV2Trainer

    def __init__(self, fake: FakeAzureMLV2, source: Path) -> None:
        super().__init__(source)
        self.fake = fake
        self.trainer = self.trainer_with()

    def trainer_with(self, *, seconds: float = PATIENCE) -> AzureMLV2Trainer:
        return AzureMLV2Trainer(self.fake.service(seconds=seconds), self.job, clock=self.clock, pause=self.pause)

    def finish(self, **files: bytes) -> None:
        self.fake.finish(RUN_ID, files={f"outputs/{name.replace('_', '.')}": text for name, text in files.items()})


@pytest.fixture
def bench(azureml_v2: FakeAzureMLV2, source: Path) -> Bench:
    return Bench(azureml_v2, source)


class TestRemoteTraps(RemoteTraps):
    pass


def test_a_second_put_that_finds_the_job_begins_no_second_one(bench: Bench) -> None:
    bench.fake.lag = 1
    bench.start()
    bench.fake.hide(RUN_ID)
    bench.start()
    assert bench.fake.wire.count("PUT", SUBMIT) == 2
    assert bench.fake.begun == [RUN_ID]


def test_a_second_put_that_is_answered_409_finds_the_run(bench: Bench) -> None:
    bench.fake.lag = 1
    bench.fake.conflicts = True
    bench.start()
    bench.fake.hide(RUN_ID)
    bench.start()
    assert bench.fake.begun == [RUN_ID]


def test_a_submit_whose_answer_was_lost_is_found_and_not_repeated(bench: Bench) -> None:
    bench.fake.wire.fail("PUT", SUBMIT, 500, after=True)
    bench.start()
    assert bench.fake.begun == [RUN_ID]
    assert bench.fake.wire.count("PUT", SUBMIT) == 1


def test_a_submit_that_failed_without_effect_is_an_error_and_the_sdk_tries_once(bench: Bench) -> None:
    bench.fake.wire.fail("PUT", SUBMIT, 503)
    with pytest.raises(PlatformBusy, match="could not start run"):
        bench.start()
    assert bench.fake.wire.count("PUT", SUBMIT) == 1
    assert bench.fake.begun == []


def test_a_call_that_hangs_ends_at_the_deadline_and_the_next_one_goes_on(bench: Bench) -> None:
    bench.trainer.look(RUN_ID)  # the SDK is imported by now
    bench.fake.wire.fail("PUT", SUBMIT, 500, hang=True)
    trainer = bench.trainer_with(seconds=4.0)
    with pytest.raises(DeadlinePassed, match="did not answer within 4 s"):
        trainer.start(RunRequest(RUN_ID, "pulse", "train", ""))
    trainer._service._seconds = PATIENCE
    trainer.start(RunRequest(RUN_ID, "pulse", "train", ""))
    assert bench.fake.begun == [RUN_ID]


def test_a_run_that_shows_late_is_not_taken_for_none(bench: Bench) -> None:
    bench.start()
    bench.fake.lag = 2
    bench.fake.hide(RUN_ID)
    assert bench.trainer.look(RUN_ID) is not None
    assert bench.pauses == 2


def test_a_404_of_a_gateway_or_about_the_workspace_is_not_taken_for_none(bench: Bench) -> None:
    bench.fake.wire.fail("GET", SUBMIT, 404, kind="text/html")
    with pytest.raises(PlatformBusy, match="not Azure ML's own"):
        bench.trainer.look(RUN_ID)
    gone = {"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'rg-1' could not be found."}}
    bench.fake.wire.fail("GET", SUBMIT, 404, document=gone)
    with pytest.raises(NotThere, match="the workspace ws-1 is not there"):
        bench.trainer.look(RUN_ID)


def test_a_missing_role_and_a_throttle_are_told_apart(bench: Bench) -> None:
    bench.fake.wire.fail("GET", SUBMIT, 403)
    with pytest.raises(AzureMLRefused, match="role on the workspace"):
        bench.trainer.look(RUN_ID)
    bench.fake.wire.fail("GET", SUBMIT, 429, headers={"Retry-After": "7"})
    with pytest.raises(CapacityRefused) as refused:
        bench.trainer.look(RUN_ID)
    assert refused.value.after_seconds == 7


def test_a_token_that_is_refused_is_fetched_once_more(bench: Bench) -> None:
    bench.start()
    bench.fake.revoked |= set(bench.fake.tokens)
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert seen.status == "running"


def test_metrics_of_a_run_without_a_document_are_its_result_also_if_they_show_late(bench: Bench) -> None:
    bench.completed()
    bench.fake.metrics[RUN_ID] = {"mse": [4.0, 3.5], "r2": [0.5], "bad": [float("nan")]}
    bench.fake.lag = 1
    bench.fake.hide(f"metrics of {RUN_ID}")
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert (seen.status, seen.result) == ("completed", {"v": 1, "metrics": {"mse": 3.5, "r2": 0.5}})
    assert bench.pauses == 1


@pytest.mark.parametrize("status", [403, 404, 503])
def test_metrics_that_cannot_be_read_are_an_error_and_not_none(bench: Bench, status: int) -> None:
    bench.completed()
    bench.fake.wire.fail("GET", "/mlflow/runs/get$", status, times=9)
    with pytest.raises((PlatformBusy, Permanent)):
        bench.trainer.look(RUN_ID)


def test_files_that_may_not_be_read_are_an_error_and_not_none(bench: Bench) -> None:
    bench.completed(result_json=b'{"v": 1}')
    bench.fake.wire.fail("GET", "/dcid.*result.json$", 403)
    with pytest.raises(AzureMLRefused, match="role on the workspace"):
        bench.trainer.look(RUN_ID)


def test_a_failure_that_left_no_document_is_told_in_the_services_words(bench: Bench) -> None:
    bench.start()
    bench.fake.finish(RUN_ID, status="Failed")
    bench.fake.details[RUN_ID]["error"] = {"error": {"code": "UserError", "message": "the node was lost"}}
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert seen.reason == "the node was lost"


def test_a_status_that_nobody_knows_is_neither_an_end_nor_going(bench: Bench) -> None:
    bench.start()
    bench.fake.jobs[RUN_ID]["properties"]["status"] = "Pondering"
    with pytest.raises(PlatformBusy, match="Pondering"):
        bench.trainer.look(RUN_ID)


def test_a_job_has_an_environment_a_limit_and_an_identity_of_its_own(bench: Bench) -> None:
    bench.start()
    sent = bench.fake.jobs[RUN_ID]["properties"]
    environment = bench.fake.assets[sent["environmentId"]]["properties"]
    assert "python=3.11" in environment["condaFile"]
    assert "pyarrow==21.0.0" in environment["condaFile"]
    assert sent["environmentVariables"]["MARK"] == "here"
    assert sent["environmentVariables"]["BATON_IMAGE"] == environment["image"]
    assert re.search(r":\d{8}\.v\d+$", environment["image"]), "without a tag it is another image next month"
    assert sent["computeId"].endswith("/computes/cpu")
    assert sent["limits"] == {"jobLimitsType": "Command", "timeout": "PT10M"}
    assert sent["identity"] == {"identityType": "Managed"}
    assert (sent["experimentName"], sent["command"]) == ("pulse", "python -m shared.runs.on_azureml")


def test_the_source_of_two_runs_is_uploaded_once(bench: Bench) -> None:
    bench.start()
    bench.trainer.start(RunRequest("pulse-0002-t-1", "pulse", "train", ""))
    assert bench.fake.wire.count("POST", "/startPendingUpload$") == 1


def test_a_workspaces_name_is_read_strictly() -> None:
    with pytest.raises(SettingsRefused, match="is not the resource id of an Azure ML workspace"):
        Workspace("/subscriptions/s/workspaces/w", Identity(lambda _scope: ("", 0.0)))


def test_what_the_sdk_itself_refuses_is_permanent_and_told_without_colours() -> None:
    from azure.ai.ml.exceptions import ErrorTarget, ValidationException

    text = "\x1b[31mno such compute\x1b[39m"
    refused = named(ValidationException(text, text, target=ErrorTarget.JOB), "start run r")
    assert isinstance(refused, AzureMLRefused)
    assert "ValidationException: no such compute" in refused.what


def test_a_long_operation_is_not_followed_by_a_thread_for_ever(azureml_v2: FakeAzureMLV2) -> None:
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    azureml_v2.operation_seconds = 600.0
    made = ManagedOnlineEndpoint(name="baton-pulse", auth_mode="aad_token")
    begin = lambda workspace: workspace.client.online_endpoints.begin_create_or_update(made)  # noqa: E731
    poller = azureml_v2.service(polled_seconds=0.2).ask("make an endpoint", begin)
    with pytest.raises(ServiceRequestError, match="nobody waits for this operation after 0.2 s"):
        poller.wait(PATIENCE)
    assert poller.done()
