# SPDX-License-Identifier: Apache-2.0
"""The notary: head of the log, entries not yet published, checkpoints, and where to find an entry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "notary_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next_index", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "notary_submission",
        sa.Column("first_index", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("payloads", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "notary_checkpoint",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("height", sa.BigInteger, nullable=True),
        sa.Column("anchor", sa.Text, nullable=True),
        sa.Column("stamp", sa.LargeBinary, nullable=True),
    )
    op.create_table(
        "notary_lookup",
        sa.Column("prefix", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.bulk_insert(
        sa.table("notary_head", sa.column("id"), sa.column("next_index"), sa.column("size")),
        [{"id": 1, "next_index": 0, "size": 0}],
    )
