"""Files checked against a model's contract, before they are dropped."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import address, api, options
from cli.telling import DONE, SAID_NO, coloured, tell_json, tell_next, waiting
from shared.errors import Permanent
from shared.names import MODEL_NAME

if TYPE_CHECKING:
    from shared.data.verdict import Verdict
    from shared.spec import Data

FILE = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("model")
@click.argument("file", type=FILE)
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write each rule as a test case too.")
@click.option("--published", is_flag=True, help="Use the published contract although models/MODEL is here.")
@click.option(
    "--as-of", type=click.DateTime(), help="The moment (UTC) to which the age of rows is counted; otherwise now."
)
@click.option(
    "--reference", "references", multiple=True, metavar="MODEL=FILE", help="A file that foreign keys point to."
)
@options.as_json
def check(
    model: str,
    file: Path,
    junit: Path | None,
    published: bool,
    as_of: datetime | None,
    references: tuple[str, ...],
    wants_json: bool,
) -> int:
    """Check a file, or a folder of parts, before dropping it: same code, same verdict.

    Against models/MODEL of this folder (nothing needs to run), else against the published folder.
    Exit code 0 it would be accepted, 2 refused.

    \b
    Example:  baton check diabetes first.csv --junit verdict.xml
    """
    from shared.data.checking import check_in_subprocess
    from shared.effects.inline import CHECK_MEMORY_MB, CHECK_SECONDS

    with model_folder(model, wants_published=published) as (here, data), waiting(f"checking {file.name}"):
        contract = here / data.contract
        at = as_of.replace(tzinfo=UTC) if as_of else datetime.now(UTC)
        with _referred(references) as folder:
            limits = {"memory_mb": CHECK_MEMORY_MB, "seconds": CHECK_SECONDS}
            checked = functools.partial(check_in_subprocess, contract_file=contract, **limits, at=at, references=folder)
            verdict = _of_folder(file, model, data, checked) if file.is_dir() else checked(file)
        if junit:
            _write_junit(junit, verdict, contract, name=file.name)
    found = verdict.to_dict()
    if wants_json:
        tell_json({**found, "summary": verdict.summary})
    else:
        click.echo(f"{file.name} {coloured('accepted' if verdict.accepted else 'refused')}: {verdict.summary}")
        tell_problems(found["problems"])
        tell_next(f"baton drop {model} {file} --wait" if verdict.accepted else "mend the file and check it again")
    return DONE if verdict.accepted else SAID_NO


def _of_folder(folder: Path, model: str, data: Data, checked: Callable[[Path], Verdict]) -> Verdict:
    from shared.data.folders import check_on_disk

    if not data.closed_by:
        raise click.BadParameter(f"{folder} is a folder, and model.yaml of {model} names no data.closed_by")
    return check_on_disk(folder, data.closed_by, checked)


def _write_junit(junit: Path, verdict: Verdict, contract: Path, *, name: str) -> None:
    from shared.data.contract import read_contract
    from shared.data.junit import to_junit

    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.write_text(to_junit(verdict, read_contract(contract), name=name), encoding="utf-8")


@contextmanager
def _referred(references: tuple[str, ...]) -> Iterator[Path | None]:
    """The files that foreign keys point to, each in a folder of its dataset's name; None without any."""
    if not references:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="baton-references-") as folder:
        for number, reference in enumerate(references):
            model, _, file = reference.partition("=")
            if not MODEL_NAME.fullmatch(model) or not Path(file).is_file():
                raise click.BadParameter(f"{reference!r} is not MODEL=FILE of a file that is there")
            (Path(folder) / model).mkdir(exist_ok=True)
            (Path(folder) / model / f"{number:06d}").symlink_to(Path(file).resolve())
        yield Path(folder)


@contextmanager
def contract_file(model: str, *, wants_published: bool = False) -> Iterator[Path]:
    """The contract's file, of the local folder or of the published one."""
    with model_folder(model, wants_published=wants_published) as (here, data):
        yield here / data.contract


@contextmanager
def model_folder(model: str, *, wants_published: bool = False) -> Iterator[tuple[Path, Data]]:
    """The local folder of a model, or the published one, with what its model.yaml says of data."""
    from shared.model_yaml.spec_file import load_spec

    here = Path("models") / model
    if (here / "model.yaml").is_file() and not wants_published:
        text = (here / "model.yaml").read_text(encoding="utf-8-sig")
        data = load_spec(text, file=str(here / "model.yaml")).data
        if not (here / data.contract).is_file():
            made = f"`baton contract propose FILE --out {here / data.contract}` makes a first one"
            raise Permanent(f"{here / data.contract}, which model.yaml names, is not there.", next=made)
        yield here, data
        return
    with tempfile.TemporaryDirectory(prefix="baton-check-") as folder:
        copy = Path(folder) / model
        _fetch_published(model, copy)
        yield copy, load_spec((copy / "model.yaml").read_text(encoding="utf-8-sig")).data


def _fetch_published(model: str, into: Path) -> None:
    from shared.files.published import fetch_folder
    from shared.wiring import storage

    at = address.find()
    _, _, blobs = storage(at.setting("BATON_DATA"))
    fetch_folder(blobs, model, api.read(at, "models", model)["folder"], into)


def tell_problems(problems: list[Mapping[str, Any]]) -> None:
    """Each problem with what was found and how to mend it."""
    for problem in problems:
        click.echo(f"  {coloured(problem['severity'])}  {problem['what']}")
        if problem["samples"]:
            found = "found (form only, it is personal)" if problem.get("masked") else "found"
            click.echo(f"    {found}: {', '.join(sample or '(empty)' for sample in problem['samples'])}")
        click.echo(f"    mend: {problem['remedy']}")
