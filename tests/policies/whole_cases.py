"""Two whole cases per shipped pack, with the verdicts worked out by hand.

A case is a list of measured numbers; ``expected`` names every item that is not decided
by attestation alone, with the arithmetic in the comment; ``rest`` is what all other items must be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from evenhand.audit.finding import Finding, finding_id
from tests.samples import finding


@dataclass(frozen=True)
class WholeCase:
    """One case and what a pack must say about it. ``signed``: all attestations are on file."""

    pack: str
    name: str
    findings: list[Finding]
    expected: dict[str, str]
    rest: str
    facts: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, float] = field(default_factory=dict)
    roles: dict[str, list[str]] = field(default_factory=lambda: {"sex": ["sex"]})
    signed: bool = False
    register: list[Any] = field(default_factory=list)


# As the checks state them; all others are rates.
UNITS = {
    "data.dropped_row_count": "row",
    "data.group_count": "row",
    "data.representation_distance": "share",
    "data.row_count": "row",
    "data.target_copy_count": "column",
    "energy.training_carbon": "g CO2e",
    "energy.training_energy": "joule",
    "energy.training_energy_measured": "indicator",
    "explanation.completeness_gap": "probability",
    "explanation.reason_fidelity": "share",
    "explanation.reason_fidelity_lift": "share",
    "explanation.reason_stability": "share",
    "explanation.seed_rank_correlation": "correlation",
    "fairness.adverse_impact_ratio": "ratio",
    "fairness.flip_one_ratio": "ratio",
    "fairness.confirmed_error_lift": "rate difference",
    "performance.loss_generalisation_gap": "nat",
    "plan.declared_lead_time": "day",
    "privacy.epsilon_over_lower_limit": "ratio",
    "privacy.composed_epsilon": "epsilon",
    "privacy.declared_delta": "delta",
    "privacy.declared_epsilon": "epsilon",
    "privacy.expected_catastrophe_count": "row",
    "privacy.uncertified_reason_count": "reason",
}


def num(select: str, value: float | None, half: float = 0.01, **more: Any) -> Finding:
    """A measured number of 1,000 rows, plus or minus ``half``; None is undefined."""
    family, _, measure = select.partition(".")
    more.setdefault("n", 1000)
    more.setdefault("unit", UNITS.get(select, "rate"))
    if value is None:
        return finding(f"{family}.x", measure, None, reason="no rows", **more)
    return finding(f"{family}.x", measure, value, value - half, value + half, **more)


def sexes(select: str, f: float | None, m: float | None, **more: Any) -> list[Finding]:
    """The same number for two groups of 500 people."""
    more.setdefault("n", 500)
    return [
        num(select, f, group={"sex": "f"}, **more),
        num(select, m, group={"sex": "m"}, **more),
    ]


def by_race(found: list[Finding]) -> list[Finding]:
    """The same numbers once more for race: b has those of the women, w those of the men."""
    other = {"f": "b", "m": "w"}
    parts = [f.model_dump(exclude={"id"}) for f in found]
    for part in parts:
        part["group"] = {"race": other[part["group"]["sex"]]} if part["group"] else {}
        part["between"] = ["race" for _ in part["between"]]
        part["id"] = finding_id(
            part["check"], part["measure"], group=part["group"], between=tuple(part["between"])
        )
    return [*found, *(Finding.model_validate(part) for part in parts)]


def crossed(select: str, *values: float | None) -> list[Finding]:
    """A number for the crossings of sex and race, 250 people each."""
    groups = [("f", "b"), ("f", "w"), ("m", "b"), ("m", "w")]
    return [
        num(select, value, group={"sex": sex, "race": race}, n=250)
        for (sex, race), value in zip(groups, values, strict=True)
    ]


def gap(select: str, value: float | None, half: float = 0.01) -> Finding:
    return num(select, value, half, between=["sex"], counts={"groups": 2, "groups_left_out": 0})


SEX = {"subject.sensitive_features": ["sex"]}
HIRING = {**SEX, "system.domain": "hiring", "system.places": ["US-NY-NYC"]}
CREDIT = {**SEX, "system.domain": "credit"}

BOTH = {"sex": ["sex"], "race": ["race"]}
NYC = [
    WholeCase(
        "us-nyc-ll144",
        "one group selected at 0.30, the other at 0.40",
        [
            *by_race(
                [
                    # impact ratio 0.30 / 0.40 = 0.75 and, of the highest itself, 1
                    *sexes("fairness.large_group_impact_ratio", 0.75, 1.0),
                    num("fairness.unknown_count", 12, between=["sex"]),
                    num("fairness.adverse_impact_ratio", 0.75, group={"sex": "f"}, p_value=0.001),
                ]
            ),
            *crossed("fairness.large_group_impact_ratio", 0.5, 0.8, 0.9, 1.0),
        ],
        {
            "LL144-02": "pass",  # every category has its ratio; the rule sets no value
            "LL144-03": "pass",
            "LL144-04": "not-applicable",  # the tool selects, it does not score
            "LL144-05": "not-applicable",
            "LL144-06": "not-applicable",
            "LL144-08": "pass",
            "LL144-09": "warn",  # 0.75 < 0.8, p = 2 x 0.001: fails, and is a "should"
        },
        "attested",
        HIRING,
        roles=BOTH,
        signed=True,
    ),
    WholeCase(
        "us-nyc-ll144",
        "a scoring tool audited without its scores",
        [
            *by_race(
                [
                    *sexes("fairness.scoring_rate", None, None),
                    *sexes("fairness.large_group_scoring_rate_impact_ratio", 0.9, 1.0),
                    num("fairness.adverse_impact_ratio", 0.78, group={"sex": "f"}, p_value=0.3),
                ]
            ),
            *crossed("fairness.large_group_scoring_rate_impact_ratio", 0.9, 0.9, 0.9, 1.0),
        ],
        {
            "LL144-02": "not-applicable",
            "LL144-03": "not-applicable",
            "LL144-04": "fail",  # the scoring rates are undefined, and the rule asks for them
            "LL144-05": "pass",
            "LL144-06": "pass",
            "LL144-08": "inconclusive",  # nobody counted the unknown
            "LL144-09": "inconclusive",  # below four fifths, but p = 0.3 may be chance
        },
        "needs-attestation",
        {**HIRING, "system.output": "score"},
        roles=BOTH,
    ),
]
UGESP = [
    WholeCase(
        "us-ugesp-four-fifths",
        "close selection rates",
        by_race(
            [
                num("fairness.adverse_impact_ratio", 0.95, group={"sex": "f"}, p_value=0.4),
                num("fairness.flip_one_ratio", 0.96, group={"sex": "f"}),
                *sexes("fairness.selection_rate", 0.38, 0.40),
                num("fairness.unknown_count", 3, between=["sex"]),
            ]
        ),
        {
            "UGESP-01": "pass",
            "UGESP-02": "inconclusive",  # nobody measured the crossing of sex and race
            "UGESP-03": "pass",
            "UGESP-04": "pass",
            "UGESP-05": "pass",
        },
        "attested",
        HIRING,
        roles=BOTH,
        signed=True,
    ),
    WholeCase(
        "us-ugesp-four-fifths",
        "half the rate, beyond chance, and nobody said where race is",
        [
            num("fairness.adverse_impact_ratio", 0.5, group={"sex": "f"}, p_value=1e-5),
            num("fairness.flip_one_ratio", 0.51, group={"sex": "f"}),
            *sexes("fairness.selection_rate", 0.2, 0.4),
        ],
        {
            "UGESP-01": "fail",  # what fails for sex fails, whatever race would show
            "UGESP-02": "inconclusive",
            "UGESP-03": "warn",  # one more person does not reach 0.8
            "UGESP-04": "inconclusive",  # the numbers are kept for sex alone
            "UGESP-05": "inconclusive",
        },
        "needs-attestation",
        HIRING,
    ),
]
ECOA = [
    WholeCase(
        "us-ecoa-reg-b",
        "reasons that hold",
        [
            num("explanation.without_reason_rate", 0.0, 0.0),
            num("explanation.reason_fidelity", 0.98),  # 0.97 at least, 0.95 asked for
            num("explanation.reason_fidelity_lift", 0.4, 0.05),
            num("explanation.reason_stability", 0.9),
            num("explanation.sensitive_reason_rate", 0.0, 0.0, column="sex"),
            num("explanation.proxy_reason_rate", 0.02),
            num("fairness.counterfactual_flip_rate", 0.0, 0.0, column="sex"),
            *sexes("fairness.adverse_impact_ratio", 0.9, 1.0),
        ],
        {
            "ECOA-01": "pass",
            "ECOA-02": "pass",
            "ECOA-03": "pass",
            "ECOA-04": "pass",
            "ECOA-05": "pass",
            "ECOA-05a": "not-applicable",  # no column is age
            "ECOA-05b": "not-applicable",  # age is not used
            "ECOA-06": "attested",  # 0.03 at most of 0.10, and the review is on file
            "ECOA-07": "pass",
            "ECOA-08": "pass",  # 0.89 at least
        },
        "attested",
        CREDIT,
        signed=True,
    ),
    WholeCase(
        "us-ecoa-reg-b",
        "denials without reasons",
        [
            num("explanation.without_reason_rate", 0.05),
            num("explanation.reason_fidelity", 0.95),  # 0.94 to 0.96 spans 0.95
            num("explanation.reason_fidelity_lift", -0.2, 0.05),
            num("explanation.reason_stability", 0.5),
            num("explanation.sensitive_reason_rate", 0.1, column="sex"),
            num("explanation.proxy_reason_rate", 0.3),
            *sexes("fairness.adverse_impact_ratio", 0.6, 1.0),
        ],
        {
            "ECOA-01": "fail",
            "ECOA-02": "inconclusive",
            "ECOA-03": "fail",
            "ECOA-04": "warn",
            "ECOA-05": "fail",
            "ECOA-05a": "not-applicable",
            "ECOA-05b": "not-applicable",
            "ECOA-06": "fail",
            "ECOA-07": "inconclusive",  # not measured
            "ECOA-08": "warn",
        },
        "needs-attestation",
        CREDIT,
    ),
]
LEDGER = [
    num("privacy.declared_epsilon", 2.9, 0.0),
    num("privacy.expected_catastrophe_count", 0.05, 0.0),  # delta 1e-5 times 5,000 rows
    num("privacy.composed_epsilon", 4.0, 0.0),
    num("privacy.epsilon_over_lower_limit", 1.1, 0.0),  # 2.9 over 2.64
    num("privacy.uncertified_reason_count", 0, 0.0),
    num("privacy.unprotected_column_rate", 0.0, 0.0),
    num("privacy.outside_guarantee_count", 2, 0.0),
]
DP = [
    WholeCase(
        "nist-sp-800-226-dp",
        "a sound ledger",
        [*LEDGER, num("performance.balanced_accuracy_score", 0.7, 0.03)],
        {
            "DP-01": "pass",  # 2.9 of 10
            "DP-02": "pass",  # 0.05 rows of 1
            "DP-03": "pass",  # 0.05 of 0.1
            "DP-04": "pass",  # 4 of 10
            "DP-05": "pass",  # 1.1 is between 1 and 1.25
            "DP-06": "pass",
            "DP-07": "attested",  # 0 of 0, and the note is on file
            "DP-08": "pass",
            "DP-11": "inconclusive",  # accuracy by group was not measured
            "DP-12": "pass",  # 0.67 at least, above 0.5
        },
        "attested",
        SEX,
        signed=True,
    ),
    WholeCase(
        "nist-sp-800-226-dp",
        "delta above one over n, and a stored seed",
        [
            num("privacy.declared_epsilon", 20.0, 0.0),
            num("privacy.expected_catastrophe_count", 1.0, 0.0),  # delta 1e-3 times 1,000 rows
            num("privacy.composed_epsilon", None),
            num("privacy.epsilon_over_lower_limit", 0.9, 0.0),
            num("privacy.uncertified_reason_count", 1, 0.0),
            num("privacy.unprotected_column_rate", 0.5, 0.0),
            num("privacy.outside_guarantee_count", 4, 0.0),
            num("performance.balanced_accuracy_score", 0.5, 0.03),
        ],
        {
            "DP-01": "fail",
            "DP-02": "fail",  # 1 is not below 1
            "DP-03": "warn",
            "DP-04": "inconclusive",  # composition unknown
            "DP-05": "fail",  # RDP below PRV: one of them is wrong
            "DP-06": "fail",
            "DP-07": "fail",
            "DP-08": "pass",  # the list is there, whatever its length
            "DP-11": "inconclusive",
            "DP-12": "inconclusive",  # 0.47 to 0.53 spans 0.5
        },
        "needs-attestation",
        SEX,
    ),
]
ENERGY = {
    "training_energy": 900.0,
    "training_energy_measured": 0.0,
    "training_carbon": 0.12,
    "training_flops": 2e8,
}
GREEN = [
    WholeCase(
        "green-ai",
        "estimated, within a declared budget",
        [num(f"energy.{k}", v, 0.0) for k, v in ENERGY.items()],
        {
            "GREEN-01": "pass",
            "GREEN-02": "warn",  # estimated
            "GREEN-03": "pass",  # 900 of 1,000 J
            "GREEN-04": "warn",  # 0.12 of 0.10 g
            "GREEN-05": "pass",
            "GREEN-06": "inconclusive",  # no version before to compare with
        },
        "attested",
        declared={"training_energy_max_j": 1000, "training_carbon_max_g": 0.1},
        signed=True,
    ),
    WholeCase(
        "green-ai",
        "nothing on record, nothing declared",
        [num(f"energy.{k}", None) for k in ENERGY],
        {
            "GREEN-01": "warn",
            "GREEN-02": "inconclusive",
            "GREEN-03": "inconclusive",  # no budget was declared
            "GREEN-04": "inconclusive",
            "GREEN-05": "warn",
            "GREEN-06": "inconclusive",
        },
        "needs-attestation",
    ),
]
SELF = [
    WholeCase(
        "industry-self-regulation",
        "groups measured, signed",
        [*sexes("fairness.accuracy_score", 0.9, 0.88), num("data.row_count", 1000, 0.0)],
        {"SELF-06": "pass", "SELF-07": "inconclusive", "SELF-08": "pass"},
        "attested",
        SEX,
        signed=True,
    ),
    WholeCase(
        "industry-self-regulation",
        "few rows, groups unmeasured",
        [num("data.row_count", 200, 0.0)],
        {"SELF-06": "inconclusive", "SELF-07": "inconclusive", "SELF-08": "warn"},
        "needs-attestation",
        SEX,
    ),
]
PEOPLE = [
    WholeCase(
        "talent-and-training",
        "explained and signed",
        [num("explanation.mean_absolute_attribution", 0.1, column="income")],
        {"PEOPLE-03": "attested"},
        "attested",
        signed=True,
    ),
    WholeCase(
        "talent-and-training",
        "stored predictions: nothing explains them",
        [],
        {"PEOPLE-03": "not-applicable"},
        "needs-attestation",
        {"subject.has_model": False},
    ),
]
