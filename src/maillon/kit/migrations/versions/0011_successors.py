# SPDX-License-Identifier: Apache-2.0
"""Where votes are taken: a vote can lead the name Governance to another contract."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "votes_governance",
        sa.Column("succession", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("address", sa.LargeBinary(20), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("read", sa.Boolean, nullable=False),
    )
    # Which contract took a vote the chain has always said: the read model is made anew at the next start.
    for table in ("cursor", "statutes", "proposal", "tally", "ballot", "proxy"):
        op.execute(sa.delete(sa.table(f"votes_{table}")))
