"""Artifacts are read as their models, everywhere, and what does not fit together is said."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.artifacts.artifact import ArtifactDocument
from evenhand.audit.artifacts.explanation import Attributions, AttributionsByGroup, QualityCurves
from evenhand.audit.artifacts.fairness import Thresholds, WorstGroups
from evenhand.audit.artifacts.kinds import KINDS, LedgerTimeline
from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.files.shapes import parsed
from evenhand.audit.reports import render
from evenhand.dashboard.export import views
from evenhand.dashboard.i18n import Translator
from tests.audit.reports.explained_cases import CURVES
from tests.dashboard import artifacts
from tests.dashboard.pairs import LEDGER
from tests.source import modules

TREE = artifacts.worst_groups()
SWEEP = artifacts.thresholds()
IMAGE = artifacts.attributions("image")


def is_written(call: ast.Call) -> bool:
    """``record.artifact(...)``: a check that writes its own."""
    assert isinstance(call.func, ast.Attribute)
    owner = call.func.value
    return getattr(owner, "id", getattr(owner, "attr", "")) in ("record", "self")


def test_only_the_case_reads_an_artifact_as_plain_json() -> None:
    """Whoever reads one asks for its model: then a key that is misspelt is an error of types."""
    readers = 0
    for module, path in modules():
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "artifact":
                    assert is_written(node), f"{module}:{node.lineno} reads an artifact unparsed"
                readers += node.func.attr == "document"
            is_place = isinstance(node, ast.Constant) and str(node.value).startswith("artifacts/")
            assert not is_place or module == "evenhand.audit.case.case", (
                f"{module}:{getattr(node, 'lineno', 0)} looks for artifacts by their place"
            )
    assert readers > 10


def test_the_models_are_read_by_their_fields() -> None:
    """No reader turns a model into keys again, but to write it."""
    turned = set()
    for module, path in modules():
        tree = ast.parse(path.read_text("utf-8"))
        names = {getattr(n, "module", "") or "" for n in ast.walk(tree)}
        if not any(name.startswith("evenhand.audit.artifacts") for name in names):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
                attr = getattr(node.value.func, "attr", "")
                if attr in ("to_json", "model_dump"):
                    turned.add(f"{module}:{node.lineno}")
    assert turned == set()


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Attributions, {**artifacts.attributions(), "columns": []}, "columns: Tuple should have"),
        (Attributions, {**artifacts.attributions(), "values": {"income": [1.0, 2.0]}}, "<script>"),
        (Attributions, {**artifacts.attributions(), "values": {"income": [1.0]}}, "values.income"),
        (Attributions, {**IMAGE, "height": 3}, "maps.0.levels has 4 bytes where 6 belong"),
        (Attributions, {**IMAGE, "maps": []}, "maps has 0 entries where 2 belong"),
        (Attributions, {**IMAGE, "images": ["*", "*"]}, "images.0 is not base64"),
        (Attributions, {**IMAGE, "n": 1e999}, "n: Input should be a valid integer"),
        (AttributionsByGroup, {**artifacts.by_group(), "columns": ["one"]}, "groups.0.mean_abs"),
        (QualityCurves, {**CURVES, "insertion": []}, "insertion has 0 entries where 2 belong"),
        (QualityCurves, {**CURVES, "level": 1e999}, "level: the number is too large"),
        (QualityCurves, {**CURVES, "level": 10**400}, "level: the number is too large"),
        (Thresholds, {**SWEEP, "thresholds": [0.5]}, "groups.0.tp has 3 entries where 1 belong"),
        (Thresholds, {**SWEEP, "groups": [{**SWEEP["groups"][0], "bands": {}}]}, "lacks 'selec"),
        (WorstGroups, {**TREE, "tree": TREE["tree"][1:]}, "node 1 of the tree stands before its"),
        (WorstGroups, {**TREE, "columns": TREE["columns"][:1]}, "pairs.0 crosses 'race'"),
        (WorstGroups, {**TREE, "tree": []}, "tree: Tuple should have at least 1 item"),
        (LedgerTimeline, {**LEDGER, "entries": []}, "entries: Tuple should have at least 1 item"),
        (
            LedgerTimeline,
            {**LEDGER, "entries": [{**LEDGER["entries"][0], "at": "noon"}]},
            "entries.0.at: Invalid isoformat string",
        ),
    ],
)
def test_what_does_not_fit_together_is_said(
    kind: type[ArtifactDocument], value: Any, said: str
) -> None:
    with pytest.raises(ValueError) as caught:
        parsed(value, kind)
    assert said in str(caught.value)


@pytest.mark.parametrize("value", [{}, [], None, 7, {"schema": "evenhand-thresholds/9"}])
def test_one_of_another_shape_stops_no_page(tmp_path: Path, value: Any) -> None:
    """It is named as unreadable; the rest of the case is shown."""
    full = artifacts.write_full_case(tmp_path / "full")

    class Other(Case):
        def artifact(self, name: str) -> Any:
            return value

    case, t = Other(**vars(full)), Translator("en")
    for kind in KINDS.values():
        if case.holds(kind):
            with pytest.raises(InputError, match=f"{kind.FILE} cannot be read"):
                case.document(kind)
    for lang in ("en", "zh"):
        assert render("html", case, [], lang=lang)
    assert render("model-card", case, [])
    shown = [*views.fairness(case, t), *views.explanations(case, t)]
    assert [v.title.removesuffix(" cannot be drawn") for v in shown] == [
        "fairness.thresholds.json",
        "fairness.calibration.json",
        "fairness.worst_groups.json",
        "explanation.by_group.json",
        "explanation.reasons.json",
        "explanation.counterfactual.json",
    ]


def test_a_case_without_the_artifact_has_no_document(tmp_path: Path) -> None:
    case = artifacts.write_full_case(tmp_path / "full")
    assert case.document(LedgerTimeline) is None
    assert not case.holds(LedgerTimeline, Thresholds)
    swept = case.document(Thresholds)
    assert swept is not None and swept.groups[1].sum_at(("tp", "fp"), 0) == 4
