# SPDX-License-Identifier: Apache-2.0
"""Filling a new home with the demonstration, step by step, in the background of `up` or by `maillon demo`.

The order of writes:
stage: what a step will need again (a password, a secret) is written to `HOME/demo/state.json` before it is used;
commit: the instance takes it through its own door, and keeps it as it keeps everything;
publish: the step is written down as done. A crash before this does the step again, and each step asks the instance
first whether it was done already;
clean: nothing. The state is kept, since it holds what its people log in with.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from maillon.demo.errors import DemoError, DemoStopped, NotWanted
from maillon.demo.model import Consortium, Document, Organisation, Person, Vote, call_of, read_consortium
from maillon.kit.errors import KitError
from maillon.kit.keys import write_private

TYPE: Final = "maillon.demo.v1"
_AT_ONCE: Final = 3
"""Organisations that join at the same time: the portal stays quick for whoever looks around meanwhile."""
_NOTICE: Final = (10, 45, 180)
"""Seconds between signing a proposal and its opening: a machine that is busy needs more."""
_MARGIN: Final = 20
"""Seconds a vote of the demonstration is open beyond what the statutes ask, so that everybody finds the time."""
_READINGS: Final = 3
"""How often a proposal is made that was to pass: it fails when the machine slept while it was open."""
_POLL: Final = 1.0
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
logger = structlog.get_logger("maillon.demo")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a demonstration is."""

    state: str
    """waiting, filling, complete or stopped."""
    done: int
    of: int
    about: str
    """Whom or what the last step was about; why it stopped."""

    def document(self) -> dict[str, Any]:
        """As data."""
        return {"state": self.state, "done": self.done, "of": self.of, "about": self.about}


class _State:
    """`HOME/demo/state.json`: steps done, and what the invented people log in with. Mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "state.json"
        self.done: set[str] = set()
        self.people: dict[str, dict[str, str]] = {}
        self.keys: dict[str, str] = {}
        """Organisation → API key."""
        self.applications: dict[str, str] = {}
        self.complete = False
        self.exists = False
        try:
            document = orjson.loads(self._path.read_bytes())
            self.done, self.complete = set(document["done"]), bool(document["complete"])
            self.people, self.keys = dict(document["people"]), dict(document["keys"])
            self.applications = dict(document["applications"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DemoError(f"{self._path} is damaged: {error}; remove it to end the demonstration") from None
        self.exists = True

    def write(self) -> None:
        """Keep it."""
        document = {
            "type": TYPE,
            "complete": self.complete,
            "done": sorted(self.done),
            "people": self.people,
            "keys": self.keys,
            "applications": self.applications,
        }
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._path, orjson.dumps(document, option=orjson.OPT_INDENT_2))
        self.exists = True


def _steps(consortium: Consortium) -> int:
    """How many steps there are."""
    count = len(consortium.office) + len(consortium.documents) + 3 * len(consortium.votes)
    for organisation in consortium.organisations:
        count += 2
        if organisation.joins:
            count += 1 + len(organisation.people) + (organisation.admission == "leaves")
    return count


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One filling at a time. Raises `NotWanted`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise NotWanted("the demonstration is being filled in already: maillon status shows how far it is") from None
    finally:
        os.close(descriptor)


class Demo:
    """The demonstration of one home. Belongs to one event loop."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / "demo"
        self._state = _State(self._folder)
        self._consortium = read_consortium()
        self._of = _steps(self._consortium)
        self._about = ""
        self._stopped = ""
        self._filling = False
        self._tell: Callable[[Progress], None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._numbers: dict[str, int] = {}
        self._sessions: dict[str, Any] = {}
        self._writing = asyncio.Lock()

    @property
    def begun(self) -> bool:
        """Whether this home has one."""
        return self._state.exists

    @property
    def progress(self) -> Progress:
        """How far it is."""
        state = "stopped" if self._stopped else "filling" if self._filling else "waiting"
        if self._state.complete:
            state = "complete"
        return Progress(state, len(self._state.done), self._of, self._stopped or self._about)

    def people(self) -> list[dict[str, str]]:
        """Who can log in: name, address, organisation, password, and the secret of the authenticator."""
        return [dict(person) for person in self._state.people.values() if "otp" in person]

    def begin(self, url: str) -> None:
        """Fill in the background of a server that has just become ready; done already, nothing happens."""
        if not self._state.complete:
            # Written before anything else: the next start knows by it that this home was to have one.
            self._state.write()
            self._task = asyncio.get_running_loop().create_task(self._in_background(url))

    def leave(self) -> None:
        """Begin to end the background; `stop` waits for it."""
        if self._task is not None and not self._task.cancelling():
            self._task.cancel()

    async def stop(self) -> None:
        """End the background; the next start goes on."""
        self.leave()
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _in_background(self, url: str) -> None:
        try:
            await self.fill(url)
        except KitError as error:
            # A demonstration that stops is no reason for the instance to: its people see why, and the log says it.
            self._stopped = str(error)
            logger.warning("demonstration-stopped", reason=str(error))
        except Exception as error:
            # A fault of ours, or the disk's: told the same way, and no reason for an unclean stop of the instance.
            self._stopped = f"{type(error).__name__}: {error}"
            logger.exception("demonstration-stopped")

    async def fill(self, url: str, tell: Callable[[Progress], None] | None = None) -> None:
        """Do what is missing. Raises `NotWanted` for a home with members of its own, `DemoStopped`."""
        # Imported here: HTTP is loaded once the server answers, and never where there is no demonstration.
        from maillon.demo.door import Door

        self._tell = tell
        with _alone(self._folder):
            door = Door(url, (self._home / "api-key").read_text().strip(), self._home / "mail")
            self._filling, self._stopped = True, ""
            try:
                await self._require_empty(door)
                await self._everything(door)
                self._state.complete = True
                self._state.write()
            finally:
                self._filling = False
                await door.close()

    async def _require_empty(self, door: Any) -> None:
        """Invented people must never stand among real ones."""
        found = await door.ask("GET", "/v1/members?limit=200")
        ours = {each.identifier for each in self._consortium.organisations}
        others = [one for one in found["members"] if one["number"] != 1 and one["identifier"]["value"] not in ours]
        if others and not self._state.done:
            raise NotWanted(f"{others[0]['legal_name']} is a member here: a demonstration is for a new home")

    async def _once(self, step: str, about: str, work: Callable[[], Awaitable[None]]) -> None:
        """A step, unless it was done; then it is written down."""
        if step not in self._state.done:
            self._about = about
            await work()
            self._state.done.add(step)
            await self._keep()
            if self._tell is not None:
                self._tell(self.progress)

    async def _keep(self) -> None:
        async with self._writing:
            await asyncio.to_thread(self._state.write)

    async def _everything(self, door: Any) -> None:
        doors = asyncio.Semaphore(_AT_ONCE)

        async def one(organisation: Organisation) -> None:
            async with doors:
                await self._join(door, organisation)

        await _all([one(each) for each in self._consortium.organisations])
        for person in self._consortium.office:
            await self._once(f"office:{person.address}", person.name, lambda p=person: self._office(door, p))  # type: ignore[misc]
        for document in self._consortium.documents:
            await self._once(
                f"document:{document.file}",
                document.file,
                lambda d=document: self._notarise(door, d),  # type: ignore[misc]
            )
        await self._vote(door)
        for organisation in self._consortium.organisations:
            if organisation.admission == "leaves":
                await self._once(
                    f"{organisation.key}:left",
                    organisation.legal_name,
                    lambda o=organisation: self._leave(door, o),  # type: ignore[misc]
                )

    # Organisations and their people.

    async def _join(self, door: Any, organisation: Organisation) -> None:
        key, name = organisation.key, organisation.legal_name
        await self._once(f"{key}:applied", name, lambda: self._apply(door, organisation))
        await self._once(f"{key}:answered", name, lambda: self._answer(door, organisation))
        if not organisation.joins:
            return
        number = await self._number(door, organisation)
        for person in organisation.people:
            await self._once(
                f"{key}:{person.address}",
                person.name,
                lambda p=person: self._welcome(door, organisation, number, p),  # type: ignore[misc]
            )
        await self._once(f"{key}:ready", name, lambda: self._make_ready(door, organisation, number))

    async def _apply(self, door: Any, organisation: Organisation) -> None:
        person = organisation.people[0]
        waiting = await door.ask("GET", "/v1/applications?limit=200" + "".join(f"&state={s}" for s in _ANY_STATE))
        for one in waiting["applications"]:
            if one["identifier"]["value"] == organisation.identifier:
                self._state.applications[organisation.key] = one["id"]
                return
        made = await door.ask(
            "POST",
            "/v1/applications",
            {
                "scheme": organisation.scheme,
                "identifier": organisation.identifier,
                "legal_name": organisation.legal_name,
                "kind": organisation.kind,
                "country": organisation.country,
                "contact_name": person.name,
                "contact_address": person.address,
                "language": person.language,
                "message": organisation.message,
            },
        )
        self._state.applications[organisation.key] = made["id"]
        headers = {"Application-Code": made["code"], "Content-Type": "application/pdf"}
        await door.ask("POST", "/v1/applications/mine/documents?name=extrait.pdf", _PDF, headers=headers)

    async def _answer(self, door: Any, organisation: Organisation) -> None:
        """What the office does about it."""
        identifier = self._state.applications[organisation.key]
        path = f"/v1/applications/{identifier}"
        state = (await door.ask("GET", path))["state"]
        if organisation.joins and state != "admitted":
            if await self._accept(door, path, ["register", "mandate"]) != "admitted":
                raise DemoStopped(f"{organisation.legal_name} was not admitted by the rule")
        elif organisation.admission == "vote" and state in ("submitted", "accepted"):
            await self._accept(door, path, [])
        elif organisation.admission == "asked" and state == "submitted":
            await door.ask("POST", f"{path}/request", {"reason": _REASON})

    @staticmethod
    async def _accept(door: Any, path: str, evidence: list[str]) -> str:
        """The state after the office answered for the evidence."""
        try:
            return str((await door.ask("POST", f"{path}/acceptance", {"evidence": evidence}))["state"])
        except DemoStopped:
            # Before a kill the chain had it already, and the register heard of it only now.
            state = str((await door.ask("GET", path))["state"])
            if state not in ("presented", "admitted"):
                raise
            return state

    async def _number(self, door: Any, organisation: Organisation) -> int:
        if organisation.key not in self._numbers:
            document = await door.ask("GET", f"/v1/applications/{self._state.applications[organisation.key]}")
            self._numbers[organisation.key] = int(document["organisation"])
        return self._numbers[organisation.key]

    async def _welcome(self, door: Any, organisation: Organisation, number: int, person: Person) -> None:
        """The first person was invited by the admission itself; she invites the others."""
        if person is not organisation.people[0]:
            await self._invite(door, await self._session(door, organisation.people[0].address), str(number), person)
        await self._enter(door, person, organisation.legal_name)

    async def _office(self, door: Any, person: Person) -> None:
        await self._invite(door, door, "office", person)
        await self._enter(door, person, "office")

    async def _invite(self, door: Any, inviter: Any, organisation: str, person: Person) -> None:
        del door
        if "otp" in self._state.people.get(person.address, {}):
            return
        body = {"address": person.address, "roles": list(person.roles), "language": person.language}
        await inviter.ask("POST", f"/v1/organisations/{organisation}/invitations", body)

    async def _enter(self, door: Any, person: Person, organisation: str) -> None:
        known = self._state.people.setdefault(person.address, {})
        if not known:
            password = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
            known |= {"name": person.name, "address": person.address, "language": person.language}
            known |= {"organisation": organisation, "password": password}
            await self._keep()
        await self._session(door, person.address)

    async def _session(self, door: Any, address: str) -> Any:
        """Somebody logged in; logged in again after a restart."""
        from maillon.demo.door import Session

        if address not in self._sessions:
            session = Session(door, self._state.people[address])
            await session.enter(self._keep)
            self._sessions[address] = session
        return self._sessions[address]

    async def _of_organisation(self, door: Any, key: str) -> tuple[Any, int]:
        """The first person of an organisation, and its number."""
        organisation = next(each for each in self._consortium.organisations if each.key == key)
        return await self._session(door, organisation.people[0].address), await self._number(door, organisation)

    async def _make_ready(self, door: Any, organisation: Organisation, number: int) -> None:
        """Its first account may vote and publish too, and its archive has a key of its own."""
        session, _ = await self._of_organisation(door, organisation.key)
        page = await door.ask("GET", f"/v1/members/{number}")
        account = page["accounts"][0]
        if "vote" not in account["scopes"]:
            body = {"scopes": ["admin", "vote", "publish"], "label": account["label"]}
            await session.ask("PUT", f"/v1/members/{number}/accounts/{account['address']}", body)
        if organisation.key not in self._state.keys:
            body = {"name": "archives", "scopes": ["notary:write"]}
            made = await session.ask("POST", f"/v1/organisations/{number}/keys", body)
            self._state.keys[organisation.key] = made["key"]

    async def _leave(self, door: Any, organisation: Organisation) -> None:
        session, number = await self._of_organisation(door, organisation.key)
        if (await door.ask("GET", f"/v1/members/{number}"))["status"] == "active":
            await session.ask("POST", f"/v1/members/{number}/departure")

    # Documents.

    async def _notarise(self, door: Any, document: Document) -> None:
        """In the log, for all to see, with the file and its receipt in the home."""
        from maillon.evidence.hashing import digest_of

        content = document.text.encode()
        digest = digest_of([content])
        headers = {"Authorization": f"Bearer {self._state.keys[document.organisation]}"}
        body = {"digest": {"algorithm": "sha2-256", "value": digest.value.hex()}, "deduplicate": True}
        entered = await door.ask("POST", "/v1/notary/entries", body, headers=headers)
        receipt = await door.receipt(entered["index"], digest)
        folder = self._folder / "documents"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / document.file).write_bytes(content)
        (folder / f"{document.file}.receipt.json").write_bytes(receipt)

    # Votes.

    async def _vote(self, door: Any) -> None:
        """Every proposal first, so that those which close run at the same time; then who says what; then what came."""
        votes = self._consortium.votes
        for _reading in range(_READINGS):
            for vote in votes:
                await self._once(f"vote:{vote.key}:proposed", vote.title, lambda v=vote: self._propose(door, v))  # type: ignore[misc]
            # Those that close are voted on at the same time, while they are open.
            for kind in (False, True):
                await _all(
                    [
                        self._once(f"vote:{vote.key}:cast", vote.title, lambda v=vote: self._positions(door, v))  # type: ignore[misc]
                        for vote in votes
                        if (vote.outcome == "open") is kind
                    ]
                )
            again = [vote for vote in votes if not await self._ends(door, vote)]
            if not again:
                return
            # Nobody forges what came of it: it is put to the vote once more.
            self._state.done -= {f"vote:{vote.key}:{step}" for vote in again for step in ("proposed", "cast")}
        raise DemoStopped("a proposal found no quorum three times: the machine is too busy")

    async def _proposals(self, door: Any, vote: Vote) -> list[dict[str, Any]]:
        """The readings of a proposal, newest first."""
        found = await door.ask("GET", "/v1/votes?show=all&limit=100")
        return [one for one in found["proposals"] if one["title"] == vote.title]

    async def _propose(self, door: Any, vote: Vote) -> None:
        before = await self._proposals(door, vote)
        if before and not (vote.outcome == "executed" and before[0]["state"] in ("refused", "expired")):
            return
        for organisation in self._consortium.organisations:
            if organisation.admission == "vote":
                await self._number(door, organisation)
        calls = [call for word in vote.calls for call in call_of(word, self._consortium.alliance, self._numbers)]
        statutes = await door.ask("GET", "/v1/votes/statutes")
        terms = statutes["terms"][0]
        session, number = await self._of_organisation(door, vote.proposer)
        for attempt, notice in enumerate(_NOTICE, 1):
            opens = await door.now() + statutes["notice"] + (vote.opens or notice)
            act = {
                "act": "propose",
                "kind": "ordinary",
                "text": vote.text,
                "calls": [{"target": "0x" + call.to.hex(), "data": "0x" + call.data.hex()} for call in calls],
                "opens": opens,
                "closes": opens + max(vote.lasts, terms["window"] + _MARGIN),
            }
            try:
                await session.ask("POST", f"/v1/votes/organisations/{number}/acts", act)
            except DemoStopped:
                # Signed too late for its own opening, on a busy machine: once more, with more time.
                if attempt == len(_NOTICE):
                    raise
            else:
                return

    async def _positions(self, door: Any, vote: Vote) -> None:
        """Everybody's position, some at a time, once it is open."""
        proposal = (await self._proposals(door, vote))[0]["number"]
        for giver, holder in vote.proxies.items():
            session, number = await self._of_organisation(door, giver)
            _, held = await self._of_organisation(door, holder)
            given = await door.ask("GET", f"/v1/votes/proxies/{number}")
            if not any(one["holder"]["number"] == held for one in given["proxies"]):
                act = {"act": "give-proxy", "holder": held, "proposal": proposal}
                await session.ask("POST", f"/v1/votes/organisations/{number}/acts", act)
        if vote.opens or not vote.positions:
            return
        await self._opened(door, proposal)
        taken = await door.ask("GET", f"/v1/votes/{proposal}/positions?limit=200")
        said = {one["organisation"]["number"] for one in taken["positions"]}
        doors = asyncio.Semaphore(_AT_ONCE)

        async def cast(key: str, giver: str | None, position: str, reason: str) -> None:
            async with doors:
                session, number = await self._of_organisation(door, key)
                given = None if giver is None else (await self._of_organisation(door, giver))[1]
                if (given or number) in said:
                    return
                act = {"act": "cast", "proposal": proposal, "position": position, "reason": reason, "giver": given}
                try:
                    await session.ask("POST", f"/v1/votes/organisations/{number}/acts", act)
                except DemoStopped:
                    # Too late: it closed meanwhile, and what it lacks then is true.
                    if (await door.ask("GET", f"/v1/votes/{proposal}"))["state"] == "open":
                        raise

        everybody = [(key, None, *said) for key, said in vote.positions.items()]
        everybody += [(holder, giver, *vote.positions[holder]) for giver, holder in vote.proxies.items()]  # type: ignore[misc]
        await _all([cast(*each) for each in everybody])

    async def _opened(self, door: Any, proposal: int) -> None:
        """Wait until a proposal is open: its state depends on the time of the instance, which tells nobody."""
        state = "announced"
        while state == "announced":
            state = (await door.ask("GET", f"/v1/votes/{proposal}"))["state"]
            await asyncio.sleep(_POLL if state == "announced" else 0)

    async def _ends(self, door: Any, vote: Vote) -> bool:
        """Whether it ended as it was to, waiting for that and doing what was decided."""
        step = f"vote:{vote.key}:ended"
        if step in self._state.done:
            return True
        self._about = vote.title
        proposal = (await self._proposals(door, vote))[0]["number"]
        while vote.outcome != "open":
            state = (await door.ask("GET", f"/v1/votes/{proposal}"))["state"]
            if state == "executable":
                session, number = await self._of_organisation(door, vote.proposer)
                act = {"act": "execute", "proposal": proposal}
                done = await session.ask("POST", f"/v1/votes/organisations/{number}/acts", act)
                if not done["executed"]:
                    raise DemoStopped(f"{vote.title} was adopted and could not be executed")
            elif state not in ("announced", "open", "waiting"):
                if state != vote.outcome:
                    return False
                break
            else:
                await asyncio.sleep(_POLL)

        async def nothing() -> None:
            """What there was to do is done."""

        await self._once(step, vote.title, nothing)
        return True


async def _all(work: Sequence[Awaitable[None]]) -> None:
    """All of it; what raises first ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(_run(each))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _run(work: Awaitable[None]) -> None:
    await work


_ANY_STATE: Final = ("submitted", "incomplete", "accepted", "presented", "admitted", "refused", "withdrawn")
_REASON: Final = "L’extrait du registre date de plus de trois mois : envoyez-nous-en un récent, s’il vous plaît."
_PDF: Final = (
    b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\n"
    b"endobj\n%%EOF\n"
)
