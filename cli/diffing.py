"""Two releases side by side: what differs in cause, data, rules, evidence, certificate and end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from cli import address, api, options
from cli.telling import columns, number, tell_json

PARTS: Mapping[str, tuple[str, ...]] = {
    "cause": ("causes", "depth"),
    "data": ("files", "first_new_file", "manifest", "pinned"),
    "folder": ("folder", "author"),
    "rules": ("rules",),
    "evidence": ("gain", "evidence_document"),
    "certificate": ("certificate_document",),
    "decision": ("version", "against", "approved_by", "approved_why"),
    "end": ("state", "why"),
}
OF_ONE_MOMENT = ("event", "at", "v", "journal", "release", "run", "started_at", "ended_at")
CELL = 60


@click.command("diff")
@click.argument("release")
@click.argument("other")
@options.as_json
def diff(release: str, other: str, wants_json: bool) -> None:
    """Tell how two releases differ.

    In what caused them, the data, the rules that they began with, what was measured, the certificate, and how they ended.
    The releases may be of two models.

    \b
    Example:  baton diff diabetes-0002 diabetes-0003
    """
    at = address.find()
    found = differences(*(api.read(at, "releases", name) for name in (release, other)))
    if wants_json:
        tell_json([{"part": part, "entry": entry, release: left, other: right} for part, entry, left, right in found])
        return
    if not found:
        click.echo(f"{release} and {other} do not differ.")
        return
    for line in columns(
        [("", "", release, other), *((part, entry, _cell(a), _cell(b)) for part, entry, a, b in found)]
    ):
        click.echo(line)


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[tuple[str, str, Any, Any]]:
    """Part, entry, and both values, of each entry that differs; None where a release has no such entry."""
    found = []
    for part, names in PARTS.items():
        one, two = (
            {name: value for key in names for name, value in _flat(side.get(key), key)} for side in (left, right)
        )
        entries = [*one, *(name for name in two if name not in one)]
        found += [(part, name, one.get(name), two.get(name)) for name in entries if one.get(name) != two.get(name)]
    return found


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The scalar entries of a document by dotted path; what names one moment or event always differs and is left out."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name not in OF_ONE_MOMENT:
                yield from _flat(item, f"{path}.{name}")
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        for place, item in enumerate(value, start=1):
            yield from _flat(item, f"{path}.{place}")
    elif value not in (None, "", [], {}):
        yield path, value


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = ", ".join(map(str, _items(value))) if isinstance(value, list) else number(value)
    return text if len(text) <= CELL else f"{text[: CELL - 1]}…"


def _items(value: Iterable[Any]) -> Iterable[str]:
    return (number(item) for item in value)
