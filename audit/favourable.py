"""Which prediction is good for the person it is about: one answer for everything that asks.

Whatever takes a higher rate for better (impact ratios, benefits, orders from worst to best) means
the rate of the favourable outcome. That is being predicted positive where ``positive_is`` says
benefit, and not being so where it says burden. Undeclared, it is asked for, never assumed.

``harm_end`` says of every measure which end of it is harm. Whatever orders numbers, or calls one
worse than another, asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal, Protocol

from evenhand.audit.errors import MissingNeed
from evenhand.audit.reason import because


class Declares(Protocol):
    """What declares a meaning of the positive label: a subject, or its record in a case."""

    @property
    def positive_is(self) -> str | None:
        """``benefit``, ``burden`` or None."""


@dataclass(frozen=True)
class Favourable:
    """The favourable outcome: being predicted positive, or (``is_selection`` False) not being so.

    For a regression task, a high value or a low one.
    """

    is_selection: bool

    def cases(self, selected: int, n: int) -> int:
        """How many of ``n`` people have it, ``selected`` of whom are predicted positive.

        >>> Favourable(is_selection=False).cases(25, 100)
        75
        """
        return selected if self.is_selection else n - selected

    def method(self, method: str) -> str:
        """The method, with what was counted where that is not the selected."""
        return method if self.is_selection else f"favourable: not being selected; {method}"

    def counts(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Counts under names that say who was counted.

        >>> Favourable(is_selection=False).counts({"selected": 75, "assessed": 100})
        {'not_selected': 75, 'assessed': 100}
        """
        return dict(counts) if self.is_selection else {_NOT.get(k, k): v for k, v in counts.items()}


_NOT = {"selected": "not_selected", "highest_selected": "highest_not_selected"}


def as_selected(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts of a ratio under the names of the selected, whichever outcome is favourable."""
    back = {renamed: name for name, renamed in _NOT.items()}
    return {back.get(k, k): v for k, v in counts.items()}


def declared_favourable(subject: Declares) -> Favourable | None:
    """The favourable outcome as the subject declares it; None where it doesn't."""
    is_selection = {"benefit": True, "burden": False}.get(str(subject.positive_is))
    return None if is_selection is None else Favourable(is_selection)


def favourable(subject: Declares) -> Favourable:
    """The same. Raises MissingNeed where it is not declared."""
    found = declared_favourable(subject)
    if found is None:
        raise MissingNeed(because("adverse-not-declared"))
    return found


# low, high: the harmful end. both: away from the best value, whichever way. declared: to have more
# of it is what the positive label is, a benefit or a burden. none: it says nothing of better or
# worse (a count, a description of the data).
End = Literal["low", "high", "both", "declared", "none"]
# Pattern of the measure's name -> its end; the first that fits counts.
_ENDS: tuple[tuple[str, End], ...] = (
    ("*_difference_to_rest", "both"),
    ("representation_difference", "both"),
    ("mean_calibration_gap", "both"),
    ("calibration_*", "both"),
    ("mean_error", "both"),
    ("error_quantile_*", "both"),
    ("epsilon_over_lower_limit", "both"),
    ("*impact_ratio", "low"),
    ("flip_one_ratio", "low"),
    ("selections_to_four_fifths", "high"),
    ("*_difference*", "high"),
    ("*_ratio", "low"),
    ("*_ratio_*", "low"),
    *((name, "declared") for name in ("selection_rate", "scoring_rate", "top_k_selection_rate")),
    *((name, "declared") for name in ("relative_exposure", "mean_prediction")),
    *((name, "none") for name in ("prevalence", "label_rate", "group_share", "reason_share")),
    *((name, "none") for name in ("recourse_share", "needs_sensitive_feature")),
    ("mean_absolute_attribution", "none"),
    *((name, "high") for name in ("missing_rate", "dropped_row_count", "unknown_count")),
    *((name, "high") for name in ("worst_groups_confirmed", "composed_run_count")),
    *((name, "high") for name in ("expected_catastrophe_count", "uncertified_reason_count")),
    *((name, "high") for name in ("outside_guarantee_count", "proxy_left_out_count")),
    *((f"{kind}_*", "high") for kind in ("membership", "leakage", "pooled_leakage")),
    *((f"{kind}_identifier_count", "high") for kind in ("direct", "published")),
    ("direct_identifier_rate", "high"),
    *((name, "high") for name in ("unique_rate", "small_class_rate", "t_closeness")),
    *((name, "low") for name in ("k_anonymity", "l_diversity", "entropy_l_diversity")),
    ("*count", "none"),
    ("groups_searched", "none"),
    *((name, "low") for name in ("accuracy_score", "balanced_accuracy_score", "precision_score")),
    *((name, "low") for name in ("recall_score", "f1_score", "r2_score", "ndcg_score")),
    *((name, "low") for name in ("true_positive_rate", "true_negative_rate")),
    *((name, "low") for name in ("negative_predictive_value", "consistency_score")),
    ("proxy_auc", "high"),
    ("*_auc", "low"),
    ("roc_auc_score", "low"),
    *((f"false_{kind}_rate", "high") for kind in ("positive", "negative", "discovery", "omission")),
    *((name, "high") for name in ("log_loss", "zero_one_loss", "perplexity", "bits_per_character")),
    *((name, "high") for name in ("mean_absolute_error*", "mean_squared_error*")),
    ("root_mean_squared_error", "high"),
    ("expected_calibration_error", "high"),
    ("*_error_*", "high"),
    ("*_gap", "high"),
    *((f"*{name}_index", "high") for name in ("entropy", "theil")),
    ("counterfactual_*", "high"),
    ("*_distance", "high"),
    ("*_epsilon", "high"),
    ("declared_delta", "high"),
    ("training_*", "high"),
    ("shared_key_rate", "high"),
    ("*infidelity", "high"),
    ("*_gain", "low"),
    ("deletion_area", "high"),
    ("insertion_area", "low"),
    ("randomisation_rank_correlation", "high"),  # after shuffling weights: alike is bad
    *((name, "low") for name in ("*_correlation", "*_kendall_tau", "*_top_k_overlap")),
    ("sensitivity", "high"),
    *((name, "low") for name in ("reason_fidelity*", "reason_score_lift", "reason_stability")),
    *((name, "high") for name in ("*_reason_rate", "*_attribution_share", "proxy_*")),
    ("attribution_rank_shift", "high"),
    *((name, "high") for name in ("recourse_cost", "recourse_changes", "no_recourse_rate")),
    ("recourse_plausibility", "low"),
    *((name, "high") for name in ("unprotected_column_rate", "randomised_decision_rate")),
    ("inconsistent_answer_rate", "high"),
    ("declared_lead_time", "low"),
    ("generalized_entropy_index", "high"),
)


@cache
def harm_end(measure: str) -> End | None:
    """Which end of a measure is harm; None for one that is not ours.

    >>> harm_end("accuracy_score"), harm_end("demographic_parity_difference")
    ('low', 'high')
    >>> harm_end("selection_rate")
    'declared'
    """
    return next((end for pattern, end in _ENDS if fnmatchcase(measure, pattern)), None)


def more_is_better(measure: str, subject: Declares) -> bool | None:
    """Whether more of a measure is better for the people it is about; None where it has no better
    end, or where ``positive_is`` would say which and is not declared."""
    end = harm_end(measure)
    if end == "declared":
        outcome = declared_favourable(subject)
        return None if outcome is None else outcome.is_selection
    return {"low": True, "high": False}.get(str(end))
