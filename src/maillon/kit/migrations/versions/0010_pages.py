# SPDX-License-Identifier: Apache-2.0
"""What lets pages of much be made without reading all of it: when lists of people changed, and where credits go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "people_change",
        sa.Column("organisation", sa.String(80), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.add_column("members_organisation", sa.Column("credit_account", sa.LargeBinary(20)))
    # The chain has always said it and the read model did not keep it: it is made anew at the next start.
    for table in ("members_head", "members_organisation", "members_account", "members_history", "members_rule"):
        op.execute(sa.delete(sa.table(table)))
