"""A verdict as JUnit's XML, for a CI that shows tests: every rule of the contract is a test case, broken or not.

Rules about a column that the file lacks, and all of a file that cannot be read, are skipped. A broken warning is told
in a case that passes. The same verdict under the same contract gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree

from shared.data.rules import Contract
from shared.data.verdict import Problem, Verdict

Case = tuple[str, str]
WHOLE_FILE = "the file"
ALWAYS: Sequence[Case] = (("readable", ""), ("extra_column", ""), ("rows", ""), ("shape", ""))
NOT_READ = "the file was not read as far as this"
NO_COLUMN = "the file has no such column"
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(verdict: Verdict, contract: Contract, *, name: str) -> str:
    """The verdict on the file `name` as one test suite."""
    cases = _cases(verdict, contract)
    suite = ElementTree.Element("testsuite", name=name, tests=str(len(cases)), errors="0")
    for (rule, column), problems in cases.items():
        case = ElementTree.SubElement(suite, "testcase", classname=column or WHOLE_FILE, name=rule)
        _answer(case, problems, _why_not_asked(rule, column, verdict))
    for kind in ("failure", "skipped"):
        suite.set({"failure": "failures", "skipped": "skipped"}[kind], str(len(suite.findall(f"testcase/{kind}"))))
    properties = ElementTree.Element("properties")
    for key, value in (("sha256", verdict.sha256), ("rows", str(verdict.rows))):
        ElementTree.SubElement(properties, "property", name=key, value=value)
    suite.insert(0, properties)
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites, " ")
    _escape(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _escape(tree: ElementTree.Element) -> None:
    """XML has no word for most control characters, not even an escaped one; a column or a file may be called by them."""
    for element in tree.iter():
        for name, value in element.items():
            element.set(name, NO_XML.sub(_escaped, value))
        element.text = element.text and NO_XML.sub(_escaped, element.text)


def _escaped(mark: re.Match[str]) -> str:
    return mark[0].encode("unicode_escape").decode()


def _cases(verdict: Verdict, contract: Contract) -> Mapping[Case, list[Problem]]:
    """All that was asked of the file, in the contract's order, each with what was found; then what nobody asked."""
    cases: dict[Case, list[Problem]] = {case: [] for case in (*ALWAYS, *_rules(contract))}
    for problem in verdict.problems:
        cases.setdefault((problem.rule, problem.column), []).append(problem)
    return cases


def _rules(contract: Contract) -> Iterator[Case]:
    for name in contract.names:
        yield "missing_column", name
        yield "type", name
    for rule in contract.rules:
        yield rule.name, ", ".join(rule.columns)
    yield from ((level.name, level.column) for level in contract.levels)
    yield from [("last_line", "")] if contract.ends_lines else ()


def _why_not_asked(rule: str, column: str, verdict: Verdict) -> str:
    """Why a rule could not be held against the file; empty if it was."""
    if not verdict.columns:
        return NOT_READ
    if rule == "missing_column" or not column:
        return ""
    lacking = {problem.column for problem in verdict.problems if problem.rule == "missing_column"}
    if lacking & {column, *column.split(", ")}:
        return NO_COLUMN
    return "" if verdict.rows else NOT_READ


def _answer(case: ElementTree.Element, problems: Sequence[Problem], not_asked: str) -> None:
    errors = [problem for problem in problems if problem.severity == "error"]
    unasked = [problem for problem in problems if problem.rule == "not_checked"]
    if errors:
        message = "; ".join(problem.what for problem in errors)
        failure = ElementTree.SubElement(case, "failure", message=message, type=errors[0].rule)
        failure.text = "\n".join(map(_told, errors))
    elif unasked or (not_asked and not problems):
        message = "; ".join(problem.what for problem in unasked) or not_asked
        ElementTree.SubElement(case, "skipped", message=message)
    elif problems:
        told = (f"{_kind(problem)}: {problem.what}\n{_told(problem)}" for problem in problems)
        ElementTree.SubElement(case, "system-out").text = "\n".join(told)


def _kind(problem: Problem) -> str:
    return "rows refused" if problem.severity == "rows" else problem.severity


def _told(problem: Problem) -> str:
    lines = [f"rows: {', '.join(map(str, problem.rows))}"] if problem.rows else []
    found = "found (form only, it is personal)" if problem.masked else "found"
    lines += [f"{found}: {', '.join(sample or '(empty)' for sample in problem.samples)}"] if problem.samples else []
    return "\n".join([*lines, f"to mend it: {problem.remedy}"])
