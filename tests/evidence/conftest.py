# SPDX-License-Identifier: Apache-2.0
"""What the tests of evidence share: the workshop, importable by its name, and one valid receipt made once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import workshop


@pytest.fixture(scope="session")
def valid() -> dict[str, Any]:
    """A valid receipt, as JSON. Copy before changing it: `workshop.patched`."""
    return workshop.Making().receipt()


@pytest.fixture(scope="session")
def trust() -> workshop.TrustAnchors:
    """The anchors it is checked against."""
    return workshop.trust_anchors()
