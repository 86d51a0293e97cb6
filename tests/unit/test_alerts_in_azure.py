"""Every alert and the workbook are in Azure what they are here, and read only what is logged."""

from __future__ import annotations

import json
import re

import pytest

from shared.watching.alerts import ALERTS, Alert
from tests import alerts as written
from tests.bicep import declared
from tests.kusto import parser
from tests.sentences import sentences

# https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule: frequencies and windows, in minutes.
MINUTES = (5, 10, 15, 30, 45, 60, 120, 180, 240, 300, 360, 1440)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_it_reads_only_sentences_and_fields_that_are_logged(alert: Alert) -> None:
    said = sentences()
    assert [sentence for sentence in alert.rule.sentences if sentence not in said] == []
    missing = [(one, name) for one in alert.rule.sentences for name in alert.rule.fields if name not in said[one]]
    assert missing == []


def test_a_sentence_that_nobody_says_would_be_noticed() -> None:
    assert "event set aside" in sentences()
    assert "event put aside" not in sentences()
    assert "shares" not in sentences()["budget nearly used"]


def test_the_workbook_reads_only_fields_that_are_logged() -> None:
    said = sentences()
    assert {*written.STANDING, *written.SPENT, "states"} <= said["sweep done"]
    assert "release held" in said
    assert "candidate trained" in said


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_its_window_is_one_that_azure_monitor_takes(alert: Alert) -> None:
    assert alert.window_minutes in MINUTES
    assert alert.every_minutes in MINUTES
    assert alert.every_minutes <= alert.window_minutes


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_its_query_cuts_the_same_fields_out_of_a_message(alert: Alert) -> None:
    fields = {**dict.fromkeys(alert.rule.fields, "0.875"), "model": "m", "release": "m-0001"}
    message = f"{alert.rule.sentences[0]}  {' '.join(f'{name}={value}' for name, value in fields.items())}"
    cuts = dict(re.findall(r'(\w+) = (?:todouble\()?extract\("((?:[^"\\]|\\.)*)"', alert.kql))
    assert set(alert.rule.fields) <= cuts.keys()
    for name, pattern in cuts.items():
        found = re.search(pattern, message)
        assert found is not None
        assert found[1] == fields[name]


def test_the_files_of_azure_are_written_from_the_records() -> None:
    assert written.RULES.read_text() == written.written(written.rules())
    assert written.WORKBOOK.read_text() == written.written(written.workbook())


def test_the_bicep_module_reads_every_key_of_a_rule() -> None:
    source = (written.INFRA / "modules/alerts.bicep").read_text()
    asked = set(re.findall(r"\brule\.(\w+)", source))
    assert all(asked == rule.keys() for rule in json.loads(written.RULES.read_text())["alerts"])


def test_the_first_deployment_does_not_ask_for_a_table_that_no_line_has_made_yet() -> None:
    """Azure refuses a query over a table that is not there (Azure/bicep#11378), and AppTraces comes with the app's first lines."""
    source = (written.INFRA / "modules/alerts.bicep").read_text()
    [rules] = [one for one in declared(source) if one.what == "Microsoft.Insights/scheduledQueryRules"]
    assert rules.text("properties", "skipQueryValidation") == "true"


def test_microsofts_parser_finds_no_fault_in_any_query_and_finds_each_broken_one() -> None:
    queries = {alert.name: alert.kql for alert in ALERTS} | dict(written.PANELS)
    spend = queries["spend"]
    broken = {
        "a column": spend.replace("Message startswith_cs", "Messages startswith_cs"),
        "a table": spend.replace("AppTraces", "AppTrace"),
        "a function": spend.replace("todouble", "todoubles"),
        "a field": spend.replace("share > 0.8", "shares > 0.8"),
        "syntax": spend.replace("| where", "| were", 1),
    }
    found = parser.faults({**queries, **broken})
    assert found.keys() == broken.keys(), found
