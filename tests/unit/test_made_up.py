"""The example models' folders and the rows that they are tried with."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.datasets import DATASETS, Row, main, write_csv
from shared.data.check import check
from shared.data.contract import read_contract
from shared.data.reading import read_table
from shared.data.split import split, split_by_time
from shared.gating.gate_breaks import self_test
from shared.model_yaml.spec_file import load_folder
from shared.runs.cases import read_cases
from shared.runs.invariances import read_invariances
from shared.spec import Spec
from tests.documents import ROOT
from tests.kinds.journey import KINDS

MODELS = sorted(KINDS)


def folder(model: str) -> Path:
    return ROOT / "models" / model


def held_rows(spec: Spec, file: Path) -> int:
    """How many of the rows in a file no training sees."""
    table, data = read_table(file, read_contract(folder(spec.name) / spec.data.contract)), spec.data
    sides = (
        split_by_time(table, data.time, data.block_days, data.holdout_percent)
        if data.split == "time"
        else split(table, data.key, data.holdout_percent)
    )
    return sides[1].num_rows


def some(model: str) -> list[Row]:
    return DATASETS[model].rows(1, 121)


@pytest.mark.parametrize("model", MODELS)
def test_each_folder_can_be_published_and_its_gates_can_pass_and_hold(model: str) -> None:
    spec = load_folder(folder(model))
    assert self_test(spec.gates) == ()
    assert [case.status for case in read_cases(folder(model))].count(200) >= 3
    assert len(read_invariances(folder(model))) == 2


@pytest.mark.parametrize("model", MODELS)
def test_made_up_rows_keep_the_contract_and_some_are_held_out(model: str, tmp_path: Path) -> None:
    write_csv(some(model), tmp_path / "rows.csv")
    verdict = check(tmp_path / "rows.csv", read_contract(folder(model) / "contract.yaml"))
    assert (verdict.accepted, verdict.problems) == (True, ())
    assert 0 < held_rows(load_folder(folder(model)), tmp_path / "rows.csv") < verdict.rows


@pytest.mark.parametrize("model", MODELS)
def test_a_row_is_the_same_in_whichever_part_it_comes(model: str) -> None:
    rows = DATASETS[model].rows
    assert rows(1, 21) + rows(21, 41) == rows(1, 41)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_mixed_up_keeps_the_contract_and_is_for_training_alone(model: str, tmp_path: Path) -> None:
    wrong = DATASETS[model].breaks["mixed-up"](some(model))
    write_csv(wrong, tmp_path / "wrong.csv")
    assert check(tmp_path / "wrong.csv", read_contract(folder(model) / "contract.yaml")).accepted
    assert (held_rows(load_folder(folder(model)), tmp_path / "wrong.csv"), wrong != some(model)) == (0, True)


def test_each_kind_of_unit_is_there() -> None:
    compared = {model: load_folder(folder(model)).gates.compare for model in MODELS}
    assert compared["loans"].classes == ("repaid", "defaulted")
    assert compared["films"].unit == "USER"
    assert (compared["demand"].unit, compared["demand"].block_days) == ("DAY", 7)
    people = [row["USER"] for row in DATASETS["films"].rows(1, 60)]
    assert 1 in {people.count(person) for person in people}


def test_a_part_is_written_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["films", "--rows", "1:11", "--out", str(tmp_path / "films.csv")])
    rows = len((tmp_path / "films.csv").read_text().splitlines()) - 1
    assert capsys.readouterr().out == f"{tmp_path / 'films.csv'}: 10 people, {rows} rows\n"


@pytest.mark.parametrize("wrong", [["--rows", "1:20002"], ["--break", "text"], ["--rows", "5:5"]])
def test_rows_and_breaks_that_a_dataset_has_not_are_refused(wrong: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["loans", "--out", str(tmp_path / "x.csv"), *wrong])
