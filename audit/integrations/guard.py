"""What pytest and MLflow share: a predictor of this process, or stored predictions, audited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evenhand.audit.api.results import Result


def audit_predictor(predictor: Any, rows: Any, **options: Any) -> Result:
    """Audits and judges where a program tests itself: what only people can attest is a warning.

    ``predictor`` as the model of ``evenhand.audit_model``, asked in this process unless it is a
    path; None where ``rows`` hold columns of predictions. ``options`` as there. Raises InputError.
    """
    from evenhand.audit.api.auditing import audit_model, audit_predictions

    given = {"attestations": "warn", **options}
    if predictor is None:
        return audit_predictions(rows, **given)
    return audit_model(predictor, rows, **{"scored_here": True, **given})
