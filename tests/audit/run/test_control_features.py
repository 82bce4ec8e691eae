"""Within the levels of a control feature: every measure of scores, held against other libraries."""

from __future__ import annotations

from collections.abc import Iterator

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import ndcg_score, roc_auc_score

from evenhand.audit.case.case import read_case
from evenhand.audit.finding import Finding
from evenhand.audit.run.run import audit
from tests.audit.subjects import one, stored_spec

CHECKS = ("auc", "calibration", "inequality", "ranking", "thresholds")


def made() -> pd.DataFrame:
    """400 rows; no two scores are equal, and department y is scored too low."""
    rng = np.random.default_rng(4)
    n = 400
    frame = pd.DataFrame({"g": rng.choice(["a", "b"], n), "dept": rng.choice(["x", "y"], n)})
    frame["s"] = rng.permutation(np.linspace(0.01, 0.99, n))
    frame["y"] = (rng.random(n) < frame["s"] + 0.2 * (frame["dept"] == "y")).astype(int)
    frame["yhat"] = (frame["s"] >= 0.5).astype(int)
    return frame


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("control")
    spec = stored_spec(
        made(),
        folder,
        score="s",
        sensitive_features=["g"],
        positive_is="benefit",
        control_features=["dept"],
        checks=[f"fairness.{name}" for name in CHECKS],
    )
    return read_case(audit(spec, folder / "case").path)


@pytest.fixture(scope="module")
def found(case) -> list[Finding]:
    return list(case.findings)


def levels() -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    frame = made()
    yield {}, frame
    for level, part in frame.groupby("dept"):
        yield {"dept": str(level)}, part


def test_areas_equal_those_of_metricframe(found: list[Finding]) -> None:
    frame = made()
    theirs = fl.MetricFrame(
        metrics=roc_auc_score,
        y_true=frame["y"],
        y_pred=frame["s"],
        sensitive_features=frame[["g"]],
        control_features=frame[["dept"]],
    )
    for (level, group), value in theirs.by_group.items():
        mine = one(found, "roc_auc_score", group={"g": group, "dept": level})
        assert mine.value == pytest.approx(value, abs=1e-12)
    for level, value in theirs.difference().items():
        mine = one(found, "roc_auc_score_difference", group={"dept": level}, between=("g",))
        assert mine.value == pytest.approx(value, abs=1e-12)
    # background: positives of the same department outside the group
    inside = frame[frame["dept"] == "x"]
    rows = inside[(inside["g"] == "a") == (inside["y"] == 0)]
    mine = one(found, "bpsn_auc", group={"g": "a", "dept": "x"})
    assert mine.value == pytest.approx(roc_auc_score(rows["y"], rows["s"]))


def test_calibration_gaps_and_curves(case, found: list[Finding]) -> None:
    for level, part in levels():
        gap = {g: float((p["y"] - p["s"]).mean()) for g, p in part.groupby("g")}
        for group, value in gap.items():
            mine = one(found, "mean_calibration_gap", group={"g": group, **level})
            assert mine.value == pytest.approx(value)
        mine = one(found, "mean_calibration_gap_difference", group=level)
        assert mine.value == pytest.approx(abs(gap["a"] - gap["b"]))
    curves = case.artifact("fairness.calibration.json")["curves"]
    sizes = {str(c["group"]): sum(b["n"] for b in c["bins"]) for c in curves}
    frame = made()
    assert sizes["{'dept': 'x'}"] == (frame["dept"] == "x").sum()
    rows = (frame["g"] == "b") & (frame["dept"] == "y")
    assert sizes["{'dept': 'y', 'g': 'b'}"] == rows.sum()
    assert len(curves) == 9  # all, a and b; the same in x and in y


def test_the_worst_threshold_of_each_level(case, found: list[Finding]) -> None:
    thresholds = np.linspace(0, 1, 101).round(12)
    for level, part in levels():
        share = {
            g: (p["s"].to_numpy()[:, None] >= thresholds).mean(axis=0) for g, p in part.groupby("g")
        }
        mine = one(found, "demographic_parity_difference_at_worst_threshold", group=level)
        assert mine.value == pytest.approx(np.abs(share["a"] - share["b"]).max())
    groups = [m["group"] for m in case.artifact("fairness.thresholds.json")["groups"]]
    assert {"g": "a", "dept": "y"} in groups and {"dept": "y"} in groups and {} in groups


def test_inequality_of_each_level_by_its_definition(found: list[Finding]) -> None:
    for level, part in levels():
        benefit = part["yhat"] - part["y"] + 1
        # alpha 2: half the squared coefficient of variation (Speicher et al. 2018)
        index = float(benefit.var(ddof=0) / benefit.mean() ** 2 / 2)
        mine = one(found, "generalized_entropy_index", group=level)
        assert mine.value == pytest.approx(index)
        means = benefit.groupby(part["g"]).transform("mean")
        between = float(means.var(ddof=0) / means.mean() ** 2 / 2)
        mine = one(found, "between_group_generalized_entropy_index", group=level, between=("g",))
        assert mine.value == pytest.approx(between)


def test_people_are_ranked_among_their_own_level(found: list[Finding]) -> None:
    for level, part in levels():
        places = int(np.ceil(0.1 * len(part)))
        top = part["s"].rank(ascending=False) <= places
        weight = 1 / np.log2(1 + part["s"].rank(ascending=False))
        for group, inside in part.groupby("g").groups.items():
            named = {"group": {"g": group, **level}}
            mine = one(found, "top_k_selection_rate", **named)
            assert mine.value == pytest.approx(float(top[inside].mean()))
            mine = one(found, "relative_exposure", **named)
            assert mine.value == pytest.approx(float(weight[inside].mean() / weight.mean()))
            own = part.loc[inside]
            mine = one(found, "ndcg_score", **named)
            assert mine.value == pytest.approx(ndcg_score([own["y"]], [own["s"]]))
