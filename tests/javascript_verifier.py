# SPDX-License-Identifier: Apache-2.0
"""The JavaScript verifier as a judge that is asked line by line, in the Node of the development environment."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maillon.evidence.hashing import Digest

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "src/maillon/kit/static/verifier.html"
"""The verifier as it is shipped."""
Answer = tuple[str, int | None, str | None]
"""Verdict, the step that ends it (None when the document is refused as it is read), and the name of the reason."""


@dataclass(frozen=True)
class Judge:
    """The verifier inside the committed HTML file, in one process for many questions."""

    process: subprocess.Popen[str]

    def __call__(self, receipt: bytes, anchors: bytes, digest: Digest | None) -> Answer:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        question: dict[str, Any] = {
            "receipt": base64.b64encode(receipt).decode(),
            "anchors": base64.b64encode(anchors).decode(),
            "digest": digest and {"algorithm": digest.algorithm.value, "value": digest.value.hex()},
        }
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["verdict"], answer["step"], answer["error"]
