# SPDX-License-Identifier: Apache-2.0
"""Members: what the chain says of organisations, and applications with what was sent for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "members_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("height", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "members_organisation",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("scheme", sa.String(32), nullable=False),
        sa.Column("identifier", sa.String(64), nullable=False),
        sa.Column("person", sa.String(100), nullable=False, index=True),
        sa.Column("legal_name", sa.Text, nullable=False),
        sa.Column("sort_name", sa.Text, nullable=False, index=True),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("tier", sa.Integer, nullable=False),
        sa.Column("college", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("suspended_until", sa.BigInteger, nullable=False),
        sa.Column("did", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("applied", sa.BigInteger, nullable=False),
        sa.Column("joined", sa.BigInteger),
        sa.Column("search", sa.Text, nullable=False),
    )
    op.create_table(
        "members_account",
        sa.Column("address", sa.LargeBinary(20), primary_key=True),
        sa.Column("since_height", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("since_position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("until_height", sa.BigInteger),
        sa.Column("organisation", sa.Integer, nullable=False, index=True),
        sa.Column("scopes", sa.Integer, nullable=False),
        sa.Column("label", sa.String(66), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
    )
    op.create_table(
        "members_history",
        sa.Column("height", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("organisation", sa.Integer, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("transaction", sa.LargeBinary(32), nullable=False),
        sa.Index("ix_members_history_organisation_height", "organisation", "height"),
    )
    op.create_table(
        "members_rule",
        sa.Column("kind", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("country", sa.String(2), primary_key=True),
        sa.Column("offices", sa.Integer, nullable=False),
        sa.Column("evidence", sa.BigInteger, nullable=False),
        sa.Column("tier", sa.Integer, nullable=False),
        sa.Column("college", sa.Integer, nullable=False),
    )
    op.create_table(
        "members_application",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("code", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("open_person", sa.String(100), unique=True),
        sa.Column("scheme", sa.String(32), nullable=False),
        sa.Column("identifier", sa.String(64), nullable=False),
        sa.Column("legal_name", sa.Text, nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("private", sa.LargeBinary),
        sa.Column("evidence", sa.Integer, nullable=False),
        sa.Column("invited_by", sa.Integer),
        sa.Column("organisation", sa.Integer, index=True),
        sa.Column("submitted", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "members_step",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "application",
            sa.String(24),
            sa.ForeignKey("members_application.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("actor", sa.String(20), nullable=False),
        sa.Column("note", sa.LargeBinary),
    )
    op.create_table(
        "members_document",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column(
            "application",
            sa.String(24),
            sa.ForeignKey("members_application.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("media_type", sa.String(60), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "members_voucher",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("used", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "members_key",
        sa.Column("address", sa.LargeBinary(20), primary_key=True),
        sa.Column("application", sa.String(24), index=True),
        sa.Column("organisation", sa.Integer, index=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "members_case",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("organisation", sa.Integer, nullable=False, index=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.LargeBinary, nullable=False),
        sa.Column("appeal", sa.LargeBinary),
    )
