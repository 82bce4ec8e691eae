"""The objects that the public API answers: frames, decision, exit code, what is saved."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import evenhand
from evenhand.audit.api.records import FINDING_COLUMNS, VERDICT_COLUMNS
from evenhand.audit.case.case import verify_case
from evenhand.audit.errors import InputError
from evenhand.audit.finding import Finding
from evenhand.policies.verdict import Verdict
from tests.audit.api.people import OPTIONS, pack, people

# What the table holds in another way, or leaves to the records: nothing else may be missing.
NOT_COLUMNS = {
    Finding: {"interval", "other_intervals", "counts", "artifacts"},
    Verdict: {"kind", "clause", "reason_code", "interval", "threshold_origin", "decision"},
}


def audited(tmp_path: Path, threshold: float = 0.7, **changes: object) -> evenhand.Result:
    options = {
        **OPTIONS,
        "predicted": "approved",
        "checks": ["performance.*", "fairness.gaps"],
        "policy": pack(tmp_path, "house", threshold),
        **changes,
    }
    return evenhand.audit_predictions(people(), **options)  # type: ignore[arg-type]


def test_findings_and_verdicts_are_frames(tmp_path: Path) -> None:
    result = audited(tmp_path)
    frame = result.findings.to_pandas()
    assert list(frame.columns) == list(FINDING_COLUMNS)
    assert len(frame) == len(result.findings) == len(result.case.findings)
    (accuracy,) = frame.query("measure == 'accuracy_score' and group == ''").itertuples()
    # 120 approved repay and 200 refused do not, of 400
    assert (accuracy.value, accuracy.n) == (0.8, 400)
    assert accuracy.low < 0.8 < accuracy.high
    (gap,) = frame.query("measure == 'demographic_parity_difference'").itertuples()
    assert (gap.value, gap.between) == (0.25, "sex")  # 100/200 - 50/200
    undefined = frame[frame["status"] != "measured"]
    assert undefined["value"].isna().all()  # never zero
    verdicts = result.verdicts.to_pandas()
    assert list(verdicts.columns) == list(VERDICT_COLUMNS)
    assert verdicts["status"].tolist() == ["pass", "needs-attestation"]
    assert result.verdicts[0] is result.judged[0]


def test_other_libraries_read_the_same_table(tmp_path: Path) -> None:
    found = audited(tmp_path).findings
    table = found.to_arrow()
    assert pl.DataFrame(found).to_dicts() == table.to_pylist()
    assert table.schema == found[:0].to_arrow().schema  # the same types where it holds nothing


@pytest.mark.parametrize(
    ("model", "columns"), [(Finding, FINDING_COLUMNS), (Verdict, VERDICT_COLUMNS)]
)
def test_no_field_is_lost_from_the_frames(
    model: type[Finding] | type[Verdict], columns: dict[str, type]
) -> None:
    assert set(model.model_fields) - set(columns) <= NOT_COLUMNS[model]
    assert set(columns) - set(model.model_fields) == {"low", "high", "level"}


def test_passed_and_exit_code(tmp_path: Path) -> None:
    passed = audited(tmp_path)
    assert (passed.passed, passed.exit_code) == (True, 0)
    assert passed.require() is passed
    failed = evenhand.judge(passed, pack(tmp_path, "hard", 0.99), attestations="warn")
    assert (failed.passed, failed.exit_code) == (False, 1)
    assert failed.case is passed.case  # judged again, not measured again
    with pytest.raises(AssertionError, match="hard:ACC fail"):
        failed.require()
    pending = evenhand.judge(passed)
    assert (pending.passed, pending.exit_code) == (False, 4)
    measured = audited(tmp_path, policy=())
    assert (measured.passed, measured.exit_code) == (None, 0)
    known = evenhand.judge(
        passed, str(tmp_path / "hard.yaml"), baseline=passed.case.path, attestations="warn"
    )
    assert known.passed and known.gate.known == ("hard:ACC",)


def test_a_notebook_shows_the_decision(tmp_path: Path) -> None:
    failed = audited(tmp_path, 0.99, name="<b>model</b>")
    shown = failed._repr_html_()
    assert "something required fails" in shown
    assert "0.80 (" in shown  # the number that decided, with its interval
    assert "&gt;= 0.99" in shown  # what was asked
    assert "do this" in shown  # what to do next
    assert "<b>model" not in shown  # a stranger's text is escaped
    assert len(shown) < 5_000  # no dump: there are more findings than this shows
    assert len(failed.findings) > 20
    assert "not judged" in audited(tmp_path, policy=())._repr_html_()
    assert "everything required passes" in audited(tmp_path)._repr_html_().lower()
    table = failed.findings._repr_html_()
    assert table.count("<tr>") == 21  # its head and twenty rows
    assert f"{len(failed.findings) - 20} more" in table


def test_cases_are_saved_and_loaded(tmp_path: Path) -> None:
    result = audited(tmp_path)
    place = result.save(tmp_path / "kept" / "case")
    assert verify_case(place) == []
    again = evenhand.load_case(place)
    assert again.case.digest == result.case.digest
    assert again.findings.to_arrow() == result.findings.to_arrow()
    assert [v.status for v in again.judged] == [v.status for v in result.judged]
    with pytest.raises(InputError, match="exists already"):
        result.save(place)
    archive = result.save(tmp_path / "case.zip")
    assert any(n.endswith("seal.json") for n in zipfile.ZipFile(archive).namelist())


def test_reports_are_documents(tmp_path: Path) -> None:
    result = audited(tmp_path)
    page = evenhand.report(result)
    assert page.text.lower().startswith("<!doctype html>")
    assert page.save(tmp_path / "a" / "report.html").read_bytes() == page.content
    assert page._repr_html_().startswith("<iframe sandbox ")
    assert evenhand.report(result.case.path, "markdown", lang="zh").text != (
        evenhand.report(result.case.path, "markdown").text
    )
    assert evenhand.report(result, "junit")._repr_html_().startswith("<pre>")
    with pytest.raises(InputError, match="no report format 'htlm'"):
        evenhand.report(result, "htlm")


def test_two_cases_are_compared(tmp_path: Path) -> None:
    # the second model approves 30 women less: the first 30 rows
    rows = people().assign(stricter=lambda r: r["approved"].where(r.index >= 30, 0))
    options = {**OPTIONS, "checks": ["performance.*"]}
    one = evenhand.audit_predictions(rows, **options, predicted="approved")
    other = evenhand.audit_predictions(rows, **options, predicted="stricter")
    worse = evenhand.compare(other, one)
    assert (worse.passed, worse.exit_code) == (False, 0)
    frame = worse.results.to_pandas().set_index(["measure", "group"])
    # women: 20 of 200 under A, 50 of 200 under B
    assert frame.loc[("selection_rate", "sex=f"), ["a", "b"]].tolist() == [0.1, 0.25]
    assert frame.loc[("selection_rate", "sex=f"), "difference"] == pytest.approx(-0.15)
    assert "sex=f" in worse._repr_html_()
    assert "No group was shown" in evenhand.compare(one, one)._repr_html_()
    for name in ("c.html", "c.md", "c.json"):
        assert worse.save(tmp_path / name).stat().st_size > 500
    with pytest.raises(InputError, match=r"end the name with|not written as"):
        worse.save(tmp_path / "c.docx")


def test_pandas_has_no_float_counts(tmp_path: Path) -> None:
    frame = audited(tmp_path).findings.to_pandas()
    assert str(frame["n"].dtype) == "Int64"
    assert isinstance(frame, pd.DataFrame)
