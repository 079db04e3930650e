# SPDX-License-Identifier: Apache-2.0
"""Alembic's entry: runs the versions on the connection the store gives, in the store's own transaction."""

from __future__ import annotations

from alembic import context

from maillon.kit.store import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
