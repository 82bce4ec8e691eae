"""Direct identifiers: standards' own examples, and how often chance makes one."""

from __future__ import annotations

import random
import string

import pandas as pd
import pytest

from evenhand.audit.measure.exposure.columns import exposed_columns
from evenhand.audit.measure.exposure.patterns import (
    PATTERNS,
    is_card,
    is_iban,
    is_organisation_code,
    is_resident_id,
)


@pytest.mark.parametrize(
    ("test", "text", "expected"),
    [
        # the example of GB 11643; its last character, a date that is none, a place that is none
        (is_resident_id, "11010519491231002X", True),
        (is_resident_id, "110105194912310021", False),
        (is_resident_id, "11010519491331002X", False),
        (is_resident_id, "99010519491231002X", False),
        # every first digit tells the issuer: 9 is nobody's, 62 is UnionPay's
        (is_card, "4111 1111 1111 1111", True),
        (is_card, "4111111111111112", False),
        (is_card, "9111111111111119", False),
        (is_card, "378282246310005", True),
        (is_iban, "DE89370400440532013000", True),
        (is_iban, "GB82 WEST 1234 5698 7654 32", True),
        (is_iban, "GB82WEST12345698765433", False),
        (is_iban, "GB82WEST123456987654321", False),  # a digit more than Britain has
        (is_organisation_code, "91110000600037341L", True),
        (is_organisation_code, "91110000600037342L", False),
    ],
)
def test_standards_examples(test, text: str, expected: bool) -> None:  # type: ignore[no-untyped-def]
    assert test(text) is expected


def test_the_check_character_is_recomputed_by_its_definition() -> None:
    # ISO 7064, MOD 11-2: the remainder of digits times 2^(place from the right) is 1, X being 10.
    drawn, right = random.Random(1), 0
    for _ in range(3000):
        body = f"110105{drawn.randint(1950, 2005)}0615{drawn.randint(0, 999):03d}"
        for last in "0123456789X":
            value = sum(
                (10 if c == "X" else int(c)) * 2**place
                for place, c in enumerate(reversed(body + last))
            )
            assert is_resident_id(body + last) is (value % 11 == 1)
            right += value % 11 == 1
    assert right == 3000  # one last character fits each


def test_chance_makes_no_column_of_them() -> None:
    drawn = random.Random(0)
    columns = {
        f"x{n}": ["".join(drawn.choice(string.digits) for _ in range(n)) for _ in range(400)]
        for n in (6, 9, 12, 16, 18)
    }
    columns["amount"] = [drawn.randrange(10**9, 10**12) for _ in range(400)]
    columns["price"] = [drawn.random() * 1e11 for _ in range(400)]
    columns["word"] = [f"case-{drawn.randrange(10**6)}" for _ in range(400)]
    assert exposed_columns(pd.DataFrame(columns)) == ()
    # a card's test alone would take one of ten: 16 digits, Luhn; of those few have an issuer
    hits = sum(is_card(text) for text in columns["x16"])
    assert 0 < hits < 20


def test_every_pattern_is_found_as_a_column_and_within_texts() -> None:
    numbers = range(40)
    # each is valid by construction: the last characters are searched for
    cards = [f"4{i:014d}{d}" for i in numbers for d in range(10) if is_card(f"4{i:014d}{d}")]
    people = [
        f"110105199{i % 10}0101{i:03d}{c}"
        for i in numbers
        for c in "0123456789X"
        if is_resident_id(f"110105199{i % 10}0101{i:03d}{c}")
    ]
    firms = [
        f"9111000060003{i:04d}{c}"
        for i in numbers
        for c in string.digits + string.ascii_uppercase
        if is_organisation_code(f"9111000060003{i:04d}{c}")
    ]
    ibans = [
        f"DE{check:02d}37040044{i:010d}"
        for i in numbers
        for check in range(2, 99)
        if is_iban(f"DE{check:02d}37040044{i:010d}")
    ]
    table = {
        "email": [f"p.{i}@mail.example.org" for i in numbers],
        "phone": [f"+49 170 {i:07d}" for i in numbers],
        "resident-id": people,
        "iban": ibans,
        "organisation": firms,
        "social-security": [f"078-05-{i + 1:04d}" for i in numbers],
        "card": cards,
    }
    assert {len(cells) for cells in table.values()} == {40}
    frame = pd.DataFrame({f"c{place}": cells for place, cells in enumerate(table.values())})
    assert [one.kind for one in exposed_columns(frame)] == list(table)
    assert sorted(table) == sorted(p.kind for p in PATTERNS)
    within = [p.kind for p in PATTERNS if p.within is not None]
    for kind in within:
        notes = pd.DataFrame(
            {"n": ["nothing to see"] * 39 + [f"please ask ({table[kind][0]}) now"]}
        )
        (one,) = exposed_columns(notes)
        assert (one.kind, one.told_by, one.n_cells, one.n) == (kind, "texts", 1, 40)
    # numbers as numbers are told as well
    (one,) = exposed_columns(pd.DataFrame({"nr": [int(c) for c in cards]}))
    assert one.kind == "card"


def test_names_of_columns_tell_what_no_pattern_does() -> None:
    people = [f"Person {chr(65 + i)}" for i in range(20)]
    frame = pd.DataFrame({"lastName": people, "姓名": people, "rename": people, "filename": people})
    told = [(one.column, one.kind, one.told_by) for one in exposed_columns(frame)]
    assert told == [("lastName", "person-name", "name"), ("姓名", "person-name", "name")]
    # three products are no people
    assert exposed_columns(pd.DataFrame({"name": ["a", "b", "c"] * 20})) == ()
