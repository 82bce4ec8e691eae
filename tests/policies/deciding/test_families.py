"""The tests that share an item's error are the item's own; Holm is worked out by hand."""

from __future__ import annotations

import pytest

from evenhand.audit.finding import Finding
from evenhand.audit.run.run import within_budget
from evenhand.policies.deciding.families import family
from tests.policies.build import check, item, make_case, make_pack, only
from tests.samples import finding

RULE = make_pack(
    item(
        evidence={"select": "fairness.adverse_impact_ratio", "group_by": [["race"], ["sex"]]},
        check=check(threshold=0.8, unit="ratio", decision="point", companion_test={"alpha": 0.05}),
    )
)


def ratio(feature: str, level: str, p: float, value: float = 0.5, covers: int = 1) -> Finding:
    group = {feature: level}
    more = {"group": group, "p_value": p, "p_covers": covers, "unit": "ratio"}
    return finding("fairness.four_fifths", "adverse_impact_ratio", value, 0.3, 0.7, **more)


def junk(n: int) -> list[Finding]:
    """Tests of features that nobody asked about, none of which finds anything."""
    more = {"p_value": 0.9, "unit": "rate difference"}
    name = "selection_rate_difference_to_rest"
    return [
        finding("fairness.group_tests", name, 0.0, -0.1, 0.1, group={f"junk{i}": "a"}, **more)
        for i in range(n)
    ]


def test_holm_over_the_items_own_tests_by_hand() -> None:
    """Sorted .011 .03 .04 .2, times 4 3 2 1, never falling: .044 .09 .09 .2."""
    ps = {"a": 0.011, "b": 0.04, "c": 0.03, "d": 0.2}
    found = [ratio("race", level, p) for level, p in ps.items()]
    adjusted, size = family(found)
    assert size == 4
    by_level = {f.group["race"]: adjusted[f.id] for f in found}
    assert by_level == pytest.approx({"a": 0.044, "b": 0.09, "c": 0.09, "d": 0.2})


def test_a_table_that_was_adjusted_as_a_whole_is_one_test() -> None:
    """Race's p-values hold for its three groups already, sex has one test: two tests in all.

    Each of race's is doubled; sex, .02, is smaller than 1 of 2 only: 2 x .02 = .04.
    """
    race = [
        ratio("race", level, p, covers=3) for level, p in zip("abc", (0.01, 0.03, 0.6), strict=True)
    ]
    adjusted, size = family([*race, ratio("sex", "f", 0.02)])
    assert size == 2
    assert list(adjusted.values()) == pytest.approx([0.02, 0.06, 1.0, 0.04])


def test_what_is_explored_beside_a_rule_does_not_dilute_it() -> None:
    """p = .011 fails with 180 further tests as it does alone; over all 181 it would be 1."""
    asked = [ratio("race", "b", 0.011), ratio("sex", "f", 0.7, value=0.95)]
    alone = make_case(*within_budget(asked, "holm"), sensitive_features=["race", "sex"])
    many = within_budget([*asked, *junk(179)], "holm")
    assert many[0].p_value == pytest.approx(1.0) and many[0].p_unadjusted == 0.011
    first, second = only(RULE, alone), only(RULE, make_case(*many))
    assert (first.status, first.because) == (second.status, second.because)
    assert first.status == "fail"
    assert "p = 0.022, below 0.05, Holm over the 2 tests of this item" in first.because["en"]
    assert "按本项的 2 个检验作 Holm 校正" in first.because["zh"]


def test_groups_that_an_item_leaves_out_are_not_in_its_family() -> None:
    """Of 1,000 people 15 are under 2 %: their test neither decides nor costs the other anything."""
    small = {"min_group_share": 0.02, "on_small": "exclude-and-report"}
    rule = make_pack(
        item(
            evidence={"select": "fairness.adverse_impact_ratio", "group_by": [["race"]]},
            check=check(
                threshold=0.8,
                unit="ratio",
                decision="point",
                companion_test={"alpha": 0.05},
                **small,
            ),
        )
    )
    table = {"counts": {"table": 1000}, "unit": "ratio"}
    name = ("fairness.four_fifths", "adverse_impact_ratio")
    big = finding(*name, 0.5, 0.3, 0.7, group={"race": "b"}, n=300, p_value=0.03, **table)
    few = finding(*name, 0.1, 0.0, 0.7, group={"race": "c"}, n=15, p_value=0.04, **table)
    assert only(rule, make_case(big, few)).status == "fail"  # .03, not 2 x .03


def test_a_pack_may_let_each_test_stand_alone() -> None:
    rule = make_pack(
        item(
            evidence={"select": "fairness.adverse_impact_ratio", "group_by": [["race"], ["sex"]]},
            check=check(
                threshold=0.8,
                unit="ratio",
                decision="point",
                companion_test={"alpha": 0.05, "family": "none"},
            ),
        )
    )
    verdict = only(rule, make_case(ratio("race", "b", 0.04), ratio("sex", "f", 0.9, value=0.9)))
    assert verdict.status == "fail" and "Holm" not in verdict.because["en"]
