"""A form that is sent twice writes once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from streamlit.testing.v1 import AppTest

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.register.register import Entry, Register
from evenhand.dashboard.views import forms
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pages.doing import kinds, press


def test_two_clicks_at_once_are_one_entry(case: Case) -> None:
    written, together = forms.Written(), Barrier(2)

    def write() -> Entry:
        return Register().append("attestation", {"item": "H-05"})

    def click(number: str) -> Entry:
        together.wait(10)
        return written.once(number, write)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(click, ["a", "a"])
    assert first == second
    assert kinds() == ["case", "attestation"]
    written.once("b", write)  # the form was opened again: somebody means it
    assert kinds() == ["case", "attestation", "attestation"]


def test_what_was_refused_can_be_sent_again(case: Case) -> None:
    written = forms.Written()

    def refuse() -> Entry:
        raise InputError("no", remedy="mend it")

    with pytest.raises(InputError):
        written.once("a", refuse)
    written.once("a", lambda: Register().append("attestation", {}))
    assert kinds() == ["case", "attestation"]


def filled(app: AppTest) -> AppTest:
    next(s for s in app.selectbox if s.label == "Answer").select("met")
    next(a for a in app.text_area if "state" in a.label).input("I accept it.")
    return app


def test_a_click_that_comes_after_the_first_was_written(
    open_page: OpenPage, case: Case, approver: None
) -> None:
    app = open_page("checklist", act="attest:H-05")
    number = dict(app.session_state["evenhand_form_numbers"])
    press(filled(app), "Attest")
    assert kinds() == ["case", "attestation"]
    assert app.session_state["evenhand_form_numbers"] == {}
    # the browser had sent the same form once more
    app.session_state["evenhand_form_numbers"] = number
    app.query_params["act"] = "attest:H-05"
    app.run()
    press(filled(app), "Attest")
    assert kinds() == ["case", "attestation"]
    # opened anew it is another form, and its entry another answer
    app.query_params["act"] = "attest:H-05"
    app.run()
    press(filled(app), "Attest")
    assert kinds() == ["case", "attestation", "attestation"]
