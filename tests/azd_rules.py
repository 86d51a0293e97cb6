"""What azd would refuse in azure.yaml, as its schema says (Azure/azure-dev, schemas/v1.0/azure.yaml.json, 2026-11)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

OF_A_PROJECT = re.compile(r"(pre|post)(provision|infracreate|infradelete|package|publish|deploy|up|down|restore|build)")
OF_A_SERVICE = re.compile(r"(pre|post)(package|publish|deploy|restore|build)")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
KEYS = {"name", "metadata", "infra", "services", "hooks"}
SERVICE_KEYS = {"project", "host", "language", "hooks", "dist", "remoteBuild", "resourceGroup", "resourceName", "uses"}
NEVER = {"image", "docker", "k8s", "apiVersion", "env"}  # of a service on a function app
HOOK_KEYS = {"run", "shell", "continueOnError", "interactive", "windows", "posix", "secrets"}


def azd_faults(source: str, root: Path) -> list[str]:
    """What would be refused, or never done, in this azure.yaml; hooks run from `root`."""
    document = yaml.safe_load(source)
    found = [f"unknown key {key}" for key in document.keys() - KEYS]
    name = str(document.get("name", ""))
    if len(name) < 2 or not NAME.fullmatch(name):
        found.append(f"the name {name!r} is refused")
    infra = document.get("infra", {})
    if not (root / infra.get("path", "infra") / f"{infra.get('module', 'main')}.bicep").is_file():
        found.append(f"infra: there is no {infra.get('path', 'infra')}/{infra.get('module', 'main')}.bicep")
    if not document.get("services"):
        found.append("no service: nothing would be deployed")
    for name, service in (document.get("services") or {}).items():
        found += [f"service {name}: {fault}" for fault in _of_a_service(service, root)]
    return [*found, *_hooks(document.get("hooks", {}), OF_A_PROJECT, root)]


def _of_a_service(service: Mapping[str, Any], root: Path) -> Iterator[str]:
    if service.get("host") != "function" or service.get("language") != "python":
        yield "no Python function app"
    if "project" not in service or not (root / service["project"] / "host.json").is_file():
        yield "its project has no host.json"
    yield from (f"{key} is refused with this host" for key in sorted(service.keys() & NEVER))
    yield from (f"unknown key {key}" for key in sorted(service.keys() - SERVICE_KEYS - NEVER))
    yield from _hooks(service.get("hooks", {}), OF_A_SERVICE, root / service.get("project", "."))


def _hooks(hooks: Mapping[str, Mapping[str, Any]], names: re.Pattern[str], root: Path) -> Iterator[str]:
    for hook, told in hooks.items():
        if not names.fullmatch(hook):
            yield f"hook {hook} is never called"
        if not (root / told.get("run", "-")).is_file():
            yield f"hook {hook} runs {told.get('run')}, which is not there"
        if told.get("shell", "sh") not in ("sh", "pwsh"):
            yield f"hook {hook} has the shell {told['shell']}"
        yield from (f"hook {hook} has the unknown key {key}" for key in sorted(told.keys() - HOOK_KEYS))
