"""How long a document may be, and that none of its sentences contradicts another.

The case is made here, like COMPAS: six races, two sexes, a score of ten steps, crossings, and other
columns that could stand in. Sentences are held against each other under verdicts of every kind.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.api.dossier import dossier_of
from evenhand.audit.case.case import Case
from evenhand.audit.reports import Dossier, render
from evenhand.audit.reports.page.brief import WIDTH, brief, width
from evenhand.audit.reports.page.decision import decision, standing_of
from evenhand.audit.reports.page.ranking import proven, ranked
from evenhand.audit.reports.parts.words import words
from evenhand.audit.run import flow
from evenhand.audit.run.run import audit
from evenhand.audit.subject.spec import make_spec
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import VERDICT_STATUSES, Verdict
from tests.audit.reports.html_page import Page
from tests.audit.reports.reading import Reading
from tests.audit.reports.reading import words as counted
from tests.audit.reports.verdict_samples import sample_verdicts
from tests.samples import finding

SHOWN, WHOLE, CARD, LINES, BYTES = 1_800, 20_000, 1_200, 40, 600_000
RACES = ("African-American", "Caucasian", "Hispanic", "Other", "Asian", "Native American")


@dataclass(frozen=True)
class Judged:
    """A case with its verdicts, and what a report is made with."""

    case: Case
    verdicts: list[Verdict]
    dossier: Dossier
    gate: Gate

    def made(self, name: str, lang: str) -> str:
        """A document."""
        shown = {"lang": lang, "gate": self.gate, "dossier": self.dossier}
        return render(name, self.case, self.verdicts, **shown).decode()


def _table(folder: Path) -> Path:
    """Three thousand people like those of COMPAS: one race is flagged more and wrongly so."""
    rng = np.random.default_rng(3)
    race = rng.choice(RACES, 3_000, p=(0.51, 0.34, 0.09, 0.05, 0.006, 0.004))
    label = (rng.random(3_000) < np.where(race == RACES[0], 0.51, 0.39)).astype(int)
    score = rng.normal(4.6 + 1.4 * label + 1.2 * (race == RACES[0]), 2.4, 3_000)
    others = {f"c{i}": rng.integers(0, 9, 3_000) for i in range(24)}
    frame = pd.DataFrame(
        {
            "race": race,
            "sex": rng.choice(["Male", "Female"], 3_000, p=(0.8, 0.2)),
            "score": score.clip(1, 10).round(),
            "label": label,
            **others,
        }
    )
    frame.to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("budgets")
    spec = make_spec(
        {
            "name": "A risk score",
            "predictions": str(_table(folder)),
            "target": "label",
            "score": "score",
            "threshold": 6,
            "positive_label": 1,
            "positive_is": "burden",
            "sensitive_features": ["race", "sex"],
            "words": {
                "positive": {"en": "flagged high-risk", "zh": "标为高风险"},
                "event": {"en": "reoffend", "zh": "再犯"},
            },
            "policy": ["baseline"],
        }
    )
    case = audit(spec, folder / "case")
    packs = flow.packs_for(case, ["baseline"])
    day = date(2026, 11, 30)
    verdicts = flow.verdicts_of(case, packs, day)
    return Judged(case, verdicts, dossier_of(case, packs, day), flow.gate(verdicts))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_can_be_read(judged: Judged, lang: str) -> None:
    html = judged.made("html", lang)
    read = Reading(html)
    assert len(judged.case.findings) > 800
    assert counted(read.shown) <= SHOWN and counted(read.whole) <= WHOLE
    assert len(html.encode()) <= BYTES


def test_the_card_and_the_terminal_are_short(judged: Judged) -> None:
    assert counted([judged.made("model_card", "en")]) <= CARD
    for lang in ("en", "zh"):
        lines = brief(judged.case, judged.verdicts, judged.gate, lang)
        # the command adds what is asked of the reader, the run, the case and what comes next
        assert len(lines) <= LINES - 6 and max(map(width, lines)) <= WIDTH
        everything = [*judged.verdicts, *sample_verdicts()] * 4
        assert len(brief(judged.case, everything, judged.gate, lang)) <= LINES


def test_the_pdf_has_few_pages(judged: Judged) -> None:
    weasyprint = pytest.importorskip("weasyprint")
    from evenhand.audit.reports import pdf

    before = resource.getrusage(resource.RUSAGE_SELF)
    page = pdf.drawn(pdf.folded(judged.made("html", "en"), unfold=False))
    pages = weasyprint.HTML(string=page).render().pages
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert len(pages) <= 12 and after.ru_utime - before.ru_utime <= 10


def test_what_leads_is_harm_and_no_tiny_group(judged: Judged) -> None:
    entries = ranked(judged.case, judged.verdicts)
    leading = proven(entries)
    first = leading[0]
    assert first.apart and first.finding.group == {"race": "African-American"}
    # at least so many people: the low end of the difference, of the group's own denominator
    least = first.apart.low * first.apart.n
    assert first.apart.people == int(least) > 40 and first.why == "item"
    assert all(r.apart and r.apart.n >= 30 for r in leading)
    is_small = [r.is_small for r in entries]
    assert is_small == sorted(is_small)  # tiny groups come last, whatever their rates
    assert {r.finding.id for r in entries} == {f.id for f in judged.case.findings}
    page = judged.made("html", "en")
    assert "African-American" in page[page.index('class="because"') :][:400]


def kinds() -> Iterator[list[Verdict]]:
    """Verdicts of one status alone, beside settled ones, of all together, and none."""
    every = sample_verdicts()
    settled = [v for v in every if v.status in ("pass", "attested")]
    for status in VERDICT_STATUSES:
        own = [v for v in every if v.status == status]
        yield own
        yield [*own, *settled]
    yield every
    yield []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_sentence_contradicts_another(case: Case, lang: str) -> None:
    """ "What fails: 1 item" and then "nothing fails" stood on one page."""
    say = words(lang)
    for verdicts in kinds():
        gate = flow.gate(verdicts) if verdicts else None
        made = decision(case, verdicts, Dossier(), gate, say)
        failing = sum(v.status in ("fail", "error") for v in verdicts)
        assert sum(c.count for c in made.columns if c.status == "fail") == failing
        assert (made.standing == "fail") == (failing > 0)
        assert made.word == say(f"word.{standing_of(verdicts)}")
        page = Page(render("html", case, verdicts, lang=lang, gate=gate).decode()).text
        first = page[page.index(f"{say('report')} ") :]
        banner = first[: first.index(made.counted or say("fact_model")) + 1]
        printed = brief(case, verdicts, gate, lang)[0].casefold()
        for standing in ("fail", "inconclusive", "warn", "pass", "none", "unjudged"):
            word = say(f"word.{standing}")
            is_said = standing == made.standing or word.casefold() in made.word.casefold()
            assert (word in banner) == is_said, (standing, banner)
            assert (word.casefold() in printed) == is_said, (standing, printed)
        for told in (say("nothing_fails"), say("nothing_open")):
            assert told not in page
        assert failing == 0 or say("reason.pass", count=len(verdicts)) not in page


def test_a_number_s_words_agree_with_its_sign(judged: Judged) -> None:
    for lang in ("en", "zh"):
        say = words(lang)
        made = decision(judged.case, judged.verdicts, judged.dossier, judged.gate, say)
        assert 3 <= len(made.numbers) <= 5
        for n in made.numbers:
            for status in ("pass", "fail", "inconclusive"):
                for side in ("most", "least"):
                    start, _, end = say(f"against.{status}.{side}", limit="\0").partition("\0")
                    says = n.against.startswith(start) and n.against.endswith(end)
                    assert not says or n.status == status or not start, n


def test_a_tiny_group_never_makes_the_headline(case: Case) -> None:
    """Twelve people of whom all are refused: shown, and last."""
    tiny = finding(
        "fairness.group_tests",
        "selection_rate_difference_to_rest",
        -0.9,
        -0.97,
        -0.6,
        n=600,
        group={"race": "tiny"},
        counts={"k": 0, "n": 12, "k_rest": 529, "n_rest": 588},
        p_value=1e-9,
    )
    entries = ranked(replace(case, findings=(*case.findings, tiny)), sample_verdicts())
    assert proven(entries) == [] and entries[-1].is_small
    placed = next(r for r in entries if r.finding.id == tiny.id)
    assert placed.why == "small" and placed.apart and placed.apart.people == 7  # 0.6 * 12
