"""What a statement of the register is bound to: where it answers, and where it does not.

A statement binds to one case, to a model (by its digest; to the data where there is none), to a
system, or to an organisation (by names that people declare: the facts ``system.name`` and
``organisation.name``). Older entries say nothing of it: they are bound to nothing, and answer
nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.register.register import Entry
from evenhand.audit.words.phrases import phrase
from evenhand.audit.words.text import name as shown

Reach = Literal["case", "model", "system", "organisation"]
REACHES: tuple[Reach, ...] = get_args(Reach)  # the narrowest first
# The facts that say of which system, and of whose, a case is.
NAMES: Mapping[Reach, str] = {"system": "system.name", "organisation": "organisation.name"}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_OWN_CASE = ("sign-off", "fact")  # what speaks of one case alone, and names it as ``case``


@dataclass(frozen=True)
class About:
    """What a case is about, as far as statements bind to it. ``model`` is the digest of the model,
    or of the data where ``has_model`` is False; names are "" where nobody declared them."""

    case: str
    model: str
    has_model: bool
    system: str = ""
    organisation: str = ""

    def name(self, reach: Reach) -> str:
        """The declared name of its system or organisation."""
        return {"system": self.system, "organisation": self.organisation}.get(reach, "")


class Binding(BaseModel):
    """``digest`` of a case or a model, or ``name`` of a system or an organisation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: Reach
    digest: str = ""
    name: str = ""

    @model_validator(mode="after")
    def _says_what(self) -> Binding:
        if self.to in NAMES:
            if self.digest or not self.name.strip():
                raise ValueError(f"what is bound to a {self.to} names it, and has no digest")
        elif self.name or not _DIGEST.fullmatch(self.digest):
            raise ValueError(f"what is bound to a {self.to} has its SHA-256, and no name")
        return self

    def holds(self, about: About) -> bool:
        """Whether a case about this is one that the statement answers for."""
        if self.to == "case":
            return self.digest == about.case
        if self.to == "model":
            return self.digest == about.model
        return _same(self.name, about.name(self.to))

    def words(self, language: str, about: About | None = None) -> str:
        """What it is bound to: ``the system Loan desk``. ``about`` tells model from data.

        >>> Binding(to="system", name="Loan desk").words("en")
        'the system Loan desk'
        """
        zh = language == "zh"
        if self.to in NAMES:
            en_word, zh_word = self.to, {"system": "系统", "organisation": "组织"}[self.to]
            return f"{zh_word}“{shown(self.name)}”" if zh else f"the {en_word} {shown(self.name)}"
        digest = f"{self.digest[:19]}…"
        if self.to == "case":
            return f"案卷 {digest}" if zh else f"the case {digest}"
        if about is not None and not about.has_model and self.holds(about):
            return f"数据 {digest}" if zh else f"the data {digest}"
        return f"模型 {digest}" if zh else f"the model {digest}"

    def reach(self, language: str, about: About | None = None) -> str:
        """Where it answers and where it does not, in a sentence."""
        what = self.words(language, about)
        if language == "zh":
            return f"绑定到{what}：对该范围内的每个案卷有效，对其他案卷无效"
        if self.to == "case":
            return f"bound to {what}: it answers for this case, and for no other"
        return f"bound to {what}: it answers for every case of it, and for no other"

    def to_json(self) -> dict[str, str]:
        """Plain JSON: what it is bound to alone."""
        return {k: v for k, v in self.model_dump().items() if v}


UNBOUND = {
    "en": "bound to nothing: attest again",
    "zh": "未绑定任何对象：须重新声明",
}


def about(case: Case, entries: Iterable[Entry] = ()) -> About:
    """What ``case`` is about; ``entries`` may name its system or organisation later."""
    subject = case.subject
    later: dict[str, Any] = {}
    for entry in entries:
        if entry.kind == "fact" and entry.vouched and entry.body.get("case") == case.digest:
            later |= _mapping(entry.body.get("facts"))
    facts = {**later, **case.plan.facts}
    return About(
        case=case.digest,
        model=subject.digests.get("model") or subject.data_digest,
        has_model="model" in subject.digests,
        system=str(facts.get("system.name") or ""),
        organisation=str(facts.get("organisation.name") or ""),
    )


def binding_of(entry: Entry) -> Binding | None:
    """What an entry is bound to; None for what is bound to nothing, or no statement."""
    if entry.kind in _OWN_CASE:
        given: Any = {"to": "case", "digest": entry.body.get("case")}
    else:
        given = entry.body.get("binds")
    try:
        return Binding.model_validate(given)
    except ValidationError:
        return None


def is_within(reach: Reach, widest: Reach) -> bool:
    """Whether a statement that reaches so far reaches no farther than ``widest``."""
    return REACHES.index(reach) <= REACHES.index(widest)


def bind(
    here: About,
    widest: Reach,
    *,
    to: str | None = None,
    system: str = "",
    organisation: str = "",
) -> Binding:
    """What a statement made of a case is bound to.

    ``widest`` is what the item is about. Without ``to`` it is that, where its name is given or
    declared; else the next that is named, and the model at the last. Raises InputError for a reach
    that the item does not allow, a name that is lacking, or one that the case contradicts.
    """
    names_given: dict[Reach, str] = {"system": system.strip(), "organisation": organisation.strip()}
    for reach, named in names_given.items():
        known = here.name(reach)
        if named and known and not _same(named, known):
            raise InputError(
                "the case is of the {reach} {known!r}, not {named!r}",
                remedy="use that name, or state the fact {names} of this case anew",
                reach=reach,
                known=known,
                named=named,
                names=NAMES[reach],
            )
        if named and not is_within(reach, widest):
            raise _too_wide(reach, widest)
    names = {reach: here.name(reach) or named for reach, named in names_given.items()}
    if to is None:
        typed = [reach for reach in names_given if names_given[reach]]
        open_ = [r for r in typed or names if names[r] and is_within(r, widest)]
        reach = open_[-1] if open_ else ("case" if widest == "case" else "model")
    else:
        reach = _known(to)
        if not is_within(reach, widest):
            raise _too_wide(reach, widest)
        unused = next((r for r in names_given if names_given[r] and r != reach), None)
        if unused is not None:
            raise InputError(
                "the {unused} {given!r} is named, and bound is to the {reach}",
                remedy="bind it to the {unused}, or leave the name out",
                unused=unused,
                given=names_given[unused],
                reach=reach,
            )
    if reach not in NAMES:
        return Binding(to=reach, digest=here.case if reach == "case" else here.model)
    if not names[reach]:
        raise InputError(
            "no {reach} is named, and a statement is to be bound to one",
            remedy="give the {reach}'s name, or bind it to the model",
            reach=reach,
        )
    return Binding(to=reach, name=names[reach])


def new_names(here: About, binding: Binding) -> dict[str, str]:
    """The fact that the case needs for the binding to hold for it: none where it is known."""
    return {} if binding.holds(here) else {NAMES[binding.to]: binding.name}


def _known(to: str) -> Reach:
    for reach in REACHES:
        if reach == to:
            return reach
    raise InputError(
        "statements are not bound to a {to!r}",
        remedy=phrase("choose one of: {reaches}", reaches=", ".join(REACHES)),
        to=to,
    )


def _too_wide(reach: Reach, widest: Reach) -> InputError:
    allowed = REACHES[: REACHES.index(widest) + 1]
    return InputError(
        "the item is about the {widest}: a statement on it can't be bound to the {reach}",
        remedy="bind it to: {allowed}",
        widest=widest,
        reach=reach,
        allowed=", ".join(allowed),
    )


def _same(one: str, other: str) -> bool:
    """Names are the same whatever their case and spaces."""
    a, b = (" ".join(name.casefold().split()) for name in (one, other))
    return bool(a) and a == b


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
