# SPDX-License-Identifier: Apache-2.0
"""Settings are refused when they are set, with their name, and not when they are first used."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from maillon.kit.callers import read_network
from maillon.kit.errors import InvalidSettings
from maillon.kit.settings import load
from maillon.kit.store import Store

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "chosen",
    [
        {"url": "http://127.0.0.1:8400"},
        {"url": "https://maillon.example/below"},
        {"ledger": "http://[::1]:8545"},
        {"database": "sqlite:////var/lib/maillon/data.sqlite3"},
        {"database": "postgresql://maillon:secret@database.example:5432/maillon"},
        {"database": "postgresql:///maillon?host=/var/run/postgresql"},
    ],
)
def test_a_server_that_can_be_is_taken(chosen: dict[str, str]) -> None:
    ((name, value),) = chosen.items()
    assert getattr(load(**chosen), name) == value


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        *(
            (name, value, "http:// or https://, a host")
            for name in ("url", "ledger")
            for value in ("here", "ftp://here", "http://", "http://[", "http://here:port", "http://a b", "//here")
        ),
        *(
            ("database", value, "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
            for value in ("here", "", "mysql://u:secret@here/d", "sqlite://here", "postgresql://u:secret@here:port/d")
        ),
        *(
            ("smtp", value, "smtp://, smtp")
            for value in ("", "http://u:secret@here", "smtp://", "smtp://u:secret@here:port", "smtp://a b")
        ),
        *(("origin", value, "a key's name is not empty") for value in ("", "a b", "a+b", "a\tb")),
    ],
)
def test_a_server_that_cannot_be_is_refused_without_its_secret(name: str, value: str, advice: str) -> None:
    with pytest.raises(InvalidSettings, match=f"setting {name}: {advice}") as refusal:
        load(**{name: value})
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("name", ["providers", "webhooks", "webhooks_networks", "trusted_proxies"])
@pytest.mark.parametrize("value", ["secret", '["secret"', '[{"secret": 1}]', "3"])
def test_a_list_in_the_environment_that_is_none_is_refused_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MAILLON_{name.upper()}", value)
    with pytest.raises(InvalidSettings, match=f"^setting {name}") as refusal:
        load()
    assert value not in str(refusal.value)


@pytest.mark.parametrize("name", [b"plain", b"100%", b"what?mode=memory", b"a#b", b"caf\xc3\xa9 & co", b"latin-\xe9"])
def test_the_database_of_a_home_lies_in_it_whatever_it_is_called(tmp_path: Path, name: bytes) -> None:
    home = tmp_path / os.fsdecode(name)
    home.mkdir()
    Store.open(load(home=home).database_url).close()
    assert (home / "maillon.sqlite3").stat().st_size
    assert list(tmp_path.iterdir()) == [home]


@pytest.mark.parametrize("url", ["https://receiver.example/hook", "https://bücher.example:8443", "http://127.0.0.1:1/",
                                 "http://[::1]:8080/hook", "https://receiver.example/hook?of=votes&to=7"])  # fmt: skip
def test_an_address_that_can_be_is_taken(url: str) -> None:
    (webhook,) = load(webhooks=[{"url": url, "secret": SECRET}]).webhooks
    assert webhook.url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "https:///hook",
        "https://user@receiver.example/",
        "https://@receiver.example/",
        "https://receiver.example/hook#votes",
        "https://receiver.example/hook#",
        "https://a..b/",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 130}example/",
        "https://receiver.example:99999/",
        "https://receiver.example:0/",
        "https://receiver.example:port/",
        "https://[::1/",
        "https://receiver .example/",
        " https://receiver.example/",
    ],
)
def test_an_address_that_cannot_be_is_refused_by_its_setting(url: str) -> None:
    with pytest.raises(InvalidSettings, match=r"setting webhooks\.0\.url"):
        load(webhooks=[{"url": url, "secret": SECRET}])


@pytest.mark.parametrize(
    "url", ["https://portal.example/?a=b", "https://portal.example/portal?", "https://portal.example/#"]
)
def test_an_address_that_is_the_beginning_of_others_has_no_query(url: str) -> None:
    assert load(public_url="https://portal.example/portal/").public_url == "https://portal.example/portal"
    with pytest.raises(InvalidSettings, match="setting public_url"):
        load(public_url=url)
    provider = {"id": "city", "name": "City", "issuer": url, "client_id": "a", "client_secret": "b"}
    with pytest.raises(InvalidSettings, match=r"setting providers\.0\.issuer"):
        load(providers=[provider])


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load(home=tmp_path).trusted_proxies == ()
    (tmp_path / "settings.toml").write_text('trusted_proxies = ["10.0.0.7", "2001:db8::/32"]\n')
    assert load(home=tmp_path).trusted_proxies == (read_network("10.0.0.7"), read_network("2001:db8::/32"))
    monkeypatch.setenv("MAILLON_TRUSTED_PROXIES", '["10.0.0.0/24"]')
    assert load(home=tmp_path).trusted_proxies == (read_network("10.0.0.0/24"),)


@pytest.mark.parametrize("proxy", ["", "proxy.example", "10.0.0.7/24", "10.0.0", "*", "0.0.0.0/0", "::/0", 7, None])
def test_what_is_no_proxy_or_everybody_is_refused(proxy: object) -> None:
    with pytest.raises(InvalidSettings, match=r"setting trusted_proxies\.0: addresses and networks, as"):
        load(trusted_proxies=[proxy])
