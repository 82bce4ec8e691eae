"""The pages that write and start, through Streamlit's own test harness."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from evenhand.audit.case.case import Case
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.register.register import Register
from evenhand.dashboard.cases import items
from evenhand.dashboard.i18n import LANGUAGES
from evenhand.dashboard.server import identity
from evenhand.dashboard.views import running
from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack
from evenhand.policies.verdict import Verdict
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pages.doing import accepting, kinds, named, press
from tests.dashboard.pages.seen import plain, shown
from tests.dashboard.sound_cases import PACK
from tests.samples import HOSTILE


@pytest.fixture
def auditor(monkeypatch: pytest.MonkeyPatch, on_loopback: None) -> None:
    monkeypatch.setenv(identity.STATED, f"Ada {HOSTILE}:auditor")


@pytest.fixture(autouse=True)
def no_jobs_left() -> Iterator[None]:
    yield
    for job in running.jobs().all():
        job.stop()
        job.wait(30)
    running.jobs.clear()


def done(app: AppTest) -> str:
    """What the green boxes say."""
    return "\n".join(s.value.replace("\\", "") for s in app.success)


@pytest.mark.parametrize("page", ["evidence", "run", "train"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_working_page_opens_in_both_languages(
    open_page: OpenPage, hostile_case: Case, auditor: None, page: str, lang: str
) -> None:
    app = open_page(page, lang=lang)
    assert not app.exception
    assert not app.error
    assert not re.search(r"(?<!\\)<", shown(app))
    assert f"Ada {HOSTILE}" in plain(app)


def test_who_only_reads_gets_no_button_that_writes(open_page: OpenPage, case: Case) -> None:
    app = open_page("checklist", act="attest:H-05")
    assert not app.exception
    assert "You read only" in plain(app)
    assert not [b for b in app.button if b.key and b.key.startswith(("waive", "sign"))]
    run = open_page("run")
    assert next(b for b in run.button if b.key == "start_audit").disabled


def test_a_form_that_a_link_opens_still_writes_nothing_for_a_reader(
    open_page: OpenPage, case: Case
) -> None:
    before = kinds()
    app = open_page("checklist", act="attest:H-05")
    press(app, "Attest")
    assert "nobody is signed in" in plain(app)
    assert kinds() == before


def test_attesting_changes_the_verdict_and_is_recorded_as_unchecked(
    open_page: OpenPage, case: Case, auditor: None
) -> None:
    app = open_page("checklist")
    assert "Selection rates differ" in plain(app)  # what fails is open first
    press(app, "1 item waits for: risk owner")
    assert "Do you accept the risk?" in plain(app)  # its form needs no further click
    assert "1 of 1 that wait for you" in plain(app)
    assert app.query_params["item"] == "H-05"
    press(app, "Attest")  # nothing filled in
    assert "This was not recorded" in plain(app)
    next(s for s in app.selectbox if s.label == "Answer").select("met")
    next(a for a in app.text_area if "state" in a.label).input(f"I accept {HOSTILE}")
    press(app, "Attest")
    assert not app.exception
    assert "Attestation recorded as entry 2 of the register." in done(app)
    assert app.query_params["item"] == "H-05"  # the place is kept
    assert "Nothing waits for an attestation." in plain(app)
    assert "bound to the model" in plain(app) and "it answers for every case of it" in plain(app)
    assert f"Ada {HOSTILE}, risk owner" in plain(app)
    body = Register().snapshot()[-1].body
    assert (body["item"], body["known_by"], body["role"]) == ("H-05", "stated", "risk owner")
    assert not re.search(r"(?<!\\)<", shown(app))


def test_a_waiver_by_the_owner_is_refused_and_by_another_is_not(
    open_page: OpenPage, case: Case, approver: None
) -> None:
    app = open_page("checklist", act="waive:H-02")
    next(a for a in app.text_area if a.label.startswith("Why")).input("it is being mended")
    next(a for a in app.text_area if "meanwhile" in a.label).input("a person looks at each")
    owner = next(i for i in app.text_input if i.label.startswith("Who answers"))
    owner.input("grace")
    press(app, "Waive")
    assert "approved by somebody else than its owner" in plain(app)
    assert kinds() == ["case"]
    next(i for i in app.text_input if i.label.startswith("Who answers")).input("Ada")
    press(app, "Waive")
    assert kinds() == ["case", "waiver"]
    assert "Selection rates differ" in plain(app) and "Waived by Grace until" in plain(app)
    assert "**Underneath**" in plain(app)


def test_an_auditor_is_no_approver(open_page: OpenPage, case: Case, auditor: None) -> None:
    app = open_page("checklist", act="waive:H-02")
    next(i for i in app.text_input if i.label.startswith("Who answers")).input("Grace")
    press(app, "Waive")
    assert "to waive takes the role approver" in plain(app)
    assert kinds() == ["case"]


def test_a_sign_off_is_shown_with_who_and_how_known(
    open_page: OpenPage, case: Case, approver: None
) -> None:
    app = open_page("checklist")
    app.button(key="sign_off").click().run()
    next(a for a in app.text_area if "state" in a.label).input("Accepted for the pilot.")
    press(app, "Sign off")
    assert "open items are not accepted" in plain(app)
    for box in accepting(app):
        box.check()
    press(app, "Sign off")
    assert not app.exception
    assert "Grace signed off on" in plain(app)
    assert "name stated, not checked" in plain(app)
    assert kinds()[-1] == "sign-off"


def test_both_languages_stand_side_by_side_on_demand(open_page: OpenPage, case: Case) -> None:
    app = open_page("checklist", item="H-05")
    assert "信贷" not in plain(app) and "剩余风险有人负责" not in plain(app)
    app.toggle(key="both_languages").set_value(True).run()
    assert "剩余风险有人负责" in plain(app)
    assert "Somebody owns the remaining risk" in plain(app)
    assert app.query_params["both"] == "yes"


def test_the_evidence_page_shows_seal_files_and_register(
    open_page: OpenPage, case: Case, approver: None
) -> None:
    app = open_page("evidence")
    codes = [c.value for c in app.code]
    assert case.digest in codes
    assert any(c.startswith("evenhand verify ") and c.endswith("--register") for c in codes)
    assert "The register has this seal." in plain(app)
    files = next(f.value for f in app.dataframe if "sha256" in f.value)
    assert dict(zip(files["file"], files["sha256"], strict=True)) == dict(case.files)
    register = next(f.value for f in app.dataframe if "seq" in f.value)
    assert list(register["digest"]) == [e.digest for e in reversed(Register().snapshot())]
    app.button(key="verify").click().run(timeout=120)
    assert "Seal, register and checkpoints agree: 1 entries" in done(app)


def test_a_report_is_made_by_the_command_that_is_shown(open_page: OpenPage, case: Case) -> None:
    app = open_page("evidence", lang="zh")
    app.selectbox(key="report_format").select("json").run()
    assert any("--format=json --lang=zh" in c.value for c in app.code)
    app.button(key="make_report").click().run(timeout=120)
    assert not app.exception
    assert app.session_state["evenhand_report"][1].startswith(b"{")


@pytest.mark.parametrize(("page", "key"), [("run", "run"), ("run", "recipe"), ("train", "private")])
def test_a_form_takes_every_option_of_reading(
    open_page: OpenPage, home: Path, auditor: None, page: str, key: str
) -> None:
    """A new field of the one record is a new field of each form, in both languages."""
    app = open_page(page, lang="zh")
    if key == "run":  # three of them are proposed from the rows
        app = named(app, home)
    asked = {field.key for field in (*app.text_input, *app.selectbox)}
    assert {f"{key}_{name}" for name in Reading.model_fields} <= asked


def test_principles_roles_and_actions(case: Case) -> None:
    pack = load_pack(PACK)
    verdicts = judge(case, pack, (), as_of=datetime.now(UTC).date() + timedelta(days=1))
    found = items.sections(verdicts, pack)
    # 4.1, 4.2 and 4.5 stand alone; items without a clause come last, in the pack's order
    assert [(s.title, s.cite) for s in found] == [
        ("4.1", "House rules, section 4"),
        ("4.2", "House rules, section 4"),
        ("4.5", "House rules, section 4"),
        ("", ""),
    ]
    assert [v.item for v in found[-1].verdicts] == ["H-03", "H-04", "H-06", "H-07", "H-08", "H-09"]
    assert found[1].pressing() == [("fail", 1)] and found[1].families == ("fairness",)
    assert items.opened(verdicts, "H-08").item == "H-08"  # type: ignore[union-attr]
    assert items.opened(verdicts, "none").item == "H-02"  # type: ignore[union-attr]
    assert items.awaiting(verdicts, pack, lambda role: role == "risk owner") == ["H-05"]
    assert items.awaiting(verdicts, pack, lambda _role: False) == []
    assert items.waiting(verdicts, pack) == [("risk owner", 1)]
    can = {v.item: items.actions(v, pack.item(v.item)) for v in verdicts}  # type: ignore[arg-type]
    assert can["H-01"] == []  # passes, and is a blocker
    assert can["H-02"] == ["waive"]
    assert can["H-05"] == ["attest", "waive"]
    assert can["H-07"] == []  # does not apply


def test_a_clause_is_cut_where_its_parts_begin() -> None:
    pack = load_pack("eu-ai-act-high-risk")
    heads = {
        items.principle(_verdict({"act": text}), pack)
        for text in ("Art. 10(2)(f)", "Art. 10(3), representative", "Art. 10")
    }
    assert heads == {("Art. 10", "Regulation (EU) 2024/1689")}
    assert items.principle(_verdict({"x": "fairness: parity"}), None) == ("fairness", "x")
    assert items.principle(_verdict({"law": "第八条，定期审核"}), None) == ("第八条", "law")


def test_a_source_that_numbers_every_item_is_cut_coarser() -> None:
    told = [_verdict({"rmf": f"MAP {n // 10}.{n % 10 + 1}"}) for n in range(30)]
    assert [s.title for s in items.sections(told, None)] == ["MAP 0", "MAP 1", "MAP 2"]
    few = items.sections(told[:3], None)
    assert [s.title for s in few] == ["MAP 0.1", "MAP 0.2", "MAP 0.3"]


def test_the_next_that_waits_is_the_one_behind_or_the_first_again() -> None:
    order = ["a", "ab", "c", "d"]
    assert items.after("ab", order, ["a", "ab", "d"]) == "d"
    assert items.after("d", order, ["a", "ab", "d"]) == "a"
    assert items.after("d", order, ["d"]) == ""


def _verdict(clause: dict[str, str]) -> Verdict:
    return Verdict(
        pack="p",
        pack_version="1",
        item="i",
        title={"en": "t"},
        kind="automated",
        severity="high",
        obligation="must",
        clause=clause,
        status="pass",
        underlying="pass",
        reason_code="",
        because={},
    )


def test_an_uploaded_recipe_is_confined(tmp_path: Path) -> None:
    from evenhand.dashboard.pages import run as page

    assert "--confined" in page._training(str(tmp_path / "recipe.yaml"), "d.csv", "out")
    assert "--confined" not in page._training(page._shipped()[0], "d.csv", "out")


def test_who_attested_alone_is_not_asked_again_where_a_second_person_has_to(case: Case) -> None:
    from evenhand.dashboard.cases import stated

    entry = Register().append(
        "attestation", {"pack": "p", "item": "i", "by": "Ada ", "role": "owner"}
    )
    waits = _verdict({}).model_copy(update={"reason_code": "second-person-missing"})
    vouched = [e for e in Register().snapshot() if e.seq == entry.seq]
    assert stated.have_attested(vouched, [waits], "ada") == {"i"}
    assert stated.have_attested(vouched, [waits], "Grace") == set()
    assert stated.have_attested(vouched, [_verdict({})], "ada") == set()
