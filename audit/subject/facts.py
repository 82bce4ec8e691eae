"""Facts, roles and words as options of a command: ``--facts KEY=VALUE``, ``--roles ROLE=COLUMN``,
``--words WORD=TEXT``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.words.roles import ROLES
from evenhand.audit.words.subject import LANGUAGES, WORDS


def parse_roles(given: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """``["race=RAC1P", "sex=SEX"]`` as roles with their columns; a role may be given again.

    Raises InputError for what is no ROLE=COLUMN, and for a role that no law of ours knows.
    """
    roles: dict[str, tuple[str, ...]] = {}
    for part in given:
        role, equals, column = part.partition("=")
        role, column = role.strip(), column.strip()
        if not equals or not column:
            raise InputError(
                "--roles {part!r} is not ROLE=COLUMN", remedy="e.g. --roles race=RAC1P", part=part
            )
        if role not in ROLES:
            raise InputError(
                "--roles {part!r}: unknown role {role!r}",
                remedy=nearest(role, ROLES),
                part=part,
                role=role,
            )
        roles[role] = (*roles.get(role, ()), column)
    return roles


def parse_words(given: Iterable[str]) -> dict[str, dict[str, str]]:
    """``["positive=approved", "positive.zh=批准"]`` as words by language; a text without one is
    that of every language which has none of its own.

    Raises InputError for what is no WORD=TEXT, and for a word or a language that is not known.
    """
    words: dict[str, dict[str, str]] = {}
    plain: dict[str, str] = {}
    for part in given:
        key, equals, text = (piece.strip() for piece in part.partition("="))
        word, _, language = key.partition(".")
        if not equals or not text:
            raise InputError(
                "--words {part!r} is not WORD=TEXT",
                remedy="e.g. --words positive=approved",
                part=part,
            )
        if word not in WORDS:
            raise InputError(
                "--words {part!r}: unknown word {word!r}",
                remedy=nearest(word, WORDS),
                part=part,
                word=word,
            )
        if language and language not in LANGUAGES:
            raise InputError(
                "--words {part!r}: unknown language {language!r}",
                remedy=nearest(language, LANGUAGES),
                part=part,
                language=language,
            )
        if language:
            words.setdefault(word, {})[language] = text
        else:
            plain[word] = text
    for word, text in plain.items():
        words[word] = {**dict.fromkeys(LANGUAGES, text), **words.get(word, {})}
    return words


def parse_facts(given: Iterable[str]) -> dict[str, Any]:
    """``["system.domain=credit"]`` as facts. A value is text; true and false (also True, FALSE)
    and numbers are read as such, ``[a, b]`` as a list.

    Raises InputError for what is no KEY=VALUE, and for a fact that is given two values.
    """
    facts: dict[str, Any] = {}
    for part in given:
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or not key or not value.strip():
            raise InputError(
                "--facts {part!r} is not KEY=VALUE",
                remedy="e.g. --facts system.domain=credit",
                part=part,
            )
        read = _value(value.strip())
        if key in facts and facts[key] != read:
            raise InputError(
                "the fact {key} is given twice: {facts!r} and {read!r}",
                remedy="give it once; several values are a list: --facts '{key}=[a, b]'",
                key=key,
                facts=facts[key],
                read=read,
            )
        facts[key] = read
    return facts


def parse_declared(given: Iterable[str]) -> dict[str, Any]:
    """``["accuracy_min=0.8"]`` as thresholds fixed in advance; read as facts are.

    Raises InputError for what is no NAME=VALUE, and for a name that is given two values.
    """
    declared: dict[str, Any] = {}
    for part in given:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value:
            raise InputError(
                "--declared {part!r} is not NAME=VALUE",
                remedy="e.g. --declared accuracy_min=0.8",
                part=part,
            )
        read = _value(value)
        if key in declared and declared[key] != read:
            raise InputError(
                "{key} is declared twice: {one!r} and {other!r}",
                remedy="declare it once",
                key=key,
                one=declared[key],
                other=read,
            )
        declared[key] = read
    return declared


def _value(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        inside = text[1:-1].strip()
        return [_value(part.strip()) for part in inside.split(",")] if inside else []
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):  # as YAML has them
        return text.lower() == "true"
    try:
        number = json.loads(text)
    except ValueError:
        return text
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return number if is_number else text


def with_options(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A subject file's values with those of options, which win; facts, roles and words are added
    one by one, so that naming one doesn't take the file's others away."""
    one_by_one = ("facts", "roles", "words", "declared")
    added = {key: {**base.get(key, {}), **given[key]} for key in one_by_one if key in given}
    return {**base, **given, **added}
