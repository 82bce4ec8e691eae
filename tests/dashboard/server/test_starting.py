"""What is started: the command as it is shown, its progress, stopping it, keeping uploads."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evenhand.audit.errors import InputError
from evenhand.dashboard.server import starting
from evenhand.dashboard.server.identity import READER, RefusedError, SignedIn
from evenhand.dashboard.server.starting import Job, Jobs

ADA = SignedIn("Ada", "auditor", "stated", signs_as=None)
PROGRESS = """
import json, signal, sys, time
print("audit: fairness.gaps (3/12)", file=sys.stderr)
print("warning: <b>", file=sys.stderr, flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print(json.dumps({"error": {"message": "interrupted", "remedy": "r"}, "exit_code": 130}))
    sys.exit(130)
"""


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    made = Jobs()
    yield made
    made._end_all()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that reports progress and waits to be stopped."""
    script = tmp_path / "progress.py"
    script.write_text(PROGRESS)

    def instead(module: str, *arguments: str) -> list[str]:
        return [sys.executable, "-u", str(script), *arguments]

    monkeypatch.setattr(starting.surroundings, "python", instead)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_shown_command_is_the_one_that_a_shell_would_run() -> None:
    given = {
        "target": "a b",
        "name": "; rm -rf ~",
        "sensitive_features": ["$(id)", "`id`"],
        "seed": "0",
    }
    arguments = ["audit", *starting.options(given), "--", "-model"]
    shown = starting.command_line(arguments)
    assert shlex.split(shown) == ["evenhand", *arguments]
    # every value hangs on its option: none can be read as an option of its own
    assert all(a.startswith("--") and "=" in a for a in arguments[1:-2])


def test_nobody_starts_what_they_may_not(jobs: Jobs) -> None:
    for person in (READER, SignedIn("Eve", "viewer", "oidc"), SignedIn("Eve", None, "oidc")):
        with pytest.raises(RefusedError, match="to start takes the role auditor"):
            jobs.start(person, "audit", ["formats"])
        with pytest.raises(RefusedError):
            starting.keep_upload(person, [("a.csv", b"x")], role="data")
    assert jobs.all() == []


def test_a_job_tells_how_far_it_is_and_stops_like_ctrl_c(jobs: Jobs, slow: None) -> None:
    job = jobs.start(ADA, "audit", ["x"])
    until(lambda: bool(job.messages))
    assert (job.state, job.step, job.done, job.steps) == ("running", "audit: fairness.gaps", 3, 12)
    assert list(job.messages) == ["warning: <b>"]
    assert (job.by, job.exit_code) == ("Ada", None)
    with pytest.raises(RefusedError):
        jobs.stop(READER, job)
    jobs.stop(ADA, job)
    assert job.wait(30)
    assert (job.state, job.exit_code) == ("ended", 130)
    assert job.error == {"message": "interrupted", "remedy": "r"}


def test_no_more_than_a_few_run_at_once(jobs: Jobs, slow: None) -> None:
    running = [jobs.start(ADA, "audit", ["x"]) for _ in range(starting.MOST_RUNNING)]
    with pytest.raises(InputError, match="2 commands are running already"):
        jobs.start(ADA, "audit", ["x"])
    for job in running:
        until(lambda job=job: bool(job.messages))  # type: ignore[misc]
        job.stop()
        assert job.wait(30)
    assert jobs.all() == running[::-1]


def test_a_command_that_fails_says_why(jobs: Jobs) -> None:
    job: Job = jobs.start(ADA, "audit", ["report", "no-such-case"])
    assert job.wait(60)
    assert job.exit_code == 2
    with pytest.raises(InputError, match="no-such-case") as refused:
        starting.run_briefly(["report", "no-such-case"])
    assert refused.value.remedy


def test_uploads_are_kept_under_names_of_ours(home: Path) -> None:
    place = starting.keep_upload(ADA, [("../../evil; rm.csv", b"a,b\n")], role="data")
    assert place.parent.parent == home / "uploads"
    assert place.name == "data.csv"
    assert place.read_bytes() == b"a,b\n"
    assert starting.keep_upload(ADA, [("x.csv.gz", b"")], role="data").name == "data.csv.gz"
    assert starting.keep_upload(ADA, [("x.$(id)", b"")], role="data").name == "data"
    folder = starting.keep_upload(
        ADA, [("m/model.json", b"{}"), ("m/weights.safetensors", b"w")], role="model"
    )
    assert sorted(p.name for p in folder.iterdir()) == ["model.json", "weights.safetensors"]
    for wrong in ("..", "a b", ".hidden", "\u202ex"):
        with pytest.raises(InputError, match="plain name"):
            starting.keep_upload(ADA, [("model.json", b""), (wrong, b"")], role="model")
    with pytest.raises(InputError, match="no model was uploaded"):
        starting.keep_upload(ADA, [], role="model")


def test_the_command_is_our_own_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert starting.run_briefly(["--version"]).startswith(b"evenhand ")
    assert sys.executable
