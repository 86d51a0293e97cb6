"""Proposed contracts: what they say of which columns, what they let through and what they catch.

`BATON_SPLITS` says how many random halves of each data set are held against the contract of the other half: 8 unless
told, a few seconds of one core for each; `python -m tests.proposals` makes the whole table.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet
from scipy import stats

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.propose import propose
from shared.data.propose_limits import mean_limits, new_value_chance, range_limits, share_limit
from shared.errors import SpecRefused
from tests.proposals.damage import DAMAGES
from tests.proposals.measured import caught, false_alarms
from tests.proposals.tables import NAMES, table, written

SPLITS = int(os.environ.get("BATON_SPLITS", "8"))
ROWS = 2000


@pytest.fixture
def columns_of(tmp_path: Path):
    """The properties that are proposed for a table, by name."""

    def proposed(columns: dict[str, object]) -> dict[str, dict]:
        text = propose([written(pa.table(columns), tmp_path / "rows.csv")], name="rows")
        parse_contract(text)
        return {item["name"]: item for item in yaml.safe_load(text)["schema"][0]["properties"]}

    return proposed


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


# What is let through, and what is caught


@pytest.mark.parametrize("name", NAMES)
def test_a_random_half_passes_the_contract_of_the_other_half(name: str, tmp_path: Path) -> None:
    found = false_alarms(name, SPLITS, tmp_path)
    assert found.refused <= found.tried // 100


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_caught(name: str, tmp_path: Path) -> None:
    found = caught(name, 1, tmp_path)
    all_or_most = dict.fromkeys(DAMAGES, 100) | {
        damage: 95 for damage in DAMAGES if damage.startswith(("a factor", "two"))
    }
    tried = {damage: rate.percent for damage, rate in found.items() if rate.tried}
    assert {damage: percent for damage, percent in tried.items() if percent < all_or_most[damage]} == {}
    assert len(tried) >= 4


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda random, rows: random.normal(0, 1, rows), id="normal"),
        pytest.param(lambda random, rows: random.standard_t(3, rows), id="heavy tails"),
        pytest.param(lambda random, rows: random.lognormal(0, 1.5, rows), id="lognormal"),
        pytest.param(lambda random, rows: random.exponential(1, rows), id="exponential"),
        pytest.param(lambda random, rows: random.poisson(2, rows).astype(float), id="counts"),
        pytest.param(lambda random, rows: random.random(rows), id="uniform"),
    ],
)
def test_a_range_refuses_fewer_than_one_file_of_ten_columns_in_a_hundred(draw, random) -> None:
    """A column of a file of ten gets a chance of 0.002 / 40; at most 0.1 % of files may break it: 2 of 500 are too many."""
    refused = 0
    for _ in range(500):
        low, high, holds_all = range_limits(draw(random, 300), chance=0.002 / 40)
        values = draw(random, 300)
        outside = np.mean((values < low) | (values > high))
        refused += bool(outside > (0 if holds_all else 0.03))
    assert refused <= 1


def test_a_column_between_firm_ends_gets_a_range_that_holds_for_every_row(columns_of, random) -> None:
    options = columns_of({"A": random.random(ROWS)})["A"]["logicalTypeOptions"]
    assert -1 < options["minimum"] <= 0
    assert 1 <= options["maximum"] < 2


def test_a_column_with_a_long_tail_gets_a_range_that_holds_for_most_rows(columns_of, random) -> None:
    found = columns_of({"A": random.lognormal(0, 1.5, ROWS)})["A"]
    assert "logicalTypeOptions" not in found
    assert (found["quality"][0]["mustBeLessOrEqualTo"], found["quality"][0]["unit"]) == (3, "percent")


def test_a_mean_moves_beyond_its_limits_as_rarely_as_asked(random) -> None:
    """Without the quarter of a standard deviation that is added, 5 % would; with it and 100 rows, under 1 %."""
    outside = 0
    for _ in range(1000):
        low, high = mean_limits(random.normal(50, 5, 100), file_rows=100, chance=0.05)
        outside += not low <= random.normal(50, 5, 100).mean() <= high
    assert outside <= 10


@pytest.mark.parametrize(("count", "rows"), [(0, 100), (3, 100), (50, 1000), (999, 1000)])
def test_a_share_limit_is_no_less_than_the_exact_binomial_ones(count: int, rows: int) -> None:
    """Clopper and Pearson's upper limit for the share, then the binomial quantile of a file of 100 rows."""
    upper = stats.beta.ppf(1 - 0.0005, count + 1, rows - count)
    exact = stats.binom.ppf(1 - 0.0005, 100, upper) / 100
    assert exact <= share_limit(count, rows, file_rows=100, chance=0.001) + 0.01


def test_new_values_are_expected_as_often_as_they_come() -> None:
    """40 values of 2.5 % each, 100 rows: a second file has 40 * 0.975^100 * (1 - 0.975^100) = 2.93 that the first had not."""
    random, new = np.random.default_rng(3), []
    for _ in range(400):
        first, second = random.integers(0, 40, 100), random.integers(0, 40, 100)
        new.append(
            (
                len({*second} - {*first}),
                new_value_chance(np.unique(first, return_counts=True)[1].tolist(), file_rows=100),
            )
        )
    assert np.mean([came for came, _ in new]) == pytest.approx(2.93, abs=0.25)
    assert np.mean([expected for _, expected in new]) > 2.93


# What is proposed for which column


def test_under_a_hundred_rows_only_names_types_and_presence_are_proposed(columns_of) -> None:
    found = columns_of({"A": [1.5] * 99, "B": ["x", None] * 49 + ["y"]})
    assert found == {
        "A": {"name": "A", "logicalType": "number", "required": True},
        "B": {"name": "B", "logicalType": "string"},
    }


def test_under_a_hundred_rows_it_says_so(tmp_path: Path) -> None:
    assert "# Under 100 rows only names, types and presence" in propose(
        [written(pa.table({"A": [1.5] * 99}), tmp_path / "rows.csv")], name="rows"
    )


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("12", "integer"),
        ("12.0", "number"),
        ("1e3", "number"),
        ("true", "boolean"),
        ("0", "integer"),
        ("2026-03-31", "date"),
        ("2026-03-31T10:00:00Z", "timestamp"),
        ("00123", "string"),
        ("Ulm", "string"),
        ("NA", "string"),
    ],
)
def test_a_column_has_the_narrowest_kind_of_its_cells(tmp_path: Path, cell: str, kind: str) -> None:
    (tmp_path / "rows.csv").write_text(f"A,B\n{cell},1\n{cell},2\n")
    found = yaml.safe_load(propose([tmp_path / "rows.csv"], name="rows"))
    assert found["schema"][0]["properties"][0]["logicalType"] == kind


def test_a_column_with_most_mass_on_one_value_gets_a_share_and_no_range(columns_of, random) -> None:
    found = columns_of({"A": np.where(random.random(ROWS) < 0.9, 0.0, random.random(ROWS))})["A"]
    assert "logicalTypeOptions" not in found
    (rule,) = found["quality"]
    assert (rule["metric"], rule["arguments"], rule["unit"]) == ("invalidValues", {"validValues": [0]}, "percent")
    assert 10 < rule["mustBeLessOrEqualTo"] < 40


def test_what_looks_like_categories_gets_them(columns_of) -> None:
    (rule,) = columns_of({"A": ["red", "green", "blue", "green"] * 100})["A"]["quality"]
    assert sorted(rule["arguments"]["validValues"]) == ["blue", "green", "red"]


def test_words_of_which_some_came_once_are_no_categories(columns_of) -> None:
    assert "quality" not in columns_of({"A": ["red", "green"] * 100 + ["blue"]})["A"]


def test_more_than_a_hundred_values_are_no_categories(columns_of) -> None:
    assert "quality" not in columns_of({"A": [f"word {number % 101}" for number in range(10_100)]})["A"]


def test_a_column_without_repeats_in_a_thousand_rows_is_a_key_without_a_range(columns_of) -> None:
    found = columns_of({"ID": list(range(1000)), "X": [1.5, 2.5] * 500})["ID"]
    assert found == {"name": "ID", "logicalType": "integer", "required": True, "primaryKey": True}


def test_a_column_without_repeats_in_fewer_rows_is_no_key(columns_of) -> None:
    assert "primaryKey" not in columns_of({"ID": list(range(999)), "X": [1.5] * 999})["ID"]


def test_missing_values_get_a_share_and_not_a_demand(columns_of) -> None:
    values = [None if number % 50 == 0 else number / 7 for number in range(ROWS)]
    found = columns_of({"A": values, "B": [1.5] * ROWS})["A"]
    assert "required" not in found
    assert found["quality"][0]["metric"] == "nullValues"


def test_slack_shrinks_as_rows_grow(random) -> None:
    few, many = (mean_limits(random.normal(0, 1, rows), file_rows=rows, chance=0.0001) for rows in (100, 10_000))
    assert few[1] - few[0] > 2 * (many[1] - many[0])
    assert (
        share_limit(1, 100, file_rows=100, chance=0.0001)
        > 0.2
        > share_limit(100, 10_000, file_rows=10_000, chance=0.0001)
    )


def test_a_size_is_never_negative(columns_of, random) -> None:
    rule = columns_of({"A": random.normal(100, 10, ROWS)})["A"]["quality"][0]["query"]
    assert float(rule.split("BETWEEN ")[1].split(" AND")[0]) >= 0


def test_each_rule_says_why_it_is_there(tmp_path: Path) -> None:
    text = propose([written(table("breast_cancer"), tmp_path / "rows.csv")], name="rows")
    rules = [line for line in text.splitlines() if line.startswith("        ") and "quality:" not in line]
    assert len(rules) > 60
    assert [line for line in rules if "  # " not in line and "lastLine" not in line] == []


# Files


def test_several_files_make_one_contract(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.jsonl.gz"
    one.write_text("A,B\n1,x\n2,y\n")
    two.write_bytes(gzip.compress(b'{"B":"z","A":2.5}\n'))
    found = yaml.safe_load(propose([one, two], name="rows"))["schema"][0]["properties"]
    assert [item["logicalType"] for item in found] == ["number", "string"]


def test_a_parquet_file_says_its_types(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"A": [1.0, 2.0], "B": [True, None], "C": [1, 2]}), tmp_path / "rows.parquet")
    found = yaml.safe_load(propose([tmp_path / "rows.parquet"], name="rows"))["schema"][0]["properties"]
    assert [item["logicalType"] for item in found] == ["number", "boolean", "integer"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("A,B\n1,2\n3\n", "row 2 has another shape"),
        ("A,C\n1,2\n", "its columns are not those of first.csv: B, C"),
        ("A,B\n", "it has no rows"),
        ("", "the file is empty"),
    ],
)
def test_a_file_that_no_contract_can_be_made_from_is_refused_by_name(tmp_path: Path, content: str, told: str) -> None:
    first, other = tmp_path / "first.csv", tmp_path / "other.csv"
    first.write_text("A,B\n1,2\n")
    other.write_text(content)
    with pytest.raises(SpecRefused, match=rf"other.csv: .*{told}"):
        propose([first, other], name="rows")


def test_names_and_values_that_yaml_could_misread_are_written_so_that_it_does_not(tmp_path: Path) -> None:
    names = ["yes", "a: b", '"quoted"', "{x}", "# no", "größe"]
    rows = pa.table({name: ["null", "{a}", "1: 2", "#3"] * 50 for name in names})
    file = written(rows, tmp_path / "rows.csv")
    contract = parse_contract(propose([file], name="rows: all"))
    assert contract.names == tuple(names)
    assert check(file, contract).accepted


@pytest.mark.parametrize("first", [1234567890123456789, 1700000123456])
def test_a_file_of_large_numbers_keeps_to_what_is_proposed_from_it(tmp_path: Path, first: int) -> None:
    """Row numbers of a stream, and milliseconds since 1970: twelve digits do not tell them apart."""
    file = written(pa.table({"A": pa.array(range(first, first + 400)), "B": ["a"] * 400}), tmp_path / "rows.csv")
    assert check(file, parse_contract(propose([file], name="rows"))).accepted


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_mark_between_cells_is_the_one_that_makes_the_most_columns(tmp_path: Path, mark: str) -> None:
    (tmp_path / "rows.csv").write_text(f"ID{mark}SIZE{mark}TOWN\n" + f"1{mark}2.5{mark}Ulm\n" * 3)
    text = propose([tmp_path / "rows.csv"], name="rows")
    assert parse_contract(text).names == ("ID", "SIZE", "TOWN")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("nested.jsonl", b'{"A": 1, "B": {"C": 2}}\n', r"row 1 has another shape than the header \(B holds an object"),
        ("latin.csv", "A,B\n1,Köln\n".encode("latin-1"), "column B holds what is no text in UTF-8"),
        ("nameless.csv", b",A\n0,1\n", "one of its columns has no name"),
    ],
)
def test_a_file_whose_contract_would_refuse_it_gets_none(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpecRefused, match=told):
        propose([tmp_path / name], name="rows")


def test_a_nested_column_of_parquet_gets_no_contract(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"A": [1], "B": [{"C": 2}]}), tmp_path / "rows")
    with pytest.raises(SpecRefused, match="column B holds what is no text in UTF-8, or objects or lists"):
        propose([tmp_path / "rows"], name="rows")
