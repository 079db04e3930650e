# SPDX-License-Identifier: Apache-2.0
"""The offline verifier's one file: made from the sources that stand beside it, closed to the network, and small."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "src/maillon/kit/static"
PAGE = (KIT / "verifier.html").read_text()
MADE_OF = [
    *(path for path in (ROOT / "verifier/source").rglob("*") if path.is_file()),
    *(ROOT / "verifier" / name for name in ("build.js", "package.json", "package-lock.json")),
    *(KIT / f"fonts/{name}-LICENSE.txt" for name in ("commissioner", "atkinson-hyperlegible-mono")),
    KIT / "tokens.css",
]  # fmt: skip


def source_hash() -> str:
    """As verifier/build.js computes it: the lines of sha256sum, by name."""
    lines = {path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in MADE_OF}
    return hashlib.sha256("".join(f"{lines[name]}  {name}\n" for name in sorted(lines)).encode()).hexdigest()


def test_the_file_is_made_of_its_sources() -> None:
    stated = re.search(r"Made by verifier/build\.js; source ([0-9a-f]{64})", PAGE)
    assert stated is not None
    assert stated[1] == source_hash(), "verifier.html is older than its sources: run just verifier"


def test_its_policy_allows_what_is_in_it_and_nothing_else() -> None:
    found = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', PAGE)
    assert found is not None
    policy = dict(part.split(" ", 1) for part in found[1].split("; "))
    assert policy["default-src"] == policy["connect-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["font-src"] == policy["img-src"] == "data:"

    def named(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy["script-src"].split() == [
        named(text) for text in re.findall(r"<script>(.*?)</script>", PAGE, re.DOTALL)
    ]
    assert policy["style-src"].split() == [named(text) for text in re.findall(r"<style>(.*?)</style>", PAGE, re.DOTALL)]


def test_it_fetches_nothing() -> None:
    markup = re.sub(r"<script>.*?</script>", "", PAGE, flags=re.DOTALL)
    led_to = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", markup)
    assert led_to
    assert [address for address in led_to if not address.startswith(("data:", "#"))] == []
    assert not re.search(r"url\((?!\"?data:)", PAGE)
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts)\b", PAGE)


def test_it_carries_its_licences_and_is_small() -> None:
    assert "Paul Miller" in PAGE
    assert PAGE.count("SIL OPEN FONT LICENSE Version 1.1") == 2
    assert "Apache License" in PAGE
    assert len(PAGE.encode()) < 250_000
