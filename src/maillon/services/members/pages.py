# SPDX-License-Identifier: Apache-2.0
"""The pages of members: directory and map, a member, joining, one's application and organisation, the office's queue.

All work without a script. An applicant is known by a code, which travels in forms and never in an address; a write ends
in a redirection, or in the page again with what was typed and what is wrong. What anybody may see is cached by its
ETag, what is private by nobody.
"""

from __future__ import annotations

import datetime
import secrets
import shlex
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from maillon.kit import idempotency
from maillon.kit.clock import Clock
from maillon.kit.countries import country_names
from maillon.kit.entity_tags import known_again
from maillon.kit.forms import read_form, read_upload
from maillon.kit.language import Language, say
from maillon.kit.page import SECURITY_HEADERS, Renderer
from maillon.kit.throttle import Throttle
from maillon.ledger.acts import prepared_document
from maillon.services.members import errors, identifiers, rules, views
from maillon.services.members.acts import (
    AddAct,
    AnyAct,
    ChangeAct,
    CreditsAct,
    DidAct,
    LeaveAct,
    RemoveAct,
    parse_act,
)
from maillon.services.members.api import Number, attachment, parse_evidence, parse_filter
from maillon.services.members.documents import MAXIMUM_DOCUMENT, MAXIMUM_DOCUMENTS, parse_file_name
from maillon.services.members.errors import InvalidApplication, Refused
from maillon.services.members.model import ApplicationState, Evidence, HistoryEntry, Scheme, Scope, Status
from maillon.services.members.names import parse_name
from maillon.services.members.service import PAGE, ApplicationFile, MembersService
from maillon.services.people import Actor, EnteringRoute, Recognition, Target

_MAXIMUM_UPLOAD = MAXIMUM_DOCUMENT + 64 * 1024
_FIELDS = sorted(rules.FIELDS | {"invitation"})
_ACCEPTABLE = (ApplicationState.SUBMITTED, ApplicationState.ACCEPTED, ApplicationState.PRESENTED)
_ENDED = (Status.DEPARTED, Status.EXCLUDED)
_NEWS = {"founded", "active", "departed", "excluded", "suspended"}


class _Fields:
    """The fields of a form, each once unless a list is asked for; what is not asked for is never read."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """One field; empty when it is missing."""
        return self._fields.get(name, [""])[0]

    def texts(self, name: str) -> list[str]:
        """Every value of a field."""
        return self._fields.get(name, [])


def _is_end(entry: HistoryEntry) -> bool:
    return entry.event == "StatusChanged" and Status(entry.detail["status"]) in _ENDED


def _fault(refused: Refused) -> dict[str, Any]:
    return {
        "slug": refused.slug,
        "title": refused.title,
        "detail": str(refused),
        "advice": refused.advice,
        "field": refused.field,
    }


def _faults(refused: Refused | None) -> list[dict[str, Any]]:
    """What is wrong, one line for each field."""
    if refused is None:
        return []
    return [_fault(one) for one in (refused.faults if isinstance(refused, InvalidApplication) else (refused,))]


class _Pages:
    """The endpoints over one service."""

    def __init__(  # noqa: PLR0917 - the collaborators
        self,
        service: MembersService,
        recognition: Recognition,
        renderer: Renderer,
        clock: Clock,
        public_url: str,
        network: str,
        a_minute: int,
    ) -> None:
        self._service = service
        self._who = recognition
        self._renderer = renderer
        self._clock = clock
        self._public_url = public_url
        self._network = network
        self._throttle = Throttle(clock, a_minute)

    # What several pages share.

    async def _form(self, request: Request) -> _Fields:
        self._count(request)
        return _Fields(await read_form(request))

    def _count(self, request: Request) -> None:
        self._throttle.take(request)

    def _private(
        self,
        request: Request,
        language: Language,
        template: str,
        document: Mapping[str, Any],
        refused: Refused | None = None,
    ) -> Response:
        status = 200 if refused is None else refused.status
        shown = dict(document) | {"faults": _faults(refused)}
        return self._renderer.answer(request, language, template, shown, status, private=True)

    @staticmethod
    def _go(location: str) -> Response:
        return RedirectResponse(location, 303, {"Cache-Control": "no-store"})

    @staticmethod
    def _choices(language: Language) -> dict[str, Any]:
        """What the form offers."""
        return {
            "schemes": [
                {"value": scheme.value, "label": identifiers.label(scheme), "example": identifiers.example(scheme)}
                for scheme in Scheme
            ],
            "kinds": list(rules.KINDS),
            "countries": dict(country_names(language)),
        }

    # The directory.

    async def directory(  # noqa: PLR0917 - the filters
        self,
        request: Request,
        language: Language,
        q: Annotated[str, Query(max_length=200)] = "",
        kind: Annotated[list[str], Query(max_length=6)] = [],  # noqa: B006 - FastAPI copies it
        country: Annotated[list[str], Query(max_length=250)] = [],  # noqa: B006 - FastAPI copies it
        status: Annotated[list[str], Query(max_length=6)] = [],  # noqa: B006 - FastAPI copies it
        after: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    ) -> Response:
        """The list, the figures and the map."""
        wanted = parse_filter(q, kind, [one for one in country if one], status)
        page = await self._service.directory(wanted, PAGE, after)
        facets = views.facets_document(page)
        chosen: list[tuple[str, str]] = [("q", q)] if q else []
        chosen += [("kind", one) for one in kind] + [("status", one) for one in status]
        chosen += [("country", one) for one in country if one]
        now = self._clock.now()
        document = {
            "members": [views.organisation_document(one, now) for one in page.organisations],
            "total": page.total,
            "next": page.next,
            "more": None if page.next is None else urlencode([*chosen, ("after", str(page.next))]),
            "first": urlencode(chosen) if after is not None else None,
            "facets": facets,
            "present": facets["status"]["active"] + facets["status"]["suspended"],
            "countries": {
                code: urlencode([*((name, one) for name, one in chosen if name != "country"), ("country", code)])
                for code in facets["country"]
            },
            "most": max(facets["country"].values(), default=1),
            "map": views.map_document(facets["country"]),
            "names": {code: country_names(language).get(code, code) for code in facets["country"]},
            "query": q,
            "chosen": {"kind": kind, "status": status, "country": [one for one in country if one]},
            "filtered": bool(chosen),
            "block": page.height,
            "moved_to": views.moved_document(self._service.moved_to),
        }
        return self._renderer.answer(request, language, "members_directory.html", document)

    async def member(self, request: Request, language: Language, number: Number) -> Response:
        """One organisation."""
        page = await self._service.organisation(number)
        now = self._clock.now()
        document = views.organisation_document(page.organisation, now) | {
            "country_name": country_names(language).get(page.organisation.country, page.organisation.country),
            "accounts": [views.account_document(account) for account in page.accounts],
            "history": [views.history_document(entry) for entry in page.history],
            "left": next((entry.time for entry in page.history if _is_end(entry)), None)
            if page.organisation.status in _ENDED
            else None,
            "former_names": [
                str(entry.detail["legal_name"])
                for entry in page.history
                if entry.event == "LegalNameChanged" and entry.detail["legal_name"] != page.organisation.legal_name
            ],
            "block": page.height,
            "moved_to": views.moved_document(self._service.moved_to),
        }
        return self._renderer.answer(request, language, "members_member.html", document)

    async def feed(self, request: Request, language: Language) -> Response:
        """Admissions and departures, as Atom (RFC 4287). The name of an entry is its place on the chain, for ever."""
        news = [views.history_document(entry) for entry in await self._service.news()]
        named = await self._service.names_of([one["organisation"] for one in news])
        told = []
        for one in news:
            word = "founded" if one["event"] == "Founded" else str(one["detail"]["status"])
            if word in _NEWS:
                told.append(one | {"word": word, "name": named.get(one["organisation"], str(one["organisation"]))})
        document = {
            "base": self._public_url,
            "network": self._network,
            "updated": told[0]["time"] if told else datetime.datetime.fromtimestamp(0, datetime.UTC),
            "news": told,
        }
        text = self._renderer.html(request, language, "members_feed.html", document)
        headers = {"Cache-Control": "no-cache"} | SECURITY_HEADERS
        return known_again(request, text.encode(), headers, "application/atom+xml; charset=utf-8")

    # Joining.

    async def apply(self, request: Request, language: Language) -> Response:
        """The form, and what happens next."""
        return await self._apply_page(request, language, dict.fromkeys(_FIELDS, "") | {"language": language})

    async def _apply_page(
        self, request: Request, language: Language, typed: Mapping[str, str], refused: Refused | None = None
    ) -> Response:
        found = await self._service.rules_in_force()
        document = {"typed": dict(typed), "rules": [views.rule_document(rule) for rule in found]}
        document |= {"once": secrets.token_hex(16)}
        document |= {"names": {one: country_names(language).get(one, one) for one in _countries(document)}}
        return self._private(request, language, "members_apply.html", document | self._choices(language), refused)

    async def send_application(self, request: Request, language: Language) -> Response:
        """Keep it, and show its code."""
        form = await self._form(request)
        typed = {name: form.text(name)[:4_000] for name in _FIELDS} | {"language": language}
        try:
            file, code = await self._applied(typed, form.text("once")[:32])
        except Refused as refused:
            return await self._apply_page(request, language, typed, refused)
        return self._application_page(request, language, file, code, done="received")

    async def _applied(self, typed: Mapping[str, str], once: str) -> tuple[ApplicationFile, str]:
        """Apply; whoever loads the page with the code again has the same form sent again, and sees the same code."""
        asked = idempotency.fingerprint("POST", "apply", orjson.dumps(typed, option=orjson.OPT_SORT_KEYS))
        key = f"{once}:{asked.hex()}"
        before = await self._service.once.before("applicant", key, asked) if once else None
        if before is not None:
            code = str(orjson.loads(before.body)["code"])
            return await self._service.follow(code), code
        fields = {name: text for name, text in typed.items() if name != "invitation"}
        file, code = await self._service.apply(fields, typed["invitation"])
        if once:
            kept = idempotency.Answer(201, orjson.dumps({"id": file.application.id, "code": code}))
            await self._service.once.keep("applicant", key, asked, kept)
        return file, code

    async def application(self, request: Request, language: Language) -> Response:
        """Where an applicant types its code."""
        return self._private(request, language, "members_code.html", {})

    def _application_page(
        self, request: Request, language: Language, file: ApplicationFile, code: str, *, done: str = "",
        refused: Refused | None = None,
    ) -> Response:  # fmt: skip
        state = file.application.state
        document = views.application_document(file) | {
            "code": code,
            "done": done,
            "open": state in rules.BY_APPLICANT,
            "erasable": state not in (ApplicationState.ACCEPTED, ApplicationState.PRESENTED),
            "country_name": country_names(language).get(file.application.country, file.application.country),
            "maximum": MAXIMUM_DOCUMENTS,
        }
        return self._private(request, language, "members_application.html", document, refused)

    async def follow(self, request: Request, language: Language) -> Response:
        """Show, answer, withdraw, appeal, take one's data, erase: what the button says."""
        form = await self._form(request)
        code, act = form.text("code")[:100], form.text("act")
        try:
            file = await self._service.follow(code)
        except Refused as refused:
            return self._private(request, language, "members_code.html", {}, refused)
        try:
            if act == "answer":
                file = await self._service.answer(code, form.text("text"))
            elif act == "withdraw":
                file = await self._service.withdraw(code)
            elif act == "appeal":
                file = await self._service.appeal(code, form.text("text"))
            elif act == "erase":
                await self._service.erase(code)
                return self._private(request, language, "members_code.html", {"done": "erased"})
        except Refused as refused:
            return self._application_page(request, language, await self._service.follow(code), code, refused=refused)
        return self._application_page(request, language, file, code, done=act)

    async def add_document(self, request: Request, language: Language) -> Response:
        """A file of one's own."""
        self._count(request)
        upload = await read_upload(request, _MAXIMUM_UPLOAD)
        code = upload.fields.get("code", "")[:100]
        try:
            file = await self._service.follow(code)
        except Refused as refused:
            return self._private(request, language, "members_code.html", {}, refused)
        try:
            if not upload.is_whole:
                raise errors.DocumentTooLarge(parse_file_name(upload.name), MAXIMUM_DOCUMENT // 2**20)
            await self._service.add_document(code, upload.name, upload.media_type, upload.content)
        except Refused as refused:
            return self._application_page(request, language, file, code, refused=refused)
        return self._application_page(request, language, await self._service.follow(code), code, done="document")

    async def own_document(self, request: Request, language: Language) -> Response:
        """One's own file back, as a download."""
        del language
        form = await self._form(request)
        name, content = await self._service.own_document(form.text("code")[:100], form.text("document")[:40])
        return attachment(name, content)

    # The office.

    async def queue(
        self,
        request: Request,
        language: Language,
        state: Annotated[list[ApplicationState], Query(max_length=7)] = [],  # noqa: B006 - FastAPI copies it
        after: Annotated[str | None, Query(pattern=r"^[0-9a-f]{24}$")] = None,
    ) -> Response:
        """Applications that wait, oldest first."""
        await self._who.enter_for(request, rules.APPLICATION_REVIEW, Target("instance"))
        states = state or [one for one in ApplicationState if one in rules.OPEN]
        found = await self._service.queue(states, PAGE, after)
        document = {
            "applications": [views.summary_document(one) for one in found],
            "states": [one.value for one in ApplicationState],
            "chosen": [one.value for one in states],
            "next": found[-1].id if len(found) == PAGE else None,
            "names": {one.country: country_names(language).get(one.country, one.country) for one in found},
        }
        return self._private(request, language, "members_queue.html", document)

    async def review(self, request: Request, language: Language, identifier: str, done: str = "") -> Response:
        """One application, with what may be wrong with it."""
        await self._who.enter_for(request, rules.APPLICATION_REVIEW, Target("instance"))
        return await self._review_page(request, language, identifier, done=done)

    async def _review_page(
        self, request: Request, language: Language, identifier: str, *, done: str = "", refused: Refused | None = None
    ) -> Response:
        review = await self._service.review(identifier)
        document = views.review_document(review, self._clock.now()) | {
            "done": done if done in ("asked", "refused", "accepted") else "",
            "classes": list(rules.EVIDENCE_NAMES),
            "scripts": views.script_names(review.mixed_scripts, language),
            "country_name": country_names(language).get(
                review.file.application.country, review.file.application.country
            ),
            "reviewable": review.file.application.state in _ACCEPTABLE,
        }
        return self._private(request, language, "members_review.html", document, refused)

    async def decide(self, request: Request, language: Language, identifier: str) -> Response:
        """Ask for more, refuse, or answer for the evidence: that is said in words before it is signed."""
        actor = await self._who.enter_for(request, rules.APPLICATION_DECIDE, Target("instance"))
        form = await self._form(request)
        act = form.text("act")
        try:
            if act == "ask":
                await self._service.ask_for_more(identifier, form.text("reason"), actor.tag)
                done = "asked"
            elif act == "refuse":
                await self._service.refuse(identifier, form.text("reason"), actor.tag)
                done = "refused"
            elif act == "accept":
                seen = parse_evidence(form.texts("evidence"))
                if form.text("confirmed") != "yes":
                    return await self._acceptance(request, language, identifier, seen)
                await self._service.accept(identifier, seen, actor.tag)
                done = "accepted"
            else:
                raise errors.UnknownAct
        except Refused as refused:
            return await self._review_page(request, language, identifier, refused=refused)
        return self._go(f"/{language}/office/applications/{identifier}?done={done}")

    async def _acceptance(self, request: Request, language: Language, identifier: str, seen: Evidence) -> Response:
        review = await self._service.review(identifier)
        application = review.file.application
        account, offices = await self._service.office()
        if not offices & Scope.ADMISSION_OFFICER:
            raise errors.NoOffice("0x" + account.hex())
        if application.state not in _ACCEPTABLE:
            raise errors.WrongState(application.state.value)
        evidence = application.evidence | seen
        missing = ["vote"] if review.rule is None else rules.missing_evidence(review.rule, evidence, offices)
        document = views.review_document(review, self._clock.now()) | {
            "asked": rules.names_of(seen, rules.EVIDENCE_NAMES),
            "evidence": rules.names_of(evidence, rules.EVIDENCE_NAMES),
            "missing": list(missing),
            "scripts": views.script_names(review.mixed_scripts, language),
            "office_account": "0x" + account.hex(),
        }
        return self._private(request, language, "members_review_sign.html", document)

    async def document(self, request: Request, identifier: str, document: str) -> Response:
        """A document, as a download."""
        actor = await self._who.enter_for(request, rules.APPLICATION_REVIEW, Target("instance"))
        return attachment(*await self._service.document(identifier, document, actor.tag))

    # A member, as the office sees it.

    async def office_member(self, request: Request, language: Language, number: Number, done: str = "") -> Response:
        """What officers may do about a member: enter its new name, ask for a suspension, join one that is asked for."""
        await self._who.enter_for(request, rules.APPLICATION_REVIEW, Target("instance"))
        return await self._office_page(request, language, number, done=done)

    async def _office_page(
        self, request: Request, language: Language, number: int, *, done: str = "",
        typed: Mapping[str, str] | None = None, refused: Refused | None = None,
    ) -> Response:  # fmt: skip
        page, cases = await self._service.organisation(number), await self._service.cases(number)
        now = self._clock.now()
        account, offices = await self._service.office()
        requests = [
            one | {"by_colleague": await self._service.is_asked_by_colleague(bytes.fromhex(one["case"]))}
            for one in views.requests_document(page.history, now)
        ]
        document = views.organisation_document(page.organisation, now) | {
            "cases": [views.case_document(one) for one in cases],
            "requests": requests,
            "office_account": "0x" + account.hex(),
            "offices": rules.names_of(offices, rules.SCOPE_NAMES),
            "typed": {"legal_name": "", "reason": ""} | dict(typed or {}),
            "done": done if done in ("renamed", "asked", "suspended") else "",
        }
        return self._private(request, language, "members_office.html", document, refused)

    async def administer(self, request: Request, language: Language, number: Number) -> Response:
        """Say in words what would be signed; then, when that very form comes back confirmed, sign it."""
        form = await self._form(request)
        act = form.text("act")
        if act not in ("rename", "suspend", "second"):
            await self._who.enter_for(request, rules.APPLICATION_REVIEW, Target("instance"))
            return await self._office_page(request, language, number, refused=errors.UnknownAct())
        action = rules.APPLICATION_DECIDE if act == "rename" else rules.MEMBER_SUSPEND
        actor = await self._who.enter_for(request, action, Target("instance"))
        typed = {name: form.text(name)[:4_000] for name in ("legal_name", "reason", "case")}
        try:
            if form.text("confirmed") == "yes":
                done = await self._administer(number, act, typed, actor)
                return self._go(f"/{language}/office/members/{number}?done={done}")
            return await self._office_confirmation(request, language, number, act, typed)
        except Refused as refused:
            return await self._office_page(request, language, number, typed=typed, refused=refused)

    async def _office_confirmation(
        self, request: Request, language: Language, number: int, act: str, typed: Mapping[str, str]
    ) -> Response:
        page = await self._service.organisation(number)
        account, offices = await self._service.office()
        if not offices & (Scope.ADMISSION_OFFICER if act == "rename" else Scope.OFFICER):
            raise errors.NoOffice("0x" + account.hex())
        fields: dict[str, str] = {"act": act}
        similar: list[dict[str, Any]] = []
        if act == "rename":
            fields["legal_name"] = parse_name(typed["legal_name"])
            similar = [
                views.similar_document(one) for one in await self._service.names_like(fields["legal_name"], number)
            ]
        elif act == "suspend":
            fields["reason"] = rules.parse_reason(typed["reason"])
        else:
            fields["case"] = rules.parse_case(typed["case"]).hex()
        document = views.organisation_document(page.organisation, self._clock.now()) | {
            "act": act,
            "fields": fields,
            "similar": similar,
            "office_account": "0x" + account.hex(),
        }
        return self._private(request, language, "members_office_sign.html", document)

    async def _administer(self, number: int, act: str, typed: Mapping[str, str], actor: Actor) -> str:
        if act == "rename":
            await self._service.rename(number, typed["legal_name"], actor.tag)
            return "renamed"
        if act == "suspend":
            await self._service.suspend(number, typed["reason"], actor.tag)
            return "asked"
        page = await self._service.second_suspension(number, rules.parse_case(typed["case"]), actor.tag)
        return "asked" if page.organisation.is_active(self._clock.now()) else "suspended"

    # One's organisation.

    async def own(self, request: Request, language: Language, number: Number, done: str = "") -> Response:
        """Accounts, identifier, invitations, suspensions, leaving."""
        actor = await self._who.enter_for(request, rules.MEMBER_READ, Target("organisation", str(number)))
        return await self._own_page(request, language, number, actor, done=done)

    async def _own_page(
        self, request: Request, language: Language, number: int, actor: Actor, *, done: str = "", invitation: str = "",
        refused: Refused | None = None,
    ) -> Response:  # fmt: skip
        page = await self._service.organisation(number)
        kept = await self._service.kept_accounts(number)
        cases = await self._service.cases(number)
        document = views.organisation_document(page.organisation, self._clock.now()) | {
            "organisation": str(number),
            "sections": self._who.sections(actor, str(number)),
            "by_office": self._who.may(actor, rules.APPLICATION_REVIEW, Target("instance")),
            "accounts": [
                views.account_document(account, kept=account.address in kept)
                for account in page.accounts
                if account.until is None
            ],
            "scopes": [word for word, scope in rules.SCOPE_NAMES.items() if scope <= 8],
            "history": [views.history_document(entry) for entry in page.history[:20]],
            "cases": [views.case_document(one) for one in cases],
            "invitation": invitation,
            "chain_id": self._service.chain_id,
            "done": done if done in ("added", "changed", "removed", "credits", "did", "left", "appealed") else "",
        }
        return self._private(request, language, "members_own.html", document | self._choices(language), refused)

    async def nodes(self, request: Request, language: Language, number: Number) -> Response:
        """What one's organisation operates of the network."""
        organisation = str(number)
        actor = await self._who.enter_for(request, rules.MEMBER_READ, Target("organisation", organisation))
        page = await self._service.organisation(number)
        document = views.organisation_document(page.organisation, self._clock.now())
        document |= views.operation_document(await self._service.operation(number))
        document |= {"organisation": organisation, "sections": self._who.sections(actor, organisation)}
        return self._private(request, language, "members_nodes.html", document)

    async def change_own(self, request: Request, language: Language, number: Number) -> Response:
        """Say in words what would be signed; then, when that very form comes back confirmed, sign it with the kept key.

        Answering a suspension is for the office to read, and is signed by nobody.
        """
        target = Target("organisation", str(number))
        form = await self._form(request)
        act = form.text("act")
        action = {"leave": rules.MEMBER_LEAVE, "invite": rules.MEMBER_INVITE}.get(act, rules.MEMBER_CHANGE)
        actor = await self._who.enter_for(request, action, target)
        try:
            if act == "invite":
                return await self._invite(request, language, number, form, actor)
            if act == "appeal":
                case = rules.parse_case(form.text("case"))
                await self._service.appeal_suspension(number, case, form.text("text"), actor.tag)
                done = "appealed"
            else:
                asked = await self._asked(number, form)
                if form.text("confirmed") != "yes":
                    return await self._confirmation(request, language, number, asked)
                done = await self._act(number, asked, actor)
        except Refused as refused:
            return await self._own_page(request, language, number, actor, refused=refused)
        return self._go(f"/{language}/organisations/{number}/register?done={done}")

    async def _asked(self, number: int, form: _Fields) -> AnyAct:
        """The act of a form; an account that is made here is made first, so that what is signed names it."""
        act = form.text("act")
        fields: dict[str, Any] = {"act": act}
        if act in ("wallet", "change", "remove", "credits"):
            rules.parse_address(form.text("account"))
            fields["account"] = form.text("account")
        if act in ("add", "wallet", "change"):
            fields |= {"label": rules.parse_label(form.text("label")), "scopes": form.texts("scope")[:4]}
            rules.parse_scopes(fields["scopes"])
        if act == "add":
            account, consent = await self._service.offer_account(number)
            fields |= {"account": "0x" + account.hex(), "consent": "0x" + consent.hex()}
        elif act == "wallet":
            fields |= {"act": "add", "consent": form.text("consent")[:132]}
        elif act == "did":
            fields["did"] = form.text("did")[:200].strip()
        return parse_act(fields)

    async def _confirmation(self, request: Request, language: Language, number: int, act: AnyAct) -> Response:
        call, says = await self._service.prepare(number, act)
        fields = act.model_dump() | ({"act": "wallet"} if isinstance(act, AddAct) else {})
        file = say(language, "FILE") or "FILE"
        signed = {"prepared": prepared_document(call, self._service.chain_id, says)}
        return await self._sign_page(
            request, language, number, act.act, fields, says, _command(number, act, file), signed
        )

    async def _sign_page(  # noqa: PLR0917 - what is shown
        self, request: Request, language: Language, number: int, act: str, fields: Mapping[str, Any],
        says: Mapping[Language, str], command: str, signed: Mapping[str, Any],
    ) -> Response:  # fmt: skip
        page = await self._service.organisation(number)
        document = {
            "number": number,
            "legal_name": page.organisation.legal_name,
            "act": act,
            "fields": dict(fields),
            "says": says[language],
            "kept": await self._service.keeps_key_of(number),
            "command": command,
        }
        return self._private(request, language, "members_sign.html", document | dict(signed))

    async def _invite(
        self, request: Request, language: Language, number: int, form: _Fields, actor: Actor
    ) -> Response:  # fmt: skip
        """The same for an invitation, which no transaction carries: what is signed is the word that is handed on."""
        given = {name: form.text(name)[:640] for name in ("scheme", "identifier", "legal_name")}
        if form.text("confirmed") == "yes":
            word = await self._service.invite(number, given, actor.tag)
            return await self._own_page(request, language, number, actor, invitation=word)
        if form.text("signature"):
            nonce, expires, signature = (form.text(name)[:200] for name in ("nonce", "expires", "signature"))
            word = await self._service.take_invitation(number, given, nonce, expires, signature, actor.tag)
            return await self._own_page(request, language, number, actor, invitation=word)
        invitation, says = await self._service.prepare_invitation(number, given)
        options = (
            ("--scheme", given["scheme"]),
            ("--identifier", given["identifier"]),
            ("--name", given["legal_name"]),
        )
        said = " ".join(f"{option} {shlex.quote(text)}" for option, text in options)
        command = f"maillon members invite {number} {said} --key {say(language, 'FILE')}"
        until = datetime.datetime.fromtimestamp(invitation.expires, datetime.UTC)
        prepared = {"typed_data": invitation.typed_data(), "expires": until}
        fields = {"act": "invite"} | given
        return await self._sign_page(request, language, number, "invite", fields, says, command, prepared)

    async def _act(self, number: int, act: AnyAct, actor: Actor) -> str:
        if isinstance(act, LeaveAct):
            await self._service.leave(number, actor.tag)
            return "left"
        if isinstance(act, DidAct):
            await self._service.set_did(number, act.did, actor.tag)
            return "did"
        account = rules.parse_address(act.account)
        if isinstance(act, RemoveAct):
            await self._service.remove_account(number, account, actor.tag)
            return "removed"
        if isinstance(act, CreditsAct):
            await self._service.set_credit_account(number, account, actor.tag)
            return "credits"
        scopes = rules.parse_scopes(act.scopes)
        if isinstance(act, ChangeAct):
            await self._service.set_scopes(number, account, scopes, act.label, actor.tag)
            return "changed"
        consent = rules.parse_consent(act.consent)
        await self._service.add_consenting(number, account, scopes, act.label, consent, actor.tag)
        return "added"


def _command(number: int, act: AnyAct, file: str) -> str:
    """What somebody runs to sign an act with a key file; what an act holds was parsed."""
    if isinstance(act, LeaveAct):
        return f"maillon members leave {number} --key {file}"
    if isinstance(act, DidAct):
        return f"maillon members did {number} {shlex.quote(act.did)} --key {file}"
    words = ["maillon members delegate", str(number), "--account", act.account]
    if isinstance(act, RemoveAct):
        words.append("--remove")
    elif isinstance(act, CreditsAct):
        words.append("--credits")
    else:
        words += ["--label", act.label, *(f"--scope {scope}" for scope in act.scopes)]
    if isinstance(act, AddAct):
        words += ["--consent", act.consent]
    return " ".join((*words, f"--sign-with {file}"))


def _countries(document: Mapping[str, Any]) -> list[str]:
    return sorted({str(rule["country"]) for rule in document["rules"] if rule["country"]})


def pages(  # noqa: PLR0917 - the collaborators
    service: MembersService,
    recognition: Recognition,
    renderer: Renderer,
    clock: Clock,
    public_url: str,
    network: str,
    a_minute: int,
) -> APIRouter:
    """The routes."""
    made = APIRouter(include_in_schema=False, route_class=EnteringRoute)
    page = _Pages(service, recognition, renderer, clock, public_url, network, a_minute)
    application = "/{language}/office/applications/{identifier}"
    for method, path, endpoint in (
        ("GET", "/{language}/members", page.directory),
        ("GET", "/feeds/{language}/members.atom", page.feed),
        ("GET", "/{language}/members/{number}", page.member),
        ("GET", "/{language}/apply", page.apply),
        ("POST", "/{language}/apply", page.send_application),
        ("GET", "/{language}/application", page.application),
        ("POST", "/{language}/application", page.follow),
        ("POST", "/{language}/application/documents", page.add_document),
        ("POST", "/{language}/application/document", page.own_document),
        ("GET", "/{language}/office/applications", page.queue),
        ("GET", application, page.review),
        ("POST", application, page.decide),
        ("GET", "/office/applications/{identifier}/documents/{document}", page.document),
        ("GET", "/{language}/office/members/{number}", page.office_member),
        ("POST", "/{language}/office/members/{number}", page.administer),
        ("GET", "/{language}/organisations/{number}/register", page.own),
        ("POST", "/{language}/organisations/{number}/register", page.change_own),
        ("GET", "/{language}/organisations/{number}/nodes", page.nodes),
    ):
        made.add_api_route(path, endpoint, methods=[method])
    return made
