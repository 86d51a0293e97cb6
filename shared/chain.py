"""The chain as data: which event comes from where, is taken in which state, and leads to which states and commands.

Tests hold this table against `infra/subscriptions.json`, against the functions that the app indexes and
against what `release.py` does in all histories that they run; README's diagram is drawn from it.

A row's `taken_in` and `leads_to` are states of the release that the event is about; "-" stands for the
model as a whole, where no release is concerned yet or any more. A state in both is one that it stays in.
What follows for others in the same decision is in `FOLLOW_ON`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.state import BUILDING, ENDS, LIVE, SHIPPING

MODEL = "-"
OPEN_STATES = (*BUILDING, *SHIPPING, LIVE)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the chain."""

    event: str
    source: str
    function: str
    taken_in: tuple[str, ...]
    leads_to: tuple[str, ...]
    commands: tuple[str, ...] = ()


def _world(event: str, function: str, leads_to: tuple[str, ...], commands: tuple[str, ...]) -> Row:
    source = {"on_new_data": "storage", "on_request": "custom"}.get(function, "workspace")
    return Row(event, source, function, (MODEL, *OPEN_STATES), leads_to, commands)


def _person(event: str, leads_to: tuple[str, ...], commands: tuple[str, ...]) -> Row:
    return Row(event, "api", "web", (MODEL, *OPEN_STATES), leads_to, commands)


def _outcome(event: str, taken_in: tuple[str, ...], leads_to: tuple[str, ...], commands: tuple[str, ...]) -> Row:
    return Row(event, "command", "perform", taken_in, leads_to, commands)


OPENS = ("start_run", "observe_champion")

TABLE: tuple[Row, ...] = (
    _world("DataLanded", "on_new_data", (MODEL,), ("check_file",)),
    _world("RunChanged", "on_run_completed", (MODEL, "judging"), ("look_at_run", "observe_champion")),
    _world("RunChanged", "on_run_status_changed", (MODEL, "judging"), ("look_at_run", "observe_champion")),
    _world("ModelRegistered", "on_model_registered", (MODEL, "judging"), ("observe_champion",)),
    _world("ModelDeployed", "on_model_deployed", (MODEL,), ("observe_champion",)),
    _world("MonitorReported", "on_run_completed", (MODEL,), ()),
    _world("MonitorReported", "on_run_status_changed", (MODEL,), ()),
    _world("DriftDetected", "on_drift_detected", (MODEL, "training"), ("start_run",)),
    _world("RetrainRequested", "on_request", (MODEL, "training"), ("start_run",)),
    _person("RetrainRequested", (MODEL, "training"), ("start_run",)),
    _person("RetryRequested", (MODEL, "training"), ("start_run",)),
    _person("ModelPublished", (MODEL, "training"), ("start_run",)),
    _person("RollbackRequested", (MODEL, "rolling out"), ("set_traffic",)),
    _person("PauseRequested", (MODEL,), ()),
    _person("ResumeRequested", (MODEL, *OPEN_STATES), (*OPENS, "ask_approval", "tell", "clean_up")),
    _person("VersionPinned", (MODEL,), ()),
    _person("ForgetRequested", (MODEL,), ("forget",)),
    _person("FreezeBegan", (MODEL,), ()),
    _person("FreezeEnded", (MODEL, *OPEN_STATES), (*OPENS, "ask_approval", "tell", "clean_up")),
    Row(
        "ApprovalGiven",
        "api",
        "web",
        ("awaiting approval",),
        ("rolling out", "rejected"),
        ("observe_champion", "clean_up", "tell"),
    ),
    _outcome("FileAccepted", (MODEL,), (MODEL, "training"), ("tag_drop", "start_run", "tell")),
    _outcome("FileRefused", (MODEL,), (MODEL,), ("tag_drop", "tell")),
    _outcome("FileGone", (MODEL,), (MODEL,), ()),
    _outcome(
        "RunStarted",
        ("training", "judging", "certifying"),
        ("training", "judging", "certifying"),
        ("look_at_run", "cancel_run"),
    ),
    _outcome(
        "RunEnded",
        ("training", "judging", "certifying"),
        ("training", "judging", "registering", "certifying", "staging", "held", "failed"),
        ("start_run", "observe_champion", "register_version", "deploy_staging", "clean_up", "tell"),
    ),
    _outcome("VersionRegistered", ("registering",), ("certifying",), ("start_run",)),
    _outcome("DeploymentEnded", ("staging",), ("staging", "failed"), ("observe_champion", "clean_up", "tell")),
    _outcome(
        "ChampionSeen",
        (MODEL, "judging", "staging", "rolling out"),
        (MODEL, "judging", "staging", "awaiting approval", "rolling out", "held"),
        ("start_run", "observe_champion", "ask_approval", "set_traffic", "clean_up", "tell"),
    ),
    _outcome(
        "TrafficSet",
        (MODEL, "rolling out", LIVE),
        ("rolling out", "rolled back", LIVE),
        ("look_at_step", "set_traffic", "observe_champion", "clean_up", "tell"),
    ),
    _outcome(
        "TrafficRefused",
        (MODEL, "rolling out", LIVE),
        ("rolling out", "held", LIVE),
        ("set_traffic", "observe_champion", "clean_up", "tell"),
    ),
    _outcome(
        "StepSeen",
        ("rolling out",),
        ("rolling out", LIVE, "held"),
        ("set_traffic", "look_at_step", "observe_champion", "tell", "clean_up"),
    ),
    Row("LedgerRebuilt", "keeper", "advance", (MODEL, *OPEN_STATES), (MODEL, *OPEN_STATES), ("observe_champion",)),
    _outcome("SegmentClosed", (MODEL,), (MODEL,), ("trim_journal",)),
    _outcome("CommandDone", (MODEL, *OPEN_STATES), (MODEL, *OPEN_STATES), ()),
    _outcome(
        "CommandFailed",
        (MODEL, *OPEN_STATES),
        (MODEL, "held", "failed", *OPEN_STATES),
        ("set_traffic", "observe_champion", "clean_up", "tell", "tag_drop"),
    ),
    _outcome("CapacityAwaited", (*BUILDING, *SHIPPING), (*BUILDING, *SHIPPING), ()),
    Row(
        "DeadlinePassed",
        "clock",
        "sweep",
        (MODEL, *BUILDING, *SHIPPING),
        (MODEL, "training", "failed", "expired", "rolling out"),
        ("cancel_run", "clean_up", "set_traffic", "observe_champion", "start_run", "tell"),
    ),
    Row("ScheduleRead", "clock", "sweep", (MODEL,), (MODEL,), ()),
    Row("ScheduleDue", "clock", "sweep", (MODEL,), (MODEL, "training"), ("start_run", "tell")),
)

# What one decision brings to other releases of the model: whatever frees a slot lets the next one be opened or go on,
# who reaches approval supersedes who waits there, and who is seen serving replaces the one before. With any line the
# journal may be long enough for its next segment.
FOLLOW_ON = ("start_run", "observe_champion", "ask_approval", "clean_up", "tell", "close_segment")
FOLLOW_ON_STATES = ((MODEL, "training"), (MODEL, "judging"), ("awaiting approval", "superseded"), (LIVE, "replaced"))


def rows(event: str) -> list[Row]:
    """The rows of one event kind."""
    return [row for row in TABLE if row.event == event]


def functions(source: Iterable[str] = ("storage", "workspace", "custom")) -> dict[str, str]:
    """Event Grid function to the topic that it is subscribed to."""
    return {row.function: row.source for row in TABLE if row.source in set(source)}


def mermaid() -> str:
    """The life of a release as a mermaid state diagram, drawn from the table."""
    lines = ["stateDiagram-v2", "    direction LR"]
    names = {state: state.replace(" ", "_") for state in (*OPEN_STATES, *ENDS)}
    lines += [f"    {name}: {state}" for state, name in names.items() if name != state]
    lines += [
        "    [*] --> training: data, drift, performance, code, schedule, request",
        "    [*] --> judging: foreign run or version",
    ]
    for source, target, why in PATH:
        lines.append(f"    {names[source]} --> {names[target]}: {why}")
    lines += [f"    {names[end]} --> [*]" for end in ENDS]
    return "\n".join(lines)


PATH: tuple[tuple[str, str, str], ...] = (
    ("training", "judging", "RunEnded"),
    ("training", "failed", "RunEnded"),
    ("judging", "registering", "gates pass"),
    ("judging", "certifying", "gates pass, registered already"),
    ("judging", "staging", "judged again, certified already"),
    ("judging", "held", "a gate holds"),
    ("judging", "failed", "RunEnded"),
    ("registering", "certifying", "VersionRegistered"),
    ("registering", "failed", "DeadlinePassed"),
    ("certifying", "staging", "certificate passes"),
    ("certifying", "held", "a limit is broken"),
    ("certifying", "failed", "RunEnded"),
    ("staging", "awaiting approval", "ChampionSeen"),
    ("staging", "judging", "champion changed"),
    ("staging", "failed", "DeploymentEnded"),
    ("staging", "held", "what serves is not readable"),
    ("awaiting approval", "rolling out", "ApprovalGiven"),
    ("awaiting approval", "rejected", "ApprovalGiven"),
    ("awaiting approval", "expired", "DeadlinePassed"),
    ("awaiting approval", "superseded", "a newer release"),
    ("rolling out", LIVE, "StepSeen"),
    ("rolling out", "rolled back", "TrafficSet"),
    ("rolling out", "held", "traffic changed by hand"),
    ("rolling out", "failed", "traffic cannot be given back"),
    (LIVE, "replaced", "the next goes live"),
    (LIVE, "rolled back", "RollbackRequested"),
)
