"""The folder that a mask leaves: the masked rows, the plan that made them, what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from evenhand.audit.files.disk import write_whole
from evenhand.audit.files.making import creating, partial_name, put_in_place, require_free
from evenhand.audit.masking.cost import GroupLeftOut, UtilityCost
from evenhand.audit.masking.mask import MaskedTable

PLAN, MEASURED = "mask.yaml", "mask.json"


def mask_record(
    masked: MaskedTable,
    source: str,
    costs: Sequence[UtilityCost] = (),
    left_out: Sequence[GroupLeftOut] = (),
) -> dict[str, Any]:
    """What was asked, done and measured, as plain JSON types."""
    searched = masked.searched
    return {
        "source": source,
        "holds": masked.holds,
        "n_left_out": masked.before.n_rows - masked.after.n_rows,
        "left_out_by_group": [group.to_json() for group in left_out],
        "before": masked.before.to_json(),
        "after": masked.after.to_json(),
        "chosen": dict(masked.plan.chosen or {}),
        "search": None
        if searched is None or searched.best is None
        else {
            "loss": searched.best.loss,
            "n_tried": searched.n_tried,
            "is_exact": searched.is_exact,
        },
        "cost": [cost.to_json() for cost in costs],
    }


def write_mask(masked: MaskedTable, record: Mapping[str, Any], source: str, out: Path) -> None:
    """Writes the folder whole, or not at all. Rows go to ``masked.parquet`` where they came from
    Parquet, else to ``masked.csv``."""
    require_free(out, "folder", "a masked table is never written over another")
    with creating(out, "folder"):
        partial = partial_name(out)
        partial.mkdir(parents=True)
        if source.endswith(".parquet"):
            masked.frame.to_parquet(partial / "masked.parquet", index=False)
        else:
            masked.frame.to_csv(partial / "masked.csv", index=False)
        plan = yaml.safe_dump(masked.plan.to_json(), sort_keys=False, allow_unicode=True)
        write_whole(partial / PLAN, plan.encode())
        write_whole(partial / MEASURED, json.dumps(record, indent=1, ensure_ascii=False).encode())
        put_in_place(partial, out)
