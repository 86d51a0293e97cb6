"""The data plane: a scoring request to the deployment whose turn it is, and its answer back."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

from local.serving.collect import Scored
from local.serving.messages import Headers, Limits, Reply, Request, refusal
from local.serving.state import Deployed, Endpoint, Routes
from local.serving.upstream import Answer, AnswerTooLarge, NoAnswer, ask

PIN = b"azureml-model-deployment"
REQUEST_ID = b"x-request-id"
# What concerns one connection only (RFC 9110, section 7.6.1), what we write anew, and what is only for the router.
_OF_A_CONNECTION = b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
_NOT_PASSED_ON = frozenset((*_OF_A_CONNECTION, b"host", b"content-length", b"expect", PIN, REQUEST_ID, b"x-baton-key"))
_NOT_PASSED_BACK = _NOT_PASSED_ON | {b"x-baton-version", b"x-baton-deployment"}


class Scoring:
    """Scores through the routes; what was answered is offered to `collect`, which must not wait."""

    def __init__(self, routes: Routes, collect: Callable[[Scored], None], limits: Limits) -> None:
        self._routes = routes
        self._collect = collect
        self._limits = limits

    async def score(self, request: Request, model: str) -> Reply:
        """The answer of one deployment, or a refusal that says why there is none."""
        request_id = request.header(REQUEST_ID) or uuid.uuid4().hex
        endpoint = self._routes.endpoints.get(model)
        chosen = self._choose(request, endpoint, model)
        if isinstance(chosen, Reply):
            chosen.headers.append((REQUEST_ID, request_id.encode()))
            return chosen
        began = time.perf_counter()
        reply = await self._forward(request, chosen, request_id)
        seconds = time.perf_counter() - began
        chosen.count(seconds, good=reply.status < 500)
        self._collect(
            Scored(
                time=time.time(),
                request_id=request_id,
                model=model,
                deployment=chosen.name,
                version=chosen.version,
                status=reply.status,
                seconds=seconds,
                pinned=bool(request.header(PIN)),
                request=request.body,
                answer=reply.body,
            )
        )
        return reply

    def _choose(self, request: Request, endpoint: Endpoint | None, model: str) -> Deployed | Reply:
        if endpoint is None:
            known = ", ".join(sorted(self._routes.endpoints)) or "none yet"
            return refusal(404, f"there is no endpoint {model!r}", next=f"use one of: {known}")
        if request.method != "POST":
            reply = refusal(405, f"{request.method} does not score", next="send POST with the rows as JSON")
            reply.headers.append((b"allow", b"POST"))
            return reply
        pinned = request.header(PIN)
        chosen = endpoint.deployments.get(pinned) if pinned else endpoint.pick()
        if chosen is not None:
            return chosen
        if pinned:
            known = ", ".join(sorted(endpoint.deployments)) or "none"
            return refusal(404, f"{model} has no deployment {pinned!r}", next=f"use one of: {known}; or send no pin")
        waiting = ", ".join(sorted(endpoint.deployments)) or "none"
        return refusal(
            503,
            f"{model} has no traffic yet",
            next=f"approve a release (`baton status {model}`), or pin one with azureml-model-deployment: {waiting}",
        )

    async def _forward(self, request: Request, deployed: Deployed, request_id: str) -> Reply:
        told: Headers = [
            (b"x-baton-version", deployed.version.encode()),
            (b"x-baton-deployment", deployed.name.encode()),
            (PIN, deployed.name.encode()),
            (REQUEST_ID, request_id.encode("latin-1")),
        ]
        try:
            answer = await self._ask(request, deployed, request_id)
        except _Failed as failed:
            deployed.suspect.set()
            return Reply(failed.reply.status, failed.reply.body, failed.reply.headers + told)
        passed = [header for header in answer.headers if header[0] not in _NOT_PASSED_BACK]
        return Reply(answer.status, answer.body, passed + told)

    async def _ask(self, request: Request, deployed: Deployed, request_id: str) -> Answer:
        name, limits = deployed.name, self._limits
        if deployed.state == "failed":
            raise _Failed(502, f"deployment {name} does not serve: its server failed", f"read `baton logs {name}`")
        if deployed.waiting >= limits.waiting:
            raise _Failed(503, f"{deployed.waiting} requests wait for deployment {name}", "send fewer at a time")
        deployed.waiting += 1
        try:
            async with asyncio.timeout(limits.score_seconds):
                return await ask(deployed.port, _message(request, request_id), limit=limits.answer_bytes)
        except TimeoutError:
            took = f"deployment {name} took longer than {limits.score_seconds:g} s"
            raise _Failed(504, took, "send fewer rows in one request, or make run() in score.py faster") from None
        except (NoAnswer, AnswerTooLarge) as error:
            raise _Failed(
                502, f"deployment {name} gave no answer: {error}", "try again; its server is looked after"
            ) from error
        finally:
            deployed.waiting -= 1


class _Failed(Exception):
    """No answer came, and this is what the client is told."""

    def __init__(self, status: int, what: str, next: str) -> None:
        super().__init__(what)
        self.reply = refusal(status, what, next=next)


def _message(request: Request, request_id: str) -> bytes:
    """The request as the server gets it. Its framing is ours, so a client's cannot be read in two ways."""
    target = b"/score?" + request.query if request.query else b"/score"
    lines = [b"POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n" % target]
    lines += [name + b": " + value + b"\r\n" for name, value in request.headers if name not in _NOT_PASSED_ON]
    lines.append(b"x-request-id: %s\r\ncontent-length: %d\r\n\r\n" % (request_id.encode("latin-1"), len(request.body)))
    return b"".join((*lines, request.body))
