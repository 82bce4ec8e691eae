"""Published tables: ProPublica's notebook and Fairlearn's worked example."""

from __future__ import annotations

import pandas as pd

from tests.audit.subjects import confusion_rows

# ProPublica, "Compas Analysis.ipynb" (commit bafff5da), cells 71-90. Positive = decile score of 5
# or more ("high": 8 or more). Counts, then as printed there: false positive and false negative rate
# in percent, specificity, sensitivity, prevalence, PPV and NPV.
BLACK, WHITE = "African-American", "Caucasian"
PROPUBLICA = {
    "two-year recidivism": {
        BLACK: ((1369, 805, 532, 990), (44.85, 27.99, 0.55, 0.72, 0.51, 0.63, 0.65)),
        WHITE: ((505, 349, 461, 1139), (23.45, 47.72, 0.77, 0.52, 0.39, 0.59, 0.71)),
    },
    "two-year recidivism, high only": {
        BLACK: ((741, 284, 1160, 1511), (15.82, 61.02, 0.84, 0.39, 0.51, 0.72, 0.57)),
        WHITE: ((195, 81, 771, 1407), (5.44, 79.81, 0.95, 0.2, 0.39, 0.71, 0.65)),
    },
    "violent recidivism": {
        BLACK: ((273, 1043, 170, 1692), (38.14, 38.37, 0.62, 0.62, 0.14, 0.21, 0.91)),
        WHITE: ((77, 380, 129, 1679), (18.46, 62.62, 0.82, 0.37, 0.09, 0.17, 0.93)),
    },
}
PRINTED = (
    "false_positive_rate",
    "false_negative_rate",
    "true_negative_rate",
    "true_positive_rate",
    "prevalence",
    "precision_score",
    "negative_predictive_value",
)


def cells(group: dict[str, str], counts: tuple[int, int, int, int]) -> pd.DataFrame:
    tp, fp, fn, tn = counts
    return confusion_rows(group, tp=tp, fp=fp, fn=fn, tn=tn)


# Fairlearn, docs/user_guide/assessment (commit ebf8fa75): the worked vectors and their results.
Y_TRUE = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
Y_PRED = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
GROUP = list("bbabbcccaacabccbcc")
