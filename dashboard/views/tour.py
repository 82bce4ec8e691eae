"""A first look around: a few steps over the cases that are there, each a link to its page.

Offered where the store holds the demo's cases alone, and at the side for everybody else. Which step
somebody is at stands in the address, so that a reload or a link keeps it; nothing else is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.favourable import declared_favourable
from evenhand.audit.finding import Finding
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases import store
from evenhand.dashboard.cases.index import Index, group_key, group_name
from evenhand.dashboard.cases.store import StoredCase
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.frames import plain_words
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts, state
from evenhand.dashboard.views.context import Context
from evenhand.policies.verdict import Verdict, VerdictStatus

_OFF = "off"
_DEMO = "demo "  # how the demo names its subjects
_LOOKED_AT = 12  # newest cases among which a private and a plain one are looked for
_TELLING: tuple[VerdictStatus, ...] = (
    "fail",
    "error",
    "inconclusive",
    "warn",
    "needs-attestation",
    "attested",
    "pass",
)


@dataclass(frozen=True)
class TourStep:
    """Where the step is, what it shows, and the selection with which its page shows it."""

    name: str
    page: str
    told: str
    selection: Mapping[str, str] = field(default_factory=dict)


def show(ctx: Context, page: str) -> None:
    """The step that the reader is at; or the offer to begin, on the overview of the demo's cases.

    ``page`` is the part of the address that names the page; empty for the overview.
    """
    asked = state.selection().get("tour", "")
    if asked == _OFF or not any(stored.cover for stored in ctx.cases):
        return
    if asked.isdecimal():
        found = steps(ctx)
        number = min(max(int(asked), 1), len(found))
        _step(ctx, found, number, page)
    elif not page and all(stored.name.startswith(_DEMO) for stored in ctx.cases):
        _offer(ctx)


def sidebar(ctx: Context) -> None:
    """What begins the tour, for who is not on it."""
    asked = state.selection().get("tour", "")
    if not asked.isdecimal() and any(stored.cover for stored in ctx.cases):
        st.button(
            ctx.t.md("tour.begin"),
            key="tour_begin",
            icon=":material/explore:",
            type="tertiary",
            on_click=lambda: state.change(tour="1"),
        )


def _offer(ctx: Context) -> None:
    with st.container(border=True, key="tour"):
        st.markdown(f":material/explore: **{escape(ctx.t('tour.offer'))}**")
        st.markdown(escape(ctx.t("tour.offer_what")))
        with st.container(horizontal=True, vertical_alignment="center"):
            label = escape(ctx.t("tour.start"))
            state.link(parts.OVERVIEW, label, icon=":material/arrow_forward:", tour="1")
            _end(ctx, "tour.later")


def _step(ctx: Context, steps: list[TourStep], number: int, page: str) -> None:
    """One step, with links to the one before and the one after."""
    t, step = ctx.t, steps[number - 1]
    with st.container(border=True, key="tour"):
        at = t("tour.at", number=number, all=len(steps))
        st.markdown(f":material/explore: **{escape(at)} · {escape(t(f'tour.{step.name}'))}**")
        st.markdown(escape(step.told))
        with st.container(horizontal=True, vertical_alignment="center"):
            if _path(step.page) != page:
                _go(ctx, step, number, "tour.go", ":material/my_location:")
            if number > 1:
                _go(ctx, steps[number - 2], number - 1, "tour.back", ":material/arrow_back:")
            if number < len(steps):
                _go(ctx, steps[number], number + 1, "tour.next", ":material/arrow_forward:")
            _end(ctx, "tour.end" if number < len(steps) else "tour.done")


def _go(ctx: Context, step: TourStep, number: int, key: str, icon: str) -> None:
    """A link to a step; what the step before it selected for itself does not come along."""
    fresh = dict.fromkeys(("finding", "verdict", "view", "other", "act", "measure", "rate"), "")
    title = ctx.t(f"tour.{step.name}")
    label = f"{ctx.t(key)}{ctx.t('colon')}{title}"
    state.link(step.page, escape(label), icon=icon, **{**fresh, **step.selection}, tour=str(number))


def _end(ctx: Context, key: str) -> None:
    st.button(
        ctx.t.md(key),
        key="tour_end",
        icon=":material/close:",
        on_click=lambda: state.change(tour=_OFF),
    )


def _path(page: str) -> str:
    """The part of the address that leads to a page file."""
    return "" if page == parts.OVERVIEW else page.removeprefix("pages/").removesuffix(".py")


def steps(ctx: Context) -> list[TourStep]:
    """The steps that the cases of this store allow, in order; the overview is always the first."""
    private, plain = _pair(ctx)
    stored = plain or _first(ctx)
    pages = [
        TourStep("overview", parts.OVERVIEW, ctx.t("tour.overview_told", number=len(ctx.cases)))
    ]
    case = stored.case if stored else None
    if stored is None or case is None:
        return pages
    pages += _worst(ctx, stored, case)
    pages += _verdict(ctx, stored, case)
    if private and plain:
        where = {"case": private.key, "other": plain.key, "rate": "selection_rate"}
        words = ctx.t("tour.compare_told", private=visible(private.name), plain=visible(plain.name))
        pages.append(TourStep("compare", parts.COMPARE, words, where))
    words = ctx.t("tour.evidence_told", files=len(case.files), digest=case.digest[:19])
    return [*pages, TourStep("evidence", parts.EVIDENCE, words, {"case": stored.key})]


def _first(ctx: Context) -> StoredCase | None:
    if ctx.case is not None and ctx.case.cover:
        return ctx.case
    return next((s for s in ctx.cases if s.cover), None)


def _pair(ctx: Context) -> tuple[StoredCase | None, StoredCase | None]:
    """A case of a privately trained model and one of a plain model on the same rows.

    Of several plain ones that whose name is most like the private one's.
    """
    looked_at = [s for s in ctx.cases if s.cover][:_LOOKED_AT]
    budgets = {s.key: ctx.excerpt(s).index.overall("declared_epsilon") for s in looked_at}
    for private in (s for s in looked_at if budgets[s.key]):
        plain = [s for s in looked_at if not budgets[s.key] and _rows(s) == _rows(private)]
        if plain and _rows(private):
            return private, max(plain, key=lambda s: _alike(s.name, private.name))
    return None, None


def _rows(stored: StoredCase) -> str:
    return stored.cover.subject.data_digest if stored.cover else ""


def _alike(one: str, other: str) -> int:
    """How many first letters two names share."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def _worst(ctx: Context, stored: StoredCase, case: Case) -> list[TourStep]:
    """The group that the model treats worst by the widest gap in selection rates."""
    t, index = ctx.t, ctx.index(case)
    ends = _ends(case, index)
    if ends is None:
        return []
    worst, best = ends
    who = group_key(worst.group)
    words = t(
        "tour.worst_told",
        group=group_name(who),
        value=plain_words.per_hundred(worst, t),
        other=group_name(group_key(best.group)),
        other_value=plain_words.per_hundred(best, t),
    )
    where = {
        "case": stored.key,
        "who": who,
        "measure": "selection_rate",
        "feature": frames.axis(worst),
        "view": "groups",
    }
    return [TourStep("worst", parts.FAIRNESS, words, where)]


def _ends(case: Case, index: Index) -> tuple[Finding, Finding] | None:
    """The worst and the best treated group of the feature with the widest gap in selection rate."""
    gaps = [
        f
        for f in index.of("demographic_parity_difference", check="fairness.gaps")
        if len(f.between) == 1 and not f.group and f.value
    ]
    outcome = declared_favourable(case.subject)
    if not gaps or outcome is None:
        return None
    (feature,) = max(gaps, key=lambda f: (f.value or 0.0, f.between)).between
    least = store.minimum_sizes(case)
    rates = [
        f
        for f in index.of("selection_rate", check=plain_words.RATES)
        if tuple(f.group) == (feature,) and f.value is not None and f.n >= least.get(f.check, 0)
    ]
    if len(rates) < 2:
        return None
    ordered = sorted(rates, key=lambda f: (f.value or 0.0, group_key(f.group)))
    if not outcome.is_selection:
        ordered.reverse()
    return ordered[0], ordered[-1]


def _verdict(ctx: Context, stored: StoredCase, case: Case) -> list[TourStep]:
    """One item that evidence decided."""
    t = ctx.t
    for choice in ctx.planned(case):
        judged = ctx.judged(case, choice)
        decided = [v for v in judged.verdicts if v.status in _TELLING and v.findings]
        if judged.problem or not decided:
            continue
        verdict: Verdict = min(decided, key=_telling)
        words = t(
            "tour.verdict_told",
            title=visible(t.pick(verdict.title)),
            status=t(f"verdict.{verdict.status}"),
            because=visible(t.pick(verdict.because)).rstrip(".。"),
        )
        where = {"case": stored.key, "pack": choice.ref, "verdict": verdict.status}
        return [TourStep("verdict", parts.CHECKLIST, words, where)]
    return []


def _telling(verdict: Verdict) -> tuple[bool, int]:
    """What decided about groups comes first, as the step before it is about one; then urgency."""
    is_of_groups = any(name.startswith("fairness.") for name in verdict.findings)
    return (not is_of_groups, _TELLING.index(verdict.status))
