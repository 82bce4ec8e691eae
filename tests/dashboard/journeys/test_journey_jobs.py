"""A vendor's decisions audited in the browser alone, handed on, and read by who receives them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from evenhand.audit.register.register import Register
from evenhand.dashboard.i18n import Translator
from tests.dashboard.browsing import IDLE, served, take
from tests.dashboard.journey_views import View
from tests.dashboard.journeys.watching import Watched, nothing_came_alive, title
from tests.samples import HOSTILE

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
_MOST_ITEMS = 30
ACCEPTED = "Accepted until the next audit."


@dataclass(frozen=True)
class Job:
    """Where the tool is used, what is asked because of it (the start of the field's name, and the
    answer), and the pack that then applies."""

    place: str
    asked: tuple[tuple[str, str], ...]
    pack: str


# An officer in New York audits under Local Law 144; a reviewer in China by China's measures.
JOBS = {
    "en": Job("US-NY-NYC", (("What decisions are about", "hiring"),), "us-nyc-ll144"),
    "zh": Job(
        "CN",
        (("是否以个人信息对中国境内个人作自动化决策", "是"),),
        "cn-pipl-automated-decision",
    ),
}


@dataclass
class Person:
    """Somebody at a page, whose steps are counted: a click, a choice, a text, a file."""

    page: Page
    t: Translator
    steps: list[str] = field(default_factory=list)

    def did(self, what: str) -> None:
        self.steps.append(what)
        expect(self.page.locator(IDLE)).to_have_count(1)

    def press(self, label: str) -> None:
        self.page.get_by_role("button", name=label).first.click()
        self.did(label)

    def choose(self, label: str, option: str) -> None:
        take(self.page, re.escape(label), option)
        self.page.keyboard.press("Tab")  # a box of several stays open
        self.did(label)

    def upload(self, inside: str, file: Path) -> None:
        self.page.locator(f"{inside} input[type=file]").first.set_input_files(file)
        self.did(file.name)

    def write(self, label: str, text: str) -> None:
        box = self.page.get_by_label(label).first
        box.fill(text)
        box.press("Tab")
        self.did(label)


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """What a vendor hands over: candidates, their sex and race, a score and who was hired. Women
    are hired half as often; one group has a name that a stranger chose."""
    rng, n = np.random.default_rng(144), 1200
    sex = rng.choice(["female", "male"], n)
    races = ["White", "Black or African American", "Hispanic or Latino", HOSTILE]
    hired = rng.random(n) < np.where(sex == "male", 0.4, 0.2)
    rows = {
        "candidate_id": [f"C{i:05}" for i in range(n)],
        "sex": sex,
        "race_ethnicity": rng.choice(races, n, p=[0.5, 0.25, 0.2, 0.05]),
        "assessment_score": rng.normal(60, 12, n).clip(0, 100).round(1),
        "selected": np.where(hired, "yes", "no"),
    }
    file = tmp_path / "vendor.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    file = tmp_path / "notice <b>.txt"
    file.write_text("posted on the careers page")
    return file


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    home = tmp_path / "sender"
    with served(home, ["--as", f"Grace {HOSTILE}:approver"]) as base:
        yield base, home


@pytest.fixture
def recipient(tmp_path: Path) -> Iterator[str]:
    """Another home, which has nothing of the sender's."""
    with served(tmp_path / "recipient", ["--as", "Ruth:auditor"]) as base:
        yield base


def test_a_vendors_decisions_from_upload_to_an_archive_that_another_home_reads(
    sender: tuple[str, Path],
    recipient: str,
    browser: Browser,
    pictures: Path,
    vendor: Path,
    evidence: Path,
    tmp_path: Path,
    view: View,
) -> None:
    base, home = sender
    watched, elsewhere = Watched(base), Watched(recipient)
    job = JOBS[view.lang]
    with view.opened(browser, watched) as page:
        person = Person(page, view.t)
        page.goto(f"{base}/run")
        title(page, view.t("nav.run"))
        _audit(person, job, vendor, pictures / f"job-run-{view}.png")
        _attest_all(person, job, evidence, pictures / f"job-item-{view}.png")
        _sign_off(person, pictures / f"job-signed-{view}.png")
        _all_chinese(page)
        told = page.get_by_text(re.compile(_counted(view.t))).first.inner_text()
        pack = re.findall(r"[?&]pack=([^&]+)", page.url)[-1]
        if job.pack == "us-nyc-ll144":
            made = _saved(person, "archive.public.make", "archive.public.download", tmp_path)
            assert b"female" in made.read_bytes()
        archive = _saved(person, "archive.make", "archive.download", tmp_path)
        nothing_came_alive(page)
    with view.opened(browser, elsewhere) as page:
        _received(Person(page, view.t), f"{recipient}/run", archive, pack, told)
        page.screenshot(path=pictures / f"job-received-{view}.png", full_page=True)
        nothing_came_alive(page)
    kinds = [e.kind for e in Register(f"sqlite:///{home / 'register.sqlite'}").snapshot()]
    assert kinds.count("case") == 1 and kinds[-1] == "sign-off"
    (pictures / f"job-steps-{view}.txt").write_text("\n".join(person.steps))
    # twelve items are attested, each by an answer, a sentence, a file and a click
    assert len(person.steps) <= 80, person.steps
    assert watched.errors == elsewhere.errors == []
    assert watched.external == elsewhere.external == []


def _counted(t: Translator) -> str:
    """What the sentence of a checklist ends in, with its numbers."""
    return (
        re.escape(t("sentence.held", held="H", total="T")).replace("H", r"\d+").replace("T", r"\d+")
    )


def _audit(person: Person, job: Job, vendor: Path, picture: Path) -> None:
    """From the file to a case; sex, race and the positive label are proposed."""
    t, page = person.t, person.page
    page.get_by_text(t("run.predictions")).click()
    person.did("predictions")
    expect(page.locator(".st-key-upload_model")).to_have_count(0)
    person.upload(".st-key-upload_data", vendor)
    expect(page.get_by_text("--roles=sex=sex").first).to_be_visible()
    expect(page.get_by_text("--roles=race=race_ethnicity").first).to_be_visible()
    person.choose(t("run.target"), t("run.no_target"))
    person.choose(t("run.predicted"), f"selected ({t.count('run.distinct', 2)})")
    expect(page.get_by_text("--predicted=selected").first).to_be_visible()
    person.choose("US-NY-NYC", job.place)
    expect(page.get_by_text("system.places").first).to_be_visible()
    for name, answer in job.asked:
        person.choose(name, answer)
    expect(page.get_by_text(f"--policy={job.pack}").first).to_be_visible()
    page.screenshot(path=picture, full_page=True)
    person.press(t("run.start_audit"))
    page.get_by_role("link", name=t("run.open")).click(timeout=240_000)
    person.did("open")
    title(page, t("nav.summary"))


def _attest_all(person: Person, job: Job, evidence: Path, picture: Path) -> None:
    """Every item that waits, one after the other, without looking for the next."""
    t, page = person.t, person.page
    address = re.sub(r"/summary\?", "/checklist?", page.url)
    page.goto(f"{address}&pack={job.pack}")
    person.did("checklist")
    title(page, t("nav.checklist"))
    waiting = page.get_by_role("button", name=re.compile(_waits(t)))
    expect(waiting.first).to_be_visible()
    n_left = 0  # roles for which a second person has to come
    for _ in range(_MOST_ITEMS):
        if page.get_by_test_id("stForm").count():
            _attest(person, evidence)
            page.screenshot(path=picture, full_page=True)
        elif waiting.count() > n_left:
            waiting.nth(n_left).click()  # the first that waits, of the next pack
            person.did("first that waits")
            page.wait_for_timeout(500)
            expect(page.locator(IDLE)).to_have_count(1)
            n_left += not page.get_by_test_id("stForm").count()
        else:
            return
    raise AssertionError("items wait without end")


def _attest(person: Person, evidence: Path) -> None:
    t, page = person.t, person.page
    take(page, t("write.answer"), t("answer.met"))
    person.did("answer")
    person.write(t("write.statement"), f"Seen. {HOSTILE}")
    for one in page.locator("[data-testid=stForm] input[type=file]").all()[:-1]:
        one.set_input_files(evidence)
        person.did("evidence")
    page.get_by_test_id("stFormSubmitButton").first.locator("button").click()
    person.did("attest")
    expect(page.get_by_text(re.compile(_recorded(t))).first).to_be_visible()
    page.wait_for_timeout(300)
    expect(page.locator(IDLE)).to_have_count(1)
    page.wait_for_function(_ONE_FORM)  # the one that was sent is gone


_ONE_FORM = "document.querySelectorAll('[data-testid=stForm]').length < 2"


def _recorded(t: Translator) -> str:
    return re.escape(t("write.done", kind="K", entry="E")).replace("K", ".*").replace("E", ".*")


def _all_chinese(page: Page) -> None:
    """On a Chinese page no sentence is English: four English words in a row are one."""
    main = page.get_by_test_id("stMain")
    if "检查清单" not in main.inner_text():
        return
    own = main.evaluate(_TEXTS)
    four = re.compile(r"\b[a-z]{2,}(?: [a-z]{2,}){3,}")
    english = [text for text in own if four.search(text.replace(ACCEPTED, ""))]
    assert not english, english


# Every text of a page but code, and what people wrote or named.
_TEXTS = """main => {
  const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT), found = [];
  while (walk.nextNode()) {
    const node = walk.currentNode;
    if (!node.parentElement.closest('code, pre, textarea')) found.push(node.textContent);
  }
  return found;
}"""


def _waits(t: Translator) -> str:
    either = [t(f"checklist.waiting.{n}", number="N") for n in ("one", "other")]
    return "|".join(e.replace("N", r"\d+").replace("ROLE", ".*") for e in either)


def _sign_off(person: Person, picture: Path) -> None:
    """Each open item accepted by name, warnings among them."""
    t, page = person.t, person.page
    person.press(t("write.sign-off"))
    boxes = page.get_by_test_id("stForm").get_by_test_id("stCheckbox")
    expect(boxes.first).to_be_visible()
    for box in boxes.all():
        box.get_by_role("checkbox").check(force=True)
        person.did("accept")
    person.write(t("write.statement"), ACCEPTED)
    page.get_by_test_id("stFormSubmitButton").first.locator("button").click()
    person.did("sign off")
    expect(page.get_by_text(re.compile(_recorded(t))).first).to_be_visible()
    page.screenshot(path=picture, full_page=True)


def _saved(person: Person, make: str, download: str, folder: Path) -> Path:
    """A file made and downloaded on the page."""
    t, page = person.t, person.page
    person.press(t(make))
    label = re.compile(re.escape(t(download, size="N")).replace("N", r"[\d,]+"))
    with page.expect_download() as told:
        page.get_by_role("button", name=label).click(timeout=120_000)
    person.did("download")
    place = folder / f"saved-{told.value.suggested_filename}"
    told.value.save_as(place)
    return place


def _received(person: Person, address: str, archive: Path, pack: str, told: str) -> None:
    """The archive opened on the other home: the same counts, and no button that writes."""
    t, page = person.t, person.page
    page.goto(address)
    title(page, t("nav.run"))
    page.get_by_role("tab", name=t("run.archive")).click()
    person.upload(".st-key-received_archive", archive)
    main = page.get_by_test_id("stMain")
    main.get_by_role("link", name=t("nav.checklist")).click()
    title(page, t("nav.checklist"))
    page.goto(f"{page.url}&pack={pack}")
    title(page, t("nav.checklist"))
    expect(page.get_by_text(told).first).to_be_visible()
    expect(page.get_by_text(ACCEPTED).first).to_be_visible()
    for name in ("write.attest", "write.waive", "write.sign-off", "archive.make"):
        expect(page.get_by_role("button", name=t(name), exact=True)).to_have_count(0)
