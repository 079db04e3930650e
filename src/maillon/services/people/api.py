# SPDX-License-Identifier: Apache-2.0
"""People over HTTP, for programs: who am I, the people, invitations, keys and trail of an organisation, logging in.

Bodies name every member they take; one more is refused, so that none is assigned by accident.
"""

from __future__ import annotations

import asyncio
import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python
from starlette.responses import JSONResponse, Response

from maillon.kit import problems
from maillon.kit.access import KeyRecord
from maillon.kit.clock import Clock
from maillon.kit.idempotency import Key, Once
from maillon.kit.throttle import Throttle
from maillon.services.people import errors, rules
from maillon.services.people.errors import LogInNeeded, Refused, Unavailable, UnknownAction
from maillon.services.people.model import Actor, Invitation, SessionKind, Target
from maillon.services.people.organisations import DEEDS, KEY_OVERLAP, MAXIMUM_CURSOR, PAGE
from maillon.services.people.recognition import Recognition
from maillon.services.people.service import PeopleService
from maillon.services.people.trail import PAGE as DOCUMENTS

PROBLEMS = tuple(
    problems.register(kind.slug, kind.status, kind.title, kind.advice)
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, (Refused, Unavailable)) and "slug" in vars(kind)
)
"""Every problem type these routes and pages may answer."""
DEVICE_INTERVAL = 5
"""Seconds a command line waits between two questions."""

OrganisationId = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
Id = Annotated[str, Path(min_length=1, max_length=40)]
_Before = Annotated[int | None, Query(ge=1, le=2**62, description="Continue below this number")]
_First = Annotated[int, Path(ge=1, le=2**62, description="The number of its first deed")]
_ROLES = Literal["administrator", "delegate", "member"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class InvitationBody(_Body):
    """To whom an invitation goes, and what it gives."""

    address: str = Field(max_length=254)
    roles: list[_ROLES] = Field(min_length=1, max_length=3)
    language: Literal["fr", "en"] = "fr"


class RolesBody(_Body):
    """The roles a person shall have; none lets them go."""

    roles: list[_ROLES] = Field(max_length=3)


class KeyBody(_Body):
    """What a new key is for."""

    name: str = Field(min_length=1, max_length=200)
    scopes: list[str] = Field(min_length=1, max_length=10)
    days: int | None = Field(None, ge=1, le=3650)


class RotationBody(_Body):
    """How long the old key goes on."""

    days: int = Field(KEY_OVERLAP.days, ge=0, le=90)


class DeviceBody(_Body):
    """How the command line is to be called."""

    label: str = Field("", max_length=200)


class TokenBody(_Body):
    """Which command line asks."""

    device_code: str = Field(max_length=100)


class LogInBody(_Body):
    """Who logs in where there is no browser."""

    address: str = Field(max_length=254)
    password: str = Field(max_length=1000)


class JoinBody(_Body):
    """Who follows an invitation where there is no browser."""

    code: str = Field(max_length=100)
    address: str = Field(max_length=254)
    name: str = Field(max_length=200)
    password: str = Field(max_length=1000)
    language: Literal["fr", "en"] = "fr"


class SecondFactorBody(_Body):
    """The code that ends a step: of the application, or, to log in, a recovery code."""

    step: str = Field(max_length=100)
    code: str = Field(max_length=100)
    label: str = Field("", max_length=200)


class AcceptanceBody(_Body):
    """Which invitation somebody who has an account takes."""

    code: str = Field(max_length=100)


def _key(record: KeyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.subject,
        "scopes": sorted(record.scopes),
        "created": record.created,
        "expires": record.expires,
        "last_used": record.last_used,
        "revoked": record.revoked,
    }


def _invitation(sent: Invitation) -> dict[str, Any]:
    return {
        "id": sent.id,
        "address": sent.address,
        "roles": sorted(sent.roles),
        "invited_by": sent.invited_by,
        "created": sent.created,
        "expires": sent.expires,
        "used": sent.used,
        "revoked": sent.revoked,
    }


def _file(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/json", headers=headers)


def _secret(document: dict[str, Any], status: int = 200) -> Response:
    """What is told to whoever asked, this once: kept by no cache."""
    return JSONResponse(to_jsonable_python(document), status, {"Cache-Control": "no-store"})


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {problems.MEDIA_TYPE: {"schema": {"type": "object"}}}
    return {status: {"description": "Refused", "content": content} for status in (401, 403, 422, *statuses)}


def router(  # noqa: C901, PLR0915, PLR0917 - one function for each route, the collaborators
    people: PeopleService, recognition: Recognition, clock: Clock, once: Once, public_url: str, a_minute: int
) -> APIRouter:
    """Every route. They take an API key, the token of `maillon login`, or the cookie of the portal."""
    made = APIRouter(prefix="/v1", tags=["people"])
    throttle = Throttle(clock, a_minute)
    of_organisation = "/organisations/{organisation}"

    @made.get("/me", summary="Who is acting", responses=_refusals())
    async def me(request: Request) -> dict[str, Any]:
        actor = await recognition.actor(request)
        if actor.is_nobody:
            raise LogInNeeded("nobody is logged in, and no key was sent")
        return {
            "subject": actor.tag,
            "name": actor.name,
            "roles": {name: sorted(roles) for name, roles in actor.roles.items()},
            "organisation": actor.organisation,
            "scopes": sorted(actor.scopes),
        }

    @made.get(of_organisation + "/people", summary="Its people and their roles", responses=_refusals(404))
    async def list_people(
        request: Request,
        organisation: OrganisationId,
        q: Annotated[str, Query(max_length=200, description="Words of names or addresses")] = "",
        after: Annotated[str | None, Query(max_length=MAXIMUM_CURSOR, description="The next of another page")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    ) -> dict[str, Any]:
        actor = await recognition.require(request, rules.PEOPLE_READ, Target("organisation", organisation))
        page = await asyncio.to_thread(people.people_of, actor, organisation, q, after, limit)
        return {
            "people": [
                {
                    "id": person.id,
                    "name": person.profile.name,
                    "address": person.profile.address,
                    "roles": [grant.role for grant in grants],
                }
                for person, grants in page.people
            ],
            "total": page.total,
            "next": page.next,
        }

    @made.put(
        of_organisation + "/people/{person}/roles",
        summary="Give and take roles",
        status_code=204,
        responses=_refusals(404, 409),
    )
    async def change_roles(request: Request, organisation: OrganisationId, person: Id, body: RolesBody) -> Response:
        actor = await recognition.require(request, rules.PEOPLE_CHANGE, Target("organisation", organisation))
        await asyncio.to_thread(people.change_roles, actor, organisation, person, body.roles)
        return Response(status_code=204)

    @made.get(of_organisation + "/invitations", summary="Its invitations", responses=_refusals(404))
    async def list_invitations(request: Request, organisation: OrganisationId) -> dict[str, Any]:
        actor = await recognition.require(request, rules.PEOPLE_READ, Target("organisation", organisation))
        sent = await asyncio.to_thread(people.invitations_of, actor, organisation)
        return {"invitations": [_invitation(invitation) for invitation in sent]}

    @made.post(of_organisation + "/invitations", summary="Invite somebody", status_code=201, responses=_refusals(404))
    async def invite(request: Request, organisation: OrganisationId, body: InvitationBody, key: Key = None) -> Response:
        actor = await recognition.require(request, rules.PEOPLE_INVITE, Target("organisation", organisation))

        async def work() -> tuple[int, Any]:
            sent = await asyncio.to_thread(people.invite, actor, organisation, body.address, body.roles, body.language)
            return 201, to_jsonable_python(_invitation(sent))

        return await once.answer(request, key, actor.tag, work)

    @made.delete(
        of_organisation + "/invitations/{invitation}",
        summary="Withdraw an invitation",
        status_code=204,
        responses=_refusals(404),
    )
    async def revoke_invitation(request: Request, organisation: OrganisationId, invitation: Id) -> Response:
        actor = await recognition.require(request, rules.PEOPLE_INVITE, Target("organisation", organisation))
        await asyncio.to_thread(people.revoke_invitation, actor, organisation, invitation)
        return Response(status_code=204)

    @made.get(of_organisation + "/keys", summary="Its API keys", responses=_refusals(404))
    async def list_keys(request: Request, organisation: OrganisationId) -> dict[str, Any]:
        actor = await recognition.require(request, rules.KEY_READ, Target("organisation", organisation))
        found = await asyncio.to_thread(people.keys_of, actor, organisation)
        return {"keys": [_key(record) for record in found]}

    @made.post(of_organisation + "/keys", summary="Make an API key", status_code=201, responses=_refusals(404))
    async def make_key(request: Request, organisation: OrganisationId, body: KeyBody, once_key: Key = None) -> Response:
        actor = await recognition.require(request, rules.KEY_CHANGE, Target("organisation", organisation))

        async def work() -> tuple[int, Any]:
            made = await asyncio.to_thread(people.make_key, actor, organisation, body.name, body.scopes, body.days)
            return 201, {"id": made[0], "key": made[1]}

        return await once.answer(request, once_key, actor.tag, work)

    @made.post(
        of_organisation + "/keys/{key}/rotation",
        summary="Make the successor of a key",
        status_code=201,
        responses=_refusals(404),
    )
    async def rotate_key(
        request: Request, organisation: OrganisationId, key: Id, body: RotationBody, once_key: Key = None
    ) -> Response:
        actor = await recognition.require(request, rules.KEY_CHANGE, Target("organisation", organisation))

        async def work() -> tuple[int, Any]:
            overlap = datetime.timedelta(days=body.days)
            made = await asyncio.to_thread(people.rotate_key, actor, organisation, key, overlap)
            return 201, {"id": made[0], "key": made[1]}

        return await once.answer(request, once_key, actor.tag, work)

    @made.delete(of_organisation + "/keys/{key}", summary="Revoke a key", status_code=204, responses=_refusals(404))
    async def revoke_key(request: Request, organisation: OrganisationId, key: Id) -> Response:
        actor = await recognition.require(request, rules.KEY_CHANGE, Target("organisation", organisation))
        await asyncio.to_thread(people.revoke_key, actor, organisation, key)
        return Response(status_code=204)

    @made.get(of_organisation + "/audit", summary="What was done in it", responses=_refusals(404))
    async def trail(
        request: Request,
        organisation: OrganisationId,
        before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    ) -> dict[str, Any]:
        actor = await recognition.require(request, rules.TRAIL_READ, Target("organisation", organisation))
        deeds, _ = await asyncio.to_thread(people.trail_of, actor, organisation, before)
        return {
            "deeds": [
                {"number": number, "time": deed.time, "tag": deed.tag, "actor": deed.actor, "detail": deed.detail}
                for number, deed in deeds
            ],
            "next": deeds[-1][0] if len(deeds) == DEEDS else None,
        }

    async def listed(actor: Actor, organisation: str | None, before: int | None) -> dict[str, Any]:
        found = await asyncio.to_thread(people.documents_of, actor, organisation, before)
        return {
            "documents": [
                {
                    "first": one.first,
                    "last": one.last,
                    "day": one.day,
                    "deeds": one.count,
                    "digest": one.digest.hex(),
                    "entry": one.entry,
                }
                for one in found
            ],
            "next": found[-1].first if len(found) == DOCUMENTS else None,
        }

    async def document(actor: Actor, organisation: str | None, first: int) -> Response:
        found, content = await asyncio.to_thread(people.document_of, actor, organisation, first)
        return _file(content, f"trail-{organisation or 'instance'}-{found.day}-{first}.json")

    async def receipt(actor: Actor, organisation: str | None, first: int) -> Response:
        found, content = await people.receipt_of(actor, organisation, first)
        return _file(content, f"trail-{organisation or 'instance'}-{found.day}-{first}.json.receipt.json")

    documents = of_organisation + "/audit/documents"

    @made.get(documents, summary="Documents of its trail, made when a day is over and notarised", responses=_refusals())
    async def list_documents(request: Request, organisation: OrganisationId, before: _Before = None) -> dict[str, Any]:
        return await listed(await recognition.actor(request), organisation, before)

    @made.get(documents + "/{first}", summary="One of them", responses=_refusals(404, 409))
    async def one_document(request: Request, organisation: OrganisationId, first: _First) -> Response:
        return await document(await recognition.actor(request), organisation, first)

    @made.get(documents + "/{first}/receipt", summary="Its receipt", responses=_refusals(404, 409, 503))
    async def one_receipt(request: Request, organisation: OrganisationId, first: _First) -> Response:
        return await receipt(await recognition.actor(request), organisation, first)

    @made.get("/audit/documents", summary="The same of what concerns the instance alone", responses=_refusals())
    async def list_instance_documents(request: Request, before: _Before = None) -> dict[str, Any]:
        return await listed(await recognition.actor(request), None, before)

    @made.get("/audit/documents/{first}", summary="One of them", responses=_refusals(404, 409))
    async def one_instance_document(request: Request, first: _First) -> Response:
        return await document(await recognition.actor(request), None, first)

    @made.get("/audit/documents/{first}/receipt", summary="Its receipt", responses=_refusals(404, 409, 503))
    async def one_instance_receipt(request: Request, first: _First) -> Response:
        return await receipt(await recognition.actor(request), None, first)

    @made.get("/decisions", summary="Whether somebody may, and every reason why", responses=_refusals(404))
    async def decision(
        request: Request,
        action: Annotated[str, Query(max_length=100)],
        target: Annotated[str, Query(max_length=100)],
        subject: Annotated[str, Query(max_length=100)] = "",
    ) -> dict[str, Any]:
        actor = await recognition.actor(request)
        if subject and subject != actor.tag:
            people.require(actor, rules.DECISION_EXPLAIN, rules.parse_target(target))
            decided = await asyncio.to_thread(people.explain, subject, action, target, "", actor)
        else:
            known = rules.ACTIONS.get(action)
            if known is None:
                raise UnknownAction(f"there is no action {action!r}")
            decided = await asyncio.to_thread(people.explained, actor, known, rules.parse_target(target), actor)
        return {
            "allowed": decided.allowed,
            "subject": decided.actor,
            "action": decided.action,
            "target": decided.target,
            **decided.document(),
        }

    @made.post("/login/device", summary="Begin to log a command line in (as RFC 8628)", responses=_refusals(429))
    async def begin_device(request: Request, body: DeviceBody) -> dict[str, Any]:
        throttle.take(request)
        device, user = await asyncio.to_thread(people.begin_device, body.label)
        return {
            "device_code": device,
            "user_code": user,
            "verification_uri": f"{public_url}/fr/device",
            "interval": DEVICE_INTERVAL,
            "expires_in": int(rules.STEP_LIFE.total_seconds()),
        }

    @made.post("/login/token", summary="Ask whether somebody has confirmed", responses=_refusals(409, 428, 429))
    async def finish_device(request: Request, body: TokenBody) -> dict[str, Any]:
        throttle.take(request)
        opened = await asyncio.to_thread(people.finish_device, body.device_code)
        return {"token": opened.token, "expires": opened.session.expires}

    @made.post("/login", summary="Log in with a password: the first half", responses=_refusals(429))
    async def begin_log_in(request: Request, body: LogInBody) -> Response:
        throttle.take(request)
        step = await asyncio.to_thread(people.begin_log_in, body.address, body.password)
        return _secret({"step": step, "expires_in": int(rules.STEP_LIFE.total_seconds())})

    @made.post("/login/code", summary="Log in with a password: the second factor", responses=_refusals(409, 429))
    async def finish_log_in(request: Request, body: SecondFactorBody) -> Response:
        throttle.take(request)
        opened = await asyncio.to_thread(
            people.finish_log_in, body.step, body.code, rules.one_line(body.label), None, kind=SessionKind.COMMAND
        )
        return _secret({"token": opened.token, "expires": opened.session.expires})

    @made.post("/join", summary="Follow an invitation with a password: the first half", responses=_refusals(429))
    async def begin_join(request: Request, body: JoinBody) -> Response:
        throttle.take(request)
        enrolment = await asyncio.to_thread(
            people.join_with_password, body.code, body.address, body.name, body.password, body.language
        )
        expires_in = int(rules.STEP_LIFE.total_seconds())
        return _secret(
            {"step": enrolment.step, "secret": enrolment.secret, "otpauth": enrolment.address, "expires_in": expires_in}
        )

    @made.post(
        "/join/code",
        summary="Follow an invitation with a password: the first code of the application",
        status_code=201,
        responses=_refusals(409, 429),
    )
    async def finish_join(request: Request, body: SecondFactorBody) -> Response:
        throttle.take(request)
        opened = await asyncio.to_thread(
            people.finish_join, body.step, body.code, rules.one_line(body.label), None, kind=SessionKind.COMMAND
        )
        expires = opened.session.expires
        return _secret({"token": opened.token, "expires": expires, "recovery_codes": opened.recovery_codes}, 201)

    @made.post("/invitations/acceptance", summary="Take an invitation with one’s account", responses=_refusals(429))
    async def accept(request: Request, body: AcceptanceBody, key: Key = None) -> Response:
        throttle.take(request)
        actor = await recognition.actor(request)

        async def work() -> tuple[int, Any]:
            return 200, {"organisation": await asyncio.to_thread(people.accept, actor, body.code)}

        return await once.answer(request, key, actor.tag, work)

    @made.delete("/login", summary="End the session of this token", status_code=204, responses=_refusals())
    async def log_out(request: Request) -> Response:
        await asyncio.to_thread(people.log_out, await recognition.actor(request))
        return Response(status_code=204)

    return made
