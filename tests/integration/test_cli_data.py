"""`baton data` on a real Azurite, with the real check: versions told, a row found, bytes forgotten."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.datasets import Row, diabetes, write_csv
from shared import events
from shared.files.folder import folder_files, folder_hash
from tests.integration.command_line import CommandLine, terminal
from tests.integration.stored import checking_world
from tests.world import World, evidence

ROOT = Path(__file__).resolve().parents[2]
PATIENT = "58"  # the second row of the first file
FORGOTTEN = str(diabetes(101, 201)[1]["PATIENT"])  # of the second file, which no other test looks into


MODEL = "d" + format(os.getpid() % 10**7, "d")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def world(home: Path, connection: str) -> World:
    """Two versions: the patients 1 to 100 of the shuffled order, and those with 101 to 200. The first has PATIENT."""
    made = checking_world(home, connection)
    folder = _publish(made, home / MODEL)
    made.app.book.list_model(MODEL)
    made.accept(MODEL, events.ModelPublished(id="published", at=made.now, by="author", folder=folder))
    made.settle(MODEL)
    for number, part in enumerate([diabetes(1, 101), diabetes(101, 201)], start=1):
        made.trainer.script["judge"] = evidence(3000.0 - number)
        _drop(made, connection, home, f"{number}.csv", part)
    return made


def _publish(world: World, folder: Path) -> str:
    shutil.copytree(ROOT / "models" / "diabetes", folder)
    spec = (folder / "model.yaml").read_text()
    (folder / "model.yaml").write_text(spec.replace("name: diabetes", f"name: {MODEL}", 1))
    published = folder_hash(folder)
    for file in folder_files(folder):
        name = f"{MODEL}/{published}/{file.relative_to(folder).as_posix()}"
        world.blobs.put("models", name, file, content_type="text/plain")
    return published


def _drop(world: World, connection: str, home: Path, name: str, rows: list[Row]) -> None:
    write_csv(rows, home / name)
    client = BlobServiceClient.from_connection_string(connection).get_blob_client("incoming", f"{MODEL}/{name}")
    content = (home / name).read_bytes()
    etag = client.upload_blob(content, metadata={"source": "clinic-a"})["etag"].strip('"')
    world.app.intake.receive(world.blob_created(f"{MODEL}/{name}", etag, len(content)))
    world.settle(MODEL)


@pytest.fixture(scope="module")
def baton(world: World, home: Path, connection: str) -> Iterator[CommandLine]:
    with terminal(world, home, BATON_DATA=connection) as found:
        yield found


def test_the_log_tells_versions_with_their_marks_and_releases(baton: CommandLine) -> None:
    newest, first = baton("data", "log", MODEL, "--json").json
    assert [(one["files"], one["rows"], one["new"], one["carried"]) for one in (first, newest)] == [
        (1, 100, 1, 0),
        (2, 200, 1, 1),
    ]
    assert [one["id"] for one in first["releases"]] == [f"{MODEL}-0001"]
    lines = baton("data", "log", MODEL).out.splitlines()
    assert "2 files, 200 rows  1 new, 1 carried, 0 dropped" in lines[0]


def test_the_versions_with_a_file_are_found_by_its_hash_or_its_path(baton: CommandLine, home: Path) -> None:
    second = hashlib.sha256((home / "2.csv").read_bytes()).hexdigest()
    by_hash = baton("data", "log", MODEL, "--file", second, "--json").json
    by_path = baton("data", "log", MODEL, "--file", f"incoming/{MODEL}/1.csv", "--json").json
    assert (len(by_hash), len(by_path)) == (1, 2)
    assert baton("data", "log", MODEL, "--file", "0" * 64).out == f"{MODEL} has no dataset version with {'0' * 64}.\n"


def test_a_version_is_shown_with_where_its_files_came_from(baton: CommandLine) -> None:
    out = baton("data", "show", MODEL, f"{MODEL}-0001").out
    assert f"incoming/{MODEL}/1.csv from clinic-a" in out
    assert "contract  1.0.0" in out
    file = baton("data", "show", MODEL, "--json").json["manifest"]["files"][0]
    assert file["profile"] == f"{MODEL}/profiles/{file['sha256']}.json"


def test_a_version_that_nobody_cut_is_told_with_the_next_step(baton: CommandLine) -> None:
    for name in ("beef", "no-hex", f"{MODEL}-0009"):
        ran = baton("data", "show", MODEL, name)
        assert (ran.code, "Next: " in ran.err) == (1, True)


def test_a_diff_names_what_came(baton: CommandLine) -> None:
    out = baton("data", "diff", MODEL, f"{MODEL}-0001").out.splitlines()
    assert out[0].endswith(": +100 rows")
    assert out[1].split()[:2] == ["+", "file"]
    assert "are the same version" in baton("data", "diff", MODEL, f"{MODEL}-0002", "latest").out


def test_a_row_is_found_with_its_place_its_side_and_who_was_trained_with_it(baton: CommandLine, home: Path) -> None:
    ran = baton("data", "rows", MODEL, PATIENT, "--json")
    (hit,) = ran.json["files"]
    assert (ran.code, hit["number"], hit["rows"]) == (0, 1, [2])
    assert {one["id"] for version in hit["versions"] for one in version["releases"]} == {
        f"{MODEL}-0001",
        f"{MODEL}-0002",
    }
    assert baton("data", "rows", MODEL, "100000").code == 2


def test_the_key_is_in_no_request_to_baton(baton: CommandLine, world: World) -> None:
    secret = "4711471147"
    baton("data", "rows", MODEL, secret)
    world.app.access.flush()
    written = [world.blobs.read("access", name) for name in world.blobs.names("access", "")]
    assert written
    assert not [line for line in written if secret.encode() in line]


def test_a_pin_is_asked_for_and_taken_off(baton: CommandLine, world: World) -> None:
    assert baton("data", "pin", MODEL, f"{MODEL}-0001", "--why", "doubts").code == 0
    world.settle(MODEL)
    assert world.head(MODEL).pinned == world.release(f"{MODEL}-0001").manifest
    assert baton("data", "pin", MODEL, "none", "--why", "no doubts").code == 0
    world.settle(MODEL)
    assert world.head(MODEL).pinned == ""


def test_only_an_approver_may_have_data_forgotten(baton: CommandLine, home: Path) -> None:
    sha256 = hashlib.sha256((home / "1.csv").read_bytes()).hexdigest()
    ran = baton("data", "forget", MODEL, sha256, "--why", "x", "--yes", "--as", "guest")
    assert (ran.code, "may not have data" in ran.err) == (2, True)


def test_forgetting_asks_first_and_a_no_changes_nothing(baton: CommandLine, world: World) -> None:
    before = world.head(MODEL).next_line
    ran = baton("data", "forget", MODEL, "--key", PATIENT, "--why", "request 4711", stdin="n\n")
    world.settle(MODEL)
    assert (ran.code, world.head(MODEL).next_line) == (130, before)


def test_a_forgotten_row_is_erased_and_its_versions_say_so(baton: CommandLine, world: World) -> None:
    """It names the models that keep what they learned."""
    scored = f"{MODEL}/2026/03/01/12-1.jsonl"
    rows = ({"PATIENT": int(FORGOTTEN), "AGE": 59}, {"PATIENT": -1})
    requests = [json.dumps({"request_id": f"r{n}", "rows": [row]}) + "\n" for n, row in enumerate(rows, start=1)]
    world.blobs.put("scored", scored, "".join(requests).encode(), content_type="text/plain")
    labels, others, named = (f"{MODEL}/labels/{name}.csv" for name in ("a", "b", "c"))
    for name, content in (
        (labels, b"request_id,label\nr9,1\nr1,151\n"),
        (others, b"request_id,label\nr2,75\n"),
        (named, f"request_id,label,PATIENT\nr7,151,{FORGOTTEN}\n".encode()),
    ):
        world.blobs.put("scored", name, content, content_type="text/csv")
    ran = baton("data", "forget", MODEL, "--key", FORGOTTEN, "--why", "request 4711", stdin="y\n")
    assert ran.code == 0, ran.err
    assert f"{MODEL}-0002" in ran.out
    world.settle(MODEL)
    first = baton("data", "show", MODEL, f"{MODEL}-0002")
    assert first.out.splitlines()[-1].split()[:3] == ["forgotten", "file", "2"]
    assert baton("data", "rows", MODEL, FORGOTTEN).code == 2
    assert [world.blobs.look("scored", name) is None for name in (scored, labels, named, others)] == [True] * 3 + [
        False
    ]
    assert world.blobs.look("incoming", f"{MODEL}/2.csv") is None
    lines = [json.loads(line) for line in world.app.book.journal(MODEL)]
    (asked,) = [line["event"] for line in lines if line["event"]["kind"] == "ForgetRequested"]
    sha256 = first.out.splitlines()[-1].split()[5]
    assert asked["why"] == "request 4711"
    assert asked["erase"] == {
        "files": [asked["erase"]["files"][0]],
        "quarantine": [],
        "scored": [scored, labels, named],
    }
    assert asked["erase"]["files"][0].startswith(sha256)
