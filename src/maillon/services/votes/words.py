# SPDX-License-Identifier: Apache-2.0
"""What is said of votes, in French and in English: where a vote stands, what a call would do, what an act signs.

Pages, records, the API and the command line say the same words, because they are made here and nowhere else, of values
alone. A sentence claims only what its values hold: tests read the claims back and hold them against the law.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal

from babel.dates import format_datetime, get_timezone
from babel.lists import format_list
from babel.numbers import format_percent

from maillon.kit.countries import country_names
from maillon.kit.language import Language, Messages, say, say_number
from maillon.ledger.signing import checksum
from maillon.services.votes.acts import Act, Change, RawAct, Unit, Unread, Value, directory_name
from maillon.services.votes.model import (
    Cost,
    Executed,
    Lacking,
    Outlook,
    Position,
    ProposalKind,
    Rehearsal,
    State,
    Tally,
)

Names = Callable[[int], str]
"""The legal name of an organisation by its number."""

_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_GWEI: Final = 10**9


def by_number(organisation: int) -> str:
    """What an organisation is called where no register is at hand."""
    return f"#{organisation}"


@cache
def _zone_of(name: str) -> datetime.tzinfo:
    return get_timezone(name)


@lru_cache(maxsize=10_000)
def _moment(language: Language, zone: str, place: str, seconds: int) -> str:
    """A moment in words. Remembered: a page says the same few again and again, and saying one takes a millisecond."""
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    locale, join = ("fr", "à") if language == "fr" else ("en_GB", "at")
    day = format_datetime(at, "EEEE d MMMM y", tzinfo=_zone_of(zone), locale=locale)
    hour = format_datetime(at, "HH:mm:ss", tzinfo=_zone_of(zone), locale=locale)
    # No line ends within the brackets.
    zone_words = place.replace(" ", "\N{NO-BREAK SPACE}")
    return f"{day} {join} {hour} ({zone_words})"


class Words(Messages):
    """One language. `names` tells legal names, `zone` in which time zone hours are said, `done` that acts happened."""

    def __init__(
        self, language: Language, names: Names = by_number, zone: str = "Europe/Paris", *, done: bool = False
    ) -> None:
        super().__init__(language)
        self.language = language
        self._names = names
        self._zone = zone
        self._done = done

    def calling(self, names: Mapping[int, str], *, done: bool = False) -> Words:
        """The same words, that call these organisations as is said here, by the names they had, of acts of then."""
        return Words(self.language, lambda number: names.get(number) or self._names(number), self._zone, done=done)

    def turned(self, would: str, done: str, **values: Any) -> str:
        """What an act would do or, where it has happened, did."""
        return self.say(done if self._done else would, **values)

    def counted(self, n: int, one: str, several: str, **values: Any) -> str:
        """A message for one and a message for several; French says nothing of nothing in the singular."""
        single = n < 2 if self.language == "fr" else n == 1
        return self.say(one if single else several, n=self.number(n), **values)

    def feed_title(self, network: str) -> str:
        """What the feed of a network's votes is called."""
        return self.say("Votes of %(network)s", network=network)

    # Values.

    def number(self, value: int) -> str:
        """A number with its thousands apart."""
        return say_number(value, self.language)

    def organisation(self, number: int) -> str:
        """An organisation's legal name; 0 is that of whoever signs, which only the wallet knows."""
        return self._names(number) if number else self.say("your organisation")

    def when(self, seconds: int) -> str:
        """A moment: date, hour and zone."""
        place = self.say("Paris time") if self._zone == "Europe/Paris" else self._zone
        return _moment(self.language, self._zone, place, seconds)

    def duration(self, seconds: int) -> str:
        """A length of time, exact."""
        parts = []
        for size, unit in _UNITS:
            count, seconds = divmod(seconds, size)
            if count:
                parts.append(self._length(count, unit))
        return format_list(parts, locale=self.language) if parts else self.say("none at all")

    def _length(self, count: int, unit: str) -> str:
        if unit == "day":
            return self.counted(count, "%(n)s day", "%(n)s days")
        if unit == "hour":
            return self.counted(count, "%(n)s hour", "%(n)s hours")
        if unit == "minute":
            return self.counted(count, "%(n)s minute", "%(n)s minutes")
        return self.counted(count, "%(n)s second", "%(n)s seconds")

    def votes(self, weight: int) -> str:
        """A weight."""
        return self.counted(weight, "%(n)s vote", "%(n)s votes")

    def kind(self, kind: ProposalKind) -> str:
        """What a proposal is."""
        return {
            ProposalKind.ORDINARY: self.say("Ordinary proposal"),
            ProposalKind.CONSTITUTIONAL: self.say("Constitutional proposal"),
            ProposalKind.EMERGENCY: self.say("Emergency proposal"),
        }[kind]

    def position(self, position: Position | None) -> str:
        """What an organisation said."""
        if position is None:
            return self.say("no position")
        return {
            Position.FOR: self.say("for"),
            Position.AGAINST: self.say("against"),
            Position.ABSTAIN: self.say("abstention"),
            Position.OBJECT: self.say("objection with a reason"),
        }[position]

    def state(self, state: State) -> str:
        """Where a proposal is, in two words."""
        return {
            State.ANNOUNCED: self.say("Announced"),
            State.OPEN: self.say("Vote open"),
            State.REFUSED: self.say("Not passed"),
            State.WAITING: self.say("Passed, delay running"),
            State.EXECUTABLE: self.say("Passed, to be executed"),
            State.EXECUTED: self.say("Passed and executed"),
            State.EXPIRED: self.say("Passed, never executed"),
        }[state]

    # The sentence.

    def sentence(self, outlook: Outlook) -> str:
        """Where a vote stands and what is still missing for it to pass: always true."""
        return " ".join(self._sentences(outlook))

    def _sentences(self, outlook: Outlook) -> list[str]:
        closes, opens = self.when(outlook.closes), self.when(outlook.opens)
        if outlook.state is State.ANNOUNCED:
            said = [self.say("The vote opens on %(opens)s and closes on %(closes)s.", opens=opens, closes=closes)]
            return [*said, *self._still_missing(outlook)]
        if outlook.state is State.OPEN:
            until = self.say(
                "The vote closes on %(closes)s; until then positions are taken and changed.", closes=closes
            )
            return [*self._still_missing(outlook), until]
        if outlook.state is State.REFUSED:
            said = [self.say("It did not pass.")]
            items = [item for each in outlook.lacking for item in self._was_missing(each)]
            return [*said, self.say("It lacked %(items)s.", items=format_list(items, locale=self.language))]
        return self._passed(outlook)

    def _still_missing(self, outlook: Outlook) -> list[str]:
        if outlook.passes:
            return [self.say("As things stand it passes.")]
        items = [item for each in outlook.lacking for item in self._missing(each)]
        listed = format_list(items, locale=self.language)
        said = [self.say("As things stand it does not pass: it lacks %(items)s.", items=listed)]
        if outlook.out_of_reach:
            said.append(self.say("Even if everybody who has not taken a position voted in favour, it would not pass."))
        return said

    def _missing(self, lacks: Lacking) -> list[str]:
        where = self._where(lacks.college)
        items = []
        if lacks.quorum:
            items.append(
                self.counted(
                    lacks.quorum,
                    "%(n)s more vote of any kind for the quorum%(where)s",
                    "%(n)s more votes of any kind for the quorum%(where)s",
                    where=where,
                )
            )
        if lacks.majority:
            items.append(
                self.counted(
                    lacks.majority,
                    "%(n)s more vote in favour for the majority%(where)s, if none is added against",
                    "%(n)s more votes in favour for the majority%(where)s, if none is added against",
                    where=where,
                )
            )
        return items

    def _was_missing(self, lacks: Lacking) -> list[str]:
        where = self._where(lacks.college)
        items = []
        if lacks.quorum:
            items.append(
                self.counted(
                    lacks.quorum,
                    "%(n)s vote of any kind for the quorum%(where)s",
                    "%(n)s votes of any kind for the quorum%(where)s",
                    where=where,
                )
            )
        if lacks.majority:
            items.append(
                self.counted(
                    lacks.majority,
                    "%(n)s vote in favour for the majority%(where)s",
                    "%(n)s votes in favour for the majority%(where)s",
                    where=where,
                )
            )
        return items

    def _where(self, college: int | None) -> str:
        return "" if college is None else self.say(" of college %(n)s", n=college)

    def _passed(self, outlook: Outlook) -> list[str]:
        since, until = self.when(outlook.executable_from), self.when(outlook.expires)
        said = {
            State.WAITING: self.say(
                "It passed. Anybody can execute it from %(since)s on, and before %(until)s.", since=since, until=until
            ),
            State.EXECUTABLE: self.say("It passed. Anybody can execute it now and before %(until)s.", until=until),
            State.EXECUTED: self.say("It passed and was executed."),
            State.EXPIRED: self.say(
                "It passed, but nobody executed it before %(until)s, and nobody can any more.", until=until
            ),
        }[outlook.state]
        sentences = [said]
        if outlook.failure is not None and outlook.state is not State.EXECUTED:
            sentences.append(
                self.say("The newest attempt to execute it failed: %(reason)s.", reason=self.refusal(outlook.failure))
            )
        return sentences

    def executed(self, execution: Executed) -> str:
        """When a proposal was executed, and by whom."""
        values = {
            "when": self.when(execution.time),
            "block": self.number(execution.height),
            "account": checksum(execution.account),
        }
        if execution.organisation:
            return self.say(
                "Executed on %(when)s in block %(block)s by %(organisation)s, with the account %(account)s.",
                organisation=execution.legal_name or self.organisation(execution.organisation),
                **values,
            )
        return self.say("Executed on %(when)s in block %(block)s by the account %(account)s.", **values)

    # Whether it could be done, and what that costs.

    def refusal(self, reason: str) -> str:
        """Why a contract refuses. Contracts speak English; the catalogue knows each of their sentences."""
        return (say(self.language, reason) or reason).rstrip(".")

    def rehearsal(self, rehearsal: Rehearsal | None) -> str:
        """Whether the calls could be made as things stand, and why not."""
        if rehearsal is None:
            return self.say("Its calls cannot be tried on this network before they are executed.")
        if rehearsal.reason is None:
            return self.say("Tried on the newest block, all its calls are accepted: as things stand it could be done.")
        reason = self.refusal(rehearsal.reason)
        if rehearsal.calls == 1:
            return self.say(
                "Tried on the newest block, its call is refused, and nothing is done: %(reason)s.", reason=reason
            )
        return self.say(
            "Tried on the newest block, call %(number)s is refused, and then none is done: %(reason)s.",
            number=self.number(rehearsal.made + 1),
            reason=reason,
        )

    def cost(self, cost: Cost, acts: Sequence[Act | RawAct], *, decided: bool = False) -> list[str]:
        """What saying yes costs: to whoever votes, while that can be done, to whoever executes, and in money."""
        said = []
        if not decided:
            said.append(
                self.say("Voting costs your organisation about %(gas)s.", gas=self._gas(cost.casting, cost.price))
            )
        if acts and cost.executing is not None:
            said.append(
                self.say(
                    "Executing it costs whoever does it about %(gas)s, once.",
                    gas=self._gas(cost.executing, cost.price),
                )
            )
        if any(isinstance(act, RawAct) for act in acts):
            said.append(
                self.say(
                    "Its calls carry no money. What a contract that could not be read does with money of its own is "
                    "not known here."
                )
            )
        else:
            said.append(self.say("It moves no money: calls carry none, and the contracts it calls have none."))
        return said

    def _gas(self, gas: int, price: int | None) -> str:
        amount = self.say("%(gas)s units of gas", gas=self.number(round(gas, -3)))
        if price is None:
            return amount
        return self.say(
            "%(amount)s, %(credits)s of credits at the present price",
            amount=amount,
            credits=self.say("%(n)s Gwei", n=self.number(-(-gas * price // _GWEI))),
        )

    def needs(self, lacks: Lacking, tally: Tally, quorum: int, favour: int) -> list[tuple[int, str, str]]:
        """Quorum and majority of all, or of a college: how much is missing, the condition, where it stands."""
        where = self._where(lacks.college)
        return [
            (
                lacks.quorum,
                self.say("Quorum%(where)s", where=where),
                self.say(
                    "%(present)s of %(total)s have taken a position; it takes %(quorum)s, abstentions counted.",
                    present=self.number(tally.present),
                    total=self.votes(tally.total),
                    quorum=self.number(quorum),
                ),
            ),
            (
                lacks.majority,
                self.say("Majority%(where)s", where=where),
                self.say(
                    "%(favour)s in favour, %(opposed)s against; against that many it takes %(needed)s.",
                    favour=self.votes(tally.in_favour),
                    opposed=self.number(tally.opposed),
                    needed=self.number(favour),
                ),
            ),
        ]

    # What would change.

    def value(self, value: Value | None) -> str:
        """A value as people read it; None could not be asked."""
        if value is None:
            return self.say("could not be read")
        sayers: Mapping[Unit, Callable[[Any], str]] = {
            Unit.NUMBER: self.number,
            Unit.YES_NO: lambda raw: self.say("yes") if raw else self.say("no"),
            Unit.SECONDS: self.duration,
            Unit.PARTS: lambda raw: format_percent(
                raw / 10_000, "#,##0.##\u00a0%" if self.language == "fr" else "#,##0.##%", locale=self.language
            ),
            Unit.FRACTION: lambda raw: self.say("more than half") if 2 * raw[0] == raw[1] else f"{raw[0]}/{raw[1]}",
            Unit.ADDRESS: self._addresses,
            Unit.KEY: lambda raw: "0x" + raw.hex(),
            Unit.TEXT: str,
            Unit.STATUS: self._status,
            Unit.KIND: self.organisation_kind,
            Unit.COUNTRY: self.country,
            Unit.OFFICES: lambda raw: self._offices(raw, "or") or self.say("nobody"),
            Unit.HELD: lambda raw: self._offices(raw, "standard") or self.say("no office"),
            Unit.CLASSES: self._classes,
            Unit.GWEI: lambda raw: self.say("%(n)s Gwei", n=self.number(raw)),
            Unit.WEI: self._wei,
            Unit.NOTHING: lambda _raw: self.say("nothing"),
        }
        return sayers[value.unit](value.raw)

    @staticmethod
    def _addresses(raw: Any) -> str:
        return ", ".join(map(checksum, raw)) if isinstance(raw, tuple) else checksum(raw)

    def _wei(self, raw: int) -> str:
        if raw % _GWEI == 0:
            return self.say("%(n)s Gwei", n=self.number(raw // _GWEI))
        return self.say("%(n)s wei", n=self.number(raw))

    def _classes(self, raw: int) -> str:
        """Classes of evidence; one nobody has named yet by its number."""
        known = (
            self.say("the entry in the public register"),
            self.say("that whoever applies may speak for the organisation"),
            self.say("a member’s signed invitation"),
            self.say("a verified credential"),
        )
        seen = [known[bit] if bit < len(known) else str(bit) for bit in range(256) if raw >> bit & 1]
        return ", ".join(seen) or self.say("nothing")

    def _status(self, raw: tuple[int, int]) -> str:
        status, until = raw
        said = {
            0: self.say("unknown"),
            1: self.say("applicant"),
            2: self.say("active member"),
            3: self.say("suspended"),
            4: self.say("departed"),
            5: self.say("refused"),
            6: self.say("excluded"),
        }.get(status, str(status))
        if until:
            return self.say("%(status)s, suspended by officers until %(until)s", status=said, until=self.when(until))
        return said

    def organisation_kind(self, kind: int) -> str:
        """What an organisation is, by its number in Members."""
        kinds = (
            self.say("company"),
            self.say("small company"),
            self.say("university or school"),
            self.say("administration"),
            self.say("association"),
            self.say("other organisation"),
        )
        return kinds[kind] if kind < len(kinds) else self.say("kind %(n)s", n=kind)

    def organisation_kinds(self, kind: int) -> str:
        """The same, of several."""
        kinds = (
            self.say("companies"),
            self.say("small companies"),
            self.say("universities and schools"),
            self.say("administrations"),
            self.say("associations"),
            self.say("other organisations"),
        )
        return kinds[kind] if kind < len(kinds) else self.say("organisations of kind %(n)s", n=kind)

    def _offices(self, raw: int, style: Literal["or", "standard"]) -> str:
        known = (
            (16, self.say("officer")),
            (32, self.say("admission officer")),
            (64, self.say("verifier of credentials")),
        )
        held = [name for bit, name in known if raw & bit]
        rest = raw & ~(16 | 32 | 64)
        if rest:
            held.append(f"0x{rest:x}")
        return format_list(held, style, locale=self.language) if held else ""

    def what(self, change: Change) -> str:
        """The name of a row."""
        about = change.about
        return _WHAT[change.what](self, *about)

    def kind_of_proposals(self, kind: str) -> str:
        """Proposals of a kind, by its word."""
        return {
            "ordinary": self.say("ordinary proposals"),
            "constitutional": self.say("constitutional proposals"),
            "emergency": self.say("emergency proposals"),
        }[kind]

    def country(self, code: str) -> str:
        """The name of a country; one nobody has named by its code."""
        return country_names(self.language).get(code, code)

    def origin(self, country: str) -> str:
        """Where the organisations of a rule come from."""
        return (
            self.say("(%(country)s)", country=self.country(country))
            if country
            else self.say("from every country without a rule of its own")
        )

    def act(self, act: Act | RawAct, changes: Sequence[Change] = ()) -> str:
        """What a call would do or did, in one sentence."""
        if isinstance(act, RawAct):
            return self._raw(act)
        say = _ACTS.get(act.key)
        if say is None:
            shown = ", ".join(f"{name}={_plain(value)}" for name, value in act.arguments.items())
            return self.turned(
                "Function %(function)s of the contract %(contract)s would be called.",
                "Function %(function)s of the contract %(contract)s was called.",
                function=f"{act.function}({shown})",
                contract=act.contract,
            )
        said = say(self, act.arguments)
        if changes and all(change.is_none for change in changes):
            nothing = self.turned("It is so already: nothing would change.", "It was so already: nothing changed.")
            return f"{said} {nothing}"
        return said

    def _raw(self, act: RawAct) -> str:
        address = checksum(act.call.target)
        if act.reason is Unread.UNKNOWN_TARGET:
            return self.turned(
                "Warning: an unknown contract, %(address)s, would be called. Nobody can say here what it does: vote "
                "for this only if somebody you trust has read it.",
                "An unknown contract, %(address)s, was called. Nobody can say here what it did.",
                address=address,
            )
        if act.reason is Unread.UNKNOWN_FUNCTION:
            return self.turned(
                "Warning: the contract %(contract)s would be called in a way it does not know. The call would fail.",
                "The contract %(contract)s was called in a way that this version does not know.",
                contract=act.contract,
            )
        return self.turned(
            "Warning: the contract %(contract)s would be called with arguments written in an unusual way. They are "
            "shown raw, because what it would read in them is not certain.",
            "The contract %(contract)s was called with arguments written in an unusual way. They "
            "are shown raw, because what it read in them is not certain.",
            contract=act.contract,
        )

    # What an act signs.

    def signs_position(self, organisation: int, number: int, title: str, position: Position, closes: int) -> str:
        """What casting signs."""
        return self.say(
            "You sign for %(organisation)s: %(position)s on proposal %(number)s, “%(title)s”. The position is "
            "public, and can be changed until %(closes)s.",
            organisation=self.organisation(organisation),
            position=self.position(position),
            number=number,
            title=title,
            closes=self.when(closes),
        )

    def signs_position_for(
        self, holder: int, giver: int, number: int, *, title: str, position: Position, closes: int
    ) -> str:
        """What casting as a proxy signs."""
        return self.say(
            "You sign for %(organisation)s, holding the proxy of %(giver)s: %(position)s on proposal %(number)s, "
            "“%(title)s”. The position is public, and can be changed until %(closes)s, also by %(giver)s itself.",
            organisation=self.organisation(holder),
            giver=self.organisation(giver),
            position=self.position(position),
            number=number,
            title=title,
            closes=self.when(closes),
        )

    def signs_proxy(self, giver: int, holder: int, number: int, until: int) -> str:
        """What giving a proxy signs; number 0 for every vote of a period."""
        values = {
            "giver": self.organisation(giver),
            "holder": self.organisation(holder),
            "number": number,
            "until": self.when(until),
        }
        if number:
            return self.say(
                "You sign for %(giver)s: %(holder)s may take its position on proposal %(number)s until %(until)s. It "
                "is public; you can revoke it until then, and a position of your own always replaces the proxy’s.",
                **values,
            )
        return self.say(
            "You sign for %(giver)s: %(holder)s may take its position in every vote until %(until)s, emergencies "
            "excepted. It is public; you can revoke it at any time, and a position of your own always replaces the "
            "proxy’s.",
            **values,
        )

    def signs_revocation(self, giver: int, number: int) -> str:
        """What revoking a proxy signs."""
        if number:
            return self.say(
                "You sign for %(giver)s: its proxy on proposal %(number)s ends, and what was cast with it is "
                "withdrawn.",
                giver=self.organisation(giver),
                number=number,
            )
        return self.say(
            "You sign for %(giver)s: its standing proxy ends, and what was cast with it in open votes is withdrawn.",
            giver=self.organisation(giver),
        )

    def signs_proposal(self, organisation: int, kind: ProposalKind, title: str, opens: int, closes: int) -> str:
        """What proposing signs."""
        return self.say(
            "You sign for %(organisation)s: %(kind)s “%(title)s”, open from %(opens)s to %(closes)s. A proposal is "
            "public and cannot be taken back.",
            organisation=self.organisation(organisation),
            kind=self.kind(kind).lower(),
            title=title,
            opens=self.when(opens),
            closes=self.when(closes),
        )

    def signs_execution(self, number: int, title: str, calls: int) -> str:
        """What executing signs."""
        if not calls:
            return self.say(
                "You execute proposal %(number)s, “%(title)s”: it calls no contract, and stands as executed from "
                "then on.",
                number=number,
                title=title,
            )
        return self.counted(
            calls,
            "You execute proposal %(number)s, “%(title)s”: %(n)s call, all of it or nothing.",
            "You execute proposal %(number)s, “%(title)s”: %(n)s calls, all of them or none.",
            number=number,
            title=title,
        )

    def signs_brake(self, organisation: int) -> str:
        """What pulling the emergency brake signs."""
        return self.say(
            "You sign for %(organisation)s: the emergency brake is pulled. With three officers of three "
            "organisations, or a third of the members, the publication contracts that ask it under their name stop for "
            "72 hours. None of the contracts of block zero does; nothing else changes.",
            organisation=self.organisation(organisation),
        )


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return str(value)


_WHAT: Final[Mapping[str, Callable[..., str]]] = MappingProxyType(
    {
        "status": lambda w, o: w.say("Status of %(of)s", of=w.organisation(o)),
        "tier": lambda w, o: w.say("Tier of %(of)s", of=w.organisation(o)),
        "college": lambda w, o: w.say("College of %(of)s", of=w.organisation(o)),
        "kind": lambda w, o: w.say("Kind of %(of)s", of=w.organisation(o)),
        "country": lambda w, o: w.say("Country of %(of)s", of=w.organisation(o)),
        "roles": lambda w, o: w.say("Roles entrusted to %(of)s", of=w.organisation(o)),
        "legal_name": lambda w, o: w.say("Legal name of %(of)s", of=w.organisation(o)),
        "admins": lambda w, o: w.say("Administrators of %(of)s", of=w.organisation(o)),
        "limit": lambda w, o: w.say("Validators that %(of)s may have", of=w.organisation(o)),
        "offices": lambda w, account: w.say("Offices of %(account)s", account=checksum(account)),
        "name": lambda w, name: w.say("The name %(name)s leads to", name=name),
        "seat": lambda w: w.say("The governance seat is offered to"),
        "quorum": lambda w, kind: w.say("Quorum of %(kind)s", kind=w.kind_of_proposals(kind)),
        "majority": lambda w, kind: w.say("Majority of %(kind)s", kind=w.kind_of_proposals(kind)),
        "window": lambda w, kind: w.say("Least time a vote is open, %(kind)s", kind=w.kind_of_proposals(kind)),
        "lock": lambda w, kind: w.say("Delay before execution, %(kind)s", kind=w.kind_of_proposals(kind)),
        "notice": lambda w: w.say("Notice before a vote opens"),
        "expiry": lambda w: w.say("Time in which what passed can be executed"),
        "proxies": lambda w: w.say("Proxies a member may use in one vote"),
        "by_college": lambda w: w.say("Quorum and majority in each college too"),
        "weight": lambda w, tier: w.say("Votes of a member of tier %(n)s", n=tier),
        "rule_admits": lambda w, kind, country: w.say(
            "The rule admits %(kinds)s %(where)s", kinds=w.organisation_kinds(kind), where=w.origin(country)
        ),
        "rule_offices": lambda w, _kind, _country: w.say("On whose signature"),
        "rule_evidence": lambda w, _kind, _country: w.say("Classes of evidence that must have been seen"),
        "rule_tier": lambda w, _kind, _country: w.say("Tier it leads to"),
        "rule_college": lambda w, _kind, _country: w.say("College it leads to"),
        "power": lambda w, key: w.say("Power of the validator key %(key)s…", key="0x" + key[:4].hex()),
        "retired": lambda w, key: w.say("Validator key %(key)s… given up for good", key="0x" + key[:4].hex()),
        "minimum": lambda w: w.say("Validators that stay at least"),
        "node_limit": lambda w, tier: w.say("Nodes a member of tier %(n)s may have", n=tier),
        "allowance": lambda w, tier: w.say("Credits in a period, tier %(n)s", n=tier),
        "allowances": lambda w: w.say("Credits in a period, all members of now together"),
        "floor_tip": lambda w: w.say("Least fee for a unit of gas"),
        "verifier": lambda w, account: w.say(
            "%(account)s vouches for other networks’ checkpoints", account=checksum(account)
        ),
    }
)
"""The name of each kind of row."""


def _rule(words: Words, arguments: Mapping[str, Any]) -> str:
    kinds = words.organisation_kinds(arguments["kind"])
    where = words.origin(arguments["country"].decode("latin-1").strip("\0"))
    defined, offices = arguments["rule"][0], arguments["rule"][1]
    if defined and offices:
        return words.turned(
            "The rule of admission would accept %(kinds)s %(where)s.",
            "The rule of admission was changed to accept %(kinds)s %(where)s.",
            kinds=kinds,
            where=where,
        )
    if defined:
        return words.turned(
            "The rule of admission would no longer accept %(kinds)s %(where)s: only a vote would admit them.",
            "The rule of admission was changed to accept %(kinds)s %(where)s no longer: only a vote admits them.",
            kinds=kinds,
            where=where,
        )
    return words.turned(
        "The rule of admission would have nothing of its own to say of %(kinds)s %(where)s.",
        "The rule of admission was left with nothing of its own to say of %(kinds)s %(where)s.",
        kinds=kinds,
        where=where,
    )


def _pointed(words: Words, arguments: Mapping[str, Any]) -> str:
    name, address = directory_name(arguments["name"]), checksum(arguments["target"])
    said = words.turned(
        "The name %(name)s would lead to %(address)s.",
        "The name %(name)s was led to %(address)s.",
        name=name,
        address=address,
    )
    if name != "Members":
        return said
    return " ".join(
        (
            said,
            words.turned(
                "Warning: who is a member, who may act for it and what its vote weighs would be what that contract "
                "says. Nothing of the present register goes there by itself: whoever is not entered there has no vote "
                "and publishes nothing, and votes that are open then are weighed by it. This version would go on "
                "reading the present register, and prepare nothing for the other.",
                "Who is a member, who may act for it and what its vote weighs became what that contract says. Nothing "
                "of the former register went there by itself: whoever is not entered there has no vote and publishes "
                "nothing. This version goes on reading the former register, and prepares nothing for the other.",
            ),
        )
    )


_ACTS: Final[Mapping[str, Callable[[Words, Mapping[str, Any]], str]]] = MappingProxyType(
    {
        "Directory.point": _pointed,
        "Directory.offer_governance": lambda w, a: w.turned(
            "The seat that decides over every contract would be offered to %(address)s.",
            "The seat that decides over every contract was offered to %(address)s.",
            address=checksum(a["successor"]),
        ),
        "Governance.set_statutes": lambda w, _a: w.turned(
            "The statutes of voting would change, for later proposals.",
            "The statutes of voting changed, for later proposals.",
        ),
        "Admissions.set_rule": _rule,
        "Members.admit": lambda w, a: w.turned(
            "%(of)s would become a member.", "%(of)s became a member.", of=w.organisation(a["organisation"])
        ),
        "Members.refuse": lambda w, a: w.turned(
            "The application of %(of)s would be refused for good.",
            "The application of %(of)s was refused for good.",
            of=w.organisation(a["organisation"]),
        ),
        "Members.suspend": lambda w, a: w.turned(
            "%(of)s would be suspended until another vote.",
            "%(of)s was suspended until another vote.",
            of=w.organisation(a["organisation"]),
        ),
        "Members.reinstate": lambda w, a: w.turned(
            "The suspension of %(of)s would end.",
            "The suspension of %(of)s ended.",
            of=w.organisation(a["organisation"]),
        ),
        "Members.exclude": lambda w, a: w.turned(
            "%(of)s would be excluded.", "%(of)s was excluded.", of=w.organisation(a["organisation"])
        ),
        "Members.apply_again": lambda w, a: w.turned(
            "%(of)s would be an applicant again.",
            "%(of)s became an applicant again.",
            of=w.organisation(a["organisation"]),
        ),
        "Members.classify": lambda w, a: w.turned(
            "What the register says of %(of)s would change.",
            "What the register says of %(of)s changed.",
            of=w.organisation(a["organisation"]),
        ),
        "Members.set_roles": lambda w, a: w.turned(
            "The roles entrusted to %(of)s would change.",
            "The roles entrusted to %(of)s changed.",
            of=w.organisation(a["organisation"]),
        ),
        "Members.appoint": lambda w, a: w.turned(
            "The offices of the account %(account)s would change.",
            "The offices of the account %(account)s changed.",
            account=checksum(a["account"]),
        ),
        "Members.install_admin": lambda w, a: w.turned(
            "The account %(account)s would become the only administrator of %(of)s.",
            "The account %(account)s became the only administrator of %(of)s.",
            account=checksum(a["account"]),
            of=w.organisation(a["organisation"]),
        ),
        "Members.rename": lambda w, a: w.turned(
            "The register would call %(of)s “%(name)s”.",
            "The register gave %(of)s the name “%(name)s”.",
            of=w.organisation(a["organisation"]),
            name=a["legal_name"],
        ),
        "Network.set_power": lambda w, a: w.turned(
            "The validator key %(key)s… would have another power.",
            "The validator key %(key)s… was given another power.",
            key="0x" + a["public_key"][:4].hex(),
        ),
        "Network.retire": lambda w, a: w.turned(
            "The validator key %(key)s… would be given up for good.",
            "The validator key %(key)s… was given up for good.",
            key="0x" + a["public_key"][:4].hex(),
        ),
        "Network.set_limit": lambda w, a: w.turned(
            "How many validators %(of)s may have would change.",
            "How many validators %(of)s may have changed.",
            of=w.organisation(a["organisation"]),
        ),
        "Network.set_minimum": lambda w, _a: w.turned(
            "How many validators stay at least would change.", "How many validators stay at least changed."
        ),
        "Network.set_node_limits": lambda w, _a: w.turned(
            "How many nodes members may have would change.", "How many nodes members may have changed."
        ),
        "Credits.set_allowances": lambda w, _a: w.turned(
            "The credits members receive in a period would change.", "The credits members receive in a period changed."
        ),
        "Credits.set_floor_tip": lambda w, _a: w.turned(
            "The least fee for a unit of gas would change.", "The least fee for a unit of gas changed."
        ),
        "Anchors.set_verifier": lambda w, a: (
            w.turned(
                "%(account)s would vouch for other networks’ checkpoints.",
                "%(account)s came to vouch for other networks’ checkpoints.",
                account=checksum(a["verifier"]),
            )
            if a["allowed"]
            else w.turned(
                "%(account)s would no longer vouch for other networks’ checkpoints.",
                "%(account)s ceased to vouch for other networks’ checkpoints.",
                account=checksum(a["verifier"]),
            )
        ),
    }
)
"""What each act would do, and did."""
