"""The demo's story: one model from its first drop to a roll-back, each part played by the person whose job it is."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from local.datasets import BREAKS, Row, diabetes, write_csv
from local.demo.by_hand import train_and_register
from local.demo.following import MODEL, Following, features_of

FIRST, REST = (1, 101), (101, 443)
BAD_ALPHA = 5000
DRIFTED_REQUESTS = 150


class Story(Following):
    """The parts of the story, in their order."""

    def file(self, name: str, rows: list[Row]) -> Path:
        """A CSV on the laptop, to be dropped."""
        path = self.folder / name
        write_csv(rows, path)
        return path

    def publish(self) -> None:
        """The data scientist brings a model as a folder."""
        found = self.scientist.publish(self.source)
        self.tell.until(lambda: self._model_is(found), "the model is published")
        self.tell.step(
            f"published {self.source} as {found}", "a folder, named by the hash of its files; no restart, no redeploy"
        )

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

    def approve(self, number: int, why: str) -> None:
        """Operations approve, as themselves, through the web API."""
        release = f"{MODEL}-{number:04d}"
        self.operations.post(f"/api/releases/{release}/approve", {"why": why})
        self.tell.step(f"approved {release} as user operations", f'POST /api/releases/{release}/approve, why: "{why}"')

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
        return train_and_register(
            MODEL,
            source=self.source,
            data=self.file("by-hand.csv", diabetes(*FIRST)),
            out=self.folder / "by-hand",
            tracking=self.env["MLFLOW_TRACKING_URI"],
            home=Path(self.env["BATON_HOME"]),
        )

    def drift(self) -> None:
        """Requests move away from the training data; the monitor raises an event, and the policy retrains."""
        patients = diabetes()[:DRIFTED_REQUESTS]
        for row in patients:
            features = features_of(row) | {"BMI": float(str(row["BMI"])) * 1.3, "BP": float(str(row["BP"])) + 25}
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
