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
from evenhand.dashboard.cases import writing
from evenhand.dashboard.server import identity
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts, state
from evenhand.dashboard.views.context import Context
from evenhand.policies.pack import Pack
from evenhand.policies.schema import Item, add_duration
from evenhand.policies.statements import MAX_WAIVER_DAYS
from evenhand.policies.verdict import Verdict

_DONE = "evenhand_written"
_NUMBERS = "evenhand_form_numbers"
_MOST_REMEMBERED = 10_000


def told(ctx: Context) -> None:
    """What was just recorded, once."""
    done = st.session_state.pop(_DONE, None)
    if done:
        kind, seq, where = done
        st.success(ctx.t.md("write.done", kind=ctx.t(f"write.{kind}"), entry=seq))
        st.caption(escape(where))


def open_form(what: str, item: str) -> None:
    """Selects the one form that is open: in the address, so that a link leads to it."""
    state.change(act=f"{what}:{item}")


def is_open(what: str, item: str) -> bool:
    """Whether this form is the open one."""
    return state.selection().get("act") == f"{what}:{item}"


def attest(ctx: Context, case: Case, pack: Pack, item: Item) -> None:
    """Answer, statement and evidence for one item."""
    t, wanted = ctx.t, item.attest
    assert wanted is not None
    number = _number(f"attest:{item.id}")
    with st.form(f"attest_{item.id}_{number}"):
        st.markdown(t.md("write.attest.as", role=wanted.role))
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
            (kind, st.file_uploader(t.md("write.evidence.kind", kind=kind), key=f"{item.id}_{n}"))
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
        sent = _buttons(ctx, t("write.attest"))
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

    _record(ctx, number, write)


def waive(ctx: Context, case: Case, pack: Pack, item: Item) -> None:
    """Reason, owner, compensating measures and last day of a waiver."""
    t = ctx.t
    last = ctx.as_of + timedelta(days=MAX_WAIVER_DAYS)
    number = _number(f"waive:{item.id}")
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
        _record(
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
        )


def sign_off(ctx: Context, case: Case, pack: Pack, verdicts: Sequence[Verdict]) -> None:
    """Accepting the case as it is: every open item has to be named."""
    t = ctx.t
    open_now = writing.open_items(verdicts)
    titles = {
        v.item: f"{v.item} · {t.pick(v.title)} ({t.term('verdict', v.status)})" for v in open_now
    }
    number = _number(f"sign-off:{pack.id}")
    with st.form(f"sign_off_{number}"):
        st.markdown(t.md("write.sign_off.means", number=len(open_now)))
        accepted = st.multiselect(
            t.md("write.accepts"),
            list(titles),
            format_func=lambda i: visible(titles[i]),
            placeholder=t("sidebar.choose"),
            disabled=not titles,
        )
        statement = st.text_area(t.md("write.statement"), max_chars=4000)
        only_here = Binding(to="case", digest=case.digest)
        st.caption(escape(only_here.reach(t.lang)))
        sent = _buttons(ctx, t("write.sign-off"))
    if sent:
        accepts = [f"{pack.id}:{item}" for item in accepted]
        _record(
            ctx,
            number,
            lambda: writing.sign_off(
                identity.current(), case, [pack], statement=statement, accepts=accepts
            ),
        )


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


def _buttons(ctx: Context, label: str) -> bool:
    with st.container(horizontal=True):
        sent = st.form_submit_button(escape(label))
        closed = st.form_submit_button(ctx.t.md("write.cancel"))
    if closed:
        state.change(act="")
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


def _number(form: str) -> str:
    """The number of the form that is open: another one each time that it is opened."""
    known: dict[str, str] = st.session_state.setdefault(_NUMBERS, {})
    return known.setdefault(form, secrets.token_hex(8))


def _record(ctx: Context, number: str, write: Callable[[], Entry]) -> None:
    """Writes, and draws the page anew; or shows why it was refused."""
    try:
        entry = _written().once(number, write)
    except EvenhandError as error:
        parts.problem(ctx.t("write.refused"), error.message, error.remedy)
        return
    binds = binding_of(entry)
    where = binds.reach(ctx.t.lang) if binds else ""
    st.session_state[_DONE] = (entry.kind, entry.seq, where)
    st.session_state[_NUMBERS] = {}
    state.change(act="")
    st.rerun()
