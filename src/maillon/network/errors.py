# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in a node. *Refused* is a rule saying no; *unavailable* is not having been able to ask."""

from __future__ import annotations


class NetworkError(Exception):
    """Base of everything the node raises on purpose."""


class PayloadUnreadable(NetworkError):
    """The bytes of a proposal are no payload, or not as one is encoded."""


class ProposalRefused(NetworkError):
    """A proposal breaks a rule all validators compute alike. Carries the rule, what was expected and what was found."""

    def __init__(self, rule: str, expected: object, found: object) -> None:
        super().__init__(f"{rule}: expected {_short(expected)}, found {_short(found)}")
        self.rule = rule
        self.expected = expected
        self.found = found


class ExecutionUnavailable(NetworkError):
    """The execution engine did not answer, or cannot yet: nothing is known, and asking again may help."""


class EngineUnusable(NetworkError):
    """An engine program is missing, of another version, or not the one that was pinned; the message says what to do."""


class NodeUnusable(NetworkError):
    """The node's directory, keys or settings cannot be used as they are; the message names the file."""


class InvalidNetwork(NetworkError):
    """A network file or a node card is not what it should be; the message names the field."""


class RegistrationRefused(NetworkError):
    """The chain does not list the node; the message is its reason."""


class InvalidBackup(NetworkError):
    """A backup or snapshot is damaged, of another kind, or says what the chain does not; the message says which."""


class NodeDown(NetworkError):
    """No node answers where one was expected."""


def _short(value: object) -> str:
    text = "0x" + value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
