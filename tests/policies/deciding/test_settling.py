"""The rates behind a gap decide how many rows would settle it."""

from __future__ import annotations

from evenhand.audit.finding import Finding
from evenhand.policies.deciding.power import rows_for_gap
from evenhand.policies.deciding.settling import cells_behind
from tests.policies.build import check, item, make_case, make_pack, only
from tests.samples import finding

CELLS = ((300, 1000), (310, 1000), (330, 1000), (280, 1000))


def rates(measure: str = "selection_rate", cells: tuple = CELLS) -> list[Finding]:
    return [
        finding(
            "fairness.group_rates",
            measure,
            k / n,
            0.0,
            1.0,
            n=n,
            group={"race": f"g{i}"},
            counts={"k": k, "n": n},
        )
        for i, (k, n) in enumerate(cells)
    ]


def gap(measure: str = "demographic_parity_difference", **counts: int) -> Finding:
    return finding(
        "fairness.gaps", measure, 0.05, 0.01, 0.11, n=4000, between=["race"], counts=counts
    )


def test_a_gap_finds_the_rates_of_its_groups() -> None:
    other = finding(
        "fairness.group_rates",
        "selection_rate",
        0.5,
        0.4,
        0.6,
        group={"sex": "F"},
        counts={"k": 50, "n": 100},
    )
    assert cells_behind(gap(groups=4), [*rates(), other]) == (CELLS,)
    # equalized odds is the larger of two gaps
    both = [*rates("true_positive_rate"), *rates("false_positive_rate", CELLS[:4])]
    assert cells_behind(gap("equalized_odds_difference"), both) == (CELLS, CELLS)


def test_where_a_group_is_missing_or_the_gap_is_of_no_rate_there_are_none() -> None:
    assert cells_behind(gap(groups=5), rates()) == ()
    assert cells_behind(gap(groups=5, groups_left_out=1), rates()) == (CELLS,)
    assert cells_behind(gap("roc_auc_score_difference"), rates()) == ()
    assert cells_behind(rates()[0], rates()) == ()


def test_the_verdict_names_the_rows_that_these_rates_ask_for() -> None:
    evidence = {"select": "fairness.demographic_parity_difference", "between": ["race"]}
    one = item(evidence=evidence, check=check("<=", 0.07))
    verdict = only(make_pack(one), make_case(gap(groups=4), *rates()))
    assert verdict.status == "inconclusive"
    # more rows are a second look, read at 99.5 %
    asked = rows_for_gap(CELLS, 0.07, 0.995, now=0.95)
    assert verdict.rows_needed == asked.sure and asked.sure > rows_for_gap(CELLS, 0.07, 0.95).sure
