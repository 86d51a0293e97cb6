"""The steps of .github/workflows/models.yml, run as they stand on examples/repository: what a pull request checks and a push publishes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.files.folder import folder_hash
from shared.files.published import source_blob
from shared.web.site import site
from tests.integration.stored import checking_world
from tests.storybook import serving
from tests.world import World

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = PROJECT / "examples" / "repository"
JOBS = yaml.safe_load((PROJECT / ".github/workflows/models.yml").read_text())["jobs"]
INSTALLS = "pip install"
AZ = (
    '#!/bin/sh\ncase "$*" in *"--resource api://baton "*) echo author-key ;; *) echo "not for $*" >&2; exit 1 ;; esac\n'
)
Steps = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The example as a repository of its own, with Baton's code beside it as the second checkout leaves it."""
    place = tmp_path / "repository"
    shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("__pycache__"))
    (place / ".baton-code").symlink_to(PROJECT)
    git(place, "init", "-q")
    commit(place)
    return place


def git(place: Path, *words: str) -> str:
    named = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *named, *words], cwd=place, capture_output=True, text=True, check=True).stdout.strip()


def commit(place: Path) -> str:
    """Commit all that is there; the commit's name."""
    git(place, "add", "-A")
    git(place, "commit", "-q", "--allow-empty", "-m", "models")
    return git(place, "rev-parse", "HEAD")


@pytest.fixture
def steps(repository: Path, tmp_path: Path) -> Steps:
    """Runs the commands of a job where its checkout is, as the runner's bash does, until one fails."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/az").write_text(AZ)
    (tmp_path / "bin/az").chmod(0o755)

    def run(
        job: str, *, first: str = str(Path(sys.executable).parent), **more: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
        environment |= {
            "PATH": f"{first}:{tmp_path / 'bin'}:{environment['PATH']}",
            "GITHUB_REPOSITORY": "you/models",
            **more,
        }
        script = "\n".join(
            command for command in commands(job) if first != str(Path(sys.executable).parent) or INSTALLS not in command
        )
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(words, cwd=repository, env=environment, capture_output=True, text=True, check=False)

    return run


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_the_check_takes_the_example_as_it_is(steps: Steps) -> None:
    done = steps("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "can pass and can hold" in done.stdout
    assert "no-rent.csv refused" in done.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("models/rents/model.yaml", "direction: lower", "direction: down", "models/rents would be refused"),
        ("models/rents/train.py", "import ", "import (", "models/rents/train.py:"),
        ("models/rents/requirements.txt", "==", ">=", "models/rents would be refused"),
        ("samples/rents/accepted/first.csv", "1,66,3,19,990", "1,66,3,19,-990", "first.csv is not accepted"),
        ("samples/rents/refused/no-rent.csv", "3,19,", "3,19,990", "no-rent.csv is not refused"),
    ],
)
def test_the_check_finds_what_is_broken(
    steps: Steps, repository: Path, file: str, old: str, new: str, told: str
) -> None:
    text = (repository / file).read_text()
    assert old in text
    (repository / file).write_text(text.replace(old, new, 1))
    done = steps("check")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"FAILED: {told}" in done.stderr or told in done.stderr


def test_the_check_of_a_repository_without_models_is_no_pass(steps: Steps, repository: Path) -> None:
    (repository / "samples/flats").mkdir()
    (repository / "models/flats").mkdir()
    assert {"FAILED: models/flats has no model.yaml", "FAILED: samples/flats is of no model under models/"} == set(
        steps("check").stderr.splitlines()[-2:]
    )
    shutil.rmtree(repository / "models")
    done = steps("check")
    assert (done.returncode, "there is no models/NAME/model.yaml" in done.stderr) == (1, True)


@pytest.fixture
def world(tmp_path: Path, connection: str) -> World:
    return checking_world(tmp_path, connection)


@pytest.fixture
def at(world: World, connection: str) -> Iterator[dict[str, str]]:
    """The variables of the environment that is published to."""
    with serving(site(world.app)) as url:
        yield {"BATON_URL": url, "BATON_AUDIENCE": "api://baton", "BATON_DATA": connection}


@pytest.fixture
def push(steps: Steps, world: World, at: dict[str, str]) -> Steps:
    """A push: the job `publish` while Baton folds what arrives, as its functions do."""

    def run(sha: str, **more: str) -> subprocess.CompletedProcess[str]:
        over = threading.Event()
        folding = threading.Thread(target=lambda: [world.settle("rents") for _ in iter(lambda: over.wait(0.05), True)])
        folding.start()
        try:
            return steps("publish", **{**at, "GITHUB_SHA": sha, **more})
        finally:
            over.set()
            folding.join()

    return run


def drop(world: World, file: Path) -> None:
    """A first file, which opens the first release."""
    client = world.blobs._service.get_blob_client("incoming", "rents/first.csv")  # type: ignore[attr-defined]
    etag = client.upload_blob(file.read_bytes(), overwrite=True)["etag"]
    world.app.intake.receive(world.blob_created("rents/first.csv", etag.strip('"'), file.stat().st_size))
    world.settle("rents")


def journal(world: World) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in world.app.book.journal("rents"))
    return [line for line in lines if line["event"]["kind"] == "ModelPublished"]


def test_a_push_publishes_exactly_its_commit_and_a_second_one_is_a_cause_code(
    push: Steps, world: World, repository: Path
) -> None:
    first = git(repository, "rev-parse", "HEAD")
    done = push(first)
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.head("rents").folder == folder_hash(EXAMPLE / "models/rents")
    assert json.loads(world.blobs.read("models", source_blob("rents", world.head("rents").folder))) == {
        "commit": first,
        "changed": False,
    }
    assert push(first).returncode == 0
    assert [line["answer"] for line in journal(world)] == ["taken", "stale"]
    drop(world, repository / "samples/rents/accepted/first.csv")
    world.now += timedelta(days=4)  # past the cool-down
    train = repository / "models/rents/train.py"
    train.write_text(train.read_text() + "# slower, and better\n")
    second = commit(repository)
    assert push(second).returncode == 0
    assert world.head("rents").folder == folder_hash(repository / "models/rents")
    opened = world.app.book.release("rents", "rents-0002")
    assert [(cause.kind, cause.detail) for cause in opened.causes] == [("code", f"folder {world.head('rents').folder}")]
    assert opened.folder == world.head("rents").folder
    assert (journal(world)[-1]["event"]["by"], journal(world)[-1]["event"]["why"]) == ("author", f"you/models@{second}")


@pytest.mark.parametrize("how", ["changed", "added", "another commit"])
def test_what_is_not_exactly_the_commit_is_not_published(push: Steps, world: World, repository: Path, how: str) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    if how == "another commit":
        commit(repository)
    else:
        name = "train.py" if how == "changed" else "left_over.py"
        (repository / "models/rents" / name).write_text("import mlflow\n")
    done = push(sha)
    assert (done.returncode, "FAILED: models/rents was not published" in done.stderr) == (1, True)
    assert f"is not as commit {sha} has it: " in done.stderr
    assert journal(world) == []


def test_a_variable_that_is_missing_is_named(push: Steps, repository: Path) -> None:
    done = push("0" * 40, BATON_DATA="")
    assert (done.returncode, done.stderr) == (
        1,
        "BATON_DATA not set: variables of the pipeline's environment (docs/azure.md)\n",
    )


@pytest.mark.long
def test_what_the_lock_installs_is_enough_to_check_and_to_publish(
    steps: Steps, world: World, push: Steps, repository: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "runner"], check=True)
    first = str(tmp_path / "runner/bin")
    checked = steps("check", first=first)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = push(git(repository, "rev-parse", "HEAD"), first=first)
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.head("rents").folder == folder_hash(EXAMPLE / "models/rents")
