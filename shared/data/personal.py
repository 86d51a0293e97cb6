"""Personal columns: which ones the contract marks, and how what they hold is shown.

A column is personal if its `classification` is anything but `public` or `internal`, if `personal` or `pii` is among its
`tags`, or if its custom property `personal` is true; `personal: false` says that it is not, whatever the others say.
The custom property `pii`, as other tools write it (datacontract-cli exports a field's `pii` so), hides unless it is false.
Of a personal value the report keeps the form alone, without its length: letters become x, digits 9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.data.rules import Contract
from shared.data.verdict import Problem

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

    from shared.data.faults import Faults

OPEN = ("", "public", "internal")
TAGS = ("personal", "pii")
PROPERTY = "personal"
SAYS_NO = ("false", "no", "none", "")
NAMES_ONLY = ("extra_column",)
DIGITS, LETTERS = re.compile(r"[0-9]+"), re.compile(r"(?:[A-Za-z]|[^\x00-\x7f])+")


def is_personal(item: SchemaProperty, name: str, faults: Faults) -> bool:
    """Whether the contract marks a column as personal."""
    own = [(str(entry.property).casefold(), entry.value) for entry in item.customProperties or []]
    said = [value for called, value in own if called == PROPERTY]
    for value in said:
        if not isinstance(value, bool):
            faults.add(f"{name}.customProperties.{PROPERTY}", f"found {value!r}", "true or false")
    if said:
        return said[-1] is not False
    tagged = any(str(tag).strip().casefold() in TAGS for tag in item.tags or [])
    tagged |= any(called in TAGS and str(value).casefold() not in SAYS_NO for called, value in own)
    return tagged or (item.classification or "").strip().casefold() not in OPEN


def masked(value: str) -> str:
    """A value's form without its content.

    >>> masked("Ada Lovelace, 10.12.1815"), masked("ada@example.org"), masked("Köln"), masked("")
    ('x x, 9.9.9', 'x@x.x', 'x', '')
    """
    return DIGITS.sub("9", LETTERS.sub("x", value))


def without_values(problem: Problem, contract: Contract) -> Problem:
    """The problem with its samples masked, if they hold what stood in a personal column or in a whole row beside one."""
    personal = contract.personal
    if not personal or problem.rule in NAMES_ONLY or not _touches(problem.column, personal, contract.names):
        return problem
    hidden = tuple(_hidden(sample, problem.rule) for sample in problem.samples)
    return replace(problem, samples=hidden, masked=bool(hidden))


def _hidden(sample: str, rule: str) -> str:
    """What a sample of a row's shape says before the colon is about the row, and stays."""
    about, colon, row = sample.partition(": ") if rule == "shape" else ("", "", sample)
    return f"{about}{colon}{masked(row)}"


def _touches(columns: str, personal: Iterable[str], names: Iterable[str]) -> bool:
    """Samples of one known column are its own; any others may come from everywhere in the row."""
    if columns in names:
        return columns in personal
    listed = columns.split(", ")
    return not set(listed) <= set(names) or bool(set(listed) & set(personal))
