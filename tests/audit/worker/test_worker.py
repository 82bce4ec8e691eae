"""Models in a worker answer as they do in process; hostile ones are contained, said and ended."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.attribution.door import Question, Remote, ask
from evenhand.audit.errors import InputError, LimitError, UnsafeModelError
from evenhand.audit.models.catalogue import formats
from evenhand.audit.models.predictor import Decides
from evenhand.audit.worker.escape import must_be_stopped, try_to_escape
from evenhand.audit.worker.isolation import landlock, seccomp
from evenhand.audit.worker.isolation.levels import (
    GIB,
    LEAST,
    Isolation,
    IsolationLevel,
    Rules,
    make_rules,
    require,
)
from evenhand.audit.worker.launcher import launcher, names_at
from evenhand.audit.worker.opening import open_here, open_model
from evenhand.audit.worker.predictor import MOST_REPLACED
from evenhand.audit.worker.zygote import modules_of
from tests.audit.people import people, skops_model

FRAME = people(300, seed=3)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return skops_model(tmp_path, FRAME)


# --- levels


def test_what_each_trust_needs() -> None:
    assert LEAST == {
        "data": IsolationLevel.L1,
        "native": IsolationLevel.L2,
        "code": IsolationLevel.L3,
        "pickle": IsolationLevel.L3,
    }
    at = {level: Isolation(level, (), ("no Landlock",)) for level in IsolationLevel}
    require("model m", "data", at[IsolationLevel.L1], Rules())
    require("model m", "native", at[IsolationLevel.L1], Rules(allow_weak_isolation=True))
    require("model m", "pickle", at[IsolationLevel.L3], Rules(allow_pickle=True))
    refused = [
        ("native", IsolationLevel.L1, Rules()),
        ("code", IsolationLevel.L2, Rules(allow_weak_isolation=True, allow_pickle=True)),
        ("pickle", IsolationLevel.L3, Rules()),
        ("pickle", IsolationLevel.L2, Rules(allow_pickle=True)),
        ("safe, trust me", IsolationLevel.L3, Rules()),
    ]
    for trust, level, rules in refused:
        with pytest.raises(UnsafeModelError) as caught:
            require("model m", trust, at[level], rules)
        assert caught.value.exit_code == 5 and caught.value.remedy


def test_every_installed_format_says_what_it_is() -> None:
    found = list(formats())
    assert {"skops", "evenhand-folder", "evenhand-mitigated"} <= {f.NAME for f in found}
    for each in found:
        assert each.TRUST in LEAST or each.TRUST == "endpoint", each.NAME
        assert each.ABOUT and "\n" not in each.ABOUT, each.NAME


@pytest.mark.parametrize("given", [{"time_limit": 0}, {"memory_limit": -1}, {"isolation": "L9"}])
def test_rules_that_make_no_sense_are_input_errors(given: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        make_rules(**given)


# --- answers


def test_a_worker_answers_as_the_process_itself(model: Path) -> None:
    opened, here = open_model(model), open_here(model)
    predictor = opened.predictor
    assert isinstance(predictor, Remote) and not isinstance(predictor, Decides)
    same = ("format", "task", "classes", "input_columns", "maker_says", "gradients")
    assert all(getattr(predictor, n) == getattr(here.predictor, n) for n in same)
    np.testing.assert_array_equal(
        predictor.predict_proba(FRAME), here.predictor.predict_proba(FRAME)
    )
    assert opened.digest == here.digest and opened.path == model
    assert opened.opening["format"] == "skops" and opened.opening["trust"] == "data"
    assert opened.opening["level"] in IsolationLevel.__members__


def test_labels_and_groups_never_enter(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = open_model(model).predictor
    seen: list[list[str]] = []
    from evenhand.audit.worker import rows

    original = rows.to_bytes

    def watched(frame: pd.DataFrame) -> bytes:
        seen.append(list(frame.columns))
        return original(frame)

    monkeypatch.setattr(rows, "to_bytes", watched)
    predictor.predict_proba(FRAME)
    ask(predictor, Question("capabilities", {}, {"rows": FRAME}))
    assert {column for columns in seen for column in columns} == {"income", "job", "self"}


def test_an_error_of_the_model_comes_back_in_words(model: Path) -> None:
    predictor = open_model(model).predictor
    bad = FRAME.assign(income=["\x1b[2J<b>"] * len(FRAME))
    with pytest.raises(InputError, match="can't score 300 rows") as caught:
        predictor.predict_proba(bad)
    assert "\x1b" not in str(caught.value)
    assert str(model) in str(caught.value)  # the name that people know it by
    predictor.predict_proba(FRAME)  # and it lives on


def test_a_fresh_process_answers_the_same(model: Path) -> None:
    predictor = open_model(model).predictor
    again = predictor.reopened()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(again.predict_proba(FRAME), predictor.predict_proba(FRAME))
    assert again._session.pid != predictor._session.pid  # type: ignore[attr-defined]


def test_a_model_that_decides_itself_does_so_in_a_worker(tmp_path: Path) -> None:
    from tests.mitigation import biased, mitigated

    skops_model(tmp_path, biased(seed=2))
    path, rows = mitigated(tmp_path, tmp_path / "out", "threshold").model, biased()
    predictor, here = open_model(path).predictor, open_here(path).predictor
    assert isinstance(predictor, Decides) and isinstance(here, Decides)
    np.testing.assert_array_equal(predictor.decide(rows), here.decide(rows))


# --- isolation


@pytest.mark.parametrize("level", list(IsolationLevel))
def test_no_probe_gets_through_what_its_level_stops(
    level: IsolationLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENHAND_TEST_SECRET", "x")
    isolation, probes = try_to_escape(Rules(at_most=level))
    assert isolation.level <= level
    must = must_be_stopped(isolation)
    assert len(probes) >= 40
    through = {name: why for name, got, why in probes if got and name in must}
    assert not through


def test_this_machine_gives_l3_where_the_kernel_has_what_it_takes() -> None:
    isolation, probes = try_to_escape()
    if landlock.abi() and seccomp.supported():
        assert isolation.level is IsolationLevel.L3, str(isolation)
        through = {name: why for name, got, why in probes if got}
        assert not through.keys() & must_be_stopped(isolation), through
    else:
        assert isolation.lacking  # in words


# --- limits


@pytest.fixture
def pickled(tmp_path: Path) -> Any:
    """Opens, with pickles allowed, an estimator whose scoring runs a piece of Python."""
    if not (landlock.abi() and seccomp.supported()):
        pytest.skip("code is opened at L3 alone")

    def open_it(python: str, **limits: Any) -> Any:
        import pickle

        from sklearn.linear_model import LogisticRegression

        class Call:
            def __reduce__(self) -> Any:
                return (exec, (python,))

        fitted = LogisticRegression().fit(pd.DataFrame({"a": [0.0, 1.0]}), [0, 1])
        path = tmp_path / "model.pkl"
        path.write_bytes(pickle.dumps([fitted, Call()]))
        return open_model(path, rules=Rules(allow_pickle=True, **limits))

    return open_it


def test_a_hang_is_ended_at_the_time_limit(pickled: Any) -> None:
    started = time.monotonic()
    with pytest.raises(LimitError, match=r"took over 1\.5 s to open it") as caught:
        pickled("while True: pass", time_limit=1.5)
    assert caught.value.exit_code == 6 and "--time-limit" in caught.value.remedy
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    "python",
    [
        "bytearray(1 << 36)",
        "x = []\nwhile True: x.append(b'x' * (1 << 24))",
        "import mmap; x = []\n"
        "while True: x.append(mmap.mmap(-1, 1 << 24, flags=34)); x[-1].write(b'x' * (1 << 24))",
    ],
)
def test_memory_is_limited(pickled: Any, python: str) -> None:
    with pytest.raises(LimitError, match="GiB of memory") as caught:
        pickled(python, memory_limit=1500 << 20)
    assert "--memory-limit" in caught.value.remedy
    assert launcher().peak_memory() < 2 * GIB


@pytest.mark.skipif(not (landlock.abi() and seccomp.supported()), reason="pickles need L3")
def test_a_question_that_ends_the_worker_costs_its_own_answer_alone(tmp_path: Path) -> None:
    import cloudpickle
    from sklearn.linear_model import LogisticRegression

    class Slow(LogisticRegression):
        def predict_proba(self, X: Any) -> Any:
            time.sleep(60 * (float(X.iloc[0, 0]) == 7))
            return super().predict_proba(X)

    rows = pd.DataFrame({"a": [0.0, 1.0]})
    fitted = Slow().fit(rows, [0, 1])
    path = tmp_path / "model.pkl"
    path.write_bytes(cloudpickle.dumps(fitted))
    predictor: Any = open_model(path, rules=Rules(allow_pickle=True)).predictor
    predictor._rules = Rules(allow_pickle=True, time_limit=1)  # of answers; opening takes its time
    hang = pd.DataFrame({"a": [7.0]})
    for _ in range(MOST_REPLACED):
        with pytest.raises(LimitError, match="to score 1 rows"):
            predictor.predict_proba(hang)
        assert np.array_equal(predictor.predict_proba(rows), fitted.predict_proba(rows))
    with pytest.raises(LimitError):
        predictor.predict_proba(hang)
    with pytest.raises(UnsafeModelError, match="its worker was ended"):
        predictor.predict_proba(rows)
    predictor.close()
    with pytest.raises(UnsafeModelError, match="its worker was ended"):
        predictor.predict_proba(rows)


SPIN = """
import threading
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
"""


@pytest.mark.skipif(not (landlock.abi() and seccomp.supported()), reason="pickles need L3")
def test_nothing_runs_in_a_worker_while_nobody_asks(tmp_path: Path) -> None:
    import cloudpickle
    from sklearn.linear_model import LogisticRegression

    class Busy(LogisticRegression):
        def __setstate__(self, state: Any) -> None:
            super().__setstate__(state)
            exec(SPIN, {})

    rows = pd.DataFrame({"a": [0.0, 1.0]})
    path = tmp_path / "model.pkl"
    path.write_bytes(cloudpickle.dumps(Busy().fit(rows, [0, 1])))
    predictor: Any = open_model(path, rules=Rules(allow_pickle=True)).predictor
    pid = predictor._session.pid

    def spent() -> list[str]:  # processor time, in the process and in the kernel
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]

    before = spent()
    time.sleep(0.5)
    assert spent() == before
    assert predictor.predict_proba(rows).shape == (2, 2)


def test_threads_without_number_are_ended(pickled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from evenhand.audit.worker import session

    monkeypatch.setattr(session, "MOST_THREADS", 30)
    with pytest.raises(LimitError, match="threads when asked to open it"):
        pickled(
            "import threading, time\n"
            "for _ in range(60):\n"
            "    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
            "time.sleep(9)"
        )


def test_a_scratch_folder_without_a_size_of_its_own_is_watched(tmp_path: Path) -> None:
    from evenhand.audit.worker import session

    (tmp_path / "scratch" / "deep").mkdir(parents=True)
    (tmp_path / "model").write_text("x")
    made = session.WorkerSession(
        "it", tmp_path / "model", tmp_path / "scratch", Rules(at_most=IsolationLevel.L2)
    )
    try:
        assert not made.isolation.own_root
        (tmp_path / "scratch" / "deep" / "file").write_bytes(bytes(1 << 20))
        made._take_pulse(time.monotonic() + 9, "write", 9)
        session.MAX_SCRATCH, kept = (1 << 20) - 1, session.MAX_SCRATCH
        try:
            with pytest.raises(LimitError, match=r"wrote 10[0-9]{5} bytes when asked to write"):
                made._take_pulse(time.monotonic() + 9, "write", 9)
        finally:
            session.MAX_SCRATCH = kept
    finally:
        made.close()


def test_the_libraries_count_as_memory(model: Path) -> None:
    with pytest.raises(LimitError, match=r"the libraries that open it take 0\.\d+ GiB") as caught:
        open_model(model, rules=Rules(memory_limit=60 << 20))
    assert "--memory-limit" in caught.value.remedy


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("import os; os._exit(0)", "ended by itself"),
        ("import ctypes; ctypes.string_at(0)", "died of SIGSEGV"),
        ("import os; os.write(3, b'EHW1' + b'\\xff' * 12)", "sent no answer"),
        ("import os; os.write(3, b'{\"exit_code\": 0}' * 9)", "sent no answer"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "stopped its own process"),
        ("import os; os.close(3); os.write(2, b'\\x1b[2J I am fine'); os._exit(1)", "I am fine"),
    ],
)
def test_a_worker_that_dies_or_lies_is_said(pickled: Any, python: str, words: str) -> None:
    with pytest.raises(UnsafeModelError, match=words) as caught:
        pickled(python)
    assert "\x1b" not in str(caught.value)


def test_what_it_prints_reaches_nobody(pickled: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((InputError, UnsafeModelError)):
        pickled("import sys, os; print('{}'); os.write(1, b'pass'); os.write(2, b'x' * 200000)")
    out, err = capfd.readouterr()
    assert out == "" and err == ""


def test_pickles_are_refused_unasked_and_their_imports_are_listed(tmp_path: Path) -> None:
    import pickle

    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit(pd.DataFrame({"a": [0.0, 1.0]}), [0, 1])
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(fitted))
    with pytest.raises(UnsafeModelError, match="a pickle"):
        open_model(path)
    if not (landlock.abi() and seccomp.supported()):
        return
    opened = open_model(path, rules=Rules(allow_pickle=True))
    listed = opened.opening["pickle_imports"]
    assert any("LogisticRegression" in name for name in listed)
    frame = pd.DataFrame({"a": [0.0, 0.5, 1.0]})
    np.testing.assert_array_equal(
        opened.predictor.predict_proba(frame), fitted.predict_proba(frame)
    )


# --- ends


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def ends(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at /proc")
def test_a_worker_ends_with_its_model_and_its_parent(model: Path) -> None:
    opened = open_model(model)
    pid = opened.predictor._session.pid  # type: ignore[attr-defined]
    assert alive(pid)
    del opened
    gc.collect()
    assert ends(pid)
    code = (
        "import sys, os, signal\n"
        "from evenhand.audit.worker.opening import open_model\n"
        "from evenhand.audit.worker.launcher import launcher\n"
        "opened = open_model(sys.argv[1])\n"
        "print(opened.predictor._session.pid, launcher().pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model)], capture_output=True, text=True, cwd=os.getcwd()
    )
    assert all(ends(int(pid)) for pid in done.stdout.split()), done.stderr


def test_the_warmed_process_is_one_and_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launcher() is launcher()
    environment = Path(f"/proc/{launcher().pid}/environ")
    if environment.exists():
        names = {line.partition(b"=")[0] for line in environment.read_bytes().split(b"\0")}
        assert not {n for n in names if b"EVENHAND" in n or b"TOKEN" in n or b"SECRET" in n}


def test_names_are_a_guess_at_what_to_import(tmp_path: Path) -> None:
    (tmp_path / "encoder.json").touch()
    (tmp_path / "a.onnx").touch()
    assert names_at(tmp_path) == ("a.onnx", "encoder.json")
    assert names_at(tmp_path / "a.onnx") == ("a.onnx",) == names_at("/nowhere/a.onnx")
    guessed = modules_of("", ["model.skops", "subject.yaml"])
    assert "skops.io" in guessed and not {"torch", "onnxruntime"} & set(guessed)
    # once the content has told the format, names add what that format wants and no other does
    known = modules_of("evenhand-folder", ["model.skops", "ledger.jsonl"])
    assert {"torch", "opacus.accountants"} <= set(known) and "skops.io" not in known


def test_the_case_says_how_the_model_was_opened(model: Path, tmp_path: Path) -> None:
    from evenhand.audit.cli import run

    FRAME.to_csv(tmp_path / "rows.csv", index=False)
    options = ["--data", str(tmp_path / "rows.csv"), "--target", "y", "--positive-label", "1"]
    options += ["--sensitive-features", "race", "--checks", "performance.classification", "--quiet"]
    for level in ("auto", "L1"):
        out = tmp_path / level
        assert run(["audit", str(model), *options, "--out", str(out), "--isolation", level]) == 0
        told = json.loads((out / "environment.json").read_text())
        assert told["opening"]["format"] == "skops" and told["opening"]["trust"] == "data"
        assert told["isolation"].startswith(told["opening"]["level"])
        if level == "L1":
            assert "no more than L1 asked" in told["isolation"]
        findings = (out / "findings.jsonl").read_bytes()
    assert findings == (tmp_path / "auto" / "findings.jsonl").read_bytes()  # the same numbers
