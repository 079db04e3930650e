# SPDX-License-Identifier: Apache-2.0
"""Settings are refused when they are set, with their name, and not when they are first used."""

from __future__ import annotations

import base64

import pytest

from maillon.kit.errors import InvalidSettings
from maillon.kit.settings import load

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize("url", ["https://receiver.example/hook", "https://bücher.example:8443", "http://127.0.0.1:1/",
                                 "http://[::1]:8080/hook"])  # fmt: skip
def test_an_address_that_can_be_is_taken(url: str) -> None:
    (webhook,) = load(webhooks=[{"url": url, "secret": SECRET}]).webhooks
    assert webhook.url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "https:///hook",
        "https://user@receiver.example/",
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
