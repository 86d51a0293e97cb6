"""Folders of parts from the command line to a dataset version, on a real Azurite and with the real check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.datasets import diabetes, write_csv
from shared import events
from shared.files.folder import folder_files, folder_hash
from shared.wiring import create_storage
from tests.integration.command_line import CommandLine, terminal
from tests.integration.stored import checking_world
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def here(here: Path) -> Path:
    """A working folder of its own, with a folder `out` of two parts, as Spark leaves it."""
    (here / "out").mkdir()
    for number, rows in enumerate([diabetes(1, 61), diabetes(61, 101)]):
        write_csv(rows, here / "out" / f"part-0000{number}.csv")
    for name in ("_started_17", "_committed_17", ".part-00000.csv.crc"):
        (here / "out" / name).write_text("{}")
    return here


@pytest.fixture(params=["_SUCCESS", "manifest.json"])
def closed_by(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(here: Path, closed_by: str) -> str:
    """A model folder like diabetes, whose drops are folders."""
    name = "f" + format(abs(hash(here)) % 10**8, "08d")
    shutil.copytree(ROOT / "models" / "diabetes", here / "models" / name)
    spec = here / "models" / name / "model.yaml"
    text = spec.read_text().replace("name: diabetes", f"name: {name}", 1)
    spec.write_text(text.replace("data:\n", f"data:\n  closed_by: {closed_by}\n", 1))
    return name


@pytest.fixture
def incoming(connection: str) -> ContainerClient:
    create_storage(connection)
    return BlobServiceClient.from_connection_string(connection).get_container_client("incoming")


@pytest.fixture
def world(here: Path, model: str, incoming: ContainerClient, connection: str) -> World:
    """The model is published; its blobs lie in the real account."""
    made = checking_world(here, connection)
    folder = here / "models" / model
    published = folder_hash(folder)
    for file in folder_files(folder):
        made.blobs.put(
            "models", f"{model}/{published}/{file.relative_to(folder).as_posix()}", file, content_type="text/plain"
        )
    made.app.book.list_model(model)
    made.accept(model, events.ModelPublished(id="published", at=made.now, by="author", folder=published))
    made.settle(model)
    return made


@pytest.fixture
def baton(world: World, here: Path, connection: str) -> Iterator[CommandLine]:
    with terminal(world, here, BATON_DATA=connection) as found:
        yield found


def deliver(world: World, incoming: ContainerClient, model: str, *, loses: str = "") -> None:
    """The events of everything that lies there, the last one first and each of them twice, but those of `loses`."""
    for _ in range(2):
        for blob in sorted(incoming.list_blobs(name_starts_with=f"{model}/"), key=lambda one: one.name, reverse=True):
            if not loses or loses not in blob.name:
                world.app.intake.receive(world.blob_created(blob.name, blob.etag.strip('"'), blob.size))
    world.settle(model)


def test_a_folder_is_checked_dropped_and_becomes_one_file(
    baton: CommandLine, world: World, incoming: ContainerClient, model: str, here: Path, closed_by: str
) -> None:
    checked = baton("check", model, "out")
    assert (checked.code, checked.out.splitlines()[0]) == (0, "out accepted: 100 rows accepted")
    dropped = baton("drop", model, "out", "--name", "run-1", "--source", "spark")
    assert (dropped.code, dropped.out) == (0, f"dropped incoming/{model}/run-1/{closed_by}\n")
    deliver(world, incoming, model, loses="part-00001")
    (file,) = world.app.book.files(model, 9)
    tags = incoming.get_blob_client(f"{model}/run-1/{closed_by}").get_blob_tags()
    assert (file.rows, file.source, tags["baton"], tags["version"]) == (100, "spark", "accepted", "1")
    assert world.blobs.read("datasets", file.stored).count(b"\n") == 101
    assert baton("drop", model, "out", "--name", "run-2").code == 0
    deliver(world, incoming, model)
    assert len(list(world.app.book.files(model, 9))) == 1


def test_partitions_are_dropped_as_they_lie(
    baton: CommandLine, world: World, incoming: ContainerClient, model: str, here: Path, closed_by: str
) -> None:
    for number in range(2):
        (day := here / "out" / f"DAY=2026-03-0{number + 1}").mkdir()
        (here / "out" / f"part-0000{number}.csv").rename(day / "part-00000.csv")
    checked = baton("check", model, "out", "--json").json
    assert [problem["what"] for problem in checked["problems"]] == ["the contract has no column DAY"]
    assert baton("drop", model, "out").code == 0
    deliver(world, incoming, model)
    (file,) = world.app.book.files(model, 9)
    assert (file.rows, file.blob) == (100, f"incoming/{model}/out/{closed_by}")
    assert [line for line in world.app.book.journal(model) if "left open" in line] == []


def test_a_broken_part_refuses_the_folder_and_mended_it_is_accepted(
    baton: CommandLine, world: World, incoming: ContainerClient, model: str, here: Path, closed_by: str
) -> None:
    whole = (here / "out" / "part-00001.csv").read_text()
    lines = whole.splitlines(keepends=True)
    first = lines[1].split(",")
    (here / "out" / "part-00001.csv").write_text("".join([lines[0], ",".join([first[0], "x", *first[2:]]), *lines[2:]]))
    refused = baton("check", model, "out", "--json")
    assert (refused.code, refused.json["problems"][0]["what"].rsplit("; ", 1)[1]) == (2, "in part-00001.csv row 1")
    baton("drop", model, "out")
    deliver(world, incoming, model)
    closer = incoming.get_blob_client(f"{model}/out/{closed_by}")
    container, _, page = closer.get_blob_tags()["report"].partition("/")
    assert container == "quarantine"
    arrived = json.loads(world.blobs.read(container, page.replace(".html", ".json")))
    assert arrived.pop("said").startswith(f"2 parts read as one drop, closed by {closed_by}")
    assert arrived == {name: value for name, value in refused.json.items() if name != "summary"}
    (here / "out" / "part-00001.csv").write_text(whole)
    assert baton("drop", model, "out").code == 0
    deliver(world, incoming, model)
    assert closer.get_blob_tags()["baton"] == "accepted"


@pytest.mark.parametrize("closed_by", ["manifest.json"])
def test_a_part_that_was_altered_after_the_manifest_is_named(
    baton: CommandLine, world: World, incoming: ContainerClient, model: str, closed_by: str
) -> None:
    baton("drop", model, "out", "--name", "run")
    part = incoming.get_blob_client(f"{model}/run/part-00000.csv")
    part.upload_blob(part.download_blob().readall().replace(b"1", b"2", 1), overwrite=True)
    deliver(world, incoming, model)
    world.wait(timedelta(minutes=2), model)
    tags = incoming.get_blob_client(f"{model}/run/{closed_by}").get_blob_tags()
    container, _, page = tags["report"].partition("/")
    assert b"part part-00000.csv has the hash" in world.blobs.read(container, page)


@pytest.mark.parametrize("closed_by", ["_SUCCESS"])
def test_a_folder_with_partitions_beside_its_parts_is_not_dropped(
    baton: CommandLine, model: str, here: Path, closed_by: str
) -> None:
    (here / "out" / "day=1").mkdir()
    (here / "out" / "day=1" / "part-0.csv").write_text("X\n1\n")
    ran = baton("drop", model, "out")
    assert ran.code == 2
    assert "Next: write all parts into the folder itself, or each into folders like day=2026-01-01" in ran.err
