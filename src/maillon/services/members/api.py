# SPDX-License-Identifier: Apache-2.0
"""Members over HTTP, for programs: the directory, applications, their review, and what an organisation does for itself.

Bodies name every member they take; one more is refused, so that none is assigned by accident. Lists go on by cursor,
reads carry an ETag, and a write with an Idempotency-Key is answered once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from maillon.kit import problems
from maillon.kit.clock import Clock
from maillon.kit.entity_tags import tagged
from maillon.kit.forms import bounded_body
from maillon.kit.idempotency import Key
from maillon.kit.throttle import Throttle
from maillon.ledger.acts import prepared_document
from maillon.services.members import errors, rules, views
from maillon.services.members.acts import AnyAct
from maillon.services.members.documents import MAXIMUM_DOCUMENT
from maillon.services.members.errors import Refused, Unavailable
from maillon.services.members.model import ApplicationState, Evidence
from maillon.services.members.service import MAXIMUM_PAGE, PAGE, MembersService, words_of
from maillon.services.members.store import Filter
from maillon.services.people import Actor, Recognition, Target

PROBLEMS = tuple(
    problems.register(kind.slug, kind.status, kind.title, kind.advice)
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, (Refused, Unavailable)) and "slug" in vars(kind)
)
"""Every problem type these routes and pages may answer."""
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
ApplicationId = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$")]
CaseDigest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
AccountAddress = Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")]
Code = Annotated[str, Header(alias="Application-Code", min_length=1, max_length=100)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ApplicationBody(_Body):
    """What an applicant says."""

    scheme: str = Field(max_length=20)
    identifier: str = Field(max_length=100)
    legal_name: str = Field(max_length=640)
    kind: str = Field(max_length=20)
    country: str = Field(max_length=2)
    contact_name: str = Field(max_length=200)
    contact_address: str = Field(max_length=254)
    language: str = Field("en", max_length=2)
    message: str = Field("", max_length=4_000)
    invitation: str = Field("", max_length=2_000)


class NoteBody(_Body):
    """What is said to the other side."""

    text: str = Field(max_length=4_000)


class ReasonBody(_Body):
    """Why."""

    reason: str = Field(max_length=4_000)


class AcceptanceBody(_Body):
    """Which evidence was seen."""

    evidence: list[str] = Field(max_length=4)


class AccountBody(_Body):
    """What an account may do, and its label."""

    scopes: list[str] = Field(max_length=4)
    label: str = Field(max_length=40)


class NewAccountBody(AccountBody):
    """The same of a new one: made here, unless it is one with a key elsewhere that consents."""

    account: str = Field("", pattern=r"^(?:0x[0-9a-fA-F]{40})?$")
    consent: str = Field("", max_length=132)


class InvitedBody(_Body):
    """Whom a member invites."""

    scheme: str = Field(max_length=20)
    identifier: str = Field(max_length=100)
    legal_name: str = Field(max_length=640)


class NameBody(_Body):
    """A new legal name."""

    legal_name: str = Field(max_length=640)


class CreditAccountBody(_Body):
    """Where an organisation's credits go."""

    account: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")


class DidBody(_Body):
    """A decentralised identifier, or nothing."""

    did: str = Field(max_length=200)


class SuspensionBody(_Body):
    """Why; or, for the second officer, the case."""

    reason: str = Field("", max_length=4_000)
    case: str = Field("", pattern=r"^(?:[0-9a-f]{64})?$")


def parse_filter(query: str, kinds: list[str], countries: list[str], statuses: list[str]) -> Filter:
    """What a reader of the directory asked for. Raises a `Refused` for a choice that is none."""
    chosen = frozenset(status for word, status in rules.STATUSES.items() if word in statuses)
    if len(chosen) != len(set(statuses)):
        raise errors.UnknownStatus
    return Filter(
        words_of(query),
        frozenset(rules.parse_kind(kind) for kind in kinds),
        frozenset(rules.parse_country(country) for country in countries),
        chosen,
    )


def parse_evidence(words: list[str]) -> Evidence:
    """Classes of evidence by their words. Raises `UnknownEvidence`."""
    seen = Evidence(0)
    for word in words:
        if word not in rules.EVIDENCE_NAMES:
            raise errors.UnknownEvidence
        seen |= rules.EVIDENCE_NAMES[word]
    return seen


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {problems.MEDIA_TYPE: {"schema": {"type": "object"}}}
    return {status: {"description": "Refused", "content": content} for status in (422, *statuses)}


_ANY_BYTES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in
                    ("application/pdf", "image/png", "image/jpeg")},
    }
}  # fmt: skip


def router(  # noqa: C901, PLR0915 - one function for each route
    service: MembersService, recognition: Recognition, clock: Clock, a_minute: int
) -> APIRouter:
    """Every route. Reading the directory needs nothing; an applicant shows its code, everybody else who they are."""
    made = APIRouter(prefix="/v1", tags=["members"])
    throttle = Throttle(clock, a_minute)
    once = service.once

    def count(request: Request) -> None:
        throttle.take(request)

    async def office(request: Request, action: Any = rules.APPLICATION_REVIEW) -> Actor:
        return await recognition.require(request, action, Target("instance"))

    async def own(request: Request, number: int, action: Any = rules.MEMBER_CHANGE) -> Actor:
        return await recognition.require(request, action, Target("organisation", str(number)))

    # The directory.

    @made.get("/members", summary="The directory, by name", responses=_refusals(404, 503))
    async def list_members(  # noqa: PLR0917 - the filters
        request: Request,
        q: Annotated[str, Query(max_length=200, description="Words of a name, a number, a country")] = "",
        kind: Annotated[list[str], Query(max_length=6)] = [],  # noqa: B006 - FastAPI copies it
        country: Annotated[list[str], Query(max_length=250)] = [],  # noqa: B006 - FastAPI copies it
        status: Annotated[list[str], Query(max_length=6)] = [],  # noqa: B006 - FastAPI copies it
        limit: Annotated[int, Query(ge=1, le=MAXIMUM_PAGE)] = PAGE,
        after: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Continue after this member")] = None,
    ) -> Response:
        page = await service.directory(parse_filter(q, kind, country, status), limit, after)
        now = clock.now()
        return tagged(
            request,
            {
                "members": [views.organisation_document(one, now) for one in page.organisations],
                "total": page.total,
                "next": page.next,
                "facets": views.facets_document(page),
                "block": page.height,
                "moved_to": views.moved_document(service.moved_to),
            },
        )

    @made.get("/members/rules", summary="How each kind is admitted without a vote", responses=_refusals(503))
    async def list_rules(request: Request) -> Response:
        found = await service.rules_in_force()
        return tagged(request, {"rules": [views.rule_document(rule) for rule in found]})

    @made.get("/members/{number}", summary="One organisation, its accounts and history", responses=_refusals(404))
    async def show_member(request: Request, number: Number) -> Response:
        return tagged(request, await _page(number))

    async def _page(number: int) -> dict[str, Any]:
        page = await service.organisation(number)
        return views.organisation_document(page.organisation, clock.now()) | {
            "accounts": [views.account_document(account) for account in page.accounts],
            "history": [views.history_document(entry) for entry in page.history],
            "block": page.height,
            "moved_to": views.moved_document(service.moved_to),
        }

    @made.get("/members/{number}/nodes", summary="Its nodes and validators", responses=_refusals(404, 409, 503))
    async def show_nodes(request: Request, number: Number) -> Response:
        return tagged(request, views.operation_document(await service.operation(number)))

    @made.get("/accounts/{address}/member", summary="For whom an account acted", responses=_refusals(404))
    async def member_of(
        request: Request, address: AccountAddress, block: Annotated[int | None, Query(ge=0, le=2**62)] = None
    ) -> Response:
        height = await service.height()
        at = height if block is None else min(block, height)
        found = await service.member_of(rules.parse_address(address), at)
        return tagged(request, {"account": address.lower(), "block": at, "member": found})

    # Applying.

    @made.post("/applications", summary="Apply", status_code=201, responses=_refusals(409, 429, 503))
    async def apply(request: Request, body: ApplicationBody, key: Key = None) -> Response:
        count(request)

        async def work() -> tuple[int, Any]:
            given = body.model_dump()
            invitation = given.pop("invitation")
            file, code = await service.apply(given, invitation)
            return 201, views.application_document(file) | {"code": code}

        return await once.answer(request, key, "applicant", work)

    @made.get("/applications/mine", summary="Follow one's application", responses=_refusals(404, 429))
    async def follow(request: Request, code: Code) -> Response:
        count(request)
        return tagged(request, views.application_document(await service.follow(code)), private=True)

    @made.delete("/applications/mine", summary="Erase it", status_code=204, responses=_refusals(404, 409, 429))
    async def erase(request: Request, code: Code) -> Response:
        count(request)
        await service.erase(code)
        return Response(status_code=204)

    @made.post("/applications/mine/documents", summary="Add a document", status_code=201,
               responses=_refusals(404, 409, 413, 429), openapi_extra=_ANY_BYTES)  # fmt: skip
    async def add_document(
        request: Request, code: Code, name: Annotated[str, Query(min_length=1, max_length=200)], key: Key = None
    ) -> Response:
        count(request)
        content = await bounded_body(request, MAXIMUM_DOCUMENT + 1)

        async def work() -> tuple[int, Any]:
            kept = await service.add_document(code, name, request.headers.get("content-type", ""), content)
            return 201, {"id": kept.id, "name": kept.name, "sha256": kept.digest.hex(), "size": kept.size}

        # Each applicant has keys of their own; the code itself stands in no row.
        return await once.answer(request, key, f"applicant:{hashlib.sha256(code.encode()).hexdigest()}", work, content)

    async def _mine(request: Request, work: Awaitable[Any]) -> Response:
        return tagged(request, views.application_document(await work), private=True)

    @made.post("/applications/mine/answer", summary="Answer the office", responses=_refusals(404, 409, 429))
    async def answer(request: Request, code: Code, body: NoteBody) -> Response:
        count(request)
        return await _mine(request, service.answer(code, body.text))

    @made.post("/applications/mine/withdrawal", summary="Withdraw", responses=_refusals(404, 409, 429))
    async def withdraw(request: Request, code: Code) -> Response:
        count(request)
        return await _mine(request, service.withdraw(code))

    @made.post(
        "/applications/mine/appeal", summary="Have a refusal looked at again", responses=_refusals(404, 409, 429)
    )
    async def appeal(request: Request, code: Code, body: ReasonBody) -> Response:
        count(request)
        return await _mine(request, service.appeal(code, body.reason))

    # Reviewing.

    @made.get("/applications", summary="The queue of the office, oldest first", responses=_refusals(401, 403, 404))
    async def queue(
        request: Request,
        state: Annotated[list[ApplicationState], Query(max_length=7)] = [],  # noqa: B006 - FastAPI copies it
        limit: Annotated[int, Query(ge=1, le=MAXIMUM_PAGE)] = PAGE,
        after: Annotated[str | None, Query(pattern=r"^[0-9a-f]{24}$")] = None,
    ) -> Response:
        await office(request)
        states = state or [one for one in ApplicationState if one in rules.OPEN]
        found = await service.queue(states, limit, after)
        document = {
            "applications": [views.summary_document(one) for one in found],
            "next": found[-1].id if len(found) == limit else None,
        }
        return tagged(request, document, private=True)

    @made.get("/applications/{identifier}", summary="One application", responses=_refusals(401, 403, 404, 503))
    async def review(request: Request, identifier: ApplicationId) -> Response:
        await office(request)
        return tagged(request, views.review_document(await service.review(identifier), clock.now()), private=True)

    @made.get("/applications/{identifier}/documents/{document}", summary="A document, as a download",
              responses=_refusals(401, 403, 404))  # fmt: skip
    async def download(request: Request, identifier: ApplicationId, document: ApplicationId) -> Response:
        actor = await office(request)
        name, content = await service.document(identifier, document, actor.tag)
        return attachment(name, content)

    @made.post("/applications/{identifier}/request", summary="Ask the applicant for more", responses=_refusals(401, 403,
               404, 409))  # fmt: skip
    async def ask_for_more(request: Request, identifier: ApplicationId, body: ReasonBody) -> Response:
        actor = await office(request, rules.APPLICATION_DECIDE)
        return await _mine(request, service.ask_for_more(identifier, body.reason, actor.tag))

    @made.post("/applications/{identifier}/refusal", summary="Refuse", responses=_refusals(401, 403, 404, 409))
    async def refuse(request: Request, identifier: ApplicationId, body: ReasonBody) -> Response:
        actor = await office(request, rules.APPLICATION_DECIDE)
        return await _mine(request, service.refuse(identifier, body.reason, actor.tag))

    @made.post("/applications/{identifier}/acceptance", summary="Answer for the evidence, and admit if the rule does",
               responses=_refusals(401, 403, 404, 409, 503))  # fmt: skip
    async def accept(request: Request, identifier: ApplicationId, body: AcceptanceBody, key: Key = None) -> Response:
        actor = await office(request, rules.APPLICATION_DECIDE)
        seen = parse_evidence(body.evidence)

        async def work() -> tuple[int, Any]:
            return 200, views.application_document(await service.accept(identifier, seen, actor.tag))

        return await once.answer(request, key, actor.tag, work)

    @made.get("/applications/{identifier}/proposal", summary="The call of a vote that admits",
              responses=_refusals(401, 403, 404, 409, 503))  # fmt: skip
    async def proposal(
        request: Request,
        identifier: ApplicationId,
        tier: Annotated[int, Query(ge=0, le=7)],
        college: Annotated[int, Query(ge=0, le=7)],
    ) -> dict[str, str]:
        await office(request)
        target, data = await service.admission_proposal(identifier, tier, college)
        return {"target": "0x" + target.hex(), "data": "0x" + data.hex()}

    # What officers do about members.

    @made.post("/members/{number}/suspension", summary="Ask for a suspension of seven days",
               responses=_refusals(401, 403, 404, 409, 503))  # fmt: skip
    async def suspend(request: Request, number: Number, body: SuspensionBody, key: Key = None) -> Response:
        actor = await office(request, rules.MEMBER_SUSPEND)

        async def work() -> tuple[int, Any]:
            if body.case:
                page = await service.second_suspension(number, bytes.fromhex(body.case), actor.tag)
                return 200, {"case": body.case, "suspended": not page.organisation.is_active(clock.now())}
            _, case = await service.suspend(number, body.reason, actor.tag)
            return 200, {"case": case.hex(), "suspended": False}

        return await once.answer(request, key, actor.tag, work)

    @made.put("/members/{number}/name", summary="Enter a new legal name", responses=_refusals(401, 403, 404, 409, 503))
    async def rename(request: Request, number: Number, body: NameBody) -> Response:
        actor = await office(request, rules.APPLICATION_DECIDE)
        await service.rename(number, body.legal_name, actor.tag)
        return tagged(request, await _page(number))

    # What an organisation does for itself.

    async def _own(request: Request, number: int, key: str | None, actor: Actor, work: Awaitable[Any]) -> Response:
        async def done() -> tuple[int, Any]:
            await work
            return 200, await _page(number)

        return await once.answer(request, key, actor.tag, done)

    @made.post("/members/{number}/accounts", summary="Add an account: its key made and kept here, or with its holder",
               responses=_refusals(401, 403, 404, 409, 503))  # fmt: skip
    async def add_account(request: Request, number: Number, body: NewAccountBody, key: Key = None) -> Response:
        actor = await own(request, number)
        scopes = rules.parse_scopes(body.scopes)
        if body.account or body.consent:
            account, consent = rules.parse_address(body.account), rules.parse_consent(body.consent)
            added = service.add_consenting(number, account, scopes, body.label, consent, actor.tag)
        else:
            added = service.add_account(number, scopes, body.label, actor.tag)
        return await _own(request, number, key, actor, added)

    @made.get("/members/{number}/consents/{address}", summary="What an account with a key of its own signs to be added",
              responses=_refusals(404, 503))  # fmt: skip
    async def consent(number: Number, address: AccountAddress) -> dict[str, Any]:
        found = await service.consent_to_sign(number, rules.parse_address(address))
        return {"digest": "0x" + found.digest.hex(), "typed_data": found.typed_data()}

    @made.post("/members/{number}/acts", summary="Prepare an act to be signed elsewhere, and say what it means",
               responses=_refusals(404, 503))  # fmt: skip
    async def prepare(number: Number, act: AnyAct) -> dict[str, Any]:
        call, says = await service.prepare(number, act)
        return prepared_document(call, service.chain_id, says)

    @made.put("/members/{number}/accounts/{address}", summary="Change what an account may do",
              responses=_refusals(401, 403, 404, 409, 503))  # fmt: skip
    async def change_account(request: Request, number: Number, address: AccountAddress, body: AccountBody) -> Response:
        actor = await own(request, number)
        account, scopes = rules.parse_address(address), rules.parse_scopes(body.scopes)
        work = service.set_scopes(number, account, scopes, body.label, actor.tag)
        return await _own(request, number, None, actor, work)

    @made.delete("/members/{number}/accounts/{address}", summary="Let an account act no more",
                 responses=_refusals(401, 403, 404, 409, 503))  # fmt: skip
    async def remove_account(request: Request, number: Number, address: AccountAddress) -> Response:
        actor = await own(request, number)
        work = service.remove_account(number, rules.parse_address(address), actor.tag)
        return await _own(request, number, None, actor, work)

    @made.put("/members/{number}/credit-account", summary="Choose the account one's credits are paid to",
              responses=_refusals(401, 403, 404, 409, 503))  # fmt: skip
    async def set_credit_account(request: Request, number: Number, body: CreditAccountBody) -> Response:
        actor = await own(request, number)
        work = service.set_credit_account(number, rules.parse_address(body.account), actor.tag)
        return await _own(request, number, None, actor, work)

    @made.put("/members/{number}/did", summary="Say which DID is the organisation's",
              responses=_refusals(401, 403, 404, 409, 503))  # fmt: skip
    async def set_did(request: Request, number: Number, body: DidBody) -> Response:
        actor = await own(request, number)
        return await _own(request, number, None, actor, service.set_did(number, body.did, actor.tag))

    async def _suspensions(request: Request, number: int) -> Response:
        cases = [views.case_document(one) for one in await service.cases(number)]
        return tagged(request, {"suspensions": cases}, private=True)

    @made.get("/members/{number}/suspensions", summary="Its suspensions asked for here, with their reasons",
              responses=_refusals(401, 403, 404))  # fmt: skip
    async def suspensions(request: Request, number: Number) -> Response:
        await own(request, number, rules.MEMBER_READ)
        return await _suspensions(request, number)

    @made.put("/members/{number}/suspensions/{case}/appeal", summary="Answer a suspension",
              responses=_refusals(401, 403, 404))  # fmt: skip
    async def appeal_suspension(request: Request, number: Number, case: CaseDigest, body: ReasonBody) -> Response:
        actor = await own(request, number)
        await service.appeal_suspension(number, bytes.fromhex(case), body.reason, actor.tag)
        return await _suspensions(request, number)

    @made.post("/members/{number}/invitations", summary="A signed invitation for another organisation", status_code=201,
               responses=_refusals(401, 403, 404, 409, 503))  # fmt: skip
    async def invite(request: Request, number: Number, body: InvitedBody, key: Key = None) -> Response:
        actor = await own(request, number, rules.MEMBER_INVITE)

        async def work() -> tuple[int, Any]:
            return 201, {"invitation": await service.invite(number, body.model_dump(), actor.tag)}

        return await once.answer(request, key, actor.tag, work)

    @made.post(
        "/members/{number}/departure", summary="Leave the alliance", responses=_refusals(401, 403, 404, 409, 503)
    )
    async def leave(request: Request, number: Number, key: Key = None) -> Response:
        actor = await own(request, number, rules.MEMBER_LEAVE)
        return await _own(request, number, key, actor, service.leave(number, actor.tag))

    return made


def attachment(name: str, content: bytes) -> Response:
    """A document as a download that no browser opens by itself, whatever it thinks it is."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    encoded = "".join(chr(b) if chr(b).isascii() and chr(b).isalnum() else f"%{b:02X}" for b in name.encode())
    return Response(
        content,
        200,
        {
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        },
        "application/octet-stream",
    )
