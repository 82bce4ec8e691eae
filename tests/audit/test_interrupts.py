"""SIGTERM, by which containers and schedulers end a job, ends a command as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.cli import main
from evenhand.audit.interrupts import termination_as_interrupt
from tests.audit.subjects import confusion_rows


def test_an_audit_that_is_terminated_ends_with_130_and_leaves_no_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = confusion_rows({"g": "a"}, tp=9, fp=5, fn=5, tn=9)
    rows.assign(g=["a", "b"] * 14).to_csv(tmp_path / "rows.csv", index=False)
    before = signal.getsignal(signal.SIGTERM)

    def terminated(*args: Any, **options: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("evenhand.audit.measure.groups.gaps.gap", terminated)
    stored = ["--predictions", str(tmp_path / "rows.csv"), "--predicted", "yhat", "--target", "y"]
    asked = ["--positive-label", "1", "--sensitive-features", "g", "--checks", "fairness.gaps"]
    with pytest.raises(SystemExit) as ended:
        main(["audit", *stored, *asked, "--out", str(tmp_path / "out" / "case")])
    assert ended.value.code == 130
    assert "evenhand: interrupted" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_are_left_alone() -> None:
    before, found = signal.getsignal(signal.SIGTERM), []

    def asks() -> None:
        with termination_as_interrupt():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=asks)
    thread.start()
    thread.join()
    assert found == [before]
