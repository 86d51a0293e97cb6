"""The owner's cases: what is read from tests/cases.json, and which answers are right."""

import json

import pytest

from shared.errors import SpecRefused
from shared.runs.cases import Case, read_cases, try_cases
from shared.runs.server import Answer


def answer(predictions, status=200):
    return Answer(status, json.dumps({"predictions": predictions}), 0.01)


def written(folder, text):
    (folder / "tests").mkdir()
    (folder / "tests" / "cases.json").write_text(text)
    return folder


def test_a_case_is_read_with_a_range_for_each_row(tmp_path):
    cases = [{"name": "two", "request": {"data": [1, 2]}, "expect": {"status": 200, "predictions": [[0, 1], [2, 3]]}}]

    assert read_cases(written(tmp_path, json.dumps(cases))) == [
        Case("case 1 (two)", b'{"data": [1, 2]}', 200, ((0.0, 1.0), (2.0, 3.0)))
    ]


def test_one_range_holds_for_all_rows(tmp_path):
    (case,) = read_cases(written(tmp_path, '[{"request": {}, "expect": {"predictions": [25, 346]}}]'))

    assert case.fault(answer([25, 100, 346])) == ""
    assert case.fault(answer([25, 347])) == "case 1: prediction 1 is 347, must be 25 to 346"


def test_a_request_that_is_text_is_sent_as_it_is(tmp_path):
    (case,) = read_cases(written(tmp_path, '[{"request": "{broken", "expect": {"status": 400}}]'))

    assert (case.body, case.status) == (b"{broken", 400)


def test_a_folder_without_cases_has_none(tmp_path):
    assert read_cases(tmp_path) == []


@pytest.mark.parametrize(
    "text", ["", "{}]", "[1]", '[{"request": 1}]', '[{"request": 1, "expect": {"predictions": [[1]]}}]', "7"]
)
def test_what_is_no_list_of_cases_is_refused(tmp_path, text):
    with pytest.raises(SpecRefused, match="cannot be read: "):
        read_cases(written(tmp_path, text))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (answer([1.5]), ""),
        (answer([2.5]), "c: prediction 0 is 2.5, must be 1 to 2"),
        (answer([None]), "c: prediction 0 is None, must be 1 to 2"),
        (answer([float("nan")]), "c: prediction 0 is nan, must be 1 to 2"),
        (answer([]), "c: 0 predictions, must be 1"),
        (Answer(200, "<html>", 0.0), "c: 0 predictions, must be 1"),
        (answer([1.5], status=500), "c: status 500, must be 200"),
        (Answer(0, "no answer: timed out", 60.0), "c: status no answer: timed out, must be 200"),
    ],
)
def test_an_answer_is_held_against_its_case(given, fault):
    assert Case("c", b"", 200, ((1.0, 2.0),)).fault(given) == fault


def test_of_very_many_faults_the_first_are_told():
    cases = [Case(f"case {number}", b"", 200) for number in range(1, 31)]

    passed, failed = try_cases(cases, lambda body: answer([], status=500))

    assert passed == 0
    assert len(failed) == 21
    assert failed[-1] == "and 10 more"
