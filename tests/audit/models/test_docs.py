"""docs/models.md says what is so: its examples are valid, its table names every format."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import yaml

from evenhand.audit.models.catalogue import formats
from evenhand.audit.models.declared import Declared
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject_file import json_schema

TEXT = (Path(__file__).parents[3] / "docs" / "models.md").read_text("utf-8")


def test_every_example_is_a_valid_subject() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        values = yaml.safe_load(example)
        jsonschema.Draft202012Validator(json_schema()).validate(values)
        assert isinstance(make_spec(values).model_declarations(), Declared)


def test_what_the_table_says_of_a_format_is_so() -> None:
    """It says more of formats than their cards do; `evenhand formats` lists every one."""
    table = TEXT.split("## What has")[0].lower()
    rows = [row for row in table.split("\n") if row.startswith("|")][2:]
    words = {"evenhand-folder": "evenhand train", "evenhand-mitigated": "mitigate"}
    words |= {"weights": "state_dict", "torch-export": "torch.export"}
    told = [
        (form, row)
        for form in formats()
        for row in rows
        if words.get(form.NAME, form.NAME) in row.split("|")[1]
    ]
    assert {row for _, row in told} == set(rows[:-1])  # the last is an endpoint, no file
    for form, row in told:
        extra = getattr(form, "EXTRA", "")
        assert f"`{extra}`" in row if extra else True, form.NAME
