"""Files: dropped for a model, and checked against its contract, before or after."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import address, api, options
from cli.address import Address
from cli.telling import DONE, SAID_NO, SaidNo, TookTooLong, coloured, tell_json, tell_next, waiting
from shared.errors import Retryable

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

INCOMING = "incoming"
PAUSE_SECONDS = 0.3
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("model")
@click.argument("file", type=FILE)
@click.option("--name", default="", help="The drop's name; otherwise the file's.")
@click.option("--wait", "waits", is_flag=True, help="Wait for the verdict and tell it.")
@click.option("--timeout", "timeout_seconds", default=120.0, show_default=True, help="Seconds to wait at most.")
@options.as_json
def drop(model: str, file: Path, name: str, waits: bool, timeout_seconds: float, wants_json: bool) -> int:
    """Upload a file for a model; --wait tells the verdict on it.

    Any storage client does as well: Baton hears of the file by the event that storage raises.

    A drop of the same name is replaced only once its verdict is told, so that none is lost unread.
    With --wait: exit code 0 accepted, 2 refused, 3 no verdict in time.

    \b
    Example:  baton drop diabetes first.csv --wait
    """
    at = address.find()
    api.read(at, "models", model)
    blob = f"{model}/{name or file.name}"
    client = _client(at, blob)
    _upload(client, file, blob)
    if not waits:
        tell_json({"drop": f"{INCOMING}/{blob}"}) if wants_json else click.echo(f"dropped {INCOMING}/{blob}")
        return DONE
    with waiting(f"dropped {INCOMING}/{blob}, waiting for its verdict"):
        tags = _verdict(client, blob, within_seconds=timeout_seconds)
    return _tell_verdict(at, f"{INCOMING}/{blob}", tags, wants_json)


def _client(at: Address, blob: str) -> BlobClient:
    from azure.storage.blob import BlobClient

    connection = at.setting("BATON_DATA")
    return BlobClient.from_connection_string(
        connection, INCOMING, blob, retry_total=1, initial_backoff=1, random_jitter_range=1
    )


@contextmanager
def _told_plainly(blob: str) -> Iterator[None]:
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        why = error.message.splitlines()[0] if error.message else type(error).__name__
        raise Retryable(f"Storage did not take or show {INCOMING}/{blob}: {why}", next="`baton doctor`") from error


def _upload(client: BlobClient, file: Path, blob: str) -> None:
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

    waits = SaidNo(
        f"{INCOMING}/{blob} is there already, and its verdict is not told yet.",
        next="wait for it, or drop yours under another --name",
    )
    with _told_plainly(blob), file.open("rb") as content:
        try:
            client.upload_blob(content, overwrite=False)
        except ResourceExistsError:
            etag = client.get_blob_properties().etag
            if "baton" not in client.get_blob_tags():
                raise waits from None
            content.seek(0)
            unchanged = MatchConditions.IfNotModified
            try:
                client.upload_blob(content, overwrite=True, etag=etag, match_condition=unchanged)
            except ResourceModifiedError:
                raise waits from None


def _verdict(client: BlobClient, blob: str, *, within_seconds: float) -> Mapping[str, str]:
    """The tags that Baton put on the drop."""
    until = time.monotonic() + within_seconds
    while time.monotonic() < until:
        with _told_plainly(blob):
            tags: Mapping[str, str] = client.get_blob_tags()
        if "baton" in tags:
            return tags
        time.sleep(PAUSE_SECONDS)
    what = f"{INCOMING}/{blob} has no verdict after {within_seconds:g} s."
    raise TookTooLong(what, next="the drop is kept and will be checked; `baton doctor` tells what is in the way")


def _tell_verdict(at: Address, drop: str, tags: Mapping[str, str], wants_json: bool) -> int:
    accepted = tags["baton"] == "accepted"
    report = f"{at.url}/reports/{tags['report']}" if tags.get("report") else ""
    if wants_json:
        tell_json({"drop": drop, "verdict": tags["baton"], "file": tags.get("version", ""), "report": report})
        return DONE if accepted else SAID_NO
    number = f" as file {tags['version']}" if tags.get("version") else ""
    click.echo(f"{drop} {coloured(tags['baton'])}{number}")
    if report:
        click.echo(f"Report: {report}")
    if not accepted and tags.get("report"):
        _tell_problems(_stored_verdict(at, tags["report"])["problems"])
    tell_next(f"baton status {drop.split('/')[1]}" if accepted else "mend the file and drop it again")
    return DONE if accepted else SAID_NO


def _stored_verdict(at: Address, report: str) -> Mapping[str, Any]:
    answer = api.exchange("GET", f"{at.url}/reports/{report.removesuffix('.html')}.json")
    found: Mapping[str, Any] = json.loads(answer.body) if answer.status == 200 else {"problems": []}
    return found


def _tell_problems(problems: list[Mapping[str, Any]]) -> None:
    for problem in problems:
        click.echo(f"  {coloured(problem['severity'])}  {problem['what']}")
        if problem["samples"]:
            click.echo(f"    found: {', '.join(sample or '(empty)' for sample in problem['samples'])}")
        click.echo(f"    mend: {problem['remedy']}")


@click.command()
@click.argument("model")
@click.argument("file", type=FILE)
@click.option("--published", is_flag=True, help="Use the published contract although models/MODEL is here.")
@options.as_json
def check(model: str, file: Path, published: bool, wants_json: bool) -> int:
    """Check a file before dropping it: same code, same verdict.

    Against models/MODEL of this folder (nothing needs to run), else against the published folder.
    Exit code 0 it would be accepted, 2 refused.

    \b
    Example:  baton check diabetes first.csv
    """
    from shared.data.checking import check_in_subprocess
    from shared.wiring import CHECK_MEMORY_MB, CHECK_SECONDS

    with _contract(model, wants_published=published) as contract, waiting(f"checking {file.name}"):
        verdict = check_in_subprocess(file, contract, memory_mb=CHECK_MEMORY_MB, seconds=CHECK_SECONDS)
    found = verdict.to_dict()
    if wants_json:
        tell_json({**found, "summary": verdict.summary})
    else:
        click.echo(f"{file.name} {coloured('accepted' if verdict.accepted else 'refused')}: {verdict.summary}")
        _tell_problems(found["problems"])
        tell_next(f"baton drop {model} {file} --wait" if verdict.accepted else "mend the file and check it again")
    return DONE if verdict.accepted else SAID_NO


@contextmanager
def _contract(model: str, *, wants_published: bool) -> Iterator[Path]:
    """The contract's file, of the local folder or of the published one."""
    from shared.spec_file import load_spec

    here = Path("models") / model
    if (here / "model.yaml").is_file() and not wants_published:
        text = (here / "model.yaml").read_text(encoding="utf-8-sig")
        yield here / load_spec(text, file=str(here / "model.yaml")).data.contract
        return
    with tempfile.TemporaryDirectory(prefix="baton-check-") as folder:
        copy = Path(folder) / model
        _fetch_published(model, copy)
        yield copy / load_spec((copy / "model.yaml").read_text(encoding="utf-8-sig")).data.contract


def _fetch_published(model: str, into: Path) -> None:
    from shared.published import fetch_folder
    from shared.wiring import storage

    at = address.find()
    _, _, blobs = storage(at.setting("BATON_DATA"))
    fetch_folder(blobs, model, api.read(at, "models", model)["folder"], into)
