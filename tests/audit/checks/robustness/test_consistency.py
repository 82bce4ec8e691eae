"""A model that knows that it is audited, and fifty that don't care."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.errors import LimitError
from evenhand.audit.models.declared import Declared, Endpoint
from evenhand.audit.models.estimators import predictor_of
from evenhand.audit.words.reasons import render
from evenhand.audit.worker.isolation.levels import Rules
from evenhand.audit.worker.opening import open_endpoint, open_model
from tests.audit.models.endpoints import BINARY, say, served
from tests.audit.models.formats import makers_mlflow
from tests.audit.models.formats.makers import MAKERS
from tests.audit.subjects import confusion_rows, findings_of
from tests.hostile import cheaters
from tests.hostile.cheaters import CHEATERS, COLUMNS, IN_PROCESS, UNDETECTABLE, WORKER_ONLY
from tests.hostile.consistent import consistency
from tests.hostile.networks import NETWORKS, network_of, wide_rows
from tests.shares import share_ends

RATE, LARGEST = "inconsistent_answer_rate", "largest_answer_difference"
FRAME = cheaters.people()
TRUSTING = Rules(allow_pickle=True)

assert makers_mlflow  # it imports the others, whose makers enter themselves into MAKERS


def in_process(rule: cheaters.Rule) -> Any:
    return predictor_of("pickle", cheaters.Cheater(rule), "a cheater", {})


def caught(predictor: Any) -> bool:
    return bool(consistency(predictor, FRAME)[RATE].value)


def caught_in_a_worker(rules: dict[str, cheaters.Rule], folder: Path) -> dict[str, bool]:
    found = {}
    for name, rule in rules.items():
        path = cheaters.write_pickle(rule, folder / "m.pkl")
        predictor: Any = open_model(path, rules=TRUSTING).predictor
        found[name] = caught(predictor)
        predictor.close()
    return found


def missed(found: dict[str, bool]) -> list[str]:
    return [name for name, is_caught in found.items() if not is_caught]


# --- cheaters


def test_cheaters_in_this_process_are_caught() -> None:
    assert missed({name: caught(in_process(rule)) for name, rule in IN_PROCESS.items()}) == []


# One of each kind; the slow test below has all.
GIVEN_AWAY = (
    "another weekday",
    "another home",
    "drawn once a process",
    "rows not in the first call",
)


def test_cheaters_that_only_a_fresh_process_gives_away(tmp_path: Path) -> None:
    some = {name: WORKER_ONLY[name] for name in GIVEN_AWAY}
    assert missed(caught_in_a_worker(some, tmp_path)) == []
    seen = {name: caught(in_process(rule)) for name, rule in WORKER_ONLY.items()}
    assert not any(seen.values()), "they belong to those that show here already"


def test_programs_that_cheat_are_caught(tmp_path: Path) -> None:
    declared = Declared(
        inputs=[{"column": c} for c in COLUMNS], classes=("no", "yes"), outputs="logits"
    )
    found = {}
    for name, path in cheaters.torchscripts(tmp_path).items():
        predictor: Any = open_model(path, declared).predictor
        findings = consistency(predictor, FRAME)
        found[name] = (findings[RATE].value or 0) > 0.2
        if name in ("dropout", "noise"):
            assert "as if dropout or another random layer were left on" in render(
                findings[RATE].reason
            )
        if name == "batch normalisation":
            assert "as if batch normalisation were left in training" in render(
                findings[RATE].reason
            )
        predictor.close()
    assert missed(found) == []


@pytest.mark.slow
def test_every_cheater_as_a_file_through_the_worker(tmp_path: Path) -> None:
    assert len(CHEATERS) >= 50
    found = caught_in_a_worker(CHEATERS, tmp_path)
    assert sum(found.values()) >= 0.95 * len(found), missed(found)


def test_what_no_audit_can_tell(tmp_path: Path) -> None:
    """Pinned, since the documentation says so: these are answered for by nobody."""
    assert not any(caught_in_a_worker(UNDETECTABLE, tmp_path).values())


# --- honest models


QUICK = ("confident mlp", "lstm", "transformer", "bf16 mlp", "fp16 mlp")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in sorted(NETWORKS)],
)
def test_networks_at_several_batch_sizes_are_consistent(name: str) -> None:
    for outputs in ("logits", "values"):
        predictor = network_of(name, outputs)
        found = consistency(predictor, wide_rows(600), rows=200)
        assert found[RATE].value == 0, render(found[RATE].reason)
        narrow = {"bf16": "bfloat16", "fp16": "float16"}.get(name.split()[0], "float32")
        assert f"rounding in {narrow} explains" in found[RATE].method


def families() -> dict[str, Any]:
    from sklearn import ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "logistic": make_pipeline(StandardScaler(), linear_model.LogisticRegression()),
        "tree": tree.DecisionTreeClassifier(max_depth=5),
        "forest in two threads": ensemble.RandomForestClassifier(64, max_depth=6, n_jobs=2),
        "extra trees": ensemble.ExtraTreesClassifier(30),
        "gradient boosting": ensemble.GradientBoostingClassifier(n_estimators=30),
        "histogram boosting": ensemble.HistGradientBoostingClassifier(max_iter=30),
        "ada boost": ensemble.AdaBoostClassifier(n_estimators=20),
        "bayes": naive_bayes.GaussianNB(),
        "four neighbours": neighbors.KNeighborsClassifier(4),
        "perceptron": neural_network.MLPClassifier((32,), tol=0.01, random_state=0),
        "kernel": svm.SVC(random_state=0),
    }


def test_families_of_scikit_learn_are_consistent() -> None:
    from sklearn.calibration import CalibratedClassifierCV

    truth = np.where(FRAME["income"] - FRAME["debt"] ** 2 > 0, "yes", "no")
    for name, made in families().items():
        estimator = CalibratedClassifierCV(made, cv=2) if name == "kernel" else made
        estimator.fit(FRAME, truth)
        predictor = predictor_of("skops", estimator, name, {}, Declared(inputs=_named(COLUMNS)))
        found = consistency(predictor, FRAME, rows=200)
        assert found[RATE].value == 0, f"{name}: {render(found[RATE].reason)}"


def _named(columns: tuple[str, ...]) -> Any:
    return [{"column": c} for c in columns]


SOME = ("onnx_an_input_a_column", "skops_pipeline_with_texts", "xgboost_categories")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in SOME else pytest.mark.slow) for n in sorted(MAKERS)],
)
def test_honest_files_of_every_format_are_consistent(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    made = MAKERS[name](tmp_path)
    predictor: Any = open_model(made.path, Declared(**made.declared), rules=TRUSTING).predictor
    found = consistency(predictor, made.frame)
    assert (found[RATE].value, found[LARGEST].value) == (0, 0), render(found[RATE].reason)
    assert "with another clock and environment" in found[RATE].method
    predictor.close()


# --- what the findings say


def test_the_numbers_by_hand() -> None:
    # fair in the audit's one call, afterwards half the chance for all who owe
    found = consistency(in_process(cheaters.COUNTS["after 1 call"]), FRAME, rows=3000)
    owe = FRAME[FRAME["debt"] > 0]
    fair = 1 / (1 + np.exp(-(owe["income"] + 0.3 * owe["age"] - 0.7 * owe["debt"])))
    k, n = int((fair / 2 > 2.0**-13).sum()), 3000
    assert found[RATE].counts == {"k": k, "n": n}
    assert found[RATE].value == k / n
    interval = found[RATE].interval
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(share_ends(k, n))
    assert found[LARGEST].value == pytest.approx(float(fair.max()) / 2, rel=1e-12)
    assert f"in another order {k:,} of 3,000" in render(found[RATE].reason)
    assert found[LARGEST].unit == "probability"


def test_rows_are_sampled_by_seed_and_nothing_is_drawn_twice() -> None:
    rule = cheaters.SIZES["size below 32"]
    first = consistency(in_process(rule), FRAME)
    assert first == consistency(in_process(rule), FRAME)
    assert first[RATE].n == 1000
    assert first[RATE].seed is not None
    assert first[RATE].method.startswith("Wilson score, beta tails; 1000 of 3000 rows asked again")
    # in this process there is no fresh one, and the method says so
    assert "not varied: a fresh process, clock or environment" in first[RATE].method


def test_a_refused_row_is_another_answer() -> None:
    found = consistency(in_process(cheaters.refuses_alone), FRAME)
    assert "one row alone 50 of 50" in render(found[RATE].reason)
    assert "expected more than one row" in render(found[RATE].reason)


def test_one_call_of_a_thousand_rows_is_enough_to_see_chance_in_few() -> None:
    # of 1,000 rows asked five times and more, 1 in 100 answers is drawn: 0.95^5 of them never
    found = consistency(in_process(cheaters.CHANCE["noise in 1 row of 100"]), FRAME)
    assert found[RATE].value == pytest.approx(0.05, abs=0.04)


def test_no_endless_model_is_called_consistent() -> None:
    def slow(m: Any, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        if m.calls:
            raise LimitError("too slow")
        return p

    found = consistency(in_process(slow), FRAME)
    assert found[RATE].status == "error"
    assert "too slow" in render(found[RATE].reason)


def test_stored_predictions_cannot_be_asked(tmp_path: Path) -> None:
    frame = confusion_rows({}, tp=5, fp=5, fn=5, tn=5)
    found = findings_of("robustness.consistency", frame, tmp_path)
    assert {f.status for f in found} == {"not_applicable"}
    assert "no model, only stored predictions" in render(found[0].reason)


def test_an_endpoint_is_asked_too() -> None:
    frame = pd.DataFrame({"income": np.arange(60.0), "job": ["a", "b"] * 30})

    def honest(body: dict[str, Any]) -> Any:
        return say({"scores": [[1 - r["income"] / 100, r["income"] / 100] for r in body["rows"]]})

    def sniffing(body: dict[str, Any]) -> Any:
        by = 100 if len(body["rows"]) > 20 else 200
        return say({"scores": [[1 - r["income"] / by, r["income"] / by] for r in body["rows"]]})

    for answer, rate in ((honest, 0.0), (sniffing, 59 / 60)):
        with served(answer) as (url, bodies):
            predictor = open_endpoint(Endpoint(url=url), BINARY).predictor
            found = consistency(predictor, frame)
        assert found[RATE].value == pytest.approx(rate, abs=0.5 * rate)
        assert len(bodies) > 50
        # JSON has no missing number; this endpoint's code does not take null
        assert "not varied" in found[RATE].method


class Lots:
    """Decides by a coin for chances between 0 and 1, another one at each call."""

    format, task, classes, input_columns = "made", "binary", ("no", "yes"), COLUMNS
    gradients = None

    def __init__(self, says: dict[str, Any]) -> None:
        self.maker_says = says
        self._rng = np.random.default_rng(0)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        chance = np.clip(frame["income"].to_numpy(), 0, 1)
        return np.column_stack([1 - chance, chance])

    def decide(self, frame: pd.DataFrame) -> np.ndarray:
        return (self._rng.random(len(frame)) < self.predict_proba(frame)[:, 1]).astype(int)


def test_declared_randomness_is_no_cheating() -> None:
    says = {"mitigation": {"randomises": True, "method": "a coin"}}
    stated = consistency(Lots(says), FRAME)
    assert stated[RATE].value == 0
    between = FRAME["income"].between(0, 1, inclusive="neither")
    drawn = int(render(stated[RATE].reason).split()[0])
    assert drawn / 1000 == pytest.approx(between.mean(), abs=0.06)
    unstated = consistency(Lots({}), FRAME)
    assert 0.2 < (unstated[RATE].value or 0) < between.mean() + 0.06
    assert unstated[LARGEST].value == 1  # one decision


class Texts:
    """A language model of sorts: log-likelihoods by length, some by the batch."""

    format, task, classes, input_columns = "made", "generation", (), ("text",)
    gradients, maker_says = None, {}

    def __init__(self, by_batch: float) -> None:
        self._by_batch = by_batch

    def token_log_likelihood(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        characters = frame["text"].str.len().to_numpy()
        longest = characters.max() * self._by_batch
        return -1.5 * characters - longest, characters - 1, characters


def test_texts_whose_padding_changes_them() -> None:
    frame = pd.DataFrame({"text": ["x" * k for k in range(2, 102)]})
    assert consistency(Texts(0.0), frame)[RATE].value == 0
    found = consistency(Texts(0.01), frame)
    # unchanged are those who met the longest text, or one as long, in every batch
    assert 0.5 < (found[RATE].value or 0) < 1
    assert found[LARGEST].unit == "nat"


# --- what rounding explains


def test_coarse_answers_hide_little() -> None:
    """A cheater that rounds to bfloat16 gains its tolerance, a sixteenth, and no more."""
    import torch

    def rounded(rule: cheaters.Rule) -> cheaters.Rule:
        def told(m: Any, x: np.ndarray, p: np.ndarray) -> np.ndarray:
            narrow = torch.from_numpy(rule(m, x, p)).to(torch.bfloat16)
            return narrow.double().numpy()

        return told

    found = consistency(in_process(rounded(cheaters.SIZES["size below 100"])), FRAME)
    assert "rounding in bfloat16 explains 0.062" in found[RATE].method
    assert (found[RATE].value or 0) > 0.3


# --- another clock and environment

ELSEWHERE = """
import datetime, json, os, time
real = datetime.datetime, time.time()
from evenhand.audit.worker.elsewhere import go_elsewhere
os.environ.update(OMP_NUM_THREADS="3", SECRET_OF_CI="1")
go_elsewhere()
now = datetime.datetime.now(tz=datetime.timezone.utc)
assert isinstance(real[0](2020, 1, 1), datetime.datetime)
assert issubclass(real[0], datetime.date)
assert abs(now.timestamp() - time.time()) < 5
assert time.strftime("%Y") == time.strftime("%Y", time.localtime(time.time()))
assert time.ctime()[-4:] == time.ctime(time.time())[-4:]
assert time.strftime("%Y", time.gmtime(0)) == "1970"
assert abs((datetime.date.today() - datetime.datetime.today().date()).days) <= 1
assert abs(time.time_ns() / 1e9 - time.time()) < 5
print(json.dumps([time.time() - real[1], os.environ.get("SECRET_OF_CI"),
                  os.environ["OMP_NUM_THREADS"], os.environ["HOME"]]))
"""


def test_another_clock_and_environment() -> None:
    import json

    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[4],
    )
    ahead, secret, threads, home = json.loads(done.stdout)
    # another year and another weekday: 402 = 57 weeks and 3 days
    assert datetime.timedelta(seconds=ahead).days == 402
    assert (secret, threads, home) == (None, "3", "/srv/model")
