"""What people do in a real browser: attest, be refused, audit by upload, sign in, read a copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import oidc_provider_mock
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.register.register import Entry, Register
from evenhand.dashboard.cases import store
from evenhand.dashboard.cases.stated import role_word
from evenhand.dashboard.export import site as export
from evenhand.dashboard.i18n import LANGUAGES, Translator
from evenhand.dashboard.server import identity, launch
from tests.dashboard.browsing import served, take
from tests.dashboard.journey_views import ALL, DESK, View
from tests.dashboard.journeys.watching import Watched, nothing_came_alive, title
from tests.dashboard.sound_cases import register_case, write_case
from tests.samples import HOSTILE

pytestmark = pytest.mark.browser
WAIT_MS = 40_000
expect.set_options(timeout=WAIT_MS)


def entries(home: Path) -> tuple[Entry, ...]:
    return Register(f"sqlite:///{home / 'register.sqlite'}").snapshot()


@contextmanager
def for_grace(folder: Path) -> Iterator[tuple[str, Path, str]]:
    """A dashboard for Grace, an approver whom nobody checked, over one sound case."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(folder))
        patch.delenv("EVENHAND_REGISTER", raising=False)
        case = write_case(folder / "cases" / "loan")
        register_case(case)
    with served(folder, ["--as", f"Grace {HOSTILE}:approver"]) as base:
        yield base, folder, store.open_case(case.path).key


@pytest.fixture(scope="module")
def approver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, str]]:
    with for_grace(tmp_path_factory.mktemp("working")) as served_at:
        yield served_at


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[tuple[str, Path, str]]:
    """As ``approver``, for one test: a server that has started nothing before."""
    with for_grace(tmp_path / "starter") as served_at:
        yield served_at


def own_case(home: Path, view: View) -> str:
    """The key of a case of a model that nobody has attested yet."""
    digests = {"model": digest_bytes(str(view).encode()), "data": "sha256:" + "b" * 64}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(home))
        patch.delenv("EVENHAND_REGISTER", raising=False)
        case = write_case(home / "cases" / f"own-{view}", digests=digests)
        register_case(case)
    return store.open_case(case.path).key


def test_attest_with_evidence_and_see_the_verdict_change(
    approver: tuple[str, Path, str],
    browser: Browser,
    pictures: Path,
    tmp_path: Path,
    view: View,
) -> None:
    base, home, _key = approver
    key, t, watched = own_case(home, view), view.t, Watched(base)
    seq = len(entries(home)) + 1
    minutes = tmp_path / "minutes <b>.txt"
    minutes.write_text("agreed on Tuesday")
    waiting = t.count("checklist.waiting", 1).replace("ROLE", role_word("risk owner", t))
    with view.opened(browser, watched) as page:
        page.goto(f"{base}/checklist?case={key}&verdict=needs-attestation")
        title(page, t("nav.checklist"))
        expect(page.get_by_text(waiting)).to_be_visible()
        take(page, t("write.answer"), t("answer.met"))
        page.get_by_label(t("write.statement")).fill(f"I accept it. {HOSTILE}")
        page.get_by_test_id("stFileUploader").locator("input").first.set_input_files(minutes)
        expect(page.get_by_text("minutes").first).to_be_visible()
        page.screenshot(path=pictures / f"attest-{view}.png", full_page=True)
        submit(page, t("write.attest"))
        done = t("write.done", kind=t("write.attestation"), entry=seq)
        expect(page.get_by_text(done)).to_be_visible()
        expect(page.get_by_text(waiting)).to_have_count(0)
        nothing_came_alive(page)
    body = entries(home)[-1].body
    assert body["by"] == f"Grace {HOSTILE}"
    assert (body["item"], body["answer"], body["known_by"]) == ("H-05", "met", "stated")
    assert [e["path"] for e in body["evidence"]] == ["minutes <b>.txt"]
    kept = home / "evidence" / body["evidence"][0]["sha256"].removeprefix("sha256:")
    assert kept.read_text() == "agreed on Tuesday"
    assert watched.external == []
    assert watched.errors == []


def submit(page: Page, label: str) -> None:
    """Presses the button of the open form."""
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name=label).click()


def test_waive_with_a_wrong_approver_and_be_refused(
    approver: tuple[str, Path, str],
    browser: Browser,
    pictures: Path,
    view: View,
) -> None:
    base, home, key = approver
    watched, t = Watched(base), view.t
    before = len(entries(home))
    with view.opened(browser, watched) as page:
        page.goto(f"{base}/checklist?case={key}&verdict=fail&act=waive:H-02")
        title(page, t("nav.checklist"))
        page.get_by_label(t("write.reason")).fill("正在改进")
        page.get_by_label(t("write.owner")).fill(f"grace {HOSTILE}")  # the approver herself
        page.get_by_label(t("write.compensating")).fill("人工复核")
        submit(page, t("write.waive"))
        expect(page.get_by_text(t("write.refused"))).to_be_visible()
        expect(page.get_by_text("somebody else than its owner")).to_be_visible()
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        page.screenshot(path=pictures / f"waive-{view}.png")
        nothing_came_alive(page)
    assert len(entries(home)) == before
    assert watched.external == []
    assert watched.errors == []


@pytest.fixture
def scored(tmp_path: Path, view: View) -> Path:
    """A table of scores large enough that its audit can be stopped half-way, and like no other:
    what was measured once is not measured again."""
    rng, n = np.random.default_rng(ALL.index(view)), 60_000
    rows = pd.DataFrame(
        {
            "race": rng.choice(["white", "black", HOSTILE], n),
            "sex": rng.choice(["f", "m"], n),
            "score": rng.random(n).round(3),
        }
    )
    rows["y"] = (rng.random(n) < rows["score"]).astype(int)
    table = tmp_path / "scored.csv"
    rows.to_csv(table, index=False)
    return table


def test_audit_by_upload_stop_and_resume(
    starter: tuple[str, Path, str],
    browser: Browser,
    pictures: Path,
    scored: Path,
    view: View,
) -> None:
    base, home, _key = starter
    watched, t = Watched(base), view.t
    with view.opened(browser, watched) as page:
        page.goto(f"{base}/run")
        title(page, t("nav.run"))
        page.get_by_text(t("run.predictions")).click()
        expect(page.locator(".st-key-upload_model")).to_have_count(0)
        page.locator(".st-key-upload_data input").set_input_files(scored)
        expect(page.get_by_text("scored.csv")).to_be_visible()
        # the columns speak for themselves: target, score and traits are proposed
        expect(page.get_by_text("--target=y").first).to_be_visible()
        expect(page.get_by_text("--roles=race=race").first).to_be_visible()
        name = page.get_by_label(t("run.name"), exact=True).first
        name.fill(f"uploaded {view}")
        name.press("Tab")
        take(page, t("run.positive_is"), t("positive_is.benefit"))
        expect(page.get_by_text("--positive-is=benefit").first).to_be_visible()
        page.get_by_role("button", name=t("run.start_audit")).click()
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.get_by_text(re.compile(r"audit: .*\([1-9]\d*/\d+\)"))).to_be_visible()
        page.screenshot(path=pictures / f"run-{view}.png", full_page=True)
        page.get_by_role("button", name=t("run.stop")).click()
        page.get_by_role("button", name=t("run.resume")).click()
        page.get_by_role("link", name=t("run.open")).click()
        title(page, t("nav.summary"))
        nothing_came_alive(page)
    case = [e for e in entries(home) if e.kind == "case"][-1]
    assert case.body["name"] == f"uploaded {view}"
    assert not list((home / "cases").glob(".*partial*"))
    assert watched.external == []
    assert watched.errors == []


def test_export_and_open_the_static_copy(
    approver: tuple[str, Path, str],
    browser: Browser,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    view: View,
) -> None:
    _base, home, _key = approver
    monkeypatch.setenv("EVENHAND_HOME", str(home))
    monkeypatch.delenv("EVENHAND_REGISTER", raising=False)
    out, t = tmp_path / "copy", view.t
    export.write(out, [home / "cases" / "loan"])
    watched = Watched(out.as_uri())
    other = next(lang for lang in LANGUAGES if lang != view.lang)
    with view.opened(browser, watched) as page:
        page.goto((out / ("index.html" if view.lang == "en" else "index.zh.html")).as_uri())
        page.get_by_role("link", name="loan-mlp").click()
        page.get_by_role("link", name=t("nav.checklist")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(t("nav.checklist"))
        page.locator("a[href*='fairness'][href*='#f-']").first.click()
        # from the verdict to the finding that decided it, on another page
        expect(page).to_have_url(re.compile(r"fairness(\.zh)?\.html#f-"))
        assert page.locator("tr:target").count() == 1
        page.get_by_role("link", name=LANGUAGES[other]).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(Translator(other)("nav.fairness"))
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        page.screenshot(path=pictures / f"export-{view}.png", full_page=True)
        nothing_came_alive(page)
    assert watched.external == []
    assert watched.errors == []


CONFIG = """
schema: evenhand-dashboard/1
url: {url}
oidc: {{issuer: "{issuer}", client_id: evenhand, client_secret_file: secret.txt}}
people:
- {{subject: ada, name: "Ada Auditor", role: auditor, signs_as: [data owner]}}
- {{subject: grace, name: "Grace Approver", role: approver, signs_as: [risk owner]}}
"""


# the provider runs in this process, and uses what its own libraries will drop
@pytest.mark.filterwarnings("default")
def test_sign_in_with_a_provider_and_write_only_what_the_role_allows(
    browser: Browser,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("EVENHAND_HOME", str(home))
    monkeypatch.delenv("EVENHAND_REGISTER", raising=False)
    # what somebody puts into the environment or the address makes nobody of them
    monkeypatch.setenv(identity.STATED, "Mallory:approver")
    case = write_case(home / "cases" / "loan")
    register_case(case)
    users = [oidc_provider_mock.User(sub=s) for s in ("ada", "grace", "eve")]
    with oidc_provider_mock.run_server_in_thread(user_claims=users) as provider:
        issuer = f"http://127.0.0.1:{provider.server_port}"
        port = launch.free_port(0)
        (home / "secret.txt").write_text("secret")
        url = f"http://127.0.0.1:{port}"
        (home / "dashboard.yaml").write_text(CONFIG.format(url=url, issuer=issuer))
        with served(home, port=port) as base:
            watched, at_desk = Watched(base), View("en", DESK, False)
            _nobody_reads(browser, watched, base)
            with at_desk.opened(browser, watched) as page:  # signed in, but on no list
                _sign_in(page, base, "eve")
                expect(page.get_by_text("have no role here")).to_be_visible()
                expect(page.get_by_text("loan-mlp")).to_have_count(0)
            with at_desk.opened(browser, watched) as page:  # an auditor, but for another role
                _sign_in(page, base, "ada")
                expect(page.get_by_text("Ada Auditor")).to_be_visible()
                assert "may not sign as" in _attest(page, base)
            assert [e.kind for e in entries(home)] == ["case"]
            with at_desk.opened(browser, watched) as page:
                _sign_in(page, base, "grace")
                assert "recorded as entry 2" in _attest(page, base)
                page.screenshot(path=pictures / "signed-in.png")
    body = entries(home)[-1].body
    assert (body["by"], body["known_by"]) == ("Grace Approver", "oidc")
    assert body["subject"] == f"{issuer}#grace"
    # the provider's own page asks for a style sheet
    provided = (issuer, "https://cdn.jsdelivr.net/")
    assert [u for u in watched.external if not u.startswith(provided)] == []


def _nobody_reads(browser: Browser, watched: Watched, base: str) -> None:
    """Without a login, and with a forged session, there is only the button to sign in."""
    forged = "eyJpc19sb2dnZWRfaW4iOiB0cnVlLCAic3ViIjogImdyYWNlIn0.x.y"
    context = browser.new_context(locale="en-GB")
    context.add_cookies([{"name": "_streamlit_user", "value": forged, "url": base}])
    page = watched.on(context.new_page())
    for place in ("", "/checklist?act=attest:H-05", "/evidence"):
        page.goto(base + place)
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        expect(page.get_by_text("loan-mlp")).to_have_count(0)
    context.close()


def _sign_in(page: Page, base: str, who: str) -> None:
    page.goto(base)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=who).click()
    expect(page).to_have_url(re.compile(f"^{base}"))


def _attest(page: Page, base: str) -> str:
    page.goto(f"{base}/checklist?act=attest:H-05&verdict=needs-attestation")
    title(page, "Checklist")
    take(page, "Answer", "met")
    page.get_by_label("What you state").fill("I accept it.")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Attest").click()
    said = page.get_by_test_id("stAlert").first
    expect(said).to_be_visible()
    return said.inner_text()
