"""Bad input: exit 2 through the real command line, a message with a remedy, no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.cli import run
from tests.audit.subjects import confusion_rows

GOOD = pd.concat(
    [
        confusion_rows({"race": "a"}, tp=10, fp=5, fn=5, tn=10),
        confusion_rows({"race": "b"}, tp=5, fp=5, fn=10, tn=10),
    ]
)


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def audit(
    frame: pd.DataFrame | str | bytes, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, str]:
    """Audits stored predictions; later options win over the usual ones."""
    path = Path("rows.csv")
    if isinstance(frame, pd.DataFrame):
        frame.to_csv(path, index=False)
    elif isinstance(frame, str):
        path.write_text(frame, encoding="utf-8")
    else:
        path.write_bytes(frame)
    usual = {
        "--target": "y",
        "--predicted": "yhat",
        "--positive-label": "1",
        "--sensitive-features": "race",
    }
    given = dict(zip(options[::2], options[1::2], strict=True))
    arguments = ["audit", "--quiet", "--predictions", given.pop("--predictions", str(path))]
    for name, value in {**usual, **given}.items():
        arguments += [name, value] if value else []
    code = run(arguments)
    return code, capsys.readouterr().err


def assert_refused(outcome: tuple[int, str], *words: str) -> None:
    code, message = outcome
    assert code == 2, message
    assert "Traceback" not in message
    assert "->" in message, "an error says what to do next"
    for word in words:
        assert word in message


def test_the_good_table_is_audited(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(GOOD, capsys)[0] == 0


def test_missing_file(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = audit(GOOD, capsys, "--predictions", "row.csv")
    assert_refused(outcome, "no data file at row.csv", "did you mean: rows.csv")


@pytest.mark.parametrize("content", ["", "\n  \n", "y,yhat,race\n"])
def test_empty_file(where: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    assert_refused(audit(content, capsys), "rows.csv")


@pytest.mark.parametrize("option", ["--target", "--predicted", "--sensitive-features"])
def test_no_such_column(where: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert_refused(audit(GOOD, capsys, option, "rac"), "'rac' is not a column", "race")


def test_target_with_one_class(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(audit(GOOD.assign(y=1), capsys), "one class only: '1'")


def test_target_with_three_classes(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = GOOD.assign(y=[i % 3 for i in range(len(GOOD))])
    assert_refused(audit(frame, capsys), "3 classes", "'0', '1', '2'")


def test_target_without_any_label(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(audit(GOOD.assign(y=None), capsys), "no labels at all")


def test_positive_label_absent(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(audit(GOOD, capsys, "--positive-label", "yes"), "'yes'", "known: 0, 1")


def test_positive_label_not_given(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(audit(GOOD, capsys, "--positive-label", ""), "declared, never guessed")


def test_unknown_pack(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(audit(GOOD, capsys, "--policy", "baselin"), "baselin", "baseline")
    assert not Path(".evenhand").exists(), "a typo costs no measuring"


def test_malformed_yaml_names_the_line(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("subject.yaml").write_text("model: m\ndata: [1, 2\npositive_label: 1\n")
    code = run(["audit", "subject.yaml"])
    assert_refused((code, capsys.readouterr().err), "subject.yaml", "line 3")


def test_unknown_key_names_the_nearest(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("subject.yaml").write_text("model: m\nsensitive_feature: [race]\n")
    code = run(["audit", "subject.yaml"])
    assert_refused((code, capsys.readouterr().err), "sensitive_feature", "sensitive_features")


def test_wrong_value_names_key_and_meaning(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(audit(GOOD, capsys, "--positive-is", "good"), "positive_is", "'good'")


@pytest.mark.parametrize("only", ["a", None])
def test_sensitive_feature_with_one_group(
    where: Path, capsys: pytest.CaptureFixture[str], only: str | None
) -> None:
    assert_refused(audit(GOOD.assign(race=only), capsys), "fewer than two groups")


@pytest.mark.parametrize("bad", ["inf", "-inf", "nan", ""])
def test_non_finite_scores(where: Path, capsys: pytest.CaptureFixture[str], bad: str) -> None:
    frame = GOOD.assign(s=["0.5"] * (len(GOOD) - 1) + [bad])
    outcome = audit(frame, capsys, "--score", "s", "--predicted", "", "--threshold", "0.5")
    assert_refused(outcome, f"'s' has a value that is not finite in row {len(GOOD)}")


def test_scores_that_are_no_numbers(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = GOOD.assign(s=["0.5"] * (len(GOOD) - 1) + ["high"])
    outcome = audit(frame, capsys, "--score", "s", "--predicted", "", "--threshold", "0.5")
    assert_refused(outcome, f"'high' in row {len(GOOD)}, which is no number")


def test_scores_without_threshold(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = audit(GOOD.assign(s=0.5), capsys, "--score", "s", "--predicted", "")
    assert_refused(outcome, "--threshold")


def test_mixed_label_types(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = GOOD.assign(y=["1"] * (len(GOOD) - 2) + ["0", "no"])
    assert_refused(audit(frame, capsys), "has 3 classes ('0', '1', 'no')")


def test_predicted_label_that_the_target_does_not_have(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = GOOD.assign(yhat=[*GOOD["yhat"][:-1], 2])
    assert_refused(audit(frame, capsys), f"'2' in row {len(GOOD)}, which is not a label")


def test_missing_prediction(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = GOOD.assign(yhat=[*GOOD["yhat"][:-1], None])
    assert_refused(audit(frame, capsys), f"is empty in row {len(GOOD)}")


def test_repeated_column_names_whose_cells_differ(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "y,yhat,race,race\n1,1,a,b\n0,0,b,b\n"
    assert_refused(audit(text, capsys), "'race' is repeated", "columns 3 and 4")


def test_a_repeated_name_with_equal_cells_is_kept_once_with_a_note(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = pd.concat([GOOD, GOOD[["race"]]], axis=1)
    path = Path("rows.csv")
    twice.to_csv(path, index=False)
    arguments = [
        "--target",
        "y",
        "--predicted",
        "yhat",
        "--positive-label",
        "1",
        "--sensitive-features",
        "race",
        "--json",
        "-q",
    ]
    code = run(["audit", "--predictions", str(path), *arguments])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert code == 0
    rows = next(f for f in found if f["measure"] == "row_count")
    assert "'race' is repeated with identical cells" in rows["reason"]
    loud = [o for o in arguments if o not in ("--json", "-q")]
    run(["audit", "--predictions", str(path), *loud])
    assert "warning: column 'race' is repeated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"y,yhat,race\n1,1,\xe9\n", "not UTF-8 text: byte 16"),
        (b"y,yhat,race\n1,1,a,surplus\n", "line 2: 4 cells where the header has 3"),
        (b"PAR1 but not really", "not a readable Parquet file"),
        (b'{"y": 1}\n{"y": ', "line 2 is not a JSON record"),
        (b'{"y": {"nested": 1}}\n', "nested value"),
        (b"a\x00b,c\n1,2\n", "binary data"),
    ],
)
def test_unreadable_files(
    where: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    assert_refused(audit(content, capsys), words)


def test_case_folder_that_exists(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(GOOD, capsys, "--out", "case")[0] == 0
    assert_refused(audit(GOOD, capsys, "--out", "case"), "never edited")


def test_unknown_check_and_option(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(audit(GOOD, capsys, "--checks", "fairnes.*"), "fairness.gaps")
    Path("subject.yaml").write_text(
        "predictions: rows.csv\ntarget: y\npredicted: yhat\npositive_label: 1\n"
        "options: {fairness.gaps: {min_group: 3}}\n"
    )
    code = run(["audit", "subject.yaml"])
    assert_refused((code, capsys.readouterr().err), "min_group", "min_group_size")


def test_unknown_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused((run(["aduit"]), capsys.readouterr().err), "aduit")
    assert_refused((run(["audit", "--sensitvie", "x"]), capsys.readouterr().err), "--sensitvie")


def test_errors_are_json_when_asked(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["verify", "nowhere", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert code == answer["exit_code"] == 2
    assert "nowhere" in answer["error"]["message"]
