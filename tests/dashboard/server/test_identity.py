"""Who is there, what they may do, and where the dashboard may listen."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.audit.errors import InputError
from evenhand.dashboard.server import identity, launch
from evenhand.dashboard.server.identity import READER, RefusedError, SignedIn

NOW = 1_800_000_000.0
YAML = """
schema: evenhand-dashboard/1
url: https://evidence.example.org
address: 0.0.0.0
oidc:
  issuer: https://login.example.org
  client_id: evenhand
  client_secret_file: secret.txt
people:
- {subject: "17", name: Ada, role: auditor, signs_as: [data owner]}
- {subject: "17", issuer: "https://other.example.org", name: Mallory, role: viewer}
- {subject: "18", name: Grace, role: approver}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("s3cret\n")
    path = tmp_path / "dashboard.yaml"
    path.write_text(YAML)
    return path


def claims(**changes: object) -> dict[str, object]:
    told = {"is_logged_in": True, "iss": "https://login.example.org", "sub": "17", "iat": NOW - 60}
    return {**told, "name": "Somebody", **changes}


def test_a_person_is_known_by_issuer_and_subject(config: Path) -> None:
    settings = identity.read_settings(config)
    ada = settings.person(claims(), now=NOW)
    assert (ada.name, ada.role, ada.known_by, ada.subject) == ("Ada", "auditor", "oidc", "17")
    # the same subject of another issuer is another person
    other = settings.person(claims(iss="https://other.example.org"), now=NOW)
    assert (other.name, other.role) == ("Mallory", "viewer")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://login.example.org.evil.example"},
        {"sub": "19"},
        {"sub": ""},
        {"sub": None, "email": "ada@example.org", "name": "Ada"},  # a name is no identity
        {"is_logged_in": False},
        {"iat": NOW - 13 * 3600},  # longer than session_hours ago
        {"iat": None},
        {"iat": "yesterday"},
    ],
)
def test_nobody_else_gets_in(config: Path, changes: dict[str, object]) -> None:
    person = identity.read_settings(config).person(claims(**changes), now=NOW)
    assert person.role is None
    assert not person.may("read")


def test_roles_are_ordered_and_refuse_by_name() -> None:
    may = {
        role: {
            right
            for right in ("read", "attest", "start", "waive", "sign-off")
            if SignedIn("x", role).may(right)
        }
        for role in identity.ROLES
    }
    assert may["viewer"] == {"read"}
    assert may["auditor"] == {"read", "attest", "start"}
    assert may["approver"] == {"read", "attest", "start", "waive", "sign-off"}
    with pytest.raises(RefusedError, match="'Ada' has the role auditor; to waive takes"):
        SignedIn("Ada", "auditor", "oidc").require("waive")
    with pytest.raises(RefusedError, match="nobody is signed in"):
        READER.require("attest")


def test_a_name_that_is_only_stated_is_recorded_as_such() -> None:
    person = identity.stated("Ada: the first:auditor")
    assert (person.name, person.role, person.known_by) == ("Ada: the first", "auditor", "stated")
    assert person.signer("data owner").known_by == "stated"
    assert person.may_sign_as("Data Owner ")
    for wrong in ("Ada", "Ada:boss", ":auditor", ""):
        with pytest.raises(InputError, match="NAME:ROLE"):
            identity.stated(wrong)


def test_only_listed_pack_roles_may_be_signed_as(config: Path) -> None:
    ada = identity.read_settings(config).person(claims(), now=NOW)
    assert ada.may_sign_as("Data owner")
    assert not ada.may_sign_as("risk owner")
    assert ada.signer("data owner").subject == "https://login.example.org#17"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("https://evidence", "http://evidence", "must start with https"),
        ("https://login.example.org\n", "http://login.example.org\n", "must start with https"),
        ("role: approver", "role: king", "people.2.role"),
        ("client_id: evenhand", "client: evenhand", "client_id"),
        ('subject: "18"', 'subject: "17"', "twice"),
        ("evenhand-dashboard/1", "evenhand-dashboard/2", "schema"),
    ],
)
def test_a_wrong_configuration_is_refused(config: Path, old: str, new: str, said: str) -> None:
    assert old in YAML
    config.write_text(YAML.replace(old, new))
    with pytest.raises(InputError, match=said):
        identity.read_settings(config)


def test_a_name_counts_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit as st

    monkeypatch.delenv(identity.CONFIG, raising=False)
    monkeypatch.setenv(identity.STATED, "Ada:approver")
    for address, role in (("127.0.0.1", "approver"), ("0.0.0.0", "viewer"), (None, "viewer")):
        monkeypatch.setattr(st, "get_option", lambda name, value=address: value)
        assert identity.current().role == role


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_no_other_address_without_a_provider(home: Path, address: str) -> None:
    with pytest.raises(InputError, match="nobody signs in"):
        launch.run(address=address)


def test_a_name_is_not_taken_where_people_sign_in(config: Path) -> None:
    with pytest.raises(InputError, match="--as is for a dashboard where nobody signs in"):
        launch.run(config=config, stated="Ada:auditor")


def test_the_secrets_are_the_owners_alone_and_new_each_time(config: Path, tmp_path: Path) -> None:
    import tomllib

    settings = identity.read_settings(config)
    first, second = tmp_path / "1", tmp_path / "2"
    told = []
    for folder in (first, second):
        folder.mkdir()
        path = launch._write_secrets(folder, settings)
        assert path.stat().st_mode & 0o077 == 0
        told.append(tomllib.loads(path.read_text())["auth"])
    assert told[0]["client_secret"] == "s3cret"
    assert told[0]["redirect_uri"] == "https://evidence.example.org/oauth2callback"
    assert told[0]["server_metadata_url"].endswith("/.well-known/openid-configuration")
    assert told[0]["cookie_secret"] != told[1]["cookie_secret"]
    assert len(told[0]["cookie_secret"]) == 64


def test_the_environment_of_the_caller_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(identity.STATED, "Mallory:approver")
    assert identity.STATED not in launch._environment(None, None)
