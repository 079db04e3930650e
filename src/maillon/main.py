# SPDX-License-Identifier: Apache-2.0
"""The composition root: builds every part once, from settings, and starts them. The only file that names an engine.

`Application.open` lays out or recovers a home; `create_app` joins the doors; `serve` runs them until a signal. Nothing
happens at import.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import fcntl
import inspect
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI, Query, Request
from sqlalchemy.engine import Connection
from starlette.responses import Response

import maillon
from maillon import delegation
from maillon.backups import FrozenLedger, require_instance
from maillon.demo import Demo
from maillon.evidence.consensus import Validator, ValidatorSet
from maillon.evidence.errors import EvidenceError
from maillon.evidence.hashing import Algorithm, Digest
from maillon.evidence.note import NoteSigner
from maillon.evidence.receipt import complete
from maillon.evidence.trust import LedgerAnchor, LogAnchor, TrustAnchors
from maillon.kit import idempotency, metrics, problems
from maillon.kit.access import ADMINISTER, NOTARY_WRITE, Access, Subject
from maillon.kit.audit import Deed, newest, record
from maillon.kit.callers import BehindProxies
from maillon.kit.clock import Clock, SystemClock
from maillon.kit.encryption import RING, Encryption
from maillon.kit.errors import AccessDenied, CorruptStore, HomeInUse, HomeUnusable, KitError
from maillon.kit.keys import Keys, write_private
from maillon.kit.language import LANGUAGES
from maillon.kit.mail import Outbox
from maillon.kit.mailers import FolderMailer, SmtpMailer
from maillon.kit.notices import EVERY_MEMBER, KINDS, Notices
from maillon.kit.page import JsonAddress, Renderer
from maillon.kit.page import pages as common_pages
from maillon.kit.settings import Settings
from maillon.kit.store import Store
from maillon.kit.throttle import Throttle
from maillon.kit.webhooks import Receiver, Webhooks, read_secret
from maillon.ledger.abi import NotDecodable
from maillon.ledger.contracts.anchors import SLOTS
from maillon.ledger.errors import CorruptStore as DamagedLedger
from maillon.ledger.errors import LedgerError, Unavailable
from maillon.ledger.fees import credits_text
from maillon.ledger.founding import sandbox as sandbox_of
from maillon.ledger.genesis import ANCHORS, DIRECTORY, Genesis, InvalidGenesis, make_genesis, random_chain_id
from maillon.ledger.port import Address, Ledger, Prover, Signer, TransactionReceipt
from maillon.ledger.sending import send
from maillon.ledger.signing import Account
from maillon.ledger.times import BlockTimes, Codes
from maillon.services.credits import GIFT, CreditsContract, CreditsError, CreditsService, Faucet
from maillon.services.credits import api as credits_api
from maillon.services.credits import pages as credits_pages
from maillon.services.credits.letters import CREDITS_LOW
from maillon.services.credits.letters import notice_words as low_words
from maillon.services.credits.model import LowCredits
from maillon.services.explorer import Ask, ExplorerError, ExplorerService
from maillon.services.explorer import api as explorer_api
from maillon.services.explorer import pages as explorer_pages
from maillon.services.members import Filter, MembersContract, MembersError, MembersService, PrivateStore, Scope, Status
from maillon.services.members import api as members_api
from maillon.services.members import pages as members_pages
from maillon.services.members.service import MAXIMUM_PAGE
from maillon.services.notary import api as notary_api
from maillon.services.notary import pages as notary_pages
from maillon.services.notary.authority import Authority
from maillon.services.notary.contract import LogContract
from maillon.services.notary.errors import NotaryError
from maillon.services.notary.rules import parse_entry
from maillon.services.notary.service import NotaryService
from maillon.services.notices import NoticesError, NoticesService, OrganisationWebhooks, UnreadCount
from maillon.services.notices import api as notices_api
from maillon.services.notices import pages as notices_pages
from maillon.services.notices.rules import TESTS_A_MINUTE
from maillon.services.people import INSTANCE_OPERATE, PeopleError, PeopleService, Recognition, Role, Target
from maillon.services.people import api as people_api
from maillon.services.people import pages as people_pages
from maillon.services.people.errors import TrailNotNotarised
from maillon.services.people.model import SessionKind
from maillon.services.people.passwords import Passwords
from maillon.services.people.rules import ENTRY_APPEND
from maillon.services.people.store import PeopleStore
from maillon.services.people.trail import SUBJECT as TRAIL
from maillon.services.votes import VOTE, NotNotarised, VotesContract, VotesError, VotesService
from maillon.services.votes import api as votes_api
from maillon.services.votes import pages as votes_pages
from maillon.services.votes.letters import CLOSING, NOT_EXECUTED, notice_words

if TYPE_CHECKING:
    from maillon.ledger.embedded.chain import Chain
    from maillon.ledger.embedded.sealer import Sealer
    from maillon.ledger.facade.server import Facade
    from maillon.ledger.node import NodeLedger
    from maillon.ledger.passage import Passage
    from maillon.network.configuration import NodeHome
    from maillon.network.registration import Registered
    from maillon.services.people.provider import Provider

_log = structlog.get_logger("maillon")
_SANDBOX_FUNDS = 10**6 * 10**18
_LEAST_CREDITS = 10**17
"""Wei: some hundred acts at the floor tip."""
_HOUSEKEEPING = 60.0
"""Seconds between two rounds of what need not be written with each request."""

Progress = Callable[[str], None]


def silent(_message: str) -> None:
    """Progress nobody watches."""


@contextlib.contextmanager
def exclusive_home(home: Path) -> Iterator[None]:
    """Lay out the home and hold it: one server, or one maintenance command, at a time. Raises `HomeInUse`."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise HomeUnusable(f"{home} cannot be used as data directory: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            raise HomeInUse(
                f"{home} is in use by process {holder}: stop it first, or choose another home with --home"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


@dataclass
class Application:
    """Every part of a running instance."""

    settings: Settings
    clock: Clock
    store: Store
    keys: Keys
    access: Access
    network: str
    notary: NotaryService
    votes: VotesService
    explorer: ExplorerService
    people: PeopleService
    outbox: Outbox
    notices: NoticesService
    webhooks: Webhooks
    organisation_webhooks: OrganisationWebhooks
    members: MembersService
    credits: CreditsService
    renderer: Renderer
    trust: TrustAnchors
    ledger: Ledger
    chain: Chain | None = None
    sealer: Sealer | None = None
    node: NodeLedger | None = None
    facade: Facade | None = None
    passage: Passage | None = None
    demo: Demo | None = None
    """The demonstration, where this home has one or is to have one."""
    damage: KitError | LedgerError | None = None
    """What was found broken while it ran, after which it goes on no longer."""
    unfit: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set when `damage` is."""
    _leaving: threading.Event = field(default_factory=threading.Event, repr=False)
    _housekeeping: asyncio.Task[None] | None = field(default=None, repr=False)
    _examination: asyncio.Task[None] | None = field(default=None, repr=False)

    @classmethod
    async def open(cls, settings: Settings, progress: Progress = silent, clock: Clock | None = None) -> Application:
        """Build everything over the home, making what is missing. Raises `KitError`, `LedgerError` or `NotaryError`.

        The caller holds the home (`exclusive_home`).
        """
        clock = clock or SystemClock()
        # The anchors are pinned once everything was made: what is missing after that is lost, not new.
        keys = Keys(settings.home / "keys", complete=(settings.home / "trust.json").exists())
        progress("opening the database …")
        store = Store.open(settings.database_url)
        try:
            return await cls._assemble(settings, progress, clock, keys, store)
        except BaseException:
            store.close()
            raise

    @classmethod
    async def _assemble(
        cls, settings: Settings, progress: Progress, clock: Clock, keys: Keys, store: Store
    ) -> Application:
        access = Access(store, clock)
        account = Account(keys.account("notary"))
        parts = (
            await _network_ledger(settings) if settings.ledger else _embedded_ledger(settings, keys, clock, progress)
        )
        origin = settings.origin or f"{parts.consensus_chain_id}/log"
        signer = NoteSigner(origin, keys.log_key())
        key, certificate = keys.authority(parts.network, clock.now())
        authority = Authority(key, certificate, clock, settings.home / "authority.time")
        contract = LogContract(parts.ledger, parts.prover, ANCHORS, account, origin)
        notary = NotaryService(
            store,
            settings.home / "log",
            signer,
            authority,
            contract,
            clock,
            interval=settings.checkpoint_interval,
            linger=settings.append_linger,
        )
        outbox, notices, people = people_parts(settings, parts.network, keys, store, clock, access)
        receivers = [Receiver(each.url, read_secret(each.secret.get_secret_value())) for each in settings.webhooks]
        webhooks = Webhooks(
            store,
            clock,
            Encryption.open(keys),
            receivers,
            private=settings.webhooks_private,
            networks=settings.webhooks_networks,
        )
        members = members_part(settings, parts, keys, store, clock, people, outbox, notices, webhooks)
        people.name_organisations(members.called)
        people.notary = Records(notary, TRAIL, TrailNotNotarised)
        votes = VotesService(
            store,
            VotesContract(parts.ledger, DIRECTORY, BlockTimes(parts.ask), Codes(parts.ask), GasPrice(parts.ask)),
            Register(members),
            clock,
            network=parts.network,
            chain_id=parts.chain_id,
            notary=Records(notary, "votes", NotNotarised),
            announcer=News(webhooks, notices, people, members, settings.portal_url),
        )
        trust = TrustAnchors(
            network=parts.network,
            ledger=LedgerAnchor(
                chain_id=parts.consensus_chain_id,
                evm_chain_id=parts.chain_id,
                height=1,
                validators=parts.validators,
                anchors_address=ANCHORS,
                anchors_slot=SLOTS["_anchors"],
            ),
            logs=(LogAnchor(origin, signer.verifier_key),),
            authorities=(certificate.public_bytes(Encoding.DER),),
        )
        application = cls(
            settings=settings,
            clock=clock,
            store=store,
            keys=keys,
            access=access,
            network=parts.network,
            notary=notary,
            votes=votes,
            explorer=ExplorerService(parts.ask, notary, parts.network, clock),
            people=people,
            outbox=outbox,
            notices=NoticesService(
                store,
                notices,
                people,
                outbox,
                clock,
                members.present,
                public_url=settings.portal_url,
                network=parts.network,
            ),
            webhooks=webhooks,
            organisation_webhooks=OrganisationWebhooks(store, webhooks, notices, people, clock, settings.portal_url),
            members=members,
            credits=credits_part(
                parts, keys, members, clock, CreditNews(store, webhooks, notices, people, settings.portal_url)
            ),
            renderer=Renderer(),
            trust=trust,
            ledger=parts.ledger,
            chain=parts.chain,
            sealer=parts.sealer,
            node=parts.node,
            facade=parts.facade,
            passage=parts.passage,
        )
        if settings.ledger is None:
            demo = Demo(settings.home)
            # Letters to invented people must not leave this machine: with a mail server there is no demonstration.
            new = settings.demo and settings.smtp is None and not (settings.home / "trust.json").exists()
            application.demo = demo if demo.begun or new else None
        application._pin()
        application._first_key()
        application._first_administrator(progress)
        return application

    def _pin(self) -> None:
        """Pin the trust anchors of this home: what `maillon verify` uses when it is given none.

        Pinned once: whoever holds the anchors of before could not check what other keys sign. Raises `HomeUnusable`.
        """
        path = self.settings.home / "trust.json"
        content = self.trust.to_json()
        try:
            present = path.read_bytes()
        except FileNotFoundError:
            write_private(path, content)
            return
        except OSError as error:
            raise HomeUnusable(f"{path} cannot be read: {error.strerror}") from error
        try:
            pinned = TrustAnchors.parse(present)
        except EvidenceError as error:
            raise HomeUnusable(f"{path} is damaged: {error}; restore it, or remove it to have it made anew") from error
        for name in ("ledger", "logs", "authorities"):
            if getattr(pinned, name) != getattr(self.trust, name):
                raise HomeUnusable(
                    f"{path} pins other {name} than this home has now: a key, the genesis or a setting was changed. "
                    "Restore the home, or remove the file if this is meant: receipts of before need the anchors of then"
                )
        if present != content:
            write_private(path, content)

    def _first_key(self) -> None:
        """The first API key, for the command line of the same home; made once, and again if its file was removed."""
        path = self.settings.home / "api-key"
        if path.exists():
            return
        with self.store.transaction() as connection:
            identifier, key = self.access.create(connection, "operator", [ADMINISTER, NOTARY_WRITE])
            record(connection, [Deed(self.clock.now(), "system", "key", "created", "system", identifier)])
            # Written before the commit: a crash between leaves a file with a key nobody knows, which is refused and
            # can be removed; the other order would leave a key nobody can read.
            write_private(path, key.encode() + b"\n")

    def _first_administrator(self, progress: Progress) -> None:
        """The link with which the first administrator joins, in a file of its own; gone once there is one."""
        path = self.settings.home / "first-administrator"
        code = self.people.invite_first_administrator()
        if code is None:
            path.unlink(missing_ok=True)
            return
        # A new link with each start, until somebody has used one: an old file that leaked is worth nothing.
        write_private(path, f"{self.settings.portal_url}/fr/join#{code}\n".encode())
        progress(f"nobody administers this instance yet: open the link in {path}")

    async def start(self) -> None:
        """Begin to seal, to make checkpoints, to carry letters and to keep house."""
        if self.sealer is not None:
            loop = asyncio.get_running_loop()

            def damaged(error: DamagedLedger) -> None:
                loop.call_soon_threadsafe(self._give_up, error)

            self.sealer.start(damaged)
        await self.notary.start()
        await self.members.start()
        self.outbox.start()
        self.notices.start()
        self.webhooks.start()
        await self.votes.start()
        self._housekeeping = asyncio.create_task(self._keep_house())

    def begin_examination(self) -> None:
        """Once everything answers: begin to read database and embedded ledger through, beside the work."""
        self._examination = asyncio.create_task(self._examine())

    async def _examine(self) -> None:
        """Read database and embedded ledger through once: neither keeps check sums that would tell.

        What a page holds that the disk has changed is found when it is needed, which may be years later, and what is
        written meanwhile may fall on it. So damage ends the instance: the operator restores, and nothing more is taken.
        """
        try:
            await asyncio.to_thread(self.store.examine, self._leaving)
            if self.chain is not None:
                from maillon.ledger.embedded.store import examine as examine_store

                await asyncio.to_thread(examine_store, self.settings.home / "ledger", self._leaving)
        except (CorruptStore, DamagedLedger) as error:
            self._give_up(error)
        except (KitError, LedgerError, OSError) as error:
            _log.warning("stores not read through", reason=str(error))

    def _give_up(self, damage: KitError | LedgerError) -> None:
        self.damage = damage
        self.unfit.set()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING)
            for step in (
                self.access.write_last_use,
                self._forget_answers,
                self.people.keep_house,
                self.members.keep_house,
                self.organisation_webhooks.forget_unled,
                self._close_days,
                self.people.enter_days,
                self.credits.tell_low,
            ):
                await self._keep(step)

    async def _keep(self, step: Callable[[], Any]) -> None:
        """One step of housekeeping. What fails is tried again in a minute, and holds up no other step."""
        try:
            if inspect.iscoroutinefunction(step):
                await step()
            else:
                await asyncio.to_thread(step)
        except (KitError, TrailNotNotarised, CreditsError) as error:
            _log.warning("house not kept", step=step.__name__, reason=str(error))
        except Exception as error:  # noqa: BLE001 - a task that ends in silence would forget nothing any more
            # By its class alone: what it says may quote what was handled.
            _log.error("house not kept", step=step.__name__, reason=type(error).__name__)

    def _close_days(self) -> None:
        while self.people.close_days():
            pass

    def _forget_answers(self) -> None:
        """Forget answers whose idempotency keys need no longer be honoured."""
        with self.store.transaction() as connection:
            idempotency.forget(connection, int(self.clock.now().timestamp()))
            self.webhooks.forget(connection)

    def leave(self) -> None:
        """Told to end: whoever only waits is answered, so that the end does not wait for them."""
        if self.demo is not None:
            self.demo.leave()
        self.notary.answer_waiting()

    async def stop(self) -> None:
        """Finish what was taken, and close everything, in the order opposite to the start."""
        self._leaving.set()
        if self.demo is not None:
            await self.demo.stop()
        if self._examination is not None:
            await self._examination
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._housekeeping
        await self.votes.stop()
        await self.members.stop()
        await self.notary.stop()
        await asyncio.to_thread(self.notices.stop)
        await asyncio.to_thread(self.outbox.stop)
        await asyncio.to_thread(self.webhooks.stop)
        if self.facade is not None:
            await self.facade.close()
        if self.passage is not None:
            await self.passage.close()
        if self.sealer is not None:
            await asyncio.to_thread(self.sealer.stop)
        if self.chain is not None:
            self.chain.close()
        if self.node is not None:
            await self.node.close()
        with contextlib.suppress(KitError):
            self.access.write_last_use()
        self.store.close()

    def create_app(self) -> FastAPI:
        """Every door as one ASGI application."""
        app = FastAPI(
            title="Maillon",
            version=maillon.__version__,
            summary="Notarise, anchor, stamp, and check offline.",
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            docs_url=None,
            redoc_url=None,
            openapi_url="/v1/openapi.json",
            lifespan=self._lifespan,
            # What is measured is at /metrics, and nothing of it is sent anywhere.
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        ours = (NotaryError, VotesError, LedgerError, ExplorerError, PeopleError, MembersError, CreditsError)
        problems.install(app, *ours, NoticesError, present=self.renderer.problem)
        settings, url = self.settings, self.settings.portal_url
        recognition = Recognition(self.people, url)
        members, delegates = self.members, Delegates(recognition, self.members)
        gifts = Throttle(self.clock, credits_api.GIFTS_A_MINUTE)
        log_in_rate, rate = settings.log_in_rate, settings.rate_limit
        # Routes are tried in order, the hot ones first; those of an included router would be tried twice.
        routes = app.router.routes
        routes += notary_api.router(self.notary, Writers(self.access, self.people)).routes
        door = self.facade or self.passage
        if door is not None:
            routes += door.routes()
        self._operations(app, recognition)
        routes += people_api.router(self.people, recognition, self.clock, members.once, url, log_in_rate).routes
        routes += people_pages.pages(self.people, recognition, self.renderer, self.clock, log_in_rate).routes
        routes += notices_api.router(self.notices, recognition).routes
        routes += notices_pages.pages(self.notices, recognition, self.renderer).routes
        tests, hooks = Throttle(self.clock, TESTS_A_MINUTE), self.organisation_webhooks
        routes += notices_api.webhooks_router(hooks, recognition, members.once, tests).routes
        routes += notices_pages.webhooks_pages(hooks, recognition, self.renderer, tests).routes
        routes += members_api.router(members, recognition, self.clock, rate).routes
        routes += members_pages.pages(members, recognition, self.renderer, self.clock, url, self.network, rate).routes
        routes += votes_api.router(self.votes, delegates, members.once).routes
        routes += votes_pages.pages(self.votes, self.renderer, url, self.network, delegates).routes
        routes += credits_api.router(self.credits, gifts).routes
        routes += credits_pages.pages(self.credits, self.renderer, gifts).routes
        routes += explorer_api.router(self.explorer).routes
        routes += explorer_pages.pages(self.explorer, self.renderer, self._demonstrated, self._alliance).routes
        routes += notary_pages.pages(self.notary, self.renderer, self.trust, self.settings, self.clock).routes
        routes += common_pages(self.renderer).routes
        app.add_middleware(UnreadCount, service=self.notices, people=self.people, recognition=recognition)
        app.add_middleware(JsonAddress)
        app.add_middleware(metrics.Counted)
        if settings.trusted_proxies:
            app.add_middleware(BehindProxies, trusted=settings.trusted_proxies)
        described = app.openapi
        app.openapi = lambda: problems.describe_refusals(described())  # type: ignore[method-assign]
        return app

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        if self._housekeeping is None:
            await self.start()
        try:
            yield
        finally:
            await self.stop()

    def _operations(self, app: FastAPI, recognition: Recognition) -> None:
        """Health and metrics."""

        @app.get("/health/live", tags=["operations"], summary="The process answers")
        async def live() -> dict[str, str]:
            return {"status": "live"}

        @app.get(
            "/health/ready",
            tags=["operations"],
            summary="The instance takes work, or 503 with the reason",
            responses={503: {"description": "It does not, and why"}},
        )
        async def ready() -> dict[str, Any]:
            return await self.readiness()

        @app.get("/health", tags=["operations"], summary="The state of each part")
        async def health() -> dict[str, Any]:
            return await self.health()

        @app.get(
            "/metrics",
            tags=["operations"],
            summary="What is counted and measured, for Prometheus",
            response_class=Response,
            responses={
                200: {"content": {"text/plain": {}}, "description": "docs/operating/metrics.md"},
                503: {"description": "The ledger does not answer"},
            },
        )
        async def exposition() -> Response:
            metrics.height.set(int(await self.ledger.head()))
            return Response(metrics.exposition(), media_type=metrics.MEDIA_TYPE)

        @app.get("/v1/trust", tags=["verification"], summary="The trust anchors of this network")
        async def trust() -> Response:
            return Response(self.trust.to_json(), media_type="application/json")

        @app.get(
            "/v1/audit",
            tags=["operations"],
            summary="Who did what, newest first; for keys with the scope admin and administrators of the office",
            responses={401: {"description": "Nobody is known"}, 403: {"description": "They may not"}},
        )
        async def audit_trail(
            request: Request,
            limit: Annotated[int, Query(ge=1, le=200)] = 50,
            before: Annotated[int | None, Query(ge=1, le=2**62, description="Continue below this number")] = None,
        ) -> dict[str, Any]:
            await recognition.require(request, INSTANCE_OPERATE, Target("instance"))
            deeds = await asyncio.to_thread(self._deeds, limit, before)
            return {
                "deeds": [
                    {"number": number, "time": deed.time, "tag": deed.tag, "actor": deed.actor, "detail": deed.detail}
                    for number, deed in deeds
                ],
                "next": deeds[-1][0] if len(deeds) == limit else None,
            }

    def _deeds(self, limit: int, before: int | None) -> list[tuple[int, Deed]]:
        with self.store.read() as connection:
            return newest(connection, limit, before)

    async def health(self) -> dict[str, Any]:
        """The state of each part, for people and for `maillon status`."""
        await asyncio.to_thread(self.store.check)
        log = await self.notary.status()
        failure = log.failure or log.anchoring_failure
        try:
            height: int | None = int(await self.ledger.head())
        except Unavailable as error:
            height, failure = None, failure or str(error)
        waiting, failed = await asyncio.to_thread(self.outbox.counts)
        untold, given_up = await asyncio.to_thread(self.webhooks.counts)
        return {
            "status": "degraded" if failure or self.votes.unfollowed or self.members.unfollowed else "ready",
            "version": maillon.__version__,
            "network": self.network,
            "time": self.clock.now().isoformat(),
            "database": "sqlite" if self.store.is_sqlite else "postgresql",
            "ledger": {
                "engine": "embedded" if self.chain is not None else "node",
                "chain_id": self.trust.ledger.evm_chain_id,
                "height": height,
            },
            "log": {
                "origin": log.origin,
                "entries": log.next_index,
                "size": log.size,
                "anchored_size": log.anchored_size,
                "anchored_height": log.anchored_height,
                "failure": failure,
            },
            "votes": {"failure": self.votes.failure or self.votes.unfollowed},
            "members": {"failure": self.members.failure or self.members.unfollowed},
            "mail": {"waiting": waiting, "failed": failed},
            "webhooks": {"waiting": untold, "failed": given_up},
            "demo": None if self.demo is None else self.demo.progress.document(),
        }

    def _demonstrated(self) -> dict[str, Any] | None:
        """How far the demonstration is, for the home page."""
        return None if self.demo is None else self.demo.progress.document()

    async def _alliance(self) -> dict[str, int]:
        """How many active members and votes there are, for the home page."""
        active = Filter(statuses=frozenset({Status.ACTIVE}))
        members, votes = await asyncio.gather(self.members.count(active), self.votes.counts())
        return {"members": members, **votes}

    async def lacks(self) -> list[str]:
        """What keeps the log from being anchored on a network, in sentences; not having been able to ask is one."""
        if self.node is None:
            return []
        notary = Account(self.keys.account("notary")).address
        try:
            balance = int(await self.node.ask("eth_getBalance", "0x" + notary.hex(), "latest"), 16)
            return await delegation.lacks(self.ledger, notary, balance)
        except (LedgerError, NotDecodable) as error:
            return [f"whether the log can be anchored could not be asked: {error}"]

    async def readiness(self) -> dict[str, Any]:
        """Raise a problem unless the instance can take an entry now."""
        if self.notary.halted is not None:
            raise problems.Problem(problems.UNAVAILABLE, f"the log has halted: {self.notary.halted}")
        await asyncio.to_thread(self.store.check)
        try:
            height = int(await self.ledger.head())
        except Unavailable as error:
            raise problems.Problem(problems.UNAVAILABLE, f"the ledger does not answer: {error}") from error
        return {"status": "ready", "height": height}


def people_parts(  # noqa: PLR0917 - what they are built over
    settings: Settings, network: str, keys: Keys, store: Store, clock: Clock, access: Access
) -> tuple[Outbox, Notices, PeopleService]:
    """People, their letters and notices, over a store."""
    encryption = Encryption.open(keys)
    mailer = (
        FolderMailer(settings.home / "mail") if settings.smtp is None else SmtpMailer(settings.smtp.get_secret_value())
    )
    outbox = Outbox(store, clock, encryption, mailer, settings.mail_from)
    notices = Notices(clock, encryption)
    people = PeopleService(
        store,
        PeopleStore(encryption),
        clock,
        outbox,
        notices,
        access,
        passwords=Passwords(),
        public_url=settings.portal_url,
        network=network,
        providers=_providers(settings, clock),
        session_idle=datetime.timedelta(minutes=settings.session_idle),
        session_life=datetime.timedelta(hours=settings.session_life),
    )
    return outbox, notices, people


def _providers(settings: Settings, clock: Clock) -> dict[str, Provider]:
    """Those that are configured, each under its name. Where there is none, their library is not loaded."""
    if not settings.providers:
        return {}
    from maillon.services.people.provider import Provider

    callback = f"{settings.portal_url}/log-in/callback"
    return {provider.id: Provider(provider, clock, callback) for provider in settings.providers}


@contextlib.contextmanager
def people_of_home(settings: Settings) -> Iterator[PeopleService]:
    """People over the database and keys of a home, beside its running server or without one.

    Raises `HomeUnusable` where there is no instance, and what opening the database raises.
    """
    require_instance(settings.home)
    store, clock = Store.open(settings.database_url), SystemClock()
    try:
        keys = Keys(settings.home / "keys")
        yield people_parts(settings, settings.network, keys, store, clock, Access(store, clock))[2]
    finally:
        store.close()


def _purse(parts: _LedgerParts, keys: Keys) -> SandboxPurse:
    """One for an instance: its transfers are made one after the other."""
    if parts.purse is None:
        parts.purse = SandboxPurse(parts.ask, parts.ledger, Account(keys.account("sandbox")))
    return parts.purse


def members_part(  # noqa: PLR0917 - the collaborators
    settings: Settings,
    parts: _LedgerParts,
    keys: Keys,
    store: Store,
    clock: Clock,
    people: PeopleService,
    outbox: Outbox,
    notices: Notices,
    webhooks: Webhooks,
) -> MembersService:
    """Members, over whichever engine. The account of the office is the home's steward, who may all in a sandbox."""
    purse = None if parts.chain is None else _purse(parts, keys)
    return MembersService(
        store,
        PrivateStore(Encryption.open(keys)),
        MembersContract(parts.ledger, DIRECTORY, BlockTimes(parts.ask), parts.chain_id),
        people,
        outbox,
        notices,
        webhooks,
        clock,
        office=Account(keys.account("steward")),
        purse=purse,
        public_url=settings.portal_url,
        network=parts.network,
    )


def credits_part(
    parts: _LedgerParts, keys: Keys, members: MembersService, clock: Clock, announcer: CreditNews
) -> CreditsService:
    """Credits, over whichever engine. The embedded ledger is a sandbox: no grants, and a faucet."""
    faucet: Faucet | None = None if parts.chain is None else _purse(parts, keys).give
    contract = CreditsContract(parts.ledger, DIRECTORY)
    return CreditsService(contract, parts.ask, members, clock, faucet, grants=parts.chain is None, announcer=announcer)


def rotate_encryption(settings: Settings) -> int:
    """A new key for what is kept of people, everything encrypted again, the old keys destroyed; how many values.

    The caller holds the home. A crash before the commit leaves two keys and the old values; between commit and
    destruction two keys and the new values; both read, and running it again ends it.
    """
    keys = Keys(settings.home / "keys")
    keys.extend_ring(RING)
    with people_of_home(settings) as people:
        changed = people.encrypt_again()
    store = Store.open(settings.database_url)
    try:
        with store.transaction() as session:
            encryption = Encryption.open(keys)
            changed += PrivateStore(encryption).encrypt_again(session)
            changed += Webhooks(store, SystemClock(), encryption).encrypt_again(session)
    finally:
        store.close()
    keys.shorten_ring(RING)
    return changed


class Register:
    """The register of members, as votes ask it."""

    def __init__(self, members: MembersService) -> None:
        self._members = members

    async def legal_names(self, organisations: Collection[int]) -> Mapping[int, str]:
        """Legal names by number; unknown ones are left out."""
        return await self._members.names_of(list(organisations))

    async def organisations(self, statuses: Collection[int]) -> Mapping[int, str] | None:
        """Legal names by number of those of these statuses, in the order of names; None of more than a page."""
        wanted = Filter(statuses=frozenset(map(Status, statuses)))
        # Counted first: of too many none is read.
        if await self._members.count(wanted) > MAXIMUM_PAGE:
            return None
        page = await self._members.directory(wanted, MAXIMUM_PAGE)
        return None if page.next is not None else {each.number: each.legal_name for each in page.organisations}

    async def signer(self, organisation: int) -> Signer:
        """The key kept here that may vote. Raises the register's refusal where there is none."""
        return await self._members.signer(organisation, Scope.VOTE)


class SandboxPurse:
    """Credits for the members of a sandbox, which no period grants them: from the sandbox account, when they act."""

    def __init__(self, ask: Ask, ledger: Ledger, sandbox: Signer) -> None:
        self._ask = ask
        self._ledger = ledger
        self._sandbox = sandbox
        self._one_at_a_time = asyncio.Lock()

    async def fill(self, account: Address) -> None:
        """See that an account can act. Raises `LedgerError`."""
        # One at a time: two acts of one account would both find it empty, and their transfers have one nonce.
        async with self._one_at_a_time:
            if int(await self._ask("eth_getBalance", "0x" + account.hex(), "latest"), 16) >= _LEAST_CREDITS:
                return
            await transfer(self._ask, self._ledger, self._sandbox, account, GIFT)

    async def give(self, account: str, wei: int) -> int:
        """Send an account so much; the block it is in. Raises `LedgerError`."""
        receiver = Address(bytes.fromhex(account.removeprefix("0x")))
        async with self._one_at_a_time:
            return int((await transfer(self._ask, self._ledger, self._sandbox, receiver, wei)).height)


async def transfer(ask: Ask, ledger: Ledger, sender: Signer, receiver: Address, wei: int) -> TransactionReceipt:
    """Send credits, until it is final. Raises `LedgerError`."""
    return await ledger.wait((await send(ask, sender, receiver, value=wei)).hash)


class Delegates:
    """Who may vote for an organisation with the key kept here: its delegates, once they have shown who they are."""

    def __init__(self, recognition: Recognition, members: MembersService) -> None:
        self._recognition = recognition
        self._members = members

    async def organisations(self, request: Request) -> Sequence[int]:
        """The organisations whoever reads is a delegate of, and whose keys are kept here."""
        actor = await self._recognition.actor(request)
        numbers = [int(name) for name, roles in actor.roles.items() if name.isdigit() and Role.DELEGATE in roles]
        return [number for number in sorted(numbers) if await self._members.kept_accounts(number)]

    async def log_in(self, request: Request) -> str | None:
        """Where whoever is not logged in does so."""
        actor = await self._recognition.actor(request)
        return self._recognition.log_in_address(request) if actor.person is None else None

    async def require(self, request: Request, organisation: int) -> str:
        """Who acts, for the trail. Raises `AccessDenied`, or what sends a reader to log in."""
        target = Target("organisation", str(organisation))
        page = not request.url.path.startswith("/v1/")
        ask = self._recognition.enter_for if page else self._recognition.require
        return (await ask(request, VOTE, target)).tag


class Records:
    """Documents of a service in the notary's log: it stands below the notary, and knows it by its port."""

    def __init__(self, notary: NotaryService, subject: str, refusal: type[Exception]) -> None:
        self._notary = notary
        self._subject = subject
        self._refusal = refusal

    async def enter(self, digest: bytes) -> int:
        """Enter a digest publicly, once; its index. Raises the service's own refusal."""
        asked = {"digest": {"algorithm": "sha2-256", "value": digest.hex()}, "deduplicate": True}
        try:
            return (await self._notary.append(parse_entry(asked, self._subject))).index
        except NotaryError as error:
            raise self._refusal(str(error)) from error

    async def receipt(self, entry: int, digest: bytes) -> bytes | None:
        """The whole receipt, None while it is not ready."""
        half = await self._notary.receipt(entry)
        return None if half is None else complete(half, Digest(Algorithm.SHA2_256, digest), None)


class Writers:
    """Who writes in the log: whoever has a key, and people whom their command line logged in.

    A log-in writes in the name of its person's organisation; of none where they have roles in several.
    """

    def __init__(self, access: Access, people: PeopleService) -> None:
        self._access = access
        self._people = people

    def check(self, authorization: bytes | None, scope: str) -> Subject:
        """The subject of an Authorization header, if it may. Raises `AccessDenied`. May ask the database."""
        scheme, _, token = (authorization or b"").partition(b" ")
        token = token.strip()
        if scheme.lower() != b"bearer" or not token.startswith(b"ml_"):
            return self._access.check(authorization, scope)
        actor = self._people.actor_of_token(token.decode("ascii", "replace"), SessionKind.COMMAND)
        if actor.person is None:
            raise AccessDenied("this log-in has ended: maillon login", authenticated=False)
        organisations = sorted(actor.roles)
        if not organisations:
            raise AccessDenied("who writes does so for an organisation: they have no role in any", authenticated=True)
        self._people.require(actor, ENTRY_APPEND, Target("organisation", organisations[0]))
        organisation = organisations[0] if len(organisations) == 1 else None
        return Subject(actor.name, frozenset({scope}), "", organisation, actor.person)


class News:
    """What happens in votes, told by webhooks and notices: votes know neither, and say it to their port."""

    def __init__(
        self, webhooks: Webhooks, notices: Notices, people: PeopleService, members: MembersService, url: str
    ) -> None:
        self._webhooks = webhooks
        self._notices = notices
        self._people = people
        self._members = members
        self._url = url

    def stage(  # noqa: PLR0917 - the port's
        self,
        session: Connection,
        kind: str,
        number: int,
        key: str,
        happened: int,
        data: Mapping[str, Any],
        *,
        to_people: bool = True,
    ) -> None:
        """Keep the news of a proposal in the caller's transaction."""
        pages = {language: f"{self._url}/{language}/votes/{number}" for language in LANGUAGES}
        self._webhooks.stage(session, kind, key, happened, {"proposal": number, "pages": pages, **data})
        if not to_people:
            return
        told, words = KINDS[kind], notice_words(number, data)
        organisations = [EVERY_MEMBER]
        if told is CLOSING:
            # Whoever has spoken is not asked again; whoever joined since it was proposed, or is suspended, cannot vote.
            here = self._people.organisations_with(session, told.roles)
            proposed = datetime.datetime.fromtimestamp(data["proposed"], datetime.UTC)
            silent = self._members.active(session, here, proposed) - {str(one) for one in data["spoken"]}
            organisations = sorted(silent)
        if told is NOT_EXECUTED:
            # Anybody may try to execute, as often as they like: that it fails is told once a day.
            key = f"{number}:{happened // 86_400}"
        for organisation in organisations:
            self._notices.stage(session, told, key, words, organisation=organisation, happened=happened)

    def wake(self) -> None:
        """There may be news: after the commit."""
        self._webhooks.wake()


class CreditNews:
    """That credits run low, told by webhooks and notices to the organisations of people here."""

    def __init__(self, store: Store, webhooks: Webhooks, notices: Notices, people: PeopleService, url: str) -> None:
        self._store = store
        self._webhooks = webhooks
        self._notices = notices
        self._people = people
        self._url = url

    def readers(self) -> set[int]:
        """The organisations of which somebody here reads it."""
        with self._store.read() as session:
            found = self._people.organisations_with(session, CREDITS_LOW.roles)
        return {int(one) for one in found if one.isascii() and one.isdigit()}

    def tell(self, found: Sequence[LowCredits]) -> None:
        """Keep it, once in a turn for each."""
        with self._store.transaction() as session:
            for low in found:
                organisation, key = str(low.organisation), f"{low.organisation}:{low.turn}"
                data = {
                    "organisation": low.organisation,
                    "pages": {one: f"{self._url}/{one}/credits/{organisation}" for one in LANGUAGES},
                    "left": credits_text(low.balance),
                    "allowance": credits_text(low.allowance),
                    "refill": low.refill.block,
                }
                self._webhooks.stage(session, CREDITS_LOW.name, key, low.time, data, organisation=organisation)
                self._notices.stage(
                    session, CREDITS_LOW, key, low_words(low), organisation=organisation, happened=low.time
                )
        self._webhooks.wake()


class GasPrice:
    """What gas costs now, asked of the endpoint beside the port."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def __call__(self) -> int:
        """Wei for a unit of gas; raises a `LedgerError`."""
        return int(await self._ask("eth_gasPrice"), 16)


@dataclass
class _LedgerParts:
    """What an engine gives the rest, whichever it is."""

    network: str
    chain_id: int
    consensus_chain_id: str
    validators: ValidatorSet
    ledger: Ledger
    prover: Prover
    ask: Ask
    chain: Chain | None = None
    sealer: Sealer | None = None
    node: NodeLedger | None = None
    purse: SandboxPurse | None = None
    facade: Facade | None = None
    passage: Passage | None = None
    """Where the chain is another's: the way to it."""


def _embedded_ledger(settings: Settings, keys: Keys, clock: Clock, progress: Progress) -> _LedgerParts:
    """The ledger in this process: its genesis made at the first start."""
    # Imported here: the virtual machine is the slowest import, and a node in its place needs none.
    from maillon.ledger.embedded.chain import Chain
    from maillon.ledger.embedded.engine import EmbeddedLedger
    from maillon.ledger.embedded.sealer import Sealer
    from maillon.ledger.facade.server import Facade

    progress("opening the ledger …")
    genesis = _genesis(settings, keys, clock, progress)
    _require_ledger(settings.home)
    chain = Chain.open(settings.home, genesis, keys.validator_key(), clock)
    ledger = EmbeddedLedger(chain)
    facade = Facade(chain)
    return _LedgerParts(
        network=genesis.network,
        chain_id=genesis.chain_id,
        consensus_chain_id=genesis.consensus_chain_id,
        validators=ValidatorSet.of([Validator(validator.key, validator.power) for validator in genesis.validators]),
        ledger=ledger,
        prover=ledger,
        ask=facade.ask,
        chain=chain,
        sealer=Sealer(chain),
        facade=facade,
    )


def _require_ledger(home: Path) -> None:
    """A second chain from the same genesis, signed by the same validator, would contradict every receipt of the first.

    Raises `HomeUnusable` when a home whose anchors are pinned has lost its chain.
    """
    file = home / "ledger" / "data.mdb"
    if (home / "trust.json").exists() and not (file.exists() and file.stat().st_size):
        raise HomeUnusable(f"{file} is gone or empty, and this home had a chain: restore it from a backup")


def _genesis(settings: Settings, keys: Keys, clock: Clock, progress: Progress) -> Genesis:
    path = settings.home / "genesis.json"
    notary = Account(keys.account("notary")).address
    sandbox = Account(keys.account("sandbox")).address
    steward = Account(keys.account("steward")).address
    if path.exists():
        try:
            genesis = Genesis.parse(path.read_bytes())
        except InvalidGenesis as error:
            raise HomeUnusable(f"{path} is damaged: {error}; restore it from a backup") from error
        if any(account not in genesis.alloc for account in (notary, sandbox, steward)):
            raise HomeUnusable(f"an account in {settings.home / 'keys'} is not one {path} knows: restore both together")
        return genesis
    if (settings.home / "ledger" / "data.mdb").exists():
        raise HomeUnusable(f"{path} is gone, and the chain was made from it: restore it from a backup")
    progress("making the first block …")
    chain_id = random_chain_id()
    validators = [keys.validator_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)]
    genesis = make_genesis(
        network=settings.network,
        chain_id=chain_id,
        time=int(clock.now().timestamp()),
        validator_keys=validators,
        funded={notary: _SANDBOX_FUNDS, sandbox: _SANDBOX_FUNDS, steward: _SANDBOX_FUNDS},
        steward=steward,
        logs={settings.origin or f"maillon-{chain_id}/log": notary},
        # A vote decides here as it does on a network: what is tried is what will be.
        founding=sandbox_of(steward, [notary], validators, governed=True),
    )
    write_private(path, genesis.to_json())
    return genesis


async def _network_ledger(settings: Settings) -> _LedgerParts:
    """A node of a network, over its JSON-RPC."""
    from maillon.ledger.node import NodeLedger
    from maillon.ledger.passage import Passage

    assert settings.ledger is not None
    node = await NodeLedger.connect(settings.ledger)
    header, validators = await node.first_validators()
    return _LedgerParts(
        network=settings.network,
        chain_id=node.chain_id,
        consensus_chain_id=header.chain_id,
        validators=validators,
        ledger=node,
        prover=node,
        ask=node.ask,
        node=node,
        passage=Passage(settings.ledger),
    )


async def serve(
    settings: Settings, progress: Progress, ready: Callable[[str], None], clock: Clock | None = None
) -> None:
    """Run until SIGINT or SIGTERM; `ready` is called with the address once everything answers.

    A signal before that closes what was opened, and is no error. The caller holds the home. Raises what
    `Application.open` raises, and `HomeUnusable` when the port is in use.
    """
    # Imported here: only `up` needs a server.
    from maillon.kit import server

    listening = server.listen(settings.host, settings.port)
    opening, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert opening is not None
    stopped = False

    def stop() -> None:
        # A second signal changes nothing: the end is on its way.
        nonlocal stopped
        if not stopped:
            stopped = True
            opening.cancel()

    try:
        # Until the server listens for these signals itself, they end what is being opened.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        # Letters and passkeys name the port that was given, not the 0 that was asked for.
        settings = settings.model_copy(update={"port": listening.getsockname()[1]})
        application = await Application.open(settings, progress, clock)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{host}:{listening.getsockname()[1]}"
        progress("starting …")
        for lack in await application.lacks():
            progress(lack)
        try:
            # Before the HTTP server, which would say what stands against it with a traceback and a status of its own.
            await application.start()
        except BaseException:
            await application.stop()
            raise

        def started() -> None:
            ready(address)
            application.begin_examination()
            # Only now: whoever waits for the ready line does not wait for invented people.
            if application.demo is not None and settings.demo and settings.smtp is None:
                application.demo.begin(address)

        whole = await server.serve(application.create_app(), listening, started, application.leave, application.unfit)
        if application.damage is not None:
            raise application.damage
        if not whole:
            raise HomeUnusable("the instance could not start; the reason stands above")
    except asyncio.CancelledError:
        if not stopped:
            raise
        opening.uncancel()
        progress("stopped before it was ready")
    finally:
        listening.close()


@contextlib.contextmanager
def frozen_ledger(settings: Settings) -> Iterator[FrozenLedger | None]:
    """The embedded ledger as of one moment, also while a server writes it; None for a node: it is not ours to copy."""
    if settings.ledger is not None:
        yield None
        return
    from maillon.ledger.embedded.store import frozen

    with frozen(settings.home / "ledger") as store:
        yield store


async def examine(settings: Settings, progress: Progress) -> dict[str, int]:
    """Open a home that no server runs and compare its parts: entries, entries anchored, and the newest block.

    The caller holds the home. Raises what `Application.open` raises, and `NotaryError` where parts contradict each
    other.
    """
    if settings.ledger is None:
        from maillon.ledger.embedded.store import examine as examine_store

        progress("reading the ledger through …")
        await asyncio.to_thread(examine_store, settings.home / "ledger")
    application = await Application.open(settings, progress)
    try:
        progress("comparing files, database and ledger …")
        entries, anchored = await application.notary.examine()
        return {"entries": entries, "anchored": anchored, "block": int(await application.ledger.head())}
    finally:
        await application.stop()


async def give_credits(settings: Settings, receiver: Address, wei: int) -> int:
    """Send credits from the home's sandbox account, through the running server's /rpc; the block they are in.

    Raises `LedgerError`: `Rejected` when the sandbox has not as much, `Unavailable` when no server answers.
    """
    sandbox = Account(Keys(settings.home / "keys").account("sandbox"))
    async with _endpoint(f"{settings.server_url}/rpc") as node:
        return int((await transfer(node.ask, node, sandbox, receiver, wei)).height)


_ACCOUNTS = {"notary": "notary", "office": "steward"}
"""What people call an account of an instance, and its key's name."""


def accounts(settings: Settings) -> dict[str, Address]:
    """The accounts an instance signs with on a network's chain: its notary's, its office's. Raises `KitError`.

    Of a home that no instance was laid out in they are made: a founding file can name them before there is a chain.
    """
    keys = Keys(settings.home / "keys", complete=(settings.home / "trust.json").exists())
    return {name: Account(keys.account(key)).address for name, key in _ACCOUNTS.items()}


async def consent(settings: Settings, organisation: int, *, of: str = "notary") -> tuple[Address, bytes]:
    """An account of a home, and its consent to belong to an organisation. Raises `LedgerError`."""
    account = Account(Keys(settings.home / "keys").account(_ACCOUNTS[of]))
    async with _endpoint(settings.ledger or f"{settings.server_url}/rpc") as node:
        return account.address, await delegation.consent(node, node.chain_id, organisation, account)


async def delegate(
    endpoint: str, admin: Account, account: Address, given: bytes, wei: int, *, of: str = "notary"
) -> int:
    """Let an instance's account act for the admin's organisation, and send it wei; the organisation's number.

    The notary's publishes; the office's does nothing until a vote gives it an office. Raises `LedgerError`.
    """
    async with _endpoint(endpoint) as node:
        scope = Scope.PUBLISH if of == "notary" else Scope(0)
        organisation = await delegation.delegate(node, admin, account, given, scope, of)
        if wei:
            await transfer(node.ask, node, admin, account, wei)
        return organisation


async def register_node(home: NodeHome, gateway: str, *, validator: bool) -> Registered:
    """Have the chain list a node, through the gateway of one that is let in. Raises `NetworkError`, `LedgerError`."""
    from maillon.network.registration import register

    async with _endpoint(gateway) as node:
        return await register(home, node, node.chain_id, validator=validator)


@contextlib.asynccontextmanager
async def _endpoint(url: str) -> AsyncIterator[NodeLedger]:
    """The ledger behind an endpoint, for one command."""
    from maillon.ledger.node import NodeLedger

    node = await NodeLedger.connect(url)
    try:
        yield node
    finally:
        await node.close()
