"""A small app with every trigger and output that the local host serves; it keeps a journal of what reached it.

The journal is a file of JSON lines named by SAMPLE_JOURNAL; tests wait for its lines.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import List  # noqa: UP035 the library refuses list[str]

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
log = logging.getLogger("sample")


def note(function: str, **facts: object) -> None:
    """Append one line to the journal, if there is one."""
    if path := os.environ.get("SAMPLE_JOURNAL"):
        with Path(path).open("a") as journal:
            journal.write(json.dumps({"function": function, "at": time.monotonic(), **facts}, default=str) + "\n")


@app.event_grid_trigger(arg_name="event")
def on_event(event: func.EventGridEvent) -> None:
    """Journal an event; one whose subject is `fail` is refused, one that is `slow` takes half a second."""
    note("on_event", id=event.id, subject=event.subject, time=event.event_time, data=event.get_json())
    if event.subject == "slow":
        time.sleep(0.5)
        note("on_event_end", id=event.id)
    if event.subject == "fail":
        raise ValueError("this event is refused")


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="ring", queue_name="%SAMPLE_QUEUE%", connection="SAMPLE_STORAGE")
def on_cloud_event(event: func.CloudEvent, ring: func.Out[str]) -> None:
    """Pass a CloudEvent's subject on as a queue message."""
    note("on_cloud_event", id=event.id, type=event.type, source=event.source)
    ring.set(str(event.subject))


@app.queue_trigger(arg_name="msg", queue_name="%SAMPLE_QUEUE%", connection="SAMPLE_STORAGE")
def on_message(msg: func.QueueMessage) -> None:
    """Journal a message. `fail` always fails, `sleep 2` takes two seconds, `exit` ends the process if it can."""
    body = msg.get_body().decode(errors="replace")
    note("on_message", body=body, id=msg.id, count=msg.dequeue_count, inserted=msg.insertion_time)
    log.info("message taken body=%s", body)
    if body.startswith("sleep"):
        time.sleep(float(body.split()[1]))
    if body == "exit":
        sys.exit("enough")
    note("on_message_end", body=body)
    if body.startswith("fail"):
        raise RuntimeError("this message is refused")


@app.queue_trigger(arg_name="msg", queue_name="%SAMPLE_QUEUE%-poison", connection="SAMPLE_STORAGE")
def on_poison(msg: func.QueueMessage) -> None:
    """Journal what was given up."""
    note("on_poison", body=msg.get_body().decode())


@app.queue_trigger(arg_name="text", queue_name="%SAMPLE_QUEUE%-text", connection="SAMPLE_STORAGE")
@app.queue_output(arg_name="both", queue_name="%SAMPLE_QUEUE%-done", connection="SAMPLE_STORAGE")
@app.queue_output(arg_name="$return", queue_name="%SAMPLE_QUEUE%-done", connection="SAMPLE_STORAGE")
def on_text(text: str, both: func.Out[List[str]]) -> str:  # noqa: UP006
    """Take the message as plain text; send it on as two messages and return a third."""
    note("on_text", body=text)
    both.set([text, text.upper()])
    return text.title()


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
def on_tick(timer: func.TimerRequest, context: func.Context) -> None:
    """Journal a tick; with SAMPLE_TICK_FAILS set, then fail."""
    status = timer.schedule_status  # type: ignore[attr-defined]
    note("on_tick", past_due=timer.past_due, status=status, invocation=context.invocation_id)
    time.sleep(float(os.environ.get("SAMPLE_TICK_SECONDS", "0")))
    note("on_tick_end")
    if os.environ.get("SAMPLE_TICK_FAILS"):
        raise RuntimeError("this tick fails")


@app.route(route="items/{number:int}", methods=["GET", "POST"])
def item(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with what was asked."""
    asked = {
        "method": req.method,
        "url": req.url,
        "number": req.route_params["number"],
        "params": dict(req.params),
        "header": req.headers.get("X-Sample", ""),
        "body": req.get_body().decode(),
    }
    headers = {"x-answer": "yes", "set-cookie": "seen=1; Path=/; HttpOnly"}
    return func.HttpResponse(json.dumps(asked), mimetype="application/json", status_code=201, headers=headers)


@app.route(route="plain", methods=["GET"])
def plain(req: func.HttpRequest) -> str:
    """Answer with text."""
    return "plain text"


@app.route(route="broken/{how?}")
def broken(req: func.HttpRequest) -> func.HttpResponse:
    """Fail: by nothing returned, by a timeout, or by an exception."""
    how = req.route_params.get("how", "")
    if how == "nothing":
        return None  # type: ignore[return-value]
    if how == "timeout":
        time.sleep(6)
    raise KeyError("broken")


_inside: set[object] = set()


async def _asgi(scope: dict[str, object], receive: object, send: object) -> None:
    """A bare ASGI app: waits a moment, then answers with the path and with how many requests waited together."""
    _inside.add(receive)
    await asyncio.sleep(0.3)
    together = str(len(_inside)).encode()
    _inside.discard(receive)
    headers = [(b"content-type", b"text/html"), (b"x-together", together)]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    await send(start)  # type: ignore[operator]
    await send({"type": "http.response.body", "body": str(scope["path"]).encode()})  # type: ignore[operator]


@app.route(route="{*rest}", methods=["GET", "POST"])
async def pages(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Pages through ASGI, as Baton's own are."""
    middleware = func.AsgiMiddleware(_asgi)
    return await middleware.handle_async(req, context)  # type: ignore[no-any-return]
