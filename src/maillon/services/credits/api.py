# SPDX-License-Identifier: Apache-2.0
"""Credits at /v1: the price, every member's credits, one member's, and the faucet of a sandbox.

Amounts are texts of credits in decimals, exact: a balance in wei is larger than the numbers of many JSON readers.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from maillon.kit import problems
from maillon.kit.entity_tags import tagged
from maillon.kit.throttle import Throttle
from maillon.ledger.fees import CREDIT, credits_text
from maillon.services.credits import errors
from maillon.services.credits.errors import CreditsError
from maillon.services.credits.model import TRANSFER_GAS, MemberCredits, MemberView, Overview, Price, Refill
from maillon.services.credits.service import CreditsService

PROBLEMS: Final = tuple(
    problems.register(kind.slug, kind.status, kind.title, kind.advice)
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, CreditsError) and "slug" in vars(kind)
)
"""Every problem type these routes may answer."""
GIFTS_A_MINUTE: Final = 6
"""What one address may ask of the faucet."""
MAXIMUM_NUMBER: Final = 2**63 - 1

_AWAY: Final[dict[int | str, dict[str, Any]]] = {503: {"description": "The ledger does not answer"}}


class GiftRequest(BaseModel):
    """Whom the sandbox gives credits."""

    account: str = Field(max_length=80, description="0x and 40 hexadecimal digits")


def router(service: CreditsService, throttle: Throttle) -> APIRouter:
    """The routes. `throttle` counts gifts by address, at this door and the page's together."""
    made = APIRouter(prefix="/v1/credits", tags=["credits"])

    @made.get("", summary="The price now and at most, the next grant, and members by number", responses=_AWAY)
    async def overview(
        request: Request,
        after: Annotated[int, Query(ge=0, le=MAXIMUM_NUMBER, description="Continue after this member")] = 0,
    ) -> Response:
        return _known(request, overview_document(await service.overview(after)))

    @made.get(
        "/members/{number}",
        summary="One member: what is left, what a day uses, when it refills",
        responses={**_AWAY, 404: {"description": "No active member has this number"}},
    )
    async def member(request: Request, number: Annotated[int, Path(ge=1, le=MAXIMUM_NUMBER)]) -> Response:
        return _known(request, member_document(await service.member(number)))

    @made.post(
        "/faucet",
        summary="Fill an account up to ten credits; a sandbox only",
        responses={
            **_AWAY,
            404: {"description": "This is no sandbox"},
            409: {"description": "The account has enough"},
            429: {"description": "Too many a minute"},
        },
    )
    async def faucet(request: Request, asked: GiftRequest) -> dict[str, Any]:
        throttle.take(request)
        account, given, block = await service.give(asked.account)
        return {"account": account, "given": credits_text(given), "block": block}

    return made


def _known(request: Request, document: dict[str, Any]) -> Response:
    """Known again by all but the moment it was read, which is new each time."""
    return tagged(request, document, like=document | {"read": None})


def gwei_text(wei: int) -> str:
    """A price in gwei per gas, exact."""
    text = format(Decimal(wei) / 10**9, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_document(price: Price) -> dict[str, Any]:
    """Prices, and how many transfers a credit pays at each: a figure people can hold."""
    return {
        "gwei_per_gas": gwei_text(price.now),
        "floor_tip": gwei_text(price.floor_tip),
        "transfers_a_credit": CREDIT // price.transfer,
        "transfer_gas": TRANSFER_GAS,
        "at_most": [
            {
                "blocks": each.blocks,
                "gwei_per_gas": gwei_text(each.price),
                "transfers_a_credit": CREDIT // each.transfer,
            }
            for each in price.at_most
        ],
    }


def refill_document(refill: Refill | None) -> dict[str, Any] | None:
    """The next grant."""
    if refill is None:
        return None
    return {"period": refill.period, "block": refill.block, "blocks": refill.blocks, "moment": refill.moment}


def row_document(member: MemberCredits) -> dict[str, Any]:
    """One member in a list."""
    return {
        "organisation": member.organisation,
        "legal_name": member.legal_name,
        "tier": member.tier,
        "account": member.account,
        "chosen": member.chosen,
        "left": credits_text(member.balance),
        "allowance": credits_text(member.allowance),
        "suspended": member.suspended,
    }


def overview_document(view: Overview) -> dict[str, Any]:
    """Everybody."""
    return {
        "read": view.read,
        "head": view.head,
        "price": price_document(view.price),
        "refill": refill_document(view.refill),
        "members": [row_document(each) for each in view.members],
        "next": view.next,
        "faucet": view.faucet,
    }


def member_document(view: MemberView) -> dict[str, Any]:
    """One member."""
    spent = view.spending
    return {
        "read": view.read,
        "member": row_document(view.member),
        "delegates": [{"account": each.account, "left": credits_text(each.balance)} for each in view.delegates],
        "spending": None
        if spent is None
        else {
            "hours": round(spent.hours, 2),
            "spent": credits_text(spent.spent),
            "granted": credits_text(spent.granted),
            "a_day": credits_text(spent.a_day),
            "days_left": None if spent.days_left is None else round(spent.days_left, 1),
        },
        "price": price_document(view.price),
        "refill": refill_document(view.refill),
    }
