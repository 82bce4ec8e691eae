"""Two models on the same rows: exact tests, paired intervals, refusals, and packs that ask."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest

from evenhand.audit.artifacts.kinds import DecisionBits
from evenhand.audit.case.case import Case
from evenhand.audit.cli import run
from evenhand.audit.comparing.compare import compare, paired_change, paired_decisions
from evenhand.audit.comparing.decisions import read_decisions
from evenhand.audit.comparing.gap_changes import gap_change
from evenhand.audit.errors import InputError
from evenhand.audit.files.shapes import parsed
from evenhand.audit.measure.paired import PairedCounts, mcnemar_exact, newcombe_paired
from evenhand.audit.measure.paired_gap import gap_change as change_from_counts
from evenhand.audit.measure.uncertainty.testing import adjust
from evenhand.audit.run.decisions import decisions_json
from evenhand.audit.run.run import audit
from evenhand.audit.subject.predictions import Predictions
from evenhand.audit.words.reasons import render
from evenhand.policies.judge import judge
from tests.audit.comparing.pairs import TABLE, case_of, two_models
from tests.audit.subjects import stored_spec
from tests.policies.build import check, item, make_pack
from tests.shares import share_ends

DAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (1, 9), (3, 11), (0, 5), (40, 70), (1000, 1100), (7, 7)]
)
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int) -> None:
    n = first + second
    expected = binomtest(first, n, 0.5).pvalue if n else 1.0
    assert mcnemar_exact(first, second) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_mcnemar_by_hand() -> None:
    # 1 of 10 discordant rows: 2 (C(10,0) + C(10,1)) / 2^10 = 22 / 1024
    assert mcnemar_exact(1, 9) == pytest.approx(22 / 1024)
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 2)


def test_newcombes_paired_interval_by_hand() -> None:
    # both 36, first 12, second 2, neither 0 of 50: p = 48/50, q = 38/50, difference 0.2.
    # (36 x 0 - 12 x 2) < 0, so phi = -24 / sqrt(48 x 2 x 38 x 12) = -0.11471
    (l1, u1), (l2, u2) = share_ends(48, 50), share_ends(38, 50)
    phi = -24 / np.sqrt(48 * 2 * 38 * 12)
    low = 0.2 - np.sqrt((0.96 - l1) ** 2 - 2 * phi * (0.96 - l1) * (u2 - 0.76) + (u2 - 0.76) ** 2)
    high = 0.2 + np.sqrt((u1 - 0.96) ** 2 - 2 * phi * (u1 - 0.96) * (0.76 - l2) + (0.76 - l2) ** 2)
    found = newcombe_paired(PairedCounts(36, 12, 2, 0))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    # inside lies what Newcombe 1998 (paired data) prints for method 10, from Wilson's limits
    assert found.low <= 0.0569
    assert found.high >= 0.3404


def test_a_positive_correlation_is_reduced_by_half_the_rows() -> None:
    # both 40, neither 40, first 12, second 8: 1600 - 96 = 1504, less 100 / 2
    c = PairedCounts(40, 12, 8, 40)
    phi = (1504 - 50) / np.sqrt(52 * 48 * 48 * 52)
    plain = newcombe_paired(PairedCounts(25, 27, 23, 25))  # same margins, no correlation left
    assert newcombe_paired(c).low > plain.low
    assert 0 < phi < 1
    swapped = newcombe_paired(PairedCounts(40, 8, 12, 40))
    assert (swapped.low, swapped.high) == pytest.approx(
        (-newcombe_paired(c).high, -newcombe_paired(c).low)
    )


@pytest.mark.parametrize("share", [(0.6, 0.1, 0.1, 0.2), (0.85, 0.1, 0.03, 0.02)])
def test_the_paired_interval_covers(share: tuple[float, ...]) -> None:
    rng = np.random.default_rng(4)
    truth = share[1] - share[2]
    drawn = rng.multinomial(100, share, size=1500)
    hits = 0
    for counts in drawn:
        i = newcombe_paired(PairedCounts(*map(int, counts)))
        hits += i.low <= truth <= i.high
    # 1500 draws at 95 %: within 0.93 and 0.98 but for one chance in thousands
    assert binom.ppf(0.0005, 1500, 0.94) / 1500 < hits / 1500 < 0.985


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.03, 0.04: 3 x 0.01, 2 x 0.03, then not below 0.06
    assert adjust([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert adjust([]) == []
    assert adjust([0.9, 0.8]) == [1.0, 1.0]


def test_pairs_are_counted_by_group(tmp_path: Path) -> None:
    found = compare(case_of(tmp_path, "new"), case_of(tmp_path, "old"))
    by = {(r.measure, r.group.get("g", "")): r for r in found.results}
    right = by["accuracy_score", "a"]
    assert vars(right.counts) == {"both": 40, "first": 3, "second": 11, "neither": 6}
    assert right.difference == pytest.approx((3 - 11) / 60)
    assert right.p_value == pytest.approx(binomtest(3, 14, 0.5).pvalue)
    # positives of a: 34, of which the new model selects 23 and the old one 31
    assert (by["true_positive_rate", "a"].a, by["true_positive_rate", "a"].b) == (23 / 34, 31 / 34)
    # negatives of b: 14; selected 4 by the new model, none by the old one
    false = by["false_positive_rate", "b"]
    assert (false.n, false.a, false.b) == (14, pytest.approx(4 / 14), 0.0)
    # selected in all: new 3 + 20 + 6 + 5 + 4 + 10, old 11 + 20 + 6 + 10
    assert by["selection_rate", ""].difference == pytest.approx((48 - 47) / 90)
    assert len(found.results) == 3 * 4
    assert json.dumps(found.to_json())


def test_only_what_is_beyond_chance_for_all_tests_together_is_worse(tmp_path: Path) -> None:
    found = compare(case_of(tmp_path, "new"), case_of(tmp_path, "old"))
    # 3 against 11: p = 0.057 alone already
    assert not found.worse
    table = two_models(
        ("a", 1, 0, 1, 30),
        ("a", 1, 1, 1, 30),
        ("a", 0, 0, 0, 40),
        ("b", 1, 1, 0, 25),
        ("b", 1, 1, 1, 30),
        ("b", 0, 0, 0, 45),
    )
    place = tmp_path / "second"
    place.mkdir()
    found = compare(case_of(place, "new", table), case_of(place, "old", table))
    outcome = {(r.measure, r.group.get("g", "")): r.outcome for r in found.results}
    assert outcome["accuracy_score", "a"] == outcome["true_positive_rate", "a"] == "worse"
    assert outcome["accuracy_score", "b"] == "better"
    assert outcome["selection_rate", "a"] == "worse"  # the positive label is a benefit
    assert outcome["false_positive_rate", "a"] == "none shown"
    # the same the other way round
    back = compare(found.b, found.a)
    flipped = {(r.measure, r.group.get("g", "")): r.outcome for r in back.results}
    assert flipped["accuracy_score", "a"] == "better"
    assert flipped["accuracy_score", "b"] == "worse"


def test_a_group_without_positives_is_undefined_not_zero(tmp_path: Path) -> None:
    table = two_models(("a", 1, 1, 0, 9), ("a", 0, 0, 0, 9), ("b", 0, 1, 0, 12))
    found = compare(case_of(tmp_path, "new", table), case_of(tmp_path, "old", table))
    none = next(
        r for r in found.results if r.measure == "true_positive_rate" and r.group == {"g": "b"}
    )
    assert (none.difference, none.outcome) == (None, "undefined")
    assert render(none.reason) == "no positive labels in this group"


def test_what_cannot_be_paired_is_refused(tmp_path: Path) -> None:
    new, old = case_of(tmp_path, "new"), case_of(tmp_path, "old")
    with pytest.raises(InputError, match="seed"):
        compare(new, case_of(tmp_path, "old", seed=3))
    other = tmp_path / "other"
    other.mkdir()
    fewer = case_of(other, "old", TABLE.iloc[1:])
    with pytest.raises(InputError, match="like another in every column"):
        compare(new, fewer)
    with pytest.raises(InputError, match="positive_label"):
        compare(new, case_of(tmp_path, "old", positive_label=0))
    bare = Case(old.path, old.plan, old.findings, old.environment, old.digest, {"plan.json": ""})
    with pytest.raises(InputError, match="no decisions"):
        compare(new, bare)
    with pytest.raises(InputError, match="no rows of g=z"):
        paired_change(new, old, "selection_rate", {"g": "z"}, 0.95)


@pytest.mark.parametrize(
    "broken",
    [
        {"schema": "other/1"},
        {"n": 0},
        {"n": "9"},
        {"n": 99},
        {"selected": "!!"},
        {"selected": 3},
        {"features": {"g": {"levels": ["a", "a"], "planes": []}}},
        {"features": {"g": {"levels": ["a", "b"], "planes": []}}},
        {"features": []},
    ],
)
def test_broken_decisions_are_an_input_error(broken: dict[str, Any], tmp_path: Path) -> None:
    groups = pd.DataFrame({"g": ["a", "b", "c", "a", "b", "c", "a", "a", "a"]})
    selected = np.array([1, 0, 1, 1, 0, 0, 1, 0, 1], dtype=bool)
    good = decisions_json(Predictions(~selected, selected, None, False, groups))
    read = read_decisions(parsed(good, DecisionBits), "case")
    assert {g["g"]: f"{r:09b}"[::-1] for g, r in read.groups(["g"])} == {
        "a": "100100111",
        "b": "010010000",
        "c": "001001000",
    }
    assert f"{read.selected:09b}"[::-1] == "101100101"
    case = case_of(tmp_path, "new")
    whole = json.dumps({**good, **broken}, sort_keys=True, separators=(",", ":")).encode()
    (case.path / "artifacts" / DecisionBits.FILE).write_bytes(whole)
    with pytest.raises(InputError, match=r"decisions\.json cannot be read"):
        paired_decisions(case, case)


def test_the_change_of_a_gap_moves_with_whole_rows(tmp_path: Path) -> None:
    new, old = case_of(tmp_path, "new"), case_of(tmp_path, "old")
    found = gap_change(new, old, ("g",), ("selection_rate",))
    # new: a 29/60, b 19/30; old: a 37/60, b 10/30
    assert found.value == pytest.approx((19 / 30 - 29 / 60) - (37 / 60 - 10 / 30))
    assert found.interval is not None
    assert found.interval.low < found.value < found.interval.high
    same = gap_change(new, case_of(tmp_path, "new"), ("g",), ("selection_rate",))
    assert same.value == 0.0
    assert same.interval is not None
    # no row is decided otherwise, yet 30 rows can't rule out one in a few dozen
    assert -0.25 < same.interval.low < 0 < same.interval.high < 0.25


def test_the_change_of_a_gap_needs_two_groups() -> None:
    counts = np.zeros((2, 2, 2, 2))
    counts[0, 1, 1, 1] = counts[1, 0, 1, 0] = 5
    assert change_from_counts(counts, ["true_positive_rate"], seed=0).value is None
    # all of both groups: the first selects all of b, the second none of it
    assert change_from_counts(counts, ["selection_rate"], seed=0).value == pytest.approx(0 - 1)


def test_the_command_prints_and_answers_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old = case_of(tmp_path, "new"), case_of(tmp_path, "old")
    assert run(["compare", str(new.path), str(old.path)]) == 0
    assert "No group was shown to be worse off" in capsys.readouterr().out
    assert run(["compare", str(new.path), str(old.path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["n"], answer["n_worse"], answer["exit_code"]) == (90, 0, 0)
    assert run(["compare", str(new.path), str(tmp_path / "none")]) != 0
    assert run(["compare", str(new.path), str(case_of(tmp_path, "old", seed=9).path)]) == 2


def worsening_pack(threshold: float = 0.0, **changes: Any) -> Any:
    return make_pack(
        item(
            evidence={"select": "fairness.true_positive_rate", "group_by": "each"},
            check=check(
                ">=", threshold, decision="no-group-worse", against="compare_to", **changes
            ),
        )
    )


def test_a_pack_asks_that_no_group_got_worse(tmp_path: Path) -> None:
    table = two_models(
        ("a", 1, 0, 1, 30),
        ("a", 1, 1, 1, 30),
        ("a", 0, 0, 0, 40),
        ("b", 1, 1, 0, 25),
        ("b", 1, 1, 1, 30),
        ("b", 0, 0, 0, 45),
    )
    new, old = case_of(tmp_path, "new", table), case_of(tmp_path, "old", table)
    (bad,) = judge(new, worsening_pack(), (), as_of=DAY, compare_to=old)
    assert (bad.status, bad.reason_code) == ("fail", "shown-worse")
    assert bad.value == pytest.approx(-0.5)  # 30 of the 60 positives of a are lost
    (kept,) = judge(new, worsening_pack(-0.7), (), as_of=DAY, compare_to=old)
    assert (kept.status, kept.reason_code) == ("pass", "none-shown-worse")
    assert "no worsening is shown" in kept.because["en"]
    (same,) = judge(old, worsening_pack(), (), as_of=DAY, compare_to=old)
    assert same.status == "pass"
    (alone,) = judge(new, worsening_pack(), (), as_of=DAY)
    assert (alone.status, alone.reason_code) == ("inconclusive", "no-comparison")
    seeded = case_of(tmp_path, "old", table, seed=4)
    (unlike,) = judge(new, worsening_pack(), (), as_of=DAY, compare_to=seeded)
    assert (unlike.status, unlike.reason_code) == ("inconclusive", "no-comparison")
    assert "seed" in unlike.because["en"]


def test_a_pack_cannot_ask_for_it_without_a_case_to_compare() -> None:
    with pytest.raises(InputError, match="compare_to"):
        make_pack(item(check=check(">=", 0.0, decision="no-group-worse")))
    with pytest.raises(InputError, match="needs >= or <="):
        make_pack(item(check=check(">", 0.0, decision="no-group-worse", against="compare_to")))


def test_of_several_classes_it_is_who_is_answered_rightly(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    n = 300
    frame = pd.DataFrame({"y": rng.choice(list("rst"), n), "g": rng.choice(["a", "b"], n)})
    for name, right in (("new", 0.6), ("old", 0.8)):
        guess = rng.choice(list("rst"), n)
        frame[name] = np.where(rng.random(n) < right, frame["y"], guess)
    asked = {"task": "multiclass", "positive_label": None}
    frame.to_csv(tmp_path / "classes.csv", index=False)

    def audited(predicted: str, **changes: Any) -> Case:
        spec = stored_spec(
            frame,
            tmp_path,
            predictions=str(tmp_path / "classes.csv"),
            predicted=predicted,
            sensitive_features=["g"],
            checks=["performance.multiclass"],
            **asked,
            **changes,
        )
        return audit(spec, tmp_path / f"{predicted}-{len(changes)}")

    new, old = audited("new"), audited("old")
    found = compare(new, old)
    assert {r.measure for r in found.results} == {"accuracy_score"}
    for result in found.results:
        part = frame if not result.group else frame[frame["g"] == result.group["g"]]
        one, other = part["new"] == part["y"], part["old"] == part["y"]
        assert (result.a, result.b) == pytest.approx((one.mean(), other.mean()))
        alone = (int((one & ~other).sum()), int((~one & other).sum()))
        assert result.p_value == pytest.approx(binomtest(alone[0], sum(alone), 0.5).pvalue)
    change = paired_change(new, old, "accuracy_score", {"g": "a"}, 0.95)
    assert change.difference == next(r for r in found.results if r.group == {"g": "a"}).difference
    with pytest.raises(InputError, match="not compared row by row"):
        paired_change(new, old, "selection_rate", {}, 0.95)
    with pytest.raises(InputError, match="holds no decisions"):
        compare(audited("new", target=None), audited("old", target=None))
