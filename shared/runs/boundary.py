"""Requests at and beyond the edge of what makes sense, made from the owner's good cases.

Each must get a right answer or a clear refusal: status 200 with one finite number a row, or 400 to 499 with a reason.
Never 500 or more, never silence, never the inside of the program.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from shared.runs.cases import Case, predictions_of
from shared.runs.server import Answer

Ask = Callable[[bytes], Answer]

TOLD = 20
MOST_REQUESTS = 300
VALUES: Mapping[str, str] = {
    "null": "null",
    "empty text": '""',
    "text": '"many"',
    "true": "true",
    "a list": "[1]",
    "an object": "{}",
    "1e308": "1e308",
    "-1e308": "-1e308",
    "an integer of 400 digits": "1" + "0" * 399,
    "NaN": "NaN",
    "infinite": "1e999",
}
INSIDE = ("Traceback (most recent call last)", 'File "')


def malformed(ask: Ask, requests: Mapping[str, bytes]) -> tuple[dict[str, int], list[str]]:
    """The status of each malformed request, and a sentence for each refusal that is not clear."""
    answers = {name: ask(body) for name, body in requests.items()}
    unclear = [f"{name}: {why}" for name, answer in answers.items() if (why := unclear_refusal(answer))]
    return {name: answer.status for name, answer in answers.items()}, unclear


def boundary(cases: Sequence[Case], ask: Ask, classes: Sequence[str] = ()) -> dict[str, object]:
    """{"tried", "broken": a sentence for each wrong answer, of very many the first 20}; at most 300 requests.

    With `classes` a right prediction may also be one of them, or a list with a probability for each.
    """
    tried, broken = 0, []
    for name, body, rows in islice(_requests(cases), MOST_REQUESTS):
        tried += 1
        if fault := wrong_answer(ask(body), rows, classes):
            broken.append(f"{name}: {fault}")
    more = [f"and {len(broken) - TOLD} more"] if len(broken) > TOLD else []
    return {"tried": tried, "broken": broken[:TOLD] + more}


def wrong_answer(answer: Answer, rows: int | None, classes: Sequence[str] = ()) -> str:
    """What is wrong with an answer that may be right or a refusal; "" if nothing is. `rows` None: any number of them."""
    if answer.status == 200:
        return _wrong_predictions(answer.text, rows, classes)
    return unclear_refusal(answer)


def unclear_refusal(answer: Answer) -> str:
    """What is wrong with a refusal; "" if its status is 400 to 499 and it says why without showing the program's inside."""
    if not 400 <= answer.status < 500:
        return f"status {answer.status or answer.text[:80]}, must be 400 to 499"
    if not answer.text.strip(" \n\"{}'"):
        return f"status {answer.status} without a reason"
    if any(mark in answer.text for mark in INSIDE):
        return f"status {answer.status} shows a traceback"
    return ""


def _wrong_predictions(text: str, rows: int | None, classes: Sequence[str]) -> str:
    found = predictions_of(text)
    if rows is not None and len(found) != rows:
        return f"{len(found)} predictions for {rows} rows"
    wrong = [value for value in found if not (_is_finite(value) or _is_of(classes, value))]
    right = "finite number, class, or list of probabilities" if classes else "finite number"
    return f"status 200 with prediction {json.dumps(wrong[0])}, which is no {right}" if wrong else ""


def _is_of(classes: Sequence[str], value: object) -> bool:
    if isinstance(value, list):
        return len(value) == len(classes) and all(map(_is_finite, value))
    return isinstance(value, str) and value in classes


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _requests(cases: Sequence[Case]) -> Iterator[tuple[str, bytes, int | None]]:
    """Name, body and number of rows (None: any answer's length is right) of each request."""
    good = [rows for case in cases if case.status == 200 if (rows := _rows(case.body))]
    yield "no rows", b'{"data": []}', 0
    yield "nested 5000 deep", b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}", None
    if not good:
        return
    row = good[0][0]
    for column in row:
        rest = {name: value for name, value in row.items() if name != column}
        yield f"without {column}", json.dumps({"data": [rest]}).encode(), 1
        for name, text in VALUES.items():
            yield f"{column} is {name}", _with(rest, column, text), 1
    yield "200 rows", json.dumps({"data": [row] * 200}).encode(), 200


def _with(rest: Mapping[str, object], column: str, text: str) -> bytes:
    """A request whose one row has the JSON text as its column."""
    inside = [
        *(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in rest.items()),
        f"{json.dumps(column)}: {text}",
    ]
    return ('{"data": [{' + ", ".join(inside) + "}]}").encode()


def _rows(body: bytes) -> list[dict[str, object]]:
    try:
        rows = json.loads(body).get("data")
    except (ValueError, AttributeError):
        return []
    return rows if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows) else []


def schema(cases: Sequence[Case]) -> dict[str, object]:
    """The request's columns with the JSON types that good cases give them, and what an answer is."""
    columns: dict[str, set[str]] = {}
    for case in cases:
        for row in _rows(case.body) if case.status == 200 else []:
            for column, value in row.items():
                columns.setdefault(column, set()).add(_json_type(value))
    return {
        "request": {column: " or ".join(sorted(types)) for column, types in sorted(columns.items())},
        "response": '{"predictions": one finite number a row}, or status 400 to 499 with a reason',
    }


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if value is None:
        return "null"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
