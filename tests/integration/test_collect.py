"""Collection: every answered request reaches storage, and storage never reaches back into scoring."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from local.serving import collect
from local.serving.collect import Collection, Scored, read_frame, to_frame
from local.serving.segments import Segments
from local.serving.upload import Uploader
from shared.storage.port import Blobs, StorageBusy
from tests.fakes.storage import MemoryBlobs
from tests.integration.serving import BODY, FIRST, MODEL, Bench, bench, until

SCORED = Scored(
    1_700_000_000.5, "r-1", MODEL, FIRST, "1", 200, 0.002, False, b'{"data": [{"x": 1}]}', b'{"predictions": [2]}'
)


def write(folder: Path, *scored: Scored) -> Segments:
    """Write to segments that are closed afterwards."""
    segments = Segments(folder, seconds=60)
    segments.write(scored)
    segments.close(all=True)
    return segments


def lines(folder: Path) -> list[dict[str, Any]]:
    """What lies in the closed segments, in their order."""
    return [json.loads(line) for file in sorted(folder.rglob("*.jsonl")) for line in file.read_text().splitlines()]


def test_a_line_holds_who_answered_what_and_when(tmp_path: Path) -> None:
    write(tmp_path, SCORED)
    assert lines(tmp_path) == [
        {
            "v": 1,
            "time": "2023-11-14T22:13:20.500000+00:00",
            "request_id": "r-1",
            "model": MODEL,
            "deployment": FIRST,
            "version": "1",
            "status": 200,
            "seconds": 0.002,
            "pinned": False,
            "rows": [{"x": 1}],
            "predictions": [2],
        }
    ]


def test_a_segment_is_named_by_model_and_hour(tmp_path: Path) -> None:
    write(tmp_path, SCORED)
    (segment,) = tmp_path.rglob("*.jsonl")
    assert segment.relative_to(tmp_path).match(f"{MODEL}/[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]/[0-9][0-9]-*.jsonl")


def test_a_segment_stays_open_until_it_is_old_enough(tmp_path: Path) -> None:
    young, old = Segments(tmp_path / "young", seconds=60), Segments(tmp_path / "old", seconds=0)
    for segments in (young, old):
        segments.write([SCORED])
        segments.close()
    assert (len(lines(tmp_path / "young")), len(lines(tmp_path / "old"))) == (0, 1)


@pytest.mark.parametrize("request_body", [b"no json", b'{"data": [' + b"1," * collect.BODY_BYTES + b"1]}"])
def test_a_body_that_is_no_json_or_too_large_is_kept_by_its_size(tmp_path: Path, request_body: bytes) -> None:
    write(tmp_path, replace(SCORED, request=request_body))
    (line,) = lines(tmp_path)
    assert (line["rows"], line["predictions"], line["bytes"]) == (None, [2], [len(request_body), 20])


def test_an_error_is_kept_without_predictions(tmp_path: Path) -> None:
    write(tmp_path, replace(SCORED, status=502, answer=b'{"error": "no answer"}'))
    (line,) = lines(tmp_path)
    assert (line["status"], line["rows"], line["predictions"]) == (502, [{"x": 1}], None)


def test_what_a_full_queue_cannot_take_is_dropped_and_counted(tmp_path: Path) -> None:
    collection = Collection(tmp_path, segment_seconds=60)  # nobody empties the queue
    for _ in range(collect.QUEUE_RECORDS + 3):
        collection.offer(SCORED)
    counts = collection.counts()
    assert (counts["offered"], counts["dropped_queue"], counts["queued"]) == (10_003, 3, 10_000)


def test_the_queue_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    collection = Collection(tmp_path, segment_seconds=60)
    large = replace(SCORED, request=b"x" * (collect.QUEUE_BYTES // 4))
    for _ in range(5):
        collection.offer(large)
    assert collection.counts()["dropped_queue"] == 2


def test_a_frame_holds_its_batch_whole() -> None:
    batch = [SCORED, replace(SCORED, request=b"", answer=b"\xff\n"), replace(SCORED, request_id="a b\u00e9")]
    stream = io.BytesIO(to_frame(batch) + to_frame([]))
    assert [read_frame(stream) for _ in range(3)] == [batch, [], None]


@pytest.mark.parametrize("missing", [1, 25, 100])
def test_a_frame_that_was_cut_short_by_a_crash_is_the_end(missing: int) -> None:
    frame = to_frame([SCORED])
    bodies = len(SCORED.request) + len(SCORED.answer)
    found = read_frame(io.BytesIO(frame[:-missing]))
    assert found is None or (missing < bodies and found[0].request_id == "r-1")


def test_a_disk_that_cannot_be_written_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / MODEL).write_text("a file where the folder should be")
    segments = write(tmp_path, SCORED, SCORED, replace(SCORED, model="other"))
    assert segments.counts() == {"written": 1, "dropped_disk": 2}


def test_a_segment_that_a_crash_left_open_is_closed_by_the_next_collector(tmp_path: Path) -> None:
    left = tmp_path / MODEL / "2026/01/02/03-0000.jsonl.open"
    left.parent.mkdir(parents=True)
    left.write_text('{"v":1}\n')
    Segments(tmp_path, seconds=60).begin()
    assert lines(tmp_path) == [{"v": 1}]


@dataclass
class Stubborn(MemoryBlobs):
    """Storage that does not answer until it is let go."""

    let_go: threading.Event = field(default_factory=threading.Event)
    asked: bool = False

    def put(self, container: str, name: str, content: bytes | Path, *, content_type: str) -> None:
        self.asked = True
        if not self.let_go.wait(30):
            raise StorageBusy("never let go", next="let go")
        super().put(container, name, content, content_type=content_type)


@contextmanager
def uploading(folder: Path, blobs: Blobs) -> Iterator[Uploader]:
    uploader = Uploader(folder, lambda: blobs)
    uploader.start()
    try:
        yield uploader
    finally:
        uploader.close()


def test_segments_are_sent_oldest_first_and_then_removed(tmp_path: Path) -> None:
    names = [f"{MODEL}/2026/01/02/03-{number}.jsonl" for number in range(3)]
    for name in reversed(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    blobs = MemoryBlobs()
    with uploading(tmp_path, blobs) as uploader:
        until(lambda: uploader.counts()["uploaded_segments"] == 3, "not all was sent")
    assert [name for _, name in blobs.blobs] == names
    assert not list(tmp_path.rglob("*.jsonl"))


def test_storage_that_refuses_keeps_the_segments_and_says_why(tmp_path: Path) -> None:
    def refuse(call: str) -> None:
        raise StorageBusy(f"no {call}", next="wait")

    (tmp_path / "a.jsonl").write_text("{}")
    with uploading(tmp_path, MemoryBlobs(trap=refuse)) as uploader:
        until(lambda: uploader.counts()["upload_fault"] != "", "the fault is not told")
    assert "no before put" in str(uploader.counts()["upload_fault"])
    assert (tmp_path / "a.jsonl").exists()


def test_storage_that_hangs_keeps_no_line_from_the_disk(tmp_path: Path) -> None:
    hanging = Stubborn()
    write(tmp_path, SCORED)
    with uploading(tmp_path, hanging) as uploader:
        until(lambda: hanging.asked, "storage was not asked")
        write(tmp_path, SCORED, SCORED)
        assert len(lines(tmp_path)) == 3
        hanging.let_go.set()
        until(lambda: uploader.counts()["uploaded_segments"] == 2, "not all was sent")


@pytest.fixture(scope="module")
def container(connection: str) -> str:
    """The connection string of a storage account that has the container `scored`."""
    with BlobServiceClient.from_connection_string(connection) as service:
        if not service.get_container_client("scored").exists():
            service.create_container("scored")
    return connection


def blobs_of(connection: str, model: str = MODEL) -> dict[str, list[dict[str, Any]]]:
    """Blob names with their lines."""
    with BlobServiceClient.from_connection_string(connection) as service:
        scored = service.get_container_client("scored")
        names = list(scored.list_blob_names(name_starts_with=f"{model}/"))
        return {
            name: [json.loads(line) for line in scored.download_blob(name).readall().splitlines()] for name in names
        }


def test_scored_requests_come_to_storage(tmp_path: Path, container: str) -> None:
    with bench(tmp_path / "home", "--segment-seconds", "0.5", data=container) as started:
        started.serve()
        ids = {started.score(x_request_id=f"seen-{number}").headers["x-request-id"] for number in range(20)}
        until(lambda: _ids(container) >= ids, "not all requests came to storage")
        until(lambda: _counts(started)["uploaded_segments"] >= 1, "what was sent is not told")


def test_without_storage_scoring_goes_on_and_nothing_is_lost_over_a_crash(tmp_path: Path, container: str) -> None:
    dead = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:9/a;"
    with bench(tmp_path / "home", "--segment-seconds", "0.2", data=dead) as started:
        started.serve()
        ids = {started.score(BODY, x_request_id=f"kept-{number}").headers["x-request-id"] for number in range(20)}
        until(lambda: _counts(started)["written"] == 20, "not all was written")
        until(lambda: _counts(started)["upload_fault"] != "", "the fault of storage is not told")
        started.kill()
        started.data = container
        started.start()
        until(lambda: _ids(container) >= ids, "not all requests came to storage")


def test_a_collector_that_is_killed_is_started_again_and_scoring_goes_on(tmp_path: Path) -> None:
    with bench(tmp_path / "home", "--segment-seconds", "0.2") as started:
        started.serve()
        started.score()
        until(lambda: _counts(started).get("written") == 1, "nothing was written")
        os.kill(started.collector_pid(), signal.SIGKILL)
        assert started.score().status == 200
        until(lambda: _ids_on_disk(started, written=2), "the second request was not written")


def _ids_on_disk(started: Bench, *, written: int) -> bool:
    started.score()  # what the dead collector had in its hands is gone; what comes later is not
    return len({line["request_id"] for line in lines(started.home / "scored")}) >= written


def _ids(connection: str) -> set[str]:
    return {line["request_id"] for lines in blobs_of(connection).values() for line in lines}


def _counts(started: Bench) -> dict[str, Any]:
    found: dict[str, Any] = started.admin("GET", "").document["collection"]
    return found
