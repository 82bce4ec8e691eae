"""Reads policy packs: a shipped one by its id, or any path. The schema is in ``schema.py``."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files import safe_yaml
from evenhand.audit.files.safe_yaml import YamlDocument
from evenhand.audit.words.phrases import as_is
from evenhand.policies.demands import Requirement
from evenhand.policies.extending import LoosenedError, extended, merge
from evenhand.policies.schema import Item, Pack, json_schema

__all__ = [
    "Item",
    "Pack",
    "Requirement",
    "asked_levels",
    "asked_measures",
    "asked_shares",
    "json_schema",
    "load_pack",
    "parse_pack",
    "shipped_otherwise",
    "shipped_packs",
]

PACKS = Path(__file__).parent / "packs"
_SHOWN_ERRORS = 5
_ITEM_DEFAULTS = ("severity", "obligation", "waivable")
_CHECK_DEFAULTS = ("decision", "ci", "min_n", "min_group_n", "min_group_share", "on_small")
_ATTEST_DEFAULTS = ("valid_for", "scope")
_NOT_INHERITED = ("id", "extends")


def shipped_packs() -> tuple[str, ...]:
    """The ids of the packs that come with the toolkit, sorted."""
    return tuple(sorted(p.stem for p in PACKS.glob("*.yaml")))


def load_pack(ref: str | Path) -> Pack:
    """A shipped pack by its id, or the pack at a path.

    Text counts as a path if it has a folder separator or ends in .yaml or .yml, or if such a file
    exists and no shipped pack has that id. Raises InputError, with near matches for an unknown id.
    """
    return _load(_pack_path(ref), ())


def shipped_otherwise(pack: Pack) -> str | None:
    """The digest of the shipped pack whose id and version ``pack`` bears without being it."""
    if pack.id not in shipped_packs():
        return None
    shipped = load_pack(PACKS / f"{pack.id}.yaml")
    is_other = shipped.version == pack.version and shipped.digest != pack.digest
    return shipped.digest if is_other else None


def _load(path: Path, above: tuple[Path, ...]) -> Pack:
    """The pack at ``path``, which the packs ``above`` extend, the last one directly."""
    if path.resolve() in above:
        raise InputError(
            "{path}: extends goes in a circle",
            remedy="let one of the packs stand on its own",
            path=path,
        )
    above = (*above, path.resolve())
    return parse_pack(safe_yaml.read_bytes(path), str(path), partial(_base_of, path, above))


def _base_of(path: Path, above: tuple[Path, ...], ref: str) -> Pack:
    """The pack that the pack at ``path`` extends: a shipped one, or a file in the same folder."""
    if ref in shipped_packs():
        return _load(PACKS / f"{ref}.yaml", above)
    beside = path.parent / ref
    if Path(ref).name != ref or not beside.is_file() or beside.is_symlink():
        raise InputError(
            "{path} extends {ref!r}, which is no shipped pack and no file beside it",
            remedy=nearest(ref, shipped_packs()),
            path=path,
            ref=ref,
        )
    return _load(beside, above)


def _no_base(ref: str) -> Pack:
    raise InputError(
        "the pack extends {ref!r}, but it was not read from a file",
        remedy="load it by its path: load_pack(path)",
        ref=ref,
    )


def _pack_path(ref: str | Path) -> Path:
    if isinstance(ref, Path) or "/" in ref or "\\" in ref or ref.endswith((".yaml", ".yml")):
        path = Path(ref)
        if not path.is_file():
            raise InputError(
                "no policy pack at {path}",
                remedy="check the path, or name a shipped pack ({shipped_packs})",
                path=path,
                shipped_packs=", ".join(shipped_packs()),
            )
        return path
    if ref in shipped_packs():
        return PACKS / f"{ref}.yaml"
    if ref and Path(ref).is_file():
        return Path(ref)
    raise InputError("no policy pack {ref!r}", remedy=nearest(ref, shipped_packs()), ref=ref)


def parse_pack(raw: bytes, name: str, base_of: Callable[[str], Pack] = _no_base) -> Pack:
    """A pack from its bytes; ``name`` is the file's name in messages, ``base_of`` finds the pack
    that it extends. Raises InputError."""
    document = safe_yaml.parse(raw, name)
    if not isinstance(document.data, dict):
        raise InputError(
            "{name} is not a policy pack: it holds no mapping",
            remedy="start it with: schema: rai-pack/1",
            name=name,
        )
    if document.data.get("schema") != "rai-pack/1":
        raise InputError(
            "{name} is not a policy pack: schema is {value!r}",
            remedy="write schema: rai-pack/1",
            name=name,
            value=document.data.get("schema"),
        )
    _check_keys(document)
    if document.data.get("extends") is None:
        data = _with_defaults(_with_extends(document))
        pack = _validated(data, document)
        pack._raw, pack._name, pack._lines = raw, name, document.lines
        return pack
    return _house_pack(document, base_of(str(document.data["extends"])))


def _validated(data: dict[str, Any], document: YamlDocument) -> Pack:
    try:
        return Pack.model_validate(data)
    except ValidationError as error:
        raise _readable(error, document, data) from error


def _house_pack(document: YamlDocument, base: Pack) -> Pack:
    """The base with what the document adds and tightens; its bytes are those of the whole."""
    import yaml

    defaults = document.data.get("defaults")
    items = [
        item
        if base.item(str(item.get("id"))) is not None or not isinstance(defaults, dict)
        else _item_with_defaults(item, defaults)
        for item in _with_extends(document)["items"]
    ]
    data = merge(base, document.data, items)
    pack = _validated(data, document)
    try:
        changes = extended(base, pack)
    except LoosenedError as error:
        ids = [str(item.get("id")) for item in _raw_items(document)]
        at = ("items", ids.index(error.item)) if error.item in ids else ()
        raise InputError(
            "{document}: {error}",
            remedy="a pack that extends {base} may only ask for more; or write a pack of your own",
            document=_where(document, at, error.item or None),
            error=error,
            base=base.id,
        ) from error
    whole = {**data, "extended": changes.model_dump(mode="json", exclude_none=True)}
    raw = yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, width=100).encode()
    made = parse_pack(raw, document.name)
    made._lines = _own_lines(document, made)
    return made


def _own_lines(document: YamlDocument, pack: Pack) -> dict[tuple[str | int, ...], int]:
    """Lines of the file that was written by hand, at the places of the pack that it became."""
    lines = {k: v for k, v in document.lines.items() if k[:1] != ("items",)}
    at = {item.id: index for index, item in enumerate(pack.items)}
    for index, item in enumerate(_raw_items(document)):
        place = ("items", at[str(item["id"])])
        for key, line in document.lines.items():
            if key[:2] == ("items", index):
                lines[(*place, *key[2:])] = line
    return lines


def asked_levels(packs: Iterable[Pack]) -> tuple[float, ...]:
    """Two-sided confidence levels that the packs' items read, sorted.

    A one-sided level L reads the two-sided interval at 2L - 1.
    """
    checks = (item.check for pack in packs for item in pack.items if item.check is not None)
    return tuple(sorted({check.ci.two_sided_level for check in checks}))


def asked_measures(pack: Pack) -> set[str]:
    """Every ``family.measure`` that the pack's items select."""
    return {item.selects.select for item in pack.items if item.selects is not None}


def asked_shares(pack: Pack) -> dict[str, float]:
    """``family.measure`` -> the share of a table under which the pack leaves groups out."""
    found: dict[str, float] = {}
    for item in pack.items:
        share = item.check.min_group_share if item.check else None
        if item.selects is not None and share is not None:
            found[item.selects.select] = max(share, found.get(item.selects.select, 0.0))
    return found


def _raw_items(document: YamlDocument) -> list[dict[str, Any]]:
    items = document.data.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        line = document.line(("items",))
        raise InputError(
            "{document} line {line}: items must be a list of items",
            remedy="write items: and below it one entry per item, each starting with - id:",
            document=document.name,
            line=line,
        )
    return items


def _with_extends(document: YamlDocument) -> dict[str, Any]:
    """Works ``extends`` in: a key that an item gives replaces the whole of the inherited one."""
    items = _raw_items(document)
    by_id = {str(item.get("id")): item for item in items}

    def resolved(item: dict[str, Any], seen: tuple[str, ...]) -> dict[str, Any]:
        item_id, base_id = str(item.get("id")), item.get("extends")
        if base_id is None:
            return dict(item)
        where = _where(document, ("items", items.index(item), "extends"), item_id)
        if base_id in (*seen, item_id):
            raise InputError(
                "{where}: extends goes in a circle: {item_id}",
                remedy="let one of them stand on its own",
                where=where,
                item_id=" -> ".join((*seen, item_id, str(base_id))),
            )
        if base_id not in by_id:
            raise InputError(
                "{where}: extends the unknown item {base_id!r}",
                remedy=nearest(str(base_id), by_id),
                where=where,
                base_id=base_id,
            )
        base = resolved(by_id[str(base_id)], (*seen, item_id))
        inherited = {key: value for key, value in base.items() if key not in _NOT_INHERITED}
        return {**inherited, **item}

    return {**document.data, "items": [resolved(item, ()) for item in items]}


def _with_defaults(data: dict[str, Any]) -> dict[str, Any]:
    defaults = data.get("defaults")
    if not isinstance(defaults, dict):
        return data
    return {**data, "items": [_item_with_defaults(item, defaults) for item in data["items"]]}


def _item_with_defaults(item: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    def filled(part: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
        return {**{key: defaults[key] for key in keys if key in defaults}, **part}

    merged = filled(item, _ITEM_DEFAULTS)
    for part, keys in (("check", _CHECK_DEFAULTS), ("attest", _ATTEST_DEFAULTS)):
        if isinstance(merged.get(part), dict):
            merged[part] = filled(merged[part], keys)
    if "effect" in defaults and isinstance(merged.get("on_fail", {}), dict):
        merged["on_fail"] = filled(merged.get("on_fail", {}), ("effect",))
    return merged


def _where(document: YamlDocument, location: tuple[str | int, ...], item_id: object) -> str:
    line = document.line(location)
    item = f", item {item_id!r}" if item_id is not None else ""
    return f"{document.name} line {line}{item}"


def _check_keys(document: YamlDocument) -> None:
    """Unknown keys, before ``extends`` copies them to other items."""
    _check_keys_of(document, Pack, document.data, ())


def _check_keys_of(
    document: YamlDocument, model: type[BaseModel], data: Any, location: tuple[str | int, ...]
) -> None:
    if not isinstance(data, dict):
        return
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for key, value in data.items():
        here = (*location, key)
        if key not in fields:
            raise InputError(
                "{document}: unknown key {key!r}",
                remedy=nearest(str(key), fields),
                document=_where(document, here, _item_id(document.data, here)),
                key=key,
            )
        below = _model_in(fields[key].annotation)
        if below is None:
            continue
        if _is_mapping(fields[key].annotation) and isinstance(value, dict):
            for name, part in value.items():
                _check_keys_of(document, below, part, (*here, name))
        elif isinstance(value, list):
            for index, part in enumerate(value):
                _check_keys_of(document, below, part, (*here, index))
        else:
            _check_keys_of(document, below, value, here)


def _item_id(data: Any, location: tuple[Any, ...]) -> object:
    try:
        return data["items"][location[1]].get("id") if location[0] == "items" else None
    except (IndexError, KeyError, TypeError, AttributeError):
        return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, alone or inside a tuple, mapping or optional."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _is_mapping(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_is_mapping(part) for part in get_args(annotation))
    return get_origin(annotation) is Mapping


def _readable(error: ValidationError, document: YamlDocument, data: dict[str, Any]) -> InputError:
    """Pydantic's errors with file, line and item, the first few of them."""
    messages: dict[tuple[str | int, ...], list[str]] = {}
    for one in error.errors():
        location = _existing(data, tuple(one["loc"]))
        if one["type"] == "missing":
            location = (*location, one["loc"][-1])
        message = one["msg"].removeprefix("Value error, ")
        messages.setdefault(location, []).append(message)
    if len(messages) > 1 and any(location[:1] == ("items",) for location in messages):
        # "no items" only says that the broken ones were not counted
        messages = {k: v for k, v in messages.items() if k != ("items",)}
    problems = []
    for location, found in list(messages.items())[:_SHOWN_ERRORS]:
        where = _where(document, location, _item_id(data, location))
        # behind ("items", 3) only the part inside the item is news
        parts = location[2:] if location[:1] == ("items",) else location
        path = ".".join(str(part) for part in parts)
        problems.append(f"{where}: {path + ': ' if path else ''}{', or: '.join(found)}")
    if len(messages) > _SHOWN_ERRORS:
        problems.append(f"and {len(messages) - _SHOWN_ERRORS} more")
    return InputError(
        as_is("; ".join(problems)), remedy="correct it; `evenhand policies lint` helps"
    )


def _existing(data: Any, location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The parts of a location that are in the file: pydantic adds the names of alternatives."""
    kept: list[str | int] = []
    for part in location:
        inside = isinstance(data, dict) and part in data
        if inside or (isinstance(data, list) and isinstance(part, int)):
            kept.append(part)
            data = data[part]
    return tuple(kept)
