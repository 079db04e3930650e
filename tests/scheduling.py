# SPDX-License-Identifier: Apache-2.0
"""Which file of tests comes next, and in which process: those that wait run beside those that compute.

Networks of real nodes and whole journeys wait most of the time, for blocks, votes and processes that start; two of them
at once on a small machine only make each other later. So every other process begins with them, and the rest with
everything else; whoever has no more of its own takes of the other's.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

WAITING = ("tests/network/", "tests/journeys/")
ABOUT_FAULTS = ("tests/faults/", "tests/network/")


class BesideEachOther(LoadFileScheduling):
    """Files in the order of the collection, of one's own kind first."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        waits = self.nodes.index(node) % 2 == 0
        own = (file for file in self.workqueue if file.startswith(WAITING) == waits)
        self.workqueue.move_to_end(next(own, next(iter(self.workqueue))), last=False)
        super()._assign_work_unit(node)


def about_faults(item: pytest.Item) -> bool:
    """Whether a test is about faults or a network of nodes, or takes many minutes: what `./test --faults` runs."""
    return item.nodeid.startswith(ABOUT_FAULTS) or item.get_closest_marker("long") is not None


def longest_first(items: list[pytest.Item]) -> None:
    """Bring the files with tests that take many minutes to the front: begun last they would end alone."""
    long: set[Path] = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)
