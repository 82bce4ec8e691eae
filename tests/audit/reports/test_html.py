"""The page: safe, complete, readable without colour, in both languages."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.reports import render
from evenhand.audit.reports.parts import outline
from tests.audit.reports.html_page import Page
from tests.audit.reports.verdict_samples import GATE, sample_verdicts, verdict
from tests.samples import HOSTILE, write_sample_case


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request: pytest.FixtureRequest, case: Case) -> Page:
    html = render("html", case, sample_verdicts(), lang=request.param, gate=GATE)
    return Page(html.decode())


@pytest.fixture(scope="module")
def english(case: Case) -> Page:
    return Page(render("html", case, sample_verdicts(), gate=GATE).decode())


def test_only_our_script_runs_and_nothing_is_loaded(page: Page) -> None:
    names = [t for t, _ in page.tags]
    assert not {*names} & {"iframe", "object", "embed", "link", "base", "form", "img", "input"}
    assert names.count("script") == 1  # the table of all findings; its hash is in the policy
    keys = {k for _, a in page.tags for k in a}
    assert not {k for k in keys if k.startswith("on")}
    assert not keys & {"style", "src", "srcset", "action", "background"}
    assert all(h.startswith("#") for h in page.attributes("href"))
    assert "url(" not in page.style and "@import" not in page.style


def test_the_policy_allows_only_this_style_sheet_and_this_script(page: Page) -> None:
    [policy] = [
        a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    directives = dict(d.strip().split(" ", 1) for d in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["style-src"] == f"'sha256-{digest}'"
    code = base64.b64encode(hashlib.sha256(page.script.encode()).digest()).decode()
    assert directives["script-src"] == f"'sha256-{code}'" and "innerHTML" not in page.script
    assert directives["img-src"] == "data:"
    assert len([t for t, _ in page.tags if t == "style"]) == 1


def test_every_finding_and_every_verdict_is_there(page: Page, case: Case) -> None:
    """Each finding has a row with its number, n, interval and counts; methods and reasons are in
    the legend that all of them share."""
    ids = set(page.attributes("id"))
    for finding in case.findings:
        assert outline.anchor("f", finding.id) in ids
        assert f"{finding.check}/{finding.measure}" in page.text
        assert all(text in page.text for text in finding.method.split("; "))
        counts = dict(finding.counts)
        told = [f"{k}={v}" for k, v in counts.items()]
        if counts.get("n") == finding.n:  # a plain share: k of n
            told = [f"{counts['k']}/{counts['n']}"]
        assert all(text in page.text for text in told)
    for item in sample_verdicts():
        assert item.item in page.text and item.reason_code in page.text


def test_links_lead_to_places_on_the_page(page: Page) -> None:
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert {h.removeprefix("#") for h in page.attributes("href")} <= set(ids)


def test_a_hostile_name_is_text(case: Case) -> None:
    raw = render("html", case, sample_verdicts()).decode()
    assert HOSTILE not in raw
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;=HYPERLINK(&#34;x&#34;)" in raw
    assert HOSTILE in Page(raw).text


def test_tables_can_be_read_aloud(page: Page) -> None:
    tables = [t for t, _ in page.tags if t == "table"]
    assert len(tables) == len([t for t, _ in page.tags if t == "caption"])
    assert all(a.get("scope") in {"col", "row", "rowgroup"} for t, a in page.tags if t == "th")
    headings = [int(t[1]) for t, _ in page.tags if re.fullmatch(r"h[1-6]", t)]
    assert headings.count(1) == 1
    steps = itertools.pairwise(headings)
    assert all(after <= before + 1 for before, after in steps), "no heading level is skipped"
    plots = [a for t, a in page.tags if t == "svg"]
    assert plots and all(a["aria-hidden"] == "true" for a in plots)  # the numbers stand beside


def test_languages(case: Case) -> None:
    chinese = Page(render("html", case, sample_verdicts(), lang="zh").decode())
    english = Page(render("html", case, sample_verdicts(), lang="en").decode())
    assert dict(chinese.tags[0][1])["lang"] == "zh-Hans"
    assert dict(english.tags[0][1])["lang"] == "en"
    assert "未定" in chinese.text and "理由：No attestation is on file." in chinese.text
    assert not re.search(r"[\u4e00-\u9fff]", english.text)


def test_a_status_is_a_sign_and_a_word(english: Page) -> None:
    words = {
        "Pass",
        "Fail",
        "Warning",
        "Undecided",
        "Needs attestation",
        "Attested",
        "Not applicable",
        "Not yet applicable",
        "Waived",
        "Error",
    }
    assert words <= {t.strip() for t in english.texts}
    badges = [a for _, a in english.tags if "badge" in a.get("class", "").split()]
    icons = [a for _, a in english.tags if a.get("class") == "icon"]
    assert len(badges) == len(icons) and all(a["aria-hidden"] == "true" for a in icons)


def test_what_has_no_number_shows_its_reason_and_no_zero(english: Page) -> None:
    for reason in (
        "no positive labels in this group",
        "RuntimeError: out of memory",
        "fewer than two groups with positive labels",
        "the subject has no model",
    ):
        assert reason in english.text  # in the legend, once for all that share it
    row = english.row("f", "fairness.gaps/equal_opportunity_difference~race&sex")
    assert row[1] == "undefined" and row[2] == ""


def test_the_first_page_is_the_decision_and_gives_no_score(english: Page, case: Case) -> None:
    text = english.text
    first = text[
        text.index("Responsible-AI audit report") : text.index("Gaps between groups, in points")
    ]
    # 2 fail and 1 crashed of the 9 that apply
    assert "Fails 3 of the 9 items that apply" in first
    assert "loan-mlp" in first and "test.csv · 600 rows" in first and "exit code 1" in first
    assert "house-lending 2026.11.0, sample-law 2026.1" in first
    assert "Signed off by nobody yet" in first and case.digest[7:19] in first
    assert "Gap by race: selected 17 points 8–28" in first
    items = first[first.index("Fails · 3") :]
    assert (
        "Selection rates differ by at most 0.05 between races race: 17 points (8–28); at most 5"
        in items
    )
    assert first.index("Undecided · 1") < first.index("About 1,500 more rows would settle it.")
    assert first.index("A person must answer · 1") < first.index("What to do next")
    assert "overall score" not in text.lower() and "compliant" not in text.lower()
    assert "Evidence for act Art. 10(2)(f)" in text
    assert "medium (moved; the default is high)" in text and "Its exit code was 1" in text
    assert "23 findings: 19 measured, 2 undefined, 1 not applicable, 1 error" in text


def test_the_digits_tell_value_and_threshold_apart(case: Case) -> None:
    near = verdict("N-1", "fail", "t", "b", value=0.79996, threshold=0.8, comparator=">=")
    text = Page(render("html", case, [near]).decode()).text
    assert "≥ 0.80 found: 0.79996" in text


def test_evidence_names_every_file_and_digest(english: Page, case: Case) -> None:
    assert case.digest in english.text and "evenhand verify CASE" in english.text
    for name, digest in case.files.items():
        assert name in english.text and digest in english.text


def test_a_case_without_a_model_or_groups_says_so(case: Case) -> None:
    other = write_sample_case(
        case.path.parent / "plain", model=None, sensitive_features=[], positive_is=None
    )
    text = Page(render("html", other, []).decode()).text
    assert "none: stored predictions were audited" in text and "stored predictions" in text
    assert "No sensitive feature was declared" in text
    assert "No policy pack was asked for" in text


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(english: Page, scheme: int) -> None:
    # WCAG 2.2, 1.4.3: text 4.5 to 1; 1.4.11: signs and marks 3 to 1
    block = re.findall(r":root \{(.*?)\}", english.style, re.S)[scheme]
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
    for text in ("ink", "soft", "open", "bad", "good", "warn", "who"):
        for ground in ("paper", "band"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for tone in ("good", "bad", "open", "warn", "who"):
        assert _contrast(colours[tone], colours[f"{tone}band"]) >= 4.5, tone
    for tone in ("good", "bad", "open", "warn", "quiet", "who"):
        assert _contrast(colours["on"], colours[tone]) >= 4.5, tone
    for mark in ("mark", "small", "bad"):
        assert _contrast(colours[mark], colours["paper"]) >= 3, mark


def test_many_findings_of_one_verdict_do_not_bury_the_others(case: Case) -> None:
    """Forty columns beside one verdict made pages of links; all of them stay in the page."""
    known = [f.id for f in case.findings][:9]
    verdict = sample_verdicts()[0].model_copy(update={"findings": tuple(known)})
    page = render("html", case, [verdict]).decode()
    row = page[page.index('<tr role="row" id="v-') :].split("</tr>")[0]
    seen, rest = row.split('<details class="rest">')
    assert (seen.count('href="#f-'), rest.count('href="#f-')) == (6, 3)
    assert "and 3 more" in rest
