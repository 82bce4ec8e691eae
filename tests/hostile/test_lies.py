"""Workers that lie: whatever one answers, the audit ends in a typed error or a sealed case."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evenhand.audit.attribution.door import Question, ask
from evenhand.audit.cli import run
from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.subject.predictions import predictions_of
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import build_subject
from evenhand.audit.worker.frames import Message
from evenhand.audit.worker.isolation.levels import Rules
from evenhand.audit.worker.opening import open_model
from tests.audit.people import people, skops_model
from tests.hostile.lying import (
    Lie,
    failed,
    lying,
    numbers,
    raw_header,
    sent,
    session_start,
    told,
    unsendable,
)

FRAME = people(60, seed=2)
DEEP = "[" * 900 + "]" * 900
WIDE = "[" + ",".join(["[]"] * 2_100_000) + "]"  # 6 MB of header, about 130 MB of lists

# Of what a model tells of itself: refused as no answer, or not believed (exit 5).
LOADS: dict[str, Lie] = {
    "nan": unsendable("load", "maker_says", '{"a": NaN}'),
    "infinity": unsendable("load", "maker_says", '{"a": -Infinity}'),
    "overflow": unsendable("load", "maker_says", '{"a": 1e999}'),
    "over_2_53": unsendable("load", "maker_says", '{"a": 9007199254740993}'),
    "vast_integer": unsendable("load", "maker_says", '{"a": ' + "9" * 4000 + "}"),
    "endless_integer": unsendable("load", "maker_says", '{"a": ' + "9" * 5000 + "}"),
    "surrogate": unsendable("load", "maker_says", '{"a": "\\ud800"}'),
    "surrogate_key": unsendable("load", "maker_says", '{"\\udc00": 1}'),
    "deep": unsendable("load", "maker_says", f'{{"a": {DEEP}}}'),
    "wide": unsendable("load", "maker_says", WIDE),
    "no_mapping": told("load", maker_says=[1]),
    "format_of_numbers": told("load", format=7),
    "task_unknown": told("load", task="magic"),
    "equal_classes": told("load", classes=["1", "1"]),
    "one_class": told("load", classes=["1"]),
    "no_classes": told("load", classes=[]),
    "three_for_two": told("load", classes=["0", "1", "2"]),
    "classes_of_regression": told("load", task="regression"),
    "class_numbers": told("load", classes=[0, 1]),
    "class_surrogate": unsendable("load", "classes", '["0", "\\udfff"]'),
    "long_classes": told("load", classes=["0", "1" * (5 << 20)]),
    "columns_twice": told("load", input_columns=["income", "income"]),
    "columns_of_none": told("load", input_columns=None),
    "flag_of_text": told("load", gives_scores="yes"),
    "categories_of_numbers": told("load", categories={"job": 3}),
    "categories_of_texts": told("load", categories={"job": "abc"}),
    "facts_list": sent("load", raw_header("[]")),
    "no_message": sent("load", b"HTTP/1.1 200 OK\r\n\r\n" * 4),
    "too_long": sent("load", session_start(1 << 40, 10)),
    "long_header": sent("load", session_start(40 << 20, 39 << 20)),
    "vast_of_nothing": sent(
        "load", raw_header("{}", '[["a", "<f8", [0, 33000000, 33000000, 33000000]]]')
    ),
    "blob_of_infinity": sent(
        "load", raw_header("{}").replace(b'"blobs": []', b'"blobs": [["a", 1e999]]')
    ),
    "sniffs_a_list": told("sniff", format=["skops"]),
    "sniffs_a_stranger": told("sniff", format="../../x"),
    "errors_of_nothing": sent("load", raw_header('{"error": [3]}')),
}
# Of what it answers about rows.
ANSWERS: dict[str, Lie] = {
    "chances_of_1e19": numbers("predict_proba", lambda a: a * 1e19),
    "negative": numbers("predict_proba", lambda a: -a),
    "sum_of_two": numbers("predict_proba", lambda a: a * 2),
    "missing": numbers("predict_proba", lambda a: a * np.nan),
    "infinite": numbers("predict_proba", lambda a: a + np.inf),
    "one_column": numbers("predict_proba", lambda a: a[:, :1]),
    "no_rows": numbers("predict_proba", lambda a: a[:0]),
    "of_no_shape": numbers("predict_proba", lambda a: a[0, 0]),
    "whole_numbers": numbers("predict_proba", lambda a: (a * 0 + 2**62).astype("int64")),
    "class_of_nan": numbers("predict_labels", lambda a: a * np.nan),
    "class_of_half": numbers("predict_labels", lambda a: a * 0 + 0.5),
    "class_beyond": numbers("predict_labels", lambda a: a + 7),
    "class_before": numbers("predict_labels", lambda a: a * 0 - 1),
    "labels_of_none": numbers("predict_labels", lambda a: a[:0]),
    "row_far_away": failed(
        "predict_proba", kind="RowError", message="m", before="b", after="a", position=2**80
    ),
    "row_before": failed("predict_proba", kind="RowError", message="m", position=-5),
    "kind_of_list": failed("predict_proba", kind=["InputError"], message={"a": 1}),
}
# Of what it answers about explanations.
EXPLAINED: dict[str, Lie] = {
    "no_facts": told("capabilities", kind=None),
    "methods_of_numbers": told("capabilities", methods=[1]),
    "method_unknown": told("capabilities", methods=["magic"]),
    "kind_unknown": told("capabilities", kind="soul"),
    "kind_of_text": told("attribute", kind="text"),
    "kind_of_image": told("attribute", kind="image"),
    "columns_else": told("attribute", columns=["race", "sex", "job"]),
    "columns_missing": told("attribute", columns=[]),
    "unit_missing": told("attribute", unit=None),
    "request_missing": told("attribute", request=7),
    "patch_else": told("attribute", request={"patch": 10**9}),
    "values_fewer": numbers("attribute", lambda a: a[:, :1], "values"),
    "values_none": numbers("attribute", lambda a: a[:0], "values"),
    "output_wide": numbers("attribute", lambda a: np.stack([a, a]), "output"),
}


SAYS = '{"a": NaN}'  # of the whole command line
CAPABILITIES = Question("capabilities")
TRUSTED = Rules(allow_pickle=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    FRAME.to_csv(folder / "rows.csv", index=False)
    return skops_model(folder, FRAME)


@pytest.mark.parametrize("name", LOADS)
def test_what_a_worker_tells_of_its_model(
    name: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lying(monkeypatch, LOADS[name]), pytest.raises((UnsafeModelError, InputError)) as caught:
        open_model(model)
    assert caught.value.remedy and caught.value.exit_code in (2, 5)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_worker_answers_about_rows(
    name: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec(
        {
            "model": str(model),
            "data": str(model.parent / "rows.csv"),
            "target": "y",
            "positive_label": 1,
            "sensitive_features": ["race"],
        }
    )
    with lying(monkeypatch, ANSWERS[name]), pytest.raises((UnsafeModelError, InputError)) as caught:
        predictions_of(build_subject(spec))
    assert str(caught.value)


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_a_worker_answers_about_explanations(
    name: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lying(monkeypatch, EXPLAINED[name]):
        predictor = open_model(model).predictor
        columns = predictor.input_columns
        with pytest.raises(UnsafeModelError, match="model"):
            assert [ask(predictor, q) for q in (CAPABILITIES, asked_to_attribute(columns))]


def asked_to_attribute(columns: tuple[str, ...]) -> Question:
    rows = FRAME[list(columns)].fillna(0).head(3)
    options = {"method": "shapley_sampling", "evaluations": 50, "permutations": 2}
    return Question("attribute", options, {"rows": rows, "baseline": rows.head(1)})


def test_honest_answers_pass(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lying(monkeypatch, lambda asked, honest: honest):
        predictor = open_model(model).predictor
        assert predictor.predict_proba(FRAME).shape == (60, 2)
        ask(predictor, CAPABILITIES)
        found = ask(predictor, asked_to_attribute(predictor.input_columns))
        assert found.arrays["values"].shape == (3, 3)


def test_a_stranger_can_not_say_that_evidence_was_altered(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 7 is a finding of ours: of a model that runs code it is a failure of the model."""
    says = failed("load", kind="AlteredEvidenceError", message="all is well", remedy="pay here")
    as_pickle = told("sniff", format="pickle", trust="pickle")

    def lie(asked: str, honest: Message) -> Message | bytes:
        return says(asked, honest) if asked == "load" else as_pickle(asked, honest)

    with lying(monkeypatch, lie), pytest.raises(InputError) as caught:
        open_model(model, rules=TRUSTED)
    assert caught.value.exit_code == 2 and "pay here" not in str(caught.value)
    assert "failed when asked to open it: all is well" in caught.value.message


def test_the_command_line_says_so(
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    rows = str(model.parent / "rows.csv")
    line = ["audit", str(model), "--data", rows, "--target", "y", "--positive-label", "1"]
    with lying(monkeypatch, unsendable("load", "maker_says", SAYS)):
        assert run([*line, "--sensitive-features", "race", "--out", str(tmp_path / "case")]) == 5
    assert "nan is no finite number" in capsys.readouterr().err


def test_a_vast_answer_takes_no_vast_memory(model: Path) -> None:
    """2.1 million empty lists are 6 MB on the line and would be 130 MB here: none is made. Measured
    by what the kernel says that a process of its own held: this one holds what other tests left."""
    script = f"from {__name__} import show_most_held; show_most_held({str(model)!r})"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert after - before < 60 << 20, (after - before) / (1 << 20)
    assert after <= 1.25 * (1 << 30)


def show_most_held(model: str) -> None:
    """Prints the most that this process held before and after a vast answer was refused. A small
    one was refused before: what opening and refusing import is held by then."""
    for name in ("nan", "wide"):
        with pytest.MonkeyPatch.context() as patch, lying(patch, LOADS[name]):
            before = most_held(anew=True)
            with pytest.raises(UnsafeModelError):
                open_model(model)
            after = most_held()
    print(before, after)


def most_held(*, anew: bool = False) -> int:
    """The most that this process held, in bytes (VmHWM); ``anew``: counted from now on."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")  # the kernel sets it to what is held now
    lines = Path("/proc/self/status").read_text().splitlines()
    (said,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(said.split()[1]) * 1024
