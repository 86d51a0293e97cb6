"""Dropping and publishing from the command line on a real Azurite, and waiting for the verdict on a drop."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from cli.newmodel import copy_template
from local.daemon import wait_until
from shared.data.verdict import Problem, Verdict
from shared.files.folder import folder_hash
from shared.storage.blobs import AzureBlobs
from shared.wiring import create_storage
from tests.integration.command_line import CommandLine, Ran, terminal
from tests.storybook import world_with_users
from tests.world import World


@pytest.fixture
def account(connection: str) -> BlobServiceClient:
    """A real storage account, with Baton's containers."""
    create_storage(connection)
    return BlobServiceClient.from_connection_string(connection)


@pytest.fixture
def world(tmp_path: Path, account: BlobServiceClient) -> World:
    """A Baton in memory whose blobs lie in the real account."""
    made = world_with_users(tmp_path)
    made.blobs = AzureBlobs(account)  # type: ignore[assignment]  # it keeps the same port
    made.restart()
    return made


@pytest.fixture
def baton(world: World, here: Path, connection: str) -> Iterator[CommandLine]:
    """A terminal that finds both."""
    with terminal(world, here, BATON_DATA=connection) as found:
        yield found


@pytest.fixture
def model(world: World, here: Path) -> str:
    """A published model with a name of its own, and a file to drop for it."""
    name = "m" + format(abs(hash(here)) % 10**8, "08d")
    world.publish(name)
    world.settle(name)
    (here / "rows.csv").write_text("X\n1\n")
    return name


def dropped(account: BlobServiceClient, model: str, name: str = "rows.csv") -> bytes:
    content: bytes = account.get_blob_client("incoming", f"{model}/{name}").download_blob().readall()
    return content


@contextmanager
def tagging(account: BlobServiceClient, model: str, **tags: str) -> Iterator[None]:
    """Put a verdict on the drop as soon as it is there."""
    blob = account.get_blob_client("incoming", f"{model}/rows.csv")

    def tag() -> None:
        wait_until(blob.exists, timeout_seconds=30, what="nothing was dropped")
        blob.set_blob_tags(tags)

    thread = threading.Thread(target=tag)
    thread.start()
    yield
    thread.join()


def test_a_drop_lands_where_its_model_looks(baton: CommandLine, account: BlobServiceClient, model: str) -> None:
    ran = baton("drop", model, "rows.csv", "--name", "march.csv")
    assert (ran.code, dropped(account, model, "march.csv")) == (0, b"X\n1\n")


@pytest.mark.parametrize(("words", "source"), [((), "uploader j?rg"), (("--source", "clinic-a"), "clinic-a")])
def test_a_drop_says_who_uploads_it_or_which_system_it_comes_from(
    baton: CommandLine, account: BlobServiceClient, model: str, words: tuple[str, ...], source: str
) -> None:
    assert baton("drop", model, "rows.csv", *words, LOGNAME="jörg").code == 0
    assert account.get_blob_client("incoming", f"{model}/rows.csv").get_blob_properties().metadata == {"source": source}


def test_a_drop_for_an_unknown_model_is_not_uploaded(
    baton: CommandLine, account: BlobServiceClient, model: str
) -> None:
    ran = baton("drop", "no-such-model", "rows.csv")
    there = account.get_blob_client("incoming", "no-such-model/rows.csv").exists()
    assert (ran.code, there) == (1, False)


def test_an_accepted_drop_is_told_with_its_number(baton: CommandLine, account: BlobServiceClient, model: str) -> None:
    with tagging(account, model, baton="accepted", version="4"):
        ran = baton("drop", model, "rows.csv", "--wait")
    assert (ran.code, ran.out.splitlines()[0]) == (0, f"incoming/{model}/rows.csv accepted as file 4")


def test_a_drop_whose_bad_rows_were_left_out_says_which_and_what_to_do_with_them(
    baton: CommandLine, account: BlobServiceClient, model: str
) -> None:
    what = "AGE: 1 of 9 values is missing (row 2)"
    rows = Problem("required", "AGE", 1, (2,), (), what, "fill them in", "rows")
    origin = replace(rows, rule="origin", what="it comes from elsewhere", severity="warning")
    stored = json.dumps(Verdict(True, "ab", 9, ("AGE",), (rows,)).to_dict() | {"arrival": [asdict(origin)]})
    account.get_blob_client("quarantine", f"{model}/ab/report.json").upload_blob(stored)
    with tagging(account, model, baton="accepted", version="4", report=f"quarantine/{model}/ab/report.html"):
        ran = baton("drop", model, "rows.csv", "--wait")
    assert (ran.code, what in ran.out, "it comes from elsewhere" in ran.out) == (0, True, True)
    assert "mend the rows of drop-refused-rows.csv" in ran.out


def test_a_refused_drop_ends_with_2_and_its_report(baton: CommandLine, account: BlobServiceClient, model: str) -> None:
    report = f"quarantine/{model}/abcd/report.html"
    with tagging(account, model, baton="refused", report=report):
        ran = baton("drop", model, "rows.csv", "--wait", "--json")
    assert (ran.code, ran.json["verdict"], ran.json["report"].endswith(f"/reports/{report}")) == (2, "refused", True)


def test_a_held_drop_ends_with_2_and_says_where_to_look(
    baton: CommandLine, account: BlobServiceClient, model: str
) -> None:
    with tagging(account, model, baton="held"):
        ran = baton("drop", model, "rows.csv", "--wait")
    assert (ran.code, ran.out.splitlines()[0]) == (2, f"incoming/{model}/rows.csv held")
    assert f"baton deadletters {model}" in ran.out


def test_a_drop_that_is_still_being_checked_has_no_verdict_yet(
    baton: CommandLine, account: BlobServiceClient, model: str
) -> None:
    with tagging(account, model, baton="checking"):
        ran = baton("drop", model, "rows.csv", "--wait", "--timeout", "1.5")
    assert ran.code == 3


def test_a_drop_without_a_verdict_in_time_ends_with_3_and_is_kept(
    baton: CommandLine, account: BlobServiceClient, model: str
) -> None:
    ran = baton("drop", model, "rows.csv", "--wait", "--timeout", "0.1")
    assert (ran.code, dropped(account, model)) == (3, b"X\n1\n")


def test_a_drop_that_nobody_has_read_yet_is_not_replaced(
    baton: CommandLine, account: BlobServiceClient, model: str, here: Path
) -> None:
    baton("drop", model, "rows.csv")
    (here / "rows.csv").write_text("X\n2\n")
    ran = baton("drop", model, "rows.csv")
    assert (ran.code, dropped(account, model)) == (2, b"X\n1\n")


def test_a_drop_with_a_verdict_is_replaced(
    baton: CommandLine, account: BlobServiceClient, model: str, here: Path
) -> None:
    baton("drop", model, "rows.csv")
    account.get_blob_client("incoming", f"{model}/rows.csv").set_blob_tags({"baton": "accepted"})
    (here / "rows.csv").write_text("X\n2\n")
    ran = baton("drop", model, "rows.csv")
    assert (ran.code, dropped(account, model)) == (0, b"X\n2\n")


def test_storage_that_does_not_answer_is_told_without_a_traceback(baton: CommandLine, model: str) -> None:
    nowhere = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:1/a;"
    ran = baton("drop", model, "rows.csv", BATON_DATA=nowhere)
    assert (ran.code, "Next: `baton doctor`." in ran.err) == (1, True)


def publish(baton: CommandLine, folder: Path, *words: str) -> Ran:
    """Publish as an author, without waiting for the decision: nothing folds in these tests but they themselves."""
    return baton("publish", str(folder), "--as", "author", "--timeout", "0", *words)


def test_a_published_folder_becomes_the_models_current_one(baton: CommandLine, world: World, here: Path) -> None:
    copy_template(here / "models/rents", "rents")
    ran = publish(baton, here / "models/rents", "--why", "first try", "--json")
    world.settle("rents")
    head = world.head("rents")
    assert (ran.code, ran.json["folder"]) == (0, folder_hash(here / "models/rents"))
    assert (head.folder, head.author) == (ran.json["folder"], "author")


def test_a_published_folder_is_stored_whole(
    baton: CommandLine, account: BlobServiceClient, world: World, here: Path
) -> None:
    copy_template(here / "models/flats", "flats")
    found = publish(baton, here / "models/flats", "--json").json["folder"]
    names = account.get_container_client("models").list_blob_names(name_starts_with=f"flats/{found}/")
    wanted = ["contract.yaml", "model.yaml", "requirements.txt", "score.py"]
    wanted += ["tests/cases.json", "tests/invariances.json", "train.py"]
    assert sorted(names) == [f"flats/{found}/{name}" for name in wanted]


def test_a_folder_with_faults_is_refused_with_all_of_them(
    baton: CommandLine, account: BlobServiceClient, here: Path
) -> None:
    folder = here / "models/faulty"
    copy_template(folder, "faulty")
    (folder / "score.py").unlink()
    (folder / "requirements.txt").write_text("numpy\n")
    ran = publish(baton, folder)
    stored = list(account.get_container_client("models").list_blob_names(name_starts_with="faulty/"))
    assert (ran.code, stored) == (2, [])
    assert ("models/faulty/score.py: missing" in ran.err, "found numpy" in ran.err) == (True, True)
