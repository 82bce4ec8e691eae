"""A case handed on from browser to browser, and between browser and command line: the recipient has
another home, no network and nothing of the sender's, and sees what the sender saw."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from evenhand.audit.case.case import Case
from evenhand.audit.case.signing import own_key
from evenhand.audit.cli import run
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.register.register import Register
from evenhand.dashboard.cases import archives, store, writing
from evenhand.dashboard.server import starting
from evenhand.dashboard.server.identity import RefusedError, SignedIn
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pages.doing import accepting, press
from tests.dashboard.pages.seen import plain

ADA = ["--by", "Ada", "--role", "risk owner", "--statement", "I accept it"]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that a page starts run here, and no network is there."""

    def briefly(arguments: Sequence[str], *, expected: Sequence[int] = (0,), **_: Any) -> bytes:
        out = io.StringIO()
        with redirect_stdout(out):
            assert run(list(arguments)) in expected
        return out.getvalue().encode()

    def no_network(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(starting, "run_briefly", briefly)
    monkeypatch.setattr(socket.socket, "connect", no_network)


def judged(capsys: pytest.CaptureFixture[str], case: Path) -> tuple[int, list[tuple[str, str]]]:
    capsys.readouterr()
    code = run(["judge", str(case), "--json"])
    told = json.loads(capsys.readouterr().out)
    return code, [(v["item"], v["because"]["zh"]) for v in told["verdicts"]]


def from_the_browser(open_page: OpenPage, out: Path) -> AppTest:
    """Makes the archive on the page, and saves what the download button holds."""
    app = open_page("evidence")
    app.button(key="make_archive").click().run()
    assert not app.exception and not app.error
    _, made = app.session_state["evenhand_archive"]
    out.write_bytes(made.content)
    return app


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Goes to a machine that has nothing but the archive."""

    def go(archive: Path | None = None) -> Path:
        home = tmp_path / "there"
        monkeypatch.setenv("EVENHAND_HOME", str(home))
        monkeypatch.setattr("sys.argv", ["app.py", *([str(archive)] if archive else [])])
        return home

    return go


def test_in_both_directions(
    open_page: OpenPage,
    case: Case,
    there: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    attest = ["attest", str(case.path), "H-05", "--answer", "met", *ADA]
    assert run(attest) == 0
    here = judged(capsys, case.path)
    by_page, by_line = tmp_path / "page.zip", tmp_path / "line.zip"
    said = plain(from_the_browser(open_page, by_page))
    key = own_key(tmp_path / "home" / "keys").public.id
    assert key in said and "2 entries of the register" in said
    assert run(["export", str(case.path), "-o", str(by_line)]) == 0
    assert by_page.read_bytes() == by_line.read_bytes()
    # browser -> command line
    there(by_line)
    assert judged(capsys, by_page) == here
    assert run(["verify", str(by_page)]) == 0
    # command line -> browser
    app = open_page("checklist", item="H-05")
    assert not app.exception and "it is read as its sender wrote it" in plain(app)
    assert "I accept it" in plain(app)
    assert not [b for b in app.button if b.key and b.key.startswith(("attest", "waive", "sign"))]
    told = plain(open_page("evidence"))
    assert f"key {key} is not known here" in told and "not to be checked here" in told
    assert "此处不认识密钥" in plain(open_page("evidence", lang="zh"))
    assert "make_archive" not in [b.key for b in open_page("evidence").button]


def test_after_the_sign_off_the_archive_is_another(
    open_page: OpenPage, case: Case, approver: None, tmp_path: Path
) -> None:
    before, after = tmp_path / "before.zip", tmp_path / "after.zip"
    from_the_browser(open_page, before)
    app = open_page("checklist")
    app.button(key="sign_off").click().run()
    next(a for a in app.text_area if "state" in a.label).input("Accepted for the pilot.")
    for box in accepting(app):
        box.check()
    press(app, "Sign off")
    assert not app.exception
    from_the_browser(open_page, after)
    assert b"Accepted for the pilot." in after.read_bytes()
    assert before.read_bytes() != after.read_bytes()


def test_nothing_is_written_about_an_archive_and_a_changed_one_is_shown(
    case: Case, there: Callable[..., Path], tmp_path: Path
) -> None:
    archive = tmp_path / "x.zip"
    assert run(["export", str(case.path), "-o", str(archive)]) == 0
    there(archive)
    (stored,) = [store.open_case(p) for p in store.case_paths([archive], ())]
    assert stored.state == "sealed" and stored.case is not None
    with pytest.raises(InputError, match="only read"):
        writing.sign_off(SignedIn("Eve", "approver"), stored.case, [], statement="fine", accepts=[])
    raw = bytearray(archive.read_bytes())
    raw[len(raw) // 2] ^= 1
    archive.write_bytes(raw)
    (changed,) = [store.open_case(p) for p in store.case_paths([archive], ())]
    assert (changed.state, changed.case) == ("altered", None)
    assert "x.zip" in changed.problem and changed.remedy
    archive.write_bytes(b"no zip at all")
    (other,) = [store.open_case(p) for p in store.case_paths([archive], ())]
    assert other.state in ("altered", "unreadable") and other.remedy


def test_an_archive_that_was_uploaded_is_checked_kept_and_only_read(
    case: Case, there: Callable[..., Path], tmp_path: Path, open_page: OpenPage, approver: None
) -> None:
    archive = tmp_path / "x.zip"
    assert run(["export", str(case.path), "-o", str(archive)]) == 0
    home = there()
    grace, name = SignedIn("Grace", "approver"), "../<b>x.zip"
    with pytest.raises(AlteredEvidenceError):
        archives.receive(grace, name, archive.read_bytes()[:-40])
    assert not list(home.rglob("*.zip"))  # nothing is kept of it
    with pytest.raises(RefusedError):
        archives.receive(SignedIn("Eve", "viewer"), name, archive.read_bytes())
    place = archives.receive(grace, name, archive.read_bytes())
    assert archives.receive(grace, name, archive.read_bytes()) == place
    (kept,) = home.rglob("*.zip")
    assert kept.parent == home / "received" and "<" not in kept.name
    app = open_page("checklist")
    assert not app.exception and "it is read as its sender wrote it" in plain(app)
    assert not [b for b in app.button if b.key and b.key.startswith(("attest", "waive", "sign"))]


def test_a_fact_that_a_verdict_waits_for_is_stated_on_the_page(
    open_page: OpenPage, case: Case, approver: None
) -> None:
    app = open_page("checklist", pack="us-nyc-ll144")
    assert any("asked for and not stated" in e.label for e in app.expander)
    next(s for s in app.selectbox if "decisions are about" in s.label).select("hiring")
    next(m for m in app.multiselect if "is used" in m.label).select("US-NY-NYC")
    press(app, "State these facts")
    assert not app.exception
    body = Register().snapshot()[-1].body
    assert body["facts"] == {"system.domain": "hiring", "system.places": ["US-NY-NYC"]}
    assert (body["by"], body["known_by"]) == ("Grace", "stated")
    assert "Facts recorded as entry 2" in "\n".join(s.value for s in app.success)
