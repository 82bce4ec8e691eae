"""No sentence contradicts its verdict: every automated item of every pack, in every status."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

import pytest

from evenhand.policies.schema import Item, Pack
from evenhand.policies.verdict import Verdict
from tests.policies.packs.every_item import automated_items, case_for, findings, limits, verdict

# How the words of a sentence read as arithmetic, written down apart from the code that makes them.
READS: dict[str, Callable[[float, float], bool]] = {
    "at least": operator.ge,
    "not below": operator.ge,
    "below": operator.lt,
    "at most": operator.le,
    "not above": operator.le,
    "above": operator.gt,
}
CHINESE = {
    "不低于": "at least",
    "低于": "below",
    "不超过": "at most",
    "不高于": "not above",
    "高于": "above",
}
NUMBER = r"-?[\d,.]*\d(?:e-?\d+)?"
STANDS = re.compile(rf", (at least|at most|not below|not above|below|above) ({NUMBER}) \(")
STANDS_ZH = re.compile(rf"，(不低于|低于|不超过|不高于|高于) ({NUMBER})（")
SHOWN = re.compile(rf"(?:: | of )({NUMBER}) \(({NUMBER}) to ({NUMBER}), n=")
OLD = re.compile(r"must be|[<>]=| it is kept|须 ")


def number(text: str) -> float:
    return float(text.replace(",", ""))


def check_one(found: Verdict) -> None:
    """The sentence's own number, its interval and its limit, against the words between them."""
    en, zh = found.because["en"], found.because["zh"]
    assert not OLD.search(en) and not OLD.search(zh), (en, zh)
    if found.decision == "present":
        assert "a number is all that is asked (" in en and "只要求有数值（" in zh
        return
    shown = SHOWN.search(en)
    assert shown is not None, en
    value, low, high = (number(part) for part in shown.groups())
    stands, stands_zh = STANDS.search(en), STANDS_ZH.search(zh)
    assert (stands is None) == (stands_zh is None), (en, zh)
    if stands is None or stands_zh is None:
        assert found.underlying not in ("pass", "fail", "attested") or (
            "between" in en or "exactly" in en
        ), en
        return
    word, limit = stands[1], number(stands[2])
    assert READS[word](value, limit), en
    assert READS[CHINESE[stands_zh[1]]](value, number(stands_zh[2])), zh
    if "as is the whole interval" in en:
        assert READS[word](low, limit) and READS[word](high, limit), en
    keeps = {">=": "at least", ">": "above", "<=": "at most", "<": "below"}[found.comparator]
    says_kept = word == keeps
    assert says_kept == (found.underlying in ("pass", "warn", "attested")), (found.underlying, en)


@pytest.mark.parametrize(("pack", "item"), list(automated_items()))
def test_words_agree_with_numbers_and_with_the_status(pack: Pack, item: Item) -> None:
    check = item.check
    assert check is not None
    if check.against is not None:
        return  # told of a change: tests of test_every_item
    for side in ("pass", "fail", "open"):
        if side == "open" and (check.decision != "bound" or len(limits(check)) != 1):
            continue
        if side == "fail" and check.decision == "present":
            continue  # there is no number
        found = verdict(pack, item, case_for(pack, item, findings(item, side)))
        check_one(found)
        if side == "open":
            assert "more rows settle it" in found.because["en"] or found.rows_needed is None
            assert " is asked (" in found.because["en"]
