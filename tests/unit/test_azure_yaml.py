"""azure.yaml is one that azd takes, and each fault that its schema knows is found in a broken one."""

from __future__ import annotations

import pytest

from tests.azd_rules import azd_faults
from tests.documents import ROOT

SOURCE = (ROOT / "azure.yaml").read_text()


def test_azure_yaml_is_one_that_azd_takes() -> None:
    assert azd_faults(SOURCE, ROOT) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("name: baton", "name: Baton_", "is refused"),
        ("name: baton", "name: b", "is refused"),
        ("module: main", "module: mian", "there is no infra/mian.bicep"),
        ("postdeploy:", "postdeployed:", "never called"),
        ("prepackage:", "preprovision:", "hook preprovision is never called"),
        ("infra/subscribe.sh", "infra/subscribes.sh", "not there"),
        ("infra/prepackage.sh", "infra/prepackages.sh", "not there"),
        ("shell: sh", "shell: bash", "has the shell bash"),
        (
            "        run: infra/prepackage.sh",
            "        run: infra/prepackage.sh\n        runs: x",
            "the unknown key runs",
        ),
        ("host: function", "host: functions", "no Python function app"),
        ("    project: .\n", "", "its project has no host.json"),
        ("    project: .", "    project: .\n    image: x", "image is refused with this host"),
        ("    project: .", "    project: .\n    langauge: x", "unknown key langauge"),
        ("services:", "service:", "unknown key"),
        ("services:", "service:", "nothing would be deployed"),
    ],
)
def test_an_azure_yaml_that_azd_refuses_is_found(old: str, new: str, fault: str) -> None:
    assert old in SOURCE
    found = azd_faults(SOURCE.replace(old, new, 1), ROOT)
    assert any(fault in one for one in found), found
