# SPDX-License-Identifier: Apache-2.0
"""Notices, who has read them, and what each person chose to be written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "notice",
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("key", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("person", sa.String(24), index=True),
        sa.Column("organisation", sa.String(80), index=True),
        sa.Column("words", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False, index=True),
        sa.Column("written_to", sa.String(24), index=True),
    )
    op.create_table(
        "notices_read",
        sa.Column("person", sa.String(24), sa.ForeignKey("people_person.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "notice", sa.BigInteger, sa.ForeignKey("notice.number", ondelete="CASCADE"), primary_key=True, index=True
        ),
    )
    op.create_table(
        "notices_choice",
        sa.Column("person", sa.String(24), sa.ForeignKey("people_person.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", sa.String(40), primary_key=True),
        sa.Column("mail", sa.Boolean, nullable=False),
    )
