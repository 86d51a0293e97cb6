"""Asking one gate for its answer to evidence that has all, or to what was changed in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared import gates
from shared.gating.guard_gates import slices
from shared.gating.verdict import GateResult
from shared.model_yaml.gate_spec import Sanity, Slices
from shared.spec import Gates
from tests.unit.test_gates import FULL, RULES, full_evidence

ANY_SLICE = replace(FULL, slices=Slices())  # nothing is declared, so what is told is what was looked at
OFF = Sanity(max_jump_percent=0, max_overlap_percent=100, schema="any")
BARE = replace(RULES, sanity=OFF)
ACCURACY = Gates(metric="accuracy", direction="higher", floor=0.7, guards={"log_loss": "0.1"})


def answer(gate: str, evidence: dict[str, Any], rules: Gates = FULL, **more: Any) -> GateResult:
    if gate == "slices" and rules is FULL:
        bare = slices(ANY_SLICE, evidence)
        assert bare.gate == "slices"
        return bare
    (found,) = [one for one in gates.judge(rules, evidence, **{"share": 0.5, **more}).results if one.gate == gate]
    return found


def told(gate: str, evidence: dict[str, Any], rules: Gates = FULL, **more: Any) -> tuple[str, str, dict[str, float]]:
    found = answer(gate, evidence, rules, **more)
    return found.answer, found.why, dict(found.numbers)


def changed(path: tuple[str, ...], value: object, evidence: dict[str, Any] | None = None) -> dict[str, Any]:
    document = full_evidence() if evidence is None else evidence
    name, *below = path
    return {**document, name: changed((*below,), value, document[name]) if below else value}
