"""A release as one OpenTelemetry trace: a span for the whole, one for each state that it was in, an event for each sentence.

What was told while it happened is another trace, in `live_trace.py`. Here trace and span ids follow from the release's
name and state, so every export of the same release is the same trace, and whoever knows the name knows the id. The moments
are the journal's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import address, api, live_trace, options
from shared.state import ENDS
from shared.traces.lines import SERVICE

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


@click.command()
@click.argument("release")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write here; otherwise to the terminal.")
@click.option(
    "--live", is_flag=True, help="What was told while it happened: every event, decision and effect, as a tree."
)
@options.as_json
def trace(release: str, out: Path | None, live: bool, wants_json: bool) -> None:
    """Export a release as an OpenTelemetry trace, a JSON object for each span on a line.

    From its first event to its end, by the journal: one span for each state, one event for each sentence.

    \b
    Example:  baton trace diabetes-0001 --out trace.jsonl
    """
    if live:
        told = live_trace.spans(address.home(), release)
        name, is_tree = str(told[0]["context"]["trace_id"])[2:], out is None and not wants_json
        lines = list(live_trace.tree(told)) if is_tree else [json.dumps(one) for one in told]
    else:
        at = address.find()
        found, story = api.read(at, "releases", release), api.read(at, "releases", release, "story")
        name = f"{trace_id(release):032x}"
        lines = [span.to_json(indent=None) for span in spans(found, story, now=datetime.now(UTC))]
    if out is None:
        click.echo("\n".join(lines))
        return
    out.write_text("\n".join(lines) + "\n")
    if wants_json:
        from cli.telling import tell_json

        tell_json({"trace": name, "spans": len(lines), "file": str(out)})
    else:
        click.echo(f"{len(lines)} spans of trace {name} are in {out}.")


def trace_id(release: str) -> int:
    """The 128 bits that name the trace of a release.

    >>> f"{trace_id('diabetes-0001'):032x}" == hashlib.sha256(b"diabetes-0001").hexdigest()[:32]
    True
    """
    return int.from_bytes(hashlib.sha256(release.encode()).digest()[:16], "big")


def spans(release: Mapping[str, Any], story: Sequence[Mapping[str, Any]], *, now: datetime) -> list[ReadableSpan]:
    """The release's own span first, then one for each state. What goes on ends `now`."""
    ended = release["state"] in ENDS
    states = [next(group) for _, group in groupby(_past(release), key=lambda one: one[0])]
    end = states[-1][1] if ended else now
    whole = _span(release["id"], release["id"], "", states[0][1], end, release, ())
    parts = list(pairwise([*states, ("", end)]))
    return [whole, *(_state(release, story, *part, last=part == parts[-1]) for part in parts)]


def _past(release: Mapping[str, Any]) -> Iterator[tuple[str, datetime]]:
    """The states with their beginnings; one that was entered again, such as each step of a roll-out, comes again."""
    yield from ((str(state), datetime.fromisoformat(at)) for state, at in release["past"])


def _state(
    release: Mapping[str, Any],
    story: Sequence[Mapping[str, Any]],
    began: tuple[str, datetime],
    then: tuple[str, datetime],
    *,
    last: bool,
) -> ReadableSpan:
    """One state's span; the sentences told in it are its events."""
    within = [one for one in story if began[1] <= (at := datetime.fromisoformat(one["at"])) and (last or at < then[1])]
    key = f"{release['id']} {began[0]} {began[1].isoformat()}"
    return _span(release["id"], key, release["id"], began[1], then[1], release, within, name=began[0])


def _span(
    release: str,
    key: str,
    parent: str,
    began: datetime,
    ended: datetime,
    about: Mapping[str, Any],
    told: Sequence[Mapping[str, Any]],
    *,
    name: str = "release",
) -> ReadableSpan:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

    def context(of: str) -> SpanContext:
        return SpanContext(trace_id(release), trace_id(of) >> 64 or 1, is_remote=False, trace_flags=TraceFlags(1))

    failed = about["state"] == "failed" and name in ("release", "failed")
    return ReadableSpan(
        name,
        context(key),
        parent=context(parent) if parent else None,
        resource=Resource({"service.name": SERVICE}),
        attributes={"baton.model": about["model"], "baton.release": release, "baton.state": about["state"]},
        events=[Event(one["what"], dict(_attributes(one)), _nanoseconds(one["at"])) for one in told],
        status=Status(StatusCode.ERROR, about["why"]) if failed else Status(StatusCode.UNSET),
        start_time=_nanoseconds(began.isoformat()),
        end_time=_nanoseconds(max(began, ended).isoformat()),
    )


def _attributes(told: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((name, told[name]) for name in ("why", "rule", "actor", "event") if told[name])
    yield from ((f"number.{name}", value) for name, value in told["numbers"].items())


def _nanoseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1_000_000) * 1000
