"""Files dropped for a model, and the verdict on them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import address, api, options, uploads
from cli.address import Address
from cli.checks import tell_problems
from cli.telling import DONE, SAID_NO, TookTooLong, coloured, tell_json, tell_next, waiting

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

PAUSE_SECONDS = 0.3
SOURCE_ROOM = 100  # a header of the upload
FILE = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("model")
@click.argument("file", type=FILE)
@click.option("--name", default="", help="The drop's name; otherwise the file's.")
@click.option(
    "--source",
    default="",
    help="Where it comes from, as it stands in dataset versions; otherwise who you are on this machine.",
)
@click.option("--wait", "waits", is_flag=True, help="Wait for the verdict and tell it.")
@click.option("--timeout", "timeout_seconds", default=120.0, show_default=True, help="Seconds to wait at most.")
@options.as_json
def drop(model: str, file: Path, name: str, source: str, waits: bool, timeout_seconds: float, wants_json: bool) -> int:
    """Upload a file for a model, or a folder of parts; --wait tells the verdict on it.

    Of a folder (data.closed_by in model.yaml) the parts go first, then the file that closes it, which is made if it is not there.

    Any storage client does as well: Baton hears of the file by the event that storage raises.

    A drop of the same name is replaced only once its verdict is told, so that none is lost unread.
    With --wait: exit code 0 accepted, 2 refused or held (it could not be checked), 3 no verdict in time.

    \b
    Example:  baton drop diabetes first.csv --wait
              baton drop rents spark-output/ --name 2026-03-01 --wait
    """
    if not source.isascii() or len(source) > SOURCE_ROOM:
        raise click.BadParameter(f"{source!r} is not ASCII, or longer than {SOURCE_ROOM}", param_hint="--source")
    source = source or uploads.uploader()[:SOURCE_ROOM]
    at = address.find()
    api.read(at, "models", model)
    blob = f"{model}/{name or file.resolve().name}"
    if file.is_dir():
        blob = uploads.upload_folder(at, model, file, blob, source)
    client = uploads.client_of(at, blob)
    if not file.is_dir():
        uploads.upload(client, file, blob, source)
    if not waits:
        tell_json({"drop": f"{uploads.INCOMING}/{blob}"}) if wants_json else click.echo(
            f"dropped {uploads.INCOMING}/{blob}"
        )
        return DONE
    with waiting(f"dropped {uploads.INCOMING}/{blob}, waiting for its verdict"):
        tags = _verdict(client, blob, within_seconds=timeout_seconds)
    return _tell_verdict(at, f"{uploads.INCOMING}/{blob}", tags, wants_json)


def _verdict(client: BlobClient, blob: str, *, within_seconds: float) -> Mapping[str, str]:
    """The tags that Baton put on the drop."""
    until = time.monotonic() + within_seconds
    while time.monotonic() < until:
        with uploads.told_plainly(blob):
            tags: Mapping[str, str] = client.get_blob_tags()
        if tags.get("baton") in uploads.VERDICTS:
            return tags
        time.sleep(PAUSE_SECONDS)
    what = f"{uploads.INCOMING}/{blob} has no verdict after {within_seconds:g} s."
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
    verdict = _stored_verdict(at, tags["report"]) if tags.get("report") else {}
    problems = [*verdict.get("problems", ()), *verdict.get("arrival", ())]
    tell_problems(problems)
    model = drop.split("/")[1]
    held = f"`baton deadletters {model}` tells why it could not be checked"
    mend_rows = "mend the rows of drop-refused-rows.csv beside the report, and drop these alone under another name"
    is_part = any(problem["severity"] == "rows" for problem in problems)
    steps = {"accepted": mend_rows if is_part else f"baton status {model}", "held": held}
    tell_next(steps.get(tags["baton"], "mend the file and drop it again"))
    return DONE if accepted else SAID_NO


def _stored_verdict(at: Address, report: str) -> Mapping[str, Any]:
    answer = api.exchange("GET", f"{at.url}/reports/{report.removesuffix('.html')}.json")
    found: Mapping[str, Any] = json.loads(answer.body) if answer.status == 200 else {"problems": []}
    return found
