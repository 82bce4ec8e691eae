"""The one open item of a checklist: what is asked, measured and stated, and the answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.register.binding import UNBOUND, about, binding_of
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases import archives, items, stated
from evenhand.dashboard.cases.axes import axis as axis_of
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import LANGUAGES, Translator
from evenhand.dashboard.look import verdict_markdown
from evenhand.dashboard.server import identity
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import forms, parts, state
from evenhand.dashboard.views.context import Context
from evenhand.policies.pack import Pack
from evenhand.policies.schema import Item
from evenhand.policies.verdict import Verdict

_EVIDENCE_AT_FIRST = 6


@dataclass(frozen=True)
class Open:
    """The open item among the others: ``order`` are the items that are shown, ``mine`` those that
    wait for who is here."""

    verdict: Verdict
    section: items.ItemSection
    order: tuple[str, ...]
    mine: tuple[str, ...]

    @property
    def then(self) -> str:
        """The item that opens once this one is answered."""
        return items.after(self.verdict.item, self.order, self.mine)


def show(ctx: Context, case: Case, pack: Pack, now: Open) -> None:
    """The card."""
    verdict = now.verdict
    item = pack.item(verdict.item)
    with st.container(border=True, gap="small", key="checklist_card"):
        forms.told(ctx, "attestation", "waiver")
        _place(ctx, now)
        _said(ctx, verdict)
        if verdict.underlying != verdict.status:
            underlying = verdict_markdown(verdict.underlying, ctx.t)
            st.markdown(parts.named(ctx.t("checklist.underlying"), underlying, ctx.t))
        if verdict.status != "not-applicable":
            _threshold(ctx, verdict)
        _evidence(ctx, verdict, ctx.index(case).by_id)
        _statements(ctx, case, verdict)
        _small_print(ctx, verdict, pack)
        if item is not None:
            _actions(ctx, case, pack, item, now)
        _turn(ctx, now)


def _place(ctx: Context, now: Open) -> None:
    """Where one is: the section, the item's number in it, and how many wait for the reader."""
    t, inside = ctx.t, [v.item for v in now.section.verdicts]
    told = [
        now.section.title or t("checklist.section.rest"),
        t("checklist.place", number=inside.index(now.verdict.item) + 1, total=len(inside)),
    ]
    if now.verdict.item in now.mine:
        place = now.mine.index(now.verdict.item) + 1
        told.append(t("checklist.yours", number=place, total=len(now.mine)))
    st.caption(escape(" · ".join(told)))


def _said(ctx: Context, verdict: Verdict) -> None:
    """Title, status, reason and remedy; in both languages side by side where asked for."""
    if not state.selection().get("both"):
        _told(ctx.t, verdict)
        return
    languages = sorted(LANGUAGES, key=lambda lang: lang != ctx.t.lang)
    for column, lang in zip(st.columns(len(languages)), languages, strict=True):
        with column:
            _told(Translator(lang), verdict)


def _told(t: Translator, verdict: Verdict) -> None:
    st.subheader(escape(t.pick(verdict.title)), anchor=False)
    because = t.pick(verdict.because)
    status = verdict_markdown(verdict.status, t)
    st.markdown(f"{status} · {escape(because)}" if because else status)
    fix = t.pick(verdict.fix)
    if fix and verdict.status not in ("pass", "attested"):
        st.markdown(parts.named(t("checklist.fix"), escape(fix), t))


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
    st.markdown(f"**{escape(ctx.t('checklist.measured'))}**")
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


def _statements(ctx: Context, case: Case, verdict: Verdict) -> None:
    """What people stated of the item, where it answers, and the files that they leaned on."""
    entries = ctx.entries(case)
    found = stated.about_item(entries, verdict.pack, verdict.item)
    if not found:
        return
    t, here = ctx.t, about(case, entries)
    st.markdown(f"**{escape(t('checklist.stated'))}**")
    for entry in reversed(found):
        st.markdown(escape(stated.sentence(entry, t)))
        binds = binding_of(entry)
        st.caption(escape(binds.reach(t.lang, here) if binds else UNBOUND[t.lang]))
        for number, file in enumerate(stated.files(entry)):
            _file(ctx, case, file, f"{entry.digest[-12:]}_{number}")


def _file(ctx: Context, case: Case, file: stated.LeantOn, key: str) -> None:
    """A piece of evidence to open, or that it is not here."""
    content = stated.content(case.path, file.digest)
    if content is None:
        st.caption(ctx.t.md("checklist.file_lacking", file=file.name))
        return
    st.download_button(
        escape(ctx.t("checklist.file", file=file.name, size=f"{len(content):,}")),
        content,
        file_name=file.name,
        mime="application/octet-stream",
        icon=":material/attach_file:",
        on_click="ignore",
        key=f"evidence_{key}",
    )


def _small_print(ctx: Context, verdict: Verdict, pack: Pack) -> None:
    t = ctx.t
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


_FORMS = {"attest": forms.attest, "waive": forms.waive}
_ICONS = {"attest": ":material/edit_note:", "waive": ":material/gavel:"}


def _actions(ctx: Context, case: Case, pack: Pack, item: Item, now: Open) -> None:
    """The form that is open: of an item that waits for the reader it is so by itself; else the
    buttons that open one; none for who only reads."""
    is_own = archives.archive_of(case.path) is None
    possible = items.actions(now.verdict, item) if is_own else []
    asked = next((what for what in possible if forms.is_open(what, item.id)), "")
    what = asked or ("attest" if item.id in now.mine and "attest" in possible else "")
    if what:
        then = now.then if what == "attest" else ""
        _FORMS[what](ctx, case, pack, item, then)
    others = [other for other in possible if other != what]
    if asked or not others or not identity.current().may("attest"):
        return
    with st.container(horizontal=True):
        for other in others:
            st.button(
                ctx.t.md(f"write.{other}"),
                key=f"{other}_{item.id}",
                icon=_ICONS[other],
                on_click=forms.open_form,
                args=(other, item.id),
            )


def _turn(ctx: Context, now: Open) -> None:
    """To the item before and the one behind."""
    order, place = now.order, now.order.index(now.verdict.item)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for key, number in (("previous", place - 1), ("next", place + 1)):
            is_there = 0 <= number < len(order)
            st.button(
                ctx.t.md(f"checklist.{key}"),
                key=f"turn_{key}",
                type="tertiary",
                disabled=not is_there,
                on_click=open_item,
                args=(order[number] if is_there else "",),
            )


def open_item(item: str) -> None:
    """Selects the one item that is open; a form that was open is not any more."""
    state.change(item=item, act="")
