"""A file counted in parts, each elsewhere, gives the verdict and the profile of the whole file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.look import told
from shared.data.on_spark import NotOnSpark, check_on_spark
from shared.data.opened import Rows
from shared.data.parts import Part
from shared.data.picks import repeats
from shared.data.profile import Profile
from shared.data.references import known
from shared.data.rules import Rule
from shared.data.tally import FIRST_ROWS, Count
from tests.spark.broken import AT, CONTRACT, ROWS, drops, references
from tests.unit.test_check import contract_of

DROPS = drops()
RULES = parse_contract(CONTRACT)


@pytest.mark.parametrize("name", DROPS)
def test_each_drop_breaks_the_rule_that_it_is_named_for_and_parts_say_so_as_the_whole_does(
    name: str, tmp_path: Path
) -> None:
    drop, towns = DROPS[name], references(tmp_path / "references")
    parquet.write_table(drop.rows, tmp_path / "drop.parquet")
    profile = Profile.of(RULES)
    verdict = check(tmp_path / "drop.parquet", RULES, profile, at=AT, references=towns)
    assert {(problem.rule, problem.column) for problem in verdict.problems} == drop.broken
    assert verdict.accepted == drop.accepted
    if name == "a type":
        return  # its key, with values that are none, is Spark's to count: tests/spark

    def repeated(rule: Rule) -> Count:
        found = repeats([drop.rows[column] for column in rule.columns])
        first = found[:FIRST_ROWS].tolist()
        samples = [", ".join(str(drop.rows[column][row].as_py()) for column in rule.columns) for row in first[:5]]
        return Count(len(found), first, samples)

    foreign = known(RULES, towns)
    whole = Part.of(RULES, foreign, repeated)
    cuts = [0, 1, 2, *np.random.default_rng(2).integers(2, ROWS, 5).tolist(), 1_201, ROWS]
    for first, end in zip(sorted(cuts), sorted(cuts)[1:], strict=False):
        part = Part.of(RULES, foreign)
        for batch in drop.rows.slice(first, end - first).to_batches(400):
            part.add(batch)
        whole.merge(Part.from_bytes(part.to_bytes()))
    look = told(Rows(drop.rows.column_names, iter(())), whole.tally, whole.ages, RULES, foreign, at=AT)
    assert (look.all_problems, look.total, look.is_clean) == (verdict.problems, verdict.rows, verdict.accepted)
    assert whole.profile.rows == profile.rows
    for column, one in profile.columns.items():
        other = whole.profile.columns[column]
        assert (other.missing, other.wrong, other.present) == (one.missing, one.wrong, one.present)
        assert other.distinct.to_text() == one.distinct.to_text()


def test_a_part_is_sent_in_a_few_kilobytes_a_column_whatever_its_rows() -> None:
    foreign = known(RULES, None)
    part = Part.of(RULES, foreign)
    for batch in DROPS["nothing"].rows.to_batches():
        for _ in range(20):
            part.add(batch)
    assert part.rows == 20 * ROWS
    assert len(part.to_bytes()) < 20_000 * len(RULES.columns)


def test_a_query_over_the_whole_table_is_refused_with_what_to_write() -> None:
    contract = contract_of(
        "{name: A, logicalType: number}",
        table="    quality: [{type: sql, query: 'SELECT count(DISTINCT \"A\") FROM {object}', mustBeGreaterThan: 3}]\n",
    )
    with pytest.raises(NotOnSpark, match="asks DuckDB about the whole table") as refused:
        check_on_spark(None, contract)  # type: ignore[arg-type]  # it is not looked at
    assert "avg, sum, min or max" in refused.value.next


def test_rows_refused_alone_are_refused_on_spark() -> None:
    alone = "    customProperties: [{property: acceptance, value: rows}]\n"
    contract = contract_of("{name: A, logicalType: number, required: true}", table=alone)
    with pytest.raises(NotOnSpark, match="refuses rows alone") as refused:
        check_on_spark(None, contract)  # type: ignore[arg-type]  # it is not looked at
    assert "without acceptance: rows" in refused.value.next
