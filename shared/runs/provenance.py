"""Where a model comes from, as its runs saw it: written beside the model while it is trained, read when it is certified.

The training run writes provenance.json into the model's folder, so that it travels with every copy and its hash is
part of the model's. It holds no time, so that the same training writes the same bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from shared.names import digest
from shared.runs.model_files import ModelFiles, model_files
from shared.runs.owner_code import owner_environment
from shared.runs.run_dir import RunDir
from shared.spec import Spec

PROVENANCE = "provenance.json"
DESCRIBE = Path(__file__).with_name("describe_environment.py")
DESCRIBE_SECONDS = 60
SBOM_SECONDS = 240
IMAGE_SETTING = "BATON_IMAGE"
"""Where a run goes in an image, its setting with that image; elsewhere the interpreter is all that is told."""
WARM_START = "champion"
"""The input of a training run with the files of the version that serves."""
SEEDS = ("seed", "random_state", "random-state")
FILES_TOLD = 100


def of_training(
    run: RunDir,
    spec: Spec,
    *,
    python: str,
    environment: Mapping[str, str],
    parameters: Mapping[str, str] | None = None,
    searched: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """What the model was made of: folder, dataset version, parameters, seeds, image, interpreter and installed packages.

    "seeds" are the parameters that are called so, and PYTHONHASHSEED; without one it is null, and a training that draws
    chance need not come out the same. `parameters` are those that it was trained with, where a search found them, and `searched` what
    is told of that. "warm_start" is the version whose files the training began with, and their hash.
    """
    used = dict(run.request.parameters if parameters is None else parameters)
    return {
        "v": 1,
        "model": run.request.model,
        "run": run.request.run_id,
        "folder": run.request.folder,
        "entry": spec.train.entry,
        "manifest": run.request.inputs.get("data", ""),
        "parameters": used,
        **({"search": dict(searched)} if searched else {}),
        **({"warm_start": _warm_start(run)} if run.has(WARM_START) else {}),
        "seeds": {
            **{name: value for name, value in used.items() if name in SEEDS},
            "PYTHONHASHSEED": environment.get("PYTHONHASHSEED"),
        },
        "environment": described(python, environment),
    }


def _warm_start(run: RunDir) -> dict[str, object]:
    return {"version": run.version(WARM_START), "model_sha256": model_files(run.input(WARM_START)).sha256}


def of_certificate(files: ModelFiles, model: Path, *, python: str, environment: Mapping[str, str]) -> dict[str, object]:
    """The part "provenance" of a certificate: what the training run wrote, each file's hash, and what serves.

    "training" is null for a version that no run of ours trained. A list of packages is told by its hash and length.
    """
    training = _read(model / PROVENANCE)
    if training is not None:
        training = {**training, "environment": _brief(training.get("environment"))}
    return {
        "training": training,
        "files": {file.path: file.sha256 for file in files.files[:FILES_TOLD]},
        "count": len(files.files),
        "serving": _brief(described(python, environment)),
    }


def made_from(model: Path) -> object:
    """The dataset version that the model was trained on, as its run's request named it; None if no run of ours trained it."""
    return (_read(model / PROVENANCE) or {}).get("manifest")


def described(python: str, environment: Mapping[str, str]) -> dict[str, object]:
    """What this interpreter is and has installed, or {"error"} if it does not tell; "image" where the run goes in one."""
    image = {"image": environment[IMAGE_SETTING]} if environment.get(IMAGE_SETTING) else {}
    return {**image, **_asked(python, environment)}


def _asked(python: str, environment: Mapping[str, str]) -> dict[str, object]:
    try:
        told = subprocess.run(
            [python, str(DESCRIBE)],
            env=owner_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DESCRIBE_SECONDS,
            check=True,
        )
        found: dict[str, object] = json.loads(told.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}
    return found


def sbom(python: str) -> dict[str, object] | None:
    """The CycloneDX bill of what is installed beside this interpreter; None where it cannot be made.

    An environment of ours never changes after it was built, so its bill is kept in it.
    """
    kept = Path(python).parent.parent / "sbom.cdx.json"
    if not kept.is_file():
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--sv", "1.6"]
        try:
            done = subprocess.run(
                [*command, "--no-validate", "-o", "-", python], capture_output=True, timeout=SBOM_SECONDS, check=True
            )
            draft = kept.with_name(f".{kept.name}-{run_mark(done.stdout)}")
            draft.write_bytes(done.stdout)
            draft.replace(kept)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"no bill of materials: {type(error).__name__}: {error}", flush=True)  # noqa: T201 - the run's log
            return None
    return _read(kept)


def run_mark(content: bytes) -> str:
    """A name for a draft that only the same content has."""
    return digest(content)[:12]


def licences(bill: Mapping[str, object]) -> dict[str, object]:
    """How many components a bill lists, and which of them declare no licence."""
    components = bill.get("components")
    listed = [one for one in components if isinstance(one, Mapping)] if isinstance(components, list) else []
    return {
        "components": len(listed),
        "without_licence": [f"{one.get('name')} {one.get('version', '')}" for one in listed if not one.get("licenses")][
            :20
        ],
    }


def _brief(described: object) -> dict[str, object]:
    """An environment without its list of packages, which is told by length and SHA-256 of its lines."""
    if not isinstance(described, Mapping):
        return {"error": "not described"}
    packages = described.get("packages")
    if not isinstance(packages, list):
        return dict(described)
    rest = {name: value for name, value in described.items() if name != "packages"}
    return {**rest, "packages": len(packages), "sha256": digest("".join(f"{line}\n" for line in packages))}


def _read(file: Path) -> dict[str, object] | None:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
