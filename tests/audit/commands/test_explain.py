"""evenhand explain: one person's reasons, from the sealed case alone and with model and data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.audit.case.case import Case, read_case
from evenhand.audit.cli import run
from evenhand.audit.run.one_person import explain, reopen
from evenhand.audit.run.run import audit
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.worker.isolation.levels import make_rules
from tests.audit.people import people, skops_model

CHECKS = ["explanation.reasons", "explanation.counterfactual"]
FEW = {"explanation.reasons": {"rows": 2}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, its data with an id column, and a case that keeps six people refused."""
    folder = tmp_path_factory.mktemp("explain")
    skops_model(folder, people(seed=1))
    frame = people(seed=2).assign(applicant=[f"A-{i:03}" for i in range(400)])
    frame.to_csv(folder / "rows.csv", index=False)
    small = {"rows": 6}
    spec = make_spec(
        {
            "model": str(folder / "model.skops"),
            "data": str(folder / "rows.csv"),
            "target": "y",
            "positive_label": 1,
            "positive_is": "benefit",
            "sensitive_features": ["race"],
            "checks": CHECKS,
            "options": dict.fromkeys(CHECKS, small),
            "actionable": {"self": {"immutable": True}},
            "seed": 5,
        }
    )
    audit(spec, folder / "case")
    return folder


@pytest.fixture(scope="module")
def case(place: Path) -> Case:
    return read_case(place / "case")


def kept(case: Case, check: str = "reasons") -> dict[int, Any]:
    return {p["row"]: p for p in case.artifact(f"explanation.{check}.json")["people"]}


def asked(place: Path, *arguments: str, capsys: Any) -> tuple[int, str, str]:
    code = run(["explain", str(place / "case"), *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def refused_elsewhere(place: Path, case: Case) -> int:
    """A row that was refused and that the case does not keep."""
    source = reopen(case)
    assert source.subject is not None
    return next(
        row
        for row in range(1, 400)
        if row not in kept(case) and explain(case, source, row).is_adverse
    )


def test_a_kept_person_is_told_from_the_case_with_values_from_the_data(
    place: Path, case: Case
) -> None:
    frame = pd.read_csv(place / "rows.csv")
    source = reopen(case)
    for row, held in kept(case).items():
        told = explain(case, source, row)
        assert told.is_adverse and told.reasons and told.reasons.origin == "case"
        for ours, sealed in zip(told.reasons.listed, held["reasons"], strict=True):
            assert (ours.column, ours.push) == (sealed["column"], sealed["push"])
            cell = frame[ours.column].iloc[row - 1]  # rows count from 1, below the header
            assert ours.value == (None if pd.isna(cell) else cell)


def test_the_case_holds_no_values_of_anybody(place: Path, case: Case) -> None:
    for held in kept(case).values():
        for reason in held["reasons"]:
            assert set(reason) == {"column", "push", "rise", "compared"}
    for held in kept(case, "counterfactual").values():
        assert all(set(c) in ({"column", "by"}, {"column", "to"}) for c in held.get("changes", ()))


def test_anybody_else_is_worked_out_now_as_the_audit_would(place: Path, case: Case) -> None:
    source = reopen(case)
    row = refused_elsewhere(place, case)
    told = explain(case, source, row)
    assert told.reasons and told.change
    assert (told.reasons.origin, told.change.origin) == ("now", "now")
    assert 1 <= len(told.reasons.listed) <= 4
    # the change, carried out, turns the decision
    assert source.subject is not None
    predictor = source.subject.model.predictor  # type: ignore[union-attr]
    person = source.subject.table.frame.iloc[[row - 1]][list(predictor.input_columns)].copy()
    assert predictor.predict_proba(person)[0, 1] == pytest.approx(told.score)
    for change in told.change.changes:
        assert change.column != "self"
        person[change.column] = [change.to]
    assert told.score and told.score < 0.5 <= predictor.predict_proba(person)[0, 1]
    # a person that the audit did sample comes out the same when worked out again
    first = next(iter(kept(case)))
    again = explain(replace(case, files={}), source, first)
    assert again.reasons and again.reasons.origin == "now"
    sealed = kept(case)[first]["reasons"]
    assert [r.column for r in again.reasons.listed] == [r["column"] for r in sealed]


def test_the_command_speaks_both_languages_and_json(
    place: Path, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    row = str(next(iter(kept(case))))
    code, english, _ = asked(place, "--row", row, capsys=capsys)
    assert code == 0
    assert f"Row {row} of" in english and "decided against the person" in english
    assert "taken from the sealed case" in english
    code, chinese, _ = asked(place, "--row", row, "--lang", "zh", capsys=capsys)
    assert "的决定对当事人不利" in chinese and "decided" not in chinese
    code, out, _ = asked(place, "--row", row, "--json", capsys=capsys)
    assert json.loads(out)["row"] == int(row)


def test_ids_are_looked_up_and_favourable_rows_need_no_reasons(
    place: Path, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(iter(kept(case)))
    by_id = ["--row", f"A-{row - 1:03}", "--id-column", "applicant"]
    code, out, _ = asked(place, *by_id, "--json", capsys=capsys)
    assert (code, json.loads(out)["row"]) == (0, row)
    source = reopen(case)
    good = next(r for r in range(1, 400) if not explain(case, source, r).is_adverse)
    code, out, _ = asked(place, "--row", str(good), capsys=capsys)
    assert code == 0 and "no adverse decision" in out


@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        (["--row", "x"], "'x' is not a row number", "--id-column"),
        (["--row", "0"], "'0' is not a row number", "count from 1"),
        (["--row", "4000"], "row 4000 is not in", "it has 400 rows"),
        (["--row", "A-001", "--id-column", "aplicant"], "'aplicant' is not", "applicant?"),
        (["--row", "A-0O1", "--id-column", "applicant"], "no row has", "A-0"),
        (["--row", "a", "--id-column", "race"], "rows have race = 'a'", "by number"),
        (["--row", "1", "--lang", "fr"], "not written in language 'fr'", "en, zh"),
        (["--row", "1", "--model", "nowhere"], "no model at nowhere", "--model"),
    ],
)
def test_wrong_questions_end_with_a_remedy(
    place: Path,
    arguments: list[str],
    message: str,
    remedy: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, err = asked(place, *arguments, capsys=capsys)
    assert code == 2
    assert message in err and remedy in err.split("->")[1]


def test_without_the_model_the_case_alone_speaks(
    place: Path, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    model, away = place / "model.skops", place / "moved.skops"
    other = refused_elsewhere(place, case)
    model.rename(away)
    try:
        row = str(next(iter(kept(case))))
        code, out, err = asked(place, "--row", row, capsys=capsys)
        assert code == 0
        assert "values are not in the case" in out and "the model is not at" in err
        code, _, err = asked(place, "--row", str(other), capsys=capsys)
        assert code == 2 and "it keeps 6 sampled people" in err and row in err
        # told where it is now, everybody can be explained again
        code, out, _ = asked(place, "--row", str(other), "--model", str(away), capsys=capsys)
        assert code == 0 and "worked out now" in out
    finally:
        away.rename(model)


def test_other_data_are_not_the_audited_ones(
    place: Path, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = place / "changed.csv"
    people(seed=3).to_csv(changed, index=False)
    code, _, err = asked(place, "--row", "1", "--data", str(changed), capsys=capsys)
    assert code == 2 and "is not the audited one" in err


def test_a_pickle_is_opened_again_where_the_user_allows_it(tmp_path: Path, capsys: Any) -> None:
    """The case says nothing about what may be run: that is said anew on each command line."""
    import joblib
    from sklearn.linear_model import LogisticRegression

    frame = people(n=80, seed=3)[["self", "y", "race"]]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    joblib.dump(LogisticRegression().fit(frame[["self"]], frame["y"]), tmp_path / "m.joblib")
    given = {"model": str(tmp_path / "m.joblib"), "data": str(tmp_path / "rows.csv")}
    given |= {"target": "y", "positive_is": "benefit", "positive_label": "1"}
    spec = make_spec({**given, "checks": ["explanation.reasons"], "options": FEW})
    allowed = make_rules(allow_pickle=True)
    audit(spec, tmp_path / "case", rules=allowed)
    case = read_case(tmp_path / "case")
    refused = reopen(case)
    assert refused.subject is None
    assert "--allow-pickle" in refused.remedy
    assert reopen(case, rules=allowed).subject is not None
    unseen = next(str(row) for row in range(1, 81) if row not in kept(case))
    assert run(["explain", str(case.path), "--row", unseen]) == 2
    assert "allow what the audit allowed: --allow-pickle" in capsys.readouterr().err
    assert run(["explain", str(case.path), "--row", unseen, "--allow-pickle"]) == 0
