"""What azureml-core and the service behind it get wrong, met by the trainer: each trap by the request that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from shared.errors import CapacityRefused, Permanent, PlatformBusy
from shared.platforms.azureml import AzureMLTrainer
from shared.platforms.azureml_errors import AzureMLRefused, named
from shared.platforms.azureml_service import DeadlinePassed, Service, Tokens
from shared.platforms.port import RunRequest
from tests.contracts.remote_traps import RUN_ID, RemoteBench, RemoteTraps
from tests.wire.azureml import PATIENCE, FakeAzureML

SUBMIT = "snapshotrun$"


class Bench(RemoteBench):
    refused = AzureMLRefused
    trainer: AzureMLTrainer

    def __init__(self, fake: FakeAzureML, source: Path) -> None:
        super().__init__(source)
        self.fake = fake
        self.tokens = Tokens(lambda audience: (fake.token(audience), 1e12))
        self.trainer = self.trainer_with()

    def trainer_with(self, *, seconds: float = PATIENCE) -> AzureMLTrainer:
        service = Service(lambda: self.fake.connect(self.tokens), seconds=seconds, forget_tokens=self.tokens.forget)
        return AzureMLTrainer(service, self.job, clock=self.clock, pause=self.pause)

    def request(self, **parameters: str) -> RunRequest:
        return super().request(**{"behaviour": "lasts", **parameters})

    def finish(self, **files: bytes) -> None:
        self.fake.finish(RUN_ID, files={f"outputs/{name.replace('_', '.')}": text for name, text in files.items()})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "step.py").write_text("print(1)\n")
    with FakeAzureML().running() as fake:
        yield Bench(fake, tmp_path)


class TestRemoteTraps(RemoteTraps):
    pass


def test_a_second_submit_that_is_answered_409_finds_the_run(bench: Bench) -> None:
    bench.fake.lag = 1
    bench.trainer.start(bench.request())
    bench.fake.hide(RUN_ID)
    bench.trainer.start(bench.request())
    assert bench.fake.wire.count("POST", SUBMIT) == 2
    assert bench.fake.begun == [RUN_ID]


def test_a_submit_whose_answer_was_lost_is_found_and_not_repeated(bench: Bench) -> None:
    bench.fake.wire.fail("POST", SUBMIT, 500, after=True)
    bench.trainer.start(bench.request())
    assert bench.fake.begun == [RUN_ID]
    assert bench.fake.runs[RUN_ID]["tags"]["baton.run_id"] == RUN_ID


def test_a_submit_that_failed_without_effect_is_an_error(bench: Bench) -> None:
    bench.fake.wire.fail("POST", SUBMIT, 500)
    with pytest.raises(PlatformBusy, match="could not start run"):
        bench.trainer.start(bench.request())
    assert bench.fake.begun == []


def test_a_submit_that_hangs_ends_at_the_deadline_and_the_next_one_goes_on(bench: Bench) -> None:
    bench.fake.wire.fail("POST", SUBMIT, 500, hang=True)
    trainer = bench.trainer_with(seconds=3.0)
    bench.trainer.look(RUN_ID)  # the SDK is imported by now
    with pytest.raises(DeadlinePassed, match="did not answer within 3 s"):
        trainer.start(bench.request())
    trainer._service._seconds = PATIENCE  # the same trainer, on a machine that may be slow
    trainer.start(bench.request())
    assert bench.fake.begun == [RUN_ID]


def test_a_run_that_shows_late_is_not_taken_for_none(bench: Bench) -> None:
    bench.trainer.start(bench.request())
    bench.fake.lag = 2
    bench.fake.hide(RUN_ID)
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert bench.pauses == 2


def test_a_404_of_a_gateway_is_not_taken_for_none(bench: Bench) -> None:
    bench.fake.wire.fail("GET", f"/runs/{RUN_ID}$", 404, times=9, kind="text/html")
    with pytest.raises(PlatformBusy, match="not Azure ML's own"):
        bench.trainer.look(RUN_ID)


def test_a_404_about_something_else_is_not_taken_for_none(bench: Bench) -> None:
    bench.trainer.start(bench.request())
    bench.fake.wire.fail("GET", "/experimentids/[^/]+$", 404, times=9)
    with pytest.raises(PlatformBusy):
        bench.trainer.look(RUN_ID)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_service_that_fails_is_busy(bench: Bench, status: int) -> None:
    bench.fake.wire.fail("POST", SUBMIT, status)
    with pytest.raises(PlatformBusy):
        bench.trainer.start(bench.request())


def test_the_sdks_own_tries_end_at_the_deadline(bench: Bench) -> None:
    """Those of its generated clients take 22 s and have no setting."""
    bench.trainer.look(RUN_ID)
    bench.fake.wire.fail("GET", f"/runs/{RUN_ID}$", 500, times=99)
    with pytest.raises(DeadlinePassed):
        bench.trainer_with(seconds=2.0).look(RUN_ID)


def test_a_throttled_submit_is_refused_capacity(bench: Bench) -> None:
    bench.fake.wire.fail("POST", SUBMIT, 429, headers={"Retry-After": "7"})
    with pytest.raises(CapacityRefused):
        bench.trainer.start(bench.request())


def test_a_throttled_answer_that_the_sdk_keeps_says_how_long_to_wait() -> None:
    answer = requests.Response()
    answer.status_code, answer.headers["Retry-After"] = 429, "7"
    refused = named(requests.HTTPError("too many", response=answer), "register pulse")
    assert isinstance(refused, CapacityRefused)
    assert refused.after_seconds == 7


def test_a_missing_role_is_permanent_and_names_what_mends_it(bench: Bench) -> None:
    bench.fake.wire.fail("GET", f"/runs/{RUN_ID}$", 403)
    with pytest.raises(AzureMLRefused, match="role on the workspace"):
        bench.trainer.look(RUN_ID)


@pytest.mark.parametrize("body", [{"error": {"code": "X", "message": "no"}}, {"error": None}, {}, [], "no"])
def test_an_error_whose_text_the_sdk_cannot_make_is_told_all_the_same(bench: Bench, body: object) -> None:
    bench.fake.wire.fail("GET", f"/runs/{RUN_ID}$", 400, document=body)
    with pytest.raises(Permanent, match="could not read run"):
        bench.trainer.look(RUN_ID)


def test_a_token_that_is_refused_is_fetched_once_more(bench: Bench) -> None:
    bench.trainer.start(bench.request())
    bench.fake.revoked.add(bench.tokens("https://management.core.windows.net/"))
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert seen.status == "running"


def test_a_token_is_kept_until_shortly_before_it_expires() -> None:
    now, fetched = [0.0], []
    tokens = Tokens(
        lambda audience: (f"{audience}-{len(fetched)}", fetched.append(1) or now[0] + 3600), clock=lambda: now[0]
    )  # type: ignore[func-returns-value]
    first = tokens("arm")
    now[0] = 3299
    assert tokens("arm") == first
    now[0] = 3301
    assert tokens("arm") != first


def test_metrics_of_a_run_without_a_document_are_its_result(bench: Bench) -> None:
    bench.completed()
    bench.fake.metrics[RUN_ID] = {"mse": [4.0, 3.5], "r2": [0.5]}
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert (seen.status, seen.result) == ("completed", {"v": 1, "metrics": {"mse": 3.5, "r2": 0.5}})


def test_an_empty_list_of_metrics_is_read_again(bench: Bench) -> None:
    bench.completed()
    bench.fake.metrics[RUN_ID] = {"mse": [3.5]}
    bench.fake.lag = 1
    bench.fake.hide(f"metrics of {RUN_ID}")
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert seen.result == {"v": 1, "metrics": {"mse": 3.5}}


@pytest.mark.parametrize("status", [403, 404])
def test_metrics_that_cannot_be_read_are_an_error_and_not_none(bench: Bench, status: int) -> None:
    bench.completed()
    bench.fake.metrics[RUN_ID] = {"mse": [3.5]}
    bench.fake.wire.fail("POST", f"/runs/{RUN_ID}/list$", status, times=99)
    with pytest.raises((PlatformBusy, Permanent)):
        bench.trainer.look(RUN_ID)


def test_a_failure_that_left_no_document_is_told_in_the_services_words(bench: Bench) -> None:
    bench.trainer.start(bench.request())
    bench.fake.finish(RUN_ID, status="Failed")
    bench.fake.runs[RUN_ID]["error"] = {"error": {"code": "UserError", "message": "the node was lost"}}
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert seen.reason == "the node was lost"


@pytest.mark.parametrize(
    ("said", "status"),
    [("NotStarted", "queued"), ("Preparing", "queued"), ("Finalizing", "running"), ("CancelRequested", "running")],
)
def test_the_services_words_for_how_far_a_run_is(bench: Bench, said: str, status: str) -> None:
    bench.trainer.start(bench.request())
    bench.fake.runs[RUN_ID]["status"] = said
    seen = bench.trainer.look(RUN_ID)
    assert seen is not None
    assert seen.status == status


def test_a_status_that_nobody_knows_is_neither_an_end_nor_going(bench: Bench) -> None:
    bench.trainer.start(bench.request())
    bench.fake.runs[RUN_ID]["status"] = "Pondering"
    with pytest.raises(PlatformBusy, match="Pondering"):
        bench.trainer.look(RUN_ID)


def test_a_run_without_an_address_to_cancel_it_is_canceled_by_its_record(bench: Bench) -> None:
    bench.fake.cancel_by_uri = False
    bench.trainer.start(bench.request())
    bench.trainer.cancel(RUN_ID)
    assert bench.fake.runs[RUN_ID]["status"] == "Canceled"
    assert bench.fake.wire.count("POST", f"/runs/{RUN_ID}/events$") == 1


def test_a_run_gets_an_environment_of_its_own_and_not_the_sdks(bench: Bench) -> None:
    bench.trainer.start(bench.request())
    sent = bench.fake.configurations[RUN_ID]
    dependencies = sent["environment"]["python"]["condaDependencies"]["dependencies"]
    assert dependencies == ["python=3.11", {"pip": ["pyarrow==21.0.0"]}]
    assert sent["environmentVariables"]["MARK"] == "here"
    assert sent["environmentVariables"]["BATON_IMAGE"] == sent["environment"]["docker"]["baseImage"]
    assert sent["target"] == "cpu"
    assert sent["maxRunDurationSeconds"] == 600
    assert sent["command"] == "python -m shared.runs.on_azureml"


def test_calls_that_hang_do_not_pile_up_without_end(bench: Bench) -> None:
    bench.trainer.look(RUN_ID)
    bench.fake.wire.fail("GET", f"/runs/{RUN_ID}$", 500, times=99, hang=True)
    trainer = bench.trainer_with(seconds=0.2)
    for _ in range(8):
        with pytest.raises(DeadlinePassed):
            trainer.look(RUN_ID)
    with pytest.raises(PlatformBusy, match="has not answered 8 earlier calls"):
        trainer.look(RUN_ID)
