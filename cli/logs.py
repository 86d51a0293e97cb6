"""The log lines of one release, from all parts of the laptop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from cli import address, options
from cli.telling import tell_json
from shared.errors import Permanent
from shared.names import RELEASE_ID


class NothingLogged(Permanent):
    """No log of this laptop names the release."""


@click.command()
@click.argument("release")
@options.as_json
def logs(release: str, wants_json: bool) -> None:
    """Print what this laptop logged about a release.

    From the logs of all parts, and what the release's runs printed.

    \b
    Example:  baton logs diabetes-0002
    """
    if not RELEASE_ID.fullmatch(release):
        raise Permanent(f"{release!r} is no release.", next="a release is a model and a number, such as diabetes-0012")
    home = address.home()
    found = {**dict(_of_parts(home, release)), **dict(_of_runs(home, release))}
    if not found:
        raise NothingLogged(f"No log in {home} names {release}.", next=f"baton explain {release}; baton status")
    if wants_json:
        tell_json(found)
        return
    for place, lines in found.items():
        click.echo(click.style(f"== {place}", bold=True))
        click.echo("\n".join(lines))


def _of_parts(home: Path, release: str) -> Iterator[tuple[str, list[str]]]:
    """Lines that name the release, by log file."""
    named = re.compile(rf"(?<![\w-]){re.escape(release)}(?!\d)")
    for file in sorted((home / "logs").glob("*.log")):
        with file.open(errors="replace") as content:
            lines = [line.rstrip("\n") for line in content if named.search(line)]
        if lines:
            yield f"logs/{file.name}", lines


def _of_runs(home: Path, release: str) -> Iterator[tuple[str, list[str]]]:
    """Everything that the release's runs printed, by run; most print nothing."""
    for file in sorted((home / "runs").glob(f"{release}-?-*/log.txt")):
        lines = file.read_text(errors="replace").splitlines()
        if lines:
            yield f"runs/{file.parent.name}/log.txt", lines
