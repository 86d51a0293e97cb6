"""Generated files: they look like what the profile is of, but where a difference was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import csv

from cli.generating import generate as command
from local.datasets import diabetes, write_csv
from shared.data.check import check
from shared.data.comparing import compare
from shared.data.contract import parse_contract
from shared.data.generating import Asked, CannotGenerate, generate
from shared.data.profile import Profile
from shared.data.rules import Contract

DIABETES = Path(__file__).parents[2] / "models" / "diabetes"
KINDS = ("string", "integer", "number", "boolean", "date", "timestamp")


def _diabetes() -> Contract:
    return parse_contract((DIABETES / "contract.yaml").read_text())


def _profiled(table: pa.Table, contract: Contract, folder: Path) -> tuple[Profile, bool]:
    file, profile = folder / "file.csv", Profile.of(contract)
    csv.write_csv(table, file)
    return profile, check(file, contract, profile).accepted


@pytest.fixture
def real(tmp_path: Path) -> Profile:
    file, profile = tmp_path / "real.csv", Profile.of(_diabetes())
    write_csv(diabetes(), file)
    assert check(file, _diabetes(), profile).accepted
    return profile


def test_a_file_like_the_patients_keeps_their_contract_and_drifts_nowhere(real: Profile, tmp_path: Path) -> None:
    found, accepted = _profiled(generate(real, _diabetes(), Asked(2000)), _diabetes(), tmp_path)

    assert accepted
    assert not [change.column for change in compare(real, found, without=("PATIENT",)) if change.drifted]


def test_a_column_that_was_to_drift_does_so_alone_and_by_so_much(real: Profile, tmp_path: Path) -> None:
    made = generate(real, _diabetes(), Asked(2000, drift={"BMI": 0.5}))
    found, _ = _profiled(made, _diabetes(), tmp_path)

    assert {change.column for change in compare(real, found, without=("PATIENT",)) if change.drifted} == {"BMI"}
    bmi = np.array([row["BMI"] for row in diabetes()], float)
    by = (np.mean(made["BMI"].to_numpy()) - bmi.mean()) / bmi.std()
    assert abs(by - 0.5) < 4 * (1 / 2000 + 0.01**2) ** 0.5, "within four standard errors and the sketch's error"


def test_cells_are_left_empty_at_about_the_share_that_was_asked_for_and_keys_never(real: Profile) -> None:
    made = generate(real, _diabetes(), Asked(10_000, nulls={"": 0.03}))

    assert made["PATIENT"].null_count == 0
    for name in set(made.column_names) - {"PATIENT"}:
        assert abs(made[name].null_count - 300) < 5 * (10_000 * 0.03 * 0.97) ** 0.5


def test_keys_go_on_after_those_that_there_are(real: Profile) -> None:
    assert generate(real, _diabetes(), Asked(3))["PATIENT"].to_pylist() == [443, 444, 445]


def test_the_same_seed_gives_the_same_rows_and_another_gives_others(real: Profile) -> None:
    first = generate(real, _diabetes(), Asked(50, seed=1))
    assert first.equals(generate(real, _diabetes(), Asked(50, seed=1)))
    assert not first.equals(generate(real, _diabetes(), Asked(50, seed=2)))


@pytest.mark.parametrize("name", ["SEX_", "PATIENT?"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(real: Profile, name: str) -> None:
    with pytest.raises(CannotGenerate, match="no column") as refused:
        generate(real, _diabetes(), Asked(3, drift={name: 1.0}))
    assert "BMI" in refused.value.next


def _every_kind(personal: bool) -> Contract:
    properties = [{"name": kind, "logicalType": kind} for kind in KINDS]
    if personal:
        properties = [{**one, "classification": "confidential"} for one in properties]
    schema = [{"name": "rows", "properties": properties}]
    return parse_contract(
        json.dumps({"apiVersion": "v3.1.0", "kind": "DataContract", "id": "x", "version": "1", "schema": schema})
    )


def _row(row: int) -> str:
    day, hour = 1 + row % 28, row % 24
    truth = "true" if row % 3 else "false"
    return f"{'ab'[row % 2]},{row % 7},{row / 3:.3f},{truth},2026-01-{day:02d},2026-02-01T{hour:02d}:00:00Z\n"


EVERY = ",".join(KINDS) + "\n" + "".join(map(_row, range(500)))


def test_every_kind_is_drawn_as_it_was(tmp_path: Path) -> None:
    contract, file = _every_kind(personal=False), tmp_path / "every.csv"
    file.write_text(EVERY)
    real = Profile.of(contract)
    assert check(file, contract, real).accepted

    made = generate(real, contract, Asked(4000))
    found, accepted = _profiled(made, contract, tmp_path)

    assert accepted
    assert not [change.column for change in compare(real, found) if change.drifted]
    assert set(made["string"].to_pylist()) == {"a", "b"}
    assert min(made["timestamp"].to_pylist()).isoformat() >= "2026-02-01T00:00:00"


def test_of_personal_columns_no_value_comes_back(tmp_path: Path) -> None:
    contract, file = _every_kind(personal=True), tmp_path / "every.csv"
    file.write_text(EVERY.replace("a,", "anna,").replace("b,", "bert,"))
    real = Profile.of(contract)
    check(file, contract, real)

    made = generate(real, contract, Asked(100))

    assert not {"anna", "bert"} & set(made["string"].to_pylist())
    assert {len(text) for text in made["string"].to_pylist()} == {4}
    assert all(made[kind].null_count == 100 for kind in KINDS[1:])


def test_the_command_writes_a_file_like_another(tmp_path: Path) -> None:
    like, out = tmp_path / "like.csv", tmp_path / "out.csv"
    write_csv(diabetes(1, 301), like)
    words = [
        "diabetes",
        "--rows",
        "200",
        "--like",
        str(like),
        "--drift",
        "BMI:+0.5sd",
        "--nulls",
        "S5:3%",
        "--out",
        str(out),
    ]

    told = CliRunner().invoke(command, words, standalone_mode=False)

    assert told.exception is None, told.output
    assert out.read_text().splitlines()[0].replace('"', "") == "PATIENT,AGE,SEX,BMI,BP,S1,S2,S3,S4,S5,S6,Y"
    assert len(out.read_text().splitlines()) == 201
    assert f"baton check diabetes {out}" in told.output


@pytest.mark.parametrize(("option", "text"), [("--drift", "BMI:lots"), ("--nulls", "3"), ("--nulls", "BMI:300%")])
def test_what_cannot_be_read_is_named(tmp_path: Path, option: str, text: str) -> None:
    words = ["diabetes", "--rows", "2", option, text, "--out", str(tmp_path / "out.csv")]
    told = CliRunner().invoke(command, words)
    assert told.exit_code == 2
    assert repr(text) in told.output
