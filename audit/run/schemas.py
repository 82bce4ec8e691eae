"""JSON Schemas of what a case holds and of verdicts, made from the models.

``python -m evenhand.audit.run.schemas FOLDER`` writes them; those in ``audit/schemas`` are shipped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from evenhand.audit import surroundings
from evenhand.audit.artifacts.kinds import KINDS
from evenhand.audit.case.environment import Environment
from evenhand.audit.case.plan import Plan
from evenhand.audit.files.disk import write_whole
from evenhand.audit.finding import Finding
from evenhand.policies.verdict import Verdict

# The file of the schema -> the record that it is of.
RECORDS: Mapping[str, type[BaseModel]] = {
    "plan.schema.json": Plan,
    "environment.schema.json": Environment,
    "finding.schema.json": Finding,
    "verdict.schema.json": Verdict,
    **{f"{name.removesuffix('.json')}.schema.json": model for name, model in KINDS.items()},
}


def json_schema(file: str) -> dict[str, Any]:
    """The JSON Schema that is shipped as ``audit/schemas/<file>``. Raises KeyError for others."""
    schema = RECORDS[file].model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def write_schemas(folder: Path) -> None:
    """Writes every schema into ``folder``."""
    for file in RECORDS:
        text = json.dumps(json_schema(file), indent=2, ensure_ascii=False) + "\n"
        write_whole(folder / file, text.encode())


if __name__ == "__main__":
    surroundings.settle()
    write_schemas(Path(sys.argv[1]))
