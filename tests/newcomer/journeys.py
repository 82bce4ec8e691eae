"""What is held of each spelling: the numbers of the clean table, whichever way they are asked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.newcomer.people import AGE_EDGES, SINCE_EDGES
from tests.newcomer.spellings import Spelling, same

CHECKS = "data.groups,data.quality,fairness.group_rates,performance.classification"
BINS = f"age={','.join(AGE_EDGES)},since={','.join(SINCE_EDGES)}"


def findings(case: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (case / "findings.jsonl").read_text("utf-8").splitlines()]


def told(found: list[dict[str, Any]], spelling: Spelling) -> dict[str, Any]:
    """What a case says, by the names of ``people.counted``."""
    said: dict[str, Any] = {}
    bins: dict[str, Counter[str]] = {"age": Counter(), "since": Counter()}
    for one in found:
        group, counts = one["group"], one["counts"] or {}
        if one["measure"] == "accuracy_score" and not group:
            said["accuracy"] = (counts["k"], counts["n"])
        if one["measure"] == "selection_rate" and list(group) == ["gender"]:
            name = group["gender"]
            known = next((g for g in spelling.groups if same(spelling.groups[g][0], name)), None)
            if known is not None or name != "unknown":
                said[f"selected {known or name}"] = (counts["k"], counts["n"])
        if one["measure"] == "group_count" and len(group) == 1:
            (column, name), n = next(iter(group.items())), int(one["value"])
            if column == "gender" and name == "unknown":
                said["unknown"] = n
            if column in bins and name != "unknown":
                bins[column][name] = n
        if one["measure"] == "missing_rate" and one.get("column") in ("income", "job", "age"):
            said[f"missing {one['column']}"] = int(counts["k"])
    for column, counter in bins.items():
        said[f"bins of {column}"] = sorted(counter.values())
    return said


def differ(said: dict[str, Any], true: dict[str, Any], *names: str) -> list[str]:
    """Where a case says otherwise than pandas; ``names`` are the beginnings of what is held."""
    held = [k for k in {*said, *true} if k.startswith(names)]
    return [
        f"{k}: {said.get(k)} where pandas counts {true.get(k)}"
        for k in sorted(held)
        if said.get(k) != true.get(k)
    ]
