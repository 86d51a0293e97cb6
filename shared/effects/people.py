"""Telling people: at least once, under an id that makes a second telling the same message."""

from __future__ import annotations

from shared.effects.parts import Parts
from shared.events import CommandDone, Outcome
from shared.notify import Message
from shared.state import Command


def ask_approval(parts: Parts, model: str, command: Command) -> Outcome:
    """Ask the approvers, with the link to what they need to decide."""
    what = command.payload
    link = f"{parts.url}/releases/{command.release}"
    why = f"version {what['version']} waits for approval until {what['until']}: {what['why']}"
    todo = f"{link} or `baton approve {command.release} --why ...`"
    told = ("approval asked", why, todo, link)
    parts.notifier.tell(
        Message(
            _id(model, command),
            model,
            command.release,
            *told,
            journal=what.get("journal", ""),
            until=what["until"],
        )
    )
    return CommandDone(**parts.stamp(model, command), name="ask_approval")


def tell(parts: Parts, model: str, command: Command) -> Outcome:
    """Tell the owner how something ended."""
    what = command.payload
    page = f"releases/{command.release}" if command.release else f"models/{model}"
    link = f"{parts.url}/reports/{what['report']}" if what.get("report") else f"{parts.url}/{page}"
    told = (what["state"], what["why"], what["next"], link)
    parts.notifier.tell(Message(_id(model, command), model, command.release, *told, to=what.get("to", "")))
    return CommandDone(**parts.stamp(model, command), name="tell")


def _id(model: str, command: Command) -> str:
    return f"{model}-{command.number:06d}"
