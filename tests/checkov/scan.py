"""`PYTHON scan.py FOLDER`, in checkov's environment: what its rules for Bicep and ours find, as JSON; needs no network.

checkov's own command loads the rules of every framework and asks its makers' service; this takes those for Bicep alone. What checkov
cannot parse, and a rule that ends with an error, is told too: neither is a pass.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import checkov.arm.checks.resource
import checkov.bicep.checks.param.azure
import checkov.bicep.checks.resource.azure  # noqa: F401 - these register their rules
from checkov.arm.base_resource_check import BaseResourceCheck
from checkov.bicep.runner import Runner
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.runner_filter import RunnerFilter
from doors import DOORS, rule


class Door(BaseResourceCheck):
    """One setting of one kind of resource; a value that only the deployment knows is not the right one."""

    def __init__(self, what: str, path: tuple[str, ...], wanted: object) -> None:
        self._path, self._wanted = path, wanted
        name = f"{'.'.join(path)} of {what} is {json.dumps(wanted)}"
        super().__init__(name, rule(what, path), [CheckCategories.NETWORKING], [what])

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        found: Any = conf
        while "config" in found and ("condition" in found or "loop_type" in found):  # behind a condition or a loop
            found = found["config"]
        for step in self._path:
            found = found.get(step) if isinstance(found, dict) else None
        return CheckResult.PASSED if found == self._wanted and type(found) is type(self._wanted) else CheckResult.FAILED


class Errors(logging.Handler):
    """Keeps what checkov logs as an error: a rule of its own that ended with one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def scan(folder: Path) -> Mapping[str, Any]:
    """Each failed rule with its resource and place, all rules that ran and held, and what could not be read or tried."""
    errors = Errors()
    logging.getLogger().handlers = [errors]
    for what, settings in DOORS.items():
        for path, wanted in settings.items():
            Door(what, path, wanted)
    report = Runner().run(root_folder=str(folder), runner_filter=RunnerFilter(framework=["bicep"]))
    found = [
        {
            "rule": one.check_id,
            "resource": one.resource,
            "file": one.file_path.lstrip("/"),
            "line": one.file_line_range[0],
            "says": one.check_name,
        }
        for one in report.failed_checks
    ]
    return {
        "found": found,
        "held": sorted({f"{one.check_id} {one.resource}" for one in report.passed_checks}),
        "unread": sorted(str(Path(file).relative_to(folder)) for file in report.parsing_errors),
        "errors": sorted({said.replace(f"{folder}/", "") for said in errors.said}),
    }


if __name__ == "__main__":
    print(json.dumps(scan(Path(sys.argv[1]).resolve())))
