"""Remedies as a command prints them: what it has, and other commands named in full.

An error is raised by a room that several commands go through, and its remedy offers what any of
them has. Remedies are alternatives, apart by "; " or ", or ": those that name an option which the
command at hand lacks are left out. Where none is left, the command that has it is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from evenhand.audit.words.phrases import in_language, phrase

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
_NAMED = re.compile(r"\bevenhand ([a-z][a-z-]*)((?: (?!evenhand\b)[^;,`()]*)?)")
_APART = re.compile(r"(; or |, or |; |；或者?|，或者?|；)")
Options = Mapping[str, frozenset[str]]


def for_command(remedy: str, command: str, known: Options) -> str:
    """The remedy without what ``command`` lacks; ``known`` holds each command's options.

    >>> options = {"audit": frozenset({"--encoding"}), "judge": frozenset({"--policy"})}
    >>> for_command("name it: --encoding latin-1, or pass Parquet", "judge", options)
    'pass Parquet'
    """
    own = known.get(command)
    if own is None or "--" not in remedy:
        return remedy
    kept = [part for part in alternatives(remedy) if not lacking(part[1], command, known)]
    if kept:
        return (kept[0][1] + "".join(apart + text for apart, text in kept[1:])).strip()
    other = next((name for name in known if not lacking(remedy, name, known)), None)
    if other is None:
        return in_language(
            phrase(
                "`evenhand {command}` has no such option; see: evenhand {command} --help",
                command=command,
            )
        )
    return in_language(
        phrase(
            "`evenhand {command}` has no such option; evenhand {other} has: {remedy_}",
            command=command,
            other=other,
            remedy_=remedy,
        )
    )


def alternatives(remedy: str) -> list[tuple[str, str]]:
    """The alternatives, each with what stands before it."""
    parts = _APART.split(remedy)
    return list(zip(["", *parts[1::2]], parts[::2], strict=True))


def lacking(text: str, command: str, known: Options) -> list[str]:
    """The options in ``text`` that their command lacks: the one named before them, or ``command``;
    and commands that there are not."""
    wrong = []
    for name, options in named(text, command):
        if name not in known:
            wrong.append(f"evenhand {name}")
        else:
            wrong += [o for o in options if o not in known[name] | {"--help", "--version"}]
    return wrong


def named(text: str, command: str) -> Iterator[tuple[str, list[str]]]:
    """Each command that a text names, with the options that follow; ``command`` has the others."""
    rest = text
    for found in _NAMED.finditer(text):
        yield found[1], _OPTION.findall(found[2])
        rest = rest.replace(found[0], " ", 1)
    yield command, _OPTION.findall(rest)
