"""The stack of this laptop: up and down."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from cli import address, api, options, orphans, publishing
from cli.address import Address
from cli.telling import DONE, ERROR, TookTooLong, tell_error, tell_next, waiting
from shared.errors import BatonError, Permanent

if TYPE_CHECKING:
    from local.stack import Stack

APP = Path("function_app.py")
MODELS = Path("models")
LOOK_SECONDS = 1.0
END_SECONDS = 90.0
DECIDED_SECONDS = 20.0


class Ending(Exception):
    """The person, or `baton down`, asked the stack to end while it started."""


@click.command()
@click.option("--no-models", is_flag=True, help="Do not publish the folders under models/.")
def up(no_models: bool) -> int:
    """Start everything on this laptop, and stay until Ctrl-C.

    Publishes the folders under models/ as well; `baton down` in another terminal ends it like Ctrl-C.
    All of it listens on 127.0.0.1 only; its state is kept in .baton (or BATON_HOME) for the next time.

    \b
    Example:  baton up
    """
    if not APP.exists():
        raise Permanent("There is no function_app.py here.", next=f"cd {Path(__file__).parents[1]}; baton up")
    home = address.home()
    orphans.refuse(home)
    with _asked_to_end() as asked:
        ended = _run(home, asked, wants_models=not no_models)
    click.echo("Everything has ended; the state is kept.")
    return ended


def _run(home: Path, asked: threading.Event, *, wants_models: bool) -> int:
    from local import stack

    def say(name: str, seconds: float) -> None:
        click.echo(f"  {name:<20}{seconds:5.1f} s")
        if asked.is_set():
            raise Ending

    began = time.monotonic()
    try:
        with stack.running(home, say) as running:
            if wants_models:
                _publish_all(running, say)
            click.echo(f"Ready in {time.monotonic() - began:.0f} s.")
            _tell_addresses(running)
            return _watch(running, asked)
    except Ending:
        return DONE


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    """Set by Ctrl-C, SIGTERM and a closed terminal. Nothing is interrupted: a part that just starts is ended, too."""
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _publish_all(running: Stack, say: Callable[[str, float], None]) -> None:
    """Publish every folder under models/; a folder with faults is told and keeps nobody else from starting."""
    at = Address(running.env, address.token_of(running.env, options.DATA_SCIENTIST))
    for folder in sorted(file.parent for file in MODELS.glob("*/model.yaml")):
        began = time.monotonic()
        try:
            model, found = publishing.put_folder(at, folder)
            api.ask(at, "models", model, "publish", folder=found, why="baton up")
            publishing.wait_for(at, model, found, within_seconds=DECIDED_SECONDS)
        except BatonError as error:
            tell_error(error)
        else:
            say(str(folder), time.monotonic() - began)


def _tell_addresses(running: Stack) -> None:
    token = address.token_of(running.env, options.OPERATIONS)
    url = running.env["BATON_URL"]
    click.echo(f"Dashboard: {url}  (sign in as {options.OPERATIONS}: {url}/sign-in?key={token})")
    tell_next("baton drop MODEL FILE --wait in another terminal. Ctrl-C ends everything here")


def _watch(running: Stack, asked: threading.Event) -> int:
    """Tell of parts that end by themselves, until the end is asked for; an error if there were any."""
    told: set[str] = set()
    while not asked.wait(LOOK_SECONDS):
        for part in running.dead:
            if part.name not in told:
                told.add(part.name)
                click.echo(f"{part.name} ended by itself.", err=True)
                tell_next(f"read {part.log}, then Ctrl-C here and `baton up`", err=True)
    return ERROR if told else DONE


@click.command()
def down() -> None:
    """End what `baton up` started, and wait until it has ended.

    The state is kept. Parts that a killed `baton up` left behind are ended too.

    \b
    Example:  baton down
    """
    from local import stack

    home = address.home()
    found = stack.state(home)
    if found is None:
        click.echo(_ended(orphans.end(home)))
        return
    os.kill(found["pid"], signal.SIGTERM)
    with waiting(f"ending the stack (process {found['pid']})"):
        _wait_for_end(home)
    click.echo("Everything has ended; the state is kept.")


def _ended(parts: list[str]) -> str:
    if not parts:
        return "Nothing runs here."
    return f"The stack itself was gone; its parts that still ran are ended: {', '.join(parts)}."


def _wait_for_end(home: Path) -> None:
    from local import stack

    until = time.monotonic() + END_SECONDS
    while stack.state(home) is not None:
        if time.monotonic() > until:
            raise TookTooLong(f"The stack still ends after {END_SECONDS:g} s.", next="baton doctor; baton down again")
        time.sleep(0.2)
