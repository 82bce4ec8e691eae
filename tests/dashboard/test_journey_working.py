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
from playwright.sync_api import Browser, BrowserContext, Page, expect

from audit.register import Entry, Register
from dashboard import export, identity, launch, store
from tests.dashboard.browsing import served
from tests.dashboard.cases import register_case, write_case
from tests.dashboard.test_journey import (
    Watched,
    browser,  # noqa: F401 - a fixture
    nothing_came_alive,
    title,
)
from tests.samples import HOSTILE

pytestmark = pytest.mark.browser
WAIT_MS = 40_000
expect.set_options(timeout=WAIT_MS)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    import os

    folder = Path(os.environ.get("EVENHAND_SCREENSHOTS") or tmp_path / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def opened(
    browser: Browser,  # noqa: F811
    watched: Watched,
    *,
    locale: str = "en-GB",
    width: int = 1280,
    dark: bool = False,
) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
    )
    page = watched.on(context.new_page())
    yield page
    context.close()


def entries(home: Path) -> tuple[Entry, ...]:
    return Register(f"sqlite:///{home / 'register.sqlite'}").snapshot()


@pytest.fixture(scope="module")
def approver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, str]]:
    """A dashboard for Grace, an approver whom nobody checked, over one sound case."""
    folder = tmp_path_factory.mktemp("working")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(folder))
        patch.delenv("EVENHAND_REGISTER", raising=False)
        case = write_case(folder / "cases" / "loan")
        register_case(case)
    with served(folder, ["--as", f"Grace {HOSTILE}:approver"]) as base:
        yield base, folder, store.open_case(case.path).key


def test_attest_with_evidence_and_see_the_verdict_change(
    approver: tuple[str, Path, str],
    browser: Browser,  # noqa: F811
    pictures: Path,
    tmp_path: Path,
) -> None:
    base, home, key = approver
    watched = Watched(base)
    minutes = tmp_path / "minutes <b>.txt"
    minutes.write_text("agreed on Tuesday")
    with opened(browser, watched) as page:
        page.goto(f"{base}/checklist?case={key}&verdict=needs-attestation")
        title(page, "Checklist")
        expect(page.get_by_text("1 item waits for: risk owner")).to_be_visible()
        page.get_by_role("button", name="Attest").click()
        page.get_by_role("combobox", name=re.compile("Answer")).click()
        page.get_by_role("option", name="met", exact=True).click()
        page.get_by_label("What you state").fill(f"I accept it. {HOSTILE}")
        page.get_by_test_id("stFileUploader").locator("input").first.set_input_files(minutes)
        expect(page.get_by_text("minutes").first).to_be_visible()
        page.screenshot(path=pictures / "attest-en.png", full_page=True)
        page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Attest").click()
        expect(page.get_by_text("Attestation recorded as entry 2")).to_be_visible()
        expect(page.get_by_text("1 item waits for")).to_have_count(0)
        nothing_came_alive(page)
    body = entries(home)[-1].body
    assert body["by"] == f"Grace {HOSTILE}"
    assert (body["item"], body["answer"], body["known_by"]) == ("H-05", "met", "stated")
    assert [e["path"] for e in body["evidence"]] == ["minutes <b>.txt"]
    kept = home / "evidence" / body["evidence"][0]["sha256"].removeprefix("sha256:")
    assert kept.read_text() == "agreed on Tuesday"
    assert watched.external == []
    assert watched.errors == []


def test_waive_with_a_wrong_approver_and_be_refused(
    approver: tuple[str, Path, str],
    browser: Browser,  # noqa: F811
    pictures: Path,
) -> None:
    base, home, key = approver
    watched = Watched(base)
    before = len(entries(home))
    with opened(browser, watched, locale="zh-CN", width=390, dark=True) as page:
        page.goto(f"{base}/checklist?case={key}&verdict=fail&act=waive:H-02")
        title(page, "检查清单")
        page.get_by_label("接受此项的理由").fill("正在改进")
        page.get_by_label("由谁对风险负责").fill(f"grace {HOSTILE}")  # the approver herself
        page.get_by_label("期间采取的补偿措施").fill("人工复核")
        page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="豁免").click()
        expect(page.get_by_text("未予记录")).to_be_visible()
        expect(page.get_by_text("somebody else than its owner")).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide
        page.screenshot(path=pictures / "waive-phone-dark-zh.png")
        nothing_came_alive(page)
    assert len(entries(home)) == before
    assert watched.external == []
    assert watched.errors == []


def test_audit_by_upload_stop_and_resume(
    approver: tuple[str, Path, str],
    browser: Browser,  # noqa: F811
    pictures: Path,
    tmp_path: Path,
) -> None:
    base, home, _key = approver
    watched = Watched(base)
    rng = np.random.default_rng(7)
    n = 60_000
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
    with opened(browser, watched) as page:
        page.goto(f"{base}/run?lang=en")
        title(page, "Run")
        page.get_by_text("Audit stored predictions").click()
        expect(page.get_by_label("Column of scores")).to_be_visible()
        expect(page.locator(".st-key-upload_model")).to_have_count(0)
        page.locator(".st-key-upload_data input").set_input_files(table)
        expect(page.get_by_text("scored.csv")).to_be_visible()
        for label, text in (
            ("Name", "uploaded"),
            ("Column of true labels", "y"),
            ("Positive label", "1"),
            ("Sensitive features", "race,sex"),
            ("Column of scores", "score"),
            ("Positive from this score on", "0.5"),
        ):
            box = page.get_by_label(label, exact=True).first
            box.fill(text)
            box.press("Tab")
        page.get_by_role("combobox", name=re.compile("What the positive label means")).click()
        page.get_by_role("option", name="benefit").click()
        expect(page.get_by_text("--positive-is=benefit").first).to_be_visible()
        page.get_by_role("button", name="Start the audit").click()
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.get_by_text(re.compile(r"audit: .*\([1-9]\d*/\d+\)"))).to_be_visible()
        page.screenshot(path=pictures / "run-en.png", full_page=True)
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("link", name="Open the case")).to_be_visible()
        page.get_by_role("link", name="Open the case").click()
        title(page, "Summary")
        nothing_came_alive(page)
    case = [e for e in entries(home) if e.kind == "case"][-1]
    assert case.body["name"] == "uploaded"
    assert not list((home / "cases").glob(".*partial*"))
    assert watched.external == []
    assert watched.errors == []


def test_export_and_open_the_static_copy(
    approver: tuple[str, Path, str],
    browser: Browser,  # noqa: F811
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _base, home, _key = approver
    monkeypatch.setenv("EVENHAND_HOME", str(home))
    monkeypatch.delenv("EVENHAND_REGISTER", raising=False)
    out = tmp_path / "copy"
    export.write(out, [home / "cases" / "loan"])
    watched = Watched(out.as_uri())
    with opened(browser, watched, width=390, dark=True) as page:
        page.goto((out / "index.html").as_uri())
        page.get_by_role("link", name="loan-mlp").click()
        page.get_by_role("link", name="Checklist").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Checklist")
        page.get_by_role("link", name=re.compile("Demographic parity difference")).first.click()
        # from the verdict to the finding that decided it, on another page
        expect(page).to_have_url(re.compile("fairness.html#f-"))
        assert page.locator("tr:target").count() == 1
        page.get_by_role("link", name="中文").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("公平性")
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        page.screenshot(path=pictures / "export-phone-dark-zh.png", full_page=True)
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
    browser: Browser,  # noqa: F811
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
            watched = Watched(base)
            _nobody_reads(browser, watched, base)
            with opened(browser, watched) as page:  # signed in, but on no list
                _sign_in(page, base, "eve")
                expect(page.get_by_text("have no role here")).to_be_visible()
                expect(page.get_by_text("loan-mlp")).to_have_count(0)
            with opened(browser, watched) as page:  # an auditor, but for another role
                _sign_in(page, base, "ada")
                expect(page.get_by_text("Ada Auditor")).to_be_visible()
                assert "may not sign as" in _attest(page, base)
            assert [e.kind for e in entries(home)] == ["case"]
            with opened(browser, watched) as page:
                _sign_in(page, base, "grace")
                assert "recorded as entry 2" in _attest(page, base)
                page.screenshot(path=pictures / "signed-in.png")
    body = entries(home)[-1].body
    assert (body["by"], body["known_by"]) == ("Grace Approver", "oidc")
    assert body["subject"] == f"{issuer}#grace"
    # the provider's own page asks for a style sheet
    provided = (issuer, "https://cdn.jsdelivr.net/")
    assert [u for u in watched.external if not u.startswith(provided)] == []


def _nobody_reads(browser: Browser, watched: Watched, base: str) -> None:  # noqa: F811
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
    page.get_by_role("combobox", name=re.compile("Answer")).click()
    page.get_by_role("option", name="met", exact=True).click()
    page.get_by_label("What you state").fill("I accept it.")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Attest").click()
    said = page.get_by_test_id("stAlert").first
    expect(said).to_be_visible()
    return said.inner_text()
