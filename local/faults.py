"""A fault proxy before Azurite: a streaming reverse proxy for each service that breaks what a seeded plan says.

`python -m local.faults --blob URL --queue URL --table URL` prints the three URLs to give to clients, and
its own: GET counts, PUT plan, POST orders there change and count what goes wrong. Without a plan it only passes on.
Nothing is decoded or signed anew, so every real client works through it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from local.daemon import LOCALHOST, announce, free_port, log_to_stderr, until_stopped
from local.faultplan import SERVICES, Dice, Kind, Order, Plan, PlanRefused
from local.relay import Handler, Relay, RelayBroken, busy, served, session

log = logging.getLogger("baton.faults")

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset."""
ERROR = b'<?xml version="1.0" encoding="utf-8"?><Error><Code>InternalError</Code><Message>A planned fault.</Message></Error>'
FAILED = {"x-ms-error-code": "InternalError", "Content-Type": "application/xml"}
Way = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class FaultProxy:
    """Stands before one service: passes on, or does what `dice` draw."""

    def __init__(self, service: str, relay: Relay, dice: Dice) -> None:
        self._service = service
        self._relay = relay
        self._dice = dice
        self._ways: Mapping[Kind, Way] = {
            Kind.RESET: self._reset,
            Kind.LOST: self._lose_answer,
            Kind.FAILED: self._fail,
            Kind.FAILED_AFTER: self._fail_after,
            Kind.THROTTLED: self._throttle,
            Kind.SLOW: self._slow,
            Kind.CUT: self._cut,
            Kind.HALF: self._half,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request of a storage client."""
        kind = self._dice.draw(self._service, request.method, request.raw_path)
        if kind:
            log.info(
                "fault kind=%s service=%s method=%s target=%r", kind, self._service, request.method, _short(request)
            )
        try:
            return await self._ways[kind](request) if kind else await self._pass(request)
        except (RelayBroken, aiohttp.ClientError, OSError) as error:
            log.info("request not carried through service=%s why=%r", self._service, str(error)[:200])
            return busy(b"The service behind did not answer.")

    async def _pass(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._relay.reply(request, await self._relay.ask(request))

    async def _reset(self, request: web.BaseRequest) -> web.StreamResponse:
        return _hang_up(request)

    async def _lose_answer(self, request: web.BaseRequest) -> web.StreamResponse:
        await self._take_effect(request)
        return _hang_up(request)

    async def _fail(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(status=500, headers=FAILED, body=ERROR)

    async def _fail_after(self, request: web.BaseRequest) -> web.StreamResponse:
        await self._take_effect(request)
        return await self._fail(request)

    async def _throttle(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        answer = busy(b"Planned throttling.")
        answer.headers["Retry-After"] = str(self._dice.plan.retry_after_seconds)
        return answer

    async def _slow(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = await self._relay.ask(request)
        await asyncio.sleep(self._dice.plan.slow_seconds)
        return await self._relay.reply(request, answer)

    async def _cut(self, request: web.BaseRequest) -> web.StreamResponse:
        """The head as it came, which promises the whole body; then half of it."""
        answer = await self._relay.ask(request)
        body = await answer.read()
        length = {} if request.method == "HEAD" else {"Content-Length": str(len(body))}
        response = web.StreamResponse(status=answer.status, headers={**_plain(answer), **length})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return _hang_up(request)

    async def _half(self, request: web.BaseRequest) -> web.StreamResponse:
        with contextlib.suppress(RelayBroken):
            answer = await self._relay.ask(request, body=_first_half(await request.read()))
            answer.close()
        return _hang_up(request)

    async def _take_effect(self, request: web.BaseRequest) -> None:
        async with await self._relay.ask(request) as answer:
            await answer.read()


def _short(request: web.BaseRequest) -> str:
    return request.raw_path[:120]


def _plain(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in ("Transfer-Encoding", "Connection")}


async def _first_half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionResetError("a planned fault: the client is gone in the middle of its request")


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """Reset the connection; what is returned never reaches anybody."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        request.transport.abort()
    return web.Response(status=500)


def _admin(dice: Dice) -> Handler:
    """The switch: GET counts, PUT plan (all of it), POST orders (a list)."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            if request.method == "PUT" and request.path == "/plan":
                dice.follow(Plan(**json.loads(await request.read())))
                dice.orders.clear()
            elif request.method == "POST" and request.path == "/orders":
                dice.orders += [Order(**order) for order in json.loads(await request.read())]
            elif request.method != "GET" or request.path != "/counts":
                return web.json_response({"why": "GET /counts, PUT /plan, POST /orders"}, status=404)
        except (PlanRefused, TypeError, ValueError) as error:
            return web.json_response({"why": str(error)}, status=400)
        waiting = [asdict(order) for order in dice.orders]
        return web.json_response({"counts": dice.counts(), "plan": asdict(dice.plan), "orders": waiting})

    return handle


@contextlib.asynccontextmanager
async def fault_proxy(behind: Mapping[str, str], plan: Plan, ports: Mapping[str, int]) -> AsyncIterator[dict[str, str]]:
    """Stand before the services of `behind` (endpoints, the account in them); yields the URLs to use, and `url`, the switch."""
    dice = Dice(plan)
    async with session() as client, contextlib.AsyncExitStack() as stack:
        urls: dict[str, str] = {}
        for service in SERVICES:
            at, port = urlsplit(behind[service]), ports.get(service) or free_port()
            proxy = FaultProxy(service, Relay(client, f"{at.scheme}://{at.netloc}"), dice)
            await stack.enter_async_context(served(proxy.handle, port))
            urls[f"{service}_url"] = f"http://{LOCALHOST}:{port}{at.path}"
        port = ports.get("admin") or free_port()
        await stack.enter_async_context(served(_admin(dice), port))
        yield {**urls, "url": f"http://{LOCALHOST}:{port}"}


async def _run(behind: Mapping[str, str], plan: Plan, ports: Mapping[str, int]) -> None:
    async with fault_proxy(behind, plan, ports) as urls:
        announce(**urls)
        await until_stopped()


def main() -> None:
    """Run the fault proxy until SIGTERM."""
    wanted = argparse.ArgumentParser(prog="python -m local.faults", description=main.__doc__)
    for service in SERVICES:
        wanted.add_argument(f"--{service}", required=True, help=f"the {service} endpoint behind, the account in it")
    wanted.add_argument("--plan", default="{}", help="the plan to begin with, as JSON (default: nothing goes wrong)")
    wanted.add_argument(
        "--ports", type=int, nargs=4, default=(0, 0, 0, 0), metavar=("BLOB", "QUEUE", "TABLE", "SWITCH")
    )
    given = wanted.parse_args()
    try:
        plan = Plan(**json.loads(given.plan))
    except (PlanRefused, TypeError, ValueError) as error:
        wanted.error(f"--plan: {error}")
    log_to_stderr()
    behind = {service: getattr(given, service) for service in SERVICES}
    asyncio.run(_run(behind, plan, dict(zip((*SERVICES, "admin"), given.ports, strict=True))))


if __name__ == "__main__":
    main()
