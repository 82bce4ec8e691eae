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


def test_the_table_names_every_format_and_its_extra() -> None:
    table = TEXT.split("## What has")[0].lower()
    words = {"evenhand-folder": "evenhand train", "evenhand-mitigated": "mitigate"}
    words |= {"weights": "state_dict", "torch-export": "torch.export"}
    for form in formats():
        word = words.get(form.NAME, form.NAME)
        (line,) = [row for row in table.split("\n") if row.startswith("|") and word in row][:1]
        assert f"`{form.EXTRA}`" in line if getattr(form, "EXTRA", "") else True, form.NAME
