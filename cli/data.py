"""Dataset versions: which there are, what is in one, how two differ, and which of them the next retrain reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cli import address, api, forgetting, options, rowsearch
from cli.releases import tell_recorded
from cli.telling import columns, day_and_time, tell_json, tell_next

SHORT = 12
LATEST = "latest"
Version = Mapping[str, Any]


@click.group()
def data() -> None:
    """Tell which bytes models were trained on, and have bytes forgotten.

    A VERSION is the beginning of its id, a release, or latest.

    \b
    Example:  baton data log diabetes
    """


@data.command()
@click.argument("model")
@click.option("--file", "file", default="", help="Only versions with this file: its SHA-256, or the drop's path.")
@options.as_json
def log(model: str, file: str, wants_json: bool) -> None:
    """List a model's dataset versions, newest first, with the releases that used each.

    \b
    Example:  baton data log diabetes
              baton data log diabetes --file incoming/diabetes/first.csv
    """
    found = api.read(address.find(), "models", model, "data", **({"file": file} if file else {}))
    if wants_json:
        tell_json(found)
        return
    if not found:
        click.echo(f"{model} has no dataset version{f' with {file}' if file else ''}.")
        return
    for line in columns(_line(version) for version in found):
        click.echo(line)
    tell_next(f"baton data show {model} {found[0]['id'][:SHORT]}")


def _line(version: Version) -> tuple[str, ...]:
    used = ", ".join(_used(release) for release in version["releases"]) or "no release"
    size = f"{version['files']} files, {version['rows']} rows"
    marks = f"{version['new']} new, {version['carried']} carried, {version['dropped']} dropped"
    at = day_and_time(version["at"]) if version["at"] else "by 0.1.0"
    return version["id"][:SHORT], at, size, marks, used


def _used(release: Mapping[str, Any]) -> str:
    version = f", version {release['version']}" if release["version"] else ""
    return f"{release['id']} ({release['state']}{version})"


@data.command()
@click.argument("model")
@click.argument("version", default=LATEST)
@options.as_json
def show(model: str, version: str, wants_json: bool) -> None:
    """Show one dataset version: its files, where each came from, and who was trained on it.

    \b
    Example:  baton data show diabetes
              baton data show diabetes diabetes-0002
    """
    found = api.read(address.find(), "models", model, "data", version)
    if wants_json:
        tell_json(found)
        return
    manifest = found["manifest"]
    click.echo(f"{found['id']}  {found['files']} files, {found['rows']} rows")
    by = f" by {manifest['by']}" if manifest["by"] else ""
    facts = [("cut", f"{manifest['at'] or 'by 0.1.0'}{by}, because of {manifest['because'] or 'what is not told'}")]
    facts += [("contract", f"{manifest['contract_version']} {manifest['contract'][:SHORT]}".strip())]
    facts += [("window", manifest["window"]), ("after", _id(manifest["parent"]) or "nothing: it is the first")]
    facts += [("used by", ", ".join(_used(release) for release in found["releases"]) or "no release")]
    for line in columns(facts):
        click.echo(f"  {line}")
    for line in columns([*map(_file, manifest["files"]), *map(_left, manifest["dropped"])]):
        click.echo(f"  {line}")


def _id(manifest: str) -> str:
    return manifest.rsplit("/", 1)[-1].removesuffix(".json")[:SHORT]


def _file(file: Mapping[str, Any]) -> tuple[str, ...]:
    state = {"there": "new" if file["new"] else "carried"}.get(file["bytes_are"], file["bytes_are"])
    source = f" from {file['source']}" if file["source"] else ""
    return state, f"file {file['number']}", f"{file['rows']} rows", file["sha256"][:SHORT], f"{file['drop']}{source}"


def _left(file: Mapping[str, Any]) -> tuple[str, ...]:
    return f"dropped ({file['why']})", f"file {file['number']}", f"{file['rows']} rows", file["sha256"][:SHORT], ""


@data.command()
@click.argument("model")
@click.argument("old")
@click.argument("new", default=LATEST)
@options.as_json
def diff(model: str, old: str, new: str, wants_json: bool) -> None:
    """Tell how two dataset versions differ, by content.

    \b
    Example:  baton data diff diabetes diabetes-0001 latest
    """
    at = address.find()
    before, after = (api.read(at, "models", model, "data", version) for version in (old, new))
    files = [{file["sha256"]: file for file in one["manifest"]["files"]} for one in (before, after)]
    added = [files[1][sha256] for sha256 in files[1] if sha256 not in files[0]]
    gone = [files[0][sha256] for sha256 in files[0] if sha256 not in files[1]]
    contracts = [one["manifest"]["contract"] for one in (before, after)]
    if wants_json:
        ids = {"old": before["id"], "new": after["id"], "contracts": contracts}
        tell_json({**ids, "added": added, "removed": gone, "rows": after["rows"] - before["rows"]})
        return
    if before["id"] == after["id"]:
        click.echo(f"{old} and {new} are the same version, {before['id'][:SHORT]}.")
        return
    click.echo(f"{before['id'][:SHORT]} → {after['id'][:SHORT]}: {after['rows'] - before['rows']:+d} rows")
    if contracts[0] != contracts[1]:
        click.echo(f"  contract {contracts[0][:SHORT]} → {contracts[1][:SHORT]}")
    marked = [("+", *_file(file)[1:]) for file in added] + [("-", *_file(file)[1:]) for file in gone]
    for line in columns(marked):
        click.echo(f"  {line}")


@data.command()
@click.argument("model")
@click.argument("version")
@options.why
@options.user()
@options.as_json
def pin(model: str, version: str, why: str, user: str, wants_json: bool) -> None:
    """Have the next retrain read this version; none takes the pin off.

    The next release that is opened for another cause than new data uses the pin up. New data waits for a release of
    its own.

    \b
    Example:  baton data pin diabetes diabetes-0001 --why "the March files are doubtful"
              baton retrain diabetes --why "on the February data"
    """
    recorded = api.ask(address.find(user), "models", model, "pin", version=version, why=why)
    done = "the pin is taken off" if version == "none" else f"the next retrain reads {version}"
    tell_recorded(recorded, f"{model}: {done}", wants_json, todo=f'baton retrain {model} --why "..."')


data.add_command(rowsearch.rows)
data.add_command(forgetting.forget)
