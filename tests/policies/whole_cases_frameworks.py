"""The whole cases of laws and frameworks of many items; see ``whole_cases``."""

from __future__ import annotations

from tests.policies.whole_cases import ENERGY, LEDGER, SEX, WholeCase, gap, num, sexes

# One sound binary model, measured on 1,000 rows of two sexes.
SOUND = [
    *LEDGER,
    num("plan.declared_lead_time", 3.0, 0.0),
    num("data.row_count", 1000, 0.0),
    num("data.dropped_row_count", 0, 0.0),
    num("data.missing_rate", 0.01, 0.005, column="income"),
    gap("data.representation_distance", 0.03, 0.02),
    num("performance.accuracy_score", 0.9),
    num("performance.balanced_accuracy_score", 0.85, 0.02),
    num("performance.loss_generalisation_gap", 0.02),
    *sexes("fairness.selection_rate", 0.38, 0.40),
    *sexes("fairness.accuracy_score", 0.90, 0.90),
    *sexes("fairness.expected_calibration_error", 0.02, 0.03),
    gap("fairness.demographic_parity_difference", 0.02),
    gap("fairness.equalized_odds_difference", 0.04, 0.02),
    num("fairness.counterfactual_flip_rate", 0.0, 0.0, column="sex"),
    num("fairness.confirmed_error_lift", 0.0),
    num("explanation.mean_absolute_attribution", 0.1, column="income"),
    num("explanation.completeness_gap", 0.001, 0.0005),
    num("explanation.deletion_gain", 0.2, 0.02),
    num("explanation.seed_rank_correlation", 0.97),
    num("explanation.noise_top_k_overlap", 0.95),
    num("explanation.without_reason_rate", 0.0, 0.0),
    num("explanation.reason_fidelity", 0.98),
    num("explanation.no_recourse_rate", 0.05),
    num("robustness.inconsistent_answer_rate", 0.0, 0.0),
    *[num(f"energy.{k}", v, 0.0) for k, v in ENERGY.items()],
]
# The same questions, answered badly.
POOR = [
    num("plan.declared_lead_time", None),
    num("data.row_count", 90, 0.0),
    num("data.dropped_row_count", 7, 0.0),
    num("data.missing_rate", 0.30, 0.03, column="income"),
    gap("data.representation_distance", 0.25, 0.02),
    num("performance.accuracy_score", 0.70),
    num("performance.balanced_accuracy_score", 0.45, 0.02),
    num("performance.loss_generalisation_gap", 0.5),
    *sexes("fairness.selection_rate", 0.2, 0.6, n=45),
    *sexes("fairness.accuracy_score", 0.60, 0.80, n=45),
    *sexes("fairness.expected_calibration_error", 0.2, 0.1),
    gap("fairness.demographic_parity_difference", 0.40),
    gap("fairness.equalized_odds_difference", 0.12, 0.05),
    num("fairness.counterfactual_flip_rate", 0.1, column="sex"),
    num("fairness.confirmed_error_lift", 0.4),
    num("explanation.mean_absolute_attribution", None),
    num("explanation.completeness_gap", 0.2),
    num("explanation.deletion_gain", -0.1, 0.02),
    num("explanation.seed_rank_correlation", 0.3),
    num("explanation.noise_top_k_overlap", 0.4),
    num("explanation.without_reason_rate", 0.2),
    num("explanation.reason_fidelity", 0.6),
    num("explanation.no_recourse_rate", 0.6),
    num("robustness.inconsistent_answer_rate", 0.02),
    *[num(f"energy.{k}", None) for k in ENERGY],
]
LIMITS = {"accuracy_min": 0.85}
PLAIN = {**SEX, "subject.is_private": False}


def pair(
    pack: str,
    facts: dict[str, object],
    good: dict[str, str],
    bad: dict[str, str],
    good_rest: str = "attested",
    bad_rest: str = "needs-attestation",
) -> list[WholeCase]:
    """The sound private model, signed; the poor plain one, unsigned."""
    return [
        WholeCase(
            pack,
            "sound, private, signed",
            SOUND,
            good,
            good_rest,
            {**SEX, **facts},
            LIMITS,
            signed=True,
        ),
        WholeCase(pack, "poor, plain, unsigned", POOR, bad, bad_rest, {**PLAIN, **facts}, LIMITS),
    ]


EU = pair(
    "eu-ai-act-high-risk",
    {"system.eu_risk": "high-annex-iii", "system.public_service": True},
    {
        "EUAIA-9-8": "pass",  # committed three days before
        "EUAIA-10-2f": "pass",  # 500 people a group, 100 asked for
        "EUAIA-10-2g": "attested",  # 0.06 at most of 0.10
        "EUAIA-10-3": "attested",  # 0.05 at most of 0.10
        "EUAIA-10-3e": "pass",  # 0.01 of 0.05
        "EUAIA-13": "pass",  # 0.89 at least, 0.85 declared
        "EUAIA-13g": "pass",
        "EUAIA-13e": "pass",  # 0.18 at least, above 0
        "EUAIA-15-1": "pass",  # 0.83 at least, above 0.5
        "EUAIA-15-9r": "not-applicable",  # no number is predicted
        "EUAIA-15-9": "pass",  # 0.03 at most of 0.10
    },
    {
        "EUAIA-9-8": "inconclusive",  # no commit: undefined
        "EUAIA-10-2f": "inconclusive",  # 45 people a group are too few
        "EUAIA-10-2g": "inconclusive",  # 0.07 to 0.17 spans 0.10
        "EUAIA-10-3": "fail",  # 0.23 at least of 0.10
        "EUAIA-10-3e": "fail",
        "EUAIA-13": "fail",  # 0.71 at most, 0.85 declared
        "EUAIA-13g": "inconclusive",
        "EUAIA-13e": "fail",  # -0.08 at most
        "EUAIA-15-1": "fail",  # 0.47 at most
        "EUAIA-15-9r": "not-applicable",  # no number is predicted
        "EUAIA-15-9": "warn",  # a "should"
    },
)
GDPR = pair(
    "eu-gdpr-ml",
    {"system.personal_data_eu": True},
    {
        "GDPR-5-1af": "attested",  # 0.03 at most of 0.10
        "GDPR-5-1c": "pass",
        "GDPR-5-1d": "pass",
        "GDPR-5-1f": "pass",  # 4 of 10
        "GDPR-5-2": "pass",
        "GDPR-22": "attested",  # nobody without reasons
        "GDPR-15-1h": "pass",  # 0.97 at least
        "GDPR-22-4": "not-applicable",  # sex is no special category of Article 9
        "GDPR-25": "pass",
    },
    {
        "GDPR-5-1af": "fail",  # 0.39 at least
        "GDPR-5-1c": "fail",  # undefined
        "GDPR-5-1d": "fail",
        "GDPR-5-1f": "not-applicable",  # not private
        "GDPR-5-2": "inconclusive",
        "GDPR-22": "fail",  # a fifth without reasons
        "GDPR-15-1h": "fail",  # 0.61 at most
        "GDPR-22-4": "not-applicable",
        "GDPR-25": "not-applicable",
    },
)
RMF = pair(
    "nist-ai-rmf",
    {},
    {
        "MAP-2.3": "pass",
        "MEASURE-1.1": "attested",
        "MEASURE-2.1": "pass",
        "MEASURE-2.3": "pass",  # 0.89 at least, 0.85 declared
        "MEASURE-2.5r": "not-applicable",  # no number is predicted
        "MEASURE-2.5": "pass",
        "MEASURE-2.9": "attested",
        "MEASURE-2.10": "pass",
        "MEASURE-2.11": "attested",
        "MEASURE-2.12": "pass",
        "MEASURE-2.13": "pass",  # 0.001 of 0.05
        "MEASURE-4.2": "pass",  # 0.08 at most of 0.20
    },
    {
        "MAP-2.3": "warn",  # 7 rows lost; the framework is voluntary, all are "should"
        "MEASURE-1.1": "inconclusive",
        "MEASURE-2.1": "pass",  # there is a row count
        "MEASURE-2.3": "warn",
        "MEASURE-2.5r": "not-applicable",  # no number is predicted
        "MEASURE-2.5": "warn",
        "MEASURE-2.9": "warn",
        "MEASURE-2.10": "not-applicable",
        "MEASURE-2.11": "inconclusive",  # 0.07 to 0.17 spans 0.10
        "MEASURE-2.12": "warn",  # undefined
        "MEASURE-2.13": "warn",
        "MEASURE-4.2": "warn",  # 0.35 at least
    },
)
MRM = pair(
    "us-mrm-sr26-2",
    {"system.sector": "banking"},
    {
        "MRM-02": "attested",
        "MRM-03": "pass",
        "MRM-04r": "not-applicable",  # no number is predicted
        "MRM-04": "pass",
        "MRM-05": "pass",  # 0.04 at most of 0.05
        "MRM-06": "pass",
        "MRM-08": "inconclusive",  # no case to compare with
        "MRM-10": "attested",  # 1,000 of 1,000 rows
    },
    {
        "MRM-02": "warn",
        "MRM-03": "warn",
        "MRM-04r": "not-applicable",  # no number is predicted
        "MRM-04": "warn",
        "MRM-05": "warn",
        "MRM-06": "warn",
        "MRM-08": "inconclusive",
        "MRM-10": "warn",
    },
)
ISO = pair(
    "iso-42001-annex-a",
    {},
    {
        "A.4.3": "pass",
        "A.4.5": "pass",
        "A.5.4": "attested",
        "A.6.2.4": "attested",
        "A.6.2.6r": "not-applicable",  # no number is predicted
        "A.6.2.6": "pass",
        "A.6.2.7": "pass",
        "A.7.4": "attested",
        "A.7.5": "pass",
    },
    {
        "A.4.3": "pass",
        "A.4.5": "warn",
        "A.5.4": "warn",
        "A.6.2.4": "warn",
        "A.6.2.6r": "not-applicable",  # no number is predicted
        "A.6.2.6": "warn",
        "A.6.2.7": "warn",
        "A.7.4": "warn",
        "A.7.5": "warn",
    },
)
SG = pair(
    "sg-ai-verify",
    {},
    {
        "SG-EXP-1": "pass",
        "SG-EXP-2": "pass",
        "SG-EXP-3": "attested",
        "SG-REP-1": "pass",  # 0.97 of 0.9
        "SG-SEC-3": "pass",
        "SG-ROB-2r": "not-applicable",  # no number is predicted
        "SG-ROB-2": "pass",
        "SG-ROB-3": "pass",
        "SG-FAI-1": "pass",
        "SG-FAI-2": "pass",
        "SG-FAI-4": "attested",
        "SG-DAT-1": "pass",
        "SG-INC-1": "pass",
    },
    {
        "SG-EXP-1": "warn",
        "SG-EXP-2": "warn",
        "SG-EXP-3": "warn",
        "SG-REP-1": "warn",
        "SG-SEC-3": "not-applicable",
        "SG-ROB-2r": "not-applicable",  # no number is predicted
        "SG-ROB-2": "warn",
        "SG-ROB-3": "warn",
        "SG-FAI-1": "warn",
        "SG-FAI-2": "inconclusive",
        "SG-FAI-4": "warn",
        "SG-DAT-1": "warn",
        "SG-INC-1": "warn",
    },
)
PIPL = pair(
    "cn-pipl-automated-decision",
    {"system.personal_data_of_cn": True},
    {
        "PIPL-24-1": "pass",
        "PIPL-24-1e": "pass",
        "PIPL-24-1c": "pass",
        "PIPL-24-1t": "pass",
        "PIPL-24-3": "attested",
        "PIPL-24-4": "pass",  # 0.06 at most of 0.20
        "PIPL-51": "pass",
        "PIPL-8": "pass",
    },
    {
        "PIPL-24-1": "fail",
        "PIPL-24-1e": "inconclusive",
        "PIPL-24-1c": "fail",
        "PIPL-24-1t": "fail",
        "PIPL-24-3": "fail",
        "PIPL-24-4": "warn",
        "PIPL-51": "not-applicable",
        "PIPL-8": "fail",
    },
)
RECOMMEND = pair(
    "cn-algorithm-recommendation",
    {"service.recommends_in_cn": True},
    {
        "CNREC-08": "attested",  # 1,000 of 1,000 rows
        "CNREC-12": "pass",
        "CNREC-12s": "pass",  # 0.94 at least of 0.8
        "CNREC-21": "attested",
        "CNREC-21g": "pass",
    },
    {
        "CNREC-08": "fail",
        "CNREC-12": "fail",
        "CNREC-12s": "fail",
        "CNREC-21": "fail",
        "CNREC-21g": "fail",
    },
)
LABELS = pair(
    "cn-deep-synthesis-and-labels",
    {"service.synthesises_in_cn": True},
    {"CNLABEL-12": "pass"},
    {"CNLABEL-12": "fail"},  # 90 of 300 rows
)
GENAI = pair(
    "cn-genai-interim-measures",
    {"system.kind": "generative", "service.public_in_cn": True},
    {
        "CNGEN-12": "pass",
        "CNGEN-16": "attested",  # epsilon 2.9 of 10
        "CNGEN-17": "not-applicable",  # trained privately
    },
    {
        "CNGEN-12": "warn",
        "CNGEN-16": "not-applicable",
    },
)
BASELINE = pair(
    "baseline",
    {},
    {
        "BASE-DATA-1": "pass",
        "BASE-DATA-2": "pass",
        "BASE-DATA-3": "pass",
        "BASE-DATA-4": "inconclusive",  # the groups were not counted
        "BASE-DATA-5": "inconclusive",  # whether rows were trained on, neither
        "BASE-DATA-6": "inconclusive",
        "BASE-PERF-1": "pass",
        "BASE-PERF-2": "pass",
        "BASE-FAIR-1": "pass",
        "BASE-FAIR-2": "pass",
        "BASE-FAIR-3": "not-applicable",  # one feature
        "BASE-PRIV-1": "pass",
        "BASE-PRIV-2": "inconclusive",  # delta itself was not measured
        "BASE-EXPL-1": "pass",
        "BASE-EXPL-2": "attested",
        "BASE-SAFE-1": "pass",  # none of the rows asked again
    },
    {
        "BASE-DATA-1": "fail",  # 90 of 100 rows
        "BASE-DATA-2": "warn",
        "BASE-DATA-3": "fail",
        "BASE-DATA-4": "inconclusive",
        "BASE-DATA-5": "inconclusive",
        "BASE-DATA-6": "inconclusive",
        "BASE-PERF-1": "fail",
        "BASE-PERF-2": "fail",
        "BASE-FAIR-1": "fail",
        "BASE-FAIR-2": "inconclusive",
        "BASE-FAIR-3": "not-applicable",
        "BASE-PRIV-1": "not-applicable",
        "BASE-PRIV-2": "not-applicable",
        "BASE-EXPL-1": "warn",
        "BASE-EXPL-2": "inconclusive",  # undefined, and nobody signed
        "BASE-SAFE-1": "fail",  # 2 % of 0
    },
)
ALL = [*EU, *GDPR, *RMF, *MRM, *ISO, *SG, *PIPL, *RECOMMEND, *LABELS, *GENAI, *BASELINE]
