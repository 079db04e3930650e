# SPDX-License-Identifier: Apache-2.0
"""Acts as they are asked for: prepared as bytes and words for whoever holds the key, or done with a key kept here.

One description of each act serves the API, the pages and the command line. Whether somebody may act for an organisation
is decided where people are known; whether the organisation may is decided by the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from maillon.kit.language import LANGUAGES, Language
from maillon.services.people import Action, Role, register
from maillon.services.votes import forms
from maillon.services.votes.contract import Prepared
from maillon.services.votes.documents import effect_document, words_for
from maillon.services.votes.errors import InvalidAct, InvalidPosition, VoteNotOpen
from maillon.services.votes.model import Position, ProposedCall, State
from maillon.services.votes.service import Shown, VotesService
from maillon.services.votes.texts import MAXIMUM_TEXT, title_of
from maillon.services.votes.words import Words

MAXIMUM: Final = 2**48
"""Numbers of proposals and organisations are below this."""
_HEXADECIMAL: Final = "^0x([0-9a-fA-F]{2})*$"
_ADDRESS: Final = "^0x[0-9a-fA-F]{40}$"


VOTE: Final = register(
    Action(
        "votes:act",
        "propose, vote and give proxies in its name",
        "organisation",
        frozenset({Role.DELEGATE}),
        fresh=True,
    )
)
"""What a delegate confirms. No key of a program may."""


class Delegates(Protocol):
    """Who may act for whom with a key kept here: joined by the composition root to where people are known."""

    async def organisations(self, request: Request) -> Sequence[int]:
        """The organisations that whoever reads may act for; none for who is not logged in."""

    async def log_in(self, request: Request) -> str | None:
        """Where whoever is not logged in does so, and comes back from; None for who is."""

    async def require(self, request: Request, organisation: int) -> str:
        """Who acts, for the trail, if they may. Raises what sends them to log in, or an `AccessDenied`."""


Number = Annotated[int, Field(ge=1, le=MAXIMUM)]


class _Strict(BaseModel):
    """A body whose every member is known: one more might be one that matters."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RawCall(_Strict):
    """One call a proposal makes."""

    target: str = Field(pattern=_ADDRESS)
    data: str = Field(pattern=_HEXADECIMAL, max_length=2 + 2 * 2048)

    def read(self) -> ProposedCall:
        """As bytes."""
        return ProposedCall(forms.parse_address(self.target), bytes.fromhex(self.data[2:]))


class CastAct(_Strict):
    """Taking a position: one's own, or that of who gave a proxy."""

    act: Literal["cast"]
    proposal: Number
    position: str = Field(max_length=20)
    reason: str = Field("", max_length=1_200)
    giver: Number | None = None


class ProposeAct(_Strict):
    """Putting something to the vote."""

    act: Literal["propose"]
    kind: str = Field(max_length=20)
    text: str = Field(max_length=2 * MAXIMUM_TEXT)
    calls: list[RawCall] = Field(max_length=16)
    opens: int = Field(ge=0, le=2**40)
    closes: int = Field(ge=0, le=2**40)


class ExecuteAct(_Strict):
    """Doing what was decided."""

    act: Literal["execute"]
    proposal: Number


class ProxyAct(_Strict):
    """Giving a proxy: for one vote, or for every vote until a time."""

    act: Literal["give-proxy"]
    holder: Number
    proposal: Number | None = None
    until: int = Field(0, ge=0, le=2**40)


class RevokeAct(_Strict):
    """Revoking one: of one vote, or the standing one."""

    act: Literal["revoke-proxy"]
    proposal: Number | None = None


class BrakeAct(_Strict):
    """Pulling the emergency brake."""

    act: Literal["brake"]


AnyAct = Annotated[CastAct | ProposeAct | ExecuteAct | ProxyAct | RevokeAct | BrakeAct, Field(discriminator="act")]

_ANY: Final[TypeAdapter[AnyAct]] = TypeAdapter(AnyAct)


def parse_act(text: str) -> AnyAct:
    """An act from its JSON. Raises `InvalidAct`."""
    try:
        return _ANY.validate_json(text)
    except ValidationError as error:
        raise InvalidAct(f"the act has {error.error_count()} members that are not what it takes") from None


def titled(words: Words, number: int, title: str | None) -> str:
    """A proposal's title; its number where nobody has sent the text."""
    return title if title is not None else words.say("Proposal %(number)s", number=number)


class Acting:
    """Each act as bytes, and in words of both languages."""

    def __init__(self, service: VotesService) -> None:
        self._service = service

    async def _words(self, *organisations: int) -> dict[Language, Words]:
        return {language: await words_for(self._service, language, organisations) for language in LANGUAGES}

    async def prepare(self, act: AnyAct) -> tuple[Prepared, dict[Language, str], dict[str, Any]]:
        """The act, what it says, and what else a caller must know. Raises a `Refused` or an `Unavailable`."""
        if isinstance(act, CastAct):
            return await self._cast(act)
        if isinstance(act, ProposeAct):
            return await self._propose(act)
        if isinstance(act, ExecuteAct):
            shown = await self._service.proposal(act.proposal)
            says = {
                language: words.signs_execution(
                    act.proposal, titled(words, act.proposal, shown.title), len(shown.proposal.calls)
                )
                for language, words in (await self._words()).items()
            }
            return await self._service.prepare_execution(act.proposal), says, {}
        if isinstance(act, ProxyAct):
            number = act.proposal or 0
            until = act.until
            if number:
                shown = await self._service.proposal(number)
                _check_open(shown, State.ANNOUNCED, State.OPEN)
                until = shown.proposal.closes
            both = await self._words(act.holder)
            says = {language: words.signs_proxy(0, act.holder, number, until) for language, words in both.items()}
            return await self._service.prepare_proxy(number, act.holder, until), says, {}
        if isinstance(act, RevokeAct):
            says = {
                language: words.signs_revocation(0, act.proposal or 0)
                for language, words in (await self._words()).items()
            }
            return await self._service.prepare_revocation(act.proposal or 0), says, {}
        says = {language: words.signs_brake(0) for language, words in (await self._words()).items()}
        return await self._service.prepare_brake(), says, {}

    async def perform(self, organisation: int, act: AnyAct, actor: str) -> dict[str, Any]:
        """Do it with the organisation's key kept here; what became of it. Raises a `Refused` or an `Unavailable`."""
        service = self._service
        if isinstance(act, ProposeAct):
            number = await service.propose(
                organisation,
                forms.parse_kind(act.kind),
                act.text,
                [call.read() for call in act.calls],
                actor,
                opens=act.opens,
                closes=act.closes,
            )
            return {"proposal": number}
        if isinstance(act, ExecuteAct):
            done = await service.execute(organisation, act.proposal, actor)
            return {"proposal": act.proposal, "executed": done}
        if isinstance(act, CastAct):
            position = _position(act)
            sent = service.cast(organisation, act.proposal, position, actor, reason=act.reason, giver=act.giver)
        elif isinstance(act, ProxyAct):
            sent = service.give_proxy(organisation, act.proposal or 0, act.holder, actor, act.until)
        elif isinstance(act, RevokeAct):
            sent = service.revoke_proxy(organisation, act.proposal or 0, actor)
        else:
            sent = service.pull_brake(organisation, actor)
        receipt = await sent
        return {
            "proposal": getattr(act, "proposal", None),
            "transaction": "0x" + receipt.transaction.hex(),
            "block": int(receipt.height),
        }

    async def _cast(self, act: CastAct) -> tuple[Prepared, dict[Language, str], dict[str, Any]]:
        shown = await self._service.proposal(act.proposal)
        _check_open(shown, State.OPEN)
        position = _position(act)
        prepared, made = await self._service.prepare_position(act.proposal, position, act.reason, act.giver)
        closes = shown.proposal.closes
        says: dict[Language, str] = {}
        for language, words in (await self._words(*([act.giver] if act.giver else []))).items():
            title = titled(words, act.proposal, shown.title)
            says[language] = (
                words.signs_position(0, act.proposal, title, position, closes)
                if act.giver is None
                else words.signs_position_for(0, act.giver, act.proposal, title=title, position=position, closes=closes)
            )
        return prepared, says, {"text": made or None}

    async def _propose(self, act: ProposeAct) -> tuple[Prepared, dict[Language, str], dict[str, Any]]:
        calls = [call.read() for call in act.calls]
        kind = forms.parse_kind(act.kind)
        prepared, made = await self._service.prepare_proposal(kind, act.text, calls, act.opens, act.closes)
        effects = await self._service.effects(calls)
        both = await self._words()
        says = {
            language: words.signs_proposal(0, kind, title_of(made), act.opens, act.closes)
            for language, words in both.items()
        }
        return prepared, says, {"text": made, "calls": [effect_document(each, both["en"]) for each in effects]}


def _check_open(shown: Shown, *states: State) -> None:
    if shown.outlook.state not in states:
        raise VoteNotOpen(f"the vote on proposal {shown.proposal.number} is not open")


def _position(act: CastAct) -> Position:
    position = forms.parse_position(act.position)
    if position is None:
        raise InvalidPosition("choose one of the four positions")
    return position
