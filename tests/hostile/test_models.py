"""Every hostile model through the real door: nothing runs, everything ends, each error is typed.

All of them go through one warmed process. The canary is a file that each carrier of code tries to
write; at L3 it can't be written even where the code runs, since that place lies outside.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.errors import EvenhandError
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.worker.escape import try_to_escape
from evenhand.audit.worker.isolation.levels import GIB, IsolationLevel, Rules
from evenhand.audit.worker.launcher import launcher
from evenhand.audit.worker.opening import open_model
from tests.hostile import cases, data_files, packs, pickles, processes, tables, torch_files

# One worker of pytest-xdist, and so one warmed process, opens these and the honest models of
# tests/audit/models/formats/test_honest.py.
pytestmark = pytest.mark.xdist_group("formats")
MOST_SECONDS, MOST_MEMORY = 30.0, 2 * GIB
ROWS = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 1.0]})


@dataclass(frozen=True)
class Sample:
    """A hostile model: its class and name, where it lies, whether it carries code."""

    name: str
    path: Path
    carries_code: bool


@dataclass(frozen=True)
class Corpus:
    """All samples and the file that none may write."""

    samples: tuple[Sample, ...]
    canary: Path

    def fired(self) -> bool:
        """Whether a canary lies anywhere where a sample was told to put it."""
        return self.canary.exists()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("hostile")
    canary = tmp_path_factory.mktemp("canary") / "canary"
    made: list[Sample] = []
    for source in (pickles, torch_files, data_files):
        made += [Sample(*sample) for sample in source.make(folder, canary)]
    assert not canary.exists(), "making a sample ran it"
    return Corpus(tuple(made), canary)


def test_the_corpus_covers_every_class(corpus: Corpus) -> None:
    counts = dict.fromkeys("ABCDEFGHIJK", 0)
    for sample in corpus.samples:
        counts[sample.name[0]] += 1
    assert all(count >= 3 for count in counts.values()), counts
    assert len(corpus.samples) >= 150
    assert len({s.name for s in corpus.samples}) == len(corpus.samples)


def limits(**changes: object) -> Rules:
    """Limits under which a loop or a leak ends soon; the memory is the default."""
    return Rules(time_limit=2.0, **changes)  # type: ignore[arg-type]


UNLOCKED = """
import pickle, sys, joblib, warnings
from pathlib import Path
warnings.simplefilter("ignore")
canary, fired = Path(sys.argv[1]), 0
for name in sys.argv[2:]:
    for load in (lambda: pickle.load(open(name, "rb")), lambda: joblib.load(name)):
        try:
            load()
        except BaseException:
            pass
        for _ in range(20):
            if canary.exists():
                break
            __import__("time").sleep(0.005)
        if canary.exists():
            canary.unlink()
            fired += 1
            break
print("FIRED", fired)
"""


def test_the_carriers_are_live(corpus: Corpus) -> None:
    """Opened carelessly most of them do run: a canary that can't fire would prove nothing."""
    carriers = [s for s in corpus.samples if s.carries_code and s.name[0] in "AB"]
    done = subprocess.run(
        [sys.executable, "-c", UNLOCKED, str(corpus.canary), *(str(s.path) for s in carriers)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    fired = int(done.stdout.rpartition("FIRED")[2])
    assert fired >= 0.8 * len(carriers), f"{fired} of {len(carriers)}"
    assert not corpus.fired()


# What a user would declare of a network that doesn't say it: with it, programs get to run at all.
DECLARED = Declared.model_validate(
    {"inputs": ["a", "b"], "classes": ["0", "1"], "outputs": "probabilities"}
)


def meet(sample: Sample, rules: Rules) -> str:
    """What became of it: "opened", or the exit code. Raises what is no typed error."""
    started = time.monotonic()
    declared = DECLARED if sample.name[0] in "ABEFG" else NOTHING
    problem: EvenhandError | None = None
    try:
        predictor = open_model(sample.path, declared, rules=rules).predictor
        try:
            columns = predictor.input_columns
            rows = pd.DataFrame({c: ROWS[ROWS.columns[i % 2]] for i, c in enumerate(columns)})
            if predictor.task in ("binary", "multiclass"):
                predictor.predict_proba(rows)
            elif predictor.task == "regression":
                predictor.predict_values(rows)
        finally:
            predictor.close()  # type: ignore[attr-defined]
    except EvenhandError as error:
        problem = error
    taken = time.monotonic() - started
    most = processes.on_this_machine(MOST_SECONDS)
    assert taken < most, f"{sample.name} took {taken:.0f} s"
    if problem is None:
        return "opened"
    said = str(problem)
    assert problem.exit_code in (2, 5, 6, 7), f"{sample.name}: {said}"
    assert problem.message and "Traceback" not in said, sample.name
    assert all(c.isprintable() or c == "\n" for c in said), sample.name
    return str(problem.exit_code)


def test_by_default_nothing_runs_and_everything_ends(corpus: Corpus) -> None:
    outcomes = {}
    for sample in corpus.samples:
        outcomes[sample.name] = meet(sample, limits())
        assert not corpus.fired(), f"{sample.name} ran"
    pickled = [o for name, o in outcomes.items() if name[0] in "AB"]
    assert set(pickled) <= {"2", "5", "6"}  # no pickle is opened unasked
    opened = sorted(name for name, outcome in outcomes.items() if outcome == "opened")
    # What may be opened holds no code, or ran it at L3, where it reached nothing.
    assert not [n for n in opened if n[0] in "ABCIJ"], opened
    peak = launcher().peak_memory()
    assert 0.1 * GIB < peak < 2 * GIB, "a worker, with the libraries that it shares"


def level_here() -> IsolationLevel:
    """What this machine can do."""
    isolation, _ = try_to_escape(Rules())
    level: IsolationLevel = isolation.level
    return level


def test_pickles_that_are_allowed_run_where_they_reach_nothing(corpus: Corpus) -> None:
    if level_here() < IsolationLevel.L3:
        pytest.skip("no L3 on this machine: pickles are refused in any case")
    for sample in corpus.samples:
        if (sample.name[0] in "ABDEFK" and sample.carries_code) or sample.name == "A.bomb_memo":
            meet(sample, limits(allow_pickle=True, allow_weak_isolation=True))
            assert not corpus.fired(), f"{sample.name} got out"


def test_below_l3_code_is_refused(corpus: Corpus) -> None:
    rules = limits(allow_pickle=True, allow_weak_isolation=True, at_most=IsolationLevel.L2)
    for sample in corpus.samples:
        if sample.name[0] in "AE":
            assert meet(sample, rules) in ("2", "5", "6"), sample.name
            assert not corpus.fired(), sample.name


# Class and name -> further options. Each is a process of its own, which starts all that it needs
# (a model's takes five seconds of CPU, hence so few of them: all are opened above).
MODELS = {"A.global": [], "D.code": ["--allow-pickle"], "G.symlink": [], "K.hf_code": []}
TABLES = ("L.csv_cell_ansi", "L.csv_nul", "L.csv_giant_cell", "L.gz_bomb", "L.url_driver")
TABLES += ("L.sqlite_endless", "L.sqlite_big_cell", "L.sqlite_injected")
CASES = ("N.strings", "N.sparse_findings", "N.link", "N.zip_up")


def command_lines(corpus: Corpus, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Twenty and more: models, tables, packs and cases of many classes."""
    by_name = {s.name: s for s in corpus.samples}
    pd.DataFrame({**ROWS, "y": [0, 1, 0], "s": list("mfm")}).to_csv(folder / "rows.csv")
    asked = [
        "--data",
        "rows.csv",
        "--target",
        "y",
        "--positive-label",
        "1",
        "--sensitive-features",
        "s",
    ]
    for name, more in MODELS.items():
        yield name, ["audit", str(by_name[name].path), *asked, "--time-limit", "5", *more]
    (folder / "tables").mkdir()
    found: dict[str, Path | str] = {}
    for make in (tables.csv_files, tables.packed_files, tables.databases):
        found |= make(folder / "tables")
    for name in TABLES:
        asked = ["--target", "y", "--predicted", "yhat", "--positive-label", "1"]
        asked += ["--sensitive-features", "race", "--checks", "data.quality", "--time-limit", "2"]
        yield name, ["audit", "--predictions", str(found[name]), *asked]
    (folder / "packs").mkdir()
    packed = dict(packs.make(folder / "packs", corpus.canary))
    yield "M.python", ["policies", "lint", str(packed["M.python"])]
    yield "M.bomb", ["audit", str(packed["M.bomb"])]
    (folder / "cases").mkdir()
    for sample in cases.make(folder / "cases", corpus.canary):
        if sample.name in CASES:
            yield from ((f"{sample.name} {line[0]}", line) for line in sample.lines)


def test_twenty_through_the_real_command_line(corpus: Corpus, tmp_path: Path) -> None:
    lines = dict(command_lines(corpus, tmp_path))
    assert len(lines) >= 20
    for name, line in lines.items():
        ended = processes.run(line, tmp_path)
        refused = {2, 5, 6} if name[0] not in "LN" else set(range(8))
        assert ended.exit in refused, f"{name}: {ended}"
        assert "Traceback" not in ended.said, f"{name}: {ended}"
        assert all(c.isprintable() or c == "\n" for c in ended.said), name
        assert ended.seconds < processes.on_this_machine(MOST_SECONDS), f"{name}: {ended}"
        assert max(ended.largest, ended.together) < MOST_MEMORY, f"{name}: {ended}"
        assert not corpus.fired(), name
