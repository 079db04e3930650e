# SPDX-License-Identifier: Apache-2.0
"""As whom the command line acts: one order, for every command that asks a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maillon.kit.credentials import authorization, login_token
from maillon.kit.errors import CredentialUnreadable
from maillon.kit.settings import Settings, load

URL = "http://127.0.0.1:9"
SOURCES = Path(__file__).resolve().parents[2] / "src/maillon"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("MAILLON_API_KEY", raising=False)
    return load(home=tmp_path, url=URL)


def log_in(settings: Settings, server: str = URL) -> None:
    (settings.home / "login.json").write_text(json.dumps({"token": "ml_token", "server": server}))


def test_the_first_of_three_that_is_there(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert authorization(settings) == {}
    (settings.home / "api-key").write_text("mk_home\n")
    assert authorization(settings) == {"Authorization": "Bearer mk_home"}
    log_in(settings)
    assert authorization(settings) == {"Authorization": "Bearer ml_token"}
    monkeypatch.setenv("MAILLON_API_KEY", "mk_given")
    assert authorization(settings) == {"Authorization": "Bearer mk_given"}
    # Set and empty is not set; whatever it is, the log-in is what it was.
    monkeypatch.setenv("MAILLON_API_KEY", "")
    assert authorization(settings) == {"Authorization": "Bearer ml_token"}
    assert login_token(settings) == "ml_token"


def test_a_log_in_is_shown_to_its_own_server_alone(settings: Settings) -> None:
    log_in(settings, "http://elsewhere.example")
    assert authorization(settings) == {}
    assert login_token(settings) == ""


@pytest.mark.parametrize(
    ("url", "chosen", "shown"),
    [
        ("http://localhost:8400", {}, True),
        ("http://[::1]:8400", {}, True),
        ("https://elsewhere.example", {}, False),
        ("https://127.0.0.1.elsewhere.example", {}, False),
        ("https://elsewhere.example", {"host": "0.0.0.0"}, False),  # noqa: S104 - what an operator may write
        ("https://192.0.2.7", {}, False),
        ("https://192.0.2.7", {"host": "192.0.2.7"}, True),
        ("https://portal.example", {"public_url": "https://portal.example"}, True),
    ],
)
def test_the_key_of_the_home_is_shown_to_its_own_server_alone(
    settings: Settings, url: str, chosen: dict[str, str], shown: bool
) -> None:
    (settings.home / "api-key").write_text("mk_home\n")
    assert bool(authorization(load(home=settings.home, url=url, **chosen))) is shown


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"token": "ml_x"}', b"\xff\xfe", b"7"])
def test_a_damaged_log_in_is_said_and_not_passed_over(settings: Settings, content: bytes) -> None:
    (settings.home / "api-key").write_text("mk_home\n")
    (settings.home / "login.json").write_bytes(content)
    with pytest.raises(CredentialUnreadable, match="maillon login writes it again"):
        authorization(settings)


@pytest.mark.parametrize("name", ["login.json", "api-key"])
def test_what_cannot_be_read_is_said(settings: Settings, name: str) -> None:
    (settings.home / name).mkdir()
    with pytest.raises(CredentialUnreadable, match=name):
        authorization(settings)


@pytest.mark.parametrize("key", ["mk_\nX-Forwarded-For: 1", "clé"])
def test_a_key_that_is_no_header_is_refused(settings: Settings, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILLON_API_KEY", key)
    with pytest.raises(CredentialUnreadable) as refused:
        authorization(settings)
    assert key not in str(refused.value)


def test_a_damaged_key_of_the_home_is_said(settings: Settings) -> None:
    (settings.home / "api-key").write_bytes(b"mk_\xff")
    with pytest.raises(CredentialUnreadable, match="start the server anew"):
        authorization(settings)


def test_no_command_looks_for_its_own() -> None:
    looking = [
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if any(word in path.read_text() for word in ("MAILLON_API_KEY", "login.json"))
    ]
    assert looking == ["kit/credentials.py"]
