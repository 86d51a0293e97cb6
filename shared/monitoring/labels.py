"""What versions answered (`scored/`), joined with labels that came later, by request id.

Labels are CSV files under `scored/MODEL/labels/`, with the columns `request_id`, `label` and, where requests hold several rows,
`row` (from 0). A label that is given twice counts once, by the file whose name sorts last.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.errors import Permanent
from shared.names import digest
from shared.storage.port import Blobs

SCORED = "scored"
MOST_LABELS = 1_000_000
NEXT = (
    "send CSV with the header request_id,label (and row, from 0, where a request held several), a number in each label"
)
Key = tuple[str, int]


class LabelsRefused(Permanent):
    """A file of labels cannot be read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered row: when, by which version, what it predicted, and what was true, where that is known."""

    at: datetime
    version: str
    prediction: float
    label: float | None = None


def read_labels(content: bytes, *, name: str) -> dict[Key, float]:
    """The labels of one file; `LabelsRefused` names the line.

    >>> read_labels(b"request_id,label\\na,1.5\\n", name="x.csv")
    {('a', 0): 1.5}
    """
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        if not {"request_id", "label"} <= set(reader.fieldnames or ()):
            raise LabelsRefused(f"{name} lacks the columns request_id and label", next=NEXT)
        labels: dict[Key, float] = {}
        for line in reader:
            number = float(line["label"])
            if not math.isfinite(number) or not line["request_id"]:
                raise ValueError(f"label {line['label']!r:.40} of request {line['request_id']!r:.80}")
            labels[line["request_id"], int(line.get("row") or 0)] = number
            if len(labels) > MOST_LABELS:
                raise LabelsRefused(f"{name} has more than {MOST_LABELS} labels", next="send several files")
        return labels
    except (ValueError, TypeError, csv.Error) as error:
        raise LabelsRefused(f"{name} cannot be read ({error!s:.200})", next=NEXT) from error


def labels_place(model: str, content: bytes) -> str:
    """The blob in `scored` for a file of labels: the same bytes are the same blob."""
    return f"{labels_prefix(model)}{digest(content)[:32]}.csv"


def labels_prefix(model: str) -> str:
    """Under which prefix of container `scored` a model's files of labels stand."""
    return f"{model}/labels/"


def labels_of(blobs: Blobs, model: str) -> dict[Key, float]:
    """Every label of a model."""
    found: dict[Key, float] = {}
    for name in sorted(blobs.names(SCORED, labels_prefix(model))):
        found |= read_labels(blobs.read(SCORED, name), name=name)
    return found


def answers(blobs: Blobs, model: str, since: datetime) -> Iterator[Answer]:
    """The rows that any version answered from `since` on, with their labels; probes and rows without a number are passed over."""
    labels = labels_of(blobs, model)
    first = f"{model}/{since:%Y/%m/%d/%H}-"
    for name in sorted(blobs.names(SCORED, f"{model}/")):
        if name >= first and not name.startswith(labels_prefix(model)):
            for line in blobs.read(SCORED, name).splitlines():
                yield from _answers(line, labels)


def _answers(line: bytes, labels: Mapping[Key, float]) -> Iterator[Answer]:
    try:
        kept: dict[str, Any] = json.loads(line)
        if kept["status"] != 200 or kept["pinned"] or not isinstance(kept["predictions"], list):
            return
        at, version, request = datetime.fromisoformat(kept["time"]), str(kept["version"]), str(kept["request_id"])
    except (ValueError, KeyError, TypeError):  # a line that a crash cut short, or of another shape
        return
    for row, prediction in enumerate(kept["predictions"]):
        if isinstance(prediction, int | float) and math.isfinite(prediction):
            yield Answer(at, version, float(prediction), labels.get((request, row)))
