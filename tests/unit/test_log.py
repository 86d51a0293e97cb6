"""A log line belongs to an invocation, or waits for one: Azure's host passes on no other."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import azure.functions as func
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared import log, wiring


@dataclass(frozen=True, slots=True)
class Context:
    """What the worker gives a function, as far as a line needs it."""

    invocation_id: str
    thread_local_storage: threading.local = field(default_factory=threading.local)


class Host(logging.Handler):
    """Keeps lines with the invocation that the worker's thread names, as Azure's host finds it."""

    def __init__(self, storage: threading.local) -> None:
        super().__init__()
        self._storage = storage
        self.heard: list[tuple[str | None, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append((getattr(self._storage, "invocation_id", None), record.getMessage().split("  ")[0]))


@pytest.fixture
def context() -> Context:
    return Context("7d5c")


@pytest.fixture
def host(context: Context) -> Iterator[Host]:
    handler, before = Host(context.thread_local_storage), log.LOGGER.level
    log.LOGGER.addHandler(handler)
    log.LOGGER.setLevel(logging.INFO)
    yield handler
    log.LOGGER.removeHandler(handler)
    log.LOGGER.setLevel(before)


def test_a_line_of_a_page_belongs_to_the_request_whichever_thread_answers(
    context: Context, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions.web import web

    answered: list[int] = []

    def page(request: Request) -> Response:
        answered.append(threading.get_ident())
        log.info("event seen before")
        return PlainTextResponse("ok")

    middleware = func.AsgiMiddleware(Starlette(routes=[Route("/page", page)]))
    monkeypatch.setattr(wiring, "pages", lambda: middleware)
    request = func.HttpRequest("GET", "http://127.0.0.1/page", body=b"")
    response = asyncio.run(web.build().get_user_function()(request, context))
    assert (response.status_code, host.heard) == (200, [("7d5c", "event seen before")])
    assert answered != [threading.get_ident()]


def test_a_line_of_a_thread_beside_the_functions_is_said_once_by_the_next_function(
    context: Context, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = threading.Thread(target=log.later, args=("spans lost",), kwargs={"count": 3})
    beside.start()
    beside.join()
    assert host.heard == []
    context.thread_local_storage.invocation_id = context.invocation_id  # as the worker does before it calls a function
    monkeypatch.setattr(wiring, "_app", object())
    wiring.app()
    wiring.app()
    assert host.heard == [("7d5c", "spans lost")]


def test_of_lines_that_no_function_comes_to_say_the_latest_hundred_are_kept(host: Host) -> None:
    for number in range(130):
        log.later(f"line {number}")
    log.say_kept()
    assert [what for _, what in host.heard] == [f"line {number}" for number in range(30, 130)]
