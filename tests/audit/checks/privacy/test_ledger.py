"""privacy.ledger: what the model folder's ledger claims beside epsilon and delta."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from evenhand.audit.checks.privacy import ledger
from evenhand.audit.checks.record import Artifact
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.words.reasons import render

CLAIM: dict[str, Any] = {
    "epsilon": 2.5,
    "epsilon_rdp": 3.0,
    "epsilon_lower": 2.0,
    "delta": 1e-4,
    "unit": "row",
    "not_certified": ["--noise-seed was given"],
    "outside_guarantee": ["the vocabulary", "class names"],
    "preprocessing": {"a": "outside the guarantee", "b": "declared public", "c": "declared public"},
    "composition": {"state": "known", "epsilon": 4.0, "runs": 3, "accountant": "PRV"},
}
ENTRIES: list[dict[str, Any]] = [
    {
        "seq": 1,
        "at": "2026-11-20T09:00:00+00:00",
        "event": "opened",
        "steps": 0,
        "epsilon": 0.0,
        "accountant": "PRV",
    },
    {
        "seq": 3,
        "at": "2026-11-20T09:01:00+00:00",
        "event": "closed",
        "steps": 40,
        "epsilon": 2.5,
        "accountant": "PRV",
    },
]
TIMELINE = {"entries": ENTRIES, "n_lines": 3}


def yielded(says: dict[str, Any]) -> list[Finding | Artifact]:
    predictor = SimpleNamespace(maker_says=says)
    subject: Any = SimpleNamespace(model=SimpleNamespace(predictor=predictor))
    return list(ledger.measure(subject, seed=0, levels=(0.95,)))


def found(says: dict[str, Any]) -> dict[str, Finding]:
    return {f.measure: f for f in yielded(says) if isinstance(f, Finding)}


def test_every_number_by_hand() -> None:
    findings = found({"privacy": {**CLAIM, "timeline": TIMELINE}, "n_train": 2000})
    assert set(findings) == set(ledger.MEASURES)
    values = {name: f.value for name, f in findings.items()}
    assert values == {
        "composed_epsilon": 4.0,
        "composed_run_count": 3.0,
        "expected_catastrophe_count": pytest.approx(0.2),  # 0.0001 times 2,000 rows
        "epsilon_over_lower_limit": pytest.approx(1.25),  # 2.5 / 2.0
        "uncertified_reason_count": 1.0,
        "outside_guarantee_count": 2.0,
        "unprotected_column_rate": pytest.approx(1 / 3),
        "ledger_line_count": 3.0,
    }
    assert render(findings["uncertified_reason_count"].reason) == "--noise-seed was given"
    assert all(f.n == 2000 for f in findings.values())


@pytest.mark.parametrize("composition", [None, {"state": "unknown"}])
def test_an_unknown_composition_is_undefined(composition: Any) -> None:
    findings = found({"privacy": {**CLAIM, "composition": composition}, "n_train": 9})
    for name in ("composed_epsilon", "composed_run_count"):
        assert findings[name].status == "undefined"
        assert "composition unknown" in render(findings[name].reason)


def test_what_the_ledger_does_not_say_is_undefined() -> None:
    claim = {k: v for k, v in CLAIM.items() if k not in ("epsilon_lower", "preprocessing")}
    findings = found({"privacy": claim, "n_train": 9})
    assert findings["epsilon_over_lower_limit"].status == "undefined"
    assert findings["unprotected_column_rate"].status == "undefined"


@pytest.mark.parametrize("says", [{}, {"privacy": None}])
def test_no_ledger_is_no_question(says: dict[str, Any]) -> None:
    with pytest.raises(MissingNeed, match="no ledger"):
        found(says)


def test_the_lines_of_the_ledger_go_into_the_case_as_they_are() -> None:
    told = yielded({"privacy": {**CLAIM, "timeline": TIMELINE}, "n_train": 2000})
    (artifact,) = [a for a in told if isinstance(a, Artifact)]
    assert artifact.name == "privacy.ledger.json"
    assert artifact.value["entries"] == ENTRIES
    assert (artifact.value["epsilon"], artifact.value["delta"]) == (2.5, 1e-4)
    (named,) = [f for f in told if isinstance(f, Finding) and f.artifacts]
    assert (named.measure, named.artifacts) == ("ledger_line_count", (artifact.name,))


@pytest.mark.parametrize(
    ("timeline", "reason"),
    [
        (None, "does not tell the lines"),
        ({"entries": [], "n_lines": 0}, "no list of 1 to 500"),
        ({"entries": ENTRIES, "n_lines": 1}, "it has 1 lines"),
        ({"entries": ENTRIES[::-1], "n_lines": 3}, "not in order"),
        ({"entries": ENTRIES[:1], "n_lines": 3}, "counts no step"),
        ({"entries": [{**ENTRIES[0], "event": "<b>"}], "n_lines": 3}, "an entry is none of"),
        ({"entries": [{**ENTRIES[0], "at": "yesterday"}], "n_lines": 3}, "'yesterday' is no time"),
        ({"entries": [{**ENTRIES[0], "epsilon": float("nan")}], "n_lines": 3}, "epsilon is no"),
        ({"entries": [{**ENTRIES[0], "steps": -1}], "n_lines": 3}, "steps is no count"),
    ],
)
def test_a_timeline_that_no_ledger_has_is_undefined(timeline: Any, reason: str) -> None:
    told = yielded({"privacy": {**CLAIM, "timeline": timeline}, "n_train": 9})
    assert not [a for a in told if isinstance(a, Artifact)]
    finding = found({"privacy": {**CLAIM, "timeline": timeline}, "n_train": 9})["ledger_line_count"]
    assert finding.status == "undefined"
    assert reason in render(finding.reason)
