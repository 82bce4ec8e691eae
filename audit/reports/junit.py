"""JUnit XML: one test suite a pack, one test case an item, for the test view of a CI server.

The elements and attributes are those that the common readers of this format agree on.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts import figures
from evenhand.audit.reports.parts.dossier import Dossier, sources
from evenhand.audit.reports.parts.outline import PackVerdicts, packs
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.text import visible
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import SEVERITIES, Verdict

MEDIA_TYPE = "application/xml"
SUFFIX = ".xml"
DESCRIPTION = "JUnit XML: one suite a pack, one case an item, for CI servers."

# The element below a test case; a status in neither of these two is "skipped", with its reason.
_ELEMENTS = {"fail": "failure", "error": "error"}
_PASSED = frozenset({"pass", "attested"})


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """Failures and errors fail; all that is open, waived or does not apply is skipped.

    Where the gate was set so that inconclusive items or warnings fail, they are failures here too.
    """
    root = ET.Element("testsuites", name=f"evenhand: {visible(case.subject.name)}")
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for pack in packs(verdicts):
        suite = _suite(case, pack, words(lang), gate, dossier)
        for name in totals:
            totals[name] += int(suite.attrib[name])
        root.append(suite)
    for name, total in totals.items():
        root.set(name, str(total))
    ET.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="utf-8") + b"\n"


def _suite(
    case: Case,
    pack: PackVerdicts,
    say: Words,
    gate: Gate | None,
    dossier: Dossier,
) -> ET.Element:
    kinds = [_element(v, gate) for v in pack.verdicts]
    suite = ET.Element(
        "testsuite",
        name=visible(f"{pack.id} {pack.version}"),
        tests=str(len(kinds)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(case, pack, gate, dossier, say):
        ET.SubElement(properties, "property", name=visible(name), value=visible(value))
    for verdict, kind in zip(pack.verdicts, kinds, strict=True):
        suite.append(_test_case(verdict, kind, say))
    return suite


def _properties(
    case: Case, pack: PackVerdicts, gate: Gate | None, dossier: Dossier, say: Words
) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = [
        ("evenhand.case", case.digest),
        ("evenhand.subject", case.subject.name),
        ("evenhand.pack", pack.id),
        ("evenhand.pack_version", pack.version),
    ]
    found += [(f"evenhand.gate.{k}", v) for k, v in sorted(gate.to_json().items())] if gate else []
    return found + [(f"evenhand.source.{k}", v) for k, v in sources(case, dossier, say)]


def _element(verdict: Verdict, gate: Gate | None) -> str:
    """ "failure", "error", "skipped", or "" for a test that passed."""
    if verdict.status in _PASSED:
        return ""
    raised = gate is not None and _is_raised(verdict, gate)
    return "failure" if raised else _ELEMENTS.get(verdict.status, "skipped")


def _is_raised(verdict: Verdict, gate: Gate) -> bool:
    """True where the gate was set so that this open item fails."""
    grave = SEVERITIES[: [str(s) for s in SEVERITIES].index(gate.fail_on) + 1]
    if verdict.severity not in grave:
        return False
    if verdict.status == "inconclusive":
        return gate.inconclusive == "fail" and verdict.obligation == "must"
    return verdict.status == "warn" and gate.strict and verdict.obligation != "may"


def _test_case(verdict: Verdict, kind: str, say: Words) -> ET.Element:
    title = visible(say.pick(verdict.title))
    element = ET.Element(
        "testcase", name=visible(f"{verdict.item} {title}"), classname=visible(verdict.pack)
    )
    because = visible(say.pick(verdict.because))
    if kind == "skipped":
        ET.SubElement(element, "skipped", message=f"{verdict.status}: {because}")
    elif kind:
        detail = ET.SubElement(
            element, kind, message=because, type=visible(f"{verdict.status}.{verdict.reason_code}")
        )
        detail.text = "\n".join(_details(verdict, say))
        return element
    ET.SubElement(element, "system-out").text = "\n".join(_details(verdict, say))
    return element


def _details(verdict: Verdict, say: Words) -> list[str]:
    lines = [
        f"status: {verdict.status}",
        f"because: {say.pick(verdict.because)}",
        f"severity: {verdict.severity}",
        f"obligation: {verdict.obligation}",
    ]
    if verdict.underlying != verdict.status:
        lines.append(f"underlying: {verdict.underlying}")
    if verdict.threshold is not None:
        origin = f" ({verdict.threshold_origin})" if verdict.threshold_origin else ""
        lines.append(f"threshold: {verdict.comparator} {figures.number(verdict.threshold)}{origin}")
    if verdict.rows_needed is not None:
        lines.append(f"rows needed: {verdict.rows_needed}")
    if verdict.fix:
        lines.append(f"fix: {say.pick(verdict.fix)}")
    lines += [f"clause: {k} {v}" for k, v in sorted(verdict.clause.items())]
    lines += [f"finding: {name}" for name in verdict.findings]
    return [visible(line) for line in lines]
