# SPDX-License-Identifier: Apache-2.0
"""Webhooks with real receivers on loopback: signed, told again until they are taken, and never inwards by default."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import hmac
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from listener import KEY, Listener
from maillon.kit import webhooks
from maillon.kit.clock import FixedClock
from maillon.kit.encryption import Encryption
from maillon.kit.errors import AddressForbidden, CiphertextUnreadable, InvalidSettings
from maillon.kit.store import Store
from maillon.kit.webhooks import (
    DEPARTED,
    FRESH,
    HOLDS,
    KEPT,
    PAUSES,
    TEST,
    Receiver,
    Webhook,
    Webhooks,
    allowed_address,
    check_url,
    read_secret,
    receivers,
    sign,
)

ENCRYPTION = Encryption([("00000001", bytes(range(32)))], bytes(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def couriers(store: Store, clock: FixedClock, *urls: str, private: bool = True) -> Webhooks:
    return Webhooks(store, clock, ENCRYPTION, [Receiver(url, KEY) for url in urls], private=private)


def stage(store: Store, courier: Webhooks, clock: FixedClock, key: str = "1", ago: int = 0) -> None:
    with store.transaction() as connection:
        courier.stage(connection, "vote.proposed", key, int(clock.now().timestamp()) - ago, {"number": 1})


def test_a_message_is_signed_as_the_standard_says(store: Store, clock: FixedClock, listener: Listener) -> None:
    courier = couriers(store, clock, listener.url)
    stage(store, courier, clock)
    assert courier.counts() == (1, 0)
    assert courier.deliver() == 1
    ((headers, body),) = listener.heard
    assert json.loads(body) == {"type": "vote.proposed", "timestamp": "2026-03-01T12:00:00Z", "data": {"number": 1}}
    assert headers[":path"] == "/hook?of=votes"
    assert headers["host"] == listener.url.split("/")[2]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert base64.b64decode(signature) == hmac.new(read_secret(SECRET), signed, hashlib.sha256).digest()
    assert int(headers["webhook-timestamp"]) == int(clock.now().timestamp())
    assert courier.counts() == (0, 0)
    assert courier.deliver() == 0


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    """Standard Webhooks, "Signature scheme": the example every library of it is tested with."""
    key = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_not_taken_is_told_again_under_its_identifier(
    store: Store, clock: FixedClock, listener: Listener
) -> None:
    courier = couriers(store, clock, listener.url)
    stage(store, courier, clock)
    listener.status = 503
    for pause in PAUSES:
        assert courier.deliver() == 0
        assert courier.deliver() == 0, "nothing is due yet"
        clock.advance(pause)
    listener.status = 200
    assert courier.deliver() == 1
    assert len(listener.heard) == len(PAUSES) + 1
    assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in listener.heard}) == len(PAUSES) + 1
    assert len({body for _, body in listener.heard}) == 1


def test_after_the_last_attempt_it_is_given_up_and_counted(store: Store, clock: FixedClock, listener: Listener) -> None:
    courier = couriers(store, clock, listener.url)
    stage(store, courier, clock)
    listener.status = 500
    for pause in (*PAUSES, 10 * PAUSES[-1]):
        courier.deliver()
        clock.advance(pause)
    assert courier.counts() == (0, 1)
    assert courier.deliver() == 0


def test_a_receiver_that_is_gone_is_left_alone(store: Store, clock: FixedClock, listener: Listener) -> None:
    courier = couriers(store, clock, listener.url)
    stage(store, courier, clock)
    listener.status = 410
    courier.deliver()
    assert courier.counts() == (0, 1)


def test_a_redirect_is_a_refusal_and_is_not_followed(store: Store, clock: FixedClock, listener: Listener) -> None:
    other = Listener()
    try:
        courier = couriers(store, clock, listener.url)
        stage(store, courier, clock)
        listener.status, listener.location = 302, other.url
        assert courier.deliver() == 0
        assert other.heard == []
        assert courier.counts() == (1, 0)
    finally:
        other.close()


def test_nobody_listening_is_tried_again(store: Store, clock: FixedClock, listener: Listener) -> None:
    url = listener.url
    listener.close()
    courier = couriers(store, clock, url)
    stage(store, courier, clock)
    assert courier.deliver() == 0
    assert courier.counts() == (1, 0)


def test_loopback_is_forbidden_unless_the_operator_says_so(store: Store, clock: FixedClock, listener: Listener) -> None:
    courier = couriers(store, clock, listener.url, private=False)
    stage(store, courier, clock)
    assert courier.deliver() == 0
    assert listener.heard == []
    assert courier.counts() == (1, 0), "an operator who allows it later loses nothing"


@pytest.mark.parametrize("url", ["https://a..b/", f"https://{'a' * 64}.example/", "https://receiver.example:99999/"])
def test_an_address_that_is_none_keeps_nobody_else_from_being_told(
    store: Store, clock: FixedClock, listener: Listener, url: str
) -> None:
    courier = couriers(store, clock, url, listener.url)
    stage(store, courier, clock)
    assert courier.deliver() == 1
    assert courier.counts() == (1, 0)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104 - refused
     "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "ff02::1",
     "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "::7f00:1", "::ffff:0:7f00:1", "fec0::1"],
)  # fmt: skip
def test_no_address_of_the_inside_is_posted_to(address: str) -> None:
    def resolving(_host: str, _port: int) -> list[str]:
        # A public one first does not help: any of them may be the one connected to.
        return ["93.184.216.34", address]

    with pytest.raises(AddressForbidden):
        allowed_address("https://receiver.example/hook", private=False, resolving=resolving)
    assert allowed_address("https://receiver.example/hook", private=True, resolving=resolving) == "93.184.216.34"


def test_a_public_address_is_what_is_connected_to() -> None:
    asked: list[tuple[str, int]] = []

    def resolving(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]

    assert allowed_address("https://receiver.example/hook", private=False, resolving=resolving) == "93.184.216.34"
    assert asked == [("receiver.example", 443)]
    with pytest.raises(OSError, match="no address"):
        allowed_address("https://receiver.example/", private=False, resolving=lambda _host, _port: [])


def test_what_was_told_is_not_told_again_by_a_read_model_made_anew(
    store: Store, clock: FixedClock, listener: Listener
) -> None:
    courier = couriers(store, clock, listener.url)
    for _ in range(2):
        stage(store, courier, clock)
        courier.deliver()
    assert len(listener.heard) == 1
    stage(store, courier, clock, key="old", ago=FRESH + 1)
    assert courier.counts() == (0, 0)
    clock.advance(KEPT + 1)
    with store.transaction() as connection:
        assert courier.forget(connection) == 1
        assert connection.scalar(sa.select(sa.func.count()).select_from(webhooks.table)) == 0


def test_each_receiver_has_its_own_message_and_one_taken_out_is_not_told(
    store: Store, clock: FixedClock, listener: Listener
) -> None:
    other = Listener()
    try:
        courier = couriers(store, clock, listener.url, other.url)
        stage(store, courier, clock)
        assert couriers(store, clock, listener.url).deliver() == 1
        assert other.heard == []
        assert courier.counts() == (0, 1)
    finally:
        other.close()


def test_what_is_not_committed_is_not_told(store: Store, clock: FixedClock, listener: Listener) -> None:
    courier = couriers(store, clock, listener.url)

    def undone() -> None:
        with store.transaction() as connection:
            courier.stage(connection, "vote.proposed", "1", int(clock.now().timestamp()), {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    assert courier.deliver() == 0


def test_the_courier_walks_by_itself(store: Store, clock: FixedClock, listener: Listener) -> None:
    courier = couriers(store, clock, listener.url)
    courier.start()
    try:
        stage(store, courier, clock)
        courier.wake()
        assert listener.arrived.wait(60)
    finally:
        courier.stop()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_"), "whsec_%%%"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(InvalidSettings, match="setting webhooks"):
        read_secret(secret)


# One who is slow or away, and the others


def heard(listener: Listener) -> list[str]:
    return [json.loads(body)["type"] for _, body in listener.heard]


def test_who_is_away_is_tried_once_for_each_pause_however_much_there_is_to_tell(
    store: Store, clock: FixedClock, listener: Listener
) -> None:
    courier = couriers(store, clock, listener.url)
    for number in range(20):
        stage(store, courier, clock, key=str(number))
        clock.advance(1)
    listener.status = 503
    for pause in PAUSES[: HOLDS - 1]:
        assert courier.deliver() == 0
        clock.advance(pause)
        stage(store, courier, clock, key=f"meanwhile {pause}")
    assert len(listener.heard) == HOLDS - 1
    assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1, "the oldest stands for all of them"
    listener.status = 204
    assert courier.deliver() == 20 + HOLDS - 1
    assert courier.counts() == (0, 0)


def test_a_message_nobody_can_take_holds_up_the_others_for_some_hours_alone(
    store: Store, clock: FixedClock, listener: Listener
) -> None:
    courier = couriers(store, clock, listener.url)
    stage(store, courier, clock, key="poison")
    listener.status = 500
    for pause in PAUSES[: HOLDS - 1]:
        assert courier.deliver() == 0
        clock.advance(pause)
    stage(store, courier, clock, key="held until the last of these")
    assert courier.deliver() == 0
    clock.advance(1)
    stage(store, courier, clock, key="good")
    listener.status = 204
    clock.advance(PAUSES[0])
    assert courier.deliver() == 2
    assert courier.counts() == (1, 0)


def test_one_who_is_slow_holds_up_nobody_else(store: Store, clock: FixedClock, listener: Listener) -> None:
    slow = Listener()
    slow.answers.clear()
    courier = couriers(store, clock, slow.url, listener.url)
    for key in "abc":
        stage(store, courier, clock, key=key)
    courier.start()
    try:
        courier.wake()
        assert slow.arrived.wait(60)
        while len(listener.heard) < 3:
            listener.arrived.wait(60)
            listener.arrived.clear()
        assert len(slow.heard) == 1, "two are never on the way to the same"
        slow.answers.set()
    finally:
        courier.stop()
        slow.close()


def test_a_receiver_that_sends_a_byte_now_and_then_is_cut_off(
    store: Store, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_TIMEOUT", 0.4)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not ended.wait(0.05):  # each byte well within the limit of one wait
                    connection.sendall(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        courier = couriers(store, clock, f"http://127.0.0.1:{server.getsockname()[1]}/")
        stage(store, courier, clock)
        assert courier.deliver() == 0
        ended.set()
        dripping.join()
    assert courier.counts() == (1, 0)


# Those of organisations


LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


class Theirs:
    """Webhooks of organisations, who may stand on this machine, over one of the operator's."""

    def __init__(self, store: Store, clock: FixedClock, *own: str, networks: Any = LOOPBACK) -> None:
        self.store = store
        self.clock = clock
        self.made = Webhooks(
            store, clock, ENCRYPTION, [Receiver(url, KEY) for url in own], private=True, networks=networks
        )
        self.told: list[Webhook] = []
        self.made.set_aside = lambda _connection, webhook: self.told.append(webhook)

    def add(self, url: str, *kinds: str, organisation: str = "1") -> tuple[str, str]:
        with self.store.transaction() as connection:
            return self.made.add(connection, organisation, url, kinds)

    def stage(self, kind: str = "vote.proposed", key: str = "1", organisation: str | None = None) -> None:
        with self.store.transaction() as connection:
            now = int(self.clock.now().timestamp())
            self.made.stage(connection, kind, key, now, {"number": 1}, organisation=organisation)

    def of(self, organisation: str = "1") -> list[Webhook]:
        with self.store.read() as connection:
            return self.made.of(connection, organisation)


@pytest.fixture
def theirs(store: Store, clock: FixedClock) -> Theirs:
    return Theirs(store, clock)


def test_an_organisation_is_told_and_its_secret_signs(theirs: Theirs, listener: Listener) -> None:
    identifier, secret = theirs.add(listener.url)
    theirs.stage()
    assert theirs.made.deliver() == 1
    ((headers, body),) = listener.heard
    expected = sign(read_secret(secret), headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == expected
    (seen,) = theirs.of()
    assert (seen.id, seen.taken, seen.refused, seen.off) == (identifier, theirs.clock.now(), None, None)
    assert seen.address == listener.url.removeprefix("http://").partition("?")[0], "what a query hides stays hidden"
    assert theirs.of("2") == []


def test_url_and_secret_are_unreadable_at_rest_and_bound_to_their_row(theirs: Theirs, store: Store) -> None:
    first, secret = theirs.add("https://receiver.example/hook?token=hidden")
    second, _ = theirs.add("https://other.example/")
    with store.transaction() as connection:
        sealed = {row.id: bytes(row.sealed) for row in connection.execute(sa.select(receivers))}
        assert not any(word in sealed[first] for word in (b"receiver", b"hidden", secret.encode()))
        moved = receivers.update().where(receivers.c.id == second).values(sealed=sealed[first])
        connection.execute(moved)
    with pytest.raises(CiphertextUnreadable):
        theirs.of()


def test_everything_is_encrypted_again_with_the_newest_key(theirs: Theirs, store: Store, clock: FixedClock) -> None:
    identifier, _ = theirs.add("https://receiver.example/hook")
    ring = [("00000002", bytes(reversed(range(32)))), ("00000001", bytes(range(32)))]
    with store.transaction() as connection:
        newer = Webhooks(store, clock, Encryption(ring, bytes(32)))
        assert (newer.encrypt_again(connection), newer.encrypt_again(connection)) == (1, 0)
    with store.read() as connection:
        alone = Webhooks(store, clock, Encryption(ring[:1], bytes(32)))
        assert [(one.id, one.address) for one in alone.of(connection, "1")] == [(identifier, "receiver.example/hook")]


def test_who_asked_for_some_kinds_is_told_of_no_other(theirs: Theirs, listener: Listener) -> None:
    theirs.add(listener.url, "vote.closing", "credits.low")
    for kind in ("vote.proposed", "vote.closing", "vote", "credits"):
        theirs.stage(kind)
    theirs.made.deliver()
    assert heard(listener) == ["vote.closing"]


def test_what_concerns_one_organisation_is_told_to_it_and_the_operator_alone(
    store: Store, clock: FixedClock, listener: Listener
) -> None:
    operator, others = Listener(), Listener()
    try:
        theirs = Theirs(store, clock, operator.url)
        theirs.add(listener.url, organisation="1")
        theirs.add(others.url, organisation="2")
        for _ in range(2):  # staged again, it is the same
            theirs.stage("credits.low", organisation="1")
        theirs.stage("vote.proposed")
        theirs.made.deliver()
        assert sorted(heard(listener)) == sorted(heard(operator)) == ["credits.low", "vote.proposed"]
        assert heard(others) == ["vote.proposed"]
    finally:
        operator.close()
        others.close()


def test_many_receivers_are_one_question_and_one_statement(theirs: Theirs, store: Store) -> None:
    for number in range(5):
        theirs.add(f"https://receiver.example/{number}")
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "webhook" in statement:
            statements.append(statement.split(maxsplit=1)[0])

    sa.event.listen(store.engine, "before_cursor_execute", note)
    theirs.stage()
    sa.event.remove(store.engine, "before_cursor_execute", note)
    assert statements == ["SELECT", "SELECT", "INSERT"]


@pytest.mark.parametrize("gone", [True, False])
def test_who_never_takes_it_is_set_aside_and_told_again_once_resumed(
    theirs: Theirs, listener: Listener, gone: bool
) -> None:
    identifier, _ = theirs.add(listener.url)
    for key in "ab":
        theirs.stage(key=key)
        theirs.clock.advance(1)
    listener.status = 410 if gone else 500
    for pause in PAUSES if not gone else ():
        theirs.made.deliver()
        assert theirs.told == []
        theirs.clock.advance(pause)
    while not theirs.told:
        theirs.made.deliver()
        theirs.clock.advance(1)
    (told,) = theirs.told
    assert (told.id, told.reason, told.off is not None) == (identifier, f"status {listener.status}", True)
    assert theirs.made.counts() == (0, 2), "what waited is given up with it"
    listener.status, before = 204, len(listener.heard)
    theirs.stage(key="while it is set aside")
    assert theirs.made.deliver() == 0
    with theirs.store.transaction() as connection:
        assert not theirs.made.resume(connection, "2", identifier), "of another organisation"
        assert theirs.made.resume(connection, "1", identifier)
    theirs.stage(key="once it is resumed")
    assert theirs.made.deliver() == 1
    assert len(listener.heard) == before + 1
    (seen,) = theirs.of()
    assert (seen.off, seen.refused, seen.reason) == (None, None, None)


def test_who_takes_everything_but_one_message_stays_in_service(theirs: Theirs, listener: Listener) -> None:
    theirs.add(listener.url)
    theirs.stage(key="poison")
    for attempt, pause in enumerate((*PAUSES, 1), 1):
        listener.status = 500
        assert theirs.made.deliver() == 0
        theirs.clock.advance(pause - 1)
        if attempt == HOLDS:
            listener.status = 204
            theirs.stage(key="good")
            assert theirs.made.deliver() == 1
        theirs.clock.advance(1)
    assert theirs.made.counts() == (0, 1)
    assert theirs.told == []
    assert theirs.of()[0].off is None


def test_what_cannot_be_told_of_setting_aside_sets_nothing_aside(theirs: Theirs, listener: Listener) -> None:
    def failing(_connection: object, _webhook: Webhook) -> None:
        raise ZeroDivisionError

    theirs.made.set_aside = failing
    theirs.add(listener.url)
    theirs.stage()
    listener.status = 410
    with pytest.raises(ZeroDivisionError):
        theirs.made.deliver()
    assert theirs.made.counts() == (1, 0), "one transaction: the message waits, and is due when its claim ends"
    assert theirs.of()[0].off is None


def test_the_operators_receiver_is_never_set_aside(store: Store, clock: FixedClock, listener: Listener) -> None:
    theirs = Theirs(store, clock, listener.url)
    theirs.stage(key="a")
    listener.status = 410
    theirs.made.deliver()
    listener.status = 204
    theirs.stage(key="b")
    assert theirs.made.deliver() == 1
    assert theirs.told == []


def test_another_secret_signs_what_waits(theirs: Theirs, listener: Listener) -> None:
    identifier, old = theirs.add(listener.url)
    theirs.stage()
    with theirs.store.transaction() as connection:
        assert theirs.made.rotate(connection, "2", identifier) is None
        new = theirs.made.rotate(connection, "1", identifier)
    assert new is not None
    assert new != old
    theirs.made.deliver()
    ((headers, body),) = listener.heard
    expected = sign(read_secret(new), headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == expected


def test_removing_one_forgets_what_waits_for_it_and_nothing_else(theirs: Theirs, listener: Listener) -> None:
    first, _ = theirs.add(listener.url)
    theirs.add(listener.url)
    theirs.stage()
    with theirs.store.transaction() as connection:
        assert not theirs.made.remove(connection, "2", first)
        assert theirs.made.remove(connection, "1", first)
        assert not theirs.made.remove(connection, "1", first)
    assert theirs.made.counts() == (1, 0)
    assert theirs.made.deliver() == 1
    (second,) = theirs.of()
    with theirs.store.transaction() as connection:
        assert theirs.made.organisations(connection) == ["1"]
        assert theirs.made.remove(connection, "1", second.id)
        assert theirs.made.organisations(connection) == []
        assert connection.scalar(sa.select(sa.func.count()).select_from(webhooks.table)) == 0


def test_a_test_is_tried_once_before_what_waits(theirs: Theirs, listener: Listener) -> None:
    identifier, _ = theirs.add(listener.url, "vote.closing")
    listener.status = 500
    theirs.stage("vote.closing")
    theirs.made.deliver()
    with theirs.store.transaction() as connection:
        assert theirs.made.test(connection, "2", identifier, {}) is None
        sent = [theirs.made.test(connection, "1", identifier, {"organisation": 1}) for _ in range(2)]
    theirs.made.deliver()
    assert heard(listener) == ["vote.closing", TEST, TEST]
    assert {headers["webhook-id"] for headers, _ in listener.heard[1:]} == set(sent)
    assert theirs.made.counts() == (1, 2), "nobody is told of a test for three days"
    assert theirs.told == []
    theirs.clock.advance(PAUSES[0])
    listener.status = 204
    assert theirs.made.deliver() == 1


def test_who_left_is_told_of_that_and_of_nothing_after(theirs: Theirs, listener: Listener) -> None:
    identifier, _ = theirs.add(listener.url)
    other, _ = theirs.add(listener.url, organisation="2")
    theirs.clock.advance(10)
    happened = int(theirs.clock.now().timestamp())
    theirs.stage("organisation.status")
    with theirs.store.transaction() as connection:
        theirs.made.depart(connection, "1", happened)
    assert theirs.made.deliver() == 2
    theirs.stage("vote.proposed")
    assert theirs.made.deliver() == 1
    ((seen,), (stays,)) = theirs.of("1"), theirs.of("2")
    assert (seen.id, seen.reason, seen.off is not None) == (identifier, DEPARTED, True)
    assert (stays.id, stays.off) == (other, None)
    assert [(one.id, one.reason) for one in theirs.told] == [(identifier, DEPARTED)]
    # Whoever resumes it meant that, and a register read anew does not undo it.
    theirs.clock.advance(10)
    with theirs.store.transaction() as connection:
        theirs.made.resume(connection, "1", identifier)
        theirs.made.depart(connection, "1", happened)
    assert theirs.of()[0].off is None


def test_who_left_is_set_aside_even_where_its_key_is_lost(theirs: Theirs, store: Store, clock: FixedClock) -> None:
    theirs.add("https://receiver.example/")
    keyless = Webhooks(store, clock, Encryption([("00000009", bytes(32))], bytes(32)))
    keyless.set_aside = lambda _connection, webhook: theirs.told.append(webhook)
    with store.transaction() as connection:
        keyless.depart(connection, "1", int(clock.now().timestamp()))
    assert theirs.of()[0].reason == DEPARTED
    assert theirs.told == []


def test_an_old_departure_is_no_news(theirs: Theirs) -> None:
    theirs.add("https://receiver.example/")
    happened = int(theirs.clock.now().timestamp())
    theirs.clock.advance(FRESH + 1)
    with theirs.store.transaction() as connection:
        theirs.made.depart(connection, "1", happened)
    assert theirs.of()[0].off is None


@pytest.mark.parametrize(
    ("url", "networks"),
    [
        ("http://receiver.example/", LOOPBACK),
        ("http://127.0.0.1/hook", ()),
        ("https://127.0.0.1/hook", ()),
        ("https://[::1]/hook", ()),
        ("https://[::ffff:10.0.0.1]/", (ipaddress.ip_network("10.0.0.0/8"),)),
        ("https://10.0.0.1/", LOOPBACK),
        ("https://169.254.169.254/latest", ()),
        ("https://user:password@receiver.example/", ()),
        ("https://receiver.example/#part", ()),
        ("https://receiver.example/ x", ()),
        ("https://receiver.example/\0", ()),
        ("https://receiver.example/\u202egnihton", ()),
        ("https://\u2603.example/", ()),
        ("https://receiver.example/" + "x" * 500, ()),
        ("ftp://receiver.example/", ()),
        ("", ()),
    ],
)
def test_what_no_organisation_may_name_is_refused(url: str, networks: Any, store: Store, clock: FixedClock) -> None:
    with pytest.raises(ValueError):
        check_url(url, networks)
    theirs = Theirs(store, clock, networks=networks)
    with pytest.raises(ValueError):
        theirs.add(url)
    assert theirs.of() == []


def test_what_an_organisation_may_name_is_taken() -> None:
    check_url("https://receiver.example:8443/hook?of=votes", ())
    check_url("https://93.184.216.34/", ())
    check_url("http://127.0.0.1:8000/hook", LOOPBACK)


def test_the_operators_word_for_their_own_lets_no_organisation_inside(
    store: Store, clock: FixedClock, listener: Listener
) -> None:
    """`webhooks_private` is on here: the name leads to this machine, and is looked at each time."""
    theirs = Theirs(store, clock, networks=())
    url = listener.url.replace("127.0.0.1", "localhost").replace("http:", "https:")
    theirs.add(url)
    theirs.stage()
    assert theirs.made.deliver() == 0
    assert listener.heard == []
    assert theirs.of()[0].reason == "address", "and nobody is told where it leads"


def test_a_name_that_leads_elsewhere_the_second_time_is_refused_then(
    store: Store, clock: FixedClock, listener: Listener
) -> None:
    """DNS rebinding: allowed when it was looked at first, of the inside at the next message."""
    answers = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "127.0.0.1"]
    made = Webhooks(store, clock, ENCRYPTION, networks=LOOPBACK, resolving=lambda _host, _port: [answers.pop(0)])
    with store.transaction() as connection:
        made.add(connection, "1", listener.url.replace("127.0.0.1", "localhost"), ())
        made.stage(connection, "vote.proposed", "a", int(clock.now().timestamp()), {})
    assert made.deliver() == 1
    with store.transaction() as connection:
        made.stage(connection, "vote.proposed", "b", int(clock.now().timestamp()), {})
    for pause in PAUSES[:2]:
        assert made.deliver() == 0
        clock.advance(pause)
    assert len(listener.heard) == 1
    assert made.deliver() == 1


def test_why_nothing_was_taken_is_said_in_a_word(theirs: Theirs, listener: Listener) -> None:
    theirs.add(listener.url)
    listener.close()
    theirs.stage()
    theirs.made.deliver()
    (seen,) = theirs.of()
    assert (seen.reason, seen.refused) == ("connection", theirs.clock.now())
    assert isinstance(seen.refused, datetime.datetime)


def test_neither_secret_nor_url_is_in_the_log(
    theirs: Theirs, listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    _, secret = theirs.add(f"{listener.url}&token=hidden")
    theirs.stage()
    listener.status = 500
    theirs.made.deliver()
    logged = "".join(capsys.readouterr())
    assert "webhook not taken" in logged
    assert "hidden" not in logged
    assert secret not in logged
    assert secret.removeprefix("whsec_") not in logged


def test_one_that_cannot_be_read_waits_for_its_key(
    theirs: Theirs, store: Store, clock: FixedClock, listener: Listener
) -> None:
    theirs.add(listener.url)
    theirs.stage()
    keyless = Webhooks(store, clock, Encryption([("00000009", bytes(32))], bytes(32)), networks=LOOPBACK)
    assert keyless.deliver() == 0
    assert theirs.made.counts() == (1, 0)
    clock.advance(120)
    assert theirs.made.deliver() == 1
