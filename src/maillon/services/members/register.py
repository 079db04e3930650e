# SPDX-License-Identifier: Apache-2.0
"""The read model, made from the chain's events and nothing else: following and rebuilding are the same code.

The order of writes:
stage: events of a range of blocks are read from the chain, with what they do not carry asked for;
commit: one transaction applies them and says how far it has come; a crash before it changes nothing, and the range is
read again; after it, the next range begins behind;
publish and clean: nothing. The chain has published already, and what was staged was memory; notices and webhooks, kept
in the same transaction, go their own way.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Final

from sqlalchemy.engine import Connection

from maillon.kit.language import LANGUAGES
from maillon.kit.notices import Kind as NoticeKind
from maillon.kit.notices import Notices, Word
from maillon.kit.store import Store
from maillon.kit.webhooks import Webhooks
from maillon.ledger.contracts import admissions, members
from maillon.services.members import store as tables
from maillon.services.members.contract import Founder, MembersContract, RegisterEvent, label_text
from maillon.services.members.letters import (
    ACCOUNT_ADDED,
    ACCOUNT_REMOVED,
    SCOPES_CHANGED,
    STATUS_CHANGED,
    STATUSES,
    SUSPENDED,
    scopes_in_words,
)
from maillon.services.members.model import (
    AccountRecord,
    AdmissionRule,
    Evidence,
    HistoryEntry,
    Identifier,
    Kind,
    Organisation,
    Scope,
    Status,
)
from maillon.services.members.names import plain, visible
from maillon.services.members.rules import SCOPE_NAMES, names_of

BLOCKS_AT_ONCE: Final = 2_000
"""Blocks read in one range, so that memory and transactions stay small when much has to be caught up."""


@dataclass(frozen=True, slots=True)
class _Staged:
    """One event with what it does not carry."""

    found: RegisterEvent
    identifier: Identifier | None = None
    """Of an organisation seen for the first time."""
    kind: Kind = Kind.OTHER
    country: str = ""


class Register:
    """Follows the chain, one reader at a time: `catch_up` is called again and again, and after each change of ours."""

    def __init__(
        self, store: Store, contract: MembersContract, notices: Notices, webhooks: Webhooks, public_url: str
    ) -> None:
        self._store = store
        self._notices = notices
        self._webhooks = webhooks
        self._url = public_url
        self._contract = contract
        self._lock = asyncio.Lock()

    async def catch_up(self) -> int:
        """Read what is new; the height reached. Raises `Unavailable`."""
        async with self._lock:
            head = await self._contract.head()
            height = await asyncio.to_thread(self._height)
            if height < 0:
                # Block zero has state and no events: what stands in it is asked for.
                founders = await self._contract.founders()
                # A country's own rule is asked for where a founder is; a review asks the chain itself.
                countries = sorted({founder.standing.country.decode("ascii") for founder in founders})
                rules = await self._contract.rules_at_founding(list(Kind), countries)
                time = await self._contract.time_of(0)
                await asyncio.to_thread(self._found, founders, rules, time)
                height = 0
            while height < head:
                until = min(head, height + BLOCKS_AT_ONCE)
                staged = await self._stage(height + 1, until)
                await asyncio.to_thread(self._commit, staged, height, until)
                if staged:
                    self._webhooks.wake()
                height = until
            return height

    async def rebuild(self) -> int:
        """Forget everything and read the chain from its beginning; the height reached."""
        async with self._lock:
            await asyncio.to_thread(self._clear)
        return await self.catch_up()

    def _height(self) -> int:
        with self._store.read() as session:
            return tables.read_height(session)

    def _clear(self) -> None:
        with self._store.transaction() as session:
            tables.clear_read_model(session)

    def _found(self, founders: Sequence[Founder], rules: Sequence[AdmissionRule], time: int) -> None:
        with self._store.transaction() as session:
            if not tables.advance(session, -1, 0):
                return
            for founder in founders:
                _enter_founder(session, founder, time)
            for rule in rules:
                tables.replace_rule(session, rule, rule.kind, rule.country)

    async def _stage(self, since: int, until: int) -> list[_Staged]:
        staged = []
        for found in await self._contract.events(since, until):
            event = found.event
            if isinstance(event, members.OrganisationApplied):
                # What it is called on the chain never changes; what it was when it applied is in the history.
                word, value = await self._contract.identifier_of(event.organisation)
                standing = await self._contract.standing_at_block(event.organisation, found.height)
                identifier = _identifier(word, value)
                staged.append(_Staged(found, identifier, Kind(standing.kind), standing.country.decode("ascii")))
            else:
                staged.append(_Staged(found))
        return staged

    def _commit(self, staged: Sequence[_Staged], height: int, until: int) -> None:
        with self._store.transaction() as session:
            if not tables.advance(session, height, until):
                # Another process follows the same chain into the same database, and was faster.
                return
            for one in staged:
                _apply(session, one)
                self._tell(session, one.found)

    def _tell(self, session: Connection, found: RegisterEvent) -> None:
        """The notice of an event and its message to programs, in the transaction that applies it."""
        key = f"{found.height}:{found.position}:{found.transaction.hex()}"
        news, message = _NEWS.get(type(found.event)), _MESSAGES.get(type(found.event))
        words = None if news is None else news[1](found)
        if news is not None and words is not None:
            organisation = str(found.event.organisation)
            self._notices.stage(session, news[0], key, words, organisation=organisation, happened=found.time)
        if message is not None:
            self._webhooks.stage(session, message[0], key, found.time, self._about(session, found) | message[1](found))
        if isinstance(found.event, members.StatusChanged) and found.event.status in _GONE:
            self._webhooks.depart(session, str(found.event.organisation), found.time)

    def _about(self, session: Connection, found: RegisterEvent) -> dict[str, Any]:
        """Whom a message is about, and where the chain says it."""
        number = found.event.organisation
        organisation = tables.organisation_of(session, number)
        return {
            "organisation": number,
            "legal_name": None if organisation is None else organisation.legal_name,
            "pages": {language: f"{self._url}/{language}/members/{number}" for language in LANGUAGES},
            "block": found.height,
            "transaction": "0x" + found.transaction.hex(),
        }


def _identifier(word: bytes, value: str) -> Identifier:
    """An identifier as the chain has it, in the alphabet the contract keeps: whoever entered it answers for it."""
    return Identifier(word.rstrip(b"\0").decode("ascii"), value)


def _name(number: int, written: str) -> str:
    """A legal name as it can be shown: whoever entered it may have hidden something in it, or nothing to read."""
    return visible(written).strip() or f"Organisation {number}"


def _moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _apply(session: Connection, staged: _Staged) -> None:
    """One event upon the read model; what it means, and the line of history it leaves."""
    found, event = staged.found, staged.found.event
    handle = _HANDLERS.get(type(event))
    if handle is not None:
        handle(session, staged)
    organisation = getattr(event, "organisation", None)
    if organisation is not None:
        detail = {name: _shown(value) for name, value in asdict(event).items() if name != "organisation"}
        tables.insert_history(
            session,
            HistoryEntry(
                organisation,
                found.height,
                found.position,
                _moment(found.time),
                type(event).__name__,
                detail,
                found.transaction,
            ),
        )


def _shown(value: Any) -> Any:
    """A value of an event as JSON has it: bytes in hexadecimal, numbers too large for a script as text."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list | tuple):
        return [_shown(part) for part in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 2**53:
        return str(value)
    assert not is_dataclass(value)
    return value


def _enter_founder(session: Connection, founder: Founder, time: int) -> None:
    standing, moment = founder.standing, _moment(time)
    organisation = Organisation(
        number=founder.number,
        identifier=_identifier(founder.scheme, founder.identifier),
        legal_name=_name(founder.number, founder.legal_name),
        kind=Kind(standing.kind),
        country=standing.country.decode("ascii"),
        tier=standing.tier,
        college=standing.college,
        status=Status(standing.status),
        suspended_until=None,
        did=visible(founder.did),
        roles=0,
        applied=moment,
        joined=moment,
    )
    tables.insert_organisation(session, organisation, _findable(organisation), founder.credit_account)
    for place, (address, scopes, label) in enumerate(founder.accounts):
        account = AccountRecord(address, founder.number, Scope(scopes), label_text(label), moment, None)
        tables.open_account(session, account, 0, place)
    detail = {"legal_name": founder.legal_name, "status": standing.status}
    tables.insert_history(
        session, HistoryEntry(founder.number, 0, founder.number, moment, "Founded", detail, bytes(32))
    )


def _findable(organisation: Organisation) -> str:
    """What an organisation is found by: its name, its number, its country in both languages."""
    country = organisation.country
    words = (plain(organisation.legal_name), organisation.identifier.value.lower(), country.lower())
    return " ".join((*words, *_places(country)))


def _applied(session: Connection, staged: _Staged) -> None:
    event, time = staged.found.event, _moment(staged.found.time)
    if tables.organisation_of(session, event.organisation) is not None:
        # It departed or was excluded, and applies again.
        tables.change_organisation(session, event.organisation, status=Status.APPLIED.value)
        return
    assert staged.identifier is not None
    # Its name came in the event before this one, which had nobody to be the name of.
    waiting = [
        entry
        for entry in tables.history_of(session, event.organisation, 20, ("LegalNameChanged", "DidChanged"))
        if entry.height == staged.found.height
    ]
    name = next((str(e.detail["legal_name"]) for e in waiting if e.event == "LegalNameChanged"), "")
    did = next((str(e.detail["did"]) for e in waiting if e.event == "DidChanged"), "")
    organisation = Organisation(
        number=event.organisation,
        identifier=staged.identifier,
        legal_name=_name(event.organisation, name),
        kind=staged.kind,
        country=staged.country,
        tier=0,
        college=0,
        status=Status.APPLIED,
        suspended_until=None,
        did=visible(did),
        roles=0,
        applied=time,
        joined=None,
    )
    tables.insert_organisation(session, organisation, _findable(organisation))


def _places(country: str) -> list[str]:
    """A country's names in both languages, to be found by."""
    from babel import Locale

    return [plain(Locale(language).territories.get(country, "")) for language in ("fr", "en")]


def _status(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    values: dict[str, Any] = {"status": event.status, "suspended_until": 0}
    if event.status == Status.ACTIVE and event.former == Status.APPLIED:
        values["joined"] = staged.found.time
    tables.change_organisation(session, event.organisation, **values)


def _suspended(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    tables.change_organisation(session, event.organisation, suspended_until=event.until)


def _classified(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    country = event.country.decode("ascii")
    known = tables.organisation_of(session, event.organisation)
    assert known is not None
    values: dict[str, Any] = {
        "kind": Kind(event.kind).value,
        "tier": event.tier,
        "college": event.college,
        "country": country,
    }
    if country != known.country:
        found = tables.search_text(session, event.organisation)
        values["search"] = " ".join([found, country.lower(), *_places(country)])
    tables.change_organisation(session, event.organisation, **values)


def _renamed(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    if tables.organisation_of(session, event.organisation) is None:
        return  # a newcomer's first name: `_applied` takes it from the history
    # Former names stay findable.
    found = tables.search_text(session, event.organisation)
    name = _name(event.organisation, event.legal_name)
    tables.change_organisation(
        session,
        event.organisation,
        legal_name=name,
        sort_name=plain(name),
        search=f"{found} {plain(name)}",
    )


def _did(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    tables.change_organisation(session, event.organisation, did=visible(event.did))


def _roles(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    tables.change_organisation(session, event.organisation, roles=str(event.roles))


def _credit_account(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    tables.change_organisation(
        session, event.organisation, credit_account=event.account if any(event.account) else None
    )


def _account_added(session: Connection, staged: _Staged) -> None:
    found, event = staged.found, staged.found.event
    account = AccountRecord(
        event.account, event.organisation, Scope(event.scopes), label_text(event.label), _moment(found.time), None
    )
    tables.open_account(session, account, found.height, found.position)


def _scopes(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    tables.change_account(session, event.account, Scope(event.scopes), label_text(event.label))


def _account_removed(session: Connection, staged: _Staged) -> None:
    found, event = staged.found, staged.found.event
    tables.close_account(session, event.account, found.height, _moment(found.time))


def _rule(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    kind = Kind(event.kind)
    country = event.country.rstrip(b"\0").decode("ascii") or None
    rule = AdmissionRule(kind, country, Scope(event.offices), Evidence(event.evidence), event.tier, event.college)
    tables.replace_rule(session, rule if event.defined else None, kind, country)


_HANDLERS: Final = {
    members.OrganisationApplied: _applied,
    members.StatusChanged: _status,
    members.SuspendedUntil: _suspended,
    members.Classified: _classified,
    members.LegalNameChanged: _renamed,
    members.DidChanged: _did,
    members.RolesChanged: _roles,
    members.CreditAccountChanged: _credit_account,
    members.AccountAdded: _account_added,
    members.ScopesChanged: _scopes,
    members.AccountRemoved: _account_removed,
    admissions.RuleChanged: _rule,
}
"""What each event changes; the others leave their line of history alone."""


def _tell_status(found: RegisterEvent) -> dict[str, Word]:
    return {"status": STATUSES[Status(found.event.status)], "former": STATUSES[Status(found.event.former)]}


def _tell_suspension(found: RegisterEvent) -> dict[str, Word] | None:
    """None for one that ends now: its status tells of that."""
    return {"until": found.event.until} if found.event.until > found.time else None


def _tell_account(found: RegisterEvent) -> dict[str, Word]:
    return {"account": "0x" + found.event.account.hex()}


def _tell_scopes(found: RegisterEvent) -> dict[str, Word]:
    return {**_tell_account(found), "scopes": scopes_in_words(Scope(found.event.scopes))}


_GONE: Final = (Status.DEPARTED, Status.EXCLUDED)
"""Whose webhooks are set aside, once they were told of it."""
_NEWS: Final[Mapping[type, tuple[NoticeKind, Callable[[RegisterEvent], dict[str, Word] | None]]]] = {
    members.StatusChanged: (STATUS_CHANGED, _tell_status),
    members.SuspendedUntil: (SUSPENDED, _tell_suspension),
    members.AccountAdded: (ACCOUNT_ADDED, _tell_scopes),
    members.ScopesChanged: (SCOPES_CHANGED, _tell_scopes),
    members.AccountRemoved: (ACCOUNT_REMOVED, _tell_account),
}
"""What the people of an organisation are told of."""


def _message_of_application(found: RegisterEvent) -> dict[str, Any]:
    return {"presenter": "0x" + found.event.presenter.hex()}


def _message_of_status(found: RegisterEvent) -> dict[str, Any]:
    return {"status": Status(found.event.status).name.lower(), "former": Status(found.event.former).name.lower()}


def _message_of_suspension(found: RegisterEvent) -> dict[str, Any]:
    """One that ends now has a message too, where its notice is that of the status."""
    return {"until": found.event.until}


def _message_of_account(found: RegisterEvent) -> dict[str, Any]:
    return {"account": "0x" + found.event.account.hex()}


def _message_of_scopes(found: RegisterEvent) -> dict[str, Any]:
    return {**_message_of_account(found), "scopes": names_of(found.event.scopes, SCOPE_NAMES)}


_MESSAGES: Final[Mapping[type, tuple[str, Callable[[RegisterEvent], dict[str, Any]]]]] = {
    members.OrganisationApplied: ("organisation.applied", _message_of_application),
    members.StatusChanged: (STATUS_CHANGED.name, _message_of_status),
    members.SuspendedUntil: (SUSPENDED.name, _message_of_suspension),
    members.AccountAdded: (ACCOUNT_ADDED.name, _message_of_scopes),
    members.ScopesChanged: (SCOPES_CHANGED.name, _message_of_scopes),
    members.AccountRemoved: (ACCOUNT_REMOVED.name, _message_of_account),
}
"""What programs are told of (`docs/formats/webhooks.md`), by the names of the notices."""
