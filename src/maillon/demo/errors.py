# SPDX-License-Identifier: Apache-2.0
"""Why a demonstration does not go on."""

from maillon.kit.errors import KitError


class DemoError(KitError):
    """Base of what a demonstration raises."""


class NotWanted(DemoError):
    """This home is none to invent people in; the message says why."""


class DemoStopped(DemoError):
    """A door refused what the demonstration asked, or did not answer; the next start goes on from there."""
