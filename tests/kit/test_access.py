# SPDX-License-Identifier: Apache-2.0
"""Keys: what one may do, and every reason for which it may not."""

from __future__ import annotations

import datetime

import pytest
import sqlalchemy as sa

from maillon.kit import access
from maillon.kit.access import ADMINISTER, NOTARY_WRITE, Access
from maillon.kit.clock import FixedClock
from maillon.kit.errors import AccessDenied
from maillon.kit.store import Store


def make(store: Store, keys: Access, *scopes: str, expires: datetime.datetime | None = None) -> tuple[str, bytes]:
    with store.transaction() as connection:
        identifier, key = keys.create(connection, "town hall", scopes, expires)
    return identifier, b"Bearer " + key.encode()


def test_a_key_may_what_its_scopes_say(store: Store, clock: FixedClock) -> None:
    keys = Access(store, clock)
    identifier, header = make(store, keys, NOTARY_WRITE)
    subject = keys.check(header, NOTARY_WRITE)
    assert (subject.name, subject.key_id) == ("town hall", identifier)
    with pytest.raises(AccessDenied, match="needs the scope admin") as refused:
        keys.check(header, ADMINISTER)
    assert refused.value.authenticated


def test_the_administrator_may_everything(store: Store, clock: FixedClock) -> None:
    keys = Access(store, clock)
    _, header = make(store, keys, ADMINISTER)
    assert keys.check(header, NOTARY_WRITE).name == "town hall"


@pytest.mark.parametrize(
    "header", [None, b"", b"Bearer", b"Bearer mk_unknown", b"Basic mk_x", b"Bearer " + b"x" * 300, b"\xff\xfe"]
)
def test_what_is_no_key_is_refused(store: Store, clock: FixedClock, header: bytes | None) -> None:
    with pytest.raises(AccessDenied) as refused:
        Access(store, clock).check(header, NOTARY_WRITE)
    assert not refused.value.authenticated


def test_a_revoked_key_is_refused_at_once(store: Store, clock: FixedClock) -> None:
    keys = Access(store, clock)
    identifier, header = make(store, keys, NOTARY_WRITE)
    keys.check(header, NOTARY_WRITE)
    with store.transaction() as connection:
        assert keys.revoke(connection, identifier)
        assert not keys.revoke(connection, identifier)
    with pytest.raises(AccessDenied, match="revoked"):
        keys.check(header, NOTARY_WRITE)


def test_another_process_learns_of_it_within_seconds(store: Store, clock: FixedClock) -> None:
    here, there = Access(store, clock), Access(store, clock)
    identifier, header = make(store, here, NOTARY_WRITE)
    there.check(header, NOTARY_WRITE)
    with store.transaction() as connection:
        here.revoke(connection, identifier)
    clock.advance(access.REMEMBERED + 1)
    with pytest.raises(AccessDenied, match="revoked"):
        there.check(header, NOTARY_WRITE)


def test_an_expired_key_is_refused_even_when_remembered(store: Store, clock: FixedClock) -> None:
    keys = Access(store, clock)
    _, header = make(store, keys, NOTARY_WRITE, expires=clock.now() + datetime.timedelta(seconds=2))
    keys.check(header, NOTARY_WRITE)
    clock.advance(3)
    with pytest.raises(AccessDenied, match="expired"):
        keys.check(header, NOTARY_WRITE)


def test_a_clock_set_back_does_not_keep_a_key_alive(store: Store, clock: FixedClock) -> None:
    keys = Access(store, clock)
    identifier, header = make(store, keys, NOTARY_WRITE)
    keys.check(header, NOTARY_WRITE)
    with store.transaction() as connection:
        connection.execute(access.table.update().where(access.table.c.id == identifier).values(revoked=1))
    clock.advance(-3600)
    with pytest.raises(AccessDenied, match="revoked"):
        keys.check(header, NOTARY_WRITE)


def test_only_a_digest_is_kept(store: Store, clock: FixedClock) -> None:
    keys = Access(store, clock)
    _, header = make(store, keys, NOTARY_WRITE)
    secret = header.removeprefix(b"Bearer ")
    with store.read() as connection:
        rows = connection.execute(sa.select(access.table)).all()
    assert secret not in repr(rows).encode()


def test_last_use_is_written_when_asked(store: Store, clock: FixedClock) -> None:
    keys = Access(store, clock)
    _, header = make(store, keys, NOTARY_WRITE)
    keys.check(header, NOTARY_WRITE)
    keys.write_last_use()
    with store.read() as connection:
        assert keys.list(connection)[0].last_used == clock.now()


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_a_key_has_known_scopes(store: Store, clock: FixedClock, scopes: list[str]) -> None:
    with pytest.raises(ValueError, match="scopes"), store.transaction() as connection:
        Access(store, clock).create(connection, "town hall", scopes)
