"""What judging reads of the holdout beside predictions: true values, units, rows that training saw, changed columns."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.data.contract import read_contract
from shared.data.rules import Contract
from shared.data.split import SECONDS_A_DAY, key_texts
from shared.errors import BatonError, Permanent
from shared.model_yaml.spec_file import load_spec
from shared.runs.metrics import Numbers
from shared.runs.repeats import repeats
from shared.runs.rows import Rows
from shared.runs.run_dir import RunDir
from shared.runs.scoring import class_name
from shared.spec import Spec


def true_values(table: pa.Table, spec: Spec) -> Numbers:
    """The target as numbers, a class as its place among the declared ones; every row has one, otherwise `Permanent`."""
    target, classes = spec.data.target, spec.gates.compare.classes
    if classes:
        return _classes(table, target, classes)
    try:
        values: Numbers = table[target].cast(pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Permanent(
            f"the target {target} is no number: {error}",
            next="declare it as a number in the contract, or its values as gates.compare.classes in model.yaml",
        ) from error
    if missing := int((~np.isfinite(values)).sum()):
        raise Permanent(
            f"{missing} of {len(values)} holdout rows have no {target}",
            next=f"declare {target} as required in the contract, so that such a drop is refused",
        )
    return values


def _classes(table: pa.Table, target: str, classes: tuple[str, ...]) -> Numbers:
    named = [class_name(value) for value in table[target].to_pylist()]
    strange = sorted(set(named) - set(classes))
    if strange:
        raise Permanent(
            f"the target {target} is {', '.join(strange)[:200]} in holdout rows, which is no declared class",
            next="add it to gates.compare.classes in model.yaml, or to the contract's enum, so that such a drop is refused",
        )
    return np.array([classes.index(name) for name in named], dtype=np.float64)


def units(table: pa.Table, spec: Spec) -> Numbers | None:
    """The number of each row's unit, from 0; None where each row is one. Without a declared unit, rows with the same key are one."""
    compare = spec.gates.compare
    if not compare.unit:
        return _repeated_keys(table, spec)
    column = table[compare.unit]
    if compare.block_days:
        times = pc.cast(pc.cast(column, pa.timestamp("s"), safe=False), pa.int64())
        column = pc.floor(pc.divide(pc.cast(times, pa.float64()), compare.block_days * SECONDS_A_DAY))
    texts = ["" if value is None else str(value) for value in column.to_pylist()]
    numbers: Numbers = np.unique(texts, return_inverse=True)[1].astype(np.float64)
    return numbers


def _repeated_keys(table: pa.Table, spec: Spec) -> Numbers | None:
    """A row that was dropped twice is no second witness; None where every key stands once."""
    keys = key_texts(table, spec.data.key).dictionary_encode()
    if len(keys.dictionary) == table.num_rows:
        return None
    numbers: Numbers = keys.indices.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return numbers


def overlap(rows: Rows, spec: Spec) -> dict[str, object]:
    """How many holdout rows repeat a training row, and how many are copies; features are what is neither key, time nor target."""
    aside = {*spec.data.key, spec.data.target, spec.data.time}
    features = [name for name in rows.holdout.column_names if name not in aside]
    return asdict(repeats(rows.train, rows.holdout, features))


def schema_change(run: RunDir, spec: Spec) -> dict[str, object]:
    """How the contract's columns differ from the champion's, as phrases, and both contracts' versions; nothing without a champion.

    A champion's folder that cannot be read is told as an error: the gate holds on it, and the run does not fail.
    """
    if not run.has("champion"):
        return {}
    now = read_contract(run.input("folder") / spec.data.contract)
    try:
        before = _champions_contract(run) or now
    except (BatonError, OSError, UnicodeDecodeError) as error:
        return {"schema": None, "schema_error": str(error)[:300]}
    old, new = ({column.name: column.kind for column in contract.columns} for contract in (before, now))
    changes = [f"{name} is gone" for name in sorted(old.keys() - new.keys())]
    changes += [f"{name} is new" for name in sorted(new.keys() - old.keys())]
    changes += [
        f"{name} was {old[name]}, is {new[name]}" for name in sorted(old.keys() & new.keys()) if old[name] != new[name]
    ]
    return {"schema": changes, "contracts": [before.version, now.version]}


def _champions_contract(run: RunDir) -> Contract | None:
    """None where the champion was made with the same folder."""
    if not run.has("champion_folder"):
        return None
    theirs = run.input("champion_folder")
    return read_contract(theirs / load_spec((theirs / "model.yaml").read_text(encoding="utf-8-sig")).data.contract)
