"""Audit machine-learning models, seal what was measured, judge it with policy packs.

    import evenhand
    result = evenhand.audit_model("model.skops", rows, target="repaid", positive_label=1,
                                  sensitive_features=["sex"], policy="baseline")
    result.passed, result.findings.to_pandas()

What is named here is the public Python API (docs/python.md); each name is loaded when it is used.
Nothing inside the packages imports it.
"""

from __future__ import annotations

# First of all, and from this package: with ``python -m evenhand`` Python looks for every other
# module in the folder it is started in, before its own.
from evenhand import _started  # noqa: F401

# isort: split
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evenhand.audit.api.auditing import audit_model as audit_model
    from evenhand.audit.api.auditing import audit_predictions as audit_predictions
    from evenhand.audit.api.cohorts import cohort as cohort
    from evenhand.audit.api.counting import Counted as Counted
    from evenhand.audit.api.counting import count as count
    from evenhand.audit.api.judging import compare as compare
    from evenhand.audit.api.judging import judge as judge
    from evenhand.audit.api.judging import load_case as load_case
    from evenhand.audit.api.judging import report as report
    from evenhand.audit.api.records import Records as Records
    from evenhand.audit.api.results import Compared as Compared
    from evenhand.audit.api.results import Document as Document
    from evenhand.audit.api.results import Result as Result
    from evenhand.audit.errors import EvenhandError as EvenhandError
    from evenhand.trainers.job import train as train
    from evenhand.trainers.result import TrainResult as TrainResult

_HOME = {
    "Compared": "evenhand.audit.api.results",
    "Counted": "evenhand.audit.api.counting",
    "Document": "evenhand.audit.api.results",
    "EvenhandError": "evenhand.audit.errors",
    "Records": "evenhand.audit.api.records",
    "Result": "evenhand.audit.api.results",
    "TrainResult": "evenhand.trainers.result",
    "audit_model": "evenhand.audit.api.auditing",
    "audit_predictions": "evenhand.audit.api.auditing",
    "cohort": "evenhand.audit.api.cohorts",
    "compare": "evenhand.audit.api.judging",
    "count": "evenhand.audit.api.counting",
    "judge": "evenhand.audit.api.judging",
    "load_case": "evenhand.audit.api.judging",
    "report": "evenhand.audit.api.judging",
    "train": "evenhand.trainers.job",
}
__all__ = [*sorted(_HOME), "__version__"]


def __getattr__(name: str) -> Any:
    import importlib

    if name == "__version__":
        from importlib.metadata import version

        return version("evenhand")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
