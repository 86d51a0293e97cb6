"""Reading model.yaml: validated against the shape of `Spec`, all faults at once, each with its line and remedy.

The dataclasses of `spec.py` are the schema; this file adds where a value stands in the text, what its
type looks like in YAML, and the rules that types cannot say.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml

from shared.errors import NameRefused, SpecRefused
from shared.names import model_name
from shared.spec import Approval, Batch, CertificateLimits, Data, Gates, Retrain, Rollout, Spec, Train

VERSION = 1
CAUSES = ("data", "drift", "request", "code")
METRICS = ("mse", "mae", "rmse", "accuracy", "log_loss")


@dataclass
class _Reading:
    """One reading of one file: the faults found so far, and the line of every entry by its dotted path."""

    file: str
    faults: list[tuple[int, str]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def fault(self, line: int, text: str) -> None:
        self.faults.append((line, text))

    def wrong(self, path: str, found: object, right: str) -> None:
        self.fault(self.lines.get(path, 1), f"{path}: found {found!r}; right would be {right}.")


def load_spec(text: str, *, file: str = "model.yaml") -> Spec:
    """The spec in a model.yaml's text; `SpecRefused` lists every fault as `file:line: entry: found ...; right would be ...`."""
    reading = _Reading(file)
    root = _compose(text, reading)
    spec = _value(reading, Spec, root, "") if root is not None else None
    if isinstance(spec, Spec) and not reading.faults:
        _check_rules(reading, spec)
    if reading.faults or not isinstance(spec, Spec):
        lines = [f"{file}:{line}: {what}" for line, what in sorted(reading.faults)]
        count = f"{len(lines)} fault{'s' if len(lines) > 1 else ''}"
        raise SpecRefused(f"{file} has {count}:\n" + "\n".join(lines) + "\n", next=f"mend {file}, then publish again")
    return spec


def load_folder(folder: Path) -> Spec:
    """The spec of a model folder on disk; the files that it names must be there."""
    file = folder / "model.yaml"
    if not file.is_file():
        raise SpecRefused(f"{folder} holds no model.yaml.", next="`baton new-model NAME` makes a folder that works as it is")
    shown = f"{folder.parent.name}/{folder.name}/model.yaml"
    spec = load_spec(file.read_text(encoding="utf-8"), file=shown)
    wanted = (spec.data.contract, spec.train.entry, "score.py", "requirements.txt")
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        raise SpecRefused(f"{shown} needs files that are not there: {', '.join(missing)}.", next="add them to the folder")
    return spec


# YAML


def _compose(text: str, reading: _Reading) -> yaml.MappingNode | None:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        reading.fault(mark.line + 1 if mark else 1, f"not YAML: {problem}.")
        return None
    if not isinstance(root, yaml.MappingNode):
        reading.fault(1, "the file is no mapping; right would be `v: 1`, `name: ...` and so on.")
        return None
    return root


def _entries(reading: _Reading, node: yaml.MappingNode, path: str) -> dict[str, yaml.Node]:
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in found:
            reading.fault(line, f"{_join(path, name)}: stands twice; right would be once.")
        found[name] = value
        reading.lines[_join(path, name)] = line
    return found


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# Shape


def _value(reading: _Reading, kind: Any, node: yaml.Node, path: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _record(reading, kind, node, path)
    if get_origin(kind) in (types.UnionType, typing.Union):
        kind = next(arm for arm in get_args(kind) if arm is not type(None))
    if get_origin(kind) is tuple:
        return _list(reading, get_args(kind)[0], node, path)
    if get_origin(kind) in (Mapping, dict) or kind is Mapping:
        return _mapping(reading, node, path)
    return _scalar(reading, kind, node, path)


def _record(reading: _Reading, kind: Any, node: yaml.Node, path: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        reading.wrong(path, getattr(node, "value", None), "a mapping of " + ", ".join(_names(kind)))
        return None
    found = _entries(reading, node, path)
    if not path:
        _check_version(reading, found.pop("v", None))
    hints = typing.get_type_hints(kind)
    for name in found.keys() - hints.keys():
        near = difflib.get_close_matches(name, hints, 1)
        right = f'"{near[0]}"' if near else "one of " + ", ".join(sorted(hints))
        reading.fault(reading.lines[_join(path, name)], f"{_join(path, name)}: unknown entry; right would be {right}.")
    values = {name: _value(reading, hints[name], found[name], _join(path, name)) for name in found if name in hints}
    missing = [entry.name for entry in dataclasses.fields(kind) if _is_needed(entry) and entry.name not in found]
    for name in missing:
        reading.fault(node.start_mark.line + 1, f"{_join(path, name)}: missing; right would be {_looks(hints[name])}.")
    return None if missing or None in values.values() else kind(**values)


def _names(kind: Any) -> list[str]:
    return [entry.name for entry in dataclasses.fields(kind)]


def _is_needed(entry: dataclasses.Field[Any]) -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING


def _check_version(reading: _Reading, node: yaml.Node | None) -> None:
    if node is None or node.value != str(VERSION):
        found = node.value if node is not None else None
        reading.fault(reading.lines.get("v", 1), f"v: found {found!r}; right would be {VERSION}.")


def _list(reading: _Reading, each: Any, node: yaml.Node, path: str) -> Any:
    if not isinstance(node, yaml.SequenceNode):
        reading.wrong(path, getattr(node, "value", None), f"a list like [{_looks(each)}]")
        return None
    values = [_scalar(reading, each, item, path) for item in node.value]
    return None if None in values else tuple(values)


def _mapping(reading: _Reading, node: yaml.Node, path: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        reading.wrong(path, getattr(node, "value", None), "a mapping like {alpha: 0.4}")
        return None
    return {name: str(value.value) for name, value in _entries(reading, node, path).items()}


def _scalar(reading: _Reading, kind: Any, node: yaml.Node, path: str) -> Any:
    plain: Any = yaml.SafeLoader("").construct_object(node) if isinstance(node, yaml.ScalarNode) else None
    if get_origin(kind) is Literal:
        fits = plain in get_args(kind)
    elif kind is float:
        fits = isinstance(plain, int | float) and not isinstance(plain, bool)
    elif kind is int:
        fits = isinstance(plain, int) and not isinstance(plain, bool)
    else:
        fits = isinstance(plain, str) and bool(plain.strip())
    if not fits:
        reading.wrong(path, plain if isinstance(node, yaml.ScalarNode) else "a list or mapping", _looks(kind))
        return None
    return float(plain) if kind is float else plain


def _looks(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(f'"{value}"' for value in get_args(kind))
    if dataclasses.is_dataclass(kind):
        return "a mapping of " + ", ".join(_names(kind))
    if get_origin(kind) is tuple:
        return f"a list like [{_looks(get_args(kind)[0])}]"
    return {float: "a number", int: "a whole number", str: "text"}.get(kind, "a mapping like {alpha: 0.4}")


# Rules beyond types


def _check_rules(reading: _Reading, spec: Spec) -> None:
    try:
        model_name(spec.name)
    except NameRefused as error:
        reading.wrong("name", spec.name, error.next)
    for path, holds, found, right in _rules(spec):
        if not holds:
            reading.wrong(path, found, right)


_Rule = tuple[str, bool, object, str]


def _rules(spec: Spec) -> list[_Rule]:
    return [
        *_data_rules(spec.data, spec.data.batch),
        *_train_rules(spec.train),
        *_gate_rules(spec.gates, spec.gates.certificate),
        *_retrain_rules(spec.retrain),
        *_rollout_rules(spec.rollout, spec.approval),
    ]


def _data_rules(data: Data, batch: Batch) -> list[_Rule]:
    share = data.holdout_percent
    return [
        ("data.key", bool(data.key), data.key, "at least one column that names a row for ever"),
        ("data.holdout_percent", 5 <= share <= 50, share, "5 to 50: without a holdout no gate can pass"),
        ("data.batch.files", batch.files >= 0, batch.files, "0 (off) or more"),
        ("data.batch.rows", batch.rows >= 0, batch.rows, "0 (off) or more"),
        ("data.batch.quiet_seconds", batch.quiet_seconds > 0, batch.quiet_seconds, "more than 0"),
    ]


def _train_rules(train: Train) -> list[_Rule]:
    return [
        ("train.max_minutes", 0 < train.max_minutes <= 1440, train.max_minutes, "more than 0, at most 1440"),
        ("train.max_memory_mb", train.max_memory_mb >= 256, train.max_memory_mb, "256 or more"),
        ("train.tries", 1 <= train.tries <= 5, train.tries, "1 to 5"),
    ]


def _gate_rules(gates: Gates, limits: CertificateLimits) -> list[_Rule]:
    never = "; otherwise the gate can never pass"
    return [
        ("gates.metric", gates.metric in METRICS, gates.metric, "one of " + ", ".join(METRICS)),
        ("gates.confidence", 0.5 < gates.confidence < 1, gates.confidence, f"between 0.5 and 1{never}"),
        ("gates.minimum_gain", gates.minimum_gain >= 0, gates.minimum_gain, "0 or more"),
        ("gates.min_rows", 2 <= gates.min_rows <= 100_000, gates.min_rows, f"2 to 100000{never}"),
        ("gates.floor", _floor_can_pass(gates), gates.floor, f"a value that {gates.metric} can reach{never}"),
        ("gates.certificate.p95_ms", limits.p95_ms > 0, limits.p95_ms, f"more than 0{never}"),
        ("gates.certificate.start_seconds", limits.start_seconds > 0, limits.start_seconds, f"more than 0{never}"),
        ("gates.certificate.size_mb", limits.size_mb > 0, limits.size_mb, f"more than 0{never}"),
    ]


def _floor_can_pass(gates: Gates) -> bool:
    """An error cannot be below 0; an accuracy not above 1."""
    if gates.direction == "lower":
        return gates.floor > 0 or gates.metric not in METRICS
    return gates.floor <= 1 or gates.metric != "accuracy"


def _retrain_rules(retrain: Retrain) -> list[_Rule]:
    unknown = [cause for cause in retrain.on if cause not in CAUSES]
    return [
        ("retrain.on", not unknown, unknown, "any of " + ", ".join(CAUSES)),
        ("retrain.cool_down_seconds", retrain.cool_down_seconds >= 0, retrain.cool_down_seconds, "0 or more"),
        ("retrain.budget_per_day", 1 <= retrain.budget_per_day <= 50, retrain.budget_per_day, "1 to 50"),
        ("retrain.breaker", retrain.breaker >= 1, retrain.breaker, "1 or more"),
    ]


def _rollout_rules(rollout: Rollout, approval: Approval) -> list[_Rule]:
    steps = rollout.steps
    grows = bool(steps) and list(steps) == sorted(set(steps)) and steps[0] > 0 and steps[-1] == 100
    return [
        ("rollout.steps", grows, list(steps), "growing percentages that end at 100, like [10, 50, 100]"),
        ("rollout.bake_seconds", rollout.bake_seconds > 0, rollout.bake_seconds, "more than 0"),
        ("rollout.min_requests", rollout.min_requests >= 1, rollout.min_requests, "1 or more: no traffic proves nothing"),
        ("rollout.max_error_percent", 0 <= rollout.max_error_percent < 100, rollout.max_error_percent, "0 to below 100"),
        ("rollout.deadline_minutes", rollout.deadline_minutes > 0, rollout.deadline_minutes, "more than 0"),
        ("rollout.keep_warm_minutes", rollout.keep_warm_minutes >= 0, rollout.keep_warm_minutes, "0 or more"),
        ("approval.approvers", bool(approval.approvers), approval.approvers, "at least one name"),
        ("approval.expires_hours", approval.expires_hours > 0, approval.expires_hours, "more than 0"),
    ]
