"""`python infra/artefact.py build FILE [PLATFORM]` packs the app once; `verify FILE SHA256` before each environment that gets it.

The package is the same bytes for the same commit, whoever builds it: git's files that .funcignore lets through, in order,
without times and as they are (what deflate makes of them is its version's choice), with the platform's lock as
requirements.txt. A file that is not as the commit has it is refused. The service installs from that lock, whose hashes it must
meet, so the hash of the file stands for all that runs. `build` prints the hash. Needs Python and git, nothing else.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
EPOCH = (1980, 1, 1, 0, 0, 0)
REQUIREMENTS = "requirements.txt"


def build(target: Path, platform: str, *, project: Path = PROJECT) -> str:
    """Write the package and give its SHA-256."""
    lock = project / f"requirements-{platform}.txt"
    if not lock.is_file():
        raise SystemExit(f"There is no {lock.name}. Next: name a platform that has a lock, such as azureml_v2")
    if changed := changes(project, lock.name):
        raise SystemExit(
            f"Not as the last commit has it: {', '.join(changed)}. Next: `git commit` it or `git stash` it, then build again"
        )
    contents = {name: (project / name).read_bytes() for name in kept(project)} | {REQUIREMENTS: lock.read_bytes()}
    with zipfile.ZipFile(target, "w") as package:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr, entry.create_system = 0o100644 << 16, 3
            package.writestr(entry, contents[name])
    return digest(target)


def kept(project: Path) -> set[str]:
    """The files that git knows and .funcignore lets through."""
    ignored = set(_files(project, "--ignored", "--exclude-from=.funcignore"))
    return {name for name in _files(project) if name not in ignored and (project / name).is_file()}


def changes(project: Path, lock: str) -> list[str]:
    """The files that make the package, and are changed, added or gone since the commit."""
    left_out = set(_files(project, "--ignored", "--exclude-from=.funcignore")) - {lock, ".funcignore"}
    command = ["git", "diff", "--name-only", "--no-renames", "-z", "HEAD"]
    said = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    return sorted({name for name in said.stdout.split("\0") if name} - left_out)


def digest(file: Path) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def verify(file: Path, wanted: str) -> None:
    """Stops unless the file is the one that was built."""
    found = digest(file)
    if len(wanted) != 64 or found != wanted.lower():
        raise SystemExit(
            f"{file} is {found}, not {wanted or 'a hash'}. Next: deploy nothing; take the package that the first job built"
        )


def _files(project: Path, *options: str) -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", *options]
    said = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    return [name for name in said.stdout.split("\0") if name]


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["build", file, *rest] if len(rest) < 2:
            print(build(Path(file), rest[0] if rest else "azureml_v2"))
        case ["verify", file, wanted]:
            verify(Path(file), wanted)
            print(f"{file} is {wanted}")
        case _:
            raise SystemExit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
