"""The host's HTTP server on 127.0.0.1: the app's routes, the Event Grid webhook, a little of the admin API."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiohttp import web
from azure.functions.meta import Datum

from local.host import webhook
from local.host.index import LoadedFunction
from local.host.invoke import Outcome
from local.host.routes import HttpRequest, answer_of, find_route, request_datum, routes_of

GRACE_SECONDS = 5.0
LARGEST_BODY = 100 * 1024 * 1024
WEBHOOK_PATH = "/runtime/webhooks/EventGrid"


class Run(Protocol):
    """Invokes a function with a trigger's value."""

    def __call__(self, function: LoadedFunction, data: Datum) -> Awaitable[Outcome]: ...


class Server:
    """Routes requests to functions. No keys are asked for: the server answers this machine only."""

    def __init__(
        self,
        functions: Sequence[LoadedFunction],
        *,
        route_prefix: str,
        run: Run,
        run_by_hand: Callable[[LoadedFunction, str], Awaitable[Outcome]],
    ) -> None:
        self._functions = {function.name: function for function in functions}
        self._routes = routes_of(functions, route_prefix)
        self._run, self._run_by_hand = run, run_by_hand
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> str:
        """Listen; returns the URL."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_post(WEBHOOK_PATH, self._webhook)
        app.router.add_get("/admin/host/status", self._status)
        app.router.add_get("/admin/functions", self._list)
        app.router.add_post("/admin/functions/{name}", self._by_hand)
        app.router.add_route("*", "/{path:.*}", self._http)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=GRACE_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return "http://{}:{}".format(*self._runner.addresses[0][:2])

    async def stop(self) -> None:
        """Stop listening and wait up to `GRACE_SECONDS` for the requests in flight."""
        if self._runner:
            await self._runner.cleanup()

    async def _webhook(self, request: web.Request) -> web.Response:
        name = request.query.get("functionName", "")
        function = self._functions.get(name)
        if function is None or function.trigger.type != "eventGridTrigger":
            told = webhook.unknown_function(name)
        else:
            kind = request.headers.get("aeg-event-type", "")
            told = await webhook.answer(kind, await request.read(), lambda data: self._run(function, data))
        return web.Response(status=told.status, text=told.text)

    async def _http(self, request: web.Request) -> web.Response:
        found = find_route(self._routes, request.method, request.rel_url.raw_path)
        if found is None:
            return web.Response(status=404)
        route, parameters = found
        datum = request_datum(await _as_it_came(request), parameters)
        answer = answer_of(route.function, await self._run(route.function, datum))
        return web.Response(status=answer.status, body=answer.body, headers=list(answer.headers))

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response({"state": "Running", "functions": sorted(self._functions)})

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response([described(function) for function in self._functions.values()])

    async def _by_hand(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"])
        if function is None:
            return web.Response(status=404)
        try:
            document = json.loads(await request.read() or b"{}")
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            return web.Response(status=400, text='The body must be an object like {"input": "..."}.')
        outcome = await self._run_by_hand(function, str(document.get("input", "")))
        return web.Response(status=202 if outcome.ok else 500, text=outcome.message)


def described(function: LoadedFunction) -> dict[str, object]:
    """A function and its bindings as plain values, in the words of `function.json`."""
    return {"name": function.name, "bindings": [_plain(dict(b.settings)) for b in function.bindings]}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


async def _as_it_came(request: web.Request) -> HttpRequest:
    return HttpRequest(
        method=request.method,
        origin=f"{request.scheme}://{request.host}",
        target=request.raw_path,
        headers=tuple(request.headers.items()),
        query=tuple(request.rel_url.query.items()),
        body=await request.read(),
    )
