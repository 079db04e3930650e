# SPDX-License-Identifier: Apache-2.0
"""Webhooks of organisations; what waits is found without reading what has ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "webhook_receiver",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("organisation", sa.String(80), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("kinds", sa.String(1000), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.BigInteger),
        sa.Column("refused", sa.BigInteger),
        sa.Column("reason", sa.String(40)),
        sa.Column("off", sa.BigInteger),
    )
    op.create_index("ix_webhook_receiver_organisation", "webhook_receiver", ["organisation"])
    op.add_column("webhook_outbox", sa.Column("test", sa.Boolean, nullable=False, server_default=sa.false()))
    unended = sa.text("taken IS NULL AND failed IS NULL")
    for name, columns in (("due", ["due", "id"]), ("receiver", ["receiver", "created", "id"])):
        op.create_index(
            f"ix_webhook_outbox_{name}", "webhook_outbox", columns, sqlite_where=unended, postgresql_where=unended
        )
