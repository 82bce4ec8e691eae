"""One pack on one case: every item with its status, its reason and the evidence that decided it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from audit.finding import Finding
from dashboard import app, frames, parts, state
from dashboard.context import Context
from dashboard.judging import PackChoice
from dashboard.look import verdict_markdown, verdict_word
from dashboard.text import escape, visible
from policies import gate
from policies.verdict import Verdict, VerdictStatus

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
    _pack(ctx, ctx.pack)
    judged = ctx.judged(case, ctx.pack)
    if judged.problem:
        parts.problem(ctx.t("pack.unjudged", pack=ctx.t.pick(ctx.pack.title)), judged.problem)
        return
    counts = gate.counts(judged.verdicts)
    st.markdown(escape(parts.sentence(counts, ctx.t)))
    parts.count_badges(counts, ctx.t)
    shown = _filtered(ctx, judged.verdicts, counts)
    items, as_table = st.tabs([ctx.t("checklist.items"), ctx.t("checklist.table")])
    with items:
        findings = {f.id: f for f in case.findings}
        for verdict in shown:
            _item(ctx, verdict, findings)
    with as_table:
        frame = frames.checklist_frame(shown, ctx.t)
        parts.table(frame, ctx.t, name="checklist", alt=ctx.t("nav.checklist"))
        parts.download(frame, ctx.t, name=f"checklist-{ctx.pack.ref}")


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
    if legal.superseded_by:
        st.warning(t.md("pack.superseded", successor=legal.superseded_by))
    st.caption(t.md("checklist.evidence_not_compliance"))


def _filtered(
    ctx: Context, verdicts: Sequence[Verdict], counts: Mapping[VerdictStatus, int]
) -> list[Verdict]:
    t = ctx.t
    present = [s for s in frames.VERDICT_ORDER if counts.get(s)]
    asked = state.selection().get("verdict", _ALL)
    value = asked if asked in present else _ALL
    left, _ = st.columns([1, 2])
    with left:
        state.choose(
            "verdict",
            t("filter.status"),
            [_ALL, *present],
            value,
            lambda s: _status_label(ctx, s, counts),
        )
    if asked and not value:
        st.warning(t.md("filter.unknown", name=t("filter.status"), value=t.term("verdict", asked)))
    return [v for v in verdicts if not value or v.status == value]


def _status_label(ctx: Context, status: str, counts: Mapping[VerdictStatus, int]) -> str:
    for known, number in counts.items():
        if known == status:
            return f"{verdict_word(known, ctx.t)} ({number})"
    return f"{ctx.t('filter.all')} ({sum(counts.values())})"


def _item(ctx: Context, verdict: Verdict, findings: Mapping[str, Finding]) -> None:
    t = ctx.t
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{verdict_markdown(verdict.status, t)} · **{escape(t.pick(verdict.title))}**")
        if because := t.pick(verdict.because):
            st.markdown(escape(because))
        if verdict.underlying != verdict.status:
            underlying = verdict_markdown(verdict.underlying, t)
            st.markdown(parts.named(t("checklist.underlying"), underlying, t))
        if verdict.status != "not-applicable":
            _threshold(ctx, verdict)
        fix = t.pick(verdict.fix)
        if fix and verdict.status not in ("pass", "attested"):
            st.markdown(parts.named(t("checklist.fix"), escape(fix), t))
        _evidence(ctx, verdict, findings)
        clauses = [f"{source}: {text}" for source, text in verdict.clause.items()]
        facts = [
            verdict.item,
            t("checklist.severity", severity=t.term("severity", verdict.severity)),
            t.term("obligation", verdict.obligation),
            t.term("kind", verdict.kind),
            *clauses,
        ]
        st.caption(escape(" · ".join(facts)))


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
    label = f"{value} · {finding.measure} · {frames.about(finding, ctx.t)}"
    state.link(
        parts.FINDINGS,
        escape(visible(label)),
        icon=":material/straighten:",
        finding=finding.id,
        measure=finding.measure,
        feature=frames.axis(finding) or "&".join(frames.quote(b, safe="") for b in finding.between),
        family="",
        status="",
        group="",
    )


if __name__ == "__main__":
    app.show(render)
