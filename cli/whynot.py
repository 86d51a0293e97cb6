"""Why is there no newer model in production?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from cli import address, api, options
from cli.telling import day_and_time, folded, number, tell_json

STOPS_SHOWN = 10


@click.command("why-not")
@click.argument("model")
@click.option("--all", "wants_all", is_flag=True, help="Every attempt; otherwise the last ten.")
@options.as_json
def why_not(model: str, wants_all: bool, wants_json: bool) -> None:
    """Tell why there is no newer version in production.

    What holds the next attempt now; then for each attempt since the version that serves went live the first thing that
    stopped it, and what would let it pass. The newest comes first.

    \b
    Example:  baton why-not diabetes
    """
    found = api.read(address.find(), "models", model, "why-not")
    if wants_json:
        tell_json(found)
        return
    for line in told(found, wants_all=wants_all):
        click.echo(folded(line, indent=4))


def told(found: Mapping[str, Any], *, wants_all: bool) -> Iterable[str]:
    """The answer, two lines for each attempt."""
    serves = (
        f"version {found['serves']} serves since {day_and_time(found['since'])}"
        if found["serves"]
        else "nothing serves"
    )
    yield f"{found['model']}: {serves}"
    for stop in found["now"]:
        yield f"  now  {stop['what']}: {stop['why']}"
        yield f"       passes with: {stop['passes']}"
    stopped = found["stopped"][::-1]
    if not found["now"] and not stopped:
        yield "  Nothing was tried since: no new file, cause or request came."
    shown = stopped if wants_all else stopped[:STOPS_SHOWN]
    for stop in shown:
        again = f" ({stop['count']} times, last at this time)" if stop["count"] > 1 else ""
        yield f"  {day_and_time(stop['at'])}  {stop['what']}: {stop['why']}{again}{_grounds(stop)}"
        yield f"       would pass with: {stop['passes']}"
    if len(shown) < len(stopped):
        yield f"  ... {len(stopped) - len(shown)} older: baton why-not {found['model']} --all"


def _grounds(stop: Mapping[str, Any]) -> str:
    numbers = [f"{name} {number(value)}" for name, value in stop["numbers"].items()]
    rule = [f"rule {stop['rule']}"] if stop["rule"] else []
    by = [f"by {stop['actor']}"] if stop["actor"] else []
    event = [f"event {stop['event'][:16]}"] if stop["event"] else []
    parts = [*rule, *([", ".join(numbers)] if numbers else []), *by, *event]
    return f"  [{'; '.join(parts)}]" if parts else ""
