"""YAML from strangers: plain data only, within limits, with the line of every part.

What is refused: tags that build objects, duplicate keys, too many bytes, aliases, levels or nodes.
``yes``, ``no``, ``on`` and ``off`` stay text (a jurisdiction ``NO`` is Norway, not false).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from evenhand.audit.errors import InputError
from evenhand.audit.files.within import reading

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_ALIASES = 200
MAX_NODES = 100_000

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlDocument:
    """A parsed file: ``data`` as plain Python values, ``lines`` the 1-based line of each part."""

    name: str
    data: Any
    lines: Mapping[Location, int]

    def line(self, location: Location) -> int | None:
        """The line of ``location`` or of the nearest part around it; None for an unknown one."""
        return line_of(self.lines, location)


def line_of(lines: Mapping[Location, int], location: Location) -> int | None:
    """The line of ``location`` in ``lines``, or of the nearest enclosing part."""
    for end in range(len(location), -1, -1):
        if location[:end] in lines:
            return lines[location[:end]]
    return None


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys and reads only true and false as booleans."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
                if key_node.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key_node.value!r} appears twice", key_node.start_mark
                    )
                seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


_BOOL = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    _BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)

# YAML 1.1 takes 1e-6 for text, since it has no dot; people who write it mean the number
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_bytes(path: Path) -> bytes:
    """The bytes of a YAML file of at most MAX_BYTES. Raises InputError."""
    try:
        if not path.is_file():
            raise InputError("no file at {path}", remedy="check the path", path=path)
        with path.open("rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            "cannot read {path}: {strerror}",
            remedy="check the path and the rights on it",
            path=path,
            strerror=error.strerror,
        ) from error
    _check_size(raw, str(path))
    return raw


def parse(raw: bytes, name: str) -> YamlDocument:
    """Parses UTF-8 YAML; ``name`` is the file's name in messages.

    Raises InputError ("malformed YAML at NAME line N column M: ...").
    """
    _check_size(raw, name)
    with reading(len(raw), name):
        return _parsed(raw, name)


def _parsed(raw: bytes, name: str) -> YamlDocument:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise _malformed(name, line, column, "not UTF-8 text") from error
    try:
        _check_events(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return YamlDocument(name, None, {})
            _check_expanded(node)
            lines: dict[Location, int] = {}
            _note_lines(node, (), lines)
            return YamlDocument(name, loader.construct_document(node), lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _malformed(name, line, column, error.problem or str(error.context)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        raise _malformed(name, line, column, "a character that YAML does not allow") from error
    except (ValueError, OverflowError) as error:
        # PyYAML lets a date such as 2026-13-45 or an impossible number through to its constructor.
        raise InputError(
            "malformed YAML at {name}: {error}",
            remedy="put the value in quotes or correct it",
            name=name,
            error=error,
        ) from error


def _check_size(raw: bytes, name: str) -> None:
    if len(raw) > MAX_BYTES:
        raise InputError(
            "{name} is larger than {max_bytes:,} bytes",
            remedy="split it or remove what is unused",
            name=name,
            max_bytes=MAX_BYTES,
        )


def _malformed(name: str, line: int, column: int, problem: str) -> InputError:
    return InputError(
        "malformed YAML at {name} line {line} column {column}: {problem}",
        remedy="correct the file there",
        name=name,
        line=line,
        column=column,
        problem=problem,
    )


def _refused(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _check_events(text: str) -> None:
    """Limits of depth, aliases and values on the event stream: building nodes would recurse first,
    and takes as long again."""
    depth = aliases = nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if nodes > MAX_NODES:
                raise _refused(f"more than {MAX_NODES:,} values", event.start_mark)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _refused(f"more than {MAX_DEPTH} levels deep", event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            if aliases > MAX_ALIASES:
                raise _refused(f"more than {MAX_ALIASES} aliases", event.start_mark)


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _check_expanded(root: Node) -> None:
    """Counts nodes as if every alias were written out: a small file can stand for billions."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Node) -> int:
        if id(node) in open_nodes:
            raise _refused("an alias inside its own anchor", node.start_mark)
        if id(node) not in sizes:
            open_nodes.add(id(node))
            sizes[id(node)] = 1 + sum(size(child) for child in _children(node))
            open_nodes.discard(id(node))
        return sizes[id(node)]

    if size(root) > MAX_NODES:
        raise _refused(f"more than {MAX_NODES:,} values", root.start_mark)


def _note_lines(node: Node, location: Location, lines: dict[Location, int]) -> None:
    lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        for key_node, value_node in node.value:
            if isinstance(key_node, ScalarNode):
                below = (*location, key_node.value)
                lines[below] = key_node.start_mark.line + 1
                _note_lines(value_node, below, lines)
    elif isinstance(node, SequenceNode):
        for index, child in enumerate(node.value):
            _note_lines(child, (*location, index), lines)
