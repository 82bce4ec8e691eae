"""JUnit XML: it fits the schema, counts add up, and the gate decides what is a failure.

No package ships a schema for this format, so ``junit.xsd`` beside this file was written for these
tests: it allows only what the common readers of the format agree on.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.reports import render
from evenhand.policies.gate import Gate
from tests.audit.reports.verdict_samples import GATE, sample_verdicts, verdict

SCHEMA = Path(__file__).with_name("junit.xsd")


def _cases(xml: bytes) -> dict[str, str]:
    """Item -> element below its test case ("passed" where there is none)."""
    found = {}
    for element in ET.fromstring(xml).iter("testcase"):
        kinds = [child.tag for child in element if child.tag != "system-out"]
        found[element.attrib["name"].split()[0]] = kinds[0] if kinds else "passed"
    return found


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_fits_the_schema(case: Case, lang: str) -> None:
    import xmlschema

    schema = xmlschema.XMLSchema(str(SCHEMA))
    for verdicts in (sample_verdicts(), []):
        xml = render("junit", case, verdicts, lang=lang, gate=GATE)
        schema.validate(ET.ElementTree(ET.fromstring(xml)))


def test_statuses(case: Case) -> None:
    assert _cases(render("junit", case, sample_verdicts())) == {
        "HL-01": "passed",
        "HL-02": "failure",
        "HL-03": "skipped",
        "HL-04": "skipped",
        "HL-05": "passed",
        "HL-06": "skipped",
        "HL-07": "error",
        "SL-01": "skipped",
        "SL-02": "skipped",
        "SL-03": "skipped",
        "SL-04": "failure",
    }


def test_the_gate_raises_what_it_says_fails(case: Case) -> None:
    strict = Gate(fail_on="medium", strict=True, inconclusive="fail", exit_code=1)
    raised = _cases(render("junit", case, sample_verdicts(), gate=strict))
    assert raised["SL-01"] == "failure"  # inconclusive, must, high
    assert raised["HL-03"] == "failure"  # a warning of severity medium
    lenient = _cases(render("junit", case, sample_verdicts(), gate=replace(strict, fail_on="high")))
    assert lenient["HL-03"] == "skipped"  # medium is below high
    assert lenient["HL-04"] == "skipped"  # pending is no failure


def test_counts_add_up(case: Case) -> None:
    root = ET.fromstring(render("junit", case, sample_verdicts()))
    suites = list(root)
    assert [s.attrib["name"] for s in suites] == ["house-lending 2026.11.0", "sample-law 2026.1"]
    # 7 + 4 items; two fail, one errs, HL-03 04 06 and SL-01 02 03 are skipped
    assert [root.attrib[k] for k in ("tests", "failures", "errors")] == ["11", "2", "1"]
    assert [s.attrib["skipped"] for s in suites] == ["3", "3"]


def test_a_skipped_item_says_why(case: Case) -> None:
    root = ET.fromstring(render("junit", case, sample_verdicts()))
    messages = [s.attrib["message"] for s in root.iter("skipped")]
    assert "inconclusive: The interval [0.7, 0.92] spans 0.8." in messages
    properties = {p.attrib["name"]: p.attrib["value"] for p in root.iter("property")}
    assert properties["evenhand.case"] == case.digest


def test_characters_that_xml_forbids_are_shown(case: Case) -> None:
    bad = verdict("X-1", "fail", "a\x00b\x0bc\ufffed", "e\x1bf\x85g")
    root = ET.fromstring(render("junit", case, [bad]))  # would not parse otherwise
    [element] = root.iter("testcase")
    assert element.attrib["name"] == "X-1 a⟨U+0000⟩b c⟨U+FFFE⟩d"
    assert element[0].attrib["message"] == "e⟨U+001B⟩f⟨U+0085⟩g"
