"""HTTP to Baton: JSON out, JSON back, and every refusal as an error with what happened and what to do next."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cli.address import Address
from cli.telling import SaidNo
from shared.errors import BatonError, Permanent, Retryable

TIMEOUT_SECONDS = 30.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
NOT_NOW = (403, 409)


class NotAnswering(Retryable):
    """Nobody answers at an address, or not sensibly."""


class NotDone(Permanent):
    """A request that could not be done as it was asked: no such model, not signed in, a reason missing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer over HTTP, header names in lower case; a status of 400 and more is an answer too."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def read(address: Address, *path: str, **query: str) -> Any:
    """What the API says at a path, given by its parts: `read(at, "models", "diabetes")`."""
    signed_in = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    return _decoded(exchange("GET", _url(address, path) + (f"?{urlencode(query)}" if query else ""), headers=signed_in))


def ask(address: Address, *path: str, **body: object) -> Any:
    """Ask for something in the name of who is signed in; it is recorded as one event."""
    signed_in = {"Authorization": f"Bearer {address.token}"}
    return _decoded(exchange("POST", _url(address, path), json.dumps(body).encode(), signed_in))


def _url(address: Address, path: Sequence[str]) -> str:
    return "/".join([address.url, "api", *(quote(part, safe="") for part in path)])


def exchange(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """One request; `NotAnswering` if there is no answer. A proxy of the environment is not used for this machine."""
    here = urlsplit(url).hostname in LOOPBACK
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if here else []))
    kind = {"Content-Type": "application/json"} if body is not None else {}
    request = urllib.request.Request(url, body, {**kind, **(headers or {})}, method=method)  # noqa: S310 - http(s) only
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return Answer(answer.status, answer.read(), _lower(answer.headers))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(), _lower(error.headers))
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "reason", error)
        raise NotAnswering(f"{url} does not answer: {why}.", next="`baton doctor` tells what is wrong") from error


def _lower(headers: Any) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _decoded(answer: Answer) -> Any:
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        what = f"The answer (status {answer.status}) is no JSON: {answer.body[:120].decode(errors='replace')!r}."
        raise NotAnswering(what, next="see that BATON_URL is Baton's address; `baton doctor`") from error
    if answer.status < 400:
        return found
    raise _refusal(answer.status, found if isinstance(found, dict) else {})


def _refusal(status: int, said: Mapping[str, Any]) -> BatonError:
    what = str(said.get("what", f"The answer has status {status}."))
    todo = str(said.get("next", "`baton doctor` tells what is wrong"))
    if status in NOT_NOW:
        return SaidNo(what, next=todo)
    return NotAnswering(what, next=todo) if status >= 500 else NotDone(what, next=todo)
