"""The pipelines: pinned by hash, with no secret and no right that they do not need, and the same on both systems."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.newmodel import copy_template
from shared.files.folder import folder_hash

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = {path.name: path.read_text() for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
DEPLOYMENT = (ROOT / "infra/deploy.pipeline.yml").read_text()
CARRIED_ON = (ROOT / "infra/approved.pipeline.yml").read_text()
MODELS = (ROOT / "infra/models.pipeline.yml").read_text()
EXAMPLE = ROOT / "examples/repository"
CARRY = (ROOT / "infra/carry.pipeline.yml").read_text()
AZURE = (ROOT / "azure-pipelines.yml").read_text()
ENVIRONMENTS = ("dev", "staging", "production")
# The commits that these versions' tags named in 2026-08; each stands with its version in several public repositories.
PINS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("ece7cb06caefa5fff74198d8649806c4678c61a1", "v6.3.0"),
    "Azure/setup-azd": ("0b7e3a35ab00f2eee7080c845eb39c3f0ebfa553", "v2.4.0"),
    "actions/upload-artifact": ("ea165f8d65b6e75b540449e92b4886f43607fa02", "v4.6.2"),
    "actions/download-artifact": ("634f93cb2916e3fdff6788551b99b062d0335ce0", "v5.0.0"),
    "azure/login": ("f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca", "v3.0.1"),
}
ALLOWED = {"contents": "read", "id-token": "write"}
COMMAND = (
    r"\.ci/run|make \w+|pip install .+"
    r"|infra/carry\.sh \w+|azd (?:env|deploy)\b.*|python3? (?:\.baton-code/)?infra/(?!artefact.py build).+"
)
OURS = re.compile(rf"^\s*(?:(?:- )?(?:run|script): )?({COMMAND})$", re.MULTILINE)


def faults(source: str) -> list[str]:
    """What a workflow may not do."""
    document = yaml.safe_load(source)
    found = [] if document.get("permissions") == {} else ["the workflow's own permissions are not empty"]
    for line in re.findall(r"uses: (?!\./)(.+)", source):
        name, _, rest = line.partition("@")
        if rest != " # ".join(PINS.get(name, ("", ""))):
            found.append(f"{line} is not a pin that we know")
    found += [f"{secret} is a secret" for secret in re.findall(r"\bsecrets\.\w+", source)]
    for name, job in document["jobs"].items():
        found += _faults_of_a_job(name, job)
    return found


def _faults_of_a_job(name: str, job: Mapping[str, Any]) -> list[str]:
    granted = job.get("permissions")
    found = [] if granted and granted.items() <= ALLOWED.items() else [f"job {name} has the permissions {granted}"]
    if "uses" in job:  # the called workflow's job has its own time-out, steps and environment, and is read as well
        wanted = {"environment", "release" if job["uses"].endswith("/approved.yml") else "sha256"}
        return found if wanted <= job["with"].keys() else [*found, f"job {name} says not what where"]
    if granted and "id-token" in granted and "environment" not in job:
        found.append(f"job {name} signs in without an environment, whose reviewers release it")
    if "timeout-minutes" not in job:
        found.append(f"job {name} has no time-out")
    for step in job["steps"]:
        if (
            str(step.get("uses", "")).startswith("actions/checkout@")
            and step.get("with", {}).get("persist-credentials") is not False
        ):
            found.append(f"job {name} keeps its credentials")
        if re.search(r"\$\{\{", str(step.get("run", ""))):
            found.append(f"job {name} puts an expression into a shell")
    return found


def commands(source: str) -> set[str]:
    """What a pipeline runs of ours."""
    return {" ".join(found.split()) for found in OURS.findall(source)}


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_is_pinned_and_has_no_right_that_it_does_not_need(name: str) -> None:
    assert faults(WORKFLOWS[name]) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (PINS["actions/checkout"][0], "v7", "not a pin"),
        ("      sha256: ${{ needs.package.outputs.sha256 }}\n", "", "says not what where"),
        ("# v3.0.1", "# v3.0.2", "not a pin"),
        ("azure/login@", "someone/login@", "not a pin"),
        ("permissions: {}", "permissions: write-all", "not empty"),
        ("contents: read\n      id-token", "contents: write\n      id-token", "has the permissions"),
        ("    environment: ${{ inputs.environment }}\n", "", "without an environment"),
        ("persist-credentials: false", "persist-credentials: true", "keeps its credentials"),
        ("vars.AZURE_CLIENT_ID", "secrets.AZURE_CLIENT_ID", "is a secret"),
        ('--client-id "$AZURE_CLIENT_ID"', "--client-id ${{ vars.AZURE_CLIENT_ID }}", "expression into a shell"),
        ("    timeout-minutes: 60\n", "", "no time-out"),
    ],
)
def test_a_workflow_that_may_too_much_is_found(old: str, new: str, fault: str) -> None:
    name = next(name for name in ("deploy.yml", "main.yml") if old in WORKFLOWS[name])
    found = faults(WORKFLOWS[name].replace(old, new, 1))
    assert any(fault in one for one in found), found


def test_both_systems_run_the_same() -> None:
    on_github = set().union(*map(commands, WORKFLOWS.values()))
    assert ".ci/run" in on_github
    assert "make nightly" in on_github
    assert set().union(*map(commands, (AZURE, DEPLOYMENT, CARRIED_ON, CARRY, MODELS))) == on_github


def test_both_systems_deploy_with_one_version_of_azd() -> None:
    """The newest one of the day would deploy to production what dev was deployed with another for."""
    action = re.findall(r'setup-azd@\S+ # \S+\n\s+with:\n\s+version: "([\d.]+)"', WORKFLOWS["deploy.yml"])
    script = re.findall(r"install-azd\.sh \| bash -s -- --version ([\d.]+)$", DEPLOYMENT, re.MULTILINE)
    assert (len(action), action) == (1, script)


def test_a_command_that_only_one_system_runs_is_found() -> None:
    assert commands(AZURE.replace("make nightly", "make bench")) != commands(AZURE)


def test_azure_pipelines_signs_in_by_federation_and_holds_no_secret() -> None:
    (job,) = yaml.safe_load(DEPLOYMENT)["jobs"]
    assert job["environment"] == "${{ parameters.environment }}"
    assert not re.search(r"password|secret:|servicePrincipalKey", AZURE + DEPLOYMENT + CARRY + MODELS, re.IGNORECASE)


def order(source: str) -> list[str]:
    """What is wrong with the way of the package: built once, then from environment to environment, its hash looked at in each."""
    document = yaml.safe_load(source)
    jobs = document.get("jobs") or {stage["stage"]: stage for stage in document["stages"]}
    found = [] if source.count("infra/artefact.py build") == 1 else ["the package is not built exactly once"]
    for before, name in zip(("package", *ENVIRONMENTS), ENVIRONMENTS, strict=False):
        needs = jobs[name].get("needs") or jobs[name].get("dependsOn")
        wanted = ["package"] if before == "package" else ["package", before]
        if ([needs] if isinstance(needs, str) else needs) != wanted:
            found.append(f"{name} needs {needs}, must need {wanted}")
    return found


def unverified(source: str) -> bool:
    """Whether a deployment takes the package without having compared its hash."""
    checked, used = source.find("infra/artefact.py verify baton.zip"), source.find("--from-package baton.zip")
    return not 0 <= checked < used or bool(re.search(r"azd (deploy|up|package)(?! baton --from-package)", source))


@pytest.mark.parametrize("source", [WORKFLOWS["main.yml"], AZURE], ids=["github", "azure"])
def test_one_package_goes_from_environment_to_environment(source: str) -> None:
    assert order(source) == []


@pytest.mark.parametrize("source", [WORKFLOWS["deploy.yml"], DEPLOYMENT], ids=["github", "azure"])
def test_an_environment_gets_the_package_after_its_hash_was_compared(source: str) -> None:
    assert not unverified(source)
    assert unverified(source.replace("verify", "build"))
    assert unverified(source.replace(" --from-package baton.zip", ""))


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        (WORKFLOWS["main.yml"], "[package, staging]", "[package, dev]"),
        (WORKFLOWS["main.yml"], "needs: [package, dev]", "needs: package"),
        (AZURE, "dependsOn: [package, staging]", "dependsOn: package"),
        (AZURE, "artefact.py build", "artefact.py make"),
    ],
)
def test_a_short_cut_to_an_environment_is_found(source: str, old: str, new: str) -> None:
    assert old in source
    assert order(source.replace(old, new))


def unasked(github: str, azure: str) -> list[str]:
    """Where a version would be carried on without a person's approval, or in without having gone out."""
    jobs = yaml.safe_load(github)["jobs"]
    ways = [("out", "approved"), ("into", "approved"), ("into", "out")]
    found = [f"{name} does not need {before}" for name, before in ways if before not in jobs[name]["needs"]]
    found += [] if jobs["approved"]["uses"].endswith("/approved.yml") else ["nobody is asked on GitHub"]
    out, into = yaml.safe_load(azure)["stages"]
    steps = [step.get("template", step.get("displayName", "")) for step in out["jobs"][0]["steps"]]
    asked = "approved.pipeline.yml" in steps and steps.index("approved.pipeline.yml") < steps.index("share it")
    found += [] if asked else ["nobody is asked on Azure"]
    found += [] if into["dependsOn"] == out["stage"] else ["in does not depend on out"]
    return found + ["a certificate is not compared" for text in (github, azure) if text.count("CERTIFICATE: $") != 2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("needs: approved", "needs: []"),
        ("needs: [approved, out]", "needs: [approved]"),
        ("workflows/approved.yml", "workflows/deploy.yml"),
        ("- template: approved.pipeline.yml", "- template: deploy.pipeline.yml"),
        ("dependsOn: carry_out", "dependsOn: []"),
        ("CERTIFICATE: $(certificate)", "OTHER: $(certificate)"),
    ],
)
def test_no_version_is_carried_on_that_no_person_approved(old: str, new: str) -> None:
    github = WORKFLOWS["carry.yml"]
    assert unasked(github, CARRY) == []
    assert old in github + CARRY
    assert unasked(github.replace(old, new, 1), CARRY.replace(old, new, 1))


def test_every_make_target_that_a_pipeline_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = re.findall(r"\bmake (\w+)", AZURE + "".join(WORKFLOWS.values()))
    assert named
    assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in named)


@pytest.mark.parametrize("bad", ["", "requirements.txt", "requirements-databricks.txt"])
def test_every_lock_is_asked_about_each_night_whatever_another_one_says(tmp_path: Path, bad: str) -> None:
    (tmp_path / "pip-audit").write_text(f'#!/bin/sh\necho "$*" >> "{tmp_path}/asked"\ntest "$4" != "{bad}"\n')
    (tmp_path / "pip-audit").chmod(0o755)
    named = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["make", "audit"], cwd=ROOT, env=named, capture_output=True, text=True, check=False)
    asked = (tmp_path / "asked").read_text().splitlines()
    locks = sorted(path.name for path in ROOT.glob("requirements*.txt"))
    assert sorted(asked) == [f"--disable-pip --require-hashes --requirement {lock}" for lock in locks]
    assert (done.returncode != 0) == bool(bad), done.stderr


def test_the_nightly_audit_is_a_step_of_its_own_whose_end_counts() -> None:
    steps = [
        step["run"] for step in yaml.safe_load(WORKFLOWS["nightly.yml"])["jobs"]["packages"]["steps"] if "run" in step
    ]
    (stage,) = (stage for stage in yaml.safe_load(AZURE)["stages"] if stage["stage"] == "nightly")
    (job,) = (job for job in stage["jobs"] if job["job"] == "packages")
    assert [step["script"] for step in job["steps"] if "script" in step] == steps
    assert steps[-1] == "make audit"


def unpinned(workflow: str, pipeline: str) -> list[str]:
    """What is wrong with how a repository of models calls ours: rights, inputs, and one commit in every place."""
    (job,) = yaml.safe_load(workflow)["jobs"].values()
    stage = yaml.safe_load(pipeline)["stages"][0]["parameters"]
    inputs = yaml.safe_load(WORKFLOWS["models.yml"])[True]["workflow_call"]["inputs"]
    asked = {parameter["name"] for parameter in yaml.safe_load(MODELS)["parameters"]}
    place, _, commit = job["uses"].partition("@")
    found = [] if place.endswith("/.github/workflows/models.yml") else [f"{place} is not our workflow"]
    if not re.fullmatch(r"[0-9a-f]{40}", commit) or {commit} != {job["with"]["baton-commit"], stage["commit"]}:
        found.append("not one commit, all 40 digits, in all three places")
    if place.split("/.github")[0] != job["with"]["baton-repository"]:
        found.append("Baton's files come from elsewhere than its workflow")
    if job["with"].keys() - inputs or stage.keys() - asked:
        found.append("gives what is not asked for")
    if job["permissions"] != ALLOWED:
        found.append(f"has the permissions {job['permissions']}")
    return found


def test_a_repository_of_models_calls_our_workflow_by_one_commit() -> None:
    workflow, pipeline = EXAMPLE / ".github/workflows/models.yml", EXAMPLE / "azure-pipelines.yml"
    assert unpinned(workflow.read_text(), pipeline.read_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("models.yml@" + "0" * 40, "models.yml@main", "not one commit"),
        ('baton-commit: "' + "0" * 40, 'baton-commit: "' + "1" * 40, "not one commit"),
        ("baton-repository: ORG/baton", "baton-repository: SOMEONE/baton", "from elsewhere"),
        ("environment: dev", "enviroment: dev", "not asked for"),
        ("contents: read", "contents: write", "has the permissions"),
    ],
)
def test_a_repository_of_models_that_calls_it_otherwise_is_found(old: str, new: str, fault: str) -> None:
    workflow, pipeline = (
        (EXAMPLE / name).read_text() for name in (".github/workflows/models.yml", "azure-pipelines.yml")
    )
    assert old in workflow
    (found,) = unpinned(workflow.replace(old, new), pipeline)
    assert fault in found


def test_only_a_push_publishes_and_only_after_the_check() -> None:
    publish = yaml.safe_load(WORKFLOWS["models.yml"])["jobs"]["publish"]
    assert (publish["needs"], publish["if"].split(" && ")[0]) == ("check", "github.event_name == 'push'")
    (stage,) = next(iter(yaml.safe_load(MODELS)["stages"][1].values()))
    assert stage["dependsOn"] == "check"
    assert "ne(variables['Build.Reason'], 'PullRequest')" in stage["condition"]


def test_the_examples_model_is_the_one_that_new_model_makes(tmp_path: Path) -> None:
    copy_template(tmp_path / "rents", "rents")
    again = "cd examples/repository && rm -r models/rents && ../../.venv/bin/baton new-model rents"
    assert folder_hash(tmp_path / "rents") == folder_hash(EXAMPLE / "models/rents"), again


def test_the_examples_command_names_repository_and_commit_in_every_place(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "mine")
    (command,) = re.findall(r"^ +(sed .+)$", (EXAMPLE / "README.md").read_text(), re.MULTILINE)
    named = {
        "BATON_REPOSITORY": "you/baton",
        "BATON_COMMIT": "0123456789abcdef0123456789abcdef01234567",
        "PATH": "/usr/bin:/bin",
    }
    subprocess.run(["sh", "-euc", command], cwd=tmp_path / "mine", env=named, check=True)
    workflow = (tmp_path / "mine/.github/workflows/models.yml").read_text()
    pipeline = (tmp_path / "mine/azure-pipelines.yml").read_text()
    assert unpinned(workflow, pipeline) == []
    assert (workflow.count(named["BATON_COMMIT"]), pipeline.count(named["BATON_COMMIT"])) == (2, 1)
    assert "ORG/" not in workflow + pipeline
