# SPDX-License-Identifier: Apache-2.0
"""Printed records of votes: each made once in each language, and kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "votes_printed",
        sa.Column("proposal", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("language", sa.String(2), primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
