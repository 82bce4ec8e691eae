"""The subject spec and its JSON Schema say the same."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from evenhand.audit.errors import InputError
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject_file import json_schema, read_spec

ROOT = Path(__file__).parents[3]


def documented() -> dict[str, object]:
    """The example in docs/audit.md."""
    text = (ROOT / "docs" / "audit.md").read_text("utf-8")
    example: dict[str, object] = yaml.safe_load(text.split("```yaml")[1].split("```")[0])
    return example


def test_the_shipped_schema_is_the_current_one() -> None:
    shipped = json.loads((ROOT / "audit" / "subject.schema.json").read_text("utf-8"))
    assert shipped == json_schema()


def test_the_documented_example_is_valid_for_both() -> None:
    jsonschema.Draft202012Validator(json_schema()).validate(documented())
    assert make_spec(documented()).sensitive_features == ("race", "sex")


@pytest.mark.parametrize("wrong", [{"sed": 1}, {"positive_is": "good"}, {"level": 2}, {"seed": -1}])
def test_both_refuse_the_same(wrong: dict[str, object]) -> None:
    document = {**documented(), **wrong}
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(document)
    with pytest.raises(InputError, match=next(iter(wrong))):
        make_spec(document)


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "subject.yaml"
    path.write_text("model: m\ndata: d.csv\npolicy: [baseline, ./own.yaml]\npositive_label: no\n")
    spec = read_spec(path)
    assert spec.model == str(tmp_path / "m")
    assert spec.policy == ("baseline", str(tmp_path / "own.yaml"))
    assert spec.positive_label == "no"  # Norway stays Norway
