"""Contracts and files from the command line, where no Baton runs: proposed, compared, and checked before a drop."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from local.datasets import BREAKS, diabetes, write_csv
from shared.data.check import check
from shared.data.contract import read_contract
from tests.integration.command_line import CommandLine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def patients(here: Path) -> Path:
    """A working folder with the diabetes model in it, and a good file."""
    (here / "models").symlink_to(ROOT / "models")
    write_csv(diabetes(1, 101), here / "good.csv")
    return here


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


def test_made_up_rows_are_printed_where_no_file_is_named(patients: Path, offline: CommandLine) -> None:
    asked = ("generate", "diabetes", "--rows", "4", "--like", "good.csv", "--drift", "BMI:+0.5sd", "--nulls", "S5:3%")
    printed = offline(*asked)
    written = offline(*asked, "--out", "made.csv")
    assert (printed.code, written.code) == (0, 0)
    assert printed.out == (patients / "made.csv").read_text()
    assert len(printed.out.splitlines()) == 5


def test_a_model_whose_contract_is_not_there_says_how_to_make_one(patients: Path, offline: CommandLine) -> None:
    (patients / "models").unlink()
    shutil.copytree(ROOT / "models" / "diabetes", patients / "models" / "diabetes")
    (patients / "models" / "diabetes" / "contract.yaml").unlink()
    ran = offline("check", "diabetes", "good.csv")
    assert (ran.code, "models/diabetes/contract.yaml, which model.yaml names, is not there" in ran.err) == (1, True)
    assert "baton contract propose FILE --out models/diabetes/contract.yaml" in ran.err
