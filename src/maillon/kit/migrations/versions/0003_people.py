# SPDX-License-Identifier: Apache-2.0
"""People: persons, how they log in, their roles; letters to be sent; whose organisation a key or a deed is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _person(*, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(
        "person",
        sa.String(24),
        sa.ForeignKey("people_person.id", ondelete="CASCADE"),
        nullable=nullable,
        index=True,
    )


def upgrade() -> None:
    op.add_column("api_key", sa.Column("organisation", sa.String(80)))
    op.add_column("audit", sa.Column("organisation", sa.String(80)))
    op.create_index("ix_api_key_organisation", "api_key", ["organisation"])
    op.create_index("ix_audit_organisation", "audit", ["organisation"])
    op.create_table(
        "mail_outbox",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("letter", sa.LargeBinary),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger),
    )
    op.create_table(
        "people_person",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("address", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("profile", sa.LargeBinary, nullable=False),
        sa.Column("password", sa.LargeBinary),
        sa.Column("otp", sa.LargeBinary),
        sa.Column("otp_step", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "people_recovery_code",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        _person(),
    )
    op.create_table(
        "people_passkey",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        _person(),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("label", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
    )
    op.create_table(
        "people_identity",
        sa.Column("subject", sa.LargeBinary(32), primary_key=True),
        _person(),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "people_session",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        _person(),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("label", sa.LargeBinary, nullable=False),
        sa.Column("methods", sa.String(80), nullable=False),
        sa.Column("authenticated", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "people_role",
        sa.Column("person", sa.String(24), sa.ForeignKey("people_person.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("organisation", sa.String(80), primary_key=True, index=True),
        sa.Column("role", sa.String(20), primary_key=True),
        sa.Column("granted", sa.BigInteger, nullable=False),
        sa.Column("granted_by", sa.String(200), nullable=False),
    )
    op.create_table(
        "people_invitation",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("organisation", sa.String(80), nullable=False, index=True),
        sa.Column("roles", sa.String(200), nullable=False),
        sa.Column("address", sa.LargeBinary),
        sa.Column("invited_by", sa.String(200), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
        sa.Column("revoked", sa.BigInteger),
    )
    op.create_table(
        "people_ticket",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("purpose", sa.String(20), nullable=False),
        _person(nullable=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "people_attempt",
        sa.Column("subject", sa.LargeBinary(32), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
