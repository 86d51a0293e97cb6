"""The declared checks of a certificate: each a process of its own with a time limit, and what it gave, made sure of.

A check that is missing, raises, takes too long or gives no finite number leaves an "error" in the certificate, on which its
gate holds (`shared/certificates/declared_checks.py`). The run goes on with the next one.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.gating.verdict import is_number
from shared.model_yaml.gate_spec import Check
from shared.runs.owner_code import owner_environment, raised
from shared.runs.scoring import Scorer
from shared.spec import Spec

CHECK_ONE = Path(__file__).with_name("check_one.py")
MOST_ROWS = 2000
MOST_MEASURES = 24
MOST_WORDS, WORD_LENGTH = 6, 200
MOST_ATTACHED_BYTES = 8_000_000
PARTS = ("value", "lower", "upper", "rows")

Found = dict[str, object]


@dataclass(frozen=True, slots=True)
class Bench:
    """What checks are given: the started server's address, the version, the champion if one serves, holdout rows, and those
    that the version was trained on, None where that is not known; `others` are Pythons of other versions (`interpreters.py`)."""

    url: str
    scorer: Scorer
    champion: Scorer | None
    rows: Sequence[Mapping[str, object]]
    python: str
    scratch: Path
    environment: Mapping[str, str]
    trained: Sequence[Mapping[str, object]] | None = None
    others: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def examine(spec: Spec, bench: Bench) -> tuple[dict[str, Found], Found]:
    """What each declared check gave, by name, and what they attached, by "<check>-<name>"."""
    found: dict[str, Found] = {}
    attached: Found = {}
    for name, check in spec.gates.certificate.checks.items():
        began = time.monotonic()
        answer, documents = _examined(name, check, spec, bench)
        found[name] = {**answer, "seconds": round(time.monotonic() - began, 1)}
        attached |= {f"{name}-{key}": document for key, document in documents.items()}
    return found, attached


def not_examined(spec: Spec, why: str) -> dict[str, Found]:
    """That no declared check was run, and why."""
    return {name: {"error": why} for name in spec.gates.certificate.checks}


def _examined(name: str, check: Check, spec: Spec, bench: Bench) -> tuple[Found, Mapping[str, object]]:
    place = bench.scratch / f"check-{name}"
    place.mkdir(parents=True, exist_ok=True)
    asked, answered, printed = place / "asked.json", place / "answer.json", place / "printed.txt"
    asked.write_text(json.dumps(_asked(name, check, spec, bench), default=str))
    answered.unlink(missing_ok=True)
    command = [bench.python, str(CHECK_ONE), str(asked), str(answered)]
    try:
        with printed.open("wb") as log:
            ended = subprocess.run(
                command,
                cwd=place,
                env=owner_environment(bench.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=check.max_seconds,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return {"error": f"it took longer than the {check.max_seconds:g} s that it has"}, {}
    finally:
        print(f"check {name}:\n{_end_of(printed)}", flush=True)  # noqa: T201 - the run's log is what it prints
    if not answered.is_file():
        why = raised(_end_of(printed).splitlines())
        return {"error": f"it ended its process with code {ended.returncode}{f': {why}' if why else ''}"}, {}
    try:
        answer = json.loads(answered.read_text())
    except ValueError as error:
        return {"error": f"its answer is no JSON: {error}"}, {}
    return sure(answer)


def _asked(name: str, check: Check, spec: Spec, bench: Bench) -> Found:
    rows, aside = _spread(bench.rows), {*spec.data.key, spec.data.target, spec.data.time}
    champion = bench.champion
    return {
        "name": name,
        "parameters": dict(check.parameters),
        "folder": str(bench.scorer.folder.resolve()),
        "model": str(bench.scorer.model.resolve()),
        "url": bench.url,
        "rows": rows,
        "of": len(bench.rows),
        "trained": None if bench.trained is None else _spread(bench.trained),
        "target": spec.data.target,
        "features": [column for column in (rows[0] if rows else {}) if column not in aside],
        "classes": list(spec.gates.compare.classes),
        "pythons": {version: dict(told) for version, told in bench.others.items()},
        "champion": None
        if champion is None
        else {
            "python": champion.python,
            "score": str((champion.folder / "score.py").resolve()),
            "model": str(champion.model.resolve()),
        },
    }


def _spread(rows: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """All rows, or so many as a check gets, evenly from first to last."""
    if len(rows) <= MOST_ROWS:
        return list(rows)
    return [rows[place * len(rows) // MOST_ROWS] for place in range(MOST_ROWS)]


def sure(answer: object) -> tuple[Found, Mapping[str, object]]:
    """A check's answer as the certificate holds it, with what it attached; an "error" where it is not what a check answers.

    >>> sure({"measures": {"ece": 0.1}})[0]
    {'measures': {'ece': {'value': 0.1}}, 'words': []}
    >>> sure({"measures": {"ece": float("nan")}})[0]
    {'error': 'its measure ece is {"value": NaN}, which is no finite number'}
    """
    if not isinstance(answer, Mapping):
        return {"error": f"it answered {json.dumps(answer)[:100]}, no mapping with measures"}, {}
    measures, words, attached = answer.get("measures"), answer.get("words", []), answer.get("attachments", {})
    fault = f"{answer['error']}" if "error" in answer else _fault(measures, words, attached)
    if fault or not isinstance(measures, Mapping):
        return {"error": fault[:WORD_LENGTH]}, {}
    named = {str(name): _parts(given) for name, given in measures.items()}
    rounded = {name: {part: float(f"{given:.9g}") for part, given in parts.items()} for name, parts in named.items()}
    return {"measures": rounded, "words": [str(word)[:WORD_LENGTH] for word in words[:MOST_WORDS]]}, attached


def _fault(measures: object, words: object, attached: object) -> str:
    """Why these are not what a check answers; "" if they are."""
    if not isinstance(measures, Mapping) or not 1 <= len(measures) <= MOST_MEASURES:
        return f"it gave no measures: 1 to {MOST_MEASURES} are needed"
    for name, given in measures.items():
        parts = _parts(given)
        if not parts or not all(is_number(part) for part in parts.values()):
            return f"its measure {name} is {json.dumps(parts)[:100]}, which is no finite number"
    if not isinstance(words, list) or not isinstance(attached, Mapping):
        return "its words are no list, or its attachments no mapping"
    try:
        size = len(json.dumps(attached, allow_nan=False))
    except ValueError:
        return "it attached numbers that are not finite"
    return f"it attached {size} bytes, at most {MOST_ATTACHED_BYTES} are kept" if size > MOST_ATTACHED_BYTES else ""


def _parts(given: object) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        return {"value": given}
    return {part: given[part] for part in PARTS if part in given} if "value" in given else {}


def _end_of(file: Path) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-40:])
