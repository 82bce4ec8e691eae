"""The form of an audit: what is proposed for the rows that were chosen, and what is picked."""

from __future__ import annotations

import io
import shlex
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from evenhand.audit.cli import run as evenhand
from evenhand.audit.data.written.declared import parse_bins
from evenhand.audit.errors import InputError
from evenhand.audit.subject.facts import parse_facts
from evenhand.dashboard.server import starting
from evenhand.dashboard.server.identity import SignedIn
from evenhand.dashboard.working import audit_form, proposing
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pages.doing import VENDOR, named
from tests.dashboard.pages.seen import plain
from tests.samples import HOSTILE


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """`evenhand init` runs here."""

    def briefly(arguments: Sequence[str], *, expected: Sequence[int] = (0,), **_: Any) -> bytes:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = evenhand(list(arguments))
        if code not in expected:
            raise InputError(err.getvalue(), remedy="")
        return out.getvalue().encode()

    monkeypatch.setattr(starting, "run_briefly", briefly)


def command(app: AppTest) -> list[str]:
    return shlex.split(next(c.value for c in app.code if c.value.startswith("evenhand audit")))


def test_columns_labels_and_traits_are_proposed_and_what_is_picked_counts(
    open_page: OpenPage, home: Path, approver: None
) -> None:
    app = named(open_page("run"), home)
    assert not app.exception and not app.error
    assert {"--target=hired", "--positive-label=yes", "--roles=sex=gender"} <= set(command(app))
    assert "Proposed: " in plain(app)
    assert "6 rows, 6 columns" in [e.label.replace("\\", "") for e in app.expander]
    # no score speaks by its name: nothing is guessed, and what is needed is said in red
    assert ":red[Needed: " in plain(app)
    app.button(key="start_audit").click().run()
    assert "these fields have to be answered first" in plain(app)
    app.selectbox(key="run_target").select("\x00").run()  # none
    app.selectbox(key="run_predicted").select("hired").run()
    app.text_input(key="run_bins").input("age=30,50").run()
    told = command(app)
    assert "--predicted=hired" in told and not [o for o in told if o.startswith("--target")]
    bins = [o.removeprefix("--bins=") for o in told if o.startswith("--bins=")]
    assert parse_bins(bins) == {"age": ("30", "50")}
    assert ":red[Needed: " not in plain(app)


def test_facts_decide_which_packs_apply(open_page: OpenPage, home: Path, approver: None) -> None:
    app = named(open_page("run", lang="zh"), home)
    assert "由以下" not in plain(app)
    app.selectbox(key="run_target").select("\x00").run()
    app.selectbox(key="run_predicted").select("hired").run()
    places = app.multiselect(key="run_fact_system.places")
    places.select("US-NY-NYC").run()
    app.selectbox(key="run_fact_system.domain").select("hiring").run()
    assert not app.exception and not app.error
    packs = app.multiselect(key="run_packs")
    assert "us-nyc-ll144" in packs.value  # it applies now, and is proposed
    told = command(app)
    assert "--fact=system.places=[US-NY-NYC]" in told and "--fact=system.domain=hiring" in told
    assert "--policy=us-nyc-ll144" in told


def test_a_form_says_facts_as_the_command_line_reads_them(
    open_page: OpenPage, home: Path, approver: None
) -> None:
    """A fact that is yes or no is one behind the option too, and no text "True"."""
    app = named(open_page("run", lang="zh"), home)
    app.selectbox(key="run_target").select("\x00").run()
    app.selectbox(key="run_predicted").select("hired").run()
    app.multiselect(key="run_fact_system.places").select("CN").run()
    app.selectbox(key="run_fact_system.personal_data_of_cn").select_index(0).run()
    given = [o.removeprefix("--fact=") for o in command(app) if o.startswith("--fact=")]
    assert parse_facts(given) == {"system.places": ["CN"], "system.personal_data_of_cn": True}
    assert "--policy=cn-pipl-automated-decision" in command(app)


def test_a_refusal_is_said_at_its_field_in_the_words_of_the_form(
    open_page: OpenPage, home: Path, approver: None
) -> None:
    app = named(open_page("run"), home)
    app.text_input(key="run_labels").input("x y").run()
    assert not app.exception
    said = plain(app)
    assert ":red[" in said and "“What labels mean”" in said
    assert "--labels" not in said
    assert app.selectbox(key="run_target").value == "hired"  # the rest of the form stays


def test_hostile_columns_and_values_are_shown_and_do_nothing(
    open_page: OpenPage, home: Path, approver: None
) -> None:
    bad = HOSTILE.replace('"', "'").replace(",", ";")
    rows = VENDOR.replace("gender", f"gender {bad}").replace("White", bad)
    app = named(open_page("run"), home, rows)
    assert not app.exception
    assert f"gender {bad}" in app.multiselect(key="run_sensitive").value
    shown = "\n".join(m.value for m in (*app.markdown, *app.caption))
    assert not [part for part in ("<img", "<script") if part in shown.replace("\\<", "")]


def test_what_was_refused_names_its_field() -> None:
    labels = {"positive_label": "Positive label", "bins": "Groups"}
    text = "give --positive-label LABEL or --bins COLUMN"
    assert proposing.in_words(text, labels) == "give “Positive label” or “Groups”"
    assert proposing.field_of("--nothing here", ["bins"]) == ""


def test_what_is_uploaded_as_a_model_is_never_a_subject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    (tmp_path / "secret.csv").write_text("y,yhat\n1,1\n0,0\n")
    subject = (
        f"predictions: {tmp_path}/secret.csv\ntarget: y\npredicted: yhat\npositive_label: 1\n"
    ).encode()
    for name in ("model.yaml", "model.onnx", "weights.bin"):
        kept = starting.keep_upload(SignedIn("ada", "auditor"), [(name, subject)], role="model")
        out = tmp_path / f"case-{name}"
        made = audit_form.arguments(False, str(kept), "", {"out": str(out)})
        assert f"--model={kept}" in made
        # the person names the data too: what was uploaded says nothing
        assert evenhand([*made, f"--data={tmp_path}/secret.csv"]) == 5
        assert not out.exists()
        assert "has read" not in capsys.readouterr().err
