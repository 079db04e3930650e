# SPDX-License-Identifier: Apache-2.0
"""What the doors show: one document for each question, of plain values with their words beside them.

Pages are made of these, `.json` gives them as they are, the API gives them in the language asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from maillon.kit.language import Language
from maillon.ledger.signing import checksum
from maillon.services.votes.acts import Act, Effects, organisations_of
from maillon.services.votes.model import (
    Cost,
    Executed,
    NamedGovernance,
    Proxy,
    Rehearsal,
    State,
    Statutes,
    Tally,
    own_number,
    succession_of,
)
from maillon.services.votes.rules import add_up, favour_needed, lacking, quorum_needed
from maillon.services.votes.service import Listed, Said, Shown, VotesService
from maillon.services.votes.store import BallotRow
from maillon.services.votes.words import Words

MOST_LINKS = 60
"""A row of links shows one for each vote up to this many; more are shown in proportion."""


async def words_for(service: VotesService, language: Language, organisations: Sequence[int]) -> Words:
    """Words in a language, that know these organisations by their legal names."""
    names = await service.legal_names(set(organisations) - {0})
    return Words(language, lambda number: names.get(number, f"#{number}"))


async def unread_of(service: VotesService) -> str | None:
    """The contract where votes are taken now, where those are not read."""
    found = await service.unread()
    return None if found is None else checksum(found.address)


def register_of(service: VotesService) -> str | None:
    """The contract that says who votes now, where that is not the register that is read."""
    found = service.register_moved_to
    return None if found is None else checksum(found)


def involved(shown: Shown) -> list[int]:
    """Organisations that a proposal's page names."""
    executor = [] if shown.execution is None else [shown.execution.organisation]
    called = [number for effect in shown.effects for number in organisations_of(effect.act)]
    return [shown.proposal.proposer, *called, *executor]


def tally_document(tally: Tally) -> dict[str, int]:
    """A count."""
    return {
        "total": tally.total,
        "in_favour": tally.in_favour,
        "against": tally.against,
        "abstaining": tally.abstaining,
        "objecting": tally.objecting,
        "undecided": tally.undecided,
    }


def listed_document(listed: Listed, words: Words) -> dict[str, Any]:
    """A proposal in a list."""
    proposal, outlook = listed.row.proposal, listed.outlook
    return {
        "number": proposal.number,
        "title": listed.title,
        "kind": proposal.kind.word,
        "kind_in_words": words.kind(proposal.kind),
        "state": outlook.state.word,
        "state_in_words": words.state(outlook.state),
        "sentence": words.sentence(outlook),
        "proposer": {"number": proposal.proposer, "legal_name": words.organisation(proposal.proposer)},
        "opens": proposal.opens,
        "closes": proposal.closes,
        "closes_in_words": words.when(proposal.closes),
        "passes": outlook.passes,
        "tally": tally_document(listed.tally),
        "governance": governance_document(listed.governance, proposal.number, former=listed.former),
    }


def governance_document(governance: NamedGovernance, number: int, *, former: bool) -> dict[str, Any]:
    """Where a vote is taken, and its number there."""
    return {
        "address": checksum(governance.address),
        "succession": governance.succession,
        "number": own_number(number),
        "former": former,
    }


def effect_document(effect: Effects, words: Words, *, done: bool = False) -> dict[str, Any]:
    """A call, in words, as rows and raw; `done` once it was made."""
    act = effect.act
    words = words.calling(effect.names, done=done)
    document: dict[str, Any] = {
        "target": checksum(act.call.target),
        "data": "0x" + act.call.data.hex(),
        "contract": act.contract,
        "function": None,
        "arguments": None,
        "warning": None,
        "in_words": words.act(act, effect.changes),
        "changes": [
            {
                "what": words.what(change),
                "before": words.value(change.before),
                "after": words.value(change.after),
                "same": change.is_none,
                "known": change.before is not None,
            }
            for change in effect.changes
        ],
    }
    if isinstance(act, Act):
        document["function"] = act.function
        document["arguments"] = {name: _plain(value) for name, value in act.arguments.items()}
        if act.leads_elsewhere("Members"):
            document["warning"] = "another-register"
    else:
        document["warning"] = act.reason.value
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 2**53:
        return str(value)
    return value


def links(tally: Tally) -> list[str]:
    """The row of links of a count: one for each vote, or in proportion when there are too many to be seen."""
    parts = {
        "for": tally.in_favour,
        "against": tally.against,
        "object": tally.objecting,
        "abstain": tally.abstaining,
        "wait": tally.undecided,
    }
    if tally.total > MOST_LINKS:
        # Largest remainders, so that the row is as long as said, and nobody who voted is left out of it.
        exact = {name: count * MOST_LINKS / tally.total for name, count in parts.items()}
        shown = {name: max(int(part), 1 if parts[name] else 0) for name, part in exact.items()}
        for name in sorted(exact, key=lambda each: int(exact[each]) - exact[each]):
            if sum(shown.values()) < MOST_LINKS:
                shown[name] += 1
        parts = shown
    return [name for name, count in parts.items() for _ in range(count)]


def proposal_document(shown: Shown, words: Words) -> dict[str, Any]:
    """Everything about a proposal."""
    proposal, outlook, statutes = shown.proposal, shown.outlook, shown.statutes
    terms = statutes.terms_of(proposal.kind)
    whole = add_up(shown.tallies.values())
    groups: list[tuple[int | None, Tally]] = [(None, whole)]
    if statutes.by_college:
        groups += [(college, tally) for college, tally in sorted(shown.tallies.items()) if tally.total]
    row = shown.row
    return {
        "number": proposal.number,
        "title": shown.title,
        "text": shown.text,
        "text_hash": proposal.text_hash.hex(),
        "kind": proposal.kind.word,
        "kind_in_words": words.kind(proposal.kind),
        "state": outlook.state.word,
        "state_in_words": words.state(outlook.state),
        "sentence": words.sentence(outlook),
        "passes": outlook.passes,
        "out_of_reach": outlook.out_of_reach,
        "proposer": {"number": proposal.proposer, "legal_name": words.organisation(proposal.proposer)},
        "proposed": {"block": proposal.snapshot_block, "time": row.time, "transaction": "0x" + row.transaction.hex()},
        "proposed_in_words": words.when(row.time),
        "opens": proposal.opens,
        "closes": proposal.closes,
        "executable_from": proposal.executable_from,
        "expires": proposal.expires,
        "opens_in_words": words.when(proposal.opens),
        "closes_in_words": words.when(proposal.closes),
        "executable_from_in_words": words.when(proposal.executable_from),
        "expires_in_words": words.when(proposal.expires),
        "executed": None if shown.execution is None else execution_document(shown.execution, words),
        "failure": outlook.failure,
        "rehearsal": rehearsal_document(shown.rehearsal, words) if shown.cost is not None and shown.effects else None,
        "cost": None
        if shown.cost is None
        else cost_document(
            shown.cost, shown.effects, words, decided=outlook.state not in (State.ANNOUNCED, State.OPEN)
        ),
        "statutes": own_number(proposal.statutes),
        "governance": governance_document(shown.governance, proposal.number, former=shown.former),
        "tally": tally_document(whole),
        "colleges": {str(college): tally_document(tally) for college, tally in sorted(shown.tallies.items())},
        "links": links(whole),
        "quorum": quorum_needed(whole.total, terms),
        "needs": [
            {"college": college, "missing": missing, "condition": condition, "measure": measure}
            for college, tally in groups
            for missing, condition, measure in words.needs(
                lacking(tally, terms, college),
                tally,
                quorum_needed(tally.total, terms),
                favour_needed(tally.opposed, terms),
            )
        ],
        "calls": [effect_document(effect, words, done=shown.execution is not None) for effect in shown.effects],
        "read_at": shown.height,
        "set_against": shown.set_against,
    }


def execution_document(execution: Executed, words: Words) -> dict[str, Any]:
    """Who executed a proposal, and when."""
    return {
        "block": execution.height,
        "time": execution.time,
        "in_words": words.when(execution.time),
        "sentence": words.executed(execution),
        "transaction": "0x" + execution.transaction.hex(),
        "account": checksum(execution.account),
        "organisation": None
        if not execution.organisation
        else {
            "number": execution.organisation,
            "legal_name": execution.legal_name or words.organisation(execution.organisation),
        },
    }


def rehearsal_document(rehearsal: Rehearsal | None, words: Words) -> dict[str, Any]:
    """Whether the calls could be made as things stand; `applies` is null where that cannot be told."""
    return {
        "applies": None if rehearsal is None else rehearsal.applies,
        "refused_call": None if rehearsal is None or rehearsal.applies else rehearsal.made + 1,
        "reason": None if rehearsal is None else rehearsal.reason,
        "in_words": words.rehearsal(rehearsal),
    }


def cost_document(cost: Cost, effects: Sequence[Effects], words: Words, *, decided: bool = False) -> dict[str, Any]:
    """What saying yes costs; once that is decided, what doing it costs."""
    return {
        "casting_gas": cost.casting,
        "executing_gas": cost.executing,
        "wei_for_gas": None if cost.price is None else str(cost.price),
        "in_words": words.cost(cost, [effect.act for effect in effects], decided=decided),
    }


def said_document(said: Said, words: Words) -> dict[str, Any]:
    """What an organisation said."""
    row = said.row
    return {
        "organisation": {"number": row.organisation, "legal_name": words.organisation(row.organisation)},
        "position": None if row.ballot.counted is None else row.ballot.counted.word,
        "in_words": words.position(row.ballot.counted),
        "holder": None
        if not row.ballot.holder
        else {"number": row.ballot.holder, "legal_name": words.organisation(row.ballot.holder)},
        "weight": row.ballot.weight,
        "college": row.ballot.college,
        "struck": row.ballot.struck,
        "reason": said.reason,
        "reason_hash": row.reason_hash.hex() if any(row.reason_hash) else None,
        "block": row.height,
        "time": row.time,
        "time_in_words": words.when(row.time),
        "transaction": "0x" + row.transaction.hex(),
    }


def own_document(organisation: int, row: BallotRow | None, proxy: Proxy | None, words: Words) -> dict[str, Any]:
    """Where the organisation of whoever reads stands in a vote."""
    ballot = None if row is None else row.ballot
    counted = None if ballot is None else ballot.counted
    return {
        "number": organisation,
        "legal_name": words.organisation(organisation),
        "position": None if counted is None else counted.word,
        "in_words": words.position(counted),
        "holder": None if ballot is None or not ballot.holder else words.organisation(ballot.holder),
        "proxy": None if proxy is None else proxy_document(proxy, words),
    }


def named(said: Sequence[Said]) -> list[int]:
    """Organisations that a list of positions names."""
    return [number for each in said for number in (each.row.organisation, each.row.ballot.holder)]


def statutes_document(version: int, statutes: Statutes, words: Words) -> dict[str, Any]:
    """The rules of voting."""
    return {
        "version": own_number(version),
        "terms": [
            {
                "kind": kind,
                "quorum": terms.quorum,
                "numerator": terms.numerator,
                "denominator": terms.denominator,
                "window": terms.window,
                "lock": terms.lock,
                "window_in_words": words.duration(terms.window),
                "lock_in_words": words.duration(terms.lock),
            }
            for kind, terms in zip(("ordinary", "constitutional", "emergency"), statutes.terms, strict=True)
        ],
        "notice": statutes.notice,
        "notice_in_words": words.duration(statutes.notice),
        "expiry": statutes.expiry,
        "expiry_in_words": words.duration(statutes.expiry),
        "proxies": statutes.proxies,
        "by_college": statutes.by_college,
        "weights": list(statutes.weights),
    }


def proxy_document(proxy: Proxy, words: Words) -> dict[str, Any]:
    """A proxy."""
    return {
        "giver": {"number": proxy.giver, "legal_name": words.organisation(proxy.giver)},
        "holder": {"number": proxy.holder, "legal_name": words.organisation(proxy.holder)},
        "proposal": proxy.proposal if own_number(proxy.proposal) else None,
        "succession": succession_of(proxy.proposal),
        "until": proxy.until,
        "until_in_words": words.when(proxy.until),
    }
