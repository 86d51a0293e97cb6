"""App settings: environment variables that bindings name, as `%NAME%` or as a connection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from local.host.host_json import AppRefused
from local.host.index import LoadedFunction

PLACEHOLDER = re.compile(r"%([^%\s]+)%")
RESOLVED = ("queueName", "schedule", "route")


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Replace each `%NAME%` by its setting; unknown names stay (see `check_settings`).

    >>> resolve("%QUEUE%-poison", {"QUEUE": "advance"})
    'advance-poison'
    """
    return PLACEHOLDER.sub(lambda match: environment.get(match[1], match[0]), text)


def connection_string(name: str, environment: Mapping[str, str]) -> str:
    """The connection string behind a binding's connection; empty if there is none.

    As in Azure, `AzureWebJobs<name>` answers for `<name>`, and no name means `AzureWebJobsStorage`.
    """
    name = name or "AzureWebJobsStorage"
    return environment.get(name) or environment.get(f"AzureWebJobs{name}", "")


def check_settings(functions: Iterable[LoadedFunction], environment: Mapping[str, str]) -> None:
    """Raise `AppRefused` naming every missing setting at once."""
    missing = {name for function in functions for name in _missing(function, environment)}
    if missing:
        raise AppRefused(
            f"The app's bindings name settings that are not set: {', '.join(sorted(missing))}.",
            next="set them as environment variables; a connection is a storage connection string",
        )


def _missing(function: LoadedFunction, environment: Mapping[str, str]) -> set[str]:
    names: set[str] = set()
    for binding in function.bindings:
        for key in RESOLVED:
            names |= {name for name in PLACEHOLDER.findall(binding.text(key)) if name not in environment}
        if "connection" in binding.settings and not connection_string(binding.text("connection"), environment):
            names.add(binding.text("connection") or "AzureWebJobsStorage")
    return names
