"""Where the model is used, and which packs then apply: each with what it depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from evenhand.audit.proposing.looking import Looked
from evenhand.audit.proposing.outcome import kind_of
from evenhand.audit.proposing.people import features
from evenhand.audit.proposing.proposal import NONE, Choice, OpenQuestion, PackFit
from evenhand.audit.proposing.words import question
from evenhand.audit.reason import Reason, because, listed
from evenhand.policies.deciding.conditions import FactError, applies, defaults
from evenhand.policies.facts import AskedFact, asked, missing, written
from evenhand.policies.pack import load_pack, shipped_packs
from evenhand.policies.schema import Pack
from evenhand.policies.words import texts

PLACES, DOMAIN = "system.places", "system.domain"
ANYWHERE = "INT"
_FIRST = (PLACES, DOMAIN)  # what the other questions hang on
BASELINE = "baseline"


@cache
def _packs() -> tuple[Pack, ...]:
    return tuple(load_pack(name) for name in shipped_packs())


def facts_known(look: Looked, known: Mapping[str, Any]) -> dict[str, Any]:
    """What packs may ask: what is declared, and what the audit will find out."""
    kind = kind_of(look, known)
    return {
        **({"subject.task": kind} if kind else {}),
        "subject.has_model": look.model is not None,
        "subject.has_labels": known.get("target") is not None,
        "subject.sensitive_features": features(known),
        "subject.positive_is": known.get("positive_is") or "undeclared",
        "subject.is_private": bool(look.says.get("privacy")),
        **{k: v for k, v in (known.get("facts") or {}).items() if v is not None},
    }


def facts(look: Looked, known: Mapping[str, Any]) -> list[OpenQuestion]:
    """Facts to ask for next: place and purpose first, then what the packs of that place ask."""
    stated = known.get("facts") or {}
    first = [f for f in _FIRST if f not in stated]
    if first:
        return [_question(fact) for fact in first]
    facts_now = facts_known(look, known)
    wanted: dict[str, None] = {}
    for pack in _packs():
        if _is_of(pack, stated.get(PLACES)):
            wanted.update(dict.fromkeys(one.fact for one in missing(pack, facts_now)))
    return [_question(fact) for fact in wanted if fact not in stated]


def open_facts(packs: Iterable[PackFit], stated: Mapping[str, Any]) -> list[OpenQuestion]:
    """What packs ask that apply or may, and nobody declared; place and purpose first. Of a pack
    that only may apply, what decides whether it does."""
    wanted: dict[str, None] = dict.fromkeys(_FIRST)
    for fit in packs:
        if PLACES in stated and not _is_of(load_pack(fit.id), stated[PLACES]):
            continue
        if fit.standing == "applies":
            wanted.update(dict.fromkeys(one.fact for one in asked(load_pack(fit.id))))
        wanted.update(dict.fromkeys(fit.asks))
    return [_question(fact) for fact in wanted if fact not in stated]


def _is_of(pack: Pack, places: Any) -> bool:
    """Whether a pack is of one of these places; packs of anywhere are."""
    if pack.jurisdiction == ANYWHERE:
        return True
    listed_places = [places] if isinstance(places, str) else places or []
    return any(
        str(place) == pack.jurisdiction or str(place).startswith(f"{pack.jurisdiction}-")
        for place in listed_places
    )


@cache
def _by_fact() -> Mapping[str, list[AskedFact]]:
    found: dict[str, list[AskedFact]] = {}
    for pack in _packs():
        for one in asked(pack):
            found.setdefault(one.fact, []).append(one)
    return found


def _question(fact: str) -> OpenQuestion:
    by = _by_fact()[fact]
    values = list(dict.fromkeys(value for one in by for value in one.values))
    if fact == PLACES:
        own = sorted({p.jurisdiction for p in _packs()} - {ANYWHERE})
        values = list(dict.fromkeys([*values, *own]))
    longest = max(by, key=lambda one: len(one.question.get("en", "")))
    return OpenQuestion(
        key=f"facts.{fact}",
        text=longest.question,
        option=f"--fact {fact}=",
        choices=tuple(Choice(written(value)) for value in values),
    )


def fits(look: Looked, known: Mapping[str, Any]) -> tuple[PackFit, ...]:
    """Every shipped pack, those that apply first."""
    facts_now = facts_known(look, known)
    bound = {role for role, columns in (known.get("roles") or {}).items() if columns}
    found = [_fit(pack, facts_now, bound) for pack in _packs()]
    order = ("applies", "depends", "does-not-apply")
    return tuple(sorted(found, key=lambda fit: order.index(fit.standing)))


def _fit(pack: Pack, facts_now: Mapping[str, Any], bound: Iterable[str]) -> PackFit:
    needed = dict.fromkeys(role for item in pack.items for role in item.binds if not _any(item))
    lacks = tuple(role for role in needed if role not in set(bound))
    asks = pack.applies_when.facts() if pack.applies_when else frozenset()
    told = {**defaults(pack), **facts_now}
    try:
        holds = applies(pack.applies_when, told)
    except FactError as error:
        why = because("init-pack-depends", facts=list(error.missing or sorted(asks)))
        return PackFit(pack.id, texts(pack.title), "depends", why, tuple(error.missing), lacks)
    said = [_stands(fact, told) for fact in sorted(asks) if fact in told]
    if pack.applies_when is None:
        why = because("init-pack-for-anyone")
    elif holds:
        why = because("init-pack-applies", facts=listed(said))
    else:
        why = because("init-pack-does-not", facts=listed(said))
    return PackFit(
        pack.id, texts(pack.title), "applies" if holds else "does-not-apply", why, (), lacks
    )


def _any(item: Any) -> bool:
    return bool(item.selects and item.selects.any_role)


def _stands(fact: str, told: Mapping[str, Any]) -> Reason:
    return because("init-fact-is", fact=fact, value=written(told[fact]))[0]


def policy(look: Looked, known: Mapping[str, Any]) -> OpenQuestion:
    """The packs that judge: the baseline, and those that apply by what was declared."""
    declared = {k for k, v in (known.get("facts") or {}).items() if v is not None}
    found = {fit.id: fit for fit in fits(look, known) if fit.standing == "applies"}
    by_declared = [
        pack.id
        for pack in _packs()
        if pack.id in found and pack.applies_when and pack.applies_when.facts() & declared
    ]
    chosen = [p for p in (BASELINE, *by_declared) if p in found]
    why = [because("named", name=name, why=found[name].why)[0] for name in chosen]
    return question(
        "policy",
        because("init-ask-policy"),
        choices=[Choice(name) for name in found],
        proposed=chosen or NONE,
        evidence=because("listed", names=listed(why, 12)) if why else because("init-no-pack"),
    )
