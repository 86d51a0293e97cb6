"""What is wrong with this laptop, its configuration or its running parts, and the command that mends each fault."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from cli import options
from cli.telling import DONE, ERROR, columns, tell_json, waiting
from shared.errors import BatonError

Check = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `next` mends what is wrong."""

    name: str
    is_well: bool
    what: str
    next: str = ""


@click.command()
@click.option("--azure", "in_azure", is_flag=True, help="Look at what azd deployed, with your own rights in Azure.")
@options.as_json
def doctor(in_azure: bool, wants_json: bool) -> int:
    """Tell what is wrong here, and the command that mends it.

    Looks at this laptop, the model folders, and every part that runs; with --azure at what is deployed there, of
    azd's environment in this folder. It changes nothing. Exit code 1 if anything is wrong.

    \b
    Example:  baton doctor
              baton doctor --azure
    """
    with waiting("looking"):
        findings = [examine(name, check) for name, check in (_of_azure() if in_azure else _of_laptop())]
    if wants_json:
        tell_json([asdict(finding) for finding in findings])
    else:
        click.echo("\n".join(told(findings)))
    return DONE if all(finding.is_well for finding in findings) else ERROR


def _of_laptop() -> Iterable[tuple[str, Check]]:
    from cli import machine, parts

    return (*machine.checks(), *parts.checks())


def _of_azure() -> Iterable[tuple[str, Check]]:
    from azure.identity import DefaultAzureCredential

    from cli.cloud import doctor as cloud
    from cli.cloud.arm import Arm
    from cli.cloud.installation import find

    return cloud.checks(Arm(DefaultAzureCredential()), find(os.environ, Path()))


def examine(name: str, check: Check) -> Finding:
    """What one check found: it returns what it saw, or raises what is wrong."""
    try:
        return Finding(name, True, check())
    except BatonError as error:
        return Finding(name, False, error.what.rstrip(), error.next)
    except Exception as error:  # noqa: BLE001 - whatever breaks a check is what it found
        return Finding(name, False, f"{type(error).__name__}: {str(error)[:300]}", "baton down; baton up")


def told(findings: Iterable[Finding]) -> Iterable[str]:
    """A line for each finding, and below a fault the command that mends it."""
    found = list(findings)
    marks = {True: click.style("ok", fg="green"), False: click.style("WRONG", fg="red")}
    for line, finding in zip(columns((marks[one.is_well], one.name, one.what) for one in found), found, strict=True):
        yield line
        if finding.next:
            yield f"       Next: {finding.next}."
    faults = sum(not finding.is_well for finding in found)
    yield f"{faults} of {len(found)} are wrong." if faults else f"All {len(found)} are well."
