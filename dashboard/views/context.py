"""What every page needs, gathered once a run: language, cases, packs, the register, the selection.

Reading and judging are kept between runs, keyed by the digests of what went in, so that what is
shown never comes from an older file than the one on disk.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError
from evenhand.audit.register.register import Entry
from evenhand.dashboard import i18n
from evenhand.dashboard.cases import archives, judging, store
from evenhand.dashboard.cases.index import Index
from evenhand.dashboard.cases.judging import PackChoice
from evenhand.dashboard.cases.shelf import SHELF, VERIFY_AGAIN_S, Excerpt
from evenhand.dashboard.cases.store import Cover, RegisterView, StoredCase
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import INK, INK_DARK
from evenhand.dashboard.views import state
from evenhand.policies import gate
from evenhand.policies.verdict import Verdict, VerdictStatus

_NAME = "evenhand_context"
_SAY_FROM = 20  # cases that were never looked at: reading them takes a moment


@dataclass(frozen=True)
class Judged:
    """One pack's verdicts on one case, or why there are none."""

    choice: PackChoice
    verdicts: tuple[Verdict, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class CountedCases:
    """How many items of a pack have each status, or why nobody can say."""

    choice: PackChoice
    counts: Mapping[VerdictStatus, int] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Context:
    """This run's material. ``case`` and ``pack`` are None where the link names unknown ones."""

    t: Translator
    register: RegisterView
    cases: Sequence[StoredCase]
    case: StoredCase | None
    packs: Sequence[PackChoice]
    pack: PackChoice | None
    as_of: date

    @property
    def who(self) -> str:
        """The key of the group that the reader chose (see ``index.group_key``), or empty."""
        return state.selection().get("who", "")

    @property
    def ink(self) -> str:
        """The colour of words in a chart on the reader's theme."""
        return INK_DARK if st.context.theme.type == "dark" else INK

    def index(self, case: Case) -> Index:
        """The findings of a case by measure and group; built once a case."""
        return SHELF.index(case)

    def excerpt(self, stored: StoredCase) -> Excerpt:
        """The few findings of a case that lists tell; read once a case."""
        return SHELF.excerpt(stored)

    def entries(self, case: Case | Cover) -> tuple[Entry, ...]:
        """The entries that a case is judged by: this register's, and those that came along."""
        return archives.entries_at(case.path, self.register.entries)

    def planned(self, case: Case | Cover) -> list[PackChoice]:
        """The packs that the audit was planned with; read once for all cases that have them."""
        packs = sorted(pair for pair in case.files.items() if pair[0].startswith("packs/"))
        return _planned(tuple(packs), case)

    def judged(self, case: Case, choice: PackChoice) -> Judged:
        """The verdicts of a pack on a case as of today."""
        if problem := self._obstacle(choice):
            return Judged(choice, problem=problem)
        try:
            return Judged(choice, self._verdicts(case, choice))
        except EvenhandError as error:
            return Judged(choice, problem=str(error))

    def counted(self, stored: StoredCase, choice: PackChoice) -> CountedCases:
        """The verdicts of a pack on a case as of today, counted; the case is read if need be."""
        if problem := self._obstacle(choice):
            return CountedCases(choice, problem=problem)
        assert stored.cover is not None
        assert choice.pack is not None
        last = judging.last_statement(self.entries(stored.cover))

        def count() -> Mapping[VerdictStatus, int]:
            case = stored.case
            assert case is not None
            return gate.counts(self._verdicts(case, choice))

        try:
            asked = (stored.cover.digest, choice.pack.digest, last, self.as_of)
            return CountedCases(choice, _counts(*asked, count))
        except EvenhandError as error:
            return CountedCases(choice, problem=str(error))

    def _obstacle(self, choice: PackChoice) -> str:
        """Why nothing can be judged by this pack; empty where it can."""
        return self.t("register.unusable") if self.register.problem else choice.problem

    def _verdicts(self, case: Case, choice: PackChoice) -> tuple[Verdict, ...]:
        assert choice.pack is not None  # else there is a problem with it
        entries = self.entries(case)
        asked = (case.digest, choice.pack.digest, judging.last_statement(entries), self.as_of)
        return _verdicts(*asked, case, choice, entries)


def gather() -> Context:
    """Builds this run's context and keeps it for the page."""
    selected = state.sync()
    t = Translator(i18n.language(selected.get("lang"), st.context.locale))
    if selected.get("lang") != t.lang:
        state.change(lang=t.lang)
    register = SHELF.register()
    cases: Sequence[StoredCase] = _cases(t, register)
    case, cases = _read(_selected_case(cases, selected.get("case", "")), cases)
    context = Context(t, register, cases, case, (), None, datetime.now(UTC).date())
    packs = judging.choices(context.planned(case.cover) if case and case.cover else [], _shipped())
    pack = _selected_pack(packs, selected.get("pack", ""))
    context = replace(context, packs=packs, pack=pack)
    st.session_state[_NAME] = context
    return context


def current() -> Context:
    """The context that ``gather`` built for this run."""
    context: Context = st.session_state[_NAME]
    return context


def _cases(t: Translator, register: RegisterView) -> list[StoredCase]:
    """Every case, newest first, as it is now."""
    paths = store.case_paths([Path(p) for p in sys.argv[1:]], register.entries)
    is_long = SHELF.unread(paths) >= _SAY_FROM
    with st.spinner(t("loading.cases")) if is_long else nullcontext():
        checked = store.checked(SHELF.cases(paths), register.entries)
    return store.unique(store.without_moved(checked, register.entries))


def _read(
    case: StoredCase | None, cases: Sequence[StoredCase]
) -> tuple[StoredCase | None, Sequence[StoredCase]]:
    """Reads the selected case, so that no page meets one that cannot be read."""
    if case is None:
        return None, cases
    try:
        _ = case.case
    except EvenhandError as error:
        unfit = store.unfit(case, error)
        return unfit, [unfit if stored is case else stored for stored in cases]
    return case, cases


def _selected_case(cases: Sequence[StoredCase], key: str) -> StoredCase | None:
    if key:
        return store.find(cases, key)
    return next((c for c in cases if c.state == "sealed"), cases[0] if cases else None)


def _selected_pack(packs: Sequence[PackChoice], ref: str) -> PackChoice | None:
    if ref:
        return next((p for p in packs if p.ref == ref), None)
    return packs[0] if packs else None


@st.cache_resource(max_entries=1, ttl=VERIFY_AGAIN_S, show_spinner=False)
def _shipped() -> list[PackChoice]:
    return judging.shipped()


@st.cache_resource(max_entries=64, show_spinner=False)
def _planned(packs: tuple[tuple[str, str], ...], _case: Case | Cover) -> list[PackChoice]:
    return judging.planned(_case)


@st.cache_resource(max_entries=4096, show_spinner=False)
def _counts(
    case_digest: str,
    pack_digest: str,
    last_statement: str,
    as_of: date,
    _count: Callable[[], Mapping[VerdictStatus, int]],
) -> Mapping[VerdictStatus, int]:
    return _count()


@st.cache_resource(max_entries=32, show_spinner=False)
def _verdicts(
    case_digest: str,
    pack_digest: str,
    last_statement: str,
    as_of: date,
    _case: Case,
    _choice: PackChoice,
    _entries: Sequence[Entry],
) -> tuple[Verdict, ...]:
    return judging.verdicts(_case, _choice, _entries, as_of)
