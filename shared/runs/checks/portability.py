"""Portability: the scikit-learn estimator among the model's files as ONNX, and whether it answers as the version does.

`tests/checks/requirements.txt` must name skl2onnx and onnxruntime. The export is kept beside the certificate, whose signature covers its
SHA-256. Parameters: `file`, where the estimator is (the only *.joblib or *.pkl), which is the file's content or the only value with
`predict` in a mapping; `columns`, its inputs in order, with commas (its `feature_names_in_`, otherwise the features in the contract's
order). The measures:

- `exported`, 1, or 0 if it cannot be; the words then say "not exportable because ...". With "exported: at least 1" that holds a version;
  with "at least 0" it is stated and no more
- `largest_difference` between the served predictions and ONNX Runtime's, on holdout rows and, where they are known, on training
  rows, whose values a tree's limits fall on; of numbers in standard deviations of the predictions. Not measured without an export

Numbers are exported as float64, or as float32 where a step has no other; which one it was is said.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from statistics import pstdev
from typing import TYPE_CHECKING, Any

from shared.runs.checks.decisions import number_of

if TYPE_CHECKING:
    from shared.runs.check_one import Row, Subject

MOST_BYTES = 5_000_000
ENDINGS = (".joblib", ".pkl")
Table = Sequence[Sequence[float]]


class NotExportable(Exception):
    """There is no export that could be kept, and why."""


def check(subject: Subject) -> dict[str, Any]:
    """The export and by how much its answers differ; what cannot be exported is an answer, not an error."""
    try:
        estimator = _estimator(subject)
        columns = _columns(subject, estimator)
        kind, content = _exported(estimator, columns, subject.rows)
        rows = [*subject.rows, *_trained(subject)]
        ours = _answers(content, columns, rows, kind)
    except NotExportable as why:
        return {"measures": {"exported": 0.0}, "words": [f"not exportable because {why}"]}
    largest = _largest(subject, rows, *ours)
    return {
        "measures": {"exported": 1.0, "largest_difference": {"value": largest, "rows": len(rows)}},
        "words": [
            f"{type(estimator).__name__} with numbers as {kind}, {len(content) / 1000:.0f} kB",
            f"compared on {len(subject.rows)} holdout and {len(rows) - len(subject.rows)} training rows",
        ],
        "attachments": {"model": {"ending": "onnx", "base64": base64.b64encode(content).decode()}},
    }


def _estimator(subject: Subject) -> Any:
    import joblib

    named = subject.parameters.get("file")
    files = [subject.model / named] if named else sorted(f for f in subject.model.rglob("*") if f.suffix in ENDINGS)
    if len(files) != 1:
        raise NotExportable(f"{len(files)} of its files end in {' or '.join(ENDINGS)}: say which by `file`")
    content = joblib.load(files[0])
    values = list(content.values()) if isinstance(content, Mapping) else [content]
    found = [value for value in values if hasattr(value, "predict")]
    if len(found) != 1:
        raise NotExportable(f"{files[0].name} holds {len(found)} estimators, must be 1")
    return found[0]


def _columns(subject: Subject, estimator: Any) -> list[str]:
    if declared := subject.parameters.get("columns"):
        return [column.strip() for column in declared.split(",")]
    return [str(name) for name in getattr(estimator, "feature_names_in_", subject.features)]


def _trained(subject: Subject) -> list[Row]:
    try:
        return subject.trained_rows
    except ValueError:
        return []


def _exported(estimator: Any, columns: Sequence[str], rows: Sequence[Row]) -> tuple[str, bytes]:
    """The kind of its numbers, and the export's bytes; `NotExportable` if ONNX Runtime cannot load any."""
    import onnxruntime
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    if missing := [column for column in columns if column not in rows[0]]:
        raise NotExportable(f"the rows have no {', '.join(missing)}: name its inputs by `columns`")
    if (wanted := getattr(estimator, "n_features_in_", len(columns))) != len(columns):
        raise NotExportable(f"it takes {wanted} inputs and is given {len(columns)}: name them by `columns`")
    options = {"zipmap": False} if hasattr(estimator, "predict_proba") else None
    why: Exception | None = None
    for kind, numbers in (("float64", DoubleTensorType), ("float32", FloatTensorType)):
        try:
            inputs = [
                (name, (StringTensorType if is_text else numbers)([None, width]))
                for name, is_text, width in _inputs(estimator, columns, rows)
            ]
            found: bytes = convert_sklearn(estimator, initial_types=inputs, options=options).SerializeToString()
            onnxruntime.InferenceSession(found, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - both libraries raise many kinds, bare ones among them
            why = error
        else:
            if len(found) > MOST_BYTES:
                raise NotExportable(f"it takes {len(found)} bytes, and {MOST_BYTES} can be kept")
            return kind, found
    raise NotExportable(f"{type(why).__name__}: {str(why).strip().splitlines()[0][:120] if str(why).strip() else ''}")


def _inputs(estimator: Any, columns: Sequence[str], rows: Sequence[Row]) -> list[tuple[str, bool, int]]:
    """Name, whether it is text, and width of each input: one matrix of numbers, or an input a column where they differ in kind."""
    texts = [any(isinstance(row[column], str) for row in rows) for column in columns]
    if not any(texts) and not hasattr(estimator, "feature_names_in_"):
        return [("X", False, len(columns))]
    return [(column, is_text, 1) for column, is_text in zip(columns, texts, strict=True)]


def _answers(
    content: bytes, columns: Sequence[str], rows: Sequence[Row], kind: str
) -> tuple[list[Any], list[list[float]]]:
    """Labels or numbers, and chances (none for what answers no chances), by ONNX Runtime."""
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    given = {}
    for asked in session.get_inputs():
        names = list(columns) if asked.name == "X" and "X" not in columns else [asked.name]
        kept = object if asked.type == "tensor(string)" else kind
        given[asked.name] = np.array([[row[name] for name in names] for row in rows], dtype=kept)
    try:
        found = session.run(None, given)
    except Exception as error:
        raise NotExportable(f"ONNX Runtime refuses the rows: {str(error).splitlines()[0][:120]}") from error
    return found[0].reshape(len(rows)).tolist(), found[1].tolist() if len(found) > 1 else []


def _largest(subject: Subject, rows: Sequence[Row], labels: Sequence[Any], chances: Table) -> float:
    """The largest difference to what the server answers, as it answers it: chances of all classes, of the second, or labels."""
    served = subject.score(rows)
    if chances and isinstance(served[0], list):
        pairs = zip(served, chances, strict=True)
        return float(max(abs(one - other) for answer, each in pairs for one, other in zip(answer, each, strict=True)))
    if chances and not all(_is_label(answer) for answer in served):
        return float(max(abs(answer - each[1]) for answer, each in zip(served, chances, strict=True)))
    numbers = [number_of(answer, subject.classes) for answer in served]
    ours = [number_of(label, subject.classes) for label in labels]
    spread = 1.0 if chances else pstdev(numbers) or 1.0
    return max(abs(one - other) for one, other in zip(numbers, ours, strict=True)) / spread


def _is_label(answer: Any) -> bool:
    return not isinstance(answer, float) or answer in (0.0, 1.0)
