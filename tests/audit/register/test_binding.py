"""What statements are bound to: each answers there, and nowhere else."""

from __future__ import annotations

import itertools

import pytest

from evenhand.audit.errors import InputError
from evenhand.audit.register.binding import REACHES, About, Binding, Reach, bind, new_names

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
HERE = About(case=A, model=B, has_model=True, system="Loan desk", organisation="Acme")
NAMELESS = About(case=A, model=B, has_model=True)


def test_each_holds_where_it_says_and_nowhere_else() -> None:
    """Four cases that differ from ours in one part each: a statement of a reach answers for just
    those that agree in the part it is bound to."""
    parts = {"case": "sha256:" + "1" * 64, "model": "sha256:" + "2" * 64}
    parts |= {"system": "Chat", "organisation": "Other"}
    for reach, changed in itertools.product(REACHES, REACHES):
        statement = bind(HERE, "organisation", to=reach)
        other = About(**{**HERE.__dict__, changed: parts[changed]})
        assert statement.holds(HERE)
        assert statement.holds(other) == (reach != changed), (reach, changed)


def test_who_names_nothing_is_answered_by_no_name() -> None:
    for reach in ("system", "organisation"):
        assert not bind(HERE, "organisation", to=reach).holds(NAMELESS)
    assert Binding(to="system", name=" loan  DESK").holds(HERE)  # spaces and case do not matter


@pytest.mark.parametrize(
    ("widest", "here", "given", "expected"),
    [
        ("model", HERE, {}, "model"),
        ("system", HERE, {}, "system"),
        ("organisation", HERE, {}, "organisation"),
        # what is not named is no place to answer: the model, which is always known
        ("system", NAMELESS, {}, "model"),
        ("organisation", NAMELESS, {}, "model"),
        ("system", NAMELESS, {"system": "Loan desk"}, "system"),
        ("organisation", NAMELESS, {"system": "Loan desk"}, "system"),
        ("organisation", NAMELESS, {"organisation": "Acme"}, "organisation"),
        ("system", HERE, {"to": "case"}, "case"),
    ],
)
def test_what_is_bound_to_by_default(
    widest: Reach, here: About, given: dict[str, str], expected: str
) -> None:
    found = bind(here, widest, **given)
    assert found.to == expected
    names = new_names(here, found)
    assert bool(names) == (here is NAMELESS and expected in ("system", "organisation"))


@pytest.mark.parametrize(
    ("widest", "here", "given", "said"),
    [
        ("model", HERE, {"to": "system"}, "the item is about the model"),
        ("model", HERE, {"system": "Loan desk"}, "the item is about the model"),
        ("system", HERE, {"to": "organisation"}, "the item is about the system"),
        ("system", HERE, {"system": "Chat"}, "the case is of the system 'Loan desk', not 'Chat'"),
        ("system", NAMELESS, {"to": "system"}, "no system is named"),
        ("system", NAMELESS, {"to": "model", "system": "Chat"}, "the system 'Chat' is named"),
        ("system", HERE, {"to": "everything"}, "not bound to a 'everything'"),
    ],
)
def test_what_is_refused(widest: Reach, here: About, given: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        bind(here, widest, **given)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "body",
    [
        {"to": "model"},
        {"to": "model", "digest": "*"},
        {"to": "model", "digest": A, "name": "x"},
        {"to": "system"},
        {"to": "system", "name": "  "},
        {"to": "system", "name": "x", "digest": A},
        {"to": "all", "name": "x"},
    ],
)
def test_what_is_no_binding(body: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        Binding.model_validate(body)


def test_it_is_said_in_words() -> None:
    assert bind(HERE, "system").words("zh") == "系统“Loan desk”"
    assert bind(HERE, "model").words("en", HERE) == f"the model sha256:{'b' * 12}…"
    stored = About(case=A, model=B, has_model=False)
    assert bind(stored, "model").words("en", stored) == f"the data sha256:{'b' * 12}…"
    assert bind(HERE, "case").reach("en").endswith("it answers for this case, and for no other")
