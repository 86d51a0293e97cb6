"""Foreign keys: values looked for in the current version of another model's data."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.glance import datasets_of
from shared.data.verdict import Verdict
from shared.errors import SpecRefused
from shared.model_yaml.spec_file import load_spec
from shared.runs.check_drop import check_drop
from shared.runs.materialise import Sources, materialise
from shared.runs.run_dir import RunDir
from tests.fakes.platform import Outcome
from tests.world import World, spec_text
from tests.world import check as pretended

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
schema:
  - name: orders
    properties:
      - {name: N, logicalType: integer}
      - {name: TOWN, logicalType: integer, relationships: [{to: towns.ID}]}
"""
ORDERS = "N,TOWN\n1,10\n2,99\n3,\n4,20\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A version of the towns with two files, the second without its last line end and with the columns swapped."""
    towns = tmp_path / "references" / "towns"
    towns.mkdir(parents=True)
    (towns / "000001").write_text("ID,NAME\n10,Ulm\n10,Ulm\n")
    (towns / "000002").write_text("NAME,ID\nBonn,20")
    return towns.parent


@pytest.fixture
def verdict_by(tmp_path: Path):
    def verdict(references: Path | None) -> Verdict:
        (tmp_path / "orders.csv").write_text(ORDERS)
        return check(tmp_path / "orders.csv", parse_contract(CONTRACT), references=references)

    return verdict


def test_a_value_that_the_other_dataset_lacks_is_picked_and_a_missing_one_is_not(verdict_by, folder: Path) -> None:
    (problem,) = verdict_by(folder).problems
    assert (problem.rule, problem.rows, problem.samples) == ("relationship", (2,), ("99",))
    assert problem.what == "TOWN: 1 of 4 values is not among towns.ID (row 2)"


def test_a_dataset_that_has_no_version_refuses_the_file_and_says_so(verdict_by, tmp_path: Path) -> None:
    (problem,) = verdict_by(tmp_path / "references").problems
    assert (problem.severity, problem.what) == (
        "error",
        "TOWN must be among towns.ID, of which no version with that column can be read",
    )


def test_a_version_without_the_column_refuses_the_file(verdict_by, tmp_path: Path) -> None:
    (tmp_path / "references" / "towns").mkdir(parents=True)
    (tmp_path / "references" / "towns" / "000001").write_text("NAME\nUlm\n")
    assert not verdict_by(tmp_path / "references").accepted


def test_where_nothing_is_at_hand_a_foreign_key_is_told_as_not_checked(verdict_by) -> None:
    verdict = verdict_by(None)
    assert (verdict.accepted, [problem.rule for problem in verdict.problems]) == (True, ["not_checked"])


def test_a_drop_is_checked_beside_the_current_version_of_the_other_dataset(tmp_path: Path) -> None:
    beside: dict[str, str] = {}

    def checker(file: Path, contract: Path) -> Verdict:
        for found in sorted((file.parent / "references").rglob("*")):
            if found.is_file():
                beside[f"{found.parent.name}/{found.name}"] = found.read_text()
        return pretended(file, contract)

    world = World(tmp_path, checker=checker)
    folder = world.publish("orders")
    world.blobs.drop("models", f"orders/{folder}/contract.yaml", CONTRACT.encode())
    world.publish("towns")
    for model in ("orders", "towns"):
        world.settle(model)

    world.drop("before", model="orders")
    world.settle("orders")
    assert beside == {}

    world.drop("ID\n10\n", model="towns")
    world.settle("towns")
    world.drop("after", model="orders")
    world.settle("orders")
    assert beside == {"towns/000001": "ID\n10\n"}

    beside.clear()
    (forgotten,) = world.app.book.files("towns", 1)
    del world.blobs.blobs["datasets", forgotten.stored]
    world.drop("later", model="orders")
    world.settle("orders")
    assert (beside, world.head("orders").next_file) == ({}, 4)


def with_towns(home: Path, **more: int) -> World:
    """A world in which the towns have a version with the ID 10."""
    world = World(home, **more)  # type: ignore[arg-type]
    folder = world.publish("orders")
    world.blobs.drop("models", f"orders/{folder}/contract.yaml", CONTRACT.encode())
    world.publish("towns")
    for model in ("orders", "towns"):
        world.settle(model)
    world.drop("ID\n10\n", model="towns")
    world.settle("towns")
    return world


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_run_that_checks_a_large_drop_has_the_values_of_the_version(tmp_path: Path, is_forgotten: bool) -> None:
    world = with_towns(tmp_path, inline_limit=8)
    world.trainer.script["orders-k-1"] = Outcome("running")
    world.drop(ORDERS, model="orders")
    world.settle("orders")
    (run,) = (run for run in world.trainer.started if run.step == "check")
    if is_forgotten:
        (file,) = world.app.book.files("towns", 1)
        del world.blobs.blobs["datasets", file.stored]
        world.blobs.drop("datasets", f"towns/tombstones/{file.sha256}.json", b"{}")

    (inputs := tmp_path / "run" / "inputs").joinpath("folder").mkdir(parents=True)
    (inputs / "folder" / "contract.yaml").write_text(CONTRACT)
    materialise(run, inputs, sources=Sources(world.blobs, lambda run, into: None, lambda: world.registry))
    result = check_drop(RunDir(tmp_path / "run", run), load_spec(spec_text()), blobs=world.blobs)
    what = [problem["what"] for problem in result["verdict"]["problems"]]  # type: ignore[index]
    if is_forgotten:
        assert what == ["TOWN must be among towns.ID, of which no version with that column can be read"]
    else:
        assert what == ["TOWN: 2 of 4 values are not among towns.ID (rows 2, 4)"]


def test_a_version_above_the_inline_limit_has_a_small_drop_checked_by_a_run(tmp_path: Path) -> None:
    world = with_towns(tmp_path, inline_limit=6)
    world.inline_limit = 5
    world.restart()
    world.trainer.script["orders-k-1"] = Outcome("running")
    world.drop("N\n1\n", model="orders")
    world.settle("orders")
    (run,) = (run for run in world.trainer.started if run.step == "check")
    assert run.inputs["values-towns"] == f"values:{world.head('towns').dataset}"


COMPOSITE = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
schema:
  - name: orders
    relationships:
      - {from: [orders.N, orders.town], to: [towns.ID, towns.NAME]}
    properties:
      - {name: N, logicalType: integer}
      - {name: town, physicalName: TOWN, logicalType: string}
"""


def test_several_columns_must_stand_together_in_the_other_dataset(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("N,TOWN\n10,Ulm\n10,Bonn\n20,Bonn\n,Ulm\n1,0Ulm\n")
    contract = parse_contract(COMPOSITE)
    (problem,) = check(tmp_path / "orders.csv", contract, references=folder).problems
    assert (problem.rule, problem.rows, problem.samples) == (
        "relationship",
        (2, 5),
        ("N=10, TOWN=Bonn", "N=1, TOWN=0Ulm"),
    )
    assert problem.what == "N, TOWN: 2 of 5 values are not among towns.(ID, NAME) (rows 2, 5)"
    quick = check(tmp_path / "orders.csv", contract, references=folder, quick_from=0)
    assert quick.problems == (problem,)


def test_rows_that_point_nowhere_are_refused_alone_where_the_contract_says_so(folder: Path, tmp_path: Path) -> None:
    rows = "    customProperties: [{property: acceptance, value: rows}, {property: acceptedShare, value: 50}]\n"
    contract = parse_contract(COMPOSITE.replace("    properties:\n", f"{rows}    properties:\n"))
    (tmp_path / "orders.csv").write_text("N,TOWN\n10,Ulm\n10,Bonn\n20,Bonn\n")
    verdict = check(tmp_path / "orders.csv", contract, references=folder)
    assert (verdict.accepted, verdict.refused_rows, verdict.problems[0].rows) == (True, 1, (2,))


def test_a_version_that_lacks_one_of_the_columns_refuses_the_file(tmp_path: Path) -> None:
    (tmp_path / "references" / "towns").mkdir(parents=True)
    (tmp_path / "references" / "towns" / "000001").write_text("ID\n10\n")
    (tmp_path / "orders.csv").write_text("N,TOWN\n10,Ulm\n")
    (problem,) = check(tmp_path / "orders.csv", parse_contract(COMPOSITE), references=tmp_path / "references").problems
    assert problem.what == "N, TOWN must be among towns.(ID, NAME), of which no version with those columns can be read"


def test_the_datasets_of_a_tables_foreign_keys_are_fetched_too() -> None:
    assert datasets_of(COMPOSITE) == ["towns"]
    assert datasets_of(CONTRACT) == ["towns"]


@pytest.mark.parametrize(
    "link",
    [
        "{from: [orders.N, orders.town], to: [towns.ID]}",
        "{from: [orders.N, orders.nothing], to: [towns.ID, towns.NAME]}",
        "{from: [orders.N, other.town], to: [towns.ID, towns.NAME]}",
        "{from: [orders.N, orders.town], to: [towns.ID, villages.NAME]}",
        "{from: [orders.N, orders.town], to: [schema/towns/properties/ID, towns.NAME]}",
        "{from: [orders.N, orders.N], to: [towns.ID, towns.NAME]}",
        "{type: join, from: [orders.N, orders.town], to: [towns.ID, towns.NAME]}",
        "{from: [orders.N, orders.town]}",
        "{to: [towns.ID, towns.NAME]}",
    ],
)
def test_a_relationship_that_cannot_be_followed_is_an_error_when_the_contract_is_read(link: str) -> None:
    with pytest.raises(SpecRefused, match=r"orders\.relationships\[0\]"):
        parse_contract(COMPOSITE.replace("{from: [orders.N, orders.town], to: [towns.ID, towns.NAME]}", link))
