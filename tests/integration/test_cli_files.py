"""Files and folders from the command line: checked here, dropped and published on a real Azurite, made anew."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from azure.storage.blob import BlobServiceClient

from cli.newmodel import COLUMNS, copy_template, write_sample
from local.daemon import wait_until
from local.datasets import BREAKS, diabetes, write_csv
from shared.data.check import check
from shared.data.contract import read_contract
from shared.files.folder import folder_hash
from shared.gating.gate_breaks import self_test
from shared.model_yaml.spec_file import load_folder
from shared.runs.cases import read_cases
from shared.storage.blobs import AzureBlobs
from shared.web.site import site
from shared.wiring import create_storage
from tests.integration.command_line import CommandLine, Ran
from tests.storybook import serving, world_with_users
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A working folder of its own."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


@pytest.fixture
def offline(here: Path) -> CommandLine:
    """A terminal where no Baton runs."""
    return CommandLine({"BATON_HOME": str(here / "state")})


# Proposing a contract


def test_a_proposed_contract_takes_the_file_that_it_was_made_from(patients: Path, offline: CommandLine) -> None:
    write_csv(diabetes(1, 443), patients / "all.csv")
    proposed = offline("contract", "propose", "all.csv", "--out", "contract.yaml")
    assert (proposed.code, proposed.out.splitlines()[0]) == (0, "wrote contract.yaml")
    assert check(patients / "all.csv", read_contract(patients / "contract.yaml")).accepted


def test_a_proposed_contract_overwrites_nothing(patients: Path, offline: CommandLine) -> None:
    (patients / "contract.yaml").write_text("mine")
    ran = offline("contract", "propose", "good.csv", "--out", "contract.yaml")
    assert (ran.code, (patients / "contract.yaml").read_text()) == (1, "mine")
    assert "contract.yaml is there already" in ran.err


def test_a_file_that_no_contract_can_be_proposed_from_is_refused(patients: Path, offline: CommandLine) -> None:
    (patients / "book.xlsx").write_bytes(b"PK\x03\x04")
    ran = offline("contract", "propose", "book.xlsx")
    assert ran.code == 2
    assert "book.xlsx: the file is an Excel workbook" in ran.err


def test_a_breaking_change_of_a_contract_ends_with_2_and_a_compatible_one_with_0(
    patients: Path, offline: CommandLine
) -> None:
    text = (patients / "models" / "diabetes" / "contract.yaml").read_text()
    (patients / "old.yaml").write_text(text)
    (patients / "new.yaml").write_text(text.replace("minimum: 18, maximum: 99", "minimum: 18, maximum: 90"))
    narrower, wider = (
        offline("contract", "diff", "old.yaml", "new.yaml"),
        offline("contract", "diff", "new.yaml", "old.yaml"),
    )
    assert (narrower.code, wider.code) == (2, 0)
    assert narrower.out.splitlines() == [
        "breaking  producers  AGE  narrower: none above 90, was none above 99",
        "1.0.0 to 1.0.0: breaking",
        "Next: a breaking change asks for version 2.0.0, not 1.0.0.",
    ]
    assert offline("contract", "diff", "old.yaml", "new.yaml", "--json").json["breaking"] is True


def test_a_foreign_key_is_checked_against_the_file_that_is_named(patients: Path, offline: CommandLine) -> None:
    model = patients / "models"
    model.unlink()
    shutil.copytree(ROOT / "models" / "diabetes", model / "diabetes")
    contract = model / "diabetes" / "contract.yaml"
    contract.write_text(contract.read_text().replace("primaryKey: true", "relationships: [{to: people.ID}]"))
    first, second = (line.split(",")[0] for line in (patients / "good.csv").read_text().splitlines()[1:3])
    (patients / "people.csv").write_text(f"ID\n{first}\n{second}\n")
    assert "not checked: PATIENT must be among people.ID" in offline("check", "diabetes", "good.csv").out
    refused = offline("check", "diabetes", "good.csv", "--reference", "people=people.csv")
    assert (refused.code, refused.out.splitlines()[0]) == (
        2,
        "good.csv refused: PATIENT: 98 of 100 values are not among people.ID (rows 3, 4, 5, 6, 7, …)",
    )
    assert "'people' is not MODEL=FILE" in offline("check", "diabetes", "good.csv", "--reference", "people").err


# Checking before dropping


@pytest.fixture
def patients(here: Path) -> Path:
    """A working folder with the diabetes model in it, and a good file."""
    (here / "models").symlink_to(ROOT / "models")
    write_csv(diabetes(1, 101), here / "good.csv")
    return here


def test_a_good_file_passes_its_check_without_a_running_baton(patients: Path, offline: CommandLine) -> None:
    ran = offline("check", "diabetes", "good.csv")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "good.csv accepted: 100 rows accepted")


def test_a_broken_file_is_refused_with_rows_values_and_remedy(patients: Path, offline: CommandLine) -> None:
    write_csv(BREAKS["range"](diabetes(1, 101)), patients / "bad.csv")
    ran = offline("check", "diabetes", "bad.csv")
    assert (ran.code, "AGE: 2 of 100 values are above 99 (rows 2, 5)" in ran.out) == (2, True)
    assert ("found: 1000, 1000" in ran.out, "mend: " in ran.out) == (True, True)


def test_a_check_tells_a_script_everything(patients: Path, offline: CommandLine) -> None:
    write_csv(BREAKS["schema"](diabetes(1, 101)), patients / "bad.csv")
    found = offline("check", "diabetes", "bad.csv", "--json").json
    assert (found["accepted"], [problem["column"] for problem in found["problems"]]) == (False, ["AGE"])


def test_a_check_in_a_ci_writes_json_and_a_junit_report_without_a_running_baton(
    patients: Path, offline: CommandLine
) -> None:
    write_csv(BREAKS["range"](diabetes(1, 101)), patients / "bad.csv")
    ran = offline("check", "diabetes", "bad.csv", "--junit", "results/verdict.xml", "--json")
    suite = ElementTree.parse(patients / "results/verdict.xml").getroot()[0]
    failed = [(case.get("classname"), case.get("name")) for case in suite.iter("testcase") if len(case)]
    assert (ran.code, ran.json["accepted"], suite.get("failures")) == (2, False, "1")
    assert (suite.get("name"), failed) == ("bad.csv", [("AGE", "maximum")])


def test_a_file_that_is_not_there_is_an_error_and_no_refusal(patients: Path, offline: CommandLine) -> None:
    assert offline("check", "diabetes", "nowhere.csv").code == 1


def test_a_model_that_is_not_here_needs_a_running_baton(here: Path, offline: CommandLine) -> None:
    (here / "x.csv").write_text("A\n1\n")
    ran = offline("check", "elsewhere", "x.csv")
    assert (ran.code, ran.err.splitlines()[-2]) == (1, "No Baton runs here.")


# Dropping


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
    with serving(site(world.app)) as url:
        users = {"BATON_USERS": str(here / "users.json"), "BATON_HOME": str(here)}
        yield CommandLine({"BATON_URL": url, "BATON_DATA": connection, **users})


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


# Publishing


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


# New models


def test_a_new_model_is_valid_and_its_gates_can_hold(here: Path, offline: CommandLine) -> None:
    ran = offline("new-model", "rents")
    spec = load_folder(here / "models/rents")
    assert (ran.code, spec.name, self_test(spec.gates)) == (0, "rents", ())


def test_a_new_model_shares_the_example_models_environment() -> None:
    template, example = (ROOT / folder / "requirements.txt" for folder in ("cli/template", "models/diabetes"))
    assert template.read_text() == example.read_text()


def test_the_sample_of_a_new_model_keeps_its_contract(here: Path, offline: CommandLine) -> None:
    offline("new-model", "rents")
    ran = offline("check", "rents", "state/samples/rents.csv")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "rents.csv accepted: 200 rows accepted")


def test_a_folder_that_is_there_is_not_made_anew(here: Path, offline: CommandLine) -> None:
    (here / "models/rents").mkdir(parents=True)
    ran = offline("new-model", "rents")
    assert (ran.code, list((here / "models/rents").iterdir())) == (1, [])


@pytest.mark.parametrize("name", ["Rents", "rents_1", "../rents", "-rents", "r" * 21, ""])
def test_a_name_that_is_no_models_makes_nothing(here: Path, offline: CommandLine, name: str) -> None:
    assert (offline("new-model", "--", name).code, (here / "models").exists()) == (1, False)


SCORES = """
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("score", "score.py")
score = importlib.util.module_from_spec(spec)
spec.loader.exec_module(score)
score.init()
for line in sys.stdin:
    try:
        print(json.dumps(score.run(json.loads(line))))
    except ValueError:
        print("refused")
"""


def test_a_new_model_trains_and_answers_its_own_cases(here: Path) -> None:
    folder, rows = here / "rents", here / "rents.csv"
    copy_template(folder, "rents")
    write_sample(rows)
    env = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{here}/mlflow.db", "AZUREML_MODEL_DIR": str(here / "out")}
    train = ["train.py", "--data", str(rows), "--model-dir", str(here / "out"), "--alpha", "1"]
    subprocess.run([sys.executable, *train], cwd=folder, env=env, check=True, capture_output=True)
    cases = read_cases(folder)
    asked = "".join(json.dumps(case.body.decode()) + "\n" for case in cases)
    scored = subprocess.run(
        [sys.executable, "-c", SCORES], cwd=folder, env=env, input=asked, check=True, capture_output=True, text=True
    )
    answers = scored.stdout.splitlines()
    refused = [answer == "refused" for answer in answers]
    assert refused == [case.status == 400 for case in cases]
    for case, answer in zip(cases, answers, strict=True):
        for value, (lowest, highest) in zip(
            json.loads(answer)["predictions"] if case.ranges else [], case.ranges, strict=True
        ):
            assert lowest <= value <= highest, case.name


def test_the_sample_has_the_columns_that_the_contract_names(here: Path) -> None:
    write_sample(here / "rents.csv")
    assert (here / "rents.csv").read_text().splitlines()[0] == ",".join(COLUMNS) == "FLAT,AREA,ROOMS,AGE,RENT"
