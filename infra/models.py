"""`python infra/models.py check`, or `publish [COMMIT]`: what a pipeline does with the folders under models/ of where it stands.

`check` looks at every folder as publishing it would, breaks each of its gates once, reads its Python for faults of syntax, and checks
the files under samples/NAME/accepted and samples/NAME/refused against its contract: the first must be accepted, the second refused.
Nothing needs to run. `publish` hands every folder to Baton, exactly as COMMIT (the pipeline's own) has it; one that Baton has
already changes nothing there, a new one is a cause "code". It signs in as who is signed in to `az`, and reads BATON_URL,
BATON_AUDIENCE (the app registration's application id URI) and BATON_DATA (the data account's endpoints) from the environment.
All folders are tried; ends with 1 if any failed.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

BATON = Path(__file__).resolve().parents[1]
ACCEPTED, REFUSED = 0, 2
SAMPLES = {"accepted": ACCEPTED, "refused": REFUSED}
WAIT_SECONDS = "120"
VARIABLES = ("BATON_URL", "BATON_AUDIENCE", "BATON_DATA")


def folders(root: Path) -> list[Path]:
    """The model folders, sorted; `SystemExit` if there is none, since a pipeline that looks at nothing must not pass."""
    found = sorted(path.parent for path in root.glob("models/*/model.yaml"))
    if not found:
        raise SystemExit(f"there is no models/NAME/model.yaml in {root}; `baton new-model NAME` makes one")
    return found


def check(root: Path) -> list[str]:
    """What is wrong with the folders and their samples."""
    strays = sorted(
        path.name for path in root.glob("models/*") if path.is_dir() and not (path / "model.yaml").is_file()
    )
    found = [f"models/{name} has no model.yaml" for name in strays]
    for folder in folders(root):
        name = folder.name
        if baton(root, "gates", "test", f"models/{name}").returncode:
            found.append(f"models/{name} would be refused")
        found += syntax(root, folder)
        found += samples(root, name)
    known = {folder.name for folder in folders(root)}
    unknown = sorted(path.name for path in root.glob("samples/*") if path.name not in known)
    return [*found, *(f"samples/{name} is of no model under models/" for name in unknown)]


def syntax(root: Path, folder: Path) -> Iterator[str]:
    """Python files of the folder that cannot be read, before a paid run finds out."""
    for file in sorted(folder.rglob("*.py")):
        try:
            ast.parse(file.read_bytes(), filename=str(file.relative_to(root)))
        except (SyntaxError, ValueError) as error:
            yield f"{file.relative_to(root)}:{getattr(error, 'lineno', 0) or 0}: {getattr(error, 'msg', error)}"


def samples(root: Path, name: str) -> Iterator[str]:
    """Samples whose verdict is another one than their folder says."""
    for said, wanted in SAMPLES.items():
        for file in sorted((root / "samples" / name / said).glob("*")):
            ended = baton(root, "check", name, str(file.relative_to(root))).returncode
            if ended != wanted:
                yield f"{file.relative_to(root)} is not {said}: `baton check` ended with {ended}, must be {wanted}"


def publish(root: Path, commit: str, token: str) -> list[str]:
    """Folders that could not be published exactly as the commit has them. Safe to repeat."""
    why = f"{os.environ.get('GITHUB_REPOSITORY') or os.environ.get('BUILD_REPOSITORY_NAME', '')}@{commit}"
    words = ("--commit", commit, "--why", why, "--timeout", WAIT_SECONDS)
    return [
        f"models/{folder.name} was not published"
        for folder in folders(root)
        if baton(root, "publish", f"models/{folder.name}", *words, BATON_TOKEN=token).returncode
    ]


def baton(root: Path, *words: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    """The command of this checkout of Baton, run where the models are; what it says is shown."""
    print(f"$ baton {' '.join(words)}", flush=True)
    program = "from cli.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(BATON), "PYTHONDONTWRITEBYTECODE": "1", **more}
    return subprocess.run([sys.executable, "-P", "-c", program, *words], cwd=root, env=environment, check=False)


def az(resource: str) -> str:
    """A token of who is signed in to az, which itself says on stderr why it gives none."""
    command = ["az", "account", "get-access-token", "--resource", resource, "--query", "accessToken", "--output", "tsv"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main(arguments: Sequence[str]) -> int:
    root, (word, *rest) = Path.cwd(), (*arguments, "")
    if word not in ("check", "publish"):
        raise SystemExit(__doc__)
    if word == "check":
        found = check(root)
    else:
        commit = rest[0] or os.environ.get("GITHUB_SHA") or os.environ.get("BUILD_SOURCEVERSION", "")
        told = {"COMMIT": commit, **{name: os.environ.get(name) for name in VARIABLES}}
        if missing := [name for name, value in told.items() if not value]:
            raise SystemExit(f"{', '.join(missing)} not set: variables of the pipeline's environment (docs/azure.md)")
        found = publish(root, commit, az(os.environ["BATON_AUDIENCE"]))
    for one in found:
        print(f"FAILED: {one}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
