"""What databricks-sdk and the service behind it get wrong, met by the trainer: each trap by the request that shows it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shared.errors import CapacityRefused, Permanent, PlatformBusy, SettingsRefused
from shared.platforms.azureml_service import DeadlinePassed
from shared.platforms.databricks import DatabricksTrainer
from shared.platforms.databricks_errors import DatabricksRefused, PlaceMissing
from shared.platforms.databricks_service import Workspace
from shared.platforms.port import RunRequest
from tests.contracts.remote_traps import RUN_ID, RemoteBench, RemoteTraps
from tests.wire.azureml import PATIENCE
from tests.wire.databricks import VOLUME, FakeDatabricks

SUBMIT, GET = "/jobs/runs/submit$", "/jobs/runs/get$"
NUMBER = f"{VOLUME}/runs/{RUN_ID}/run.json"


class Bench(RemoteBench):
    refused = DatabricksRefused
    compute = ""
    trainer: DatabricksTrainer

    def __init__(self, fake: FakeDatabricks, source: Path) -> None:
        super().__init__(source)
        self.fake = fake
        self.trainer = self.trainer_with()

    def trainer_with(self, *, seconds: float = PATIENCE) -> DatabricksTrainer:
        return DatabricksTrainer(self.fake.service(seconds=seconds), self.job, clock=self.clock, pause=self.pause)

    def finish(self, **files: bytes) -> None:
        self.fake.finish(RUN_ID, files={name.replace("_", "."): text for name, text in files.items()})


@pytest.fixture
def bench(databricks: FakeDatabricks, source: Path) -> Bench:
    return Bench(databricks, source)


class TestRemoteTraps(RemoteTraps):
    pass


def test_a_submit_whose_answer_was_lost_is_found_by_its_token(bench: Bench) -> None:
    bench.fake.fail("POST", SUBMIT, 500, "INTERNAL_ERROR", after=True)
    with pytest.raises(PlatformBusy, match="could not start run"):
        bench.start()
    bench.start()
    assert bench.fake.begun == [RUN_ID]
    assert bench.fake.files[NUMBER] == b'{"v": 1, "run": 1000}'


def test_a_run_whose_number_was_not_written_down_is_found_on_a_later_page_of_the_list(bench: Bench) -> None:
    bench.start()
    for number in range(2, 6):
        bench.trainer.start(RunRequest(f"pulse-000{number}-t-1", "pulse", "train", ""))
    del bench.fake.files[NUMBER]
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert seen.status == "running"
    assert bench.fake.wire.count("GET", "/jobs/runs/list$") == 3


def test_a_run_that_databricks_forgot_is_none(bench: Bench) -> None:
    """What the service deletes after sixty days answers 400, and not 404."""
    bench.start()
    bench.fake.runs.clear()
    assert bench.trainer.look(RUN_ID) is None


def test_the_sdk_asks_once_where_it_would_ask_for_minutes(bench: Bench) -> None:
    bench.start()
    bench.fake.fail("GET", GET, 503, "TEMPORARILY_UNAVAILABLE", headers={"Retry-After": "60"})
    began = time.monotonic()
    with pytest.raises(PlatformBusy, match="TEMPORARILY_UNAVAILABLE"):
        bench.trainer.look(RUN_ID)
    assert bench.fake.wire.count("GET", GET) == 1
    assert time.monotonic() - began < 30


def test_a_throttle_says_how_long_to_wait(bench: Bench) -> None:
    bench.start()
    bench.fake.fail("GET", GET, 429, "REQUEST_LIMIT_EXCEEDED", headers={"Retry-After": "7"})
    with pytest.raises(CapacityRefused) as refused:
        bench.trainer.look(RUN_ID)
    assert refused.value.after_seconds == 7


def test_a_call_that_hangs_ends_at_the_deadline_and_the_next_one_goes_on(bench: Bench) -> None:
    bench.trainer.look(RUN_ID)  # the SDK is imported by now
    bench.fake.fail("POST", SUBMIT, 500, hang=True)
    trainer = bench.trainer_with(seconds=4.0)
    with pytest.raises(DeadlinePassed, match="Databricks did not answer within 4 s"):
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


def test_a_404_of_a_gateway_or_of_a_missing_schema_is_not_taken_for_none(bench: Bench) -> None:
    bench.fake.wire.fail("GET", "/run.json$", 404, kind="text/html")
    with pytest.raises(PlatformBusy, match="not Databricks' own"):
        bench.trainer.look(RUN_ID)
    bench.fake.fail("GET", "/run.json$", 404, "SCHEMA_DOES_NOT_EXIST", "Schema 'main.mlops' does not exist.")
    with pytest.raises(PlaceMissing, match="BATON_DATABRICKS_SCHEMA"):
        bench.trainer.look(RUN_ID)


def test_a_missing_grant_is_told_as_one(bench: Bench) -> None:
    bench.fake.fail("GET", "/run.json$", 403, "PERMISSION_DENIED", "no READ VOLUME")
    with pytest.raises(DatabricksRefused, match="give the app's identity its grants"):
        bench.trainer.look(RUN_ID)


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_is_fetched_once_more(bench: Bench, status: int) -> None:
    """The service says 403 for a token that is too old, and 401 for one that it does not take at all."""
    bench.start()
    if status == 403:
        bench.fake.revoked |= bench.fake.tokens
    else:
        bench.fake.fail("GET", "/run.json$", 401, "401", "Credential was not sent or was of an unsupported type")
    known = len(bench.fake.tokens)
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert len(bench.fake.tokens) == known + 1


def test_metrics_of_a_run_without_a_document_are_its_result_also_if_they_show_late(bench: Bench) -> None:
    bench.completed()
    bench.fake.metrics[RUN_ID] = {"mse": 3.5, "r2": 0.5, "bad": float("nan")}
    bench.fake.lag = 1
    bench.fake.hide(f"metrics of {RUN_ID}")
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert (seen.status, seen.result) == ("completed", {"v": 1, "metrics": {"mse": 3.5, "r2": 0.5}})
    assert bench.pauses == 1


@pytest.mark.parametrize("status", [403, 404, 503])
def test_metrics_that_cannot_be_read_are_an_error_and_not_none(bench: Bench, status: int) -> None:
    bench.completed()
    bench.fake.metrics[RUN_ID] = {"mse": 3.5}
    bench.fake.fail("POST", "/mlflow/runs/search$", status, times=9)
    with pytest.raises((PlatformBusy, Permanent)):
        bench.trainer.look(RUN_ID)


def test_a_failure_that_left_no_document_is_told_by_the_end_of_its_log(bench: Bench) -> None:
    bench.start()
    bench.fake.finish(RUN_ID, result="FAILED", words="Workload failed.")
    bench.fake.outputs[1000] = {"error": "KeyError: 'w'", "logs": "begun\nreading w\n"}
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert (seen.status, seen.reason) == ("failed", "Workload failed. | KeyError: 'w' | begun | reading w")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({"life_cycle_state": "QUEUED"}, "queued"),
        ({"life_cycle_state": "INTERNAL_ERROR", "state_message": "lost"}, "failed"),
        ({"life_cycle_state": "TERMINATED", "result_state": "TIMEDOUT"}, "failed"),
        ({"life_cycle_state": "TERMINATED", "result_state": "SUCCESS_WITH_FAILURES"}, "failed"),
        ({"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}, "canceled"),
    ],
)
def test_no_end_but_success_is_taken_for_success(bench: Bench, state: dict[str, str], status: str) -> None:
    bench.start()
    bench.fake.run_of(RUN_ID)["state"] = state
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert seen.status == status


def test_a_state_that_nobody_knows_is_neither_an_end_nor_going(bench: Bench) -> None:
    """The SDK reads a word that it does not know as no word at all."""
    bench.start()
    bench.fake.run_of(RUN_ID)["state"] = {"life_cycle_state": "PONDERING"}
    with pytest.raises(PlatformBusy, match="in a state that the SDK does not know"):
        bench.trainer.look(RUN_ID)


def test_a_run_has_an_environment_a_limit_and_its_request_in_the_volume(bench: Bench) -> None:
    bench.start()
    sent = bench.fake.run_of(RUN_ID)["submitted"]
    assert sent["environments"] == [
        {"environment_key": "baton", "spec": {"dependencies": ["pyarrow==21.0.0"], "environment_version": "2"}}
    ]
    assert sent["timeout_seconds"] == 600
    (task,) = sent["tasks"]
    assert task["spark_python_task"]["parameters"][1] == f"{VOLUME}/runs/{RUN_ID}"
    assert b'"MARK": "here"' in bench.fake.files[f"{VOLUME}/runs/{RUN_ID}/request.json"]


def test_the_source_of_two_runs_is_uploaded_once(bench: Bench) -> None:
    bench.start()
    bench.trainer.start(RunRequest("pulse-0002-t-1", "pulse", "train", ""))
    bench.trainer_with().start(RunRequest("pulse-0003-t-1", "pulse", "train", ""))
    assert bench.fake.wire.count("PUT", "/source.zip$") == 1


def test_a_schemas_name_is_read_strictly(databricks: FakeDatabricks) -> None:
    with pytest.raises(SettingsRefused, match="must be <catalog>.<schema>"):
        Workspace(databricks.wire.url, "main", lambda _audience: "")
