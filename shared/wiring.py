"""The composition root: the only file that knows concrete adapters, apart from its parts for storage, ML platforms
and traces: `chosen.py` of each of these packages.

`app()` builds everything once, at first use and not at import, so that a missing setting is an error
of a function that can be read, not of an app that indexes nothing.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shared import log, names
from shared.access import AccessLog
from shared.certificates.signing import Signer
from shared.effects import EFFECTS
from shared.effects.certificates import signed_about
from shared.effects.inline import check_inline
from shared.effects.parts import Parts
from shared.errors import BatonError
from shared.fold import Fold
from shared.freezing import Freezer
from shared.intake import Intake
from shared.journaling.archive import Archive
from shared.journaling.segments import Sizes
from shared.ledger import Ledger
from shared.model_yaml.published import published_rules
from shared.perform import Performer
from shared.performing.breakers import Breakers
from shared.performing.doors import Doors
from shared.platforms.chosen import platform
from shared.settings import Settings
from shared.storage.chosen import CONTAINERS as CONTAINERS
from shared.storage.chosen import QUEUES as QUEUES
from shared.storage.chosen import TABLE as TABLE
from shared.storage.chosen import create_storage as create_storage
from shared.storage.chosen import storage as storage
from shared.storage.port import Bells, Blobs, Table
from shared.sweep import Sweeper
from shared.table.prune import Pruner
from shared.table.system import System
from shared.traces.chosen import tracer_of
from shared.traces.port import UNTOLD, Tracer
from shared.undelivered import Undelivered
from shared.watching.certificate_watch import CertificateWatch
from shared.wire import Sources

if TYPE_CHECKING:
    import azure.functions as func

    from shared.data.verdict import Verdict
    from shared.journaling.keeper import Keeper
    from shared.notify import Notifier
    from shared.platforms.port import Endpoints, Registry, Trainer

SIZES = Sizes()


@dataclass(frozen=True, slots=True, eq=False)
class App:
    """Everything that the functions and pages call."""

    settings: Settings
    book: Ledger
    bells: Bells
    blobs: Blobs
    intake: Intake
    undelivered: Undelivered
    fold: Fold
    performer: Performer
    doors: Doors
    sweeper: Sweeper
    system: System
    breakers: Breakers
    freezer: Freezer
    access: AccessLog
    parts: Parts
    clock: Callable[[], datetime]


_lock = threading.Lock()
_app: App | None = None


def app() -> App:
    """The one app of this process; `SettingsRefused` names every missing setting."""
    global _app  # noqa: PLW0603 - one app a process is what the Functions host gives us
    with _lock:
        if _app is None:
            _app = build(os.environ)
        found = _app
    log.say_kept()  # out of the lock: a line that is slow to be taken holds up no other function
    return found


def use(built: App) -> None:
    """Serve this app in this process instead of the one that the environment describes; before the first function runs."""
    global _app  # noqa: PLW0603 - as above
    with _lock:
        _app = built


def poisoned(queue: str, body: bytes) -> None:
    """Record a doorbell that failed every time as a dead letter of its model. Never raises: nothing comes after it."""
    text = body.decode(errors="replace")[:100]
    log.error("model cannot be advanced", model=text, queue=queue, next="baton doctor; docs/runbook.md#poison")
    try:
        details = {"kind": "poison", "queue": queue, **_why_poisoned(text), "at": now().isoformat()}
        app().book.bury(names.model_name(text), f"poison-{queue}", details)
    except Exception as error:  # noqa: BLE001 - a poison queue has no poison queue
        log.error(
            "poison not recorded", model=text, why=f"{type(error).__name__}: {error}", next="docs/runbook.md#poison"
        )


def _why_poisoned(model: str) -> Mapping[str, str]:
    """What keeps the model's rows from being read, if that is it."""
    try:
        app().book.read(model)
    except BatonError as error:
        return {"why": error.what, "next": error.next}
    return {"why": "failed every time"}


def pages() -> func.AsgiMiddleware:
    """The web application behind the HTTP trigger, built at its first request."""
    return _pages(app())


@functools.cache
def _pages(built: App) -> func.AsgiMiddleware:
    import azure.functions as func

    from shared.web.site import site

    built.access.start()
    return func.AsgiMiddleware(site(built))


def build(env: Mapping[str, str]) -> App:
    """An app over real storage and the platform that the settings name."""
    log.quiet_the_sdks()
    settings = Settings.from_env(env)
    table, bells, blobs = storage(settings.data)
    trainer, registry, endpoints = platform(settings, blobs)
    return assemble(settings, table, bells, blobs, trainer, registry, endpoints, clock=now, tracer=tracer_of(settings))


def now() -> datetime:
    """The clock of a running app."""
    return datetime.now(UTC)


def assemble(
    settings: Settings,
    table: Table,
    bells: Bells,
    blobs: Blobs,
    trainer: Trainer,
    registry: Registry,
    endpoints: Endpoints,
    *,
    clock: Callable[[], datetime],
    check: Callable[[Path, Path], Verdict] | None = None,
    sizes: Sizes = SIZES,
    notifier: Notifier | None = None,
    pause: Callable[[float], None] = time.sleep,
    tracer: Tracer = UNTOLD,
) -> App:
    """An app over the given ports; tests pass their own. `pause` waits so many seconds after a lost race."""
    archive = Archive(blobs)
    book = Ledger(table, archive)
    rules = published_rules(blobs)
    fold = Fold(
        book,
        bells,
        rules,
        clock=clock,
        approval_key=settings.approval_key,
        log=log.note,
        sizes=sizes,
        pause=pause,
        tracer=tracer,
    )
    parts = Parts(
        book=book,
        archive=archive,
        blobs=blobs,
        trainer=trainer,
        registry=registry,
        endpoints=endpoints,
        notifier=notifier or _notifier(settings),
        signer=Signer(settings.signing_key, settings.verifying_keys),
        rules=rules,
        check=check or functools.partial(check_inline, most_bytes=settings.inline_limit),
        clock=clock,
        url=settings.url,
        inline_limit=settings.inline_limit,
    )
    system = System(table, clock=clock)
    breakers = Breakers(system)
    performer = Performer(book, fold, bells, parts, EFFECTS, system, breakers, clock=clock, tracer=tracer)
    sources = Sources(settings.storage_topic, settings.workspace_topic, settings.custom_topic)
    intake = Intake(book, bells, sources, clock=clock, tracer=tracer)
    freezer = Freezer(system, book, intake, clock=clock)
    undelivered = Undelivered(table, blobs, intake, clock=clock)
    return App(
        settings=settings,
        book=book,
        bells=bells,
        blobs=blobs,
        intake=intake,
        undelivered=undelivered,
        fold=fold,
        performer=performer,
        doors=Doors(fold, performer, bells),
        sweeper=Sweeper(
            book,
            bells,
            undelivered,
            freezer,
            Pruner(table, book, clock=clock),
            CertificateWatch(functools.partial(signed_about, blobs, parts.signer.trusted)),
            clock=clock,
        ),
        system=system,
        breakers=breakers,
        freezer=freezer,
        access=AccessLog(blobs, clock=clock),
        parts=parts,
        clock=clock,
    )


def _notifier(settings: Settings) -> Notifier:
    """People are told at the addresses that the settings name, or by files on a laptop."""
    if settings.notify:
        from shared.notify_apprise import AppriseNotifier

        return AppriseNotifier(settings.notify)
    from shared.notify import FileNotifier

    return FileNotifier(settings.home / "notices")


def keeper(connection: str, *, clock: Callable[[], datetime]) -> Keeper:
    """What checks and mends the ledger, over real storage and nothing else of the app."""
    from shared.journaling.keeper import keeper as kept

    log.quiet_the_sdks()
    table, bells, blobs = storage(connection)
    return kept(table, bells, blobs, published_rules(blobs), clock=clock, sizes=SIZES)
