# SPDX-License-Identifier: Apache-2.0
"""Settings are refused when they are set, with their name, and not when they are first used."""

from __future__ import annotations

import base64

import pytest

from maillon.kit.errors import InvalidSettings
from maillon.kit.settings import load

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


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
