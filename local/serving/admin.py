"""The router's admin routes, with x-baton-key. Bodies and replies are JSON; a refusal is {"error", "next"}.

    GET    /admin/endpoints                              {"endpoints": [endpoint...], "collection": counts}
    GET    /admin/endpoints/<model>                      endpoint: {"model", "split", "deployments": [deployment...]}
    DELETE /admin/endpoints/<model>                      {"expected": split}: all of it, if its split is the expected one
    POST   /admin/endpoints/<model>/traffic              {"split", "expected"}: 409 {"found"} if another split is found
    GET    /admin/endpoints/<model>/deployments/<name>   deployment: name, version, folder, state, reason, share, requests,
                                                         errors, restarts, port, latency_ms {p50, p95, p99, requests}
    PUT    /admin/endpoints/<model>/deployments/<name>   {"version", "folder"}: begin it with no traffic, or find it;
                                                         428 if code and model are not there yet
    DELETE /admin/endpoints/<model>/deployments/<name>   409 if it has traffic

What a deployment serves is in <home>/endpoints/<model>/<name>/{code,model} before it is put.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from local.serving.keeper import Keeper
from local.serving.messages import Reply, Request, json_reply, refusal
from local.serving.state import Deployed, Endpoint, Routes
from shared import log

MODEL = r"(?P<model>[a-z][a-z0-9-]{0,31})"
NAME = r"(?P<name>[a-z0-9][a-z0-9-]{0,31})"
Split = dict[str, int]


class Refused(Exception):
    """The request may not be done, and this is the reply."""

    def __init__(self, status: int, what: str, *, next: str, **more: object) -> None:
        super().__init__(what)
        self.reply = refusal(status, what, next=next, **more)


@dataclass(frozen=True, slots=True)
class Admin:
    """Changes the routes, one change at a time. `collection` says what became of the collected requests."""

    routes: Routes
    keeper: Keeper
    key: str
    collection: Callable[[], Mapping[str, object]]

    async def handle(self, request: Request) -> Reply:
        """The reply to one admin request."""
        if not hmac.compare_digest(request.header(b"x-baton-key").encode(), self.key.encode()):
            return refusal(401, "x-baton-key is missing or wrong", next="send BATON_ROUTER_KEY in this header")
        for method, path, action in _ACTIONS:
            match = re.fullmatch(path, request.path)
            if match and method == request.method:
                try:
                    return await action(self, request, **match.groupdict())
                except Refused as refused:
                    return refused.reply
        return refusal(404, f"no admin route {request.method} {request.path}", next="see local/serving/admin.py")

    async def list_endpoints(self, request: Request) -> Reply:
        endpoints = [_endpoint(endpoint) for endpoint in self.routes.endpoints.values()]
        return json_reply(200, {"endpoints": endpoints, "collection": dict(self.collection())})

    async def look(self, request: Request, model: str) -> Reply:
        return json_reply(200, _endpoint(self._endpoint(model)))

    async def look_at_one(self, request: Request, model: str, name: str) -> Reply:
        endpoint = self._endpoint(model)
        return json_reply(200, _deployment(_found(endpoint, name), endpoint.split))

    async def put(self, request: Request, model: str, name: str) -> Reply:
        document = _document(request)
        version, folder = str(document.get("version", "")), str(document.get("folder", ""))
        async with self.routes.changing:
            endpoint = self.routes.endpoints.get(model) or Endpoint(model)
            deployed = endpoint.deployments.get(name)
            if deployed is None:
                deployed = await self._begin(endpoint, Deployed(model, name, version, folder))
            elif (deployed.version, deployed.folder) != (version, folder):
                said = f"{name} serves version {deployed.version} of folder {deployed.folder}"
                raise Refused(409, said, next="choose another name, or remove it first")
            return json_reply(200, _deployment(deployed, endpoint.split))

    async def _begin(self, endpoint: Endpoint, deployed: Deployed) -> Deployed:
        if not deployed.version:
            raise Refused(422, "a deployment needs its version", next='send {"version": ..., "folder": ...}')
        if not (self.keeper.folder(deployed) / "code" / "score.py").is_file():
            place = f"endpoints/{deployed.model}/{deployed.name}"
            raise Refused(428, f"there is no score.py in {place}/code", next=f"put code and model into {place} first")
        endpoint.deployments[deployed.name] = deployed
        self.routes.endpoints[deployed.model] = endpoint
        await self.routes.save()
        self.keeper.keep(deployed)
        log.info("deployment begun", model=deployed.model, deployment=deployed.name, version=deployed.version)
        return deployed

    async def remove(self, request: Request, model: str, name: str) -> Reply:
        async with self.routes.changing:
            endpoint = self._endpoint(model)
            deployed = _found(endpoint, name)
            if endpoint.split.get(name):
                share = endpoint.split[name]
                raise Refused(
                    409, f"{name} has {share} % of traffic", next="give its traffic away", found=endpoint.split
                )
            await self.keeper.drop(deployed)
            del endpoint.deployments[name]
            await self.routes.save()
        log.info("deployment removed", model=model, deployment=name)
        return json_reply(200, {"removed": name})

    async def remove_endpoint(self, request: Request, model: str) -> Reply:
        async with self.routes.changing:
            endpoint = self._endpoint(model)
            _same(endpoint, _split(_document(request), "expected"))
            endpoint.set_split({})
            for deployed in endpoint.deployments.values():
                await self.keeper.drop(deployed)
            del self.routes.endpoints[model]
            await self.routes.save()
        log.info("endpoint removed", model=model)
        return json_reply(200, {"removed": model})

    async def set_traffic(self, request: Request, model: str) -> Reply:
        document = _document(request)
        split, expected = _split(document, "split"), _split(document, "expected")
        async with self.routes.changing:
            endpoint = self._endpoint(model)
            if endpoint.split != split:
                _same(endpoint, expected)
                _may_have(endpoint, split)
                await self.routes.save(split_of=model, split=split)
                endpoint.set_split(split)
                log.info("traffic set", model=model, split=json.dumps(split))
        return json_reply(200, _endpoint(endpoint))

    def _endpoint(self, model: str) -> Endpoint:
        endpoint = self.routes.endpoints.get(model)
        if endpoint is None:
            raise Refused(404, f"there is no endpoint {model!r}", next="deploy a version first")
        return endpoint


Action = Callable[..., Awaitable[Reply]]
_ACTIONS: tuple[tuple[str, str, Action], ...] = (
    ("GET", "/admin/endpoints", Admin.list_endpoints),
    ("GET", f"/admin/endpoints/{MODEL}", Admin.look),
    ("DELETE", f"/admin/endpoints/{MODEL}", Admin.remove_endpoint),
    ("POST", f"/admin/endpoints/{MODEL}/traffic", Admin.set_traffic),
    ("GET", f"/admin/endpoints/{MODEL}/deployments/{NAME}", Admin.look_at_one),
    ("PUT", f"/admin/endpoints/{MODEL}/deployments/{NAME}", Admin.put),
    ("DELETE", f"/admin/endpoints/{MODEL}/deployments/{NAME}", Admin.remove),
)


def _found(endpoint: Endpoint, name: str) -> Deployed:
    deployed = endpoint.deployments.get(name)
    if deployed is None:
        raise Refused(404, f"{endpoint.model} has no deployment {name!r}", next="deploy it first")
    return deployed


def _document(request: Request) -> dict[str, object]:
    try:
        document = json.loads(request.body or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refused(400, "the body is not a JSON object", next="see local/serving/admin.py")
    return document


def _split(document: Mapping[str, object], name: str) -> Split:
    """A split without its zeros."""
    split = document.get(name, {})
    if not isinstance(split, dict) or not all(type(share) is int and 0 <= share <= 100 for share in split.values()):
        raise Refused(422, f"{name} is not an object of whole percents", next='send for example {"a": 90, "b": 10}')
    return {deployment: share for deployment, share in split.items() if share}


def _same(endpoint: Endpoint, expected: Split) -> None:
    if endpoint.split != expected:
        said = f"the traffic of {endpoint.model} is {endpoint.split}, not {expected}"
        raise Refused(409, said, next="look again, and decide again", found=endpoint.split)


def _may_have(endpoint: Endpoint, split: Split) -> None:
    """Refuse a split that is neither whole nor empty, or gives more to a deployment that does not serve."""
    if sum(split.values()) not in (0, 100):
        raise Refused(
            422, f"the shares sum to {sum(split.values())}", next="send shares that sum to 100, or none at all"
        )
    for name, share in split.items():
        deployed = endpoint.deployments.get(name)
        if deployed is None:
            raise Refused(422, f"{endpoint.model} has no deployment {name!r}", next="deploy it first")
        if share > endpoint.split.get(name, 0) and deployed.state != "healthy":
            status = 503 if deployed.state == "starting" else 422
            raise Refused(status, f"{name} is {deployed.state}: {deployed.reason}", next="wait until it is healthy")


def _endpoint(endpoint: Endpoint) -> dict[str, object]:
    deployments = [_deployment(deployed, endpoint.split) for deployed in endpoint.deployments.values()]
    return {"model": endpoint.model, "split": endpoint.split, "deployments": deployments}


def _deployment(deployed: Deployed, split: Mapping[str, int]) -> dict[str, object]:
    shown = ("name", "version", "folder", "state", "reason", "requests", "errors", "restarts", "port")
    known = {name: getattr(deployed, name) for name in shown}
    return {**known, "share": split.get(deployed.name, 0), "latency_ms": _latency(deployed)}


def _latency(deployed: Deployed) -> dict[str, float]:
    """Milliseconds by nearest rank over the last answers, as the router measured them."""
    ordered = sorted(deployed.seconds)
    if not ordered:
        return {"requests": 0}
    ranks = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    quantiles = {
        name: round(1000 * ordered[min(len(ordered) - 1, int(q * len(ordered)))], 3) for name, q in ranks.items()
    }
    return {**quantiles, "requests": len(ordered)}
