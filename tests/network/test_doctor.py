# SPDX-License-Identifier: Apache-2.0
"""What the doctor says of a node, for each thing that can be wrong with it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from maillon.network.configuration import NodeSettings
from maillon.network.doctor import GOOD, WORTH_A_LOOK, WRONG, Facts, Neighbour, diagnose
from maillon.network.health import NodeHealth
from maillon.network.metrics import exposition
from maillon.network.registry import ListedNode

OWN = b"\x0a" * 20
HEALTH = NodeHealth(
    organisation="City",
    network="Try",
    now=1_000.0,
    validator_address="aa" * 20,
    execution={"height": 9, "peers": 3, "pending": 0, "queued": 0, "version": "Geth"},
    consensus={"height": 9, "time": 999.0, "catching_up": False, "power": 1, "peers": ["b", "c", "d"], "version": "0"},
    bridge={"alarms": {}, "counts": {"blocks": 4}, "silent": [], "refused": [], "validators": {}},
    supervisor={"since": 900.0, "restarts": {"bridge": 0}},
    round=0,
    disk_free=10**12,
    names={"bb" * 20: "Port"},
)
PORT = Neighbour("Port", connected=True, closed=(), listed=True)
AWAY = dataclasses.replace(PORT, connected=False)
SOUND = Facts(
    health=HEALTH,
    settings=NodeSettings(organisation="City"),
    engines=(),
    slow_execution=False,
    listed=(ListedNode(b"\x01" * 64, OWN, 1),),
    own_id=OWN,
    neighbours=(PORT,),
    skew=0.1,
    signed_height=9,
    signature_height=9,
    watches=False,
    credits=10**20,
)


def health(**changed: Any) -> NodeHealth:
    return dataclasses.replace(HEALTH, **changed)


def consensus(**changed: Any) -> NodeHealth:
    assert HEALTH.consensus is not None
    return health(consensus=HEALTH.consensus | changed)


def bridge(**changed: Any) -> NodeHealth:
    assert HEALTH.bridge is not None
    return health(bridge=HEALTH.bridge | changed)


def test_a_sound_node_is_sound() -> None:
    assert {finding.state for finding in diagnose(SOUND)} == {GOOD}
    assert HEALTH.ready


@pytest.mark.parametrize(
    ("name", "state", "words", "changed"),
    [
        ("engines", WRONG, "geth is not at", {"engines": ("geth is not at /x",)}),
        ("engines", WORTH_A_LOOK, "without a C compiler", {"slow_execution": True}),
        ("processes", WRONG, "bridge", {"health": health(bridge=None)}),
        ("disk", WRONG, "GiB", {"health": health(disk_free=10**6)}),
        ("disk", WORTH_A_LOOK, "GiB", {"health": health(disk_free=5 * 1024**3)}),
        ("clock", WRONG, "60.0 s ahead", {"skew": 60.0}),
        ("clock", WRONG, "60.0 s behind", {"skew": -60.0}),
        ("clock", WRONG, "59.0 s behind", {"health": health(now=940.0), "skew": -0.9}),
        ("clock", WRONG, "59.0 s behind", {"health": health(now=940.0), "skew": None}),
        ("admission", WRONG, "refuses it", {"own_id": b"\x0b" * 20}),
        (
            "peers",
            WRONG,
            "Port (cannot reach its port for consensus and execution)",
            {
                "health": consensus(peers=[]),
                "neighbours": (dataclasses.replace(AWAY, closed=("consensus", "execution")),),
            },
        ),
        (
            "peers",
            WRONG,
            "Port (it can be reached, so it refuses us",
            {"health": consensus(peers=[]), "neighbours": (AWAY,)},
        ),
        (
            "peers",
            WORTH_A_LOOK,
            "Port (the chain does not list it)",
            {"neighbours": (dataclasses.replace(AWAY, listed=False),)},
        ),
        (
            "peers",
            WORTH_A_LOOK,
            "Port (cannot reach its port for execution)",
            {"neighbours": (PORT, dataclasses.replace(AWAY, closed=("execution",)))},
        ),
        ("level", WRONG, "no block for 60 s", {"health": consensus(time=940.0)}),
        ("level", WORTH_A_LOOK, "fetching", {"health": consensus(catching_up=True)}),
        ("level", WRONG, "not known", {"health": health(consensus=None)}),
        ("validator", WRONG, "not in the validator set", {"health": consensus(power=0)}),
        ("key", WRONG, "a validator key used twice", {"signature_height": 20}),
        ("key", WRONG, "a validator key used twice", {"watches": True, "signed_height": 50}),
        ("key", WORTH_A_LOOK, "it watches", {"watches": True, "signature_height": None}),
        ("validator", WORTH_A_LOOK, "watches before it votes", {"watches": True, "health": consensus(power=0)}),
        ("key", WRONG, "twice: block 7", {"health": bridge(alarms={"key-used-twice": "block 7"})}),
        ("proposals", WORTH_A_LOOK, "round 3", {"health": health(round=3)}),
        ("silence", WORTH_A_LOOK, "Port", {"health": bridge(silent=["bb" * 20])}),
        ("credits", WRONG, "0 in", {"credits": 0}),
        ("credits", WRONG, "0.0000000001 in", {"credits": 10**8}),
        ("credits", GOOD, "1000000.25 in", {"credits": 1_000_000_250_000_000_000_000_000}),
        ("credits", WORTH_A_LOOK, "0.5 in", {"credits": 5 * 10**17}),
        ("credits", WORTH_A_LOOK, "not known", {"credits": None}),
        ("alarms", WORTH_A_LOOK, "empty-proposal: why", {"health": bridge(alarms={"empty-proposal": "why"})}),
    ],
)
def test_each_trouble_is_named_with_advice(name: str, state: str, words: str, changed: dict[str, Any]) -> None:
    found = {finding.name: finding for finding in diagnose(dataclasses.replace(SOUND, **changed))}[name]
    assert (found.state, words in found.words) == (state, True), found
    if state == WRONG and name != "level":
        assert found.advice


def test_a_full_node_need_not_vote() -> None:
    settings = NodeSettings(organisation="City", role="full")
    facts = dataclasses.replace(SOUND, settings=settings, health=consensus(power=0))
    assert {f.name: f.state for f in diagnose(facts)}["validator"] == GOOD


def test_a_remote_signer_remembers_for_itself() -> None:
    settings = NodeSettings(organisation="City", remote_signer="tcp://10.0.0.9:26659")
    facts = dataclasses.replace(SOUND, settings=settings, signature_height=20, signed_height=0)
    assert {f.name: f.state for f in diagnose(facts)}["key"] == GOOD


def test_metrics_of_a_node_that_is_away_say_so() -> None:
    page = exposition(health(execution=None, consensus=None, bridge=None), {"execution": None}).decode()
    assert 'maillon_node_part_up{part="bridge"} 0.0' in page
    assert 'maillon_node_part_metrics_up{part="execution"} 0.0' in page
    assert "maillon_node_ready 0.0" in page
