"""What did training cost, by the record in the model folder?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evenhand.audit.checks.needs import predictor_of
from evenhand.audit.checks.record import Recorder
from evenhand.audit.claims import cost_stated
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import because
from evenhand.audit.subject.subject import Subject

QUESTION = "How much time, energy and carbon did training take, and how is that known?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"model"})
SOURCE = "CodeCarbon; NIST AI RMF MEASURE 2.12; Regulation (EU) 2024/1689, Annex XI(2)(e)"
COST = "fast"
MEASURES = {
    "training_energy": "energy of the training run (joule), measured or estimated: see the method",
    "training_energy_measured": "1 where that energy was read from a meter, 0 where estimated",
    "training_carbon": "carbon of that energy (g CO2e), by the factor that the method names",
    "training_time": "wall time of the training run (second)",
    "training_flops": "floating-point operations of the training run, estimated",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the record of ``cost.json``: the maker's claim, never reproducible."""
    says = predictor_of(subject).maker_says
    cost = cost_stated(says)
    if cost is None:
        raise MissingNeed(because("no-training-cost"))
    record = Recorder(__name__, seed)
    n = int(says.get("n_train") or 0)
    whole = () if cost.is_of_the_whole_run else because("last-part-only")
    kind = cost.energy_is or ""
    energy = f"{kind}: {cost.energy_method}"
    rows = {
        "training_energy": (cost.energy_j, "joule", energy),
        "training_energy_measured": (
            float(kind == "measured") if kind else None,
            "indicator",
            energy,
        ),
        "training_carbon": (cost.carbon_g, "g CO2e", cost.carbon_method),
        "training_time": (cost.wall_s, "second", "wall clock"),
        "training_flops": (cost.flops, "operation", cost.flops_method),
    }
    for name, (value, unit, method) in rows.items():
        if value is None:
            estimate = undefined(because("training-does-not-say"), n=n)
        else:
            estimate = Estimate(float(value), n, method=f"from the model's cost.json; {method}")
        found = record.write(name, estimate, unit=unit, note=whole)
        yield found.model_copy(update={"reproducible": False})
