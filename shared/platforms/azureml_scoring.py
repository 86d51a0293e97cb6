"""Scores one request on a web service of Azure ML: its address and key are asked for once, and again when they changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from shared.errors import PlatformBusy
from shared.platforms.azureml_errors import NotThere
from shared.platforms.azureml_service import Service
from shared.platforms.azureml_versions import AKS_ENDPOINT, VERSION_TAG
from shared.platforms.port import Scored

if TYPE_CHECKING:
    from azureml.core import Workspace

SCORE_SECONDS, WHO_SECONDS = 65.0, 10.0
WHO = "x-baton-who"  # a request with this header is answered by our entry scripts with their names, and counted nowhere
STALE = (401, 404)  # the key was changed, or the address is gone


@dataclass(frozen=True, slots=True)
class Address:
    """Where to ask, with which key, and the version that is meant if only one is."""

    uri: str
    key: str
    version: str
    deployment: str


class Scoring:
    """The SDK's own `run` has no time-out, and raises where the service answers with an error."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._known: dict[tuple[str, str], Address] = {}
        self._knowing = threading.Lock()

    def score(self, endpoint: str, body: str, *, deployment: str) -> Scored:
        """The answer, and in it the version that its header names; a pinned answer without one has the pinned version."""
        address, is_known = self._address(endpoint, deployment)
        answer = _ask(address, body)
        if answer.status in STALE and is_known:
            with self._knowing:
                self._known.pop((endpoint, deployment), None)
            answer = _ask(self._address(endpoint, deployment)[0], body)
        return answer

    def serving(self, endpoint: str) -> str:
        """The deployment that answers there now, by its own header; "" where nobody answers, or not with that header."""
        address, is_known = self._address(endpoint, "")
        answer = _who(address)
        if answer.status in STALE and is_known:
            with self._knowing:
                self._known.pop((endpoint, ""), None)
            answer = _who(self._address(endpoint, "")[0])
        return answer.deployment

    def _address(self, endpoint: str, deployment: str) -> tuple[Address, bool]:
        with self._knowing:
            if known := self._known.get((endpoint, deployment)):
                return known, True
        found = self._service.ask(f"find where {endpoint} is asked", partial(_find, endpoint, deployment))
        with self._knowing:
            self._known[endpoint, deployment] = found
        return found, False


def _find(endpoint: str, deployment: str, workspace: Workspace) -> Address:
    from azureml.core.webservice import Webservice

    service = Webservice._get(workspace, endpoint)
    versions = (service or {}).get("versions") or {}
    if service and service.get("computeType") != AKS_ENDPOINT:
        versions = {service["name"]: service}
    asked: dict[str, Any] | None = versions.get(deployment) if deployment else service
    if not service or not asked or not asked.get("scoringUri"):
        raise NotThere(
            f"{deployment or endpoint} has no address to score at.", next="see in the studio whether it is healthy"
        )
    key = Webservice(workspace, endpoint).get_keys()[0] if service.get("authEnabled") else ""
    return Address(asked["scoringUri"], key, (asked.get("kvTags") or {}).get(VERSION_TAG, ""), deployment)


def _who(address: Address) -> Scored:
    return _ask(address, "{}", more={WHO: "1"}, seconds=WHO_SECONDS)


def _ask(
    address: Address, body: str, *, more: Mapping[str, str] = MappingProxyType({}), seconds: float = SCORE_SECONDS
) -> Scored:
    import requests

    headers = {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {address.key}"} if address.key else {}),
        **more,
    }
    began = time.perf_counter()
    try:
        answer = requests.post(address.uri, data=body.encode(), headers=headers, timeout=seconds)
    except requests.RequestException as error:
        raise PlatformBusy(
            f"the endpoint at {address.uri} did not answer ({type(error).__name__}).", next="nothing: it is asked again"
        ) from error
    version, name = (answer.headers.get(f"x-baton-{part}", "") for part in ("version", "deployment"))
    return Scored(
        answer.status_code,
        answer.text,
        version or (address.version if address.deployment else ""),
        name or address.deployment,
        time.perf_counter() - began,
    )
