"""Checks of the function app: is it there, up, told what it needs, closed to strangers, and does it know its functions?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from cli.cloud.arm import Arm
from cli.cloud.expected import CONNECTIONS, WEBHOOKS
from cli.cloud.installation import SENDS_NO_EVENTS, Installation
from cli.doctor import Check
from cli.machine import Wrong
from shared import chain, wiring
from shared.errors import SettingsRefused
from shared.settings import Settings

WEB = "2024-11-01"
PROVISION = "azd provision"


def checks(arm: Arm, at: Installation) -> Iterator[tuple[str, Check]]:
    """Name and check, in the order in which faults should be mended."""
    yield "app", partial(app, arm, at)
    yield "app settings", partial(settings, arm, at)
    yield "sign-in", partial(sign_in, arm, at)
    yield "functions", partial(functions, arm, at)


def site(arm: Arm, at: Installation) -> Mapping[str, Any]:
    """The site as it is deployed."""
    return arm.get(at.app, WEB)


def principal(arm: Arm, at: Installation) -> str:
    """The object id of the app's identity, to which roles are given."""
    given = (site(arm, at).get("identity") or {}).get("userAssignedIdentities") or {}
    found = [str(one.get("principalId", "")) for one in given.values()]
    if not any(found):
        raise Wrong("the app has no identity, so it reaches neither storage nor workspace", next=PROVISION)
    return found[0]


def app(arm: Arm, at: Installation) -> str:
    """Running, with its identity, over TLS only."""
    found = site(arm, at)["properties"]
    principal(arm, at)
    name = at.app.rsplit("/", 1)[-1]
    if found.get("state") != "Running":
        todo = f"az functionapp start --name {name} --resource-group {at.group}"
        raise Wrong(f"the app is {found.get('state')}, not Running", next=todo)
    if found.get("httpsOnly") is not True:
        raise Wrong("the app answers without TLS too", next=PROVISION)
    return f"{name} runs"


def told(arm: Arm, at: Installation) -> Mapping[str, str]:
    """The app's settings. They hold secrets: their values are never shown."""
    found: Mapping[str, str] = arm.post(f"{at.app}/config/appsettings/list", WEB)["properties"]
    return found


def settings(arm: Arm, at: Installation) -> str:
    """All that the app needs to start, and what a trigger needs to wake it from zero; nothing that wins over its identity."""
    found = told(arm, at)
    if "AzureWebJobsStorage" in found:
        todo = f"az functionapp config appsettings delete --setting-names AzureWebJobsStorage --ids {at.app}"
        raise Wrong("AzureWebJobsStorage is set as a plain connection, which wins over the identity", next=todo)
    parts = [f"{prefix}__{part}" for prefix in CONNECTIONS for part in ("credential", "clientId")]
    missing = [name for name in parts if not found.get(name)]
    if missing:
        raise Wrong(f"{', '.join(missing)} missing: nothing wakes the app from zero", next=PROVISION)
    unread = [name for name in ("BATON_SWEEP", "BATON_URL") if not found.get(name)]
    if unread:
        raise Wrong(f"{', '.join(unread)} missing", next=PROVISION)
    if (found.get("BATON_PLATFORM") == SENDS_NO_EVENTS) != at.on_databricks:
        what = f"the app is set to {found.get('BATON_PLATFORM')}, and azd's environment to {at.platform}"
        raise Wrong(what, next="azd env set BATON_PLATFORM ...; azd up")
    try:
        Settings.from_env(found)
    except SettingsRefused as refused:
        raise Wrong(refused.what, next=PROVISION) from refused
    return f"{len(found)} given, none missing"


def sign_in(arm: Arm, at: Installation) -> str:
    """Pages answer only who signed in; Event Grid's own calls pass, or no event would arrive."""
    found = arm.get(f"{at.app}/config/authsettingsV2", WEB)["properties"]
    rules = found.get("globalValidation") or {}
    todo = "azd env set BATON_SIGN_IN_CLIENT_ID CLIENT_ID; azd provision"
    if (found.get("platform") or {}).get("enabled") is not True:
        raise Wrong("nobody can sign in, so the pages answer nobody", next=todo)
    if rules.get("requireAuthentication") is not True:
        raise Wrong("the platform lets people in without a sign-in", next=todo)
    if WEBHOOKS not in (rules.get("excludedPaths") or ()):
        raise Wrong(f"{WEBHOOKS} is not excluded from the sign-in, so Event Grid is turned away", next=PROVISION)
    return "needed for the pages, and not for Event Grid"


def functions(arm: Arm, at: Installation) -> str:
    """The platform has indexed every function that the chain needs, and none is switched off."""
    listed = arm.all(f"{at.app}/functions", WEB)
    found = {str(one["name"]).rsplit("/", 1)[-1]: one for one in listed}
    missing = sorted({*(row.function for row in chain.TABLE), *wiring.QUEUES} - found.keys())
    if not found:
        todo = "azd deploy; then read the log stream: a package that cannot be imported indexes nothing"
        raise Wrong("no function is indexed", next=todo)
    if missing:
        raise Wrong(f"not indexed: {', '.join(missing)}", next="azd deploy")
    off = sorted(name for name, one in found.items() if (one.get("properties") or {}).get("isDisabled"))
    if off:
        settings = " ".join(f"AzureWebJobs.{name}.Disabled" for name in off)
        todo = f"az functionapp config appsettings delete --setting-names {settings} --ids {at.app}"
        raise Wrong(f"switched off: {', '.join(off)}", next=todo)
    return f"{len(found)} indexed"
