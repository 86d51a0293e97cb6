"""HTTP triggers: route templates, and the wire form of request and response."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import unquote

from azure.functions.meta import Datum

from local.host.host_json import AppRefused
from local.host.index import LoadedFunction
from local.host.invoke import Outcome

PARAMETER = re.compile(r"\{(?P<rest>\*{0,2})(?P<name>\w+)(?::(?P<constraint>\w+))?(?P<optional>\?)?\}")
CONSTRAINTS = {"int": r"-?\d+", "long": r"-?\d+", "alpha": r"[a-zA-Z]+", "guid": r"[0-9a-fA-F-]{36}"}
UNSENT = frozenset({"content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True, slots=True)
class Route:
    """A function's route: `rank` orders candidates, literal segments before parameters before catch-alls."""

    function: LoadedFunction
    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    rank: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came: `target` is path and query, still escaped."""

    method: str
    origin: str
    target: str
    headers: Sequence[tuple[str, str]]
    query: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What goes back to the caller."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def routes_of(functions: Iterable[LoadedFunction], prefix: str) -> tuple[Route, ...]:
    """The routes of all HTTP functions, best first."""
    found = [_route(function, prefix) for function in functions if function.trigger.type == "httpTrigger"]
    return tuple(sorted(found, key=lambda route: route.rank))


def find_route(routes: Iterable[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The first route that takes method and (escaped) path, with its parameters; None is a 404."""
    for route in routes:
        match = route.pattern.fullmatch(path) if not route.methods or method in route.methods else None
        if match:
            return route, {name: unquote(value) for name, value in match.groupdict().items() if value}
    return None


def request_datum(request: HttpRequest, parameters: Mapping[str, str]) -> Datum:
    """What the host sends for a request (azure-functions-host, `GrpcMessageConversionExtensions.cs`).

    Repeated names are joined by commas, empty query values are dropped, and a body without
    Content-Length (chunked) does not arrive.
    """
    names = {name.lower(): value for name, value in request.headers}
    return Datum(
        {
            "method": Datum(request.method, "string"),
            "url": Datum(request.origin + request.target, "string"),
            "headers": _strings(_joined((name.lower(), value) for name, value in request.headers)),
            "query": _strings({name: value for name, value in _joined(request.query).items() if value}),
            "params": _strings(parameters),
            "body": Datum(request.body if names.get("content-length", "0") != "0" else b"", "bytes"),
        },
        "http",
    )


def answer_of(function: LoadedFunction, outcome: Outcome) -> HttpAnswer:
    """The answer for an outcome: 500 without a body for a failure, 204 where nothing is bound to HTTP."""
    if not outcome.ok:
        return HttpAnswer(500)
    named = [outcome.outputs[b.name] for b in function.outputs if b.type == "http" and b.name in outcome.outputs]
    returned = outcome.returned if function.returns and function.returns.type == "http" else None
    datum = returned or next(iter(named), None)
    if datum is None:
        return HttpAnswer(204)
    return _http(datum.value) if datum.type == "http" else _plain(datum.value)


def _plain(value: str | bytes) -> HttpAnswer:
    body = value.encode() if isinstance(value, str) else value
    return HttpAnswer(200, body, (("content-type", "text/plain; charset=utf-8"),))


def _http(value: Mapping[str, Datum | Mapping[str, Datum] | list[SimpleCookie] | None]) -> HttpAnswer:
    status, headers, body, cookies = (value.get(key) for key in ("status_code", "headers", "body", "cookies"))
    assert isinstance(status, Datum)
    assert isinstance(headers, Mapping)
    assert isinstance(body, Datum)
    sent = [(name, datum.value) for name, datum in headers.items() if name.lower() not in UNSENT]
    jars = cookies if isinstance(cookies, list) else []
    sent += [("set-cookie", morsel.OutputString()) for jar in jars for morsel in jar.values()]
    return HttpAnswer(int(status.value), body.value, tuple(sent))


def _route(function: LoadedFunction, prefix: str) -> Route:
    trigger = function.trigger
    template = "/".join(part for part in (prefix, (trigger.text("route") or function.name).strip("/")) if part)
    methods = trigger.settings.get("methods") or ()
    if not isinstance(methods, Iterable):
        raise AppRefused(f"{function.name}: methods must be a list, found {methods!r}.", next="give HTTP method names")
    names = frozenset(getattr(method, "value", str(method)).upper() for method in methods)
    segments = template.split("/")
    pattern = re.compile("".join(_segment(s, function.name) for s in segments) + "/?", re.IGNORECASE)
    return Route(function, template, pattern, names, tuple(_rank(segment) for segment in segments))


def _segment(segment: str, function: str) -> str:
    parameter = PARAMETER.fullmatch(segment)
    if parameter is None:
        if "{" in segment:
            raise AppRefused(
                f"{function}: route segment {segment!r} is not understood.",
                next="use literals, {name}, {name:int}, {name?} and {*rest} as whole segments",
            )
        return "/" + re.escape(segment)
    if parameter["rest"]:
        return f"(?:/(?P<{parameter['name']}>.*))?"
    value = f"/(?P<{parameter['name']}>{CONSTRAINTS.get(parameter['constraint'] or '', '[^/]+')})"
    return f"(?:{value})?" if parameter["optional"] else value


def _rank(segment: str) -> int:
    parameter = PARAMETER.fullmatch(segment)
    if parameter is None:
        return 0
    return 3 if parameter["rest"] else 1 if parameter["constraint"] else 2


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _strings(values: Mapping[str, str]) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in values.items()}
