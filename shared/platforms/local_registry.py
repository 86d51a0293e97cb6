"""Model versions in the local MLflow server."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import Permanent, PlatformBusy
from shared.platforms.local_run import find_run, read_json
from shared.platforms.port import CARRIED_TAG, VersionSeen

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

RUN_TAG = "baton.run_id"
CHAMPION = "champion"  # the alias
_BUSY = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"}
_LIMITS = {  # no effect waits: a server that does not answer is asked again by the next try
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # on stderr, where a command tells people what it does
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # a command may print JSON there
}


class RegistryRefused(Permanent):
    """The model registry refused what it was asked, or a run left nothing to register."""


class NotInRegistry(RegistryRefused):
    """The model registry says that there is no such version, or no such run."""


class LocalRegistry:
    """Model versions in MLflow, at `tracking_uri`. MLflow is imported at the first call (1.2 s, 170 MB).

    MLflow gives nobody uniqueness, so registering searches the tag `baton.run_id` first, under a lock file
    in `home` that all callers of this laptop share.
    """

    def __init__(self, tracking_uri: str, home: Path) -> None:
        self._tracking_uri = tracking_uri
        self._home = home.resolve()
        self._connected: MlflowClient | None = None

    def register(self, model: str, *, run_id: str, tags: Mapping[str, str]) -> str:
        """Register what the run logged under the artefact path `model`; a run that is none of ours is an MLflow run id."""
        with _one_at_a_time(self._home / "registry.lock"), _mlflow_errors():
            found = self._search(f"name = '{model}' and tag.`{RUN_TAG}` = '{run_id}'")
            return found[0].version if found else self._create(model, run_id, tags)

    def add(self, model: str, files: Path, *, carried: str, tags: Mapping[str, str]) -> str:
        """Register a folder's files, in a run of their own; get-or-create under the tag `baton.carried`."""
        with _one_at_a_time(self._home / "registry.lock"), _mlflow_errors():
            found = self._search(f"name = '{model}' and tag.`{CARRIED_TAG}` = '{carried}'")
            return found[0].version if found else self._create_of_files(model, files, {**tags, CARRIED_TAG: carried})

    def version(self, model: str, version: str) -> VersionSeen | None:
        if not version.isdigit():  # MLflow counts its versions
            return None
        try:
            with _mlflow_errors():
                return _version_seen(self._client.get_model_version(model, version))
        except NotInRegistry:
            return None

    def versions(self, model: str) -> tuple[VersionSeen, ...]:
        with _mlflow_errors():
            return self._search(f"name = '{model}'")

    def newest(self, count: int = 100) -> tuple[VersionSeen, ...]:
        """The versions of all models that were registered last, newest first."""
        with _mlflow_errors():
            found = self._client.search_model_versions(order_by=["creation_timestamp DESC"], max_results=count)
            return tuple(_version_seen(version) for version in found)

    def fetch(self, model: str, version: str, into: Path) -> None:
        with _mlflow_errors():
            source = self._client.get_model_version_download_uri(model, version)
            into.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=into.parent) as draft:
                _place(self._download(source, Path(draft)), into)

    def champion(self, model: str, *, serving: str) -> str:
        """The version under MLflow's alias `champion`; MLflow reads what it wrote, so `serving` is not needed."""
        try:
            with _mlflow_errors():
                return str(self._client.get_registered_model(model).aliases.get(CHAMPION, ""))
        except NotInRegistry:
            return ""

    def name_champion(self, model: str, version: str, *, since: datetime) -> None:
        with _mlflow_errors():
            self._client.set_registered_model_alias(model, CHAMPION, version)

    def _create(self, model: str, run_id: str, tags: Mapping[str, str]) -> str:
        ours = find_run(self._home / "runs", run_id)
        mlflow_run = str(read_json(ours.path / "result.json").get("mlflow_run_id", "")) if ours else run_id
        if not mlflow_run:
            raise RegistryRefused(
                f"run {run_id} left no MLflow run in its result.",
                next=f"read its log with `baton logs {run_id}`; a train run that completed names its mlflow_run_id",
            )
        self._make_name(model)
        source = f"{self._client.get_run(mlflow_run).info.artifact_uri}/model"
        made = self._client.create_model_version(
            model, source, run_id=mlflow_run, tags={**tags, RUN_TAG: run_id}, await_creation_for=0
        )
        return str(made.version)

    def _create_of_files(self, model: str, files: Path, tags: Mapping[str, str]) -> str:
        """A repeat after a crash leaves the first run without a version, which nothing reads."""
        self._make_name(model)
        run = self._client.create_run("0", tags=dict(tags))
        self._client.log_artifacts(run.info.run_id, str(files), "model")
        self._client.set_terminated(run.info.run_id)
        source = f"{run.info.artifact_uri}/model"
        made = self._client.create_model_version(
            model, source, run_id=run.info.run_id, tags=dict(tags), await_creation_for=0
        )
        return str(made.version)

    def _make_name(self, model: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _search(self, rule: str) -> tuple[VersionSeen, ...]:
        """All versions that the rule finds, oldest first."""
        found: list[VersionSeen] = []
        page = self._client.search_model_versions(rule)
        found.extend(map(_version_seen, page))
        while page.token:
            page = self._client.search_model_versions(rule, page_token=page.token)
            found.extend(map(_version_seen, page))
        return tuple(sorted(found, key=lambda seen: int(seen.version)))

    def _download(self, source: str, into: Path) -> Path:
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(artifact_uri=source, dst_path=str(into), tracking_uri=self._tracking_uri))

    @property
    def _client(self) -> MlflowClient:
        if self._connected is None:
            for name, value in _LIMITS.items():
                os.environ.setdefault(name, value)
            from mlflow.tracking import MlflowClient

            self._connected = MlflowClient(self._tracking_uri, self._tracking_uri)
        return self._connected


def _version_seen(version: Any) -> VersionSeen:
    tags = {str(name): str(value) for name, value in (version.tags or {}).items()}
    run = tags.get(RUN_TAG) or version.run_id or ""
    return VersionSeen(version.name, str(version.version), version.source or "", tags, run)


def _place(files: Path, into: Path) -> None:
    """Make `into` hold exactly the downloaded files; a single file is put inside it."""
    shutil.rmtree(into, ignore_errors=True)
    if files.is_dir():
        files.rename(into)
    else:
        into.mkdir()
        files.rename(into / files.name)


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _mlflow_errors() -> Iterator[None]:
    """Tell what is not there, what is busy and what is refused apart."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise NotInRegistry(
                f"MLflow has no such thing: {error}.", next="see the models' versions in MLflow"
            ) from error
        if error.error_code in _BUSY:
            raise PlatformBusy(f"MLflow did not answer: {error}.", next="wait, or see `baton doctor`") from error
        raise RegistryRefused(f"MLflow refused: {error}.", next="read the reason; nothing was changed") from error
    except OSError as error:  # requests' errors are among these
        raise PlatformBusy(f"MLflow did not answer: {error}.", next="wait, or see `baton doctor`") from error
