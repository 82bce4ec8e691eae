"""The dashboard as files: every page of every case as HTML that needs no server and no script.

Made of the reports' own parts, so that a figure looks the same in a report, here, and on paper.
Instead of interactivity: small multiples (``export_views``), and links between pages. A page's
content security policy allows its one style sheet, known by its hash, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError, InputError
from evenhand.audit.finding import Finding
from evenhand.audit.register.register import Entry
from evenhand.audit.reports.drawing import charts
from evenhand.audit.reports.drawing.pictures import pictures
from evenhand.audit.reports.parts import outline
from evenhand.audit.reports.parts import pages as report_pages
from evenhand.audit.reports.parts.public import for_the_public
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases import archives, index, items, judging, store, writing
from evenhand.dashboard.cases.store import RegisterView, StoredCase
from evenhand.dashboard.export import compare as export_compare
from evenhand.dashboard.export import views as export_views
from evenhand.dashboard.export.compare import Against, Side
from evenhand.dashboard.export.views import View
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.frames import plain_words
from evenhand.dashboard.i18n import LANGUAGES, Translator
from evenhand.dashboard.text import ending
from evenhand.policies.pack import Pack
from evenhand.policies.verdict import Verdict

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_TEMPLATES = Path(__file__).parent.with_name("templates")
_TAGS = {"en": "en", "zh": "zh-Hans"}
# page, template, families that it shows
_PAGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("summary", "summary_page.html.j2", ()),
    ("fairness", "families.html.j2", ("fairness",)),
    ("explanations", "families.html.j2", ("explanation",)),
    ("privacy", "families.html.j2", ("privacy",)),
    ("checklist", "checklist.html.j2", ()),
    ("compare", "compare.html.j2", ()),
    ("findings", "families.html.j2", ("*",)),
    ("evidence", "evidence_page.html.j2", ()),
)
# what stands over the views of a page
_VIEWS = {
    "fairness": "export.drawn.fairness",
    "explanations": "export.drawn.explanations",
    "privacy": "export.drawn.privacy",
}
_ON_OTHER_PAGES = {f for _, _, families in _PAGES for f in families}
_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy_score")
_MOST_BARS, _MOST_PICTURES = 24, 24
_LINK = re.compile(r'href="#([a-z]+-[0-9a-f]{12}|unmeasured)"')
_ID = re.compile(r' id="([a-z]+-[0-9a-f]{12}|unmeasured)"')


@dataclass(frozen=True)
class Shown:
    """One case with the verdicts of the packs that it was planned for."""

    stored: StoredCase
    case: Case | None
    verdicts: tuple[Verdict, ...] = ()
    packs: tuple[Pack, ...] = ()
    problems: tuple[str, ...] = ()

    def side(self, case: Case) -> Side:
        """What the compare page needs of it."""
        titles = {pack.id: dict(pack.title.items()) for pack in self.packs}
        return Side(self.stored.key, case, self.verdicts, titles)


@dataclass(frozen=True)
class _Picture:
    title: str
    drawing: Markup


@dataclass
class _Site:
    """What all pages share, and the files as they come to be."""

    shown: Sequence[Shown]
    register: RegisterView
    date: str
    style: str
    environment: Environment
    sides: Sequence[Side] = ()
    pairs: Mapping[str, Sequence[Against]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def pages(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """The pages of a case; of a single case there is nothing to compare."""
        return [p for p in _PAGES if p[0] != "compare" or len(self.sides) > 1]


def write(out: Path, given: Sequence[Path] = (), *, public: bool = False) -> int:
    """Writes the pages of all cases into the new folder ``out``; returns how many there are.

    ``given`` are cases, or folders of cases; without any, those of EVENHAND_HOME are written.
    ``public`` withholds what is about groups under ten people.
    Raises InputError where ``out`` is in use or there is no case.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("{out} is there already", remedy="name a new folder for --export", out=out)
    register = store.read_register()
    shown = [_judged(s, register, public) for s in _cases(given, register)]
    if not shown:
        raise InputError(
            "there is no case to export", remedy="name a case folder, or make one: evenhand audit"
        )
    own = (_TEMPLATES / "export.css").read_text("utf-8")
    style = (report_pages.TEMPLATES / "base.css").read_text("utf-8") + own
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    sides = [one.side(one.case) for one in shown if one.case is not None]
    pairs = export_compare.all_pairs(sides)
    site = _Site(shown, register, date, style, _environment(), sides, pairs)
    for lang in LANGUAGES:
        _overview(site, lang)
        for one in shown:
            if one.case is not None:
                _case(site, one, one.case, lang)
    try:
        for name, text in site.files.items():
            place = out / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(
            "cannot write {out}: {strerror}",
            remedy="choose a folder that you may write to",
            out=out,
            strerror=error.strerror,
        ) from error
    return len(site.files)


def _cases(given: Sequence[Path], register: RegisterView) -> list[StoredCase]:
    paths = store.case_paths(given, () if given else register.entries, at_home=not given)
    opened = [store.against_register(store.open_case(p), register.entries) for p in paths]
    return store.unique(store.without_moved(opened, register.entries))


def _judged(stored: StoredCase, register: RegisterView, public: bool) -> Shown:
    if stored.case is None:
        return Shown(stored, None)
    verdicts: list[Verdict] = []
    packs: list[Pack] = []
    problems = [register.problem] if register.problem else []
    today = datetime.now(UTC).date()
    entries = archives.entries_at(stored.path, register.entries)
    for choice in judging.planned(stored.case) if not problems else ():
        try:
            verdicts += judging.verdicts(stored.case, choice, entries, today)
        except EvenhandError as error:
            problems.append(f"{choice.ref}: {error}")
            continue
        if choice.pack is not None:
            packs.append(choice.pack)
    case: Case = stored.case
    if public:
        case, judged = for_the_public(case, verdicts)
        verdicts = list(judged)
    return Shown(stored, case, tuple(verdicts), tuple(packs), tuple(problems))


def _environment() -> Environment:
    """The reports' environment (every text escaped) that also knows our templates."""
    from jinja2 import ChoiceLoader, FileSystemLoader

    base = report_pages.environment()
    assert base.loader is not None
    return base.overlay(loader=ChoiceLoader([base.loader, FileSystemLoader(_TEMPLATES)]))


def _file(page: str, lang: str) -> str:
    """Pages of the first language have plain names."""
    return f"{page}.html" if lang == "en" else f"{page}.{lang}.html"


def _render(site: _Site, file: str, template: str, lang: str, **told: Any) -> None:
    from markupsafe import Markup

    site.files[file] = site.environment.get_template(template).render(
        t=Translator(lang),
        say=words(lang),
        lang=_TAGS[lang],
        style=Markup(site.style),  # noqa: S704 - our own files, the same bytes that are hashed
        policy=report_pages.content_policy(site.style),
        date=site.date,
        **told,
    )


def _overview(site: _Site, lang: str) -> None:
    t = Translator(lang)
    listed = [
        {
            "case": one.case,
            "name": one.stored.name,
            "state": one.stored.state,
            "problem": one.stored.problem,
            "problems": one.problems,
            "facts": _facts(one.case, t) if one.case else {},
            "sentence": _sentence(one.case, t) if one.case else "",
            "packs": outline.packs(one.verdicts),
            "href": f"{one.stored.key}/{_file('summary', lang)}",
        }
        for one in site.shown
    ]
    links = [
        {"href": _file("index", lang), "text": t("nav.overview"), "here": True, "lang": ""},
        *(_other(lang, lambda other: _file("index", other))),
    ]
    _render(
        site,
        _file("index", lang),
        "overview.html.j2",
        lang,
        page="overview",
        title=t("nav.overview"),
        name="evenhand",
        links=links,
        cases=listed,
    )


def _facts(case: Case, t: Translator) -> dict[str, str]:
    known = store.facts(case)
    return {
        **known,
        "model": ending(known["model"]),
        "task": t.term("task", known["task"]),
    }


def _sentence(case: Case, t: Translator) -> str:
    return plain_words.in_one_sentence(case.subject, index.build(case.findings, ()), t)


def _other(lang: str, href: Any) -> list[dict[str, Any]]:
    """Links to the same page in the other languages."""
    return [
        {"href": href(other), "text": LANGUAGES[other], "here": False, "lang": _TAGS[other]}
        for other in LANGUAGES
        if other != lang
    ]


def _case(site: _Site, one: Shown, case: Case, lang: str) -> None:
    """Every page of one case, and the links between them."""
    t, say, key = Translator(lang), words(lang), one.stored.key
    families = outline.families(case.findings)
    shown = _told(site, one, case, lang)
    views: dict[str, list[View]] = {
        "fairness": export_views.fairness(case, t),
        "explanations": export_views.explanations(case, t),
        "privacy": export_views.privacy(case, t),
    }
    for page, template, names in site.pages:
        links = [
            {
                "href": f"../{_file('index', lang)}",
                "text": t("nav.overview"),
                "here": False,
                "lang": "",
            },
            *(
                {"href": _file(p, lang), "text": t(f"nav.{p}"), "here": p == page, "lang": ""}
                for p, _, _ in site.pages
            ),
            *_other(lang, lambda other, page=page: _file(page, other)),
        ]
        own = {f: tables for f, tables in families.items() if _belongs(f, names)}
        _render(
            site,
            f"{key}/{_file(page, lang)}",
            template,
            lang,
            page=page,
            title=t(f"nav.{page}"),
            links=links,
            families=own,
            absent=names[0] if names and names[0] in ("explanation", "privacy") else "",
            multiples=_multiples(case, say) if page == "fairness" else [],
            pictures=pictures(case, say) if page == "explanations" else None,
            views=views.get(page, []),
            views_title=_VIEWS.get(page, ""),
            **shown,
        )
    _connect(site, key, lang)


def _belongs(family: str, names: tuple[str, ...]) -> bool:
    return family in names or ("*" in names and family not in _ON_OTHER_PAGES)


def _told(site: _Site, one: Shown, case: Case, lang: str) -> dict[str, Any]:
    """What the pages of a case say, beside its findings."""
    t = Translator(lang)
    all_entries = archives.entries_at(one.stored.path, site.register.entries)
    entries = [e for e in all_entries if _concerns(e, case)]
    return {
        "name": case.subject.name,
        "case": case,
        "gate": None,
        "problems": one.problems,
        "packs": outline.packs(one.verdicts),
        "titles": {pack.id: t.pick(dict(pack.title.items())) for pack in one.packs},
        "waiting": {
            pack.id: items.waiting([v for v in one.verdicts if v.pack == pack.id], pack)
            for pack in one.packs
        },
        "failing": outline.pressing(one.verdicts, outline.FAILING),
        "unsettled": outline.pressing(one.verdicts, outline.OPEN),
        "unmeasured": outline.unmeasured(case.findings),
        "signed": [writing.signed(e, t) for e in writing.sign_offs(case, entries)],
        **_compared(site, one.side(case), t),
        "entries": entries,
        "n_entries": len(site.register.entries),
        "register_problem": site.register.problem,
    }


def _compared(site: _Site, side: Side, t: Translator) -> dict[str, Any]:
    """What the compare page says: one part for each other case, then all beside each other."""
    against = site.pairs.get(side.key, ())
    return {
        "label": side.label,
        "against": [(a.other.label, export_compare.views(side, a, t)) for a in against],
        "uncompared": export_compare.left_out(side, site.sides),
        "beside": export_compare.beside(side, against, t),
    }


def _concerns(entry: Entry, case: Case) -> bool:
    return case.digest in (entry.body.get("digest"), entry.body.get("case"))


def _multiples(case: Case, say: Words) -> list[_Picture]:
    """One small chart for each rate and feature, all on the scale from 0 to 1."""
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in case.findings:
        axis = frames.axis(finding)
        if finding.measure in _RATES and axis and finding.value is not None and finding.group:
            grouped.setdefault((finding.measure, axis), []).append(finding)
    found = []
    for (measure, _), findings in sorted(grouped.items(), key=lambda g: _RATES.index(g[0][0])):
        features = " × ".join(visible(f) for f in findings[0].group)
        title = f"{say.measure(measure)} · {features}"
        rows = [_bar(f) for f in findings[:_MOST_BARS]]
        about = say("table_group", measure=say.measure(measure), features=features)
        found.append(_Picture(title, charts.bars(title, about, rows, within=(0.0, 1.0))))
    return found[:_MOST_PICTURES]


def _bar(finding: Finding) -> charts.Bar:
    name = " × ".join(str(v) for v in finding.group.values())
    low, high = (finding.interval.low, finding.interval.high) if finding.interval else (None, None)
    return charts.Bar(name, float(finding.value or 0.0), low, high)


def _connect(site: _Site, key: str, lang: str) -> None:
    """Links within one long report become links to the page that has the place.

    Only our own templates write such links and places; a name that looks like one is escaped.
    """
    names = {page: f"{key}/{_file(page, lang)}" for page, _, _ in site.pages}
    homes: Mapping[str, str] = {
        place: page for page, name in names.items() for place in _ID.findall(site.files[name])
    }
    for page, name in names.items():

        def link(match: re.Match[str], page: str = page) -> str:
            home = homes.get(match[1], page)
            return match[0] if home == page else f'href="{_file(home, lang)}#{match[1]}"'

        site.files[name] = _LINK.sub(link, site.files[name])
