# SPDX-License-Identifier: Apache-2.0
"""The pages of votes: the list, a proposal, what one is about to sign, proposing, proxies, the rules, the recount.

Nothing is signed by following a link: a page says in words what would be signed, and then a wallet, a command line or a
form of this very site does it. Pages are read by everybody, since votes are open; feeds and a calendar stand beside.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from maillon.kit.forms import read_form
from maillon.kit.language import Language
from maillon.kit.page import SECURITY_HEADERS, Renderer
from maillon.kit.problems import FORBIDDEN, Problem
from maillon.ledger.acts import prepared_document
from maillon.services.people import EnteringRoute
from maillon.services.votes import forms
from maillon.services.votes.acting import (
    MAXIMUM,
    Acting,
    AnyAct,
    BrakeAct,
    CastAct,
    Delegates,
    ExecuteAct,
    ProposeAct,
    ProxyAct,
    RawCall,
    RevokeAct,
    parse_act,
    titled,
)
from maillon.services.votes.acts import organisations_of
from maillon.services.votes.documents import (
    cost_document,
    effect_document,
    involved,
    listed_document,
    named,
    proposal_document,
    proxy_document,
    rehearsal_document,
    said_document,
    statutes_document,
    words_for,
)
from maillon.services.votes.errors import Refused, UnknownProposal
from maillon.services.votes.feeds import atom, calendar
from maillon.services.votes.model import State
from maillon.services.votes.printed import result_of
from maillon.services.votes.service import PAGE, VotesService
from maillon.services.votes.texts import title_of
from maillon.services.votes.words import Words

_FEED = 50


def _number(text: str) -> int:
    """A proposal's number in an address; raises `UnknownProposal`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and not text.startswith("0")):
        raise UnknownProposal(f"there is no proposal {text[:40]!r}")
    return int(text)


def _command(act: AnyAct) -> str | None:
    """The same act in the terminal, where that is one line."""
    if isinstance(act, CastAct):
        proxy = f" --for {act.giver}" if act.giver else ""
        return f"maillon votes cast {act.proposal} {act.position}{proxy}"
    if isinstance(act, ExecuteAct):
        return f"maillon votes execute {act.proposal}"
    if isinstance(act, ProxyAct):
        span = f"--proposal {act.proposal}" if act.proposal else f"--until {act.until}"
        return f"maillon votes give-proxy {act.holder} {span}"
    if isinstance(act, RevokeAct):
        return "maillon votes revoke-proxy" + (f" --proposal {act.proposal}" if act.proposal else "")
    return "maillon votes brake" if isinstance(act, BrakeAct) else None


def pages(  # noqa: C901, PLR0915 - one function for each page
    service: VotesService, renderer: Renderer, url: str, network: str, delegates: Delegates | None = None
) -> APIRouter:
    """The routes. `url` is where readers find the portal: what feeds name."""
    router = APIRouter(include_in_schema=False, route_class=EnteringRoute)
    acting = Acting(service)

    async def listed(language: Language, which: str, before: int | None, limit: int) -> list[dict[str, Any]]:
        found = await service.proposals(which, before, limit)
        words = await words_for(service, language, [each.row.proposal.proposer for each in found])
        now = service.now()
        documents = []
        for each in found:
            document = listed_document(each, words)
            document["title"] = titled(words, document["number"], document["title"])
            # What is said of it changed last when it was proposed, opened, closed or executed.
            turns = (document["opens"], document["closes"], each.row.executed_time or 0)
            document["updated"] = max([each.row.time, *(turn for turn in turns if turn <= now)])
            documents.append(document)
        return documents

    @router.get("/{language}/votes")
    async def votes(
        request: Request,
        language: Language,
        show: Annotated[str, Query(pattern="^(open|closed|executed|all)$")] = "open",
        before: Annotated[int | None, Query(ge=1, le=MAXIMUM)] = None,
    ) -> Response:
        found = await listed(language, show, before, PAGE + 1)
        document = {
            "proposals": found[:PAGE],
            "next": found[PAGE - 1]["number"] if len(found) > PAGE else None,
            "show": show,
            "before": before,
            "counts": await service.counts(),
        }
        return renderer.answer(request, language, "votes.html", document)

    @router.get("/feeds/{language}/votes.atom")
    async def feed(language: Language) -> Response:
        title = Words(language).feed_title(network)
        body = atom(await listed(language, "all", None, _FEED), url, language, title, network)
        return Response(body, 200, SECURITY_HEADERS, "application/atom+xml; charset=utf-8")

    @router.get("/feeds/{language}/votes.ics")
    async def dates(language: Language) -> Response:
        host = urlsplit(url).hostname or "maillon"
        body = calendar(await listed(language, "all", None, _FEED), url, language, host, service.now())
        return Response(body, 200, SECURITY_HEADERS, "text/calendar; charset=utf-8")

    @router.get("/{language}/votes/rules")
    async def rules(request: Request, language: Language) -> Response:
        version, statutes = await service.statutes()
        return renderer.answer(
            request, language, "votes_rules.html", {"statutes": statutes_document(version, statutes, Words(language))}
        )

    @router.get("/{language}/votes/recount")
    async def recount(request: Request, language: Language) -> Response:
        return renderer.answer(request, language, "votes_recount.html", {})

    # What one is about to sign.

    async def signed(request: Request, language: Language, act: AnyAct) -> Response:
        prepared, says, more = await acting.prepare(act)
        mine = [] if delegates is None else list(await delegates.organisations(request))
        words = await words_for(service, language, mine)
        calls: list[dict[str, Any]] = []
        prospect: dict[str, Any] = {"rehearsal": None, "cost": None}
        if isinstance(act, ProposeAct):
            effects = await service.effects([call.read() for call in act.calls])
            about = [number for effect in effects for number in organisations_of(effect.act)]
            said = await words_for(service, language, about)
            calls = [effect_document(effect, said) for effect in effects]
            rehearsal, cost = await service.prospect(forms.parse_kind(act.kind), [call.read() for call in act.calls])
            prospect = {
                "rehearsal": rehearsal_document(rehearsal, said) if effects else None,
                "cost": cost_document(cost, effects, said),
            }
        elif isinstance(act, CastAct | ExecuteAct):
            shown = await service.proposal(act.proposal)
            found = proposal_document(shown, await words_for(service, language, involved(shown)))
            calls = found["calls"]
            prospect = {"rehearsal": found["rehearsal"], "cost": found["cost"]}
        number = getattr(act, "proposal", None)
        document = {
            "act": act.act,
            "signed": act.model_dump_json(),
            "proposal": number,
            "calls": calls,
            "prospect": prospect,
            "text": more.get("text"),
            "says": says[language],
            "prepared": prepared_document(prepared, service.chain_id, says),
            "command": _command(act),
            "mine": [{"number": each, "legal_name": words.organisation(each)} for each in mine],
        }
        return renderer.answer(request, language, "votes_sign.html", document, private=delegates is not None)

    # Proposing.

    async def form_of(request: Request, language: Language, typed: Mapping[str, str], refused: str | None) -> Response:
        act = typed.get("act", "resolution")
        version, statutes = await service.statutes()
        soon = service.now() + statutes.notice + 3600
        document = {
            "act": act if act in forms.COMMON else "resolution",
            "acts": list(forms.COMMON),
            "fields": [{"name": each.name, "kind": each.kind} for each in forms.COMMON.get(act, ())],
            "typed": dict(typed),
            "refused": refused,
            "statutes": statutes_document(version, statutes, Words(language)),
            "suggested": {
                "opens": forms.local_moment(soon),
                "closes": forms.local_moment(soon + statutes.terms[0].window + 3600),
            },
        }
        return renderer.answer(request, language, "votes_propose.html", document, 200 if refused is None else 422)

    @router.get("/{language}/votes/propose")
    async def propose(
        request: Request, language: Language, act: Annotated[str, Query(max_length=40)] = "resolution"
    ) -> Response:
        return await form_of(request, language, {"act": act}, None)

    @router.post("/{language}/votes/propose")
    async def proposed(request: Request, language: Language) -> Response:
        typed = {name: values[-1] for name, values in (await read_form(request, 4 * forms.MAXIMUM_RAW)).items()}
        try:
            calls = forms.parse_calls(typed.get("act", ""), typed, await service.book())
            kind = forms.parse_kind(typed.get("kind", ""))
            opens, closes = forms.parse_moment(typed.get("opens", "")), forms.parse_moment(typed.get("closes", ""))
            _, text = await service.prepare_proposal(kind, typed.get("text", ""), calls, opens, closes)
        except Refused as error:
            return await form_of(request, language, typed, str(error))
        act = ProposeAct(
            act="propose",
            kind=kind.word,
            text=text,
            calls=[RawCall(target="0x" + call.target.hex(), data="0x" + call.data.hex()) for call in calls],
            opens=opens,
            closes=closes,
        )
        return await signed(request, language, act)

    # One proposal.

    @router.get("/{language}/votes/{name}")
    async def vote(
        request: Request,
        language: Language,
        name: str,
        offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
    ) -> Response:
        number = _number(name)
        shown, (said, total) = await asyncio.gather(service.proposal(number), service.said(number, offset))
        words = await words_for(service, language, [*involved(shown), *named(said)])
        document = {
            "vote": proposal_document(shown, words),
            "title": titled(words, number, shown.title),
            "said": [said_document(each, words) for each in said],
            "said_total": total,
            "offset": offset,
            "page": PAGE,
            "recorded": shown.proposal.closes + 60 <= service.now(),
        }
        return renderer.answer(request, language, "vote.html", document)

    @router.get("/{language}/votes/{name}/cast")
    async def cast(
        request: Request,
        language: Language,
        name: str,
        *,
        position: Annotated[str, Query(max_length=20)] = "",
        reason: Annotated[str, Query(max_length=1_200)] = "",
        giver: Annotated[int | None, Query(ge=1, le=MAXIMUM)] = None,
    ) -> Response:
        asked = CastAct(act="cast", proposal=_number(name), position=position, reason=reason, giver=giver)
        return await signed(request, language, asked)

    @router.get("/{language}/votes/{name}/record")
    async def record(
        request: Request,
        language: Language,
        name: str,
        offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
    ) -> Response:
        number = _number(name)
        document, entry = await service.record(number)
        written = orjson.loads(document)
        words = Words(language)
        kind = forms.parse_kind(written["proposal"]["kind"])
        text = written["proposal"]["text"]
        shown = {
            "record": written,
            "title": titled(words, number, None if text is None else title_of(text)),
            "result": result_of(written, words),
            "kind_in_words": words.kind(kind),
            "opens_in_words": words.when(written["proposal"]["opens"]),
            "closes_in_words": words.when(written["proposal"]["closes"]),
            "positions": [
                {
                    **each,
                    "holder": each["by_proxy_of"],
                    "in_words": words.position(forms.parse_position(each["position"] or "")),
                    "time_in_words": words.when(each["time"]),
                }
                for each in written["positions"][offset : offset + PAGE]
            ],
            "offset": offset,
            "page": PAGE,
            "digest": hashlib.sha256(document).hexdigest(),
            "entry": entry,
        }
        return renderer.answer(request, language, "votes_record.html", shown)

    @router.get("/{language}/votes/{name}/record.pdf")
    async def printed(language: Language, name: str) -> Response:
        number = _number(name)
        found = await service.printed(number, language)
        headers = SECURITY_HEADERS | {
            "Content-Language": language,
            "Content-Disposition": f'attachment; filename="vote-{number}.record.{language}.pdf"',
        }
        return Response(found, media_type="application/pdf", headers=headers)

    @router.get("/{language}/votes/{name}/execute")
    async def execute(request: Request, language: Language, name: str) -> Response:
        number = _number(name)
        shown = await service.proposal(number)
        if shown.outlook.state is not State.EXECUTABLE:
            return RedirectResponse(f"/{language}/votes/{number}", 303)
        return await signed(request, language, ExecuteAct(act="execute", proposal=number))

    # Proxies.

    @router.get("/{language}/votes/proxies/{organisation}")
    async def proxies(request: Request, language: Language, organisation: int) -> Response:
        if not 0 < organisation < MAXIMUM:
            raise UnknownProposal("organisations are numbered from 1")
        found = await service.proxies(organisation)
        words = await words_for(
            service, language, [organisation, *(each.giver for each in found), *(each.holder for each in found)]
        )
        document: dict[str, Any] = {
            "organisation": {"number": organisation, "legal_name": words.organisation(organisation)},
            "given": [proxy_document(each, words) for each in found if each.giver == organisation],
            "held": [proxy_document(each, words) for each in found if each.holder == organisation],
        }
        return renderer.answer(request, language, "votes_proxies.html", document)

    @router.get("/{language}/votes/proxies/give/sign")
    async def give(
        request: Request,
        language: Language,
        holder: Annotated[int, Query(ge=1, le=MAXIMUM)],
        proposal: Annotated[int, Query(ge=0, le=MAXIMUM)] = 0,
        until: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        ends = 0 if proposal else forms.parse_moment(until)
        asked = ProxyAct(act="give-proxy", holder=holder, proposal=proposal or None, until=ends)
        return await signed(request, language, asked)

    @router.get("/{language}/votes/proxies/revoke/sign")
    async def revoke(
        request: Request, language: Language, proposal: Annotated[int, Query(ge=0, le=MAXIMUM)] = 0
    ) -> Response:
        return await signed(request, language, RevokeAct(act="revoke-proxy", proposal=proposal or None))

    @router.get("/{language}/votes/brake/sign")
    async def brake(request: Request, language: Language) -> Response:
        return await signed(request, language, BrakeAct(act="brake"))

    # Signing with a key kept here.

    @router.post("/{language}/votes/acts")
    async def acted(request: Request, language: Language) -> Response:
        fields = {name: values[-1] for name, values in (await read_form(request, 4 * forms.MAXIMUM_RAW)).items()}
        if delegates is None:
            raise Problem(FORBIDDEN, "this instance keeps no keys of organisations")
        organisation = forms.parse_number("organisation", fields.get("organisation", ""), MAXIMUM)
        actor = await delegates.require(request, organisation)
        done = await acting.perform(organisation, parse_act(fields.get("signed", "")), actor)
        number = done.get("proposal")
        return RedirectResponse(f"/{language}/votes" + (f"/{number}" if number else ""), 303)

    return router
