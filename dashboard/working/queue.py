"""What waits for whom: in the packs of one case, and in the other cases."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases import items, stated, store, writing
from evenhand.dashboard.cases.judging import PackChoice
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts, state
from evenhand.dashboard.views.context import Context, Judged

_MOST_CASES = 30


def judged_packs(ctx: Context, case: Case, shown: PackChoice) -> list[Judged]:
    """The verdicts of the packs that belong together: those of the plan where the shown one is
    among them, else the shown one alone."""
    together = ctx.planned(case) if shown.planned else [shown]
    found = [ctx.judged(case, choice) for choice in together if choice.pack is not None]
    return [judged for judged in found if not judged.problem]


def show(ctx: Context, case: Case, packs: Sequence[Judged]) -> None:
    """A button for each role that has to attest, and what waits for an approver."""
    t = ctx.t
    st.markdown(f"**{escape(t('queue.title'))}**")
    with st.container(gap="xxsmall"):
        numbers = [_roles(ctx, judged, is_named=len(packs) > 1) for judged in packs]
    if not any(numbers):
        st.caption(t.md("queue.nobody"))
    if not writing.sign_offs(case, ctx.entries(case)):
        open_now = sum(len(writing.open_items(judged.verdicts)) for judged in packs)
        st.caption(t.md("queue.approver", number=open_now))


def _roles(ctx: Context, judged: Judged, *, is_named: bool) -> int:
    """A button for each role of one pack, which opens the first item that waits for it."""
    t, pack = ctx.t, judged.choice.pack
    assert pack is not None  # it has judged
    roles = items.waiting(judged.verdicts, pack)
    if roles and is_named:
        st.caption(escape(visible(t.pick(judged.choice.title))))
    for role, number in roles:
        counted = t.count("checklist.waiting", number)
        first = items.awaiting(judged.verdicts, pack, role.__eq__)[0]
        said = counted.replace("ROLE", stated.role_word(role, t))
        _opens(f"waits_{pack.id}_{role}", said, judged.choice.ref, first)
    return len(roles)


def _opens(key: str, said: str, ref: str, item: str) -> None:
    st.button(
        escape(said),
        key=key,
        icon=":material/hourglass_empty:",
        type="tertiary",
        on_click=lambda: state.change(pack=ref, item=item, act="", verdict=""),
    )


def elsewhere(ctx: Context) -> None:
    """The other cases in which something waits for somebody, newest first."""
    t, here = ctx.t, ctx.case.key if ctx.case else ""
    found = []
    for stored in [c for c in ctx.cases if c.cover and c.key != here][:_MOST_CASES]:
        number = _waiting(ctx, stored)
        if number:
            found.append((stored, number))
    if not found:
        return
    with st.expander(escape(t.count("queue.elsewhere", len(found)))):
        for stored, number in found:
            state.link(
                parts.CHECKLIST,
                escape(f"{visible(stored.name)} · {t.count('sentence.attest', number)}"),
                icon=":material/arrow_forward:",
                case=stored.key,
                **dict.fromkeys(("pack", "item", "act", "verdict", "finding"), ""),
            )


def _waiting(ctx: Context, stored: store.StoredCase) -> int:
    assert stored.cover is not None
    counted = [ctx.counted(stored, choice) for choice in ctx.planned(stored.cover)]
    return sum(one.counts.get("needs-attestation", 0) for one in counted)
