"""Which alerts of Azure Monitor a log would have raised: the same records, read over a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli import address, options
from cli.telling import DONE, SAID_NO, coloured, columns, tell_json
from shared.errors import Permanent


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--at", type=click.DateTime(), help="As at this moment (UTC); otherwise now.")
@options.as_json
def alerts(file: Path | None, at: datetime | None, wants_json: bool) -> int:
    """Tell which alerts the functions' log raises now. FILE is a log; otherwise this laptop's.

    In Azure the same rules are scheduled queries (infra/alerts.json). Exit code 0 none fires; 2 somebody should look.

    \b
    Example:  baton alerts
              baton alerts host.log --at 2026-03-01T09:30:00
    """
    from shared.watching.alerts import ALERTS
    from shared.watching.loglines import read

    place = file or address.home() / "logs" / "host.log"
    if not place.is_file():
        raise Permanent(f"there is no log {place}.", next="baton up; or name a log file")
    moment = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    with place.open(errors="replace") as text:
        lines = list(read(text))
    told: list[dict[str, Any]] = [
        {
            "alert": alert.name,
            "fires": alert.fires(lines, moment),
            "lines": len(alert.found(lines, moment)),
            "severity": alert.severity,
            "says": alert.says,
            "next": alert.next,
        }
        for alert in ALERTS
    ]
    if wants_json:
        tell_json(told)
    else:
        for line, one in zip(columns(_row(one) for one in told), told, strict=True):
            click.echo(line)
            if one["fires"]:
                click.echo(f"       Next: {one['next']}.")
    return SAID_NO if any(one["fires"] for one in told) else DONE


def _row(one: dict[str, Any]) -> tuple[str, str, str]:
    state = coloured("error" if one["fires"] else "ok")
    return state, str(one["alert"]), str(one["says"]) if one["fires"] else f"looked for: {one['says']}"
