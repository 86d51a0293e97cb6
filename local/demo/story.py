"""The demo's story: one model from its first drop to a roll-back, each part played by the person whose job it is."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.client import Client
from local.datasets import BREAKS, PATIENTS, Row, diabetes, write_csv
from local.demo.telling import Telling
from shared.runs.environments import python_for

MODEL = "diabetes"
FOLDER = Path("models") / MODEL
FIRST, REST = (1, 101), (101, 443)
BAD_ALPHA = 5000
DRIFTED_REQUESTS = 150


@dataclass
class Story:
    """What the demo knows while it goes on: its clients, one a person, and the folder for its files."""

    env: dict[str, str]
    folder: Path
    tell: Telling
    seen: list[str] = field(default_factory=list)
    source: Path = FOLDER
    _asked: int = 0

    def __post_init__(self) -> None:
        self.engineer = Client(self.env, "data-engineer")
        self.scientist = Client(self.env, "data-scientist")
        self.operations = Client(self.env, "operations")

    # Asking

    def release(self, number: int) -> dict[str, Any] | None:
        """A release as the API shows it, or None before it is there."""
        wanted = f"{MODEL}-{number:04d}"
        releases = self.operations.get(f"/api/models/{MODEL}")["releases"]
        return self.operations.get(f"/api/releases/{wanted}") if any(r["id"] == wanted for r in releases) else None

    def reach(self, number: int, *states: str) -> dict[str, Any]:
        """Wait until a release is in one of these states."""

        def look() -> dict[str, Any] | None:
            found = self.release(number)
            return found if found is not None and found["state"] in states else None

        return self.tell.until(look, f"release {number} becomes {' or '.join(states)}")

    def caused_by(self, kind: str, *states: str) -> dict[str, Any]:
        """Wait until the newest release with this kind of cause is in one of these states."""

        def look() -> dict[str, Any] | None:
            for listed in self.operations.get(f"/api/models/{MODEL}")["releases"]:
                found: dict[str, Any] = self.operations.get(f"/api/releases/{listed['id']}")
                if any(cause["kind"] == kind for cause in found["causes"]):
                    return found if found["state"] in states else None
            return None

        return self.tell.until(look, f"a release caused by {kind} becomes {' or '.join(states)}")

    def file(self, name: str, rows: list[Row]) -> Path:
        """A CSV on the laptop, to be dropped."""
        path = self.folder / name
        write_csv(rows, path)
        return path

    # The parts

    def publish(self) -> None:
        """The data scientist brings a model as a folder."""
        found = self.scientist.publish(self.source)
        self.tell.until(lambda: self._model_is(found), "the model is published")
        self.tell.step(
            f"published {self.source} as {found}", "a folder, named by the hash of its files; no restart, no redeploy"
        )

    def _model_is(self, folder: str) -> bool | None:
        models = {model["name"]: model for model in self.operations.get("/api/models")}
        return True if models.get(MODEL, {}).get("folder") == folder else None

    def first_model(self) -> None:
        """A first drop becomes a model that waits for a person."""
        file = self.file("patients-1.csv", diabetes(*FIRST))
        blob = self.engineer.drop(MODEL, file)
        self.tell.step(
            f"dropped {blob} (100 patients)", "the ordinary azure-storage-blob client; Baton only hears BlobCreated"
        )
        tags = self._accepted(blob)
        self.tell.step(f"accepted as file {tags['version']}", f"it keeps its contract; on the drop itself: {tags}")
        self._follow(1)
        release = self.reach(1, "awaiting approval", "held", "failed")
        self.tell.expect(
            release["state"] == "awaiting approval", f"{release['id']} awaits approval, not {release['why']}"
        )
        floor = re.search(r"floor: [^;]+", release["verdict"])
        self.tell.step(
            "judged, certified, staged; approval asked",
            f"no champion yet, so {floor[0] if floor else 'the floor'} decides",
        )
        self.approve(1, "the floor is met and nothing else serves")
        self.reach(1, "live")
        answer = self._score()
        self.tell.expect(answer.version == release["version"], "the new version answers")
        self.tell.step(
            "live: all traffic in one step, since nothing served before",
            f"a request through the router: {answer.status}, {answer.body[:60]}, header x-baton-version: {answer.version}",
        )
        self.seen.append(f"100 patients became {release['id']}: accepted, trained, certified, approved, live")

    def _accepted(self, blob: str) -> dict[str, str]:
        tags = self.tell.until(lambda: self._verdict(blob), f"{blob} gets its verdict")
        self.tell.expect(tags["baton"] == "accepted", f"{blob} is accepted")
        return tags

    def _verdict(self, blob: str) -> dict[str, str] | None:
        tags = self.engineer.verdict(blob)
        return tags if tags.get("baton") in ("accepted", "refused") else None

    def _follow(self, number: int) -> None:
        """Tell the states of a release as they are reached."""
        for state in ("judging", "certifying"):
            later = {"judging": ("judging", "registering", "certifying"), "certifying": ("certifying", "staging")}[
                state
            ]
            found = self.reach(number, *later, "awaiting approval", "held", "failed")
            if found["state"] in ("held", "failed"):
                return
            done = (
                "trained in a process of its own"
                if state == "judging"
                else f"registered in MLflow as version {found['version']}"
            )
            self.tell.step(done, found["train_run"] if state == "judging" else "the gates passed")

    def approve(self, number: int, why: str) -> None:
        """Operations approve, as themselves, through the web API."""
        release = f"{MODEL}-{number:04d}"
        self.operations.post(f"/api/releases/{release}/approve", {"why": why})
        self.tell.step(f"approved {release} as user operations", f'POST /api/releases/{release}/approve, why: "{why}"')

    def _score(self) -> Any:
        self._asked += 1
        return self.operations.score(MODEL, json.dumps({"data": [_features(diabetes()[self._asked % PATIENTS])]}))

    def better_model(self) -> None:
        """More data: a candidate that is proved better takes the traffic in steps."""
        blob = self.engineer.drop(MODEL, self.file("patients-2.csv", diabetes(*REST)))
        self.tell.step(f"dropped {blob} (342 patients)", "")
        self._accepted(blob)
        self._follow(2)
        release = self.reach(2, "awaiting approval", "held", "failed")
        self.tell.expect(release["state"] == "awaiting approval", f"{release['id']} is better, not {release['why']}")
        gain = release["gain"]
        self.tell.step(
            f"better: mse {gain['candidate']:.0f} against {gain['champion']:.0f}",
            f"gain {gain['gain']:.0f}, 95 % bounds {gain['lower']:.0f} to {gain['upper']:.0f}, on the same {gain['rows']:.0f} holdout rows",
        )
        self.approve(2, f"at least {gain['lower']:.0f} better on the same rows")
        self._watch_traffic(2)
        self.reach(2, "live")
        self.tell.step("live", f"version {self._score().version} answers")
        self.seen.append(
            f"342 more made {release['id']}, better by {gain['gain']:.0f} ({gain['lower']:.0f} at least): rolled out in steps"
        )

    def _watch_traffic(self, number: int) -> None:
        """Tell each share as it is reached, and send a few requests meanwhile, as clients do."""
        release = f"{MODEL}-{number:04d}"
        told = 0
        while told < 100:
            told = self.tell.until(lambda seen=told: self._next_share(number, seen), "the next step of the roll-out")  # type: ignore[misc]
            self.tell.step(f"{told} % of the traffic to {release}", "each step bakes, and is counted before the next")
            self._score()

    def _next_share(self, number: int, seen: int) -> int | None:
        found = self.release(number)
        self.tell.expect(
            found is not None and found["state"] in ("awaiting approval", "rolling out", "live"), "it rolls out"
        )
        share = int(found["split"].get(found["id"], 0)) if found else 0
        return share if share > seen else None

    def worse_model(self) -> None:
        """A worse candidate is held, and that is a good end."""
        changed = self.folder / "changed" / MODEL
        shutil.copytree(self.source, changed, dirs_exist_ok=True)
        spec = changed / "model.yaml"
        spec.write_text(re.sub(r"alpha: [\d.]+", f"alpha: {BAD_ALPHA}", spec.read_text()))
        self.scientist.publish(changed, why=f"try alpha {BAD_ALPHA}")
        self.tell.step(f"published alpha {BAD_ALPHA}", "a code change is a cause like any other")
        release = self.caused_by("code", "held", "failed", "awaiting approval")
        self.tell.expect(release["state"] == "held", f"the worse candidate is held, not {release['state']}")
        self.tell.step("✓ held", release["why"])
        self.scientist.publish(self.source, why="back to the good one")
        why = self.tell.until(lambda: self._note("not retrained"), "the same folder is not trained again")
        self.tell.step("published the good folder again: nothing to do", why)
        self.seen.append(f"a worse candidate was held: {release['why']}")

    def _note(self, what: str) -> str | None:
        lines = self.operations.get(f"/api/models/{MODEL}/journal?from=1")["lines"]
        notes = [note for line in lines for note in line["notes"] if note["what"] == what]
        return notes[-1].get("why", "") if notes else None

    def broken_file(self) -> None:
        """A file that breaks its contract goes to quarantine, with a report that names rows, columns and values."""
        rows = BREAKS["schema"](BREAKS["text"](diabetes(1, 21)))
        blob = self.engineer.drop(MODEL, self.file("patients-broken.csv", rows))
        tags = self.tell.until(lambda: self._verdict(blob), "the broken file gets its verdict")
        self.tell.expect(tags["baton"] == "refused", "the broken file is refused")
        report = self.engineer.read(tags["report"].replace("report.html", "report.json"))
        problems = [problem["what"] for problem in json.loads(report)["problems"] if problem["severity"] == "error"]
        samples = next(problem["samples"] for problem in json.loads(report)["problems"] if problem["samples"])
        self.tell.step(
            f"dropped {blob}: refused, in quarantine", "; ".join(problems) + f"; values {', '.join(samples)}"
        )
        self.tell.step("its report", f"{self.env['BATON_URL']}/reports/{tags['report']}")
        self.seen.append(f"a broken file was quarantined: {problems[0]}")

    def by_hand(self) -> None:
        """A version that somebody registers with the MLflow client passes the same gates."""
        version = self._register_by_hand()
        self.tell.step(
            f"registered version {version} by hand",
            "trained on 100 patients on the laptop, with the plain MLflow client",
        )
        release = self.caused_by("registered", "held", "failed", "awaiting approval")
        self.tell.expect(
            release["state"] == "held", f"the hand-made version is judged and held, not {release['state']}"
        )
        self.tell.step(f"✓ {release['id']} judged it like any other: held", release["why"])

    def _register_by_hand(self) -> str:
        from mlflow.tracking import MlflowClient

        out = self.folder / "by-hand"
        out.mkdir(exist_ok=True)
        data = self.file("by-hand.csv", diabetes(*FIRST))
        client = MlflowClient(self.env["MLFLOW_TRACKING_URI"])
        name = "by-hand"
        experiment = client.get_experiment_by_name(name)
        run = client.create_run(experiment.experiment_id if experiment else client.create_experiment(name)).info.run_id
        python = python_for(self.source, "run", home=Path(self.env["BATON_HOME"]))
        command = [
            str(python),
            str(self.source / "train.py"),
            "--data",
            str(data),
            "--model-dir",
            str(out),
            "--alpha",
            "30",
        ]
        settings = {"MLFLOW_TRACKING_URI": self.env["MLFLOW_TRACKING_URI"], "MLFLOW_RUN_ID": run}
        subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True)
        client.log_artifacts(run, str(out), "model")
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        with contextlib.redirect_stdout(io.StringIO()):
            client.set_terminated(run)
            return str(client.create_model_version(MODEL, f"runs:/{run}/model", run).version)

    def drift(self) -> None:
        """Requests move away from the training data; the monitor raises an event, and the policy retrains."""
        patients = diabetes()[:DRIFTED_REQUESTS]
        for row in patients:
            features = _features(row) | {"BMI": float(str(row["BMI"])) * 1.3, "BP": float(str(row["BP"])) + 25}
            self.operations.score(MODEL, json.dumps({"data": [features]}))
        self.tell.step(
            f"scored {len(patients)} drifted requests", "BMI a third higher, BP 25 mmHg higher than in training"
        )
        release = self.caused_by("drift", "held", "failed", "awaiting approval")
        cause = release["causes"][0]
        self.tell.step(
            f"a drift alert opened {release['id']}",
            f"{cause['detail']}; trained again: {release['state']}, {release['why']}",
        )
        self.seen.append(f"drift of what is scored retrained by itself: {cause['detail']}")

    def roll_back(self) -> None:
        """One command gives the traffic back to the champion before."""
        before = self._score().version
        self.operations.post(f"/api/models/{MODEL}/rollback", {"why": "show that it takes one command"})
        after = self.tell.until(lambda: self._serves_other_than(before), "the champion before serves again")
        self.tell.step(
            f"rolled back: version {after} answers instead of {before}", "it was kept warm, so nothing had to start"
        )
        self.seen.append(f"one command rolled back from version {before} to {after}")

    def _serves_other_than(self, version: str) -> str | None:
        answer = self._score()
        return answer.version if answer.status == 200 and answer.version != version else None


def _features(row: Row) -> Row:
    """What a scoring request holds of a patient: the measurements, without number and outcome."""
    return {name: value for name, value in row.items() if name not in ("PATIENT", "Y")}
