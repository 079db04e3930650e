# SPDX-License-Identifier: Apache-2.0
"""Maillon: a common, open, interoperable blockchain infrastructure.

In reading order: evidence, kit, ledger, services, main. docs/tour.md walks through them.
"""

__version__ = "0.1.0"
