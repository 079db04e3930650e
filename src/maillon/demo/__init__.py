# SPDX-License-Identifier: Apache-2.0
"""A demonstration: an invented alliance on a new home, so that whoever opens the portal finds people at work in it.

`consortium.json` says who they are. `filling` has them apply, join, notarise and vote, through the doors anybody uses
(`door`), with keys of their own and the time it takes: nothing is written beside the doors, so nothing in it is less
true than what a real member does. It begins after `up` is ready, says how far it is, and goes on where it stopped.
Organisations, people and documents are invented; identifiers have right check digits in ranges nobody is given.
"""

from maillon.demo.errors import DemoError, DemoStopped, NotWanted
from maillon.demo.filling import Demo, Progress

__all__ = ["Demo", "DemoError", "DemoStopped", "NotWanted", "Progress"]
