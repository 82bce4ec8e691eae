"""A model behind HTTP: what is sent, what is accepted, and how patiently it is asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.cli import run
from evenhand.audit.errors import EvenhandError, InputError, LimitError
from evenhand.audit.models import endpoint as module
from evenhand.audit.models.declared import Declared, Endpoint
from evenhand.audit.worker.opening import open_endpoint
from tests.audit.models.endpoints import BINARY, Answer, say, served

VALUES = Declared(inputs=({"column": "income"},), outputs="values")


def half_of_income(body: dict[str, Any]) -> Answer:
    """P(yes) = income / 100, by hand."""
    return say({"scores": [[1 - r["income"] / 100, r["income"] / 100] for r in body["rows"]]})


FRAME = pd.DataFrame(
    {"income": [10.0, 25.0, 50.0], "job": ["nurse", None, "a"], "approved": ["no", "yes", "no"]}
)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.001)


def test_rows_go_in_scores_come_out_and_labels_stay_here() -> None:
    with served(half_of_income) as (url, bodies):
        opened = open_endpoint(Endpoint(url=url, batch_size=2), BINARY)
        scores = opened.predictor.predict_proba(FRAME)
    np.testing.assert_allclose(scores, [[0.9, 0.1], [0.75, 0.25], [0.5, 0.5]])
    assert bodies == [
        {"rows": [{"income": 10.0, "job": "nurse"}, {"income": 25.0, "job": None}]},
        {"rows": [{"income": 50.0, "job": "a"}]},
    ]
    assert opened.digest == ""
    assert opened.opening["identity"] == "endpoint, no digest"
    assert str(opened.path) == url


def test_one_score_a_row_is_the_second_class() -> None:
    with served(lambda b: say({"scores": [0.2, 0.3, 1]})) as (url, _):
        scores = open_endpoint(Endpoint(url=url), BINARY).predictor.predict_proba(FRAME)
    np.testing.assert_allclose(scores, [[0.8, 0.2], [0.7, 0.3], [0, 1]])


def test_values_and_integers_of_numpy() -> None:
    frame = pd.DataFrame({"income": np.array([1, 2], dtype=np.int32)})
    with served(lambda b: say({"values": [r["income"] * 2 for r in b["rows"]]})) as (url, _):
        values = open_endpoint(Endpoint(url=url), VALUES).predictor.predict_values(frame)
    np.testing.assert_array_equal(values, [2.0, 4.0])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"no json", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "without a list 'scores'"),
        (b'{"scores": [[0.5, 0.5]]}', "1 scores for 3 rows"),
        (b'{"scores": [[0.5, 0.5], [0.5, 0.5], [0.5, NaN]]}', "row 3: not finite"),
        (b'{"scores": [[0.5, 0.5], [0.5, 1e999], [0.5, 0.5]]}', "row 2: not finite"),
        (b'{"scores": [[0.5, 0.5], ["0.5", 0.5], [0.5, 0.5]]}', "row 2: not finite"),
        (b'{"scores": [[0.5, 0.5], [true, 0.5], [0.5, 0.5]]}', "row 2: not finite"),
        (b'{"scores": [[0.5, 0.5], [0.2, 0.3, 0.5], [0.5, 0.5]]}', "3 scores for row 2"),
        (b'{"scores": [[0.5, 0.5], [0.5], [0.5, 0.5]]}', "different lengths"),
        (b'{"scores": [[0.5, 0.5], [0.9, 0.9], [0.5, 0.5]]}', "no probabilities"),
        (b'{"scores": [1.5, 0.5, 0.5]}', "no probabilities"),
    ],
)
def test_answers_that_are_not_scores_are_refused(answer: bytes, words: str) -> None:
    with served(lambda b: (200, answer)) as (url, bodies), pytest.raises(InputError, match=words):
        open_endpoint(Endpoint(url=url), BINARY).predictor.predict_proba(FRAME)
    assert len(bodies) == 1  # a wrong answer is not asked for again


def test_it_asks_again_after_not_now_and_after_silence() -> None:
    answers = iter([(503, b"busy"), (429, b"slow down"), (502, b"")])

    def busy(body: dict[str, Any]) -> Answer:
        return next(answers, None) or half_of_income(body)

    with served(busy) as (url, bodies):
        open_endpoint(Endpoint(url=url, retries=3), BINARY).predictor.predict_proba(FRAME)
    assert len(bodies) == 4


def test_it_gives_up_after_its_tries() -> None:
    with served(lambda b: (503, b"busy")) as (url, bodies):
        model = open_endpoint(Endpoint(url=url, retries=2), BINARY).predictor
        with pytest.raises(LimitError, match="answers 503 \\(3 tries\\)"):
            model.predict_proba(FRAME)
    assert len(bodies) == 3
    with pytest.raises(InputError, match="ConnectionRefusedError"):
        model.predict_proba(FRAME)  # nobody listens there any more


def test_a_slow_answer_ends_in_a_limit() -> None:
    def slow(body: dict[str, Any]) -> Answer:
        time.sleep(0.5)
        return half_of_income(body)

    with served(slow) as (url, _):
        model = open_endpoint(Endpoint(url=url, time_limit_s=0.1, retries=0), BINARY).predictor
        with pytest.raises(LimitError, match=r"within 0\.1 s"):
            model.predict_proba(FRAME)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"])
def test_an_answer_that_trickles_ends_in_the_same_limit(head: bytes) -> None:
    """A byte at a time, of the head or of the body: no byte is late, the answer is."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            line, _ = server.accept()
            with line, suppress(OSError):  # it hangs up, which ends this
                line.sendall(head)
                for _ in range(1200):  # a minute
                    line.sendall(b"H")
                    time.sleep(0.05)

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        model = open_endpoint(Endpoint(url=url, time_limit_s=0.3, retries=0), BINARY).predictor
        with pytest.raises(LimitError, match=r"within 0\.3 s"):
            model.predict_proba(FRAME)
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_other_answers_are_final() -> None:
    for status, words in ((400, "answers 400: 'bad'"), (500, "answers 500")):
        with served(lambda b, s=status: (s, b"bad")) as (url, bodies):
            model = open_endpoint(Endpoint(url=url), BINARY).predictor
            with pytest.raises(InputError, match=words):
                model.predict_proba(FRAME)
        assert len(bodies) == 1


def test_redirects_are_not_followed() -> None:
    with served(half_of_income) as (elsewhere, sent):
        moved: Answer = (307, b"", {"Location": elsewhere})
        with served(lambda b: moved) as (url, _), pytest.raises(InputError, match="redirects"):
            open_endpoint(Endpoint(url=url), BINARY).predictor.predict_proba(FRAME)
    assert sent == []


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with served(half_of_income) as (url, _):
        open_endpoint(Endpoint(url=url), BINARY).predictor.predict_proba(FRAME)


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 1 << 16)
    with served(lambda b: (200, b" " * (1 << 20))) as (url, _):
        model = open_endpoint(Endpoint(url=url), BINARY).predictor
        with pytest.raises(InputError, match="answers with over"):
            model.predict_proba(FRAME)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///etc/passwd", "no http or https URL"),
        ("127.0.0.1:80/x", "no http or https URL"),
        ("http://", "no http or https URL"),
        ("http://127.0.0.1:99999/", "is no URL"),
        ("http://127.0.0.1:80/a b", "no http or https URL"),
        ("http://127.0.0.1:80/a\r\nX: y", "no http or https URL"),
        ("http://user:word@127.0.0.1/", "name or password"),
        ("http://example.org/score", "not on this machine"),
        ("http://127.0.0.1.example.org/", "not on this machine"),
        ("http://10.0.0.1/", "not on this machine"),
    ],
)
def test_urls_that_are_not_asked(url: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_endpoint(Endpoint(url=url), BINARY)


def test_another_machine_has_to_be_allowed_and_encrypted() -> None:
    with pytest.raises(InputError, match="unencrypted"):
        open_endpoint(Endpoint(url="http://example.org/", allow_remote=True), BINARY)
    open_endpoint(Endpoint(url="https://example.org/", allow_remote=True), BINARY)  # not yet asked


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (Declared(), "--classes"),
        (Declared(classes=("no", "yes")), "--inputs"),
        (Declared(classes=("no", "yes"), inputs=({"column": "a", "mean": 2},)), "name alone"),
    ],
)
def test_what_is_lacking_is_named(declared: Declared, words: str) -> None:
    with pytest.raises(EvenhandError) as caught:
        open_endpoint(Endpoint(url="http://127.0.0.1:9/"), declared)
    assert words in caught.value.message + caught.value.remedy


def test_an_audit_by_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"income": rng.integers(0, 100, 80), "sex": rng.choice(["f", "m"], 80)})
    frame["y"] = np.where(frame["income"] > 50, "yes", "no")
    frame.to_csv(tmp_path / "d.csv", index=False)
    with served(half_of_income) as (url, bodies):
        options = ["--data", str(tmp_path / "d.csv"), "--target", "y", "--positive-label", "yes"]
        options += ["--sensitive-features", "sex", "--classes", "no,yes", "--inputs", "income"]
        options += ["--checks", "performance.*", "--out", str(tmp_path / "case"), "--json"]
        assert run(["audit", "--endpoint", url, *options]) == 0
    assert all(set(row) == {"income"} for body in bodies for row in body["rows"])
    plan = json.loads((tmp_path / "case" / "plan.json").read_text("utf-8"))
    assert "model" not in plan["subject"]["digests"]
    assert plan["facts"]["subject.has_model_digest"] is False
    assert plan["facts"]["subject.model_format"] == "endpoint"
    assert plan["subject"]["model"]["path"] == url
    ran = json.loads((tmp_path / "case" / "environment.json").read_text("utf-8"))
    assert "endpoint, no digest" in ran["isolation"]
    found = {f["measure"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    # of two equal scores the first class is the answer: an income of exactly 50 is no, and right
    assert (frame["income"] == 50).any()
    assert found["accuracy_score"]["value"] == 1
