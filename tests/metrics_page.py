# SPDX-License-Identifier: Apache-2.0
"""The page of metrics, and expositions, in the same terms: name → type and labels."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families as families

PAGE = Path(__file__).resolve().parents[1] / "docs/operating/metrics.md"


def described(page: str) -> dict[str, tuple[str, str]]:
    """Type and labels of each row, by name; every cell but the labels says something."""
    found: dict[str, tuple[str, str]] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = re.fullmatch(r"`(\w+)`", cells[0])
        if line.startswith("|") and name:
            assert len(cells) == 5
            assert cells[3], f"{name[1]} has no unit"
            assert len(cells[4]) > 5, f"{name[1]} has no meaning"
            assert name[1] not in found, f"{name[1]} has two rows"
            found[name[1]] = (cells[1], cells[2].strip("`"))
    return found


def exposed(text: str) -> dict[str, tuple[str, str]]:
    """The same of an exposition, but for when each counter began."""
    found: dict[str, tuple[str, str]] = {}
    for family in families(text):
        if family.name.endswith("_created"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name not in found, f"{name} is told twice"
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found[name] = (family.type, " ".join(sorted(labels)))
    return found
