# SPDX-License-Identifier: Apache-2.0
"""The pages of people: log in, join, one's account, the people, keys and trail of an organisation, and why.

All work without a script but passkeys. A code that came by letter stands after # in its link, where only a script of
ours sees it and fills the form; who has none copies it. Every write ends in a redirection, or shows its form again with
what was typed and what is wrong; passwords and codes are never shown again. What is shown once, a key or recovery
codes, is made once: its form has a number, and the same number makes nothing more.
"""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import orjson
import segno
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from maillon.kit.access import ORGANISATION_SCOPES
from maillon.kit.audit import Deed
from maillon.kit.clock import Clock
from maillon.kit.forms import MAXIMUM_FORM, bounded_body, local_target, read_form, require_same_origin
from maillon.kit.language import LANGUAGES, Language
from maillon.kit.page import Renderer
from maillon.kit.problems import INVALID, Problem
from maillon.kit.throttle import Throttle
from maillon.services.people import rules
from maillon.services.people.errors import InvalidKeyLife, Refused, StaleStep
from maillon.services.people.foundation import Enrolment, Opened
from maillon.services.people.model import OFFICE, Action, Actor, Role, Target
from maillon.services.people.organisations import DEEDS, MAXIMUM_CURSOR, MAXIMUM_KEY_NAME, PAGE
from maillon.services.people.recognition import EnteringRoute, Recognition
from maillon.services.people.service import PeopleService
from maillon.services.people.store import new_code
from maillon.services.people.trail import PAGE as DOCUMENTS

_PROVIDER_COOKIE = "-provider"
_INSTANCE = Target("instance")
_NUMBERED = re.compile(r"\b(index|count|proposal|organisation) (\d+)\b")
_Before = Annotated[int | None, Query(ge=1, le=2**62)]
_DONE = frozenset(
    {"password", "authenticator", "passkey", "removed", "address", "name", "ended", "joined", "invited", "revoked",
     "roles", "linked", "unlinked"}
)  # fmt: skip
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"),
            ("Linux", "Linux"))  # fmt: skip


def agent_label(user_agent: str) -> str:
    """A browser as its owner knows it again, and no more than that; empty for one that does not say."""
    known = (next((name for mark, name in names if mark in user_agent), "") for names in (_BROWSERS, _SYSTEMS))
    return ", ".join(filter(None, known))


def about(deed: Deed, names: Mapping[str, str]) -> dict[str, Any]:
    """What a page says of the detail of a deed: whom and what it names, and nothing that nobody could read."""
    numbers = dict(_NUMBERED.findall(deed.detail))
    found: dict[str, Any] = {name: int(numbers[name]) for name in numbers}
    if deed.subject == "key":
        found["named"] = [names.get(f"key:{one}", one) for one in deed.detail.split()]
    if deed.subject == "webhook":
        found["named"] = [deed.detail]
    if deed.subject in ("role", "person"):
        person, _, roles = deed.detail.partition(":")
        found |= {"named": [names[f"person:{person}"]] if f"person:{person}" in names else [], "roles": roles.split()}
    return found


def _others(deeds: list[tuple[int, Deed]]) -> set[str]:
    """Organisations that deeds name."""
    return {value for _, deed in deeds for name, value in _NUMBERED.findall(deed.detail) if name == "organisation"}


class _Form:
    """The fields of a form, each once unless a list is asked for; what is not asked for is never read."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """One field; empty when it is missing."""
        return self._fields.get(name, [""])[0]

    def texts(self, name: str) -> list[str]:
        """Every value of a field."""
        return self._fields.get(name, [])

    def number(self) -> str:
        """What tells a form that makes something from its like, sent again. Raises `StaleStep` for one without."""
        number = self.text("form")[:100]
        if not number:
            raise StaleStep("the form has no number")
        return number

    def days(self) -> int | None:
        """Whole days; None for an empty field. Raises `InvalidKeyLife`."""
        text = self.text("days").strip()
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InvalidKeyLife("days are a whole number")
        return int(text)


class _Pages:
    """The endpoints over one service."""

    def __init__(
        self, people: PeopleService, recognition: Recognition, renderer: Renderer, clock: Clock, a_minute: int
    ) -> None:
        self._people = people
        self._who = recognition
        self._renderer = renderer
        self._clock = clock
        self._throttle = Throttle(clock, a_minute)

    # What several pages share.

    def _show(
        self,
        request: Request,
        language: Language,
        template: str,
        document: Mapping[str, Any],
        refused: Refused | None = None,
    ) -> Response:
        said = None if refused is None else {"slug": refused.slug, "title": refused.title, "advice": refused.advice}
        status = 200 if refused is None else refused.status
        answer = self._renderer.answer(
            request, language, template, dict(document) | {"refused": said}, status, private=True
        )
        if refused is not None:
            answer.headers.update(refused.headers)
        return answer

    async def _form(self, request: Request) -> _Form:
        """A form, counted against the address it came from before anything is done with it."""
        self._count(request)
        return _Form(await read_form(request))

    def _count(self, request: Request) -> None:
        self._throttle.take(request)

    async def _answer_of_passkey(self, request: Request) -> dict[str, str]:
        """What a page's script sends for a passkey: an object of texts."""
        self._count(request)
        require_same_origin(request)
        try:
            document = orjson.loads(await bounded_body(request, MAXIMUM_FORM))
        except orjson.JSONDecodeError:
            raise Problem(INVALID, "the script sends JSON") from None
        if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
            raise Problem(INVALID, "the script sends an object of texts")
        return document

    @staticmethod
    def _label(request: Request) -> str:
        return agent_label(request.headers.get("user-agent", "")[:500])

    def _opened(self, request: Request, language: Language, opened: Opened, target: str) -> Response:
        """A session has begun: new recovery codes are shown once, else on to where the reader was going."""
        if opened.recovery_codes:
            document = {"codes": list(opened.recovery_codes), "next": target}
            answer = self._show(request, language, "people_recovery_codes.html", document)
        else:
            answer = RedirectResponse(target, 303, {"Cache-Control": "no-store"})
        self._who.remember(answer, opened.token)
        return answer

    @staticmethod
    def _go(location: str) -> Response:
        return RedirectResponse(location, 303, {"Cache-Control": "no-store"})

    def _providers(self) -> list[dict[str, str]]:
        return [{"id": name, "name": found.settings.name} for name, found in self._people.providers.items()]

    @staticmethod
    def _enrolment(enrolment: Enrolment) -> dict[str, Any]:
        code = segno.make(enrolment.address, error="m").svg_data_uri(scale=4, border=2, dark="#0f252d", light="#fff")
        grouped = " ".join(enrolment.secret[at : at + 4] for at in range(0, len(enrolment.secret), 4))
        return {"step": enrolment.step, "secret": grouped, "picture": code}

    # Logging in and out.

    async def log_in(
        self,
        request: Request,
        language: Language,
        next: Annotated[str | None, Query(max_length=2000)] = None,  # noqa: A002 - the name in the address
        again: Annotated[bool, Query()] = False,
        unsent: Annotated[bool, Query()] = False,
    ) -> Response:
        """The form; of whoever comes from a write that was not done, with that said."""
        return self._log_in_page(request, language, next, again=again, unsent=unsent)

    def _log_in_page(
        self,
        request: Request,
        language: Language,
        target: str | None,
        refused: Refused | None = None,
        *,
        address: str = "",
        again: bool = False,
        unsent: bool = False,
    ) -> Response:
        target = local_target(target, f"/{language}/account")
        if target[1:3] in LANGUAGES and target[3:4] == "/":  # whoever changes the language here goes on in it
            target = f"/{language}{target[3:]}"
        document: dict[str, Any] = {"next": target, "again": again, "unsent": unsent}
        document |= {"address": address, "providers": self._providers()}
        return self._show(request, language, "people_log_in.html", document, refused)

    async def log_in_with_password(self, request: Request, language: Language) -> Response:
        """Address and password."""
        form = await self._form(request)
        target = local_target(form.text("next"), f"/{language}/account")
        try:
            step = await asyncio.to_thread(self._people.begin_log_in, form.text("address"), form.text("password"))
        except Refused as refused:
            return self._log_in_page(request, language, target, refused, address=form.text("address")[:254])
        return self._show(request, language, "people_second_factor.html", {"next": target, "step": step})

    async def second_factor(self, request: Request, language: Language) -> Response:
        """The code of the application, or a recovery code."""
        form = await self._form(request)
        target = local_target(form.text("next"), f"/{language}/account")
        step = form.text("step")[:100]
        try:
            opened = await asyncio.to_thread(
                self._people.finish_log_in, step, form.text("code"), self._label(request), self._who.token(request)
            )
        except Refused as refused:
            if isinstance(refused, StaleStep):
                return self._log_in_page(request, language, target, refused)
            return self._show(request, language, "people_second_factor.html", {"next": target, "step": step}, refused)
        return self._opened(request, language, opened, target)

    async def passkey_options(self, request: Request, language: Language) -> Response:
        """What the browser asks the passkey."""
        del language
        await self._answer_of_passkey(request)
        options, step = await asyncio.to_thread(self._people.passkey_options)
        return JSONResponse({"options": orjson.loads(options), "step": step}, headers={"Cache-Control": "no-store"})

    async def log_in_with_passkey(self, request: Request, language: Language) -> Response:
        """What the passkey answered."""
        sent = await self._answer_of_passkey(request)
        target = local_target(sent.get("next"), f"/{language}/account")
        opened = await asyncio.to_thread(
            self._people.log_in_with_passkey,
            sent.get("step", ""),
            sent.get("answer", ""),
            self._label(request),
            self._who.token(request),
        )
        answer = JSONResponse({"location": target}, headers={"Cache-Control": "no-store"})
        self._who.remember(answer, opened.token)
        return answer

    async def log_out(self, request: Request, language: Language) -> Response:
        """End this session."""
        await self._form(request)
        await asyncio.to_thread(self._people.log_out, await self._who.actor(request))
        answer = self._go(f"/{language}/")
        self._who.forget(answer)
        answer.headers["Clear-Site-Data"] = '"cache"'
        return answer

    # Identity providers.

    async def depart(
        self,
        request: Request,
        language: Language,
        provider: str,
        next: Annotated[str | None, Query(max_length=2000)] = None,  # noqa: A002 - the name in the address
    ) -> Response:
        """Go to a provider to log in. A link and not a form: our content policy keeps forms on this site."""
        self._count(request)
        target = local_target(next, f"/{language}/account")
        location, binding = await asyncio.to_thread(self._people.depart, provider, language, target)
        return self._departed(location, binding)

    def _departed(self, location: str, binding: str) -> Response:
        answer = self._go(location)
        self._who.remember(answer, binding, _PROVIDER_COOKIE, int(rules.STEP_LIFE.total_seconds()))
        return answer

    async def link(self, request: Request, language: Language, provider: str) -> Response:
        """Go to a provider that shall vouch for oneself from now on; only from our own page."""
        site = request.headers.get("sec-fetch-site", "none")
        actor = await self._self(request, rules.ACCOUNT_CHANGE)
        if site != "same-origin":
            raise Problem(INVALID, "a provider is linked from the page of one's account")
        location, binding = await asyncio.to_thread(
            lambda: self._people.depart(provider, language, f"/{language}/account?done=linked", actor=actor)
        )
        return self._departed(location, binding)

    async def arrive(self, request: Request) -> Response:
        """Back from a provider."""
        self._count(request)
        answer = {name: value[:4000] for name, value in request.query_params.items()}
        binding = request.cookies.get(f"{self._who.cookie}{_PROVIDER_COOKIE}", "")
        returned = await asyncio.to_thread(
            self._people.return_from_provider, answer, binding, self._label(request), self._who.token(request)
        )
        if returned.opened is None:
            page = self._go(returned.target)
        else:
            page = self._opened(request, returned.language, returned.opened, returned.target)
        self._who.forget(page, _PROVIDER_COOKIE)
        return page

    # Joining.

    async def join(self, request: Request, language: Language) -> Response:
        """The form of an invitation."""
        actor = await self._who.actor(request)
        document = {"code": "", "address": "", "name": "", "reader": actor.name, "providers": self._providers()}
        return self._show(request, language, "people_join.html", document)

    async def join_with_password(self, request: Request, language: Language) -> Response:
        """Code, address, name and password; or the code alone from somebody who is logged in."""
        form = await self._form(request)
        actor = await self._who.actor(request)
        code, address, name = form.text("code")[:100], form.text("address")[:254], form.text("name")[:200]
        document: dict[str, Any] = {"code": code, "address": address, "name": name, "reader": actor.name}
        document |= {"providers": self._providers()}
        try:
            if form.text("way") == "accept":
                organisation = await asyncio.to_thread(self._people.accept, actor, code)
                return self._go(f"/{language}/account?done=joined#{quote(organisation)}")
            if form.text("way").startswith("provider:"):
                provider, target = form.text("way").partition(":")[2], f"/{language}/account?done=joined"
                location, binding = await asyncio.to_thread(
                    lambda: self._people.depart(provider, language, target, code=code)
                )
                # A page of ours with a link: the content policy lets no form lead to another site.
                away = self._show(request, language, "people_leave.html", {"location": location})
                self._who.remember(away, binding, _PROVIDER_COOKIE, int(rules.STEP_LIFE.total_seconds()))
                return away
            enrolment = await asyncio.to_thread(
                self._people.join_with_password, code, address, name, form.text("password"), language
            )
        except Refused as refused:
            return self._show(request, language, "people_join.html", document, refused)
        document = self._enrolment(enrolment) | {"action": f"/{language}/join/code"}
        return self._show(request, language, "people_authenticator.html", document)

    async def finish_join(self, request: Request, language: Language) -> Response:
        """The first code of the application."""
        form = await self._form(request)
        step = form.text("step")[:100]
        try:
            opened = await asyncio.to_thread(
                self._people.finish_join, step, form.text("code"), self._label(request), self._who.token(request)
            )
        except Refused as refused:
            return await self._enrol_again(request, language, step, f"/{language}/join/code", refused)
        return self._opened(request, language, opened, f"/{language}/account?done=joined")

    async def _enrol_again(
        self, request: Request, language: Language, step: str, action: str, refused: Refused
    ) -> Response:
        """The picture again, as long as the step is open."""
        enrolment = await asyncio.to_thread(self._people.enrolment, step)
        document = self._enrolment(enrolment) | {"action": action}
        return self._show(request, language, "people_authenticator.html", document, refused)

    async def join_passkey_options(self, request: Request, language: Language) -> Response:
        """What a newcomer's browser asks for a new passkey."""
        sent = await self._answer_of_passkey(request)
        options, step = await asyncio.to_thread(
            self._people.join_passkey_options,
            sent.get("code", ""), sent.get("address", ""), sent.get("name", ""), language,
        )  # fmt: skip
        return JSONResponse({"options": orjson.loads(options), "step": step}, headers={"Cache-Control": "no-store"})

    async def join_with_passkey(self, request: Request, language: Language) -> Response:
        """The new passkey, sent by a form so that recovery codes can be shown."""
        form = await self._form(request)
        opened = await asyncio.to_thread(
            self._people.join_with_passkey,
            form.text("step"), form.text("answer"), self._label(request), self._who.token(request),
        )  # fmt: skip
        return self._opened(request, language, opened, f"/{language}/account?done=joined")

    # Forgotten passwords and changed addresses.

    async def forgot(self, request: Request, language: Language) -> Response:
        """The form."""
        return self._show(request, language, "people_forgot.html", {"sent": False})

    async def ask_new_password(self, request: Request, language: Language) -> Response:
        """The same answer, whether or not there is an account."""
        form = await self._form(request)
        await asyncio.to_thread(self._people.ask_new_password, form.text("address"))
        return self._show(request, language, "people_forgot.html", {"sent": True})

    async def reset(self, request: Request, language: Language) -> Response:
        """The form."""
        return self._show(request, language, "people_reset.html", {"code": "", "done": False})

    async def set_new_password(self, request: Request, language: Language) -> Response:
        """Code and password."""
        form = await self._form(request)
        code = form.text("code")[:100]
        try:
            await asyncio.to_thread(self._people.set_new_password, code, form.text("password"))
        except Refused as refused:
            return self._show(request, language, "people_reset.html", {"code": code, "done": False}, refused)
        return self._show(request, language, "people_reset.html", {"code": "", "done": True})

    async def confirm(self, request: Request, language: Language) -> Response:
        """The form."""
        return self._show(request, language, "people_confirm.html", {"outcome": None})

    async def confirm_address(self, request: Request, language: Language) -> Response:
        """A code from either letter."""
        form = await self._form(request)
        try:
            changed = await asyncio.to_thread(self._people.confirm_address, form.text("code"))
        except Refused as refused:
            return self._show(request, language, "people_confirm.html", {"outcome": None}, refused)
        outcome = {"outcome": "changed" if changed else "kept"}
        return self._show(request, language, "people_confirm.html", outcome)

    # One's account.

    async def _self(self, request: Request, action: Action) -> Actor:
        actor = await self._who.enter(request)
        return await self._who.enter_for(request, action, Target("person", actor.person or ""))

    async def account(
        self, request: Request, language: Language, done: Annotated[str | None, Query(max_length=40)] = None
    ) -> Response:
        """Everything about oneself."""
        return await self._account(request, language, await self._who.enter(request), done)

    async def _account(
        self, request: Request, language: Language, actor: Actor, done: str | None, refused: Refused | None = None
    ) -> Response:
        account = await asyncio.to_thread(self._people.account, actor)
        profile = account.person.profile
        organisations: dict[str, list[str]] = {}
        for grant in account.roles:
            organisations.setdefault(grant.organisation, []).append(grant.role.value)
        document = {
            "id": account.person.id,
            "name": profile.name,
            "address": profile.address,
            "written_in": profile.language,
            "has_password": account.person.has_password,
            "has_authenticator": account.person.has_authenticator,
            "recovery_codes": account.recovery_codes,
            "organisations": [{"id": name, "roles": roles} for name, roles in organisations.items()],
            "called": await asyncio.to_thread(self._people.called, list(organisations)),
            "office": OFFICE,
            "sessions": [
                {
                    "id": found.id,
                    "label": found.label,
                    "kind": found.kind.value,
                    "begun": found.created,
                    "seen": found.seen,
                    "current": found.id == actor.session,
                }
                for found in account.sessions
            ],
            "passkeys": [
                {"id": key.id, "label": key.label, "added": key.created, "used": key.used} for key in account.passkeys
            ],
            "identities": [{"provider": name, "linked": since} for name, since in account.identities],
            "providers": self._providers(),
            "form": new_code(),
            "done": done if done in _DONE else None,
        }
        return self._show(request, language, "people_account.html", document, refused)

    async def _change(self, request: Request, language: Language, done: str, change: Any) -> Response:
        """One change to one's account: then the page again, with what was done or what is wrong."""
        actor = await self._self(request, rules.ACCOUNT_CHANGE)
        form = await self._form(request)
        try:
            await asyncio.to_thread(change, actor, form)
        except Refused as refused:
            return await self._account(request, language, actor, None, refused)
        return self._go(f"/{language}/account?done={done}")

    async def change_name(self, request: Request, language: Language) -> Response:
        """Name and language of letters."""

        def change(actor: Actor, form: _Form) -> None:
            self._people.change_name(actor, form.text("name"), "fr" if form.text("written_in") == "fr" else "en")

        return await self._change(request, language, "name", change)

    async def change_password(self, request: Request, language: Language) -> Response:
        """Old and new password."""

        def change(actor: Actor, form: _Form) -> None:
            self._people.change_password(actor, form.text("old"), form.text("new"))

        return await self._change(request, language, "password", change)

    async def change_address(self, request: Request, language: Language) -> Response:
        """A new address, which must confirm."""

        def change(actor: Actor, form: _Form) -> None:
            self._people.ask_new_address(actor, form.text("address"))

        return await self._change(request, language, "address", change)

    async def remove_passkey(self, request: Request, language: Language, passkey: str) -> Response:
        """One passkey less."""
        return await self._change(
            request, language, "removed", lambda actor, _form: self._people.remove_passkey(actor, passkey)
        )

    async def remove_identity(self, request: Request, language: Language, provider: str) -> Response:
        """A provider vouches no longer."""
        return await self._change(
            request, language, "unlinked", lambda actor, _form: self._people.remove_identity(actor, provider)
        )

    async def authenticator(self, request: Request, language: Language) -> Response:
        """A new secret, as a picture."""
        actor = await self._self(request, rules.ACCOUNT_CHANGE)
        await self._form(request)
        enrolment = await asyncio.to_thread(self._people.begin_authenticator, actor)
        document = self._enrolment(enrolment) | {"action": f"/{language}/account/authenticator/code"}
        return self._show(request, language, "people_authenticator.html", document)

    async def finish_authenticator(self, request: Request, language: Language) -> Response:
        """The first code of the new application."""
        actor = await self._self(request, rules.ACCOUNT_CHANGE)
        form = await self._form(request)
        step = form.text("step")[:100]
        try:
            await asyncio.to_thread(self._people.finish_authenticator, actor, step, form.text("code"))
        except Refused as refused:
            action = f"/{language}/account/authenticator/code"
            return await self._enrol_again(request, language, step, action, refused)
        return self._go(f"/{language}/account?done=authenticator")

    async def recovery_codes(self, request: Request, language: Language) -> Response:
        """Ten new ones, shown this once."""
        actor = await self._self(request, rules.ACCOUNT_CHANGE)
        form = await self._form(request)
        try:
            codes = await asyncio.to_thread(self._people.renew_recovery_codes, actor, form.number())
        except Refused as refused:
            return await self._account(request, language, actor, None, refused)
        document = {"codes": list(codes), "next": f"/{language}/account"}
        return self._show(request, language, "people_recovery_codes.html", document)

    async def add_passkey_options(self, request: Request, language: Language) -> Response:
        """What one's browser asks for a new passkey."""
        del language
        actor = await self._who.actor(request)
        await self._answer_of_passkey(request)
        options, step = await asyncio.to_thread(self._people.add_passkey_options, actor)
        return JSONResponse({"options": orjson.loads(options), "step": step}, headers={"Cache-Control": "no-store"})

    async def add_passkey(self, request: Request, language: Language) -> Response:
        """The new passkey."""

        def change(actor: Actor, form: _Form) -> None:
            label = " ".join(form.text("label").split()) or self._label(request)
            self._people.add_passkey(actor, form.text("step"), form.text("answer"), label)

        return await self._change(request, language, "passkey", change)

    async def end_session(self, request: Request, language: Language, session: str) -> Response:
        """End one of one's sessions."""
        actor = await self._self(request, rules.SESSION_END)
        await self._form(request)
        await asyncio.to_thread(self._people.end_session, actor, session)
        return self._go(f"/{language}/account?done=ended")

    async def end_sessions(self, request: Request, language: Language) -> Response:
        """Log out everywhere."""
        actor = await self._self(request, rules.SESSION_END)
        await self._form(request)
        await asyncio.to_thread(self._people.end_sessions, actor)
        answer = self._go(f"/{language}/log-in")
        self._who.forget(answer)
        return answer

    async def export(self, request: Request, language: Language) -> Response:
        """Everything kept about oneself, as a file."""
        del language
        actor = await self._self(request, rules.ACCOUNT_EXPORT)
        await self._form(request)
        document = await asyncio.to_thread(self._people.export, actor)
        headers = {"Content-Disposition": 'attachment; filename="maillon-person.json"', "Cache-Control": "no-store"}
        body = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        return Response(body, 200, headers, "application/json")

    async def erase(self, request: Request, language: Language) -> Response:
        """Forget oneself, once the box says so."""
        actor = await self._self(request, rules.ACCOUNT_ERASE)
        form = await self._form(request)
        if form.text("sure") != "yes":
            return self._go(f"/{language}/account#erase")
        await asyncio.to_thread(self._people.erase, actor)
        answer = self._go(f"/{language}/")
        self._who.forget(answer)
        return answer

    async def device(self, request: Request, language: Language) -> Response:
        """The form for the code a command line shows."""
        await self._self(request, rules.SESSION_ALLOW)
        return self._show(request, language, "people_device.html", {"code": "", "label": None, "done": False})

    async def allow_device(self, request: Request, language: Language) -> Response:
        """First which command line it is, then whether to log it in."""
        actor = await self._self(request, rules.SESSION_ALLOW)
        form = await self._form(request)
        code = form.text("code")[:20]
        document: dict[str, Any] = {"code": code, "label": None, "done": False}
        try:
            if form.text("sure") != "yes":
                document["label"] = await asyncio.to_thread(self._people.device_label, code)
            else:
                document["label"] = await asyncio.to_thread(self._people.allow_device, actor, code)
                document["done"] = True
        except Refused as refused:
            return self._show(request, language, "people_device.html", document, refused)
        return self._show(request, language, "people_device.html", document)

    # An organisation.

    async def people(  # noqa: PLR0917 - the parts of an address
        self,
        request: Request,
        language: Language,
        organisation: str,
        done: Annotated[str | None, Query(max_length=40)] = None,
        q: Annotated[str, Query(max_length=200)] = "",
        after: Annotated[str | None, Query(max_length=MAXIMUM_CURSOR)] = None,
    ) -> Response:
        """Its people and invitations."""
        actor = await self._who.enter_for(request, rules.PEOPLE_READ, Target("organisation", organisation))
        return await self._people_page(request, language, organisation, actor, done, query=q, after=after)

    async def _people_page(  # noqa: PLR0917 - the members of an answer
        self,
        request: Request,
        language: Language,
        organisation: str,
        actor: Actor,
        done: str | None,
        refused: Refused | None = None,
        *,
        query: str = "",
        after: str | None = None,
    ) -> Response:
        page = await asyncio.to_thread(self._people.people_of, actor, organisation, query, after)
        invitations, open_ones = await asyncio.to_thread(self._people.open_invitations_of, actor, organisation)
        document = {
            "organisation": organisation,
            "called": await asyncio.to_thread(self._people.called, [organisation]),
            "people_list": [
                {
                    "id": person.id,
                    "name": person.profile.name,
                    "address": person.profile.address,
                    "roles": [grant.role.value for grant in grants],
                    "since": min(grant.granted for grant in grants),
                    "self": person.id == actor.person,
                }
                for person, grants in page.people
            ],
            "total": page.total,
            "query": query,
            "after": after,
            "next": page.next,
            "invitations": [
                {"id": sent.id, "address": sent.address, "roles": sorted(sent.roles), "expires": sent.expires}
                for sent in invitations
            ],
            "more_invitations": open_ones - len(invitations),
            "roles": [role.value for role in Role],
            "sections": self._who.sections(actor, organisation),
            "done": done if done in _DONE else None,
        }
        return self._show(request, language, "people_organisation.html", document, refused)

    async def _change_organisation(  # noqa: PLR0917 - the members of a change
        self, request: Request, language: Language, organisation: str, action: Action, done: str, change: Any
    ) -> Response:
        actor = await self._who.enter_for(request, action, Target("organisation", organisation))
        form = await self._form(request)
        try:
            await asyncio.to_thread(change, actor, form)
        except Refused as refused:
            return await self._people_page(request, language, organisation, actor, None, refused)
        return self._go(f"/{language}/organisations/{quote(organisation)}/people?done={done}")

    async def invite(self, request: Request, language: Language, organisation: str) -> Response:
        """Invite somebody."""

        def change(actor: Actor, form: _Form) -> None:
            written_in: Language = "fr" if form.text("written_in") == "fr" else "en"
            self._people.invite(actor, organisation, form.text("address"), form.texts("role"), written_in)

        return await self._change_organisation(request, language, organisation, rules.PEOPLE_INVITE, "invited", change)

    async def revoke_invitation(
        self, request: Request, language: Language, organisation: str, invitation: str
    ) -> Response:
        """Withdraw an invitation."""

        def change(actor: Actor, _form: _Form) -> None:
            self._people.revoke_invitation(actor, organisation, invitation)

        return await self._change_organisation(request, language, organisation, rules.PEOPLE_INVITE, "revoked", change)

    async def change_roles(self, request: Request, language: Language, organisation: str, person: str) -> Response:
        """Give and take roles."""

        def change(actor: Actor, form: _Form) -> None:
            self._people.change_roles(actor, organisation, person, form.texts("role"))

        return await self._change_organisation(request, language, organisation, rules.PEOPLE_CHANGE, "roles", change)

    async def keys(
        self,
        request: Request,
        language: Language,
        organisation: str,
        after: Annotated[str | None, Query(max_length=40)] = None,
    ) -> Response:
        """Its API keys."""
        actor = await self._who.enter_for(request, rules.KEY_READ, Target("organisation", organisation))
        return await self._keys_page(request, language, organisation, actor, after=after)

    async def _keys_page(  # noqa: PLR0917 - the members of an answer
        self,
        request: Request,
        language: Language,
        organisation: str,
        actor: Actor,
        made: tuple[str, str] | None = None,
        refused: Refused | None = None,
        *,
        after: str | None = None,
        typed: _Form | None = None,
    ) -> Response:
        found = await asyncio.to_thread(self._people.keys_of, actor, organisation, after, PAGE + 1)
        now = self._clock.now()
        document = {
            "organisation": organisation,
            "called": await asyncio.to_thread(self._people.called, [organisation]),
            "keys": [
                {
                    "id": key.id,
                    "name": key.subject,
                    "scopes": sorted(key.scopes),
                    "created": key.created,
                    "expires": key.expires,
                    "used": key.last_used,
                    "revoked": key.revoked,
                    "in_force": key.revoked is None and (key.expires is None or key.expires > now),
                }
                for key in found[:PAGE]
            ],
            "after": after,
            "next": found[PAGE - 1].id if len(found) > PAGE else None,
            "scopes": list(ORGANISATION_SCOPES),
            "sections": self._who.sections(actor, organisation),
            "made": None if made is None else {"id": made[0], "key": made[1]},
            "form": new_code(),
            "typed": {
                "name": "" if typed is None else typed.text("name")[:MAXIMUM_KEY_NAME],
                "days": "365" if typed is None else typed.text("days")[:9],
                "scopes": ORGANISATION_SCOPES[:1] if typed is None else typed.texts("scope"),
            },
        }
        return self._show(request, language, "people_keys.html", document, refused)

    async def change_key(
        self, request: Request, language: Language, organisation: str, key: str = "", deed: str = ""
    ) -> Response:
        """Make, rotate or revoke a key. A new key is shown this once, hence no redirection, and is made once."""
        actor = await self._who.enter_for(request, rules.KEY_CHANGE, Target("organisation", organisation))
        form = await self._form(request)
        made = None
        try:
            if deed == "revocation":
                await asyncio.to_thread(self._people.revoke_key, actor, organisation, key)
            elif deed == "rotation":
                days = datetime.timedelta(days=min(form.days() or 0, 90))
                made = await asyncio.to_thread(self._people.rotate_key, actor, organisation, key, days, form.number())
            else:
                made = await asyncio.to_thread(
                    self._people.make_key,
                    actor, organisation, form.text("name"), form.texts("scope"), form.days(), form.number(),
                )  # fmt: skip
        except Refused as refused:
            typed = None if deed else form
            return await self._keys_page(request, language, organisation, actor, None, refused, typed=typed)
        if made is None:
            return self._go(f"/{language}/organisations/{quote(organisation)}/keys")
        return await self._keys_page(request, language, organisation, actor, made)

    async def rotate_key(self, request: Request, language: Language, organisation: str, key: str) -> Response:
        """Make the successor of a key."""
        return await self.change_key(request, language, organisation, key, "rotation")

    async def revoke_key(self, request: Request, language: Language, organisation: str, key: str) -> Response:
        """Make a key worthless."""
        return await self.change_key(request, language, organisation, key, "revocation")

    async def make_key(self, request: Request, language: Language, organisation: str) -> Response:
        """Make a key."""
        return await self.change_key(request, language, organisation)

    async def trail(  # noqa: PLR0917 - the parts of an address
        self,
        request: Request,
        language: Language,
        organisation: str,
        before: _Before = None,
        documents: _Before = None,
        instance: _Before = None,
    ) -> Response:
        """What was done, and what of it was notarised; each of the three lists goes on alone."""
        actor = await self._who.enter_for(request, rules.TRAIL_READ, Target("organisation", organisation))
        of_instance = organisation == OFFICE and self._people.decide(actor, rules.INSTANCE_OPERATE, _INSTANCE).allowed
        lists = {"deeds": before, "documents": documents} | ({"instance": instance} if of_instance else {})
        shown = [name for name, place in lists.items() if place is not None][:1] or list(lists)
        deeds, names = await asyncio.to_thread(self._people.trail_of, actor, organisation, before)
        document = {
            "organisation": organisation,
            "called": await asyncio.to_thread(self._people.called, [organisation, *_others(deeds)]),
            "deeds": [
                {
                    "number": number,
                    "time": deed.time,
                    "tag": deed.tag,
                    "actor": deed.actor,
                    "name": names.get(deed.actor),
                    "detail": deed.detail,
                    "about": about(deed, names),
                }
                for number, deed in deeds
            ],
            "next": deeds[-1][0] if len(deeds) == DEEDS else None,
            "before": before,
            "shown": shown,
            "sections": self._who.sections(actor, organisation),
            "documents": None,
            "instance": None,
        }
        for name, of, place in (("documents", organisation, documents), ("instance", None, instance)):
            if name in shown:
                document[name] = await asyncio.to_thread(self._documents, actor, of, place)
        return self._show(request, language, "people_trail.html", document)

    def _documents(self, actor: Actor, organisation: str | None, before: int | None) -> dict[str, Any]:
        """Documents of a trail, newest first, below one, and where they are."""
        place = "/v1/audit/documents" if organisation is None else f"/v1/organisations/{organisation}/audit/documents"
        found = self._people.documents_of(actor, organisation, before, DOCUMENTS + 1)
        return {
            "before": before,
            "next": found[DOCUMENTS - 1].first if len(found) > DOCUMENTS else None,
            "items": [
                {"day": one.day, "deeds": one.count, "entry": one.entry, "address": f"{place}/{one.first}"}
                for one in found[:DOCUMENTS]
            ],
        }

    async def explain(
        self,
        request: Request,
        language: Language,
        subject: Annotated[str, Query(max_length=100)] = "",
        action: Annotated[str, Query(max_length=100)] = "",
        target: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        """Why somebody may, or may not: of oneself, or of whoever acts on an organisation one administers."""
        actor = await self._who.enter(request)
        document: dict[str, Any] = {
            "subject": subject,
            "own_account": actor.tag,
            "action": action,
            "target": target,
            "actions": [{"name": one.name, "meaning": one.meaning, "on": one.on} for one in rules.ACTIONS.values()],
            "organisations": sorted(actor.roles),
            "called": await asyncio.to_thread(self._people.called, sorted(actor.roles)),
            "decision": None,
        }
        if not action:
            return self._show(request, language, "people_explain.html", document)
        try:
            asked = await asyncio.to_thread(self._people.subject_of, actor, subject, target)
            known_as = actor.name if asked == actor.tag else ""
            decision = await asyncio.to_thread(self._people.explain, asked, action, target, known_as, actor)
        except Refused as refused:
            return self._show(request, language, "people_explain.html", document, refused)
        document["decision"] = {"allowed": decision.allowed} | decision.document()
        return self._show(request, language, "people_explain.html", document)


def pages(
    people: PeopleService, recognition: Recognition, renderer: Renderer, clock: Clock, a_minute: int
) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False, route_class=EnteringRoute)
    page = _Pages(people, recognition, renderer, clock, a_minute)
    organisation = "/{language}/organisations/{organisation}"
    # "/log-in/callback" has no language: it is registered with each provider, once.
    router.add_api_route("/log-in/callback", page.arrive, methods=["GET"])
    for path, reading in (
        ("log-in", page.log_in), ("log-in/with/{provider}", page.depart), ("join", page.join),
        ("forgot", page.forgot), ("reset", page.reset), ("confirm", page.confirm), ("account", page.account),
        ("account/providers/{provider}", page.link), ("device", page.device), ("explain", page.explain),
    ):  # fmt: skip
        router.add_api_route(f"/{{language}}/{path}", reading, methods=["GET"])
    for path, writing in (
        ("log-in", page.log_in_with_password), ("log-in/code", page.second_factor),
        ("log-in/passkey", page.passkey_options), ("log-in/passkey/answer", page.log_in_with_passkey),
        ("log-out", page.log_out), ("join", page.join_with_password), ("join/code", page.finish_join),
        ("join/passkey", page.join_passkey_options), ("join/passkey/answer", page.join_with_passkey),
        ("forgot", page.ask_new_password), ("reset", page.set_new_password), ("confirm", page.confirm_address),
        ("account/name", page.change_name), ("account/password", page.change_password),
        ("account/address", page.change_address), ("account/authenticator", page.authenticator),
        ("account/authenticator/code", page.finish_authenticator), ("account/recovery-codes", page.recovery_codes),
        ("account/passkeys", page.add_passkey_options), ("account/passkeys/answer", page.add_passkey),
        ("account/passkeys/{passkey}/removal", page.remove_passkey),
        ("account/providers/{provider}/removal", page.remove_identity),
        ("account/sessions/end", page.end_sessions), ("account/sessions/{session}/end", page.end_session),
        ("account/export", page.export), ("account/erasure", page.erase), ("device", page.allow_device),
    ):  # fmt: skip
        router.add_api_route(f"/{{language}}/{path}", writing, methods=["POST"])
    for path, method, endpoint in (
        ("people", "GET", page.people), ("people/{person}/roles", "POST", page.change_roles),
        ("invitations", "POST", page.invite), ("invitations/{invitation}/revocation", "POST", page.revoke_invitation),
        ("keys", "GET", page.keys), ("keys", "POST", page.make_key),
        ("keys/{key}/rotation", "POST", page.rotate_key), ("keys/{key}/revocation", "POST", page.revoke_key),
        ("trail", "GET", page.trail),
    ):  # fmt: skip
        router.add_api_route(f"{organisation}/{path}", endpoint, methods=[method])
    return router
