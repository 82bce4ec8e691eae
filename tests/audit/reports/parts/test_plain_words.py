"""A case in plain words: people in a hundred, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts import plain_words
from evenhand.audit.reports.parts.groups import apart
from evenhand.audit.reports.parts.words import words
from evenhand.audit.run.run import audit
from evenhand.audit.words.numbers import in_a_hundred, range_in_a_hundred, span
from tests.audit.subjects import confusion_rows, stored_spec


def _audited(folder: Path, **changes: Any) -> Case:
    frame = pd.concat(
        [
            # 60 of 100 selected; of the 50 who should be, 10 are refused
            confusion_rows({"g": "a"}, tp=40, fp=20, fn=10, tn=30),
            # 30 of 100 selected; of the 50 who should be, 25 are refused; 5 of 50 burdened
            confusion_rows({"g": "b"}, tp=25, fp=5, fn=25, tn=45),
            # 4 people: too few to be compared
            confusion_rows({"g": "tiny"}, tp=0, fp=0, fn=2, tn=2),
        ]
    )
    checks = ["fairness.group_rates", "fairness.gaps", "performance.classification"]
    spec = stored_spec(frame, folder, sensitive_features=["g"], checks=checks, **changes)
    return audit(spec, folder / f"case-{len(list(folder.iterdir()))}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plain")


def test_a_benefit_is_told_by_who_gets_less_of_it(folder: Path) -> None:
    first, second = plain_words.worse(_audited(folder, positive_is="benefit"), words("en"))
    assert "in the group “b”, about 30 get the favourable answer" in first
    assert "of 100 in the group “a”, about 60. That is a gap of 30 in a hundred." in first
    # 10 / 50 = 20 in a hundred, 25 / 50 = 50
    assert "50 of 100 in the group “b” are refused, 20 of 100 in the group “a”" in second
    assert "(looking at 50 and 50 people): a gap of 30." in second
    assert "tiny" not in first + second


def test_a_burden_is_told_by_who_bears_more_of_it(folder: Path) -> None:
    first, second = plain_words.worse(_audited(folder, positive_is="burden"), words("zh"))
    assert "“a”群体每一百人中约 60 人得到不利结果，“b”群体约 30 人；相差 30 人。" in first
    # 20 / 50 = 40 in a hundred, 5 / 50 = 10
    assert "“a”群体每一百人有 40 人仍被不利对待，“b”群体有 10 人" in second


def test_without_a_meaning_no_error_is_called_a_refusal(folder: Path) -> None:
    [only] = plain_words.worse(_audited(folder), words("en"))
    assert "get the answer “1”" in only


def test_how_often_it_is_wrong(folder: Path) -> None:
    # wrong: 20 + 10 + 5 + 25 + 2 = 62 of 204, 30.4 in a hundred
    assert plain_words.wrong(_audited(folder), words("en")) == [
        "Of 100 people it decides about, it is wrong about roughly 30."
    ]


def test_groups_that_do_not_make_up_the_gap_are_not_named(case: Case) -> None:
    # the sample's gap of 0.17 is between white and black; a small hostile group has 0.5
    found = apart(case, "race", "selection_rate")
    assert found is not None and found.highest is None
    assert apart(case, "no such feature", "selection_rate") is None


def test_rounding_never_contradicts_itself() -> None:
    assert in_a_hundred(0.694, 0.933, 0.239) == ["69", "93", "24"]
    assert in_a_hundred(0.902, 0.904, 0.002) == ["90.2", "90.4", "0.2"]
    assert in_a_hundred(0.9999) == ["99.99"]  # not everybody
    assert in_a_hundred(0.00004) == ["0.004"]  # not nobody
    assert in_a_hundred(0.744, 0.916, 0.172) == ["74.4", "91.6", "17.2"]


@pytest.mark.parametrize(
    ("low", "high"), [(0.0512, 0.0538), (0.04999, 0.05001), (0.0, 0.0001), (0.99999, 1.0)]
)
def test_no_range_reads_as_one_number(low: float, high: float) -> None:
    assert len(set(range_in_a_hundred(low, high))) == 2
    shown = span(low, high)
    assert len(set(shown)) == 2
    # what is shown lies nearer to its own end than to the other
    for text, own, other in zip(shown, (low, high), (high, low), strict=True):
        assert abs(float(text) - own) < abs(float(text) - other)
    assert span(low, low)[0] == span(low, low)[1]


def test_leaks(case: Case) -> None:
    told = plain_words.leaks(case, words("en"))
    assert "epsilon 2.99" in told[0] and "Nobody tried" in told[1]
    # e^2.982 * 0.01 + 0.0001 = 0.1974: at most 20 of 100
    assert "at most 20 of 100 people" in plain_words.recognised(case, words("en"))[0]


def test_a_measured_attack_is_told(case: Case) -> None:
    from tests.samples import finding

    attack = finding("privacy.membership", "attack_auc", 0.61, 0.58, 0.64)
    told = plain_words.leaks(replace(case, findings=(*case.findings, attack)), words("en"))
    assert "Attack auc: 0.61" in told[1]
