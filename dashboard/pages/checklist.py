"""One pack on one case: every item with its status, its reason and the evidence that decided it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.words.text import visible
from evenhand.dashboard import app
from evenhand.dashboard.cases import archives, items, writing
from evenhand.dashboard.cases.axes import axis as axis_of
from evenhand.dashboard.cases.judging import PackChoice
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import LANGUAGES, Translator
from evenhand.dashboard.look import verdict_markdown, verdict_word
from evenhand.dashboard.server import identity
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import forms, parts, state
from evenhand.dashboard.views.context import Context
from evenhand.policies import gate
from evenhand.policies.pack import Pack
from evenhand.policies.schema import Item
from evenhand.policies.verdict import VERDICT_STATUSES, Verdict, VerdictStatus

_ALL = ""
_EVIDENCE_AT_FIRST = 6


def render(ctx: Context) -> None:
    """The page."""
    case = parts.readable_case(ctx)
    if case is None:
        return
    if ctx.pack is None:
        asked = state.selection().get("pack", "")
        parts.problem(
            ctx.t("pack.unknown.title"),
            ctx.t("pack.unknown", ref=asked),
            ctx.t("pack.unknown.remedy"),
        )
        return
    parts.heading(ctx, ctx.t("nav.checklist"), case)
    forms.told(ctx)
    _pack(ctx, ctx.pack)
    judged = ctx.judged(case, ctx.pack)
    if judged.problem:
        parts.problem(ctx.t("pack.unjudged", pack=ctx.t.pick(ctx.pack.title)), judged.problem)
        return
    assert ctx.pack.pack is not None  # it has judged
    counts = gate.counts(judged.verdicts)
    st.markdown(escape(parts.sentence(counts, ctx.t)))
    parts.count_badges(counts, ctx.t)
    _progress(ctx, judged.verdicts, ctx.pack.pack)
    shown = _filtered(ctx, judged.verdicts, counts)
    listed, as_table = st.tabs([ctx.t("checklist.items"), ctx.t("checklist.table")])
    with listed:
        _items(ctx, case, shown, ctx.pack.pack)
    with as_table:
        frame = frames.checklist_frame(shown, ctx.t)
        parts.table(frame, ctx.t, name="checklist", alt=ctx.t("nav.checklist"))
        parts.download(frame, ctx.t, name=f"checklist-{ctx.pack.ref}")
    _sign_off(ctx, case, judged.verdicts, ctx.pack.pack)


def _progress(ctx: Context, verdicts: Sequence[Verdict], pack: Pack) -> None:
    """Who has to act, and for how many items."""
    for role, number in items.waiting(verdicts, pack):
        counted = ctx.t.count("checklist.waiting", number)
        st.markdown(f":material/hourglass_empty: {escape(counted.replace('ROLE', role))}")
    if not identity.current().may("attest"):
        st.caption(ctx.t.md("checklist.read_only"))


def _items(ctx: Context, case: Case, shown: Sequence[Verdict], pack: Pack) -> None:
    findings = ctx.index(case).by_id
    for principle, verdicts in items.by_principle(shown, pack):
        if len(pack.items) > 1 and principle:
            st.markdown(f"##### {escape(principle)}")
        for verdict in verdicts:
            _item(ctx, case, verdict, findings, pack)


def _pack(ctx: Context, choice: PackChoice) -> None:
    """What the pack is, whether its source binds, and when somebody last looked."""
    t, pack = ctx.t, choice.pack
    st.subheader(escape(t.pick(choice.title)), anchor=False)
    if pack is None:
        return
    legal = pack.legal_status
    facts = [
        t("pack.version", version=pack.version),
        t("pack.jurisdiction", jurisdiction=pack.jurisdiction),
        t("pack.legal", state=t.term("legal", legal.state), checked=legal.checked_on.isoformat()),
        t("pack.from_plan") if choice.planned else t("pack.not_from_plan"),
    ]
    st.caption(escape(" · ".join(facts)))
    if pack.extended:
        st.caption(t.md("checklist.extends", id=pack.extended.id, version=pack.extended.version))
    if legal.superseded_by:
        st.warning(t.md("pack.superseded", successor=legal.superseded_by))
    st.caption(t.md("checklist.evidence_not_compliance"))


def _filtered(
    ctx: Context, verdicts: Sequence[Verdict], counts: Mapping[VerdictStatus, int]
) -> list[Verdict]:
    t = ctx.t
    present = [s for s in VERDICT_STATUSES if counts.get(s)]
    selected = state.selection().get("verdict", _ALL)
    value = selected if selected in present else _ALL
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        state.choose(
            "verdict",
            t("filter.status"),
            [_ALL, *present],
            value,
            lambda s: _status_label(ctx, s, counts),
        )
    with right:
        st.toggle(
            t.md("checklist.both"),
            value=bool(state.selection().get("both")),
            key="both_languages",
            on_change=lambda: state.change(
                both="yes" if st.session_state["both_languages"] else ""
            ),
        )
    if selected and not value:
        st.warning(
            t.md("filter.unknown", name=t("filter.status"), value=t.term("verdict", selected))
        )
    return [v for v in verdicts if not value or v.status == value]


def _status_label(ctx: Context, status: str, counts: Mapping[VerdictStatus, int]) -> str:
    for known, number in counts.items():
        if known == status:
            return f"{verdict_word(known, ctx.t)} ({number})"
    return f"{ctx.t('filter.all')} ({sum(counts.values())})"


def _item(
    ctx: Context, case: Case, verdict: Verdict, findings: Mapping[str, Finding], pack: Pack
) -> None:
    t = ctx.t
    item = pack.item(verdict.item)
    with st.container(border=True, gap="xsmall"):
        _said(ctx, verdict)
        if verdict.underlying != verdict.status:
            underlying = verdict_markdown(verdict.underlying, t)
            st.markdown(parts.named(t("checklist.underlying"), underlying, t))
        if verdict.status != "not-applicable":
            _threshold(ctx, verdict)
        _evidence(ctx, verdict, findings)
        for change in items.changes(pack, verdict.item):
            told = {"before": change.before or "–", "after": change.after or "–"}
            st.caption(t.md("checklist.changed", part=change.part, **told))
        clauses = [f"{source}: {text}" for source, text in verdict.clause.items()]
        facts = [
            verdict.item,
            t("checklist.severity", severity=t.term("severity", verdict.severity)),
            t.term("obligation", verdict.obligation),
            t.term("kind", verdict.kind),
            *clauses,
        ]
        st.caption(escape(" · ".join(facts)))
        if item is not None:
            _actions(ctx, case, verdict, item, pack)


def _said(ctx: Context, verdict: Verdict) -> None:
    """Status, title, reason and remedy; in both languages side by side where asked for."""
    if not state.selection().get("both"):
        _told(ctx.t, verdict)
        return
    languages = sorted(LANGUAGES, key=lambda lang: lang != ctx.t.lang)
    for column, lang in zip(st.columns(len(languages)), languages, strict=True):
        with column:
            _told(Translator(lang), verdict)


def _told(t: Translator, verdict: Verdict) -> None:
    st.markdown(f"{verdict_markdown(verdict.status, t)} · **{escape(t.pick(verdict.title))}**")
    if because := t.pick(verdict.because):
        st.markdown(escape(because))
    fix = t.pick(verdict.fix)
    if fix and verdict.status not in ("pass", "attested"):
        st.markdown(parts.named(t("checklist.fix"), escape(fix), t))


_FORMS = {"attest": forms.attest, "waive": forms.waive}
_ICONS = {"attest": ":material/edit_note:", "waive": ":material/gavel:"}


def _actions(ctx: Context, case: Case, verdict: Verdict, item: Item, pack: Pack) -> None:
    """The open form of the item, or the buttons that open one; none for who only reads."""
    possible = items.actions(verdict, item) if archives.archive_of(case.path) is None else []
    for what in possible:
        if forms.is_open(what, item.id):
            _FORMS[what](ctx, case, pack, item)
            return
    if not possible or not identity.current().may("attest"):
        return
    with st.container(horizontal=True):
        for what in possible:
            st.button(
                ctx.t.md(f"write.{what}"),
                key=f"{what}_{item.id}",
                icon=_ICONS[what],
                on_click=forms.open_form,
                args=(what, item.id),
            )


def _sign_off(ctx: Context, case: Case, verdicts: Sequence[Verdict], pack: Pack) -> None:
    """Who has signed the case off, and the form to do it."""
    t = ctx.t
    signed = writing.sign_offs(case, ctx.entries(case))
    may = identity.current().may("sign-off") and archives.archive_of(case.path) is None
    if not signed and not may:
        return
    st.subheader(t.md("checklist.sign_off"), anchor=False)
    for entry in signed:
        st.markdown(f":material/verified: {escape(writing.signed(entry, t))}")
        st.caption(escape(str(entry.body.get("statement") or "")))
    if forms.is_open("sign-off", pack.id):
        forms.sign_off(ctx, case, pack, verdicts)
    elif may:
        st.button(
            t.md("write.sign-off"),
            key="sign_off",
            icon=":material/verified:",
            on_click=forms.open_form,
            args=("sign-off", pack.id),
        )


def _threshold(ctx: Context, verdict: Verdict) -> None:
    """What was asked for, where the threshold is from, and how it is decided."""
    t, said = ctx.t, []
    if requirement := frames.requirement(verdict):
        said.append(t("checklist.requirement", requirement=requirement))
    if verdict.threshold_origin:
        said.append(t("checklist.origin", origin=t.term("origin", verdict.threshold_origin)))
    if verdict.decision:
        said.append(t(f"decision.{verdict.decision}"))
    if said:
        st.markdown(escape(" · ".join(said)))


def _evidence(ctx: Context, verdict: Verdict, findings: Mapping[str, Finding]) -> None:
    """One link for each finding that decided the item."""
    if not verdict.findings:
        return
    st.markdown(f"**{escape(ctx.t('checklist.evidence'))}**")
    for finding_id in verdict.findings[:_EVIDENCE_AT_FIRST]:
        _link(ctx, finding_id, findings.get(finding_id))
    rest = verdict.findings[_EVIDENCE_AT_FIRST:]
    if rest:
        with st.expander(ctx.t.md("checklist.more_evidence", number=len(rest))):
            for finding_id in rest:
                _link(ctx, finding_id, findings.get(finding_id))


def _link(ctx: Context, finding_id: str, finding: Finding | None) -> None:
    if finding is None:
        st.markdown(ctx.t.md("finding.unknown", id=finding_id))
        return
    value = frames.value_text(finding, ctx.t)
    label = f"{value} · {ctx.t.measure(finding.measure)} · {frames.about(finding, ctx.t)}"
    state.link(
        parts.FINDINGS,
        escape(visible(label)),
        icon=":material/straighten:",
        finding=finding.id,
        measure=finding.measure,
        feature=axis_of(finding) or "&".join(quote(b, safe="") for b in finding.between),
        family="",
        status="",
        group="",
    )


if __name__ == "__main__":
    app.show(render)
