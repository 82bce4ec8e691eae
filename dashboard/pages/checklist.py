"""One pack on one case, worked through an item at a time: what is asked, measured, stated, open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.words.text import visible
from evenhand.dashboard import app
from evenhand.dashboard.cases import items, stated
from evenhand.dashboard.cases.judging import PackChoice
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import VERDICT, verdict_word
from evenhand.dashboard.server import identity
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import handing_on, parts, state
from evenhand.dashboard.views.context import Context, Judged
from evenhand.dashboard.working import card, queue, signing, stating
from evenhand.policies import gate
from evenhand.policies.pack import Pack
from evenhand.policies.verdict import VERDICT_STATUSES, Verdict, VerdictStatus

_ALL = ""
# Of the bar: what fails, what is undecided, what people have to say, what holds, what is beside it.
_BAR: Mapping[VerdictStatus, str] = {
    "fail": "#b04400",
    "error": "#b04400",
    "inconclusive": "#0072b2",
    "needs-attestation": "#8c3a6d",
    "warn": "#a87600",
    "waived": "#8c6fb0",
    "attested": "#00704f",
    "pass": "#00704f",
    "not-yet-applicable": "#7f8791",
    "not-applicable": "#7f8791",
}


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
    assert ctx.pack.pack is not None  # it has judged
    counts = gate.counts(judged.verdicts)
    st.markdown(escape(parts.sentence(counts, ctx.t)))
    parts.count_badges(counts, ctx.t)
    _bar(counts)
    shown = _filtered(ctx, judged.verdicts, counts)
    together = queue.judged_packs(ctx, case, ctx.pack)
    stating.show(ctx, case, together)
    _worked_through(ctx, case, ctx.pack.pack, judged.verdicts, shown, together)
    with st.expander(ctx.t.md("checklist.table")):
        frame = frames.checklist_frame(shown, ctx.t)
        parts.table(frame, ctx.t, name="checklist", alt=ctx.t("nav.checklist"))
        parts.download(frame, ctx.t, name=f"checklist-{ctx.pack.ref}")
    signing.show(ctx, case, together)
    handing_on.offer(ctx, case, handing_on.policy(ctx))
    names = [judged.choice.pack.id for judged in together if judged.choice.pack]
    handing_on.publish(ctx, case, names)
    queue.elsewhere(ctx)


def _worked_through(
    ctx: Context,
    case: Case,
    pack: Pack,
    verdicts: Sequence[Verdict],
    shown: Sequence[Verdict],
    together: Sequence[Judged],
) -> None:
    """The open item beside the sections that it is one of; on a phone above them."""
    person = identity.current()
    may_sign_as = person.may_sign_as if person.may("attest") else lambda _role: False
    act = state.selection().get("act", "").partition(":")[2]
    verdict = items.opened(shown, state.selection().get("item", "") or act)
    found = items.sections(shown, pack)
    left, right = st.columns([5, 2], gap="medium")
    if verdict is not None:
        section = next(s for s in found if verdict in s.verdicts)
        order = tuple(v.item for s in found for v in s.verdicts)
        done = stated.have_attested(ctx.entries(case), verdicts, person.name)
        mine = tuple(i for i in items.awaiting(verdicts, pack, may_sign_as) if i not in done)
        with left:
            card.show(ctx, case, pack, card.Open(verdict, section, order, mine))
    with right:
        _sections(ctx, found, verdict)
        queue.show(ctx, case, together)
        if not person.may("attest"):
            st.caption(ctx.t.md("checklist.read_only"))


def _sections(ctx: Context, parts: Sequence[items.ItemSection], at: Verdict | None) -> None:
    """The sections with what is open in each, and the items of the one that one is in."""
    t = ctx.t
    here = next((s for s in parts if at in s.verdicts), None)
    if here is None or at is None:
        return
    first = [items.opened(s.verdicts, "") for s in parts]
    opens = [v.item for v in first if v is not None]
    said = [_section_said(section, t) for section in parts]
    _choose_item("section", t("checklist.sections"), opens, said, parts.index(here))
    if len(here.verdicts) > 1:
        said = [_item_said(verdict, t) for verdict in here.verdicts]
        inside = [v.item for v in here.verdicts]
        _choose_item("item", t("checklist.in_section"), inside, said, inside.index(at.item))
    for cite in sorted({s.cite for s in parts} - {""}):
        st.caption(escape(visible(cite)))


def _choose_item(
    name: str, label: str, opens: Sequence[str], said: Sequence[str], place: int
) -> None:
    """Radio buttons, each of which opens an item."""
    key = f"checklist_{name}"
    st.session_state[key] = place
    st.radio(
        escape(label),
        range(len(opens)),
        key=key,
        format_func=lambda n: said[n],
        on_change=lambda: card.open_item(opens[st.session_state[key]]),
    )


def _section_said(section: items.ItemSection, t: Translator) -> str:
    """A section's name, what is measured in it, and what is open, as signs in their colours."""
    title = section.title or t("checklist.section.rest")
    families = [t.term("family", name) for name in section.families[:2]]
    pressing = section.pressing()
    signs = [f":{VERDICT[s].colour}[{escape(VERDICT[s].sign)} {n}]" for s, n in pressing]
    done = f":green[{escape(t('checklist.section.done'))}]"
    about = f" {escape(t('checklist.comma').join(families))}" if families else ""
    return f"**{escape(title)}**{about} {len(section.verdicts)} · {' '.join(signs) or done}"


def _item_said(verdict: Verdict, t: Translator) -> str:
    look = VERDICT[verdict.status]
    return f":{look.colour}[{escape(look.sign)}] {escape(visible(t.pick(verdict.title)))}"


def _bar(counts: Mapping[VerdictStatus, int]) -> None:
    """The counts as one bar; the words beside it say the same."""
    parts_of = [
        f'<i style="flex:{counts[status]};background:{_BAR[status]}"></i>'
        for status in VERDICT_STATUSES
        if counts.get(status)
    ]
    style = "display:flex;gap:2px;height:10px;border-radius:3px;overflow:hidden"
    st.html(f'<div aria-hidden="true" style="{style}">{"".join(parts_of)}</div>')


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
        said = t.md("filter.unknown", name=t("filter.status"), value=t.term("verdict", selected))
        # a status that nothing has any more is no mistake: the last item with it was just answered
        (st.caption if selected in VERDICT_STATUSES else st.warning)(said)
    return [v for v in verdicts if not value or v.status == value]


def _status_label(ctx: Context, status: str, counts: Mapping[VerdictStatus, int]) -> str:
    for known, number in counts.items():
        if known == status:
            return f"{verdict_word(known, ctx.t)} ({number})"
    return f"{ctx.t('filter.all')} ({sum(counts.values())})"


if __name__ == "__main__":
    app.show(render)
