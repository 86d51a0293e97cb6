"""As much of Azure Data Factory as our pipeline needs: it runs Web activities in order and waits as the service does.

From "Web activity" and "Expression language" of learn.microsoft.com/azure/data-factory: an answer of 202 with `Location` is
followed by GETs there until another status comes, unless `turnOffAsync`; a status of 400 or more fails the activity, which
is tried `retry` times again, with the same run id; what depends on it with Succeeded is skipped then. The polls carry the
activity's authentication here; that the service's do is assumed (docs/azure.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jsonschema

SCHEMA = json.loads(Path(__file__).with_name("schema.json").read_text())
POLLS_AT_MOST = 200
REFERENCE = re.compile(r"pipeline\(\)\.(RunId|parameters\.\w+)|activity\('(\w+)'\)\.output\.(\w+)")


def faults(kind: str, document: object) -> list[str]:
    """What Data Factory would refuse in a "pipeline" or a "trigger", by the service's own specification."""
    validator = jsonschema.Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{kind}"})
    return [f"{found.json_path}: {found.message}" for found in validator.iter_errors(document)]


@dataclass
class Run:
    """One run of a pipeline. `send` answers a request; `pause` passes before each poll."""

    pipeline: Mapping[str, Any]
    send: Callable[[httpx.Request], httpx.Response]
    pause: Callable[[], None]
    run_id: str
    token: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    polls: int = 0

    def go(self) -> str:
        """Run all activities; "Succeeded", or "Failed" and by which activity."""
        for activity in self.pipeline["properties"]["activities"]:
            needs = [needed["activity"] for needed in activity.get("dependsOn", ())]
            assert all(name in self.outputs for name in needs), f"{activity['name']} would be skipped"
            for _ in range(1 + activity.get("policy", {}).get("retry", 0)):
                answer = self.web(activity["typeProperties"])
                if answer.status_code < 400:
                    break
            if answer.status_code >= 400:
                return f"Failed: {activity['name']}: {answer.text}"
            found = answer.json()
            assert isinstance(found, dict), "Response Content is not a valid JObject"
            self.outputs[activity["name"]] = found
        return "Succeeded"

    def web(self, asked: Mapping[str, Any]) -> httpx.Response:
        """One try of a Web activity with these properties, to its last answer."""
        headers = {name: self.value(value) for name, value in asked.get("headers", {}).items()}
        assert asked["authentication"]["type"] == "MSI"
        headers |= {"Authorization": f"Bearer {self.token}"}
        body = {name: self.value(value) for name, value in asked["body"].items()} if "body" in asked else None
        request = httpx.Request(asked["method"], self.value(asked["url"]), headers=headers, json=body)
        answer = self.send(request)
        while answer.status_code == 202 and "location" in answer.headers and not asked.get("turnOffAsync"):
            self.polls += 1
            assert self.polls < POLLS_AT_MOST, answer.text
            self.pause()
            there = {"Authorization": f"Bearer {self.token}"}
            answer = self.send(httpx.Request("GET", answer.headers["location"], headers=there))
        return answer

    def value(self, written: Any) -> str:
        """What a string or an expression stands for; of functions only `concat`."""
        text = written["value"] if isinstance(written, dict) else written
        if not text.startswith("@"):
            return str(text)
        inside = text[1:]
        parts = re.findall(r"'[^']*'|[\w().']+", inside[7:-1]) if inside.startswith("concat(") else [inside]
        return "".join(part.strip("'") if re.fullmatch(r"'[^']*'", part) else self._reference(part) for part in parts)

    def _reference(self, part: str) -> str:
        found = REFERENCE.fullmatch(part)
        assert found, f"{part} is no expression that this caller knows"
        if found[1] == "RunId":
            return self.run_id
        if found[1]:
            name = found[1].removeprefix("parameters.")
            return str(self.parameters.get(name, self.pipeline["properties"]["parameters"][name]["defaultValue"]))
        return str(self.outputs[found[2]][found[3]])
