"""Requests at the edge, and the owner's declared invariances."""

import json

import pytest

from shared.errors import SpecRefused
from shared.runs.boundary import boundary, malformed, schema, unclear_refusal
from shared.runs.cases import Case
from shared.runs.invariances import Invariance, read_invariances, try_invariances
from shared.runs.server import Answer

CASE = Case("case 1", b'{"data": [{"A": 1, "B": 2}]}', 200)
TWO = b'{"data": [{"A": 1, "B": 2}, {"A": 5, "B": 2}]}'


def answered(value):
    """The sum of A and B of each row, as a careful server answers it."""
    return Answer(200, json.dumps({"predictions": value}), 0.001)


def careful(body):
    rows = [list(row.values()) for row in json.loads(body)["data"] if isinstance(row, dict)] if len(body) < 9999 else []
    if not rows or any(len(row) < 2 or not all(type(v) in (int, float) and abs(v) < 1e9 for v in row) for row in rows):
        return Answer(400, '{"error": "send 1 to 999 rows of finite A and B"}', 0.001)
    return answered([sum(row) for row in rows])


def test_a_careful_server_breaks_nothing():
    told = boundary([CASE], careful)

    assert told == {"tried": 2 + 2 * 12 + 1, "broken": []}


def fails_on(mark, answer):
    return lambda body: answer if mark in body else careful(body)


@pytest.mark.parametrize(
    ("mark", "answer", "told"),
    [
        (b"null", Answer(500, "oops", 0.1), "A is null: status 500, must be 400 to 499"),
        (b"null", Answer(0, "no answer: ConnectionResetError", 0.1), "no answer: ConnectionResetError"),
        (b"1e308", answered([float("inf")]), "status 200 with prediction Infinity, which is no finite number"),
        (b'"A": true', answered([]), "0 predictions for 1 rows"),
        (b'"A": [1]', Answer(400, " ", 0.1), "status 400 without a reason"),
        (b'"A": {}', Answer(400, 'Traceback (most recent call last): File "score.py"', 0.1), "shows a traceback"),
    ],
)
def test_what_is_neither_a_right_answer_nor_a_clear_refusal_is_told(mark, answer, told):
    broken = boundary([CASE], fails_on(mark, answer))["broken"]

    assert [one for one in broken if told in one]


def test_of_very_many_faults_twenty_are_told():
    broken = boundary([CASE], lambda body: Answer(500, "", 0.1))["broken"]

    assert (len(broken), broken[-1]) == (21, "and 7 more")


def test_malformed_requests_are_refused_with_a_reason():
    statuses, unclear = malformed(lambda body: Answer(400, '""', 0.1), {"empty": b""})

    assert statuses == {"empty": 400}
    assert unclear == ["empty: status 400 without a reason"]
    assert unclear_refusal(Answer(422, '{"error": "send rows"}', 0.1)) == ""


def test_the_schema_is_what_good_cases_send():
    assert schema([CASE, Case("bad", b'{"data": [{"C": 1}]}', 400)])["request"] == {"A": "number", "B": "number"}


# Invariances


def written(folder, text):
    (folder / "tests").mkdir()
    (folder / "tests" / "invariances.json").write_text(text)
    return folder


def test_invariances_are_read(tmp_path):
    text = '[{"name": "no C", "change": {"C": [1, 2]}, "tolerance": 0.5}, {"name": "any order", "reorder": true}]'

    assert read_invariances(written(tmp_path, text)) == [
        Invariance("no C", ({"C": 1}, {"C": 2}), 0.5),
        Invariance("any order"),
    ]


@pytest.mark.parametrize("text", ["{", "[1]", '[{"change": {}}]', '[{"change": {"A": 1}, "tolerance": -1}]', "[{}]"])
def test_invariances_that_cannot_be_read_say_how_they_would_be(tmp_path, text):
    with pytest.raises(SpecRefused, match=r"tests/invariances.json cannot be read"):
        read_invariances(written(tmp_path, text))


def of_a(body):
    """Only A counts."""
    return answered([row["A"] for row in json.loads(body)["data"]])


def test_an_invariance_that_holds():
    declared = [Invariance("B does not matter", ({"B": 7}, {"B": None})), Invariance("any order")]

    assert try_invariances(declared, [CASE.body, TWO], of_a) == {"declared": 2, "tried": 5, "broken": []}


def test_a_changed_answer_breaks_the_invariance():
    told = try_invariances([Invariance("A does not matter", ({"A": 2},))], [CASE.body], of_a)

    assert told["broken"] == ["A does not matter: A is 2: prediction 0 is 2, must be 1"]


def test_a_change_within_the_tolerance_holds():
    assert not try_invariances([Invariance("A hardly matters", ({"A": 2},), 1.0)], [CASE.body], of_a)["broken"]


def test_rows_that_influence_each_other_break_their_order():
    def counts(body):
        return answered(list(range(len(json.loads(body)["data"]))))

    told = try_invariances([Invariance("any order")], [TWO], counts)

    assert told["broken"] == ["any order: the rows in reversed order: prediction 0 is 0, must be 1"]


@pytest.mark.parametrize(
    ("good", "ask", "told"),
    [
        ([], of_a, "there is no good case with rows to try the invariances on"),
        ([CASE.body], of_a, "any order: no case has two rows to reorder"),
        ([TWO], lambda body: Answer(500, "", 0.1), "any order: the rows in reversed order: status 500, must be 200"),
        ([TWO], lambda body: answered([]), "any order: the rows in reversed order: 0 predictions for 2 rows"),
    ],
)
def test_what_could_not_be_compared_does_not_hold(good, ask, told):
    assert try_invariances([Invariance("any order")], good, ask)["broken"] == [told]
