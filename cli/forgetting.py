"""Having bytes forgotten: shown first with what they touch, asked for once more, then erased by an effect of Baton's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from cli import address, api, options, rowsearch
from cli.address import Address
from cli.releases import tell_recorded
from cli.telling import columns, tell_json, tell_next, waiting
from shared.errors import Permanent

AT_ONCE = 50
KINDS = ("files", "quarantine", "scored")
Erase = Mapping[str, Sequence[str]]


@click.command()
@click.argument("model")
@click.argument("file", nargs=-1)
@click.option(
    "--key", multiple=True, help="Instead of files: every file with the row of this key; once for each column."
)
@click.option("--yes", is_flag=True, help="Do not ask before the bytes are erased.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be erased, and which models it touches.")
@options.why
@options.user()
@options.as_json
def forget(
    model: str,
    file: tuple[str, ...],
    key: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    why: str,
    user: str,
    wants_json: bool,
) -> None:
    """Erase files for ever: the accepted bytes, their reports and profile, the drop, and with --key what else has the row.

    A FILE is the SHA-256 of an accepted file. Whole files go: drop the other rows again as a new file. A tombstone
    (hash, when, who, why) stays, so that manifests hold. The key is searched for on this machine and sent nowhere; do
    not write a personal value into --why, which the journal keeps.

    \b
    Example:  baton data forget diabetes --key 17 --why "request 4711"
    """
    at = address.find(user)
    erase = _wanted(at, model, file, key)
    touched = _touched(at, model, erase["files"])
    if dry_run or not wants_json:
        _tell(model, erase, touched, wants_json)
    if dry_run:
        return
    count = sum(map(len, erase.values()))
    if not yes and not click.confirm(f"Erase these {count} for ever?", default=False, err=True):
        raise click.Abort
    for part in _parts(erase):
        recorded = api.ask(at, "models", model, "forget", why=why, **part)
        tell_recorded(recorded, f"{model}: the bytes are to be erased", wants_json, todo="")
    if not wants_json:
        tell_next(f"baton data show {model}; baton retrain {model} --why ... trains without them")


def _wanted(at: Address, model: str, files: Sequence[str], key: Sequence[str]) -> dict[str, Sequence[str]]:
    """What is to be erased, by kind."""
    if bool(files) == bool(key):
        raise click.UsageError("Name files by their SHA-256, or a row by --key.")
    if files:
        return {"files": files, "quarantine": (), "scored": ()}
    with waiting("searching the files"):
        found = rowsearch.search(at, model, key)
    for name in found.unread:
        click.echo(f"not searched, it cannot be read: {name}", err=True)
    erase = {"files": [hit.sha256 for hit in found.files], "quarantine": found.quarantine, "scored": found.scored}
    if not any(erase.values()):
        raise Permanent(f"No file of {model} has such a row.", next=f"baton data rows {model} KEY")
    return erase


def _touched(at: Address, model: str, files: Iterable[str]) -> list[Mapping[str, Any]]:
    """The releases that were trained on or judged by one of the files, with model version and certificate."""
    versions = [version for sha256 in files for version in api.read(at, "models", model, "data", file=sha256)]
    releases = {release["id"]: release for version in versions for release in version["releases"]}
    return [releases[name] for name in sorted(releases)]


def _tell(model: str, erase: Erase, touched: Sequence[Mapping[str, Any]], wants_json: bool) -> None:
    if wants_json:
        tell_json({"erase": {kind: list(names) for kind, names in erase.items()}, "touches": touched})
        return
    for line in columns((kind, name) for kind, names in erase.items() for name in names):
        click.echo(line)
    click.echo(
        "These models were trained or judged with them, and keep what they learned:"
        if touched
        else "No model used them."
    )
    told = [
        (one["id"], one["state"], f"version {one['version']}" if one["version"] else "no version", one["certificate"])
        for one in touched
    ]
    for line in columns(told) if told else []:
        click.echo(f"  {line}")


def _parts(erase: Erase) -> Iterable[dict[str, list[str]]]:
    """As many at once as one event has room for."""
    every = [(kind, name) for kind in KINDS for name in erase[kind]]
    for first in range(0, len(every), AT_ONCE):
        part = every[first : first + AT_ONCE]
        yield {kind: [name for its, name in part if its == kind] for kind in KINDS}
