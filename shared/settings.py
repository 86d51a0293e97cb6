"""The app's configuration: one frozen value, read once, all faults reported together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.certificates.signing import is_key
from shared.errors import SettingsRefused
from shared.names import OBJECT_ID
from shared.platforms import databricks_settings
from shared.platforms.databricks_settings import Databricks

LOCAL = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/"
LOCAL_STORAGE = LOCAL + "Microsoft.Storage/storageAccounts/devstoreaccount1"
LOCAL_WORKSPACE = LOCAL + "Microsoft.MachineLearningServices/workspaces/local"
LOCAL_TOPIC = LOCAL + "Microsoft.EventGrid/topics/baton"
PLATFORMS = ("local", "azureml", "azureml_v2", "databricks")
SERVINGS = ("aks", "aci")
TRACES = ("", "file", "application-insights")
ADDRESS = re.compile(r"[a-z][a-z0-9]*://\S+")
NEEDED = {
    "BATON_DATA": "connection string of the data account",
    "BATON_APPROVAL_KEY": "secret that signs people's decisions, 16 characters or more",
    "BATON_SIGNING_KEY": "secret that signs certificates, 32 bytes in hex",
    "BATON_URL": "where people reach the pages",
}
NEEDED_LOCALLY = {
    "MLFLOW_TRACKING_URI": "URL of the MLflow server",
    "BATON_ROUTER": "URL of the endpoint router",
    "BATON_ROUTER_KEY": "secret of the router's admin routes",
    "BATON_USERS": "path of the JSON file with the laptop's users",
}
NEEDED_ON_AZUREML = {
    "BATON_WORKSPACE_SOURCE": "resource id of the Azure ML workspace, whose events are believed too",
    "BATON_AKS": "name under which the AKS cluster that serves is attached to the workspace; without one, see BATON_SERVING",
    "BATON_SCORING_LOGS": "application id of the Application Insights component that the workspace writes to",
}
NEEDED_ON_AZUREML_V2 = {"BATON_WORKSPACE_SOURCE": NEEDED_ON_AZUREML["BATON_WORKSPACE_SOURCE"]}
NEEDED_ON = {
    "local": NEEDED_LOCALLY,
    "azureml": NEEDED_ON_AZUREML,
    "azureml_v2": NEEDED_ON_AZUREML_V2,
    "databricks": databricks_settings.NEEDED,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between installations. `inline_limit` is the largest drop, in bytes, that `perform` checks itself;
    `runs_at_once` is how many runs this machine has room for, where the platform is this machine. In a workspace runs
    go to the cluster `compute`; `client_id` names the app's identity. Through SDK v1 versions are served on the attached
    cluster `aks`, or where `serving` is "aci" as container instances, and the application `scoring_logs` of Application Insights
    counts scoring requests; through SDK v2
    each version is served by `instances` machines of the kind `instance_type`. On Databricks no events come from a workspace, and
    `workspace_topic` is empty. `tenant` is the directory
    whose people sign in at the platform's own door ("": by the users file), `is_guarded` whether the platform says that the
    door is shut; it says so itself, no setting may. `verifying_keys` are the public keys that signed certificates before
    `signing_key`. `notify` are the addresses, with secrets in them, at which people are told (`notify_apprise.py`). `traces` says where
    spans go: nowhere, to a file in `home`, or to the component that `insights`, its connection string, names."""

    data: str
    approval_key: str
    signing_key: str
    url: str
    platform: str
    home: Path
    storage_topic: str
    workspace_topic: str
    custom_topic: str
    mlflow: str
    router: str
    router_key: str
    users: Path
    inline_limit: int
    runs_at_once: int = 4
    compute: str = "cpu"
    aks: str = ""
    serving: str = "aks"
    client_id: str = ""
    scoring_logs: str = ""
    instance_type: str = "Standard_DS3_v2"
    instances: int = 1
    databricks: Databricks = field(default_factory=Databricks)
    tenant: str = ""
    is_guarded: bool = False
    verifying_keys: tuple[str, ...] = ()
    notify: tuple[str, ...] = field(default=(), repr=False)
    traces: str = ""
    insights: str = ""

    @staticmethod
    def from_env(env: Mapping[str, str]) -> Settings:
        """Read the environment; `SettingsRefused` names every missing or wrong setting at once."""
        platform = env.get("BATON_PLATFORM", "local")
        faults = [] if platform in PLATFORMS else [f"BATON_PLATFORM is {platform!r}, must be one of {PLATFORMS}"]
        data = env.get("BATON_DATA", "") or _by_identity(env)
        found = {**env, "BATON_DATA": data, "BATON_SCORING_LOGS": _scoring_logs(env)}
        serving = env.get("BATON_SERVING") or SERVINGS[0]
        faults += [] if serving in SERVINGS else [f"BATON_SERVING is {serving!r}, must be one of {SERVINGS}"]
        needed = _needed(platform, serving)
        faults += [f"{name} is missing ({what})" for name, what in needed.items() if not found.get(name)]
        faults += _faults_of_keys(env)
        keys = verifying_keys(env)
        faults += [
            f"BATON_VERIFYING_KEYS holds {key[:12]!r}, which is no public key: 32 bytes in hex each, with commas between"
            for key in keys
            if not is_key(key)
        ]
        limit = env.get("BATON_INLINE_LIMIT", str(64 * 1024 * 1024))
        if not limit.isdigit():
            faults.append(f"BATON_INLINE_LIMIT is {limit!r}, must be a number of bytes")
        runs, instances = env.get("BATON_RUNS_AT_ONCE", "4"), env.get("BATON_INSTANCES", "1")
        for name, number, what in (("BATON_RUNS_AT_ONCE", runs, "runs"), ("BATON_INSTANCES", instances, "machines")):
            if not number.isdigit() or int(number) < 1:
                faults.append(f"{name} is {number!r}, must be a number of {what}, 1 or more")
        if platform != "local" and "AccountKey=" in data and "AccountName=devstoreaccount1;" not in data:
            faults.append("BATON_DATA holds a key, which every run would be told: name the endpoints instead")
        faults += databricks_settings.misformed(env) if platform == "databricks" else []
        notify = tuple(env.get("BATON_NOTIFY", "").split())
        faults += [
            f"address {number} of the {len(notify)} in BATON_NOTIFY is none that apprise takes, such as slack://... (it is not "
            "shown: it may hold a secret; one that begins with @Microsoft.KeyVault is a reference that was not resolved)"
            for number, address in enumerate(notify, start=1)
            if not ADDRESS.fullmatch(address)
        ]
        traces = env.get("BATON_TRACES", "")
        insights = env.get("APPLICATIONINSIGHTS_CONNECTION_STRING", "")
        faults += _faults_of_traces(traces, insights)
        tenant = env.get("BATON_TENANT", "").lower()
        if tenant and not OBJECT_ID.fullmatch(tenant):
            faults.append(
                f"BATON_TENANT is {tenant!r}, must be the id of a Microsoft Entra tenant, such as {LOCAL[15:51]}"
            )
        if faults:
            raise SettingsRefused(
                "; ".join(faults) + ".", next="set them in the app settings, or start with `baton up`"
            )
        return Settings(
            data=data,
            approval_key=env["BATON_APPROVAL_KEY"],
            signing_key=env["BATON_SIGNING_KEY"],
            url=env["BATON_URL"].rstrip("/"),
            platform=platform,
            home=Path(env.get("BATON_HOME", ".baton")),
            storage_topic=env.get("BATON_STORAGE_SOURCE", LOCAL_STORAGE),
            workspace_topic="" if platform == "databricks" else env.get("BATON_WORKSPACE_SOURCE", LOCAL_WORKSPACE),
            custom_topic=env.get("BATON_CUSTOM_SOURCE", LOCAL_TOPIC),
            mlflow=env.get("MLFLOW_TRACKING_URI", ""),
            router=env.get("BATON_ROUTER", ""),
            router_key=env.get("BATON_ROUTER_KEY", ""),
            users=Path(env.get("BATON_USERS", "")),
            inline_limit=int(limit),
            runs_at_once=int(runs),
            compute=env.get("BATON_COMPUTE", "cpu"),
            aks=env.get("BATON_AKS", ""),
            serving=serving,
            client_id=env.get("AZURE_CLIENT_ID", ""),
            scoring_logs=found["BATON_SCORING_LOGS"],
            instance_type=env.get("BATON_INSTANCE_TYPE", "Standard_DS3_v2"),
            instances=int(instances),
            databricks=Databricks.from_env(env),
            tenant=tenant,
            is_guarded=env.get("WEBSITE_AUTH_ENABLED", "").lower() == "true",
            verifying_keys=keys,
            notify=notify,
            traces=traces,
            insights=insights,
        )

    @property
    def divides_traffic(self) -> bool:
        """Whether versions may share traffic where they serve: a container instance gives all of it to one."""
        return not (self.platform == "azureml" and self.serving == "aci")

    @property
    def data_of_runs(self) -> str:
        """The data account as a run on a cluster reaches it: by the cluster's own identity, not by the app's."""
        return ";".join(part for part in self.data.split(";") if not part.startswith("ClientId="))


def _needed(platform: str, serving: str) -> dict[str, str]:
    """What must be set, with what it is. Container instances need no cluster."""
    needed = {**NEEDED, **NEEDED_ON.get(platform, {})}
    return {name: what for name, what in needed.items() if (name, serving) != ("BATON_AKS", "aci")}


def _faults_of_traces(traces: str, insights: str) -> list[str]:
    if traces not in TRACES:
        return [f"BATON_TRACES is {traces!r}, must be one of {TRACES}"]
    is_lost = traces == "application-insights" and not insights
    return ["APPLICATIONINSIGHTS_CONNECTION_STRING is missing (BATON_TRACES sends spans there)"] * is_lost


def _scoring_logs(env: Mapping[str, str]) -> str:
    """The application that counts scoring requests: the app's own, unless another one is named; "" if neither is.

    >>> _scoring_logs({"APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=k;ApplicationId=a-1"})
    'a-1'
    """
    connection = env.get("APPLICATIONINSIGHTS_CONNECTION_STRING", "")
    own = dict(part.split("=", 1) for part in connection.split(";") if "=" in part).get("ApplicationId", "")
    return env.get("BATON_SCORING_LOGS") or own


def verifying_keys(env: Mapping[str, str]) -> tuple[str, ...]:
    """The public keys that signed before, as BATON_VERIFYING_KEYS lists them.

    >>> verifying_keys({"BATON_VERIFYING_KEYS": "03A1, 3b6a,"}), verifying_keys({})
    (('03a1', '3b6a'), ())
    """
    listed = env.get("BATON_VERIFYING_KEYS", "").split(",")
    return tuple(key.strip().lower() for key in listed if key.strip())


def kept_keys(kept: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a laptop's signing.json: {"seed", and "retired" if there were keys before}.

    >>> kept_keys({"seed": "00", "retired": ["03a1", "3b6a"]})
    {'BATON_SIGNING_KEY': '00', 'BATON_VERIFYING_KEYS': '03a1,3b6a'}
    """
    return {"BATON_SIGNING_KEY": str(kept["seed"]), "BATON_VERIFYING_KEYS": ",".join(kept.get("retired", []))}


def _faults_of_keys(env: Mapping[str, str]) -> list[str]:
    """What is wrong with the two secrets. A reference that App Service cannot resolve stands in the setting as it was written."""
    asked = "is a reference that was not resolved: give the app's identity Key Vault Secrets User on its vault"
    faults = [f"{name} {asked}" for name in ("BATON_APPROVAL_KEY", "BATON_SIGNING_KEY") if env.get(name, "")[:1] == "@"]
    if 0 < len(env.get("BATON_APPROVAL_KEY", "")) < 16:
        faults.append("BATON_APPROVAL_KEY is shorter than 16 characters")
    if (env.get("BATON_SIGNING_KEY") or "@")[:1] != "@" and not is_key(env["BATON_SIGNING_KEY"]):
        faults.append("BATON_SIGNING_KEY is not 32 bytes in hex (make one: openssl rand -hex 32)")
    return faults


def _by_identity(env: Mapping[str, str]) -> str:
    """The data account by its endpoints and the app's identity, as triggers are told it; "" unless all are there.

    >>> _by_identity({f"BATON_DATA__{kind}ServiceUri": f"https://a.{kind}.net" for kind in ("blob", "queue", "table")})
    'BlobEndpoint=https://a.blob.net;QueueEndpoint=https://a.queue.net;TableEndpoint=https://a.table.net;ClientId='
    """
    found = {kind: env.get(f"BATON_DATA__{kind}ServiceUri", "") for kind in ("blob", "queue", "table")}
    if not all(found.values()):
        return ""
    endpoints = ";".join(f"{kind.title()}Endpoint={uri}" for kind, uri in found.items())
    return f"{endpoints};ClientId={env.get('BATON_DATA__clientId', '')}"
