# SPDX-License-Identifier: Apache-2.0
"""Joining and logging in where there is no browser: the routes a terminal asks, and what they refuse."""

from __future__ import annotations

from typing import Any

import httpx

from people_box import OTHER_PASSWORD, PASSWORD, URL, Box

ADA = "ada@office.example"


def a_program(box: Box, a_minute: int = 1000) -> httpx.AsyncClient:
    """What sends neither cookies nor anything a browser says."""
    transport = httpx.ASGITransport(box.fresh_app(a_minute), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=URL)


async def begun(program: httpx.AsyncClient, code: str, address: str = ADA) -> httpx.Response:
    body = {"code": code, "address": address, "name": "Ada Martin", "password": PASSWORD}
    return await program.post("/v1/join", json=body)


async def entered(box: Box, program: httpx.AsyncClient, code: str, address: str = ADA) -> tuple[dict[str, Any], str]:
    """What joining answers, and the secret of the application."""
    step = (await begun(program, code, address)).json()
    shown = {"step": step["step"], "code": box.otp(step["secret"]), "label": "ada@laptop"}
    answer = await program.post("/v1/join/code", json=shown)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json(), step["secret"]


async def test_somebody_joins_and_logs_in_again(box: Box) -> None:
    async with a_program(box) as program:
        joined, secret = await entered(box, program, box.first())
        assert len(joined["recovery_codes"]) == 10
        who = await program.get("/v1/me", headers={"Authorization": f"Bearer {joined['token']}"})
        assert who.json()["roles"] == {"office": ["administrator"]}
        step = (await program.post("/v1/login", json={"address": ADA, "password": PASSWORD})).json()["step"]
        wrong = await program.post("/v1/login/code", json={"step": step, "code": "000000"})
        assert (wrong.status_code, wrong.json()["type"]) == (401, "/problems/wrong-code")
        shown = {"step": step, "code": box.otp(secret), "label": "ada@laptop"}
        opened = await program.post("/v1/login/code", json=shown)
        assert opened.status_code == 200, opened.text
        assert opened.json()["token"].startswith("ml_")
        assert (await program.post("/v1/login/code", json=shown)).status_code == 409


async def test_an_invitation_is_good_once_and_for_a_week(box: Box) -> None:
    async with a_program(box) as program:
        code = box.first()
        step = (await begun(program, code)).json()
        wrong = await program.post("/v1/join/code", json={"step": step["step"], "code": "000000"})
        assert wrong.json()["type"] == "/problems/wrong-code"
        await entered(box, program, code)
        again = await begun(program, code, "eve@evil.example")
        assert (again.status_code, again.json()["type"]) == (403, "/problems/invalid-invitation")
        assert (await begun(program, "0" * 32)).json()["type"] == "/problems/invalid-invitation"


async def test_an_expired_one_is_refused(box: Box) -> None:
    code = box.first()
    box.clock.advance(8 * 86_400)
    async with a_program(box) as program:
        assert (await begun(program, code)).json()["type"] == "/problems/invalid-invitation"


async def test_nobody_learns_who_has_an_account_and_guessing_is_slowed_down(box: Box) -> None:
    box.administrator()
    async with a_program(box) as program:
        said = [
            (await program.post("/v1/login", json={"address": address, "password": OTHER_PASSWORD})).content
            for address in (ADA, "nobody@office.example")
        ]
        assert said[0] == said[1]
        tried = [await program.post("/v1/login", json={"address": ADA, "password": OTHER_PASSWORD}) for _ in range(6)]
        assert [one.status_code for one in tried] == [401, 401, 401, 401, 429, 429]
    async with a_program(box, 2) as program:
        tried = [await program.post("/v1/login", json={"address": "x@y.example", "password": "x"}) for _ in range(3)]
        assert [one.status_code for one in tried] == [401, 401, 429]


async def test_somebody_with_an_account_takes_an_invitation_and_no_key_or_stranger_does(box: Box) -> None:
    office, _, _ = box.administrator()
    _, opened, _ = box.member(office, "velle", "zoe@velle.example")
    box.people.invite(office, "office", "zoe@velle.example", ["member"], "fr")
    body = {"code": box.code("zoe@velle.example")}
    _, key = box.people.make_key(office, "office", "x", ["notary:write"], None)
    async with a_program(box) as nobody:
        assert (await nobody.post("/v1/invitations/acceptance", json=body)).status_code == 401
        by_key = {"Authorization": f"Bearer {key}"}
        assert (await nobody.post("/v1/invitations/acceptance", json=body, headers=by_key)).status_code == 403
    async with box.browser(opened) as zoe:
        taken = await zoe.post("/v1/invitations/acceptance", json=body)
        assert taken.json() == {"organisation": "office"}
        assert (await zoe.post("/v1/invitations/acceptance", json=body)).status_code == 403
