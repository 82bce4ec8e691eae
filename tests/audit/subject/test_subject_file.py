"""A subject file may come from a stranger: what it is, what it may name, what it may never set."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jsonschema
import pytest

from evenhand.audit.cli import run
from evenhand.audit.errors import InputError
from evenhand.audit.subject import subject_file
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.subject_file import is_subject, json_schema, places, read_spec
from tests.audit.subjects import confusion_rows

PLAIN = "predictions: rows.csv\ntarget: y\npredicted: yhat\npositive_label: 1\n"
# What each key may hold. A new key is thought about: may a stranger set it?
_NO_PLACE = """
name task classes inputs outputs architecture truncate stream encoding types missing unknown
decimal dates sheet labels bins target predicted score threshold positive_label positive_is
sensitive_features control_features weight unit facts roles declared proxies reference_applicant
actionable checks options seed level min_group_size error_budget outcomes
on id words keep_days cohort
"""
NO_PLACE = frozenset(_NO_PLACE.split())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stranger's folder to stand in, and a secret beside it."""
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    there = tmp_path / "stranger"
    there.mkdir()
    monkeypatch.chdir(there)
    rows = confusion_rows({"race": "a"}, tp=30, fp=10, fn=10, tn=30)
    rows.to_csv("rows.csv", index=False)
    rows.to_csv(tmp_path / "elsewhere.csv", index=False)
    return there


def test_every_key_is_known_for_what_it_names() -> None:
    placed = {*subject_file.ANYWHERE, *subject_file.BESIDE, *subject_file.BY_OPTION, "policy"}
    assert placed | NO_PLACE == set(SubjectSpec.model_fields)
    assert not placed & NO_PLACE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PLAIN, True),
        ('{"model": "m", "data": "d.csv"}', True),
        ("{model: m, data: d.csv}", True),
        ("modle: m\ndata: d.csv\n", True),  # a slip, to be named as one
        ("model: m\ndata: [1, 2\n", True),  # no YAML, to be named as such
        ('{"learner": {"name": "gbtree"}, "version": [3, 1, 0]}', False),  # XGBoost's own
        ('{"version": "1.0", "truncation": null, "added_tokens": [], "model": {}}', False),
        ("tree\nversion=v4\n[data: train.csv]\n", False),  # LightGBM's own
        ("weights: 3\nbias: 1\n", False),
        ("- model\n- data\n", False),
        ("just words", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("name", ["model.yaml", "model.json", "model.onnx", "data.csv"])
def test_content_decides_never_the_name(folder: Path, text: str, expected: bool, name: str) -> None:
    Path(name).write_text(text)
    assert is_subject(name) is expected


def test_what_is_no_text_is_no_subject(folder: Path) -> None:
    for raw in (b"model: m\0data: d", b"\xff\xfemodel: m", b"\x80\x05model: m\n"):
        Path("subject.yaml").write_bytes(raw)
        assert not is_subject("subject.yaml")
    assert not is_subject("not there")
    assert not is_subject(".")


def test_a_model_that_is_named_as_one_is_never_a_subject(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("model.yaml").write_text(PLAIN + "declared: {a: 1}\n")
    code = run(["audit", "--model", "model.yaml", "--data", "rows.csv", "--out", "case"])
    assert code == 5
    assert "model.yaml" in capsys.readouterr().err
    assert not Path("case").exists()
    assert run(["audit", "model.yaml", "--out", "case", "--checks", "data.*"]) == 0


OUTSIDE = {
    "an absolute path": lambda base: str(base / "secret.yaml"),
    "a way up": lambda base: "../secret.yaml",
    "a way up in the middle": lambda base: "./sub/../../secret.yaml",
    "the other slash": lambda base: "..\\secret.yaml",
    "a link": lambda base: "link.yaml",
    "a folder that is a link": lambda base: "up/secret.yaml",
    "a hard link": lambda base: "twin.yaml",
    "a drive": lambda base: "C:\\secret.yaml",
}


@pytest.mark.parametrize("how", OUTSIDE)
@pytest.mark.parametrize("key", ["declared_file", "policy", "out"])
def test_what_it_names_besides_model_and_data_lies_beside_it(
    folder: Path, how: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    base = folder.parent
    Path("link.yaml").symlink_to(base / "secret.yaml")
    Path("up").symlink_to(base)
    os.link(base / "secret.yaml", "twin.yaml")
    Path("sub").mkdir()
    text = PLAIN + json.dumps({key: OUTSIDE[how](base)})[1:-1] + "\n"
    Path("subject.yaml").write_text(text)
    assert run(["audit", "subject.yaml"]) == 2
    said = capsys.readouterr().err
    option = "--" + key.replace("_", "-")
    assert f"subject.yaml: {key}" in said and option in said
    assert "hunter2" not in said
    assert not list(folder.parent.glob("home/cases/*"))
    if "link" not in how:
        value = [OUTSIDE[how](base)] if key == "policy" else OUTSIDE[how](base)
        assert not jsonschema.Draft202012Validator(json_schema()).is_valid({key: value})


def test_beside_it_is_fine(folder: Path) -> None:
    Path("limits").mkdir()
    Path("limits/d.yaml").write_text("a: 1\n")
    Path("own.yaml").write_text("x: 1\n")
    named = "declared_file: limits/d.yaml\npolicy: [baseline, own.yaml, ./own.yaml]\nout: c/d\n"
    Path("subject.yaml").write_text(PLAIN + named)
    spec = read_spec(folder / "subject.yaml")
    assert spec.declared_file == str(folder / "limits/d.yaml")
    assert spec.policy == ("baseline", str(folder / "own.yaml"), str(folder / "own.yaml"))
    assert spec.out == str(folder / "c/d")


class _Counted(BaseHTTPRequestHandler):
    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1


@pytest.mark.parametrize("more", ["", "allow_remote: true, "])
def test_no_file_sends_rows_anywhere(
    folder: Path, more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Counted)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    Path("subject.yaml").write_text(
        f"endpoint: {{{more}url: '{url}'}}\ndata: rows.csv\ntarget: y\ninputs: [race]\n"
        "classes: ['0', '1']\npositive_label: 1\n"
    )
    try:
        assert run(["audit", "subject.yaml"]) == 2
    finally:
        server.shutdown()
        server.server_close()
    said = capsys.readouterr().err
    assert "--endpoint" in said and "--allow-remote" in said
    assert _Counted.asked == 0
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid({"endpoint": url})


def test_options_of_an_endpoint_need_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--predictions", "rows.csv", "--allow-remote"]) == 2
    assert "--endpoint URL" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["data", "training_data", "predictions"])
def test_no_file_connects_to_a_server(folder: Path, key: str) -> None:
    Path("s.yaml").write_text(f"model: m\n{key}: postgresql://ann:s3cret@db.example/x#people\n")
    with pytest.raises(InputError, match="on a server") as caught:
        read_spec("s.yaml")
    assert f"--{key.replace('_', '-')}" in caught.value.remedy
    assert "s3cret" not in str(caught.value)


def test_places_are_said_before_they_are_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("subject.yaml").write_text(PLAIN.replace("rows.csv", "../elsewhere.csv"))
    assert places(read_spec("subject.yaml"), "subject.yaml") == {
        "predictions": ("../elsewhere.csv", True)
    }
    assert run(["audit", "subject.yaml", "--checks", "data.*", "--out", "case", "--quiet"]) == 0
    assert "predictions ../elsewhere.csv (outside its folder)" in capsys.readouterr().err
    (folder.parent / "elsewhere.csv").unlink()
    assert run(["audit", "subject.yaml", "--out", "again"]) == 2
    said = capsys.readouterr().err
    assert said.index("it has read: predictions") < said.index("elsewhere.csv", 100)
    assert run(["audit", "subject.yaml", "--predictions", "rows.csv", "--out", "c3", "-q"]) == 0
    assert "elsewhere" not in capsys.readouterr().err
