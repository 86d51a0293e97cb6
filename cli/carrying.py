"""Carrying an approved version on to another installation, as it was certified."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click

from cli import address, api, options, storage
from cli.certified import signer
from cli.telling import tell_json, tell_next, waiting
from shared.carrying import carry_in, carry_out, check_approved, patiently
from shared.certificates.carried import Carried, read_carried, vouched
from shared.certificates.statement import CertificateRefused, check_holds
from shared.names import carried_label, digest
from shared.platforms.chosen import carrier

KEYS = click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    envvar="BATON_PUBLIC_KEYS",
    help="A public key of who certified, in hex, once for each (`baton certificate key` tells it); otherwise those of this installation.",
)
NAMED = click.option("--certificate", default="", help="Refuse any other certificate than the one with this name.")


@click.group()
def carry() -> None:
    """Carry an approved version on to another installation: the files that were certified, never trained again.

    `out` there, `in` here. Both reach a shared registry: one of Azure ML by its name, on laptops a folder.

    \b
    Example:  baton carry out diabetes-0012 --to company-models
    """


@carry.command("out")
@click.argument("release")
@click.option("--to", "place", required=True, help="An Azure ML registry; on a laptop a folder.")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where its certificate is written. [RELEASE.carried.json]",
)
@NAMED
@KEYS
@options.as_json
def out(
    release: str, place: str, file: Path | None, certificate: str, public_keys: tuple[str, ...], wants_json: bool
) -> None:
    """Share the version of RELEASE, which a person approved, and write down the certificate that goes along.

    \b
    Example:  baton carry out diabetes-0012 --to company-models
    """
    at = address.find()
    found = api.read(at, "releases", release)
    check_approved(found)
    carried = read_carried(json.dumps(api.read(at, "releases", release, "certificate")).encode())
    _check_name(carried, certificate)
    told = vouched(carried, *(public_keys or signer().trusted), now=storage.now())
    check_holds(told, model=found["model"], release=release, version=found["version"], now=storage.now())
    by, _ = carrier(at.env, address.home(), place)
    with waiting(f"sharing version {told.version} of {told.model}"):
        label = patiently(partial(carry_out, by, told))
    file = file or Path(f"{release}.carried.json")
    file.write_text(json.dumps(carried.document(), indent=1), encoding="utf-8")
    if wants_json:
        tell_json({"release": release, "model": told.model, "version": told.version, "label": label, "file": str(file)})
        return
    click.echo(
        f"{release}, version {told.version}: its files are in {place} as {told.model} {label}, as they were certified"
    )
    tell_next(f"where it goes to: baton carry in {file} --from {place}")


@carry.command("in")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "place", required=True, help="The registry that it was shared in; on a laptop the folder.")
@NAMED
@KEYS
@options.as_json
def into(file: Path, place: str, certificate: str, public_keys: tuple[str, ...], wants_json: bool) -> None:
    """Register the version that FILE's certificate is about, if signature and files are as they were certified.

    It is judged here like any other version: on this installation's data, by its gates and approvers. Again finds the same version.

    \b
    Example:  baton carry in diabetes-0012.carried.json --from company-models --public-key 03a1...
    """
    carried = read_carried(file.read_bytes())
    _check_name(carried, certificate)
    told = vouched(carried, *(public_keys or signer().trusted), now=storage.now())
    by, registry = carrier(address.find().env, address.home(), place)
    with waiting(f"registering {told.model} {carried_label(told.release, told.model_sha256)}"):
        version = patiently(partial(carry_in, by, registry, told, digest(carried.certificate)))
    if wants_json:
        tell_json({"release": told.release, "model": told.model, "version": version, "was": told.version})
        return
    click.echo(
        f"{told.model} version {version}: the files of {told.release}, version {told.version} there, as they were certified"
    )
    tell_next(f"baton status {told.model}: a release opens for it, which an approver here decides on")


def _check_name(carried: Carried, wanted: str) -> None:
    if wanted and carried.report != wanted:
        raise CertificateRefused(
            f"this is the certificate {carried.report}, not {wanted}",
            next="carry on what was approved, or approve this",
        )
