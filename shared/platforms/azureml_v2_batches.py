"""Batch endpoints of an Azure ML workspace through azure-ai-ml (SDK v2): one a model, on the version that serves.

Its default deployment is the one under the name of the release that serves; the latest other one is kept for jobs that run on
it and for a roll-back, and costs nothing while it is asked nothing. What the service runs is our entry script, which has score.py
answer in an environment of its own: the packages that the service wants around an entry script do not go with every model's.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from shared.model_yaml.served_spec import BatchScoring
from shared.names import digest
from shared.platforms.azureml_errors import AzureMLRefused, NotThere, named
from shared.platforms.azureml_v2 import environment
from shared.platforms.azureml_v2_changes import FAILED, again, settled, until_ready
from shared.platforms.azureml_v2_service import Workspace, found, word
from shared.platforms.azureml_v2_serving import Serving, endpoint_name
from shared.platforms.following import Following
from shared.runs import score_rows
from shared.runs.environments import requirements

TAG = "baton.batch"
ENTRY = Path(__file__).with_name("azureml_entry")
SCRIPTS = {
    "baton_batch.py": ENTRY / "batch.py.txt",
    "baton_batch_rows.py": ENTRY / "batch_rows.py.txt",
    "baton_score_rows.py": Path(score_rows.__file__),
}
PACKAGES = "baton_requirements.txt"
AROUND = ("azureml-core==1.61.0.post4", "azureml-dataset-runtime[fuse]==1.62.0.post1")
TRIES_AGAIN = 2

Folders = Callable[[str, str, Path], None]


def keep_batch(
    workspace: Workspace, model: str, serves: Following, folders: Folders, serving: Serving, wait_seconds: float
) -> None:
    """Have the model's batch endpoint score by what serves, or have none. The same again, after whatever crash, changes nothing."""
    name = batch_name(model, workspace)
    changing = Changing(workspace, name, wait_seconds)
    there = changing.endpoint()
    ours = there is not None and TAG in (there.tags or {})
    if not serves.batch.files:
        if ours:
            changing.remove()
        return
    made = there is None
    if made:
        there = changing.write({})
    elif not ours:
        raise AzureMLRefused(
            f"a batch endpoint {name} is there, and Baton did not make it.",
            next=f"delete it (`az ml batch-endpoint delete --name {name} {workspace.where}`), then replay",
        )
    _ready(name, there)
    try:
        changing.deploy(model, serves, folders, serving)
    except NotThere as error:
        if not made:
            raise
        raise again(error.what) from error  # the SDK looks for the endpoint first, which may not show yet
    if default_of(there) != serves.deployment:
        changing.write({"deployment_name": serves.deployment})
    changing.tidy(serves.deployment)


def batch_name(model: str, workspace: Workspace) -> str:
    """The name of a model's batch endpoint, beside its online one's in the region's names: at most the 32 that the service allows."""
    return f"{endpoint_name(model, workspace)}-jobs"


def default_of(endpoint: Any) -> str:
    """The deployment that a batch endpoint's jobs go to; the SDK gives the service's document where it knows no better."""
    said = endpoint.defaults
    return str((said.get("deploymentName") if isinstance(said, dict) else getattr(said, "deployment_name", "")) or "")


class Changing:
    """The changes of one batch endpoint, which wait for `seconds` in all; `CapacityRefused` where that is not enough."""

    def __init__(self, workspace: Workspace, name: str, seconds: float) -> None:
        self._workspace = workspace
        self._client = workspace.client
        self._name = name
        self._until = time.monotonic() + seconds

    def endpoint(self) -> Any | None:
        return found(
            self._workspace, partial(self._client.batch_endpoints.get, self._name), f"read batch endpoint {self._name}"
        )

    def write(self, defaults: dict[str, str]) -> Any:
        """Write the endpoint, new or with another default."""
        from azure.ai.ml.entities import BatchEndpoint

        wanted = BatchEndpoint(name=self._name, defaults=defaults or None, tags={TAG: "1"})
        what = (
            f"have batch endpoint {self._name} use {defaults['deployment_name']}" if defaults else f"make {self._name}"
        )
        return self._done(partial(self._client.batch_endpoints.begin_create_or_update, wanted), what)

    def deploy(self, model: str, serves: Following, folders: Folders, serving: Serving) -> None:
        """Have the deployment there as it is asked for, and ready. One that failed is made anew."""
        name = serves.deployment
        get = partial(self._client.batch_deployments.get, name, self._name)
        there = found(self._workspace, get, f"read batch deployment {name}")
        mark = _mark(serves, serving)
        state = "" if there is None else word(there.provisioning_state)
        if there is not None and (there.tags or {}).get(TAG) == mark and state not in FAILED:
            _ready(name, there)
            return
        with tempfile.TemporaryDirectory() as scratch:
            code = Path(scratch) / "code"
            code.mkdir()
            folders(model, serves.folder, code)
            wanted = definition(self._name, model, serves, code, serving, mark)
            begin = partial(self._client.batch_deployments.begin_create_or_update, wanted)
            _ready(name, self._done(begin, f"make batch deployment {name}"))

    def tidy(self, kept: str) -> None:
        """Remove our deployments but this one and the latest other one."""
        try:
            listed = list(self._client.batch_deployments.list(self._name))
        except Exception as error:
            raise named(error, f"list the deployments of {self._name}") from error
        others = [one.name for one in listed if one.name != kept and TAG in (one.tags or {})]
        for name in sorted(others, key=lambda name: (len(name), name))[:-1]:
            begin = partial(self._client.batch_deployments.begin_delete, name, self._name)
            self._gone(begin, f"delete batch deployment {name}")

    def remove(self) -> None:
        """Remove the endpoint with all its deployments; one that is gone is fine."""
        begin = partial(self._client.batch_endpoints.begin_delete, self._name)
        self._gone(begin, f"delete batch endpoint {self._name}")

    def _gone(self, begin: Callable[[], Any], doing: str) -> None:
        with suppress(NotThere):
            self._done(begin, doing)

    def _done(self, begin: Callable[[], Any], doing: str) -> Any:
        return settled(begin, doing, max(0.0, self._until - time.monotonic()))


def _ready(name: str, one: Any) -> None:
    anew = "see why in the studio, then replay: a deployment is made anew, an endpoint once it is deleted"
    until_ready(name, word(one.provisioning_state), next=anew)


def _mark(serves: Following, serving: Serving) -> str:
    """What a deployment is made of, our scripts included: another one is another deployment under the same name."""
    scripts = [script.read_text() for script in SCRIPTS.values()]
    made_of = (serves.version, serves.folder, serves.batch, serving.compute, serving.image, AROUND, scripts)
    return digest(repr(made_of))[:16]


def definition(endpoint: str, model: str, serves: Following, code: Path, serving: Serving, mark: str) -> Any:
    """The deployment of a version whose published folder lies in `code`, with our scripts put beside its score.py."""
    from azure.ai.ml.entities import CodeConfiguration, ModelBatchDeployment

    for name, script in SCRIPTS.items():
        shutil.copy2(script, code / name)
    (code / PACKAGES).write_text("".join(f"{line}\n" for line in requirements(code, "scoring")))
    return ModelBatchDeployment(
        name=serves.deployment,
        endpoint_name=endpoint,
        model=f"azureml:{model}:{serves.version}",
        code_configuration=CodeConfiguration(code=str(code), scoring_script=next(iter(SCRIPTS))),
        environment=environment("baton-batch", serving.image, AROUND),
        compute=serves.batch.compute or serving.compute,
        settings=_settings(serves.batch, serves.version),
        tags={TAG: mark, "baton.model": model, "baton.folder": serves.folder},
    )


def _settings(asked: BatchScoring, version: str) -> Any:
    """Answers go into files of ours: what is returned tells the service which files were read."""
    from azure.ai.ml.entities import BatchRetrySettings, ModelBatchDeploymentSettings

    return ModelBatchDeploymentSettings(
        mini_batch_size=asked.files,
        instance_count=asked.instances,
        max_concurrency_per_instance=1,
        output_action="summary_only",
        retry_settings=BatchRetrySettings(max_retries=TRIES_AGAIN, timeout=int(asked.max_minutes * 60)),
        environment_variables={"BATON_VERSION": version},
        error_threshold=asked.bad_files,
    )
