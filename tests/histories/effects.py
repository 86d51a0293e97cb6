"""The third oracle: the platform saw each effect once per command, and no command without its journal line."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise

from tests.histories.told import Told

HEARD_WITHIN = timedelta(seconds=1)


def check_effects(told: Told) -> None:
    """Runs, versions, deployments, splits and messages against the outcomes that the journal holds, and against a freeze."""
    _check_freeze(told)
    _check_commands(told)
    _check_runs(told)
    _check_versions(told)
    _check_traffic(told)
    _check_messages(told)


def _check_freeze(told: Told) -> None:
    """A second after it was said that everything is frozen, no worker does anything."""
    for effect in told.stage.watch.effects:
        for since, until in told.stage.notes.still.spans:
            if effect.model == told.model and since + HEARD_WITHIN <= effect.at < until:
                what = f"{effect.kind} {effect.what} at {effect.at:%H:%M:%S}, frozen since {since:%H:%M:%S}"
                told.stage.watch.find("effects", f"{told.model}: {what}")


def _check_commands(told: Told) -> None:
    """Each command is answered once at most, each effect belongs to a journalled command, and no command had two."""
    find = told.stage.watch.find
    answers = Counter(line["event"]["command"] for line in told.lines if "command" in line["event"])
    for number, count in answers.items():
        if count > 1 or number not in told.commands:
            find(
                "effects",
                f"{told.model}: command {number} is answered {count} times, journalled as {told.commands.get(number)}",
            )
    had: Counter[int] = Counter()
    by_hand = told.stage.notes.of("hand", told.model)
    for effect in told.stage.watch.effects:
        if effect.model == told.model:
            had.update(effect.commands[:1])
            for number in effect.commands:
                if number not in told.commands:
                    find(
                        "effects", f"{told.model}: {effect.kind} {effect.what} by command {number}, which no line holds"
                    )
    for number, count in had.items():
        if count > 1 and not by_hand:
            find("effects", f"{told.model}: command {number} {told.commands.get(number)} had {count} effects")


def _given_up(told: Told, kind: str) -> bool:
    open_ones = told.rows("!3out:", "!4").values()
    return any(event["name"] == kind for event in told.events("CommandFailed")) or any(
        row["kind"] == kind for row in open_ones
    )


def _check_runs(told: Told) -> None:
    trainer = told.stage.world.trainer
    made = Counter(run.run_id for run in trainer.started if run.model == told.model)
    asked = Counter(event["run_id"] for event in told.events("RunStarted"))
    if made != asked and not (_given_up(told, "start_run") and not asked - made):
        told.stage.watch.find("effects", f"{told.model}: runs on the platform {sorted(made)}, started {sorted(asked)}")


def _check_versions(told: Told) -> None:
    versions = told.stage.world.registry.all(told.model)
    made = Counter(version.version for version in versions if version.run_id)
    asked = Counter(event["version"] for event in told.events("VersionRegistered"))
    runs = Counter(version.run_id for version in versions if version.run_id)
    if any(count > 1 for count in runs.values()):
        told.stage.watch.find("effects", f"{told.model}: a run was registered twice: {runs}")
    if made != asked and not (_given_up(told, "register_version") and not asked - made):
        told.stage.watch.find("effects", f"{told.model}: versions of ours {sorted(made)}, registered {sorted(asked)}")


def _check_traffic(told: Told) -> None:
    """The splits that came to be, one after the other, are those that the journal says were set."""
    if told.stage.notes.of("hand", told.model) or _given_up(told, "set_traffic"):
        return
    seen = [
        json.loads(e.what)["split"]
        for e in told.stage.watch.effects
        if (e.kind, e.model) == ("set_traffic", told.model)
    ]
    said = [{}, *(event["split"] for event in told.events("TrafficSet"))]
    moved = [after for before, after in pairwise(said) if before != after]
    if seen != moved:
        told.stage.watch.find("effects", f"{told.model}: splits that came to be {seen}, journalled {moved}")


def _check_messages(told: Told) -> None:
    sent = {
        int(name.rsplit("-", 1)[1])
        for name, message in told.stage.world.notifier.told.items()
        if message.model == told.model
    }
    done = {line["event"]["command"] for line in told.lines if line["event"]["kind"] == "CommandDone"}
    telling = {number for number, (kind, _) in told.commands.items() if kind in ("tell", "ask_approval")}
    missing, strange = (telling & done) - sent, sent - telling
    if missing or strange:
        told.stage.watch.find(
            "effects", f"{told.model}: messages {sorted(missing)} were not sent, {sorted(strange)} nobody asked for"
        )
