# SPDX-License-Identifier: Apache-2.0
"""Network namespaces joined by a program that delays, loses and cuts what travels between them. Run by lanes.py.

    exchange.py PORTS...

makes one namespace for each argument, with the address 10.77.0.N; an argument is the ports, joined by commas, that are
reachable in it from outside, at the same port of loopback. Every namespace has one interface, a TUN device, whose
packets come here: what the kernels at both ends do with delay, loss and silence is what they do with a real network's.
Nothing leaves this program but to the namespaces it made.

It writes one line, `[PROCESS, [DESCRIPTOR, …]]`: the namespaces are /proc/PROCESS/fd/DESCRIPTOR. Each line it reads
then is `{"groups": [[1, 2], [3, 4]], "slow": [4], "seconds": 0.2, "loss": 0.02}`, or `{"rate": 2500000}` for what each
may send in a second (bytes), and is answered with an empty one.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import random
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
TUNSETIFF: Final = 0x400454CA
IFF_TUN_NO_PI: Final = 0x1001
MTU: Final = 1500
NETWORK: Final = "10.77.0"
IPV4: Final = 4
BUFFERED: Final = 0.2
"""Seconds of traffic a line keeps before it loses packets."""
_libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@dataclass
class Lane:
    """One namespace."""

    namespace: int
    device: int
    address: bytes


class Exchange:
    """Carries packets from lane to lane."""

    def __init__(self) -> None:
        self.lanes: list[Lane] = []
        self.groups: list[set[int]] = []
        self.slow: set[int] = set()
        self.seconds = 0.0
        self.loss = 0.0
        self.rate = 0.0
        self._free: dict[int, float] = {}
        """When the line of each lane has sent what it was given."""
        self._chance = random.Random(1)

    def make(self, number: int) -> None:
        """A namespace of its own, with its one way out."""
        checked(_libc.unshare(CLONE_NEWNET))
        namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"lane", IFF_TUN_NO_PI))
        for command in (
            "link set lo up",
            f"address add {NETWORK}.{number}/24 dev lane",
            f"link set lane up mtu {MTU} txqueuelen 1000",
        ):
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)
        self.lanes.append(Lane(namespace, device, socket.inet_aton(f"{NETWORK}.{number}")))

    def carry(self, lane: Lane) -> None:
        """Every packet that waits in a lane, each to where it is meant for, or to nowhere."""
        while True:
            try:
                packet = os.read(lane.device, 65536)
            except BlockingIOError:
                return
            if packet[0] >> 4 != IPV4:
                continue
            source, target = packet[15], packet[19]
            if packet[16:19] != lane.address[:3] or not 0 < target <= len(self.lanes):
                continue
            if self.groups and not any({source, target} <= group for group in self.groups):
                continue
            if source in self.slow:
                if self._chance.random() >= self.loss:
                    asyncio.get_running_loop().call_later(self.seconds, self._deliver, target, packet)
                continue
            if self.rate:
                self._queue(source, target, packet)
                continue
            self._deliver(target, packet)

    def _queue(self, source: int, target: int, packet: bytes) -> None:
        """Send after what waits for this line already, as long as a usual buffer holds it."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        free = max(self._free.get(source, now), now)
        if free - now > BUFFERED:
            return
        self._free[source] = free + len(packet) / self.rate
        loop.call_at(self._free[source], self._deliver, target, packet)

    def _deliver(self, target: int, packet: bytes) -> None:
        try:
            os.write(self.lanes[target - 1].device, packet)
        except BlockingIOError:
            return  # a queue is full: a network loses packets then, too

    async def answer(self, lane: Lane, port: int, listening: socket.socket) -> None:
        """Pass connections on to the same port within the lane."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # A socket belongs to the namespace this program is in when it is made.
            checked(_libc.setns(lane.namespace, CLONE_NEWNET))
            inside = socket.socket()
            inside.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(inside, ("127.0.0.1", port))
                inner_reader, inner_writer = await asyncio.open_connection(sock=inside)
            except OSError:
                inside.close()
                writer.close()
                return
            await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

        await asyncio.start_server(serve, sock=listening)

    def obey(self, order: dict[str, object]) -> None:
        groups, slow = order.get("groups", []), order.get("slow", [])
        assert isinstance(groups, list)
        assert isinstance(slow, list)
        self.groups, self.slow = [set(group) for group in groups], set(slow)
        self.seconds, self.loss = float(str(order.get("seconds", 0))), float(str(order.get("loss", 0)))
        self.rate = float(str(order.get("rate", 0)))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # either side may go at any time
    finally:
        writer.close()


def become_root_of_its_own() -> None:
    """Where we are not root: in a user namespace, in which we may make others."""
    user, group = os.geteuid(), os.getegid()
    if user != 0:
        checked(_libc.unshare(CLONE_NEWUSER))
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            Path(f"/proc/self/{name}").write_text(text)


async def main(arguments: list[str]) -> None:
    doors = [[(int(port), socket.create_server(("127.0.0.1", int(port)))) for port in each.split(",") if port]
             for each in arguments]  # fmt: skip
    become_root_of_its_own()
    exchange = Exchange()
    loop = asyncio.get_running_loop()
    for number, ports in enumerate(doors, 1):
        exchange.make(number)
        lane = exchange.lanes[-1]
        loop.add_reader(lane.device, exchange.carry, lane)
        for port, listening in ports:
            await exchange.answer(lane, port, listening)
    say(json.dumps([os.getpid(), [lane.namespace for lane in exchange.lanes]]))
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        exchange.obey(json.loads(line))
        say("")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
