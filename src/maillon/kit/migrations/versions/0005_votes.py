# SPDX-License-Identifier: Apache-2.0
"""Votes: proposals, counts, positions and proxies as read from the chain; texts, and the records of closed votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _key(name: str, kind: type[sa.Integer] = sa.BigInteger) -> sa.Column[int]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _digest(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(32), nullable=nullable)


def upgrade() -> None:
    op.create_table("votes_cursor", _key("id", sa.Integer), _number("height"))
    op.create_table("votes_statutes", _key("version", sa.Integer), sa.Column("document", sa.Text, nullable=False))
    op.create_table(
        "votes_proposal",
        _key("number"),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("statutes", sa.Integer, nullable=False),
        _number("proposer"),
        _digest("text_hash"),
        sa.Column("calls", sa.Text, nullable=False),
        _number("opens"),
        _number("closes"),
        _number("executable_from"),
        _number("expires"),
        _number("height"),
        _number("time"),
        _digest("transaction"),
        _number("executed_height", nullable=True),
        _number("executed_time", nullable=True),
        _digest("executed_transaction", nullable=True),
        sa.Column("failure", sa.LargeBinary, nullable=True),
        _number("failure_height", nullable=True),
    )
    op.create_index("ix_votes_proposal_closes", "votes_proposal", ["closes"])
    op.create_index("ix_votes_proposal_text_hash", "votes_proposal", ["text_hash"])
    op.create_table(
        "votes_tally",
        _key("proposal"),
        _key("college", sa.Integer),
        _number("total"),
        _number("in_favour"),
        _number("against"),
        _number("abstaining"),
        _number("objecting"),
    )
    op.create_table(
        "votes_ballot",
        _key("proposal"),
        _key("organisation"),
        sa.Column("position", sa.Integer, nullable=False),
        _number("holder"),
        _number("weight"),
        sa.Column("college", sa.Integer, nullable=False),
        sa.Column("struck", sa.Boolean, nullable=False),
        _digest("reason_hash"),
        _number("height"),
        _number("place"),
        _number("time"),
        _digest("transaction"),
    )
    op.create_index("ix_votes_ballot_order", "votes_ballot", ["proposal", "height", "place"])
    op.create_index("ix_votes_ballot_reason_hash", "votes_ballot", ["reason_hash"])
    op.create_table("votes_proxy", _key("giver"), _key("proposal"), _number("holder"), _number("until"))
    op.create_index("ix_votes_proxy_holder", "votes_proxy", ["holder"])
    op.create_table(
        "votes_text",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "votes_record",
        _key("proposal"),
        sa.Column("document", sa.LargeBinary, nullable=False),
        _number("entry", nullable=True),
    )
