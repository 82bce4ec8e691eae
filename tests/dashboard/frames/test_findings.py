"""Tables of the sample case, compared with what is written in tests.samples."""

from __future__ import annotations

import csv
import io
import math

import pytest

from evenhand.audit.finding import Interval
from evenhand.audit.reports.parts import figures
from evenhand.audit.words.numbers import GUARANTEES
from evenhand.dashboard.cases.axes import axes, axis_label
from evenhand.dashboard.cases.axes import axis as axis_of
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import Translator
from evenhand.policies.verdict import Verdict
from tests.samples import HOSTILE, finding, sample_findings

EN, ZH = Translator("en"), Translator("zh")
RATES = [f for f in sample_findings() if f.measure == "selection_rate"]


def verdict(**changes: object) -> Verdict:
    fields: dict[str, object] = {
        "pack": "house",
        "pack_version": "2026.11.0",
        "item": "H-1",
        "title": {"en": "Gap", "zh": "差距"},
        "kind": "automated",
        "severity": "high",
        "obligation": "must",
        "status": "fail",
        "underlying": "fail",
        "reason_code": "above",
        "because": {"en": "0.17 is above 0.10"},
        "value": 0.17,
        "interval": Interval(low=0.08, high=0.28, level=0.95, method="m"),
        "comparator": "<=",
        "threshold": 0.1,
        "threshold_origin": "convention",
        "findings": ("a", "b"),
        **changes,
    }
    return Verdict.model_validate(fields)


def test_one_row_a_finding_with_numbers_that_sort() -> None:
    frame = frames.findings_frame(sample_findings(), EN)
    assert list(frame.columns) == list(frames.FINDING_COLUMNS)
    assert len(frame) == len(sample_findings())
    assert frame["value"].dtype == "float64"
    assert frame["n"].dtype == "int64"


def test_an_undefined_finding_has_no_number_and_a_reason() -> None:
    frame = frames.findings_frame(sample_findings(), EN)
    row = frame[frame["measure"] == "true_positive_rate"].iloc[0]
    assert math.isnan(row["value"])
    assert row["status"] == "∅ Undefined"
    assert row["note"] == "no positive labels in this group"


def test_about_names_group_gap_column_or_all_rows() -> None:
    assert frames.about(finding("a.b", "m", 1.0), EN) == "all rows"
    assert frames.about(finding("a.b", "m", 1.0, column="x"), ZH) == "列 x"
    assert frames.about(finding("a.b", "m", 1.0, between=["r", "s"]), EN) == (
        "between groups of r × s"
    )
    assert frames.about(finding("a.b", "m", 1.0, group={"s": "F", "r": "w"}), EN) == "r = w, s = F"


def test_filters_are_joined_by_and() -> None:
    all_findings = sample_findings()
    assert {f.check for f in frames.select(all_findings, family_name="privacy")} == {
        "privacy.declared_budget"
    }
    found = frames.select(all_findings, measure="selection_rate", text="BLACK")
    assert [f.value for f in found] == [0.75]
    assert [f.check for f in frames.select(all_findings, status="error")] == [
        "explanation.attribution"
    ]
    assert frames.select(all_findings, status="error", family_name="data") == []


def test_axes_are_single_features_before_crossings() -> None:
    assert axes(RATES) == ["race", "race&sex"]
    assert axis_label("race&sex", EN) == "race × sex"
    odd = finding("a.b", "m", 1.0, group={"a&b": "x"})
    assert axis_of(odd) == "a%26b"
    assert axis_label(axis_of(odd), EN) == "a&b"
    assert axis_label("#", EN) == "columns"


def test_small_and_undefined_groups_are_marked_in_words() -> None:
    small = frames.group_frame(RATES, "race&sex", {"fairness.group_rates": 10}, EN)
    assert list(small["mark"]) == ["small"]
    assert small["label"][0] == "hispan × female (n=2) · too small to compare"
    rates = [f for f in sample_findings() if f.measure == "true_positive_rate"]
    undefined = frames.group_frame(rates, "race", {}, EN)
    assert list(undefined["mark"]) == ["undefined"]
    assert undefined["remark"][0] == "∅ Undefined"
    assert undefined["value"].isna().all()


def test_a_note_beside_a_value_is_marked_where_the_minimum_is_unknown() -> None:
    frame = frames.group_frame(RATES, "race&sex", {}, EN)
    assert list(frame["mark"]) == ["noted"]


def test_two_groups_never_share_a_row() -> None:
    long = "x" * 60
    twins = [
        finding("fairness.group_rates", "selection_rate", 0.5, group={"race": f"{long}{i}"})
        for i in range(3)
    ]
    frame = frames.group_frame(twins, "race", {}, EN)
    assert frame["label"].is_unique
    assert list(frame["group"]) == [long + "0", long + "1", long + "2"]


def test_how_a_number_was_computed() -> None:
    gap = next(f for f in sample_findings() if f.value == 0.17)
    told = dict(frames.how_computed(gap, EN))
    assert told["Check"] == "fairness.gaps"
    assert told["Method"] == "multinomial bootstrap, 1000 draws"
    assert (told["n"], told["Level"], told["Seed"]) == ("580", "95%", "7")
    assert told["Note"] == "left out: hispan (2 rows, minimum 10)"
    assert "p-value" not in told


def test_the_checklist_says_threshold_and_origin() -> None:
    row = frames.checklist_frame([verdict()], ZH).iloc[0]
    assert row["status"] == "✗ 未通过"
    assert row["title"] == "差距"
    assert row["requirement"] == "≤ 0.10"
    assert row["origin"] == "惯例"
    assert row["because"] == "0.17 is above 0.10"
    assert (row["value"], row["low"], row["high"]) == (0.17, 0.08, 0.28)


def test_no_requirement_is_made_up() -> None:
    assert frames.requirement(verdict(threshold=None)) == ""
    assert frames.requirement(verdict(comparator="")) == ""


def test_a_value_without_a_number_is_a_word() -> None:
    assert frames.value_text(finding("a.b", "m", None, reason="none"), EN) == "Undefined"
    assert frames.value_text(finding("a.b", "m", 0.5, 0.25, 0.75), EN) == "0.50 [0.25, 0.75] rate"


def test_a_download_opens_in_a_spreadsheet_without_formulas() -> None:
    evil = finding("a.b", "=cmd", 1.0, group={"=x": HOSTILE}, reason="+note")
    frame = frames.findings_frame([evil], EN)
    data = frames.csv_bytes(frame)
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0]["measure"] == "'=cmd"
    assert rows[0]["about"].startswith("'=x = ")
    assert rows[0]["note"] == "'+note"
    assert rows[0]["value"] == "1.0"


def test_large_counts_are_shown_in_full_and_rates_to_four_digits() -> None:
    counted = finding("data.quality", "row_count", 123456.0, unit="row")
    rate = finding("a.b", "m", 0.123456, 0.1, 0.2)
    shown = frames.rounded(frames.findings_frame([counted, rate], EN))
    assert list(shown["value"]) == [123456.0, 0.1235]
    assert frames.value_text(counted, EN) == "123,456 row"


@pytest.mark.parametrize("measure", sorted(GUARANTEES))
def test_a_guarantee_is_rounded_up_wherever_it_is_shown(measure: str) -> None:
    """2.98241 to four digits is 2.982 by the nearest one: less than what is guaranteed."""
    stated = finding("privacy.declared_budget", measure, 2.98241, unit="epsilon")
    shown = frames.rounded(frames.findings_frame([stated], EN))
    assert list(shown["value"]) == [2.983]
    told = verdict(value=2.98241, threshold=None, findings=(stated.id,))
    assert list(frames.rounded(frames.checklist_frame([told], EN))["value"]) == [2.983]
    assert figures.decided(told) == "2.99"  # three digits, as all reports have it
    assert figures.decided(told.model_copy(update={"threshold": 2.984})) == "2.983"
    other = told.model_copy(update={"findings": ("privacy.attack/empirical_epsilon",)})
    assert figures.decided(other) == "2.98"
    assert list(frames.rounded(frames.checklist_frame([other], EN))["value"]) == [2.982]


def test_empty_tables_keep_their_columns() -> None:
    assert list(frames.findings_frame([], EN).columns) == list(frames.FINDING_COLUMNS)
    assert list(frames.group_frame([], "race", {}, EN).columns) == list(frames.GROUP_COLUMNS)
    assert list(frames.checklist_frame([], EN).columns) == list(frames.CHECKLIST_COLUMNS)
