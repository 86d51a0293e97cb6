"""A drop on each side of `inline_limit`, with the real check: here in a subprocess, there as a real run that reads Azurite."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from local.daemon import wait_until
from shared.events import ModelPublished, ReplayRequested
from shared.files.folder import folder_files, folder_hash
from shared.platforms.local import LocalTrainer
from shared.storage.blobs import AzureBlobs
from shared.storage.clients import blob_service
from shared.wiring import CONTAINERS
from tests.world import World

DIABETES = Path(__file__).parents[2] / "models" / "diabetes"
HEADER = "PATIENT,AGE,SEX,BMI,BP,S1,S2,S3,S4,S5,S6,Y\n"
ROW = "{},59,2,32.1,101,157,93.2,38,4,4.8598,87,151\n"
LIMIT = 1000


def rows(count: int, *, first: int = 1, age: int = 59) -> bytes:
    lines = (ROW.format(number).replace(",59,", f",{age},", 1) for number in range(first, first + count))
    return (HEADER + "".join(lines)).encode()


class Hospital(World):
    """A world whose blobs are Azurite's and whose runs are real processes."""

    def connect(self, connection: str) -> None:
        self.service = BlobServiceClient.from_connection_string(connection)
        for container in CONTAINERS:
            if not self.service.get_container_client(container).exists():
                self.service.create_container(container)
        environment = {"PATH": os.environ["PATH"], "BATON_DATA": connection}
        self.real = LocalTrainer(self.home / "laptop", environment=environment)
        ports: dict[str, Any] = {"blobs": AzureBlobs(blob_service(connection)), "trainer": self.real}
        self.app = self.worker(through=lambda role, port: ports.get(role, port))
        folder = folder_hash(DIABETES)
        for file in folder_files(DIABETES):
            name = f"diabetes/{folder}/{file.relative_to(DIABETES).as_posix()}"
            self.app.blobs.put("models", name, file, content_type="text/plain")
        self.app.book.list_model("diabetes")
        self.accept("diabetes", ModelPublished(id="p" * 32, at=self.now, by="author", folder=folder))
        self.settle("diabetes")

    def land(self, name: str, content: bytes) -> None:
        blob = f"diabetes/{name}"
        written = self.service.get_blob_client("incoming", blob).upload_blob(content, overwrite=True)
        self.app.intake.receive(self.blob_created(blob, written["etag"].strip('"'), len(content)))
        self.settle("diabetes")

    def until_checked(self, run_id: str) -> None:
        """Wait for the run, and then for the next look at it."""

        def over() -> bool:
            seen = self.real.look(run_id)
            return seen is not None and seen.status not in ("queued", "running")

        wait_until(over, timeout_seconds=120, what=f"{run_id} did not end")
        self.wait(timedelta(minutes=1), "diabetes")

    def tags(self, name: str) -> dict[str, str]:
        return dict(self.service.get_blob_client("incoming", f"diabetes/{name}").get_blob_tags())


@pytest.fixture
def hospital(tmp_path: Path, connection: str) -> Hospital:
    made = Hospital(tmp_path, checker=None, inline_limit=LIMIT)
    made.connect(connection)
    return made


def _kept(hospital: Hospital, container: str, pick: Callable[[str], bool]) -> bytes:
    (name,) = (name for name in hospital.app.blobs.names(container, "diabetes/") if pick(name))
    return hospital.app.blobs.read(container, name)


def _runs(hospital: Hospital, run_id: str) -> bool:
    seen = hospital.real.look(run_id)
    return seen is not None and seen.status == "running"


def test_a_drop_on_each_side_of_the_limit_becomes_a_file_by_the_same_code(hospital: Hospital) -> None:
    small, large = rows(10), rows(100, first=1000)
    assert len(small) <= LIMIT < len(large)

    hospital.land("small.csv", small)
    assert hospital.head("diabetes").next_file == 2
    hospital.land("large.csv", large)
    assert hospital.head("diabetes").next_file == 2, "no run can have checked it yet"
    (run,) = (path.name for path in hospital.real.runs.iterdir() if "-k-" in path.name)
    hospital.until_checked(run)

    inline, by_run = hospital.app.book.files("diabetes", 2)
    assert (inline.rows, by_run.rows, by_run.size) == (10, 100, len(large))
    profiles = [json.loads(hospital.app.blobs.read("datasets", file.profile)) for file in (inline, by_run)]
    assert [profile["rows"] for profile in profiles] == [10, 100]
    assert hospital.app.blobs.read("datasets", by_run.stored) == large
    assert hospital.tags("large.csv")["baton"] == "accepted"


@pytest.mark.long
def test_a_drop_whose_run_was_killed_is_held_and_told_and_becomes_a_file_once_it_is_replayed(
    hospital: Hospital,
) -> None:
    """Killed as by the kernel where memory runs out: what watches the run, before it could write a word."""
    large = rows(100)
    hospital.land("large.csv", large)
    (run,) = (path.name for path in hospital.real.runs.iterdir() if "-k-" in path.name)
    lock = hospital.real.runs / run / "supervisor.lock"
    wait_until(lambda: _runs(hospital, run), timeout_seconds=60, what=f"{run} does not run")
    os.kill(int(lock.read_text()), signal.SIGKILL)
    hospital.until_checked(run)

    assert hospital.tags("large.csv") == {"baton": "held"}
    told = "".join(notice.read_text() for notice in (hospital.home / "notices").iterdir())
    assert f"run {run}, which was to check diabetes/large.csv, failed" in told
    ((key, _),) = hospital.app.book.dead("diabetes")
    hospital.ask(ReplayRequested, "diabetes", letter=key)
    hospital.settle("diabetes")
    (again,) = (path.name for path in hospital.real.runs.iterdir() if "-k-" in path.name and path.name != run)
    hospital.until_checked(again)

    assert hospital.tags("large.csv")["baton"] == "accepted"
    (file,) = hospital.app.book.files("diabetes", 1)
    assert hospital.app.blobs.read("datasets", file.stored) == large


def test_a_large_drop_that_breaks_its_contract_lies_in_quarantine_beside_its_report(hospital: Hospital) -> None:
    large = rows(100, age=1000)
    hospital.land("broken.csv", large)
    (run,) = (path.name for path in hospital.real.runs.iterdir() if "-k-" in path.name)
    hospital.until_checked(run)

    tags = hospital.tags("broken.csv")
    container, _, page = tags["report"].partition("/")
    assert tags["baton"] == "refused"
    assert b"AGE: 100 of 100 values are above 99" in hospital.app.blobs.read(container, page)
    assert _kept(hospital, "quarantine", lambda name: name.endswith("drop-broken.csv")) == large
