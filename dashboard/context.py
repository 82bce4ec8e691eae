"""What every page needs, gathered once a run: language, cases, packs, the register, the selection.

Reading and judging are kept between runs, keyed by the digests of what went in, so that what is
shown never comes from an older file than the one on disk.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import streamlit as st

from audit.case import Case
from audit.errors import EvenhandError
from audit.register import Entry
from dashboard import i18n, index, judging, state, store
from dashboard.i18n import Translator
from dashboard.index import Index
from dashboard.judging import PackChoice
from dashboard.look import INK, INK_DARK
from dashboard.store import RegisterView, StoredCase
from policies.verdict import Verdict

_NAME = "evenhand_context"
_VERIFY_AGAIN_S = 600


@dataclass(frozen=True)
class Judged:
    """One pack's verdicts on one case, or why there are none."""

    choice: PackChoice
    verdicts: tuple[Verdict, ...] = ()
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
        return _index(case.digest, case)

    def planned(self, case: Case) -> list[PackChoice]:
        """The packs that the audit was planned with; read once a case."""
        return _planned(case.digest, case)

    def judged(self, case: Case, choice: PackChoice) -> Judged:
        """The verdicts of a pack on a case as of today."""
        if self.register.problem:
            return Judged(choice, problem=self.t("register.unusable"))
        if choice.pack is None:
            return Judged(choice, problem=choice.problem)
        entries = self.register.entries
        head = entries[-1].digest if entries else ""
        try:
            verdicts = _verdicts(
                case.digest, choice.pack.digest, head, self.as_of, case, choice, entries
            )
        except EvenhandError as error:
            return Judged(choice, problem=str(error))
        return Judged(choice, verdicts)


def gather() -> Context:
    """Builds this run's context and keeps it for the page."""
    selected = state.sync()
    t = Translator(i18n.language(selected.get("lang"), st.context.locale))
    if selected.get("lang") != t.lang:
        state.change(lang=t.lang)
    register = store.read_register()
    paths = store.case_paths([Path(p) for p in sys.argv[1:]], register.entries)
    opened = [_opened(path) for path in paths]
    checked = store.checked(opened, register.entries)
    cases = store.unique(store.without_moved(checked, register.entries))
    case = _selected_case(cases, selected.get("case", ""))
    packs = _choices(case.case.digest if case and case.case else "", case.case if case else None)
    context = Context(
        t=t,
        register=register,
        cases=cases,
        case=case,
        packs=packs,
        pack=_selected_pack(packs, selected.get("pack", "")),
        as_of=datetime.now(UTC).date(),
    )
    st.session_state[_NAME] = context
    return context


def current() -> Context:
    """The context that ``gather`` built for this run."""
    context: Context = st.session_state[_NAME]
    return context


def _selected_case(cases: Sequence[StoredCase], key: str) -> StoredCase | None:
    if key:
        return store.find(cases, key)
    return next((c for c in cases if c.state == "sealed"), cases[0] if cases else None)


def _selected_pack(packs: Sequence[PackChoice], ref: str) -> PackChoice | None:
    if ref:
        return next((p for p in packs if p.ref == ref), None)
    return packs[0] if packs else None


def _opened(path: Path) -> StoredCase:
    """The case at ``path``, read once for as long as its bytes are the same.

    Names, sizes and times are looked at on every run; the digests of all bytes every ten minutes.
    """
    fingerprint = store.fingerprint(path)
    return _open((*fingerprint, *_differs(fingerprint, path)), path)


@st.cache_resource(max_entries=1024, ttl=_VERIFY_AGAIN_S, show_spinner=False)
def _differs(fingerprint: tuple[object, ...], _path: Path) -> tuple[str, ...]:
    return store.differences(_path)


@st.cache_resource(max_entries=256, show_spinner=False)
def _open(fingerprint: tuple[object, ...], _path: Path) -> StoredCase:
    return store.open_case(_path)


@st.cache_resource(max_entries=256, ttl=_VERIFY_AGAIN_S, show_spinner=False)
def _choices(case_digest: str, _case: Case | None) -> list[PackChoice]:
    return judging.choices(_case)


@st.cache_resource(max_entries=256, show_spinner=False)
def _planned(case_digest: str, _case: Case) -> list[PackChoice]:
    return judging.planned(_case)


@st.cache_resource(max_entries=256, show_spinner=False)
def _index(case_digest: str, _case: Case) -> Index:
    subject = _case.subject
    features = [
        str(f)
        for kind in ("sensitive_features", "control_features")
        for f in subject.get(kind) or ()
    ]
    return index.build(_case.findings, features)


@st.cache_resource(max_entries=1024, show_spinner=False)
def _verdicts(
    case_digest: str,
    pack_digest: str,
    register_head: str,
    as_of: date,
    _case: Case,
    _choice: PackChoice,
    _entries: Sequence[Entry],
) -> tuple[Verdict, ...]:
    return judging.verdicts(_case, _choice, _entries, as_of)
