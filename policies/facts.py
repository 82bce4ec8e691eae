"""The facts that packs ask about: their values, what hangs on each, and who stated them.

A subject's maker declares facts before the audit (``facts:``, ``--fact``). What was not declared
may be stated later, for one case, on the register: nothing is measured again for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.register.binding import NAMES
from evenhand.audit.register.register import Entry
from evenhand.audit.words.phrases import phrase
from evenhand.audit.words.text import name
from evenhand.policies.deciding.conditions import FactError, applies, defaults, facts_for
from evenhand.policies.demands import declared_reference
from evenhand.policies.schema import Condition, Pack, Scalar

FOUND_OUT = "subject."  # what the audit finds out itself is never asked


@dataclass(frozen=True)
class AskedFact:
    """One fact that a pack asks about. ``values``: those that it knows (``is_closed``), or names
    in its conditions. ``items``: what hangs on it; () is the whole pack."""

    pack: str
    fact: str
    question: Mapping[str, str]
    values: tuple[Scalar, ...]
    is_closed: bool
    default: Any
    has_default: bool
    items: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; without ``default`` where there is none."""
        known = {"default": _plain(self.default)} if self.has_default else {}
        return {
            "pack": self.pack,
            "fact": self.fact,
            "question": dict(self.question),
            "values": [_plain(value) for value in self.values],
            "others_allowed": not self.is_closed,
            "items": list(self.items),
            **known,
        }

    def answers(self, language: str = "en") -> str:
        """The values to choose from, in words."""
        listed = [written(value) for value in self.values]
        if not self.is_closed:
            listed.append("another" if language == "en" else "其他")
        return (", " if language == "en" else "、").join(listed)

    def hangs(self, language: str = "en") -> str:
        """What hangs on it, in words."""
        whole = "the whole pack" if language == "en" else "整个规则包"
        return ", ".join(self.items) or whole

    def line(self) -> str:
        """The option that declares it, with a value as an example."""
        example = written(self.values[0]) if self.values else "VALUE"
        value = f"'[{example}]'" if self._is_list else example
        return f"--fact {self.fact}={value}"

    @property
    def _is_list(self) -> bool:
        return self.fact.endswith("places")


def written(value: Any) -> str:
    """A fact's value as it is typed.

    >>> written(True), written(["US-NY-NYC"]), written("credit")
    ('true', '[US-NY-NYC]', 'credit')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(one) for one in value)}]"
    return str(value)


def asked(pack: Pack) -> tuple[AskedFact, ...]:
    """The facts that ``pack`` asks people about, in the order of its parameters."""
    hanging: dict[str, list[str]] = {}
    for item in pack.items:
        for fact in item.applies_when.facts() if item.applies_when else ():
            hanging.setdefault(fact, []).append(item.id)
    whole = pack.applies_when.facts() if pack.applies_when else frozenset()
    listed = []
    for fact, parameter in pack.parameters.items():
        conditions = (pack.applies_when, *(item.applies_when for item in pack.items))
        values = parameter.enum or tuple(dict.fromkeys(_mentioned(conditions, fact)))
        on_all = fact in whole or parameter.required
        listed.append(
            AskedFact(
                pack.id,
                fact,
                {str(k): text for k, text in (parameter.text or {}).items()},
                values,
                parameter.enum is not None,
                parameter.default,
                "default" in parameter.model_fields_set,
                () if on_all else tuple(hanging.get(fact, ())),
            )
        )
    return tuple(one for one in listed if not one.fact.startswith(FOUND_OUT))


def _mentioned(conditions: Iterable[Condition | None], fact: str) -> Iterator[Scalar]:
    """The values with which conditions compare a fact."""
    for condition in conditions:
        if condition is None:
            continue
        below = (*(condition.all_ or ()), *(condition.any_ or ()), condition.not_)
        yield from _mentioned([part for part in below if part is not None], fact)
        if condition.fact == fact:
            operator = next(iter(condition.model_fields_set - {"fact"}))
            value = getattr(condition, operator)
            yield from value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Limit:
    """A limit that the subject's maker declares; without a default its items are undecided."""

    name: str
    default: float | None
    items: tuple[str, ...]


def limits(pack: Pack) -> tuple[Limit, ...]:
    """The limits that the pack takes from ``declared:``, in the order of its items."""
    found: dict[tuple[str, float | None], list[str]] = {}
    for item in pack.items:
        for threshold in item.check.thresholds if item.check else ():
            if isinstance(threshold, str):
                found.setdefault(declared_reference(threshold), []).append(f"{pack.id}:{item.id}")
    return tuple(Limit(key, default, tuple(items)) for (key, default), items in found.items())


def missing(pack: Pack, facts: Mapping[str, Any]) -> tuple[AskedFact, ...]:
    """What the pack asks that nobody declared and that its answers hang on; nothing of a pack
    that, by what is declared, does not apply."""
    known = {**defaults(pack), **facts}
    try:
        if not applies(pack.applies_when, known):
            return ()
    except FactError:
        pass
    return tuple(a for a in asked(pack) if a.fact not in known)


def require_known(pack: Pack, facts: Mapping[str, Any]) -> None:
    """Raises InputError for a declared value that the pack does not know, unless it does not
    apply anyway."""
    try:
        if not applies(pack.applies_when, {**defaults(pack), **facts}):
            return
    except FactError:
        pass
    for one in asked(pack):
        if not one.is_closed or one.fact not in facts:
            continue
        try:
            facts_for(_alone(pack, one.fact), facts)
        except FactError as error:
            raise InputError(
                "pack {pack}: {error}",
                remedy="choose one of its values: {one}",
                pack=pack.id,
                error=error,
                one=one.answers(),
            ) from None


def _alone(pack: Pack, fact: str) -> Pack:
    return pack.model_copy(update={"parameters": {fact: pack.parameters[fact]}})


def request(pack: Pack, open_facts: Sequence[AskedFact], language: str = "en") -> list[str]:
    """What to tell somebody whose subject leaves facts open: one line a fact."""
    lines = []
    for one in open_facts:
        question = one.question.get(language) or one.question.get("en", "")
        if language == "zh":
            lines.append(
                f"规则包 {pack.id}：未声明事实 {one.fact}（{question}；可取：{one.answers('zh')}"
                f"）；{one.hangs('zh')} 将为未定；请加 {one.line()}，或写入对象文件的 facts"
            )
        else:
            lines.append(
                f"pack {pack.id} asks for {one.fact} ({question}: {one.answers()}); without it "
                f"{one.hangs()} stays undecided: add {one.line()}, or a line under facts: in the "
                "subject's file"
            )
    return lines


class Stated(BaseModel):
    """An entry of the register that states facts, or the columns of roles, of one case."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    case: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    facts: Mapping[str, Scalar | list[Scalar]] = Field(default_factory=dict)
    roles: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    by: Annotated[str, Field(min_length=1, pattern=r"\S")]
    signed_at: datetime


@dataclass(frozen=True)
class Origin:
    """Who stated a fact later, and where that is written."""

    by: str
    day: str
    entry: int

    def words(self, language: str) -> str:
        """``stated by Ada on 2026-11-30, register entry 7``."""
        if language == "zh":
            return f"{name(self.by)} 于 {self.day} 声明，登记簿第 {self.entry} 条"
        return f"stated by {name(self.by)} on {self.day}, register entry {self.entry}"


def heard(case: Case, register: Sequence[Entry]) -> tuple[Case, Mapping[str, Origin]]:
    """The case with the facts and roles that were stated of it later, and who stated each fact.

    What the sealed plan says stays; of two later statements the last counts. Raises InputError for
    an entry that cannot be read.
    """
    facts: dict[str, Any] = {}
    roles: dict[str, tuple[str, ...]] = {}
    origins: dict[str, Origin] = {}
    for entry in register:
        if entry.kind != "fact" or not entry.vouched or entry.body.get("case") != case.digest:
            continue
        try:
            stated = Stated.model_validate(entry.body)
        except ValidationError as error:
            raise InputError(
                "malformed register entry {seq} (fact): {msg}",
                remedy="state the facts of this case again",
                seq=entry.seq,
                msg=error.errors()[0]["msg"],
            ) from error
        facts |= stated.facts
        roles |= stated.roles
        origin = Origin(stated.by, stated.signed_at.date().isoformat(), entry.seq)
        origins |= dict.fromkeys(stated.facts, origin)
    if not facts and not roles:
        return case, {}
    plan, subject = case.plan, case.subject
    bound = subject.model_copy(update={"roles": {**roles, **subject.roles}})
    whole = plan.model_copy(update={"facts": {**facts, **plan.facts}, "subject": bound})
    return replace(case, plan=whole), {k: v for k, v in origins.items() if k not in plan.facts}


def statement(
    case: Case,
    packs: Sequence[Pack],
    *,
    facts: Mapping[str, Any],
    roles: Mapping[str, Sequence[str]],
    by: str,
    at: datetime,
    known_by: str = "stated",
    subject: str = "",
) -> dict[str, Any]:
    """The body of an entry that states facts and roles of a case.

    Raises InputError for a fact that no pack at hand asks about, that the sealed plan has already
    or whose value a pack does not know, and for a column that was not compared in the audit.
    """
    if not by.strip():
        raise InputError("facts are stated by somebody, and no name is given", remedy="give a name")
    known = {one.fact for pack in packs for one in asked(pack)} | set(ALWAYS)
    for fact, value in facts.items():
        if fact not in known:
            listed = ", ".join(sorted(known))
            raise InputError(
                "no pack asks for the fact {fact}",
                remedy="these do: {listed}",
                fact=fact,
                listed=listed,
            )
        sealed = case.plan.facts.get(fact)
        if fact in case.plan.facts and sealed != _plain(value):
            raise InputError(
                "the sealed case says that {fact} is {sealed}, not {value}",
                remedy="audit again with the right fact: sealed evidence stays as it is",
                fact=fact,
                sealed=written(sealed),
                value=written(value),
            )
    for pack in packs:
        require_known(pack, {**case.plan.facts, **facts})
    _check_columns(case, roles)
    return {
        "case": case.digest,
        "facts": {fact: _plain(value) for fact, value in facts.items()},
        "roles": {role: list(columns) for role, columns in roles.items()},
        "by": by,
        "known_by": known_by,
        "subject": subject,
        "signed_at": at.isoformat(timespec="seconds"),
    }


ALWAYS: Collection[str] = tuple(NAMES.values())  # what statements bind to, whatever packs ask


def _check_columns(case: Case, roles: Mapping[str, Sequence[str]]) -> None:
    compared = case.subject.sensitive_features
    for role, columns in roles.items():
        for column in columns:
            if column not in compared:
                raise InputError(
                    "the column {column!r}, said to hold {role}, was not compared in this audit",
                    remedy=phrase(
                        "audit again with it; compared were: {compared}",
                        compared=", ".join(compared) or "none",
                    ),
                    column=column,
                    role=role,
                )
        sealed = case.subject.roles.get(role)
        if sealed is not None and tuple(columns) != sealed:
            raise InputError(
                "the sealed case says that {role} is held by {sealed}",
                remedy="audit again with the right role: sealed evidence stays as it is",
                role=role,
                sealed=", ".join(sealed),
            )


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
