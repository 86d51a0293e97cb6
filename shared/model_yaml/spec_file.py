"""Reads model.yaml and the folder around it: every fault at once, with file, line, what was found, what would be right.

`spec.py` holds the values and stays free of I/O, since decisions use it; what a value must be beyond its type is here.
"""

from __future__ import annotations

import re
from pathlib import Path

from shared.data.window import WORDS, is_window
from shared.errors import NameRefused, SpecRefused
from shared.gating.metric_facts import is_custom
from shared.model_yaml import searching, spec_policy
from shared.model_yaml.gate_file import GATE_REQUIREMENTS, check_comparing, check_gates
from shared.model_yaml.limits import AT_LEAST_0, MORE_THAN_0, NEVER, between, is_inside
from shared.model_yaml.search_space import WORDS as WORDS_OF_SPACE
from shared.model_yaml.search_space import dimension
from shared.model_yaml.served_spec import BatchScoring
from shared.model_yaml.yaml_record import RecordReader, Requirement
from shared.names import model_name
from shared.retraining.cron import is_cron, is_time_zone
from shared.spec import Data, Spec

PARTITION = re.compile(r"[A-Za-z0-9-]+")
CLOSER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
MARKER_WAIT_SECONDS = 600
CHECKS_PINNED = "tests/checks/requirements.txt"
CLUSTER = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,31}")
PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
PINNED = re.compile(r"[A-Za-z0-9._-]+(\[[A-Za-z0-9,._ -]+\])?\s*==\s*[0-9][A-Za-z0-9.!+]*(\s*;.*)?")


def _names_a_model(name: str) -> bool:
    try:
        return bool(model_name(name))
    except NameRefused:
        return False


def _grows_to_100(steps: tuple[int, ...]) -> bool:
    return bool(steps) and list(steps) == sorted(set(steps)) and steps[0] > 0 and steps[-1] == 100


CRON = Requirement(is_cron, 'minute, hour, day, month and weekday that some day has, like "0 6 * * 1"')
INSIDE = Requirement(is_inside, "a file of the folder, like train.py")
REQUIREMENTS = {
    "name": Requirement(_names_a_model, "lower-case letters, digits and single dashes, at most 20, a letter first"),
    "data.contract": INSIDE,
    "data.key": Requirement(lambda key: bool(key) and len(set(key)) == len(key), "columns that name a row for ever"),
    "data.batch.files": AT_LEAST_0,
    "data.batch.rows": AT_LEAST_0,
    "data.batch.bytes": AT_LEAST_0,
    "data.batch.marker": Requirement(lambda name: "/" not in name, "the name of a drop, like _SUCCESS"),
    "data.batch.partitions": Requirement(
        lambda names: bool(names) and len(set(names)) == len(names) and all(map(PARTITION.fullmatch, names)),
        "names of letters, digits and dashes, each once, as they stand in the drops' paths",
    ),
    "data.batch.quiet_seconds": MORE_THAN_0,
    "data.block_days": MORE_THAN_0,
    "data.closed_by": Requirement(
        lambda name: bool(CLOSER.fullmatch(name)), "the name of a file, like _SUCCESS (a marker) or manifest.json"
    ),
    "data.window": Requirement(is_window, WORDS, is_pair=True),
    "data.own_output_percent": Requirement(between(0, 100), "0 to 100 (never refused)"),
    "data.holdout_percent": Requirement(between(5, 50), f"5 to 50: rows that no training sees{NEVER}"),
    "train.entry": INSIDE,
    "train.parameters": Requirement(
        lambda found: all(map(PARAMETER.fullmatch, found)), "names like alpha or max-depth"
    ),
    "train.max_minutes": Requirement(lambda value: 0 < value <= 1440, "more than 0, at most 1440"),
    "train.max_memory_mb": Requirement(between(256, 1 << 20), "256 or more"),
    "train.search.space": Requirement(
        lambda found: all(PARAMETER.fullmatch(name) and dimension(words) for name, words in found.items()),
        WORDS_OF_SPACE,
    ),
    "train.search.trials": Requirement(between(1, 200), "1 to 200"),
    "train.search.jobs": Requirement(between(0, 100), "0 (inside the training run) to 100"),
    "train.search.max_minutes": MORE_THAN_0,
    "train.search.max_money": AT_LEAST_0,
    "train.search.validation_percent": Requirement(between(5, 40), "5 to 40"),
    "train.search.seed": Requirement(between(0, 2**31 - 1), "0 or more"),
    "train.tries": Requirement(between(1, 5), "1 to 5"),
    **GATE_REQUIREMENTS,
    **spec_policy.REQUIREMENTS,
    "rollout.steps": Requirement(_grows_to_100, "percentages that grow and end at 100, like [10, 50, 100]"),
    "rollout.bake_seconds": MORE_THAN_0,
    "rollout.min_requests": Requirement(lambda value: value >= 1, "1 or more: no traffic proves nothing"),
    "rollout.max_error_percent": Requirement(lambda value: 0 <= value < 100, "0 to below 100"),
    "rollout.deadline_minutes": MORE_THAN_0,
    "rollout.keep_warm_minutes": AT_LEAST_0,
    "schedule.time_zone": Requirement(is_time_zone, "a name of the time zone database, like Europe/Berlin"),
    "schedule.retrain": CRON,
    "schedule.data": CRON,
    "schedule.monitor_hours": AT_LEAST_0,
    "monitor.signals": Requirement(
        lambda found: len(set(found)) == len(found) and set(found) <= {"data", "prediction"},
        "data, prediction, or both, each once",
    ),
    "monitor.at": CRON,
    "monitor.threshold": MORE_THAN_0,
    "batch.files": Requirement(between(0, 10_000), "0 (no batch endpoint) to 10000"),
    "batch.compute": Requirement(lambda name: not name or bool(CLUSTER.fullmatch(name)), "a cluster's name, like cpu"),
    "batch.instances": Requirement(between(1, 100), "1 to 100"),
    "batch.max_minutes": Requirement(lambda value: 0 < value <= 1440, "more than 0, at most 1440"),
    "batch.bad_files": Requirement(lambda value: value >= -1, "0 or more, or -1 (never end a job for them)"),
    "approval.approvers": Requirement(bool, "at least one user or role"),
    "approval.expires_hours": MORE_THAN_0,
}


def load_spec(text: str, *, file: str = "model.yaml") -> Spec:
    """The spec in a model.yaml's text. `SpecRefused` lists all faults as `file:line: entry: found ...; right would be ...`."""
    reader = RecordReader(file, REQUIREMENTS)
    spec = reader.read(Spec, text)
    if spec is not None:
        _check_target(spec, reader)
        _check_data(spec.data, reader)
        _check_search(spec, reader)
        check_gates(spec.gates, reader)
        check_comparing(spec.gates, reader)
        spec_policy.check(spec.retrain, spec.train, reader)
        _check_rollout(spec, reader)
        _check_batch(spec.batch, reader)
    if spec is None or reader.faults:
        raise _refused(file, reader.told)
    return spec


def _check_target(spec: Spec, reader: RecordReader) -> None:
    if spec.data.target in spec.data.key:
        reader.wrong("data.target", spec.data.target, "a column that is not in data.key")


def _check_data(data: Data, reader: RecordReader) -> None:
    """A time needs its column; who waits for a marker must not be cut short by a minute of quiet."""
    if data.split == "time" and not data.time:
        reader.wrong("data.time", None, "the column with the time by which rows are split")
    batch = data.batch
    if data.closed_by and data.closed_by == batch.marker:
        right = "another name than data.batch.marker: a file closes a folder of parts, or a batch of drops"
        reader.wrong("data.closed_by", data.closed_by, right)
    if (batch.marker or batch.partitions) and batch.quiet_seconds < MARKER_WAIT_SECONDS:
        right = f"{MARKER_WAIT_SECONDS} or more beside marker or partitions: how long to wait for them at most"
        reader.wrong("data.batch.quiet_seconds", batch.quiet_seconds, right)


def _check_search(spec: Spec, reader: RecordReader) -> None:
    """The declared parameters are the first trial, and time must be left to train the candidate."""
    asked = spec.train.search
    for name, words in asked.space.items():
        declared, found = spec.train.parameters.get(name), dimension(words)
        if declared is None or (found is not None and not found.holds(declared)):
            reader.wrong("train.parameters", declared, f"{name} within its space, {words}: it is the first trial")
    if asked.space and asked.max_minutes >= spec.train.max_minutes:
        right = f"less than train.max_minutes ({spec.train.max_minutes:g}): the candidate is trained after it"
        reader.wrong("train.search.max_minutes", asked.max_minutes, right)
    if asked.max_money > 0 and spec.retrain.price_per_minute == 0:
        reader.wrong("train.search.max_money", asked.max_money, "0, or retrain.price_per_minute beside it")
    for entry, value, right in searching.faults(spec):
        reader.wrong(entry, value, right)


def _check_rollout(spec: Spec, reader: RecordReader) -> None:
    baking = spec.rollout.bake_seconds * len(spec.rollout.steps)
    if baking >= spec.rollout.deadline_minutes * 60:
        right = f"more than the {baking / 60:g} minutes that all steps bake{NEVER}"
        reader.wrong("rollout.deadline_minutes", spec.rollout.deadline_minutes, right)


def _check_batch(batch: BatchScoring, reader: RecordReader) -> None:
    if batch != BatchScoring() and not batch.files:
        reader.wrong("batch.files", batch.files, "1 or more: without files there is no batch endpoint")


def load_folder(folder: Path) -> Spec:
    """The spec of a model folder on disk, whose files are all there, pinned, and a contract that can be checked.

    `SpecRefused` lists the faults of the folder; those of model.yaml come first, since it names the other files.
    """
    shown = f"models/{folder.resolve().name}"
    model_yaml = folder / "model.yaml"
    if not model_yaml.is_file():
        raise SpecRefused(
            f"{shown} holds no model.yaml.", next="`baton new-model NAME` makes a folder that works as it is"
        )
    spec = load_spec(_text(model_yaml, shown), file=f"{shown}/model.yaml")
    faults = _folder_faults(folder, spec, shown)
    if faults:
        raise _refused(shown, faults)
    return spec


def _text(file: Path, shown: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(
            shown, [f"{shown}/{file.name}: it is not UTF-8 ({error.reason}); right would be UTF-8."]
        ) from error


def _folder_faults(folder: Path, spec: Spec, shown: str) -> list[str]:
    own = (spec.gates.metric,) if is_custom(spec.gates.metric) else ()
    wanted = (spec.data.contract, spec.train.entry, "score.py", "requirements.txt", *own)
    faults = [f"{shown}/{name}: missing; right would be a file." for name in wanted if not (folder / name).is_file()]
    if spec.name != folder.resolve().name:
        faults.append(
            f'{shown}/model.yaml: name: found "{spec.name}"; right would be the folder\'s, {folder.resolve().name}.'
        )
    if (folder / "requirements.txt").is_file():
        faults += _unpinned(_text(folder / "requirements.txt", shown), f"{shown}/requirements.txt")
    if (folder / CHECKS_PINNED).is_file():
        faults += _unpinned(_text(folder / CHECKS_PINNED, shown), f"{shown}/{CHECKS_PINNED}")
    if (folder / spec.data.contract).is_file():
        faults += _contract_faults(folder / spec.data.contract, spec, shown)
    return faults


def _unpinned(text: str, shown: str) -> list[str]:
    """An environment that changes by itself would make a run that nobody can repeat."""
    lines = ((number, line.split("#")[0].strip()) for number, line in enumerate(text.splitlines(), start=1))
    loose = [(number, line) for number, line in lines if line and not PINNED.fullmatch(line)]
    return [f"{shown}:{number}: found {line[:80]}; right would be package==version." for number, line in loose]


def _contract_faults(file: Path, spec: Spec, shown: str) -> list[str]:
    from shared.data.contract import parse_contract  # pydantic and pyarrow: only who publishes needs them
    from shared.model_yaml.gate_columns import column_faults

    try:
        contract = parse_contract(_text(file, shown), file=f"{shown}/{spec.data.contract}")
    except SpecRefused as error:
        return error.what.splitlines()[1:]
    used = {"data.key": spec.data.key, "data.target": (spec.data.target,)}
    used |= {"data.time": (spec.data.time,)} if spec.data.time else {}
    used |= {"gates.compare.unit": (spec.gates.compare.unit,)} if spec.gates.compare.unit else {}
    used |= {"gates.slices.columns": spec.gates.slices.columns}
    return [
        f"{shown}/model.yaml: {entry}: found {name}; right would be a column of {spec.data.contract}."
        for entry, names in used.items()
        for name in names
        if name not in contract.names
    ] + column_faults(spec, contract, shown)


def _refused(file: str, faults: list[str]) -> SpecRefused:
    count = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
    return SpecRefused(f"{file} has {count}:\n" + "\n".join(faults) + "\n", next="mend these, then publish again")
