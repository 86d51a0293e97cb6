"""A model as ONNX: the same answers, kept; or a stated reason why not."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnxruntime
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from shared.certificates.certificate import certify
from shared.model_yaml.gate_spec import Check
from shared.runs.check_one import Row
from shared.runs.checks import portability
from shared.runs.examine import sure
from shared.spec import CertificateLimits
from tests.known import Known, value

ROWS: list[Row] = [
    {"A": float(place % 7), "B": place % 5, "WORD": "xyz"[place % 3], "Y": int(place % 7 > 3)} for place in range(60)
]
WORDS = make_column_transformer((StandardScaler(), [0, 1]), (OneHotEncoder(handle_unknown="ignore"), [2]))
CHANCES = make_pipeline(WORDS, LogisticRegression()).fit(
    np.array([[row["A"], row["B"], row["WORD"]] for row in ROWS], dtype=object), [row["Y"] for row in ROWS]
)
NUMBERS = np.array([[row["A"], row["B"]] for row in ROWS])
LINE = LinearRegression().fit(NUMBERS, 3 * NUMBERS[:, 0] - NUMBERS[:, 1])


class Doubled(RegressorMixin, BaseEstimator):
    """What no converter knows."""

    def predict(self, rows: Any) -> Any:
        return 2 * np.asarray(rows)[:, 0]


def chance(row: Row) -> float:
    return float(CHANCES.predict_proba(np.array([[row["A"], row["B"], row["WORD"]]], dtype=object))[0, 1])


def line(row: Row) -> float:
    return float(LINE.predict([[row["A"], row["B"]]])[0])


def checked(place: Path, content: Any, model: Any, **parameters: str) -> dict[str, Any]:
    joblib.dump(content, place / "model.joblib")
    subject = Known(ROWS, model, trained=ROWS[:10], **parameters)
    subject.model = place
    return portability.check(subject)


def why_held(found: dict[str, Any], **limits: str) -> str:
    check = Check(limits=limits)
    results = certify(
        CertificateLimits(checks={"portability": check}), {"checks": {"portability": sure(found)[0]}}
    ).results
    assert results[-1].gate == "check_portability"
    return "" if results[-1].passed else results[-1].why


def test_a_pipeline_with_words_answers_the_same_as_onnx(tmp_path: Path) -> None:
    found = checked(tmp_path, {"names": ["A"], "model": CHANCES}, chance)

    assert value(found, "exported") == 1.0
    assert value(found, "largest_difference") < 1e-6
    assert found["measures"]["largest_difference"]["rows"] == 70
    assert why_held(found, exported="at least 1", largest_difference="at most 0.00001") == ""


def test_what_is_attached_is_the_model_and_runs_by_itself(tmp_path: Path) -> None:
    found = checked(tmp_path, LINE, line, columns="A, B")

    session = onnxruntime.InferenceSession(base64.b64decode(found["attachments"]["model"]["base64"]))
    (answer,) = session.run(None, {"X": np.array([[2.0, 1.0]])})
    assert answer[0, 0] == pytest.approx(5.0)


def test_numbers_differ_in_standard_deviations_of_the_predictions(tmp_path: Path) -> None:
    found = checked(tmp_path, LINE, lambda row: line(row) + 0.5, columns="A,B")

    served = [line(row) for row in [*ROWS, *ROWS[:10]]]
    assert value(found, "largest_difference") == pytest.approx(0.5 / np.std(served))
    assert why_held(found, largest_difference="at most 0.00001").startswith("largest_difference 0.0")


def test_columns_in_another_order_are_found_by_their_answers(tmp_path: Path) -> None:
    assert value(checked(tmp_path, LINE, line, columns="B,A"), "largest_difference") > 0.5


@pytest.mark.parametrize(
    ("content", "parameters", "why"),
    [
        (Doubled(), {"columns": "A,B"}, "not exportable because MissingShapeCalculator"),
        ({"weights": [1, 2]}, {}, "not exportable because model.joblib holds 0 estimators, must be 1"),
        (LINE, {"columns": "A,C"}, "not exportable because the rows have no C: name its inputs by `columns`"),
        (LINE, {"columns": "A"}, "not exportable because it takes 2 inputs and is given 1"),
    ],
)
def test_what_cannot_be_exported_says_why_and_holds_only_where_it_must(
    tmp_path: Path, content: Any, parameters: dict[str, str], why: str
) -> None:
    found = checked(tmp_path, content, line, **parameters)

    assert found["words"][0].startswith(why)
    assert why_held(found, exported="at least 0") == ""
    assert why_held(found, exported="at least 1") == "exported 0, must be at least 1"
    assert "largest_difference was not measured" in why_held(found, largest_difference="at most 1")
