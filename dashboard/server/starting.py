"""What the dashboard starts: ``evenhand ... --json`` in its own process, watched, stoppable.

No command is a shell's: arguments are a list, and every value is joined to its option
(``--target=VALUE``), so that a value that looks like an option is not read as one. What is uploaded
is kept under names of ours.
"""

from __future__ import annotations

import atexit
import json
import re
import secrets
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from evenhand.audit import surroundings
from evenhand.audit.data.written.declared import quoted_part
from evenhand.audit.errors import InputError
from evenhand.audit.files.leftovers import own_folder
from evenhand.audit.register.register import home
from evenhand.audit.words.numbers import duration
from evenhand.audit.words.phrases import as_is, current_language
from evenhand.dashboard.server.identity import SignedIn

MOST_RUNNING = 2  # a third would only slow the others down
_KEPT_LINES = 200
_KEPT_JOBS = 20
_STOP_S = 30.0
# "audit: fairness.gaps (3/12)": see evenhand.audit.commands.parts.shared.progress_bar
_STEP = re.compile(r"^(?P<what>.*?)\s*\((?P<done>\d+)/(?P<all>\d+)\)\s*$")
_SUFFIX = re.compile(r"^\.[A-Za-z0-9]{1,12}$")
_NAME = re.compile(r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$")
State = Literal["running", "stopping", "ended"]


def command_line(arguments: Sequence[str]) -> str:
    """The command as one would type it, quoted for a shell.

    >>> command_line(["audit", "--target=a b"])
    "evenhand audit '--target=a b'"
    """
    return shlex.join(["evenhand", *arguments])


def options(given: Mapping[str, object]) -> list[str]:
    """``{"target": "y", "sensitive_features": ["a", "b"]}`` as options; what is empty is left out,
    and what has several parts is quoted as the command line takes parts (commas would part them).

    >>> options({"target": "-x", "name": "", "policy": ["a", "b"], "private": True})
    ['--target=-x', '--policy=a', '--policy=b', '--private']
    """
    made: list[str] = []
    for name, value in given.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            made.append(option)
        elif isinstance(value, list | tuple):
            made += [f"{option}={quoted_part(str(one))}" for one in value]
        elif value not in (None, "", False):
            made.append(f"{option}={value}")
    return made


def _spoken(arguments: Sequence[str]) -> list[str]:
    """The command in the language of the page that starts it, unless it names another."""
    is_said = any(one.startswith("--lang") for one in arguments)
    if is_said or arguments[0].startswith("-"):  # options of no command: they say no sentence
        return list(arguments)
    return [*arguments[:1], f"--lang={current_language()}", *arguments[1:]]


@dataclass
class Job:
    """One command that was started: who started it, how far it is, how it ended."""

    id: str
    kind: str
    arguments: tuple[str, ...]
    by: str
    started_at: datetime
    process: subprocess.Popen[str]
    messages: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    step: str = ""
    done: int = 0
    steps: int = 0
    stopping: bool = False
    result: Mapping[str, Any] | None = None
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    _readers: list[threading.Thread] = field(default_factory=list)

    @property
    def state(self) -> State:
        """running, stopping (asked to, not yet gone) or ended."""
        if self.seconds is not None:
            return "ended"
        return "stopping" if self.stopping else "running"

    @property
    def exit_code(self) -> int | None:
        """The command's exit code (see ``evenhand.audit.errors``); None while it runs."""
        return self.process.returncode if self.state == "ended" else None

    @property
    def elapsed_s(self) -> float:
        """How long it has run, or ran."""
        return self.seconds if self.seconds is not None else time.monotonic() - self.began

    @property
    def error(self) -> Mapping[str, Any]:
        """What the command says went wrong: message and remedy."""
        told = (self.result or {}).get("error")
        return told if isinstance(told, Mapping) else {}

    def stop(self) -> None:
        """Asks the command to end, as Ctrl-C does; it tidies up after itself."""
        if self.process.poll() is None:
            self.stopping = True
            self.process.send_signal(signal.SIGINT)

    def wait(self, timeout_s: float) -> bool:
        """Waits for the end; False where it has not come by then."""
        for reader in self._readers:
            reader.join(timeout_s)
        return self.state == "ended"


class Jobs:
    """The commands that this server has started, newest first. Safe to use from many sessions."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        atexit.register(self._end_all)

    def start(self, person: SignedIn, kind: str, arguments: Sequence[str]) -> Job:
        """Starts ``evenhand *arguments --json``.

        Raises RefusedError for a person who may not, InputError where enough is running already.
        """
        person.require("start")
        with self._lock:
            running = [j for j in self._jobs.values() if j.state != "ended"]
            if len(running) >= MOST_RUNNING:
                raise InputError(
                    "{n_running} commands are running already",
                    remedy="wait until one has ended, or stop one",
                    n_running=len(running),
                )
            job = _started(person.name, kind, arguments)
            self._jobs[job.id] = job
            ended = [j.id for j in self._jobs.values() if j.state == "ended"]
            for old in ended[: max(0, len(self._jobs) - _KEPT_JOBS)]:
                del self._jobs[old]
        return job

    def stop(self, person: SignedIn, job: Job) -> None:
        """Stops a job. Raises RefusedError for a person who may not start one either."""
        person.require("start")
        job.stop()

    def all(self, kind: str = "") -> list[Job]:
        """Every job that is still remembered, newest first."""
        with self._lock:
            return [j for j in reversed(self._jobs.values()) if kind in ("", j.kind)]

    def find(self, job_id: str) -> Job | None:
        """The job with this id, if it is still remembered."""
        with self._lock:
            return self._jobs.get(job_id)

    def _end_all(self) -> None:
        """A server that ends takes along what it started."""
        for job in self.all():
            job.stop()
        for job in self.all():
            if not job.wait(_STOP_S):
                job.process.kill()


def _started(by: str, kind: str, arguments: Sequence[str]) -> Job:
    process = subprocess.Popen(
        # behind "--" an option would be an argument
        surroundings.python("evenhand", *_spoken([*arguments[:1], "--json", *arguments[1:]])),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=surroundings.for_child(),
        start_new_session=True,  # Ctrl-C at the server's terminal is passed on by us
    )
    job = Job(secrets.token_hex(6), kind, tuple(arguments), by, datetime.now(UTC), process)
    said = threading.Thread(target=_listen, args=(job,), daemon=True)
    told = threading.Thread(target=_collect, args=(job, said), daemon=True)
    job._readers += [told]
    said.start()
    told.start()
    return job


def _listen(job: Job) -> None:
    """Messages and progress, line by line."""
    assert job.process.stderr is not None
    with job.process.stderr as lines:
        for line in lines:
            text = line.strip()
            step = _STEP.match(text)
            if step:
                job.step = step["what"]
                job.done, job.steps = int(step["done"]), int(step["all"])
            elif text:
                job.messages.append(text)


def _collect(job: Job, said: threading.Thread) -> None:
    """The result, once the command has ended."""
    assert job.process.stdout is not None
    with job.process.stdout as out:
        text = out.read()
    job.process.wait()
    said.join()
    try:
        told = json.loads(text) if text.strip() else {}
        # findings can be many: the case has them
        job.result = {k: v for k, v in told.items() if k not in ("findings", "verdicts")}
    except (ValueError, AttributeError):
        job.messages.append(f"the result could not be read: {text[:200]!r}")
    job.seconds = time.monotonic() - job.began


def run_briefly(
    arguments: Sequence[str], *, expected: Sequence[int] = (0,), timeout_s: float = 300.0
) -> bytes:
    """What ``evenhand *arguments`` prints, for a command that reads only.

    Raises InputError with the command's own message where it fails.
    """
    try:
        done = subprocess.run(
            surroundings.python("evenhand", *_spoken(arguments)),
            env=surroundings.for_child(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            "{arguments} took more than {timeout}",
            remedy="run it in a terminal",
            arguments=command_line(arguments),
            timeout=duration(timeout_s),
        ) from error
    if done.returncode not in expected:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        remedy = lines[1].strip().removeprefix("->").strip() if len(lines) > 1 else ""
        raise InputError(as_is(lines[0].removeprefix("evenhand:").strip()), remedy=as_is(remedy))
    return done.stdout


@dataclass(frozen=True)
class MadeArchive:
    """An archive that ``evenhand export`` wrote: its bytes, and what the command told of it."""

    content: bytes
    told: Mapping[str, Any]


def make_archive(arguments: Sequence[str]) -> MadeArchive:
    """What ``evenhand export ...`` writes. Raises InputError with the command's own message."""
    with own_folder() as folder:
        place = folder / "case.zip"
        told = json.loads(run_briefly([*arguments, f"--out={place}", "--json"]))
        return MadeArchive(place.read_bytes(), told)


def keep_upload(person: SignedIn, files: Sequence[tuple[str, bytes]], *, role: str) -> Path:
    """Stores what was uploaded as ``role`` (model, data) under EVENHAND_HOME/uploads.

    One file becomes a file of our naming with its own suffix; several become a folder, whose files
    keep their names where these are plain. Raises InputError for names that are not.
    """
    person.require("start")
    if not files:
        raise InputError("no {role} was uploaded", remedy="choose a file", role=role)
    folder = home() / "uploads" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True, mode=0o700)
    if len(files) == 1:
        name, content = files[0]
        suffixes = [s for s in Path(name).suffixes[-2:] if _SUFFIX.match(s)]
        kept = suffixes if suffixes[-1:] == [".gz"] else suffixes[-1:]
        place = folder / (role + "".join(kept))
        place.write_bytes(content)
        return place
    place = folder / role
    place.mkdir()
    for name, content in files:
        parts = name.replace("\\", "/").split("/")
        plain = parts[-1]
        if not _NAME.match(plain) or (place / plain).exists():
            raise InputError(
                "{role} file {plain!r} has no plain name, or comes twice",
                remedy="use letters, digits, - _ and . alone, each name once",
                role=role,
                plain=plain,
            )
        (place / plain).write_bytes(content)
    return place
