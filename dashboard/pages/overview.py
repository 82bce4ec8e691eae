"""Every case: what was audited, when, and in one sentence what was found; filters and a trend."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from evenhand.audit.errors import EvenhandError
from evenhand.audit.words.text import visible
from evenhand.dashboard import app
from evenhand.dashboard.cases import judging, store
from evenhand.dashboard.cases.judging import PackChoice
from evenhand.dashboard.cases.shelf import TOLD
from evenhand.dashboard.cases.store import Cover, StoredCase
from evenhand.dashboard.charts.compared import trend
from evenhand.dashboard.frames import plain_words
from evenhand.dashboard.text import ending, escape
from evenhand.dashboard.views import figure, parts, state
from evenhand.dashboard.views.context import Context, CountedCases

_PER_PAGE = 20
_ALL = ""


def render(ctx: Context) -> None:
    """The page."""
    st.title(escape(ctx.t("nav.overview")), anchor=False)
    if not ctx.cases:
        parts.empty(ctx.t)
        return
    unsound = sum(stored.state != "sealed" for stored in ctx.cases)
    st.markdown(escape(ctx.t.count("overview.cases", len(ctx.cases))))
    if unsound:
        st.markdown(f":red[:material/report:] {escape(ctx.t.count('overview.unsound', unsound))}")
    found = _filtered(ctx)
    if not found:
        st.info(ctx.t.md("overview.none"))
        return
    for stored in _page(ctx, found):
        _card(ctx, stored)
    _trend(ctx, found)


def _filtered(ctx: Context) -> list[StoredCase]:
    """The cases that the filters leave; one that cannot be trusted is never filtered away."""
    t, selection = ctx.t, state.selection()
    if len(ctx.cases) == 1:
        return list(ctx.cases)
    tasks = sorted({str(s.cover.subject.task or "") for s in ctx.cases if s.cover} - {""})
    outcomes = ("fail", "inconclusive", "needs-attestation", "pass")
    task = selection.get("task", _ALL) if selection.get("task") in tasks else _ALL
    outcome = selection.get("outcome", _ALL) if selection.get("outcome") in outcomes else _ALL
    with st.container(key="filters"):
        left, middle, right = st.columns(3)
        with left:
            state.search("model", t("overview.search"), placeholder=t("filter.group.example"))
        with middle:
            state.choose(
                "task",
                t("facts.task"),
                [_ALL, *tasks],
                task,
                lambda v: t.term("task", v) if v else t("filter.all"),
            )
        with right:
            state.choose(
                "outcome",
                t("overview.outcome"),
                [_ALL, *outcomes],
                outcome,
                lambda v: t(f"overview.outcome.{v.replace('-', '_')}") if v else t("filter.all"),
            )
    text = selection.get("model", "").casefold()
    return [
        s
        for s in ctx.cases
        if s.cover is None
        or (
            (not text or text in _searched(s))
            and (not task or s.cover.subject.task == task)
            and (not outcome or _has(ctx, s, outcome))
        )
    ]


def _searched(stored: StoredCase) -> str:
    known = store.facts(stored.cover) if stored.cover else {}
    return "\n".join([stored.name, known.get("model", ""), known.get("data", "")]).casefold()


def _has(ctx: Context, stored: StoredCase, outcome: str) -> bool:
    """Whether an item of the case's packs has this status; pass: nothing is left open."""
    counted = [ctx.counted(stored, choice) for choice in _packs(ctx, stored)]
    statuses = {status for one in counted for status, n in one.counts.items() if n}
    if outcome != "pass":
        return outcome in statuses
    settled = {"pass", "attested", "waived", "not-applicable", "not-yet-applicable"}
    return bool(statuses) and statuses <= settled and not any(c.problem for c in counted)


def _page(ctx: Context, cases: Sequence[StoredCase]) -> Sequence[StoredCase]:
    """The cases of the page that the reader is on; twenty a page."""
    pages = [str(i + 1) for i in range(-(-len(cases) // _PER_PAGE))]
    if len(pages) == 1:
        return cases
    asked = state.selection().get("page", "")
    page = asked if asked in pages else "1"
    narrow, _ = st.columns([1, 3])
    with narrow:
        state.choose(
            "page",
            ctx.t("overview.page", pages=len(pages), cases=len(cases)),
            pages,
            page,
            lambda p: p,
        )
    start = (int(page) - 1) * _PER_PAGE
    return cases[start : start + _PER_PAGE]


def _card(ctx: Context, stored: StoredCase) -> None:
    with st.container(border=True):
        st.subheader(escape(stored.name), anchor=False)
        if stored.cover is None:
            parts.case_problem(stored, ctx.t)
            return
        try:
            told = ctx.excerpt(stored)
            counted = [ctx.counted(stored, choice) for choice in _packs(ctx, stored)]
        except EvenhandError as error:
            parts.case_problem(store.unfit(stored, error), ctx.t)
            return
        sentence = plain_words.in_one_sentence(stored.cover.subject, told.index, ctx.t)
        st.markdown(escape(sentence))
        st.markdown(_facts(ctx, stored.cover, told.n_findings))
        if counted:
            _counts(ctx, counted)
        else:
            st.markdown(escape(ctx.t("overview.measured_only")))
        st.caption(ctx.t.md("facts.seal", digest=stored.cover.digest))
        with st.container(horizontal=True):
            for page, name in (
                (parts.SUMMARY, "summary"),
                (parts.FAIRNESS, "fairness"),
                (parts.CHECKLIST, "checklist"),
                (parts.FINDINGS, "findings"),
            ):
                state.link(
                    page,
                    escape(ctx.t(f"open.{name}")),
                    icon=":material/arrow_forward:",
                    case=stored.key,
                    finding="",
                )


def _packs(ctx: Context, stored: StoredCase) -> list[PackChoice]:
    """The packs of the plan, and the one that the reader chose where it is another."""
    own = ctx.planned(stored.cover) if stored.cover else []
    chosen = ctx.pack if state.selection().get("pack") else None
    if chosen is None or chosen.planned or chosen.ref in {choice.ref for choice in own}:
        return own
    return [*own, chosen]


def _counts(ctx: Context, counted: Sequence[CountedCases]) -> None:
    """One plain sentence on a case, then the verdict counts of each pack."""
    judged = [one for one in counted if not one.problem]
    if judged:
        total = judging.total([one.counts for one in judged])
        st.markdown(escape(parts.sentence(total, ctx.t)))
    for one in judged:
        st.markdown(f"**{escape(ctx.t.pick(one.choice.title))}**")
        parts.count_badges(one.counts, ctx.t)
    for one in counted:
        if one.problem:
            title = ctx.t("pack.unjudged", pack=ctx.t.pick(one.choice.title))
            parts.problem(title, one.problem)


def _facts(ctx: Context, cover: Cover, n_findings: int) -> str:
    """Model, data, task and date on one line of Markdown."""
    known = store.facts(cover)
    known |= {name: ending(known[name]) for name in ("model", "data")}
    known["task"] = ctx.t.term("task", known["task"])
    none = ctx.t("facts.none")
    shown = [
        parts.named(ctx.t(f"facts.{name}"), escape(known[name] or none), ctx.t)
        for name in ("model", "data", "task", "target", "date")
    ]
    shown.append(ctx.t.md("facts.findings", number=n_findings))
    return " · ".join(shown)


def _trend(ctx: Context, found: Sequence[StoredCase]) -> None:
    """One measure of the cases that the filters leave, along the dates of their audits."""
    t = ctx.t
    frames = {m: frame for m in TOLD if len(frame := trend_frame(ctx, found, m)) > 1}
    if not frames:
        return
    st.subheader(escape(t("overview.trend")), anchor=False)
    asked = state.selection().get("trend", "")
    measure = asked if asked in frames else next(iter(frames))
    half, _ = st.columns(2)
    with half:
        state.choose("trend", t("filter.measure"), list(frames), measure, t.measure)
    frame, shown = frames[measure], t.measure(measure)
    figure.show(
        figure.Figure(
            name=f"trend-{measure}",
            chart=trend(frame, t, measure=shown),
            frame=frame,
            words=t("overview.trend_words", measure=shown, cases=len(frame)),
            legend=t("overview.trend_legend"),
            how=[(t("overview.trend_source"), t("overview.trend_how", measure=shown))],
        ),
        t,
    )


def trend_frame(ctx: Context, found: Sequence[StoredCase], measure: str) -> pd.DataFrame:
    """One row a case that holds the measure over all rows, or of its first sensitive feature."""
    rows = []
    for stored in found:
        if stored.cover is None:
            continue
        try:
            index = ctx.excerpt(stored).index
        except EvenhandError:
            continue  # its card says what is wrong with it
        features = list(stored.cover.subject.sensitive_features)[:1]
        f = index.overall(measure) or next(
            (g for g in index.of(measure) if list(g.between) == features and g.value is not None),
            None,
        )
        if f is not None and f.value is not None:
            low, high = (f.interval.low, f.interval.high) if f.interval else (None, None)
            date = str(stored.cover.environment.finished_at or "")[:19]
            about = ", ".join(f.between)
            rows.append((visible(stored.name), date, f.value, low, high, f.n, visible(about)))
    frame = pd.DataFrame(rows, columns=["model", "date", "value", "low", "high", "n", "about"])
    for column in ("value", "low", "high"):
        frame[column] = frame[column].astype("float64")
    return frame.sort_values(["date", "model"], kind="stable").reset_index(drop=True)


if __name__ == "__main__":
    app.show(render)
