# SPDX-License-Identifier: Apache-2.0
"""Webhooks with a real receiver on loopback: signed, told again until they are taken, and never inwards by default."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from listener import KEY, Listener
from maillon.kit import webhooks
from maillon.kit.clock import FixedClock
from maillon.kit.errors import AddressForbidden, InvalidSettings
from maillon.kit.store import Store
from maillon.kit.webhooks import (
    FRESH,
    KEPT,
    PAUSES,
    Receiver,
    Webhooks,
    allowed_address,
    read_secret,
    sign,
)

SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def couriers(store: Store, clock: FixedClock, *urls: str, private: bool = True) -> Webhooks:
    return Webhooks(store, clock, [Receiver(url, KEY) for url in urls], private=private)


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
