"""Profiles: what a column looks like, against numpy over all of its rows, whole and in merged parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import datasketches
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from shared.data.cells import cells
from shared.data.check import check
from shared.data.profile import ColumnProfile, Profile, ProfileUnreadable, merged
from shared.data.rules import Kind
from shared.data.sketches import Distinct, Frequent, hashes_of
from shared.errors import Permanent
from tests.unit.test_check import contract_of

BATCH = 1 << 16
KINDS: dict[Kind, Sequence[object]] = {
    "number": [1.5, None, -2.0, 1.5],
    "integer": [3, 3, None, 4],
    "string": ["Ulm", "Ulm", None, "Bonn"],
    "boolean": [True, False, None, True],
    "date": ["2026-03-31", None, "2026-03-01", "2026-03-31"],
    "timestamp": ["2026-03-31T12:00:00Z", None, "2026-03-01T00:00:00Z", "2026-03-31T12:00:00Z"],
}


def column(kind: Kind, *batches: object) -> ColumnProfile:
    found = ColumnProfile(kind)
    for batch in batches:
        found.add(cells(pa.array(batch), kind))
    return found


def numbers(rows: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(size=rows)


def in_batches(values: np.ndarray, size: int = BATCH) -> ColumnProfile:
    return column("number", *(values[first : first + size] for first in range(0, len(values), size)))


# One column


@pytest.mark.parametrize("kind", KINDS)
def test_rows_with_and_without_a_value_are_counted(kind: Kind) -> None:
    found = column(kind, KINDS[kind])
    assert (found.rows, found.present, found.missing, found.wrong, found.distinct.count) == (4, 3, 1, 0, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_stored_form_is_json_that_gives_the_same_profile_back(kind: Kind) -> None:
    stored = column(kind, KINDS[kind]).to_dict()
    assert ColumnProfile.from_dict(json.loads(json.dumps(stored, allow_nan=False))).to_dict() == stored


def test_a_cell_of_another_kind_is_wrong_and_not_missing() -> None:
    found = column("number", ["1", "none", "twelve", "inf"])
    assert (found.present, found.missing, found.wrong) == (1, 1, 2)


def test_a_column_without_any_value_has_a_profile() -> None:
    found = column("number", [None, None])
    assert (found.rows, found.numbers.count, found.quantiles.quantiles([0.5]), found.frequent.counts) == (2, 0, [], {})


def test_moments_are_those_of_the_textbook() -> None:
    found = column("number", [2.0, 4.0, 4.0, 4.0], [5.0, 5.0, 7.0, 9.0]).numbers
    assert (found.count, found.mean, found.deviation, found.least, found.most) == (8, 5.0, 2.0, 2.0, 9.0)


def test_moments_survive_a_large_mean() -> None:
    values = 1e9 + np.random.default_rng(2).normal(size=100_000)
    assert in_batches(values, 1000).numbers.deviation == pytest.approx(values.std(), rel=1e-6)


@pytest.mark.parametrize("values", [[1e308, -1e308, 3.5e38, 1.0], [1.7e308] * 20_000])
def test_numbers_near_the_end_of_all_floats_have_a_profile_that_is_json(values: Sequence[float]) -> None:
    found = column("number", values, values)
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert (found.numbers.least, found.numbers.most) == (min(values), max(values))


def test_the_greatest_integer_has_a_profile() -> None:
    assert column("integer", [2**63 - 1]).frequent.counts == {2**63: 1}


def test_lengths_are_in_characters() -> None:
    found = column("string", ["Köln", "Ulm", "Ulm"]).lengths
    assert (found.least, found.most, found.mean) == (3, 4, pytest.approx(10 / 3))


def test_a_time_range_is_told_as_times() -> None:
    assert column("date", KINDS["date"]).range == ("2026-03-01", "2026-03-31")
    assert column("timestamp", KINDS["timestamp"]).range == ("2026-03-01T00:00:00+00:00", "2026-03-31T12:00:00+00:00")


@pytest.mark.parametrize("rows", [50, 5_000, 300_000])
def test_shares_of_values_are_right_within_the_error(rows: int) -> None:
    values = numbers(rows)
    found = in_batches(values)
    points = np.quantile(values, np.linspace(0.01, 0.99, 25)).astype(np.float32).tolist()
    below, at = found.quantiles.shares(points)
    exact = np.searchsorted(np.sort(values.astype(np.float32)), points, side="right") / rows
    assert np.abs(at - exact).max() <= found.quantiles.error * 1.5  # of 25 points one may be beyond the 99 % bound
    assert (below <= at).all()


def test_a_small_columns_quantiles_are_exact() -> None:
    assert column("integer", list(range(1, 101))).quantiles.quantiles([0.0, 0.5, 0.9, 1.0]) == [1, 50, 90, 100]


@pytest.mark.parametrize("distinct", [10, 1_000, 50_000])
def test_distinct_values_are_estimated_within_four_standard_errors(distinct: int) -> None:
    values = np.arange(200_000) % distinct
    assert column("integer", values, values).distinct.count == pytest.approx(distinct, rel=4 * 0.016)


def test_distinct_texts_are_told_apart_to_their_last_letter() -> None:
    texts = [f"{'street ' * repeats}{number}" for repeats in (0, 1, 50) for number in range(3_000)]
    assert column("string", texts).distinct.count == pytest.approx(9_000, rel=4 * 0.016)


def test_distinct_values_are_counted_as_the_library_counts_them() -> None:
    """Ours takes whole arrays; the estimates are as near to the truth."""
    library = datasketches.hll_sketch(12)
    for number in range(30_000):
        library.update(number)
    ours = Distinct()
    ours.add(hashes_of(np.arange(30_000)))
    assert ours.count == pytest.approx(library.get_estimate(), rel=4 * 0.016 * 2**0.5)


@given(st.lists(st.lists(st.sampled_from("abcdefgh") | st.text(max_size=2), max_size=200), max_size=6))
def test_true_counts_lie_within_the_bounds_of_frequent_values(batches: list[list[str]]) -> None:
    found = Frequent()
    for batch in batches:
        counted = Counter(batch)
        found.add(list(counted), list(counted.values()))
    true = Counter(value for batch in batches for value in batch)
    assert all(0 <= true[value] - found.counts.get(value, 0) <= found.error for value in true)


def test_few_values_have_their_exact_counts() -> None:
    values = np.random.default_rng(3).integers(0, 50, 100_000)
    found = column("integer", values[:60_000], values[60_000:]).frequent
    assert (found.error, found.counts) == (0, dict(Counter(values.tolist())))


def test_a_value_that_stands_out_among_many_is_found() -> None:
    values = np.where(np.arange(100_000) % 4 == 0, 0.0, numbers(100_000))
    found = in_batches(values).frequent
    assert found.counts[0.0] <= 25_000 <= found.counts[0.0] + found.error


def test_a_continuous_columns_profile_takes_a_few_kilobytes() -> None:
    assert len(json.dumps(in_batches(numbers(500_000)).to_dict())) < 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_personal_columns_profile_holds_no_value(kind: Kind) -> None:
    found = ColumnProfile(kind, personal=True)
    found.add(cells(pa.array(KINDS[kind]), kind))
    assert (found.present, found.missing, found.distinct.count) == (3, 1, 2)
    assert (found.frequent.counts, found.quantiles.count, found.range) == ({}, 0, None)
    assert (found.numbers.mean, found.numbers.least, found.numbers.most) == (0, 0, 0)


# Merging


def test_a_column_that_became_personal_keeps_no_value_of_its_older_parts() -> None:
    older, newer = column("string", ["Ulm", "Ulm"]), ColumnProfile("string", personal=True)
    found = merged([Profile(2, {"T": older}), Profile(0, {"T": newer})]).columns["T"]
    assert (found.personal, found.present, found.frequent.counts, found.frequent.error) == (True, 2, {}, 2)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), max_size=30), min_size=1, max_size=5), st.randoms())
def test_parts_merge_into_the_profile_of_the_whole_in_any_order(parts: list[list[float]], random) -> None:
    whole = column("number", pa.array([value for part in parts for value in part], pa.float64()))
    profiles = [Profile(len(part), {"x": column("number", pa.array(part, pa.float64()))}) for part in parts]
    random.shuffle(profiles)
    found = merged(profiles).columns["x"]
    assert found.rows == whole.rows
    assert (found.numbers.least, found.numbers.most) == (whole.numbers.least, whole.numbers.most)
    assert found.numbers.mean == pytest.approx(whole.numbers.mean, rel=1e-9, abs=1e-6)
    assert found.numbers.squares == pytest.approx(whole.numbers.squares, rel=1e-6, abs=1e-3)
    assert found.distinct.to_text() == whole.distinct.to_text()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_quantiles_of_merged_parts_are_right_within_the_error(order: Sequence[int]) -> None:
    values = numbers(150_000)
    parts = [values[:100_000], values[100_000:100_500], values[100_500:]]
    found = merged(Profile(len(parts[number]), {"x": in_batches(parts[number])}) for number in order).columns["x"]
    exact = np.quantile(values, [0.1, 0.5, 0.9]).tolist()
    _, at = found.quantiles.shares(exact)
    assert found.quantiles.count == 150_000
    assert at == pytest.approx([0.1, 0.5, 0.9], abs=found.quantiles.error)


def test_of_a_column_that_a_part_lacks_its_rows_are_missing() -> None:
    older, newer = Profile(2, {"a": column("integer", [1, 2])}), Profile(1, {"b": column("integer", [3])})
    for parts in ((older, newer), (newer, older)):
        found = merged(parts)
        assert {name: (one.rows, one.missing) for name, one in found.columns.items()} == {"a": (3, 1), "b": (3, 2)}
        older, newer = Profile(2, {"a": column("integer", [1, 2])}), Profile(1, {"b": column("integer", [3])})


def test_a_column_that_changed_its_kind_is_not_merged() -> None:
    with pytest.raises(Permanent, match="kind integer and of kind string"):
        merged([Profile(1, {"a": column("integer", [1])}), Profile(1, {"a": column("string", ["1"])})])


@pytest.mark.parametrize("stored", [{}, {"v": 2, "rows": 0, "columns": {}}, {"v": 1, "rows": 0, "columns": {"a": 1}}])
def test_what_is_no_profile_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(ProfileUnreadable, match="cannot be read"):
        Profile.from_dict(stored)


# With the check


def test_one_pass_gives_verdict_and_profile_of_all_formats(tmp_path: Path) -> None:
    contract = contract_of("{name: A, logicalType: number}", "{name: T, logicalType: string}")
    rows = [(1.5, "Ulm"), (None, "Bonn"), (2.5, None)]
    csv, lines, columns = (tmp_path / name for name in ("csv", "jsonl", "parquet"))
    csv.write_text("A,T\n1.5,Ulm\n,Bonn\n2.5,\n")
    lines.write_text("".join(json.dumps({"A": a, "T": t}) + "\n" for a, t in rows))
    parquet.write_table(pa.table({"A": [a for a, _ in rows], "T": [t for _, t in rows]}), columns)
    for file in (csv, lines, columns):
        profile = Profile.of(contract)
        assert check(file, contract, profile) == check(file, contract)
        assert (profile.rows, profile.columns["A"].numbers.mean, profile.columns["A"].missing) == (3, 2.0, 1)
        assert profile.columns["T"].frequent.counts == {"Ulm": 1, "Bonn": 1}


def test_rows_of_another_shape_are_not_profiled(tmp_path: Path) -> None:
    file = tmp_path / "drop"
    file.write_text("A\n1\n2,3\n4\n")
    contract = contract_of("{name: A, logicalType: integer}")
    profile = Profile.of(contract)
    assert check(file, contract, profile).rows == 3
    assert profile.rows == 2
