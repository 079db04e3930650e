# SPDX-License-Identifier: Apache-2.0
"""The system contracts as typed calls and events: one module each, written by contracts/build.py."""
