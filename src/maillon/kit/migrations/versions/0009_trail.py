# SPDX-License-Identifier: Apache-2.0
"""Documents of the trail that were notarised."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "people_trail",
        sa.Column("organisation", sa.String(80), primary_key=True),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("previous", sa.LargeBinary(32)),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("entry", sa.BigInteger),
    )
    op.create_index("ix_people_trail_last", "people_trail", ["last"])
