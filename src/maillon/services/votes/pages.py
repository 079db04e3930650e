# SPDX-License-Identifier: Apache-2.0
"""The pages of votes: the list, a proposal, what one is about to sign, proposing, proxies, the rules, the recount.

Nothing is signed by following a link: a page says in words what would be signed, and then a wallet, a command line or a
form of this very site does it. Pages are read by everybody, since votes are open; feeds and a calendar stand beside.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from maillon.kit.countries import country_names
from maillon.kit.entity_tags import known_again
from maillon.kit.forms import read_form
from maillon.kit.language import Language
from maillon.kit.page import SECURITY_HEADERS, Renderer
from maillon.kit.problems import FORBIDDEN, Problem
from maillon.ledger.acts import prepared_document
from maillon.services.people import EnteringRoute, LogInFirst
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
    execution_document,
    involved,
    listed_document,
    named,
    own_document,
    proposal_document,
    proxy_document,
    register_of,
    rehearsal_document,
    said_document,
    statutes_document,
    unread_of,
    words_for,
)
from maillon.services.votes.errors import (
    InvalidAct,
    InvalidPosition,
    InvalidProxy,
    InvalidText,
    Refused,
    RefusedByLaw,
    UnknownProposal,
    UnknownVoter,
    VoteNotOpen,
)
from maillon.services.votes.feeds import atom, calendar
from maillon.services.votes.model import State
from maillon.services.votes.printed import changes_of, result_of, says_of
from maillon.services.votes.service import PAGE, VotesService
from maillon.services.votes.texts import title_of
from maillon.services.votes.words import Words

_FEED = 50
_WITH_COUNTRIES: Final = frozenset({"Admissions.set_rule", "Members.classify"})
"""Acts in whose form a country is chosen."""


def _number(text: str) -> int:
    """A proposal's number in an address; raises `UnknownProposal`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and not text.startswith("0")):
        raise UnknownProposal(f"there is no proposal {text[:40]!r}")
    return int(text)


def choices_of(names: Mapping[int, str] | None, but: int = 0) -> list[dict[str, Any]] | None:
    """Organisations to choose among, without one of them; None of too many, of which one is named by its number."""
    if names is None:
        return None
    return [{"number": number, "legal_name": name} for number, name in names.items() if number != but]


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


_DONE: Final = frozenset({"cast", "proposed", "executed", "failed", "not-open", "given", "revoked", "brake"})
"""What a page says was just done."""


def _proposal_in(text: str) -> ProposeAct | None:
    """The proposal that was to be signed; None for another act, and for none."""
    with contextlib.suppress(InvalidAct):
        act = parse_act(text)
        return act if isinstance(act, ProposeAct) else None
    return None


def _after(act: AnyAct, organisation: int, done: Mapping[str, Any]) -> str:
    """Where whoever signed sees it, below the address of votes, and what is said there."""
    if isinstance(act, ProxyAct):
        return f"/proxies/{organisation}?done=given"
    if isinstance(act, RevokeAct):
        return f"/proxies/{organisation}?done=revoked"
    if isinstance(act, BrakeAct):
        return "?done=brake"
    if isinstance(act, ExecuteAct):
        return f"/{act.proposal}?done={'executed' if done['executed'] else 'failed'}"
    return f"/{done['proposal']}?done={'cast' if isinstance(act, CastAct) else 'proposed'}"


def pages(  # noqa: C901, PLR0915 - one function for each page
    service: VotesService, renderer: Renderer, url: str, network: str, delegates: Delegates | None = None
) -> APIRouter:
    """The routes. `url` is where readers find the portal: what feeds name."""
    router = APIRouter(include_in_schema=False, route_class=EnteringRoute)
    acting = Acting(service)

    async def own(request: Request) -> tuple[list[int], str | None]:
        """The organisations whoever reads may sign for with a key kept here; where to log in, None for who has."""
        if delegates is None:
            return [], None
        return list(await delegates.organisations(request)), await delegates.log_in(request)

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
        done: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        mine, _ = await own(request)
        names = await words_for(service, language, mine)
        found = await listed(language, show, before, PAGE + 1)
        document = {
            "proposals": found[:PAGE],
            "next": found[PAGE - 1]["number"] if len(found) > PAGE else None,
            "show": show,
            "before": before,
            "counts": await service.counts(),
            "unread": await unread_of(service),
            "register_moved_to": register_of(service),
            "mine": [{"number": each, "legal_name": names.organisation(each)} for each in mine],
            "done": done if done in _DONE else "",
        }
        return renderer.answer(request, language, "votes.html", document, private=bool(mine))

    @router.get("/feeds/{language}/votes.atom")
    async def feed(request: Request, language: Language) -> Response:
        title = Words(language).feed_title(network)
        body = atom(await listed(language, "all", None, _FEED), url, language, title, network)
        headers = SECURITY_HEADERS | {"Cache-Control": "no-cache"}
        return known_again(request, body, headers, "application/atom+xml; charset=utf-8")

    @router.get("/feeds/{language}/votes.ics")
    async def dates(request: Request, language: Language) -> Response:
        host = urlsplit(url).hostname or "maillon"
        body = calendar(await listed(language, "all", None, _FEED), url, language, host)
        headers = SECURITY_HEADERS | {"Cache-Control": "no-cache"}
        return known_again(request, body, headers, "text/calendar; charset=utf-8")

    @router.get("/{language}/votes/rules")
    async def rules(request: Request, language: Language) -> Response:
        version, statutes = await service.statutes()
        return renderer.answer(
            request, language, "votes_rules.html", {"statutes": statutes_document(version, statutes, Words(language))}
        )

    @router.get("/{language}/votes/recount")
    async def recount(request: Request, language: Language) -> Response:
        return renderer.answer(request, language, "votes_recount.html", {"url": url.rstrip("/")})

    # What one is about to sign.

    async def signed(
        request: Request,
        language: Language,
        act: AnyAct,
        *,
        giver: int | None = None,
        refused: str | None = None,
        log_in: str | None = None,
    ) -> Response:
        """What is about to be signed.

        `giver` is whose proxy it is, `refused` why the chain did not take it, `log_in` where to do so first.
        """
        prepared, says, more = await acting.prepare(act)
        mine, entrance = await own(request)
        if isinstance(act, ProxyAct):
            # Nobody holds a proxy of their own.
            mine = [each for each in mine if each != act.holder and giver in (None, each)]
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
            "log_in": log_in or entrance,
            "typed": request.method == "POST",
            "refused": refused,
        }
        status = 200 if refused is None and log_in is None else RefusedByLaw.status
        return renderer.answer(request, language, "votes_sign.html", document, status, private=delegates is not None)

    # Proposing.

    async def form_of(
        request: Request, language: Language, typed: Mapping[str, str], refused: Refused | None
    ) -> Response:
        act = typed.get("act", "resolution")
        version, statutes = await service.statutes()
        mine, entrance = await own(request)
        busy = await service.proposing_no_more(mine)
        names = await words_for(service, language, busy)
        usual = forms.usual_kind(act)
        soon = service.now() + statutes.notice + 3600
        typed = {**forms.begin(act, statutes, language), **typed}
        document = {
            "act": act if act in forms.COMMON else "resolution",
            "acts": list(forms.COMMON),
            "organisations": choices_of(await service.organisations(forms.WHO[act]) if act in forms.WHO else {}),
            "fields": [
                {"name": each.name, "kind": each.kind, "group": each.group} for each in forms.COMMON.get(act, ())
            ],
            "usual": usual.word,
            "countries": dict(country_names(language)) if act in _WITH_COUNTRIES else {},
            "typed": dict(typed),
            "refused": None if refused is None else str(refused),
            "refused_field": "text" if isinstance(refused, InvalidText) else getattr(refused, "field", ""),
            "log_in": entrance,
            "delegate": bool(mine) or delegates is None,
            "busy": [{"number": each, "legal_name": names.organisation(each)} for each in busy],
            "statutes": statutes_document(version, statutes, Words(language)),
            "unread": await unread_of(service),
            "register_moved_to": register_of(service),
            "suggested": {
                "opens": forms.local_moment(soon),
                "closes": forms.local_moment(soon + statutes.terms_of(usual).window + 3600),
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
        typed = forms.read_fields(await read_form(request, 4 * forms.MAXIMUM_RAW))
        try:
            calls = forms.parse_calls(typed.get("act", ""), typed, await service.book())
            kind = forms.parse_kind(typed.get("kind", ""), typed.get("act", ""))
            opens = forms.parse_moment(typed.get("opens", ""), "opens")
            closes = forms.parse_moment(typed.get("closes", ""), "closes")
            _, text = await service.prepare_proposal(kind, typed.get("text", ""), calls, opens, closes)
        except Refused as error:
            return await form_of(request, language, typed, error)
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
        done: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        return await vote_page(request, language, _number(name), offset=offset, done=done)

    async def vote_page(
        request: Request,
        language: Language,
        number: int,
        *,
        offset: int = 0,
        done: str = "",
        typed: CastAct | None = None,
        refused: Refused | None = None,
        status: int = 200,
    ) -> Response:
        shown, (said, total), (mine, entrance) = await asyncio.gather(
            service.proposal(number), service.said(number, offset), own(request)
        )
        standing = [(each, await service.ballot(number, each), await service.proxy(number, each)) for each in mine]
        holders = [
            holder
            for _, ballot, proxy in standing
            for holder in (ballot and ballot.ballot.holder, proxy and proxy.holder)
            if holder
        ]
        words = await words_for(service, language, [*involved(shown), *named(said), *mine, *holders])
        own_documents = [own_document(each, ballot, proxy, words) for each, ballot, proxy in standing]
        [chosen] = {each["position"] for each in own_documents} if len(own_documents) == 1 else {None}
        document = {
            "vote": proposal_document(shown, words),
            "title": titled(words, number, shown.title),
            "said": [said_document(each, words) for each in said],
            "said_total": total,
            "offset": offset,
            "page": PAGE,
            "recorded": shown.proposal.closes + 60 <= service.now(),
            "mine": own_documents,
            "log_in": entrance,
            "delegate": bool(mine) or delegates is None,
            "register_moved_to": register_of(service),
            "done": done if done in _DONE else "",
            "typed": {
                "position": chosen if typed is None else typed.position,
                "reason": "" if typed is None else typed.reason,
                "giver": None if typed is None else typed.giver,
            },
            "refused": None if refused is None else {"kind": refused.slug, "detail": str(refused)},
            "law": words.refusal(refused.reason) if isinstance(refused, RefusedByLaw) else None,
        }
        return renderer.answer(request, language, "vote.html", document, status, private=bool(mine))

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
        try:
            return await signed(request, language, asked)
        except (InvalidPosition, InvalidText) as error:
            return await vote_page(request, language, asked.proposal, typed=asked, refused=error, status=error.status)
        except VoteNotOpen:
            return RedirectResponse(f"/{language}/votes/{asked.proposal}?done=not-open", 303)

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
        execution = await service.execution(number)
        kind = forms.parse_kind(written["proposal"]["kind"])
        text = written["proposal"]["text"]
        shown = {
            "record": written,
            "title": titled(words, number, None if text is None else title_of(text)),
            "result": result_of(written, words, execution, service.now()),
            "executed": None if execution is None else execution_document(execution, words),
            "calls": [
                {
                    "target": each["target"],
                    "data": each["data"],
                    "contract": None,
                    "function": None,
                    "arguments": None,
                    "warning": None,
                    "in_words": says_of(each, words),
                    "changes": changes_of(each, words),
                }
                for each in written["proposal"]["calls"]
            ],
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

    async def proxies_page(
        request: Request,
        language: Language,
        organisation: int,
        typed: Mapping[str, str],
        *,
        done: str = "",
        refused: Refused | None = None,
    ) -> Response:
        if not 0 < organisation < MAXIMUM or organisation not in await service.legal_names([organisation]):
            raise UnknownVoter(f"no organisation has the number {organisation}")
        found, members, (mine, entrance) = await asyncio.gather(
            service.proxies(organisation), service.organisations([forms.ACTIVE]), own(request)
        )
        words = await words_for(
            service, language, [organisation, *(each.giver for each in found), *(each.holder for each in found)]
        )
        where = refused.field if isinstance(refused, InvalidProxy) else "proposal"
        document: dict[str, Any] = {
            "organisation": {"number": organisation, "legal_name": words.organisation(organisation)},
            "given": [proxy_document(each, words) for each in found if each.giver == organisation],
            "held": [proxy_document(each, words) for each in found if each.holder == organisation],
            "succession": await service.succession(),
            "members": choices_of(members, but=organisation),
            "votes": [
                {"number": each.row.proposal.number, "title": titled(words, each.row.proposal.number, each.title)}
                for each in await service.proposals("open", limit=2 * PAGE)
            ],
            "delegate": organisation in mine or delegates is None,
            "log_in": entrance,
            "done": done if done in _DONE else "",
            "typed": dict(typed),
            "errors": {} if refused is None else {where: str(refused)},
        }
        status = 200 if refused is None else refused.status
        return renderer.answer(request, language, "votes_proxies.html", document, status, private=bool(mine))

    @router.get("/{language}/votes/proxies/{organisation}")
    async def proxies(
        request: Request,
        language: Language,
        organisation: int,
        proposal: Annotated[str, Query(max_length=20)] = "",
        done: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        return await proxies_page(request, language, organisation, {"proposal": proposal}, done=done)

    @router.get("/{language}/votes/proxies/give/sign")
    async def give(  # noqa: PLR0917 - the fields of the form
        request: Request,
        language: Language,
        giver: Annotated[int | None, Query(ge=1, le=MAXIMUM)] = None,
        holder: Annotated[str, Query(max_length=20)] = "",
        proposal: Annotated[str, Query(max_length=20)] = "",
        until: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        try:
            members: Collection[int] | None = await service.organisations([forms.ACTIVE])
            if members is None:
                members = await service.legal_names([int(holder)]) if holder.isascii() and holder.isdigit() else ()
            number, vote, ends = forms.parse_proxy(giver, holder, proposal, until, members=members, now=service.now())
            asked = ProxyAct(act="give-proxy", holder=number, proposal=vote, until=ends)
            return await signed(request, language, asked, giver=giver)
        except (InvalidProxy, UnknownProposal, VoteNotOpen) as error:
            if giver is None:
                raise
            typed = {"holder": holder, "proposal": proposal, "until": until}
            return await proxies_page(request, language, giver, typed, refused=error)

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
        try:
            actor = await delegates.require(request, organisation)
        except LogInFirst as first:
            proposal = _proposal_in(fields.get("signed", ""))
            if proposal is None:
                raise
            # The text stands on this page alone: it stays here, and whoever signs it logs in beside it.
            return await signed(request, language, proposal, log_in=first.location)
        act = parse_act(fields.get("signed", ""))
        try:
            done = await acting.perform(organisation, act, actor)
        except RefusedByLaw as error:
            if isinstance(act, CastAct | ExecuteAct):
                return await vote_page(request, language, act.proposal, refused=error, status=error.status)
            words = await words_for(service, language, [])
            return await signed(request, language, act, refused=words.refusal(error.reason))
        return RedirectResponse(f"/{language}/votes{_after(act, organisation, done)}", 303)

    return router
