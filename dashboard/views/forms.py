"""The forms that write: attest, waive, sign off. ``writing`` decides whether it happens.

A form that is sent twice (two clicks, a browser that sends again) writes once: each opened form has
a number of its own, and what was written under it is remembered by the server.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError
from evenhand.audit.register.binding import NAMES, Binding, Reach, about, binding_of
from evenhand.audit.register.register import Entry
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases import stated, writing
from evenhand.dashboard.look import verdict_word
from evenhand.dashboard.server import identity
from evenhand.dashboard.text import escape
from evenhand.dashboard.text import label as label_of
from evenhand.dashboard.views import parts, state
from evenhand.dashboard.views.context import Context, Judged
from evenhand.policies.pack import Pack
from evenhand.policies.schema import Item, add_duration
from evenhand.policies.statements import MAX_WAIVER_DAYS
from evenhand.policies.terms import evidence_zh
from evenhand.policies.verdict import Verdict

_DONE = "evenhand_written"
_NUMBERS = "evenhand_form_numbers"
_MOST_REMEMBERED = 10_000


def told(ctx: Context, *kinds: str) -> None:
    """What was just recorded, once, where it is one of ``kinds``."""
    done = st.session_state.get(_DONE)
    if not done or done[0] not in kinds:
        return
    kind, seq, where = st.session_state.pop(_DONE)
    st.success(ctx.t.md("write.done", kind=ctx.t(f"write.{kind}"), entry=seq))
    st.caption(escape(where))


def open_form(what: str, item: str) -> None:
    """Selects the one form that is open: in the address, so that a link leads to it."""
    state.change(act=f"{what}:{item}")


def is_open(what: str, item: str) -> bool:
    """Whether this form is the open one."""
    return state.selection().get("act") == f"{what}:{item}"


def attest(ctx: Context, case: Case, pack: Pack, item: Item, then: str = "") -> None:
    """Answer, statement and evidence for one item; ``then`` is the item that opens afterwards."""
    t, wanted = ctx.t, item.attest
    assert wanted is not None
    number = form_number(f"attest:{item.id}")
    with st.form(f"attest_{item.id}_{number}"):
        st.markdown(t.md("write.attest.as", role=stated.role_word(wanted.role, t)))
        if wanted.question:
            st.markdown(f"**{escape(t.pick(dict(wanted.question.items())))}**")
        answer = st.selectbox(
            t.md("write.answer"),
            wanted.answers,
            index=None,
            format_func=lambda a: t.term("answer", a),
            placeholder=t("sidebar.choose"),
        )
        statement = st.text_area(t.md("write.statement"), max_chars=4000)
        uploads = [
            (kind, st.file_uploader(_evidence_label(ctx, kind), key=f"{item.id}_{n}"))
            for n, kind in enumerate(wanted.evidence_required)
        ]
        others = st.file_uploader(
            t.md("write.evidence.other"), accept_multiple_files=True, key=f"{item.id}_other"
        )
        last = add_duration(ctx.as_of, wanted.valid_for)
        expires = st.date_input(
            t.md("write.expires"), last, min_value=ctx.as_of, max_value=last, format="YYYY-MM-DD"
        )
        bound = _bound(ctx, case, item, "attestation")
        sent = _buttons(ctx, t("write.attest_next") if then else t("write.attest"), then)
    if not sent:
        return

    def write() -> Entry:
        given = [*uploads, *((None, f) for f in others or ())]
        files = [
            writing.evidence_file(f.name, f.getvalue(), kind) for kind, f in given if f is not None
        ]
        return writing.attest(
            identity.current(),
            case,
            pack,
            item,
            answer=answer or "",
            statement=statement,
            bound=bound,
            evidence=files,
            expires=expires,
        )

    record(ctx, number, write, then or item.id)


def _evidence_label(ctx: Context, kind: str) -> str:
    shown = evidence_zh(kind) if ctx.t.lang == "zh" else kind
    return ctx.t.md("write.evidence.kind", kind=shown)


def waive(ctx: Context, case: Case, pack: Pack, item: Item, then: str = "") -> None:
    """Reason, owner, compensating measures and last day of a waiver; then ``then`` opens."""
    t = ctx.t
    last = ctx.as_of + timedelta(days=MAX_WAIVER_DAYS)
    number = form_number(f"waive:{item.id}")
    with st.form(f"waive_{item.id}_{number}"):
        st.markdown(t.md("write.waive.means", days=MAX_WAIVER_DAYS))
        reason = st.text_area(t.md("write.reason"), max_chars=4000)
        owner = st.text_input(t.md("write.owner"), max_chars=200)
        compensating = st.text_area(t.md("write.compensating"), max_chars=4000)
        expires = st.date_input(
            t.md("write.expires"),
            min(ctx.as_of + timedelta(days=90), last),
            min_value=ctx.as_of,
            max_value=last,
            format="YYYY-MM-DD",
        )
        bound = _bound(ctx, case, item, "waiver")
        sent = _buttons(ctx, t("write.waive"))
    if sent:
        record(
            ctx,
            number,
            lambda: writing.waive(
                identity.current(),
                case,
                pack,
                item,
                reason=reason,
                owner=owner,
                expires=expires,
                compensating=compensating.splitlines(),
                bound=bound,
            ),
            then or item.id,
        )


def sign_off(ctx: Context, case: Case, packs: Sequence[Judged]) -> None:
    """Accepting the case as it is by these packs: every open item has to be ticked."""
    t = ctx.t
    loaded = [judged.choice.pack for judged in packs if judged.choice.pack]
    open_now = [v for judged in packs for v in writing.open_items(judged.verdicts)]
    number = form_number(f"sign-off:{loaded[0].id}")
    with st.form(f"sign_off_{number}"):
        names = ", ".join(visible(t.pick(judged.choice.title)) for judged in packs)
        st.markdown(t.md("write.sign_off.packs", packs=names))
        st.markdown(t.md("write.sign_off.means", number=len(open_now)))
        accepted = [v for v in open_now if _is_accepted(ctx, v, number)]
        statement = st.text_area(t.md("write.statement"), max_chars=4000)
        only_here = Binding(to="case", digest=case.digest)
        st.caption(escape(only_here.reach(t.lang)))
        sent = _buttons(ctx, t("write.sign-off"))
    if sent:
        accepts = [f"{v.pack}:{v.item}" for v in accepted]
        record(
            ctx,
            number,
            lambda: writing.sign_off(
                identity.current(), case, loaded, statement=statement, accepts=accepts
            ),
        )


def _is_accepted(ctx: Context, verdict: Verdict, number: str) -> bool:
    """A box to tick for one open item: its status, its title and its id."""
    title = f"{ctx.t.pick(verdict.title)} ({verdict.item})"
    label = label_of(f"{verdict_word(verdict.status, ctx.t)} · {title}")
    return st.checkbox(label, key=f"accept_{number}_{verdict.pack}_{verdict.item}")


def _bound(ctx: Context, case: Case, item: Item, kind: str) -> writing.Bound:
    """What the statement will be bound to, said and chosen before it is made."""
    t, here = ctx.t, about(case, ctx.entries(case))
    allowed = writing.reaches(item, kind)
    default = writing.Bound().binding(here, item, kind)
    st.caption(t.md("write.binds.about", what=t.term("reach", allowed[-1])))

    def label(reach: Reach) -> str:
        if reach in NAMES and not here.name(reach):
            return t("write.binds.named_below", what=t.term("reach", reach))
        return writing.Bound(reach).binding(here, item, kind).reach(t.lang, here)

    chosen = st.selectbox(
        t.md("write.binds"), allowed, index=allowed.index(default.to), format_func=label
    )
    names = {"system": "", "organisation": ""}
    for reach in (r for r in allowed if r in NAMES and not here.name(r)):
        shown = t.md("write.binds.name", what=t.term("reach", reach))
        names[reach] = st.text_input(shown, max_chars=200, key=f"{kind}_{item.id}_{reach}")
    return writing.Bound(chosen, **names)


def _buttons(ctx: Context, label: str, then: str = "") -> bool:
    """Whether the form was sent; its other button closes it, or goes on to the item ``then``."""
    with st.container(horizontal=True):
        sent = st.form_submit_button(escape(label), type="primary")
        closed = st.form_submit_button(ctx.t.md("write.skip" if then else "write.cancel"))
    if closed:
        state.change(act="", **({"item": then} if then else {}))
        st.rerun()
    return bool(sent)


class Written:
    """What was written under each form's number; safe to use from many sessions."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._lock = threading.Lock()

    def once(self, number: str, write: Callable[[], Entry]) -> Entry:
        """The entry of this form: written now, or when it was sent before."""
        with self._lock:
            if number not in self._entries:
                self._entries[number] = write()
                if len(self._entries) > _MOST_REMEMBERED:
                    self._entries.popitem(last=False)
            return self._entries[number]


@st.cache_resource(show_spinner=False)
def _written() -> Written:
    return Written()


def form_number(form: str) -> str:
    """The number of the form that is open: another one each time that it is opened."""
    known: dict[str, str] = st.session_state.setdefault(_NUMBERS, {})
    return known.setdefault(form, secrets.token_hex(8))


def record(ctx: Context, number: str, write: Callable[[], Entry], then: str = "") -> None:
    """Writes, and draws the page anew with the item ``then`` open; or shows why it was refused."""
    try:
        entry = _written().once(number, write)
    except EvenhandError as error:
        parts.problem(ctx.t("write.refused"), error.message, error.remedy)
        return
    binds = binding_of(entry)
    where = binds.reach(ctx.t.lang) if binds else ""
    item = str(entry.body.get("item") or "")
    st.session_state[_DONE] = (entry.kind, entry.seq, f"{item}: {where}" if item else where)
    st.session_state[_NUMBERS] = {}
    state.change(act="", **({"item": then} if then else {}))
    st.rerun()
