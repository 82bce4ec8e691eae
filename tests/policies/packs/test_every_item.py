"""Every automated item of every shipped pack can pass, fail and be left open.

Findings are made here from what an item says in its file (comparator, threshold, grouping), on one
side of the threshold, on the other, and across it; a new item is picked up by itself.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.artifacts.kinds import DecisionBits
from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.case.plan import Plan
from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import measure_index
from evenhand.audit.run.decisions import decisions_json
from evenhand.audit.subject.predictions import Predictions
from evenhand.policies.schema import Item, Pack
from tests.policies.packs.every_item import (
    FEATURES,
    automated_items,
    case_for,
    findings,
    limits,
    places,
    verdict,
)
from tests.samples import finding, sample_plan


@pytest.mark.parametrize(("pack", "item"), list(automated_items()))
def test_a_number_in_another_unit_is_an_error_of_the_pack(
    pack: Pack, item: Item, tmp_path: Path
) -> None:
    check = item.check
    assert check is not None
    if check.comparator is None or check.unit == "any" or check.against is not None:
        return
    found = [f.model_copy(update={"unit": "furlong"}) for f in findings(item, "pass")]
    wrong = verdict(pack, item, case_for(pack, item, found))
    assert (wrong.underlying, wrong.reason_code) == ("error", "unit-differs")
    assert "furlong" in wrong.because["en"] and "furlong" in wrong.because["zh"]


PAIRED_ROWS = 400


def paired_case(path: Path, accuracy: float, plan: Plan, found: list[Finding]) -> Case:
    """A case on disk with decisions row by row: half the rows of each group, ``accuracy`` right."""
    half = PAIRED_ROWS // 2
    positive = np.tile([True, False], half)
    right = np.arange(PAIRED_ROWS) % half < round(accuracy * half)
    groups = pd.DataFrame({f: ["a"] * half + ["b"] * half for f in FEATURES})
    decisions = Predictions(positive, np.where(right, positive, ~positive), None, False, groups)
    with CaseWriter(path, plan) as writer:
        writer.add_artifact(DecisionBits.FILE, decisions_json(decisions))
        return writer.seal(found, Environment())


@pytest.mark.parametrize(("pack", "item"), list(automated_items()))
def test_it_can_pass_fail_and_be_left_open(pack: Pack, item: Item, tmp_path: Path) -> None:
    check = item.check
    assert check is not None
    if check.against is not None:
        check_against(pack, item, tmp_path)
        return
    passed = verdict(pack, item, case_for(pack, item, findings(item, "pass")))
    assert passed.underlying in ("pass", "attested"), passed.because
    failed = verdict(pack, item, case_for(pack, item, findings(item, "fail")))
    assert failed.underlying == "fail", failed.because
    assert failed.status == ("fail" if item.obligation == "must" else "warn")
    unmeasured = verdict(pack, item, case_for(pack, item, []))
    assert unmeasured.underlying == "inconclusive", unmeasured.because
    if check.decision == "bound":
        spans = verdict(pack, item, case_for(pack, item, findings(item, "open")))
        assert (spans.underlying, spans.reason_code) == ("inconclusive", "interval-spans")


def check_against(pack: Pack, item: Item, tmp_path: Path) -> None:
    """Items that compare with another case: worse, no worse, and nothing to compare with."""
    evidence, check = item.selects, item.check
    assert evidence is not None and check is not None
    alone = verdict(pack, item, case_for(pack, item, against_findings(item, 1.0)))
    assert (alone.underlying, alone.reason_code) == ("inconclusive", "no-comparison")
    if check.decision == "point":
        step = 1 if check.comparator in (">=", ">") else -1
        limit = limits(check)[0]
        before = case_for(pack, item, against_findings(item, 1.0))
        for change, status in ((step, "pass"), (-step, "fail")):
            now = case_for(pack, item, against_findings(item, 1.0 + limit + change))
            assert verdict(pack, item, now, before).underlying in (status, "attested")
        return
    plan = case_for(pack, item, []).plan
    assert evidence.measure == "accuracy_score"
    made = {
        name: paired_case(tmp_path / name, accuracy, plan, against_findings(item, accuracy))
        for name, accuracy in (("good", 0.95), ("bad", 0.5))
    }
    assert sample_plan().seed == plan.seed
    worse = verdict(pack, item, made["bad"], made["good"])
    assert (worse.underlying, worse.reason_code) == ("fail", "shown-worse")
    better = verdict(pack, item, made["good"], made["bad"])
    assert better.underlying in ("pass", "attested"), better.because


def against_findings(item: Item, value: float) -> list[Finding]:
    evidence = item.selects
    assert evidence is not None
    source = measure_index()[evidence.select].split(",")[0]
    return [
        finding(source, evidence.measure, value, value - 0.01, value + 0.01, n=PAIRED_ROWS, **p)
        for p in places(evidence)
    ]
