"""What a person's programs do with a running Baton: the web API, ordinary blob uploads, scoring through the router."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import BatonError, Permanent
from shared.files.folder import folder_files, folder_hash
from shared.model_yaml.spec_file import load_folder

TIMEOUT_SECONDS = 30.0


class Refused(Permanent):
    """The API said no; `status` is its HTTP status."""

    def __init__(self, what: str, *, next: str, status: int = 0) -> None:
        super().__init__(what, next=next)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """A scoring answer: status, body, and which version and deployment gave it."""

    status: int
    body: str
    version: str
    deployment: str


class Client:
    """One person's access to a running Baton. `env` holds the settings that `local.stack` shares."""

    def __init__(self, env: Mapping[str, str], user: str) -> None:
        self.url = env["BATON_URL"]
        self.user = user
        self._data = env["BATON_DATA"]
        self._router = env.get("BATON_ROUTER", "")
        users: dict[str, str] = json.loads(Path(env["BATON_USERS"]).read_text())
        tokens = {name: token for token, name in users.items()}
        if user not in tokens:
            raise Refused(f"no user {user!r} on this laptop.", next=f"use one of {', '.join(sorted(tokens))}")
        self.token = tokens[user]

    @property
    def sign_in(self) -> str:
        """A link that signs this person in."""
        return f"{self.url}/sign-in?key={self.token}"

    def get(self, path: str) -> Any:
        """Read from the API; `Refused` with the API's own words."""
        return self._call(urllib.request.Request(self.url + path))

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Ask for something; `Refused` with the API's own words."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return self._call(urllib.request.Request(self.url + path, json.dumps(body).encode(), headers))

    def _call(self, request: urllib.request.Request) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except OSError as error:
            raise Refused(
                f"{self.url} does not answer: {error}.", next="`baton up` starts it; `baton doctor` looks"
            ) from error

    def publish(self, folder: Path, *, why: str = "") -> str:
        """Validate a model folder, upload it under its hash and publish it; returns the hash. Safe to repeat."""
        spec, found = load_folder(folder), folder_hash(folder)
        for path in folder_files(folder):
            name = f"{spec.name}/{found}/{path.relative_to(folder).as_posix()}"
            self._blob("models", name).upload_blob(path.read_bytes(), overwrite=True)
        self.post(f"/api/models/{spec.name}/publish", {"folder": found, "why": why or f"published by {self.user}"})
        return found

    def drop(self, model: str, file: Path, name: str = "") -> str:
        """Upload a file as any data engineer would; returns the blob's name."""
        blob = f"{model}/{name or file.name}"
        with file.open("rb") as content:
            self._blob("incoming", blob).upload_blob(content, overwrite=True)
        return blob

    def verdict(self, blob: str) -> dict[str, str]:
        """The verdict that stands on a drop as index tags; empty while there is none."""
        tags: dict[str, str] = self._blob("incoming", blob).get_blob_tags()
        return tags

    def read(self, address: str) -> bytes:
        """A blob by `container/name`."""
        container, name = address.split("/", 1)
        content: bytes = self._blob(container, name).download_blob().readall()
        return content

    def score(self, model: str, body: str, *, deployment: str = "") -> Answer:
        """Score through the router, pinned to a deployment if one is named."""
        headers = {"Content-Type": "application/json"} | (
            {"azureml-model-deployment": deployment} if deployment else {}
        )
        request = urllib.request.Request(f"{self._router}/endpoints/{model}/score", body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return _scored(answer)
        except urllib.error.HTTPError as error:
            return _scored(error)

    def _blob(self, container: str, name: str) -> Any:
        from azure.storage.blob import BlobServiceClient

        return BlobServiceClient.from_connection_string(self._data).get_blob_client(container, name)


def _scored(answer: Any) -> Answer:
    headers = answer.headers
    version, deployment = headers.get("x-baton-version", ""), headers.get("x-baton-deployment", "")
    return Answer(answer.status, answer.read().decode(errors="replace"), version, deployment)


def _refusal(error: urllib.error.HTTPError) -> BatonError:
    text = error.read().decode(errors="replace")
    try:
        said = json.loads(text)
        return Refused(said["what"], next=said["next"], status=error.code)
    except (ValueError, KeyError, TypeError):
        return Refused(f"HTTP {error.code}: {text[:300]}", next="`baton doctor`", status=error.code)
