"""subject.yaml: what to audit, written down; often by whoever made the model.

It may name the model, the data and the predictions wherever they lie: that is what somebody asks
to have audited, and it is said before it is read. Everything else that it names lies beside it,
and nothing that reaches another machine can be set by it: that takes an option of the command line.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evenhand.audit.data.formats.database import is_url, relative_to, without_secrets
from evenhand.audit.errors import InputError
from evenhand.audit.files import safe_yaml
from evenhand.audit.files.beside import beside
from evenhand.audit.subject.spec import ONE_OR_MANY, SubjectSpec, make_spec

# Keys that name files: wherever they lie, or beside the subject file alone.
ANYWHERE = ("model", "preprocess", "data", "training_data", "predictions", "join")
BESIDE = ("declared_file", "out")  # and packs that are no shipped ones
# What a file can't say, and what the person at the machine passes instead.
BY_OPTION = {
    "endpoint": "--endpoint URL; --allow-remote where it is another machine, --batch-size, "
    "--retries and --time-limit say how it is asked"
}
_IS_PATH = re.compile(r"[/\\]|\.ya?ml$")


def is_subject(path: str | Path) -> bool:
    """Whether a file is a subject file: by its content, whatever it is called.

    It is where it is YAML (or JSON), a mapping, and half of its keys or more are a subject's; or
    where a line begins with one of them and the rest is no YAML, so that the mistake can be named.
    """
    try:
        if not Path(path).is_file() or Path(path).stat().st_size > safe_yaml.MAX_BYTES:
            return False
        text = Path(path).read_bytes().decode("utf-8-sig")
    except (OSError, ValueError):
        return False
    names = "|".join(SubjectSpec.model_fields)
    starts = text.lstrip().startswith("{")
    if "\0" in text or not (starts or re.search(rf"^ *[\"']?(?:{names})[\"']?\s*:", text, re.M)):
        return False
    try:
        found = _parsed(text, str(path))
    except InputError:
        return re.search(rf"^(?:{names})\s*:", text, re.M) is not None
    if not isinstance(found, dict) or not found:
        return False
    return 2 * sum(key in SubjectSpec.model_fields for key in found) >= len(found)


def _parsed(text: str, name: str) -> Any:
    """JSON is YAML too; models are written in it, and are long."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return safe_yaml.parse(text.encode(), name).data


def read_spec(path: str | Path) -> SubjectSpec:
    """Reads a subject file and resolves its paths against its own folder.

    Raises InputError for what is malformed or unknown, for keys that only the command line has, for
    a database on a server, and for paths that lead away from the file where they must not.
    """
    file = Path(path)
    document = safe_yaml.parse(safe_yaml.read_bytes(file), str(file)).data
    if not isinstance(document, dict):
        raise InputError(
            "{file} is not a mapping of keys to values", remedy="see the README", file=file
        )
    for key, option in BY_OPTION.items():
        if document.get(key) is not None:
            raise InputError(
                "{file}: {key}: a subject file can't have rows of people sent anywhere",
                remedy="leave it out, and pass {option}",
                file=file,
                key=key,
                option=option,
            )
    spec = make_spec(document, source=str(file))
    return spec.model_copy(update=_resolved(spec, file))


def _real(path: str | Path) -> Path:
    """Where a path leads, by its links; a circle of links leads nowhere, and is no error here."""
    return Path(os.path.realpath(path))


def places(spec: SubjectSpec, path: str | Path) -> Mapping[str, tuple[str, bool]]:
    """What a subject file has read by way of its own paths, as it was resolved, without passwords:
    by key the place, and whether it lies outside of the file's folder."""
    folder = _real(Path(path).parent)
    named = {key: getattr(spec, key) for key in ANYWHERE if getattr(spec, key)}
    return {
        key: (
            without_secrets(place),
            not Path(os.path.realpath(_file_of(place))).is_relative_to(folder),
        )
        for key, place in named.items()
    }


def _file_of(place: str) -> str:
    return place.removeprefix("sqlite:///").partition("#")[0] if is_url(place) else place


def _resolved(spec: SubjectSpec, file: Path) -> dict[str, Any]:
    def near(key: str) -> str | None:
        named = getattr(spec, key)
        if not named:
            return None
        if not is_url(named):
            return str(file.parent / named)
        if not named.startswith("sqlite:///"):
            raise InputError(
                "{file}: {key}: {named} is on a server, and a subject file can't "
                "have this machine connect to one",
                remedy="pass it as an option: {key_2} URL",
                file=file,
                key=key,
                named=without_secrets(named),
                key_2=_option(key),
            )
        return relative_to(named, file.parent)

    def own(key: str, named: str) -> str:
        return beside(file, key, named, remedy=f"put it there, or pass {_option(key)} PATH")

    def pack(ref: str) -> str:
        is_path = _IS_PATH.search(ref) or (file.parent / ref).is_file()
        return own("policy", ref) if is_path else ref

    return {
        **{key: near(key) for key in ANYWHERE},
        **{key: own(key, getattr(spec, key)) for key in BESIDE if getattr(spec, key)},
        "policy": tuple(pack(ref) for ref in spec.policy),
    }


def _option(key: str) -> str:
    """Keys and options have the same names."""
    return "--" + key.replace("_", "-")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of subject.yaml, for editors."""
    schema = SubjectSpec.model_json_schema()
    for key in BY_OPTION:
        del schema["properties"][key]
    words = schema["properties"]["labels"]
    one = words["additionalProperties"]
    words["additionalProperties"] = {
        "anyOf": [one, {"type": "object", "additionalProperties": one}]
    }
    schema["$defs"].pop("Endpoint", None)
    inside = {"pattern": r"^(?![/\\])(?!(?:.*[/\\])?\.\.(?:[/\\]|$))[^:]+$"}
    for key in BESIDE:
        kinds = schema["properties"][key]["anyOf"]
        kinds[:] = [{**kind, **(inside if kind["type"] == "string" else {})} for kind in kinds]
    schema["properties"]["policy"]["items"].update(inside)
    for key in ONE_OR_MANY:
        field = schema["properties"][key]
        many = {name: field.pop(name) for name in ("items", "type")}
        one = {**many["items"], "type": "string"} if key == "policy" else {"type": "string"}
        field["anyOf"] = [one, many]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
