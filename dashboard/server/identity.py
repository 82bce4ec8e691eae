"""Who looks at the dashboard, how that is known, and what they may do.

By default everybody on this machine reads. ``--as NAME:ROLE`` lets somebody write, on this
machine's own address only, and is recorded as unauthenticated. For a team, ``dashboard.yaml`` names
an OpenID Connect provider and says which of its people have which role; nobody else sees anything.

What a page shows or greys out protects nothing: ``writing`` and ``starting`` ask here again, on the
server, each time something is written or started.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from evenhand.audit.errors import InputError
from evenhand.audit.register.register import home
from evenhand.audit.words.phrases import phrase
from evenhand.policies.recording import Signer

Role = Literal["viewer", "auditor", "approver"]
ROLES: tuple[Role, ...] = get_args(Role)
SCHEMA = "evenhand-dashboard/1"
CONFIG = "EVENHAND_DASHBOARD_CONFIG"
STATED = "EVENHAND_DASHBOARD_AS"
# What each right needs at least; the roles are ordered, an approver may do what an auditor may.
_NEEDS: Mapping[str, Role] = {
    "read": "viewer",
    "attest": "auditor",
    "start": "auditor",
    "waive": "approver",
    "sign-off": "approver",
}


class RefusedError(InputError):
    """Somebody asked for what their role does not allow."""


@dataclass(frozen=True)
class SignedIn:
    """Who is there. ``role`` is None for somebody who may not even read.

    ``signs_as`` are the packs' own roles ("data owner") that this person may sign as; None stands
    for every one of them: a name that nobody checked is not kept from a role that nobody checked.
    """

    name: str
    role: Role | None
    known_by: Literal["nobody", "stated", "oidc"] = "nobody"
    issuer: str = ""
    subject: str = ""
    signs_as: tuple[str, ...] | None = ()

    def may(self, right: str) -> bool:
        """Whether the role allows ``right``: read, attest, start, waive or sign-off."""
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(_NEEDS[right])

    def may_sign_as(self, role: str) -> bool:
        """Whether this person may attest in a pack's role, such as "data owner"."""
        wanted = role.strip().casefold()
        allowed = self.signs_as
        return allowed is None or wanted in {r.strip().casefold() for r in allowed}

    def require(self, right: str) -> None:
        """Raises RefusedError unless the role allows ``right``."""
        if self.may(right):
            return
        who = f"{self.name!r} has the role {self.role}" if self.name else "nobody is signed in"
        raise RefusedError(
            "{who}; to {right} takes the role {needs}",
            remedy=phrase("have somebody with that role do it, or give the role in dashboard.yaml")
            if self.known_by == "oidc"
            else phrase("start with: evenhand dashboard --as NAME:{needs}", needs=_NEEDS[right]),
            who=who,
            right=right,
            needs=_NEEDS[right],
        )

    def signer(self, role: str) -> Signer:
        """This person as one who signs in ``role``."""
        subject = f"{self.issuer}#{self.subject}" if self.subject else ""
        return Signer(self.name, role, self.known_by, subject)


READER = SignedIn("", "viewer")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Login(_Part):
    """The OpenID Connect provider. The secret is in a file, not here."""

    issuer: str
    client_id: str = Field(min_length=1)
    client_secret_file: Path
    server_metadata_url: str = ""

    @field_validator("issuer", "server_metadata_url")
    @classmethod
    def _is_guarded(cls, url: str) -> str:
        return _guarded(url) if url else url

    @property
    def metadata_url(self) -> str:
        """Where the provider describes itself."""
        return self.server_metadata_url or (
            self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        )


class Member(_Part):
    """One person: known by issuer and subject, never by a name or address that can be changed."""

    subject: str = Field(min_length=1)
    issuer: str = ""
    name: str = Field(min_length=1)
    role: Role
    signs_as: tuple[str, ...] = ()


class Settings(_Part):
    """``dashboard.yaml``: where the dashboard listens, who signs people in, who may do what."""

    schema_: Literal["evenhand-dashboard/1"] = Field(alias="schema")
    url: str
    address: str = "127.0.0.1"
    oidc: Login
    people: tuple[Member, ...] = Field(min_length=1)
    session_hours: float = Field(default=12, gt=0, le=24 * 30)
    max_upload_mb: int = Field(default=50, ge=1, le=4096)

    @field_validator("url")
    @classmethod
    def _is_guarded(cls, url: str) -> str:
        return _guarded(url).rstrip("/")

    def person(self, claims: Mapping[str, Any], *, now: float) -> SignedIn:
        """Who the provider says is there: nobody we know, or one of ``people``.

        A login that is older than ``session_hours``, or that does not say when it was made, is
        nobody's: an auditor signs with a login of today.
        """
        subject, issuer = str(claims.get("sub") or ""), str(claims.get("iss") or "")
        name = str(claims.get("name") or claims.get("email") or subject)
        if not claims.get("is_logged_in") or not subject or not issuer:
            return SignedIn("", None)
        made = claims.get("iat")
        is_fresh = isinstance(made, int | float) and now - made <= self.session_hours * 3600
        for member in self.people:
            if is_fresh and (member.issuer or self.oidc.issuer, member.subject) == (
                issuer,
                subject,
            ):
                return SignedIn(member.name, member.role, "oidc", issuer, subject, member.signs_as)
        return SignedIn(name, None, "oidc", issuer, subject)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0"), is_loopback("")
    (True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _guarded(url: str) -> str:
    """The URL, refused where what goes over it could be read on the way."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not a plain URL such as https://evidence.example.org")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError(f"{url!r} must start with https:// (http:// is for this machine alone)")
    return url


def read_settings(path: Path) -> Settings:
    """``dashboard.yaml``. Raises InputError for a file that says something else."""
    from evenhand.audit.files import safe_yaml

    document = safe_yaml.parse(safe_yaml.read_bytes(path), str(path))
    try:
        read = Settings.model_validate(document.data)
    except ValidationError as error:
        one = error.errors()[0]
        where = ".".join(str(part) for part in one["loc"])
        line = document.line(tuple(one["loc"]))
        raise InputError(
            "{path}{line}: {where}: {msg}",
            remedy="see dashboard.yaml in docs/dashboard.md",
            path=path,
            line=f" line {line}" if line else "",
            where=where or "the file",
            msg=one["msg"],
        ) from error
    known = [(m.issuer or read.oidc.issuer, m.subject) for m in read.people]
    for issuer, subject in known:
        if known.count((issuer, subject)) > 1:
            raise InputError(
                "{path} names the subject {subject!r} of {issuer} twice",
                remedy="give each person one line",
                path=path,
                subject=subject,
                issuer=issuer,
            )
    secret = _beside(path, read.oidc.client_secret_file)
    return read.model_copy(
        update={"oidc": read.oidc.model_copy(update={"client_secret_file": secret})}
    )


def _beside(path: Path, name: Path) -> Path:
    return name if name.is_absolute() else path.parent / name


def settings_path(given: Path | None) -> Path | None:
    """The file to read: the one given, else ``dashboard.yaml`` in EVENHAND_HOME if it is there.

    Raises InputError where the home wasn't named but found in this folder: whoever made the folder
    could say who signs in, and as what.
    """
    if given is not None:
        return given
    usual = home() / "dashboard.yaml"
    if not usual.is_file():
        return None
    if not os.environ.get("EVENHAND_HOME"):
        raise InputError(
            "{usual} was found in the folder that you stand in, and says who may sign in",
            remedy="if it is yours: --config {usual}, or set EVENHAND_HOME",
            usual=usual,
        )
    return usual


def stated(text: str) -> SignedIn:
    """The person of ``--as NAME:ROLE``. Raises InputError for anything else."""
    name, _, role = text.rpartition(":")
    for known in ROLES:
        if name.strip() and role.strip() == known:
            return SignedIn(name.strip(), known, "stated", signs_as=None)
    raise InputError(
        "--as {text!r} is not NAME:ROLE",
        remedy="name one of the roles {roles}",
        text=text,
        roles=", ".join(ROLES),
    )


def current() -> SignedIn:
    """Who is looking, worked out anew from the request each time that it is asked."""
    import streamlit as st

    config = os.environ.get(CONFIG)
    if config:
        claims = dict(st.user.to_dict())
        return _settings(config, Path(config).stat().st_mtime_ns).person(claims, now=time.time())
    named = os.environ.get(STATED)
    # a name that nobody checked counts where nobody but this machine's users can come
    if named and is_loopback(str(st.get_option("server.address") or "")):
        return stated(named)
    return READER


def needs_login() -> bool:
    """Whether people are signed in by a provider."""
    return bool(os.environ.get(CONFIG))


@lru_cache(maxsize=4)
def _settings(path: str, changed: int) -> Settings:
    """Read again when the file changes, so that a role taken away is gone at the next click."""
    return read_settings(Path(path))
