# SPDX-License-Identifier: Apache-2.0
"""Cards, network files, settings and engines: what is read back is what was written, and what is false is refused."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner

from maillon.commands import application
from maillon.evidence.hashing import sha256
from maillon.ledger.founding import SCOPES, Founding, FoundingAccount
from maillon.ledger.signing import address_of, recover
from maillon.network import engines
from maillon.network.configuration import NodeHome, NodeSettings, Plan
from maillon.network.definition import NetworkDefinition, draft, found
from maillon.network.engines import COMETBFT, GETH
from maillon.network.errors import EngineUnusable, InvalidNetwork, NodeUnusable
from maillon.network.identity import Identity, NodeCard

CHAIN_ID = 7_700_000_123


def card(folder: Path, organisation: str) -> NodeCard:
    return Identity(folder / organisation).card(organisation, "node.example", 26656, 30303)


def test_a_card_is_read_as_it_was_signed(tmp_path: Path) -> None:
    made = card(tmp_path, "City")
    assert NodeCard.parse(json.loads(json.dumps(made.to_json()))) == made
    again = Identity(tmp_path / "City")
    assert again.card("City", "node.example", 26656, 30303) == made, "keys are made once"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("organisation", "Another"),
        ("host", "elsewhere.example"),
        ("host", "a b"),
        ("consensus_port", 1),
        ("consensus_port", 70_000),
        ("consensus_port", True),
        ("validator_key", "00" * 32),
        ("consensus_id", "00" * 20),
        ("execution_key", "00" * 64),
        ("execution_key", "00" * 63),
        ("account", "zz"),
        ("signature", ""),
        ("type", "maillon.node-card.v2"),
        ("more", 1),
    ],
)
def test_a_card_that_was_changed_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    document = card(tmp_path, "City").to_json() | {field: value}
    with pytest.raises(InvalidNetwork):
        NodeCard.parse(document)


def test_a_network_is_read_as_it_was_made(tmp_path: Path) -> None:
    cards = [card(tmp_path, name) for name in ("City", "Port", "Bank", "School")]
    made = found("Try", CHAIN_ID, 1_700_000_000, cards, 10)
    file = tmp_path / "network.json"
    file.write_bytes(made.to_json())
    assert NetworkDefinition.read(file) == made
    config = made.execution_genesis()["config"]
    assert config["chainId"] == CHAIN_ID
    assert all(entry["max"] == 0 for entry in config["blobSchedule"].values())
    # EIP-7918: above this base fee the engine divides by `max`. It is far above what all credits there are could pay.
    excess = int(made.execution_genesis()["excessBlobGas"], 16)
    fractions = {entry["baseFeeUpdateFraction"] for entry in config["blobSchedule"].values()}
    assert math.exp(excess / max(fractions)) * 2**17 / 2**13 > 10**40
    assert made.consensus_genesis()["validators"] == []


def test_founders_are_different(tmp_path: Path) -> None:
    city = card(tmp_path, "City")
    with pytest.raises(InvalidNetwork, match="one node"):
        found("Try", CHAIN_ID, 1, [city, city], 1)
    twin = Identity(tmp_path / "City").card("Twin", "node.example", 26656, 30303)
    with pytest.raises(InvalidNetwork, match=r"validators|same validator_key"):
        found("Try", CHAIN_ID, 1, [city, twin], 1)
    with pytest.raises(InvalidNetwork):
        found("Try", CHAIN_ID, 1, [], 1)


def completed(cards: list[NodeCard]) -> Founding:
    """A draft as people complete it."""
    made = draft(cards)
    return dataclasses.replace(
        made,
        organisations=tuple(
            dataclasses.replace(
                each, scheme="siren", identifier=f"55203253{number}", legal_name=f"{each.legal_name} SA"
            )
            for number, each in enumerate(made.organisations)
        ),
    )


def test_a_network_begins_under_its_founding_file(tmp_path: Path) -> None:
    cards = [card(tmp_path, name) for name in ("City", "Port", "Bank", "School")]
    law = completed(cards)
    assert Founding.parse(law.to_json()) == law
    assert law.governed
    made = found("Try", CHAIN_ID, 1_700_000_000, cards, 10, founding=law)
    assert made.genesis != found("Try", CHAIN_ID, 1_700_000_000, cards, 10).genesis
    offices = [account.scopes for each in law.organisations for account in each.accounts]
    assert offices[0] & SCOPES["admission officer"]
    assert not any(each & SCOPES["admission officer"] for each in offices[1:])


def changed(law: Founding, **values: Any) -> Founding:
    """With another first organisation."""
    first = dataclasses.replace(law.organisations[0], **values)
    return dataclasses.replace(law, organisations=(first, *law.organisations[1:]))


def test_a_founding_file_of_others_is_refused(tmp_path: Path) -> None:
    cards = [card(tmp_path, name) for name in ("City", "Port", "Bank", "School")]
    law = completed(cards)
    stranger = FoundingAccount(card(tmp_path, "Stranger").account, SCOPES["admin"])
    for file, reason in (
        (draft(cards), "FILL-IN"),
        (changed(law, validators=()), "no organisation has the validator of City"),
        (changed(law, nodes=()), "lacks the node of City"),
        (changed(law, accounts=(stranger,)), "lacks the account of City"),
        (changed(law, validators=(*law.organisations[0].validators, bytes([9]) * 32)), "no card"),
    ):
        with pytest.raises(InvalidNetwork, match=reason):
            found("Try", CHAIN_ID, 1_700_000_000, cards, 10, founding=file)


def test_the_commands_draft_and_found(tmp_path: Path) -> None:
    run, files = CliRunner().invoke, []
    for name in ("City", "Port", "Bank", "School"):
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(card(tmp_path, name).to_json()))
    names, law, out = [str(file) for file in files], tmp_path / "founding.json", tmp_path / "network.json"
    create = ["network", "create", *names, "--out", str(out), "--founding", str(law)]
    assert run(application(), create).exit_code == 2, "there is none yet"
    assert run(application(), ["network", "founding", *names, "--out", str(law)]).exit_code == 0
    assert run(application(), ["network", "founding", *names, "--out", str(law)]).exit_code == 1, "never overwritten"
    assert run(application(), create).exit_code == 2, "not completed yet"
    assert not out.exists()
    document = json.loads(law.read_text())
    for number, organisation in enumerate(document["organisations"]):
        organisation |= {"scheme": "siren", "identifier": f"55203253{number}"}
    law.write_text(json.dumps(document))
    done = run(application(), [*create, "--json"])
    assert done.exit_code == 0, done.output
    assert len(NetworkDefinition.read(out).nodes) == 4


@pytest.mark.parametrize("content", ["", "[]", '{"type": 1}', '{"type":"maillon.network.v1","genesis":{},"nodes":[]}'])
def test_what_is_no_network_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "network.json"
    file.write_text(content)
    with pytest.raises(InvalidNetwork):
        NetworkDefinition.read(file)
    with pytest.raises(InvalidNetwork):
        NetworkDefinition.read(tmp_path / "absent")


def test_settings_are_read_as_they_were_written() -> None:
    settings = NodeSettings(
        organisation="Ville d'Été", host="a.example", role="full", cache=17, trusted_proxies=("10.0.0.7",)
    )
    assert NodeSettings.parse(settings.to_toml()) == settings


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "organisation"),
        ("organisation = 3", "organisation"),
        ('organisation = "a"\ncolour = "red"', "colour"),
        ('organisation = "a"\nrole = "king"', "role"),
        ('organisation = "a"\ngateway_port = 26656', "port"),
        ('organisation = "a"\ngateway_port = 99999', "port"),
        ("organisation =", "node.toml"),
        ('organisation = "a"\nremote_signer = "10.0.0.9:26659"', "remote_signer"),
        ('organisation = "a"\nrequests_a_second = -1', "requests_a_second"),
        ('organisation = "a"\ntrusted_proxies = "10.0.0.7"', "trusted_proxies: not a list"),
        ('organisation = "a"\ntrusted_proxies = ["proxy.example"]', "trusted_proxies: addresses"),
        ('organisation = "a"\ntrusted_proxies = [7]', "trusted_proxies: addresses"),
        ('organisation = "a"\ntrusted_proxies = ["::/0"]', "trusted_proxies: addresses"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(NodeUnusable, match=word):
        NodeSettings.parse(text)


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    Identity(tmp_path)
    (tmp_path / "validator.json").chmod(0o644)
    with pytest.raises(NodeUnusable, match="chmod"):
        Identity(tmp_path)
    (tmp_path / "validator.json").chmod(0o600)
    (tmp_path / "validator.json").write_text('{"priv_key": {"value": "AAAA"}}')
    with pytest.raises(NodeUnusable, match="not a key"):
        Identity(tmp_path)


def test_a_remote_signer_has_the_private_half_alone(tmp_path: Path) -> None:
    public = Identity(tmp_path).validator_key
    file = tmp_path / "validator.json"
    document = json.loads(file.read_text())
    del document["priv_key"]
    file.write_text(json.dumps(document))
    without = Identity(tmp_path)
    assert without.validator_key == public
    assert "priv_key" not in file.read_text(), "no new key was made"
    with pytest.raises(NodeUnusable, match="before the signer takes it"):
        without.card("City", "node.example", 26656, 30303)
    file.write_text(json.dumps(document | {"pub_key": {"value": "AAAA"}}))
    with pytest.raises(NodeUnusable, match="not a key"):
        Identity(tmp_path)


def test_a_node_behind_sentries_connects_to_them_alone(tmp_path: Path) -> None:
    cards = [card(tmp_path, name) for name in ("City", "Port", "Bank", "School")]
    home = NodeHome(tmp_path / "node")
    home.lay_out(NodeSettings(organisation="City", remote_signer="unix:///run/signer.sock"))
    network = found("Try", CHAIN_ID, 1_700_000_000, cards, 10)
    open_plan = Plan(home, home.settings(), network, Identity(tmp_path / "City"), Path("geth"), Path("cometbft"))
    assert [node.organisation for node in open_plan.dialled] == ["Port", "Bank", "School"]
    assert home.sentries() == ()
    home.sentries_folder.mkdir()
    sentry = card(tmp_path, "Sentry of the City")
    (home.sentries_folder / "first.json").write_text(json.dumps(sentry.to_json()))
    plan = dataclasses.replace(open_plan, sentries=home.sentries())
    assert plan.dialled == (sentry,)
    configuration = plan.consensus_configuration()
    assert f'persistent_peers = "{sentry.consensus_address}"' in configuration
    assert 'priv_validator_laddr = "unix:///run/signer.sock"' in configuration
    # It reads a key from its file all the same, and ends where there is only a public half.
    assert f'priv_validator_key_file = "{plan.identity.watcher_file}"' in configuration
    (home.sentries_folder / "second.json").write_text("{}")
    with pytest.raises(InvalidNetwork):
        home.sentries()


@pytest.mark.parametrize(
    ("role", "logs"), [("validator", ["--history.logs.disable"]), ("full", ["--history.logs", "0"])]
)
def test_transactions_are_found_for_ever_and_logs_by_the_index_of_whoever_does_not_vote(
    tmp_path: Path, role: str, logs: list[str]
) -> None:
    network = found("Try", CHAIN_ID, 1_700_000_000, [card(tmp_path, "City")], 10)
    home, settings = NodeHome(tmp_path / "node"), NodeSettings(organisation="City", role=role)
    plan = Plan(home, settings, network, Identity(tmp_path / "City"), Path("geth"), Path("cometbft"))
    command = plan.execution_command()
    # geth's own default forgets after 2,350,000 blocks: a month, here.
    assert command[command.index("--history.transactions") + 1] == "0"
    assert [each for each in command if each.startswith("--history.logs")] == logs[:1]
    place = command.index(logs[0])
    assert command[place : place + len(logs)] == logs


@pytest.mark.parametrize("port", [0, 6060])
def test_engines_tell_their_metrics_on_loopback_or_not_at_all(tmp_path: Path, port: int) -> None:
    network = found("Try", CHAIN_ID, 1_700_000_000, [card(tmp_path, "City")], 10)
    settings = NodeSettings("City", execution_metrics_port=port, consensus_metrics_port=port and port + 1)
    home = NodeHome(tmp_path / "node")
    home.lay_out(settings)
    plan = Plan(home, settings, network, Identity(tmp_path / "City"), Path("geth"), Path("cometbft"))
    told = [each for each in plan.execution_command() if each.startswith("--metrics")]
    assert told == (["--metrics", "--metrics.addr", "--metrics.port"] if port else [])
    configuration = tomllib.loads(plan.consensus_configuration())["instrumentation"]
    assert configuration["prometheus"] is bool(port)
    assert configuration["prometheus_listen_addr"] == f"127.0.0.1:{port and port + 1}"


def test_an_empty_home_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NodeUnusable, match="node init"):
        NodeHome(tmp_path).settings()


# Engines


def program(path: Path, version: str) -> Path:
    path.write_text(f'#!/bin/sh\necho "Version: {version}-stable"\n')
    path.chmod(0o755)
    return path


def test_ones_own_programs_are_taken_over_when_they_are_of_the_version(tmp_path: Path) -> None:
    own = {engine.name: str(program(tmp_path / engine.name, engine.version)) for engine in (GETH, COMETBFT)}
    folder = tmp_path / "engines"
    engines.install(folder, lambda _: None, own)
    for engine in (GETH, COMETBFT):
        assert engines.installed(engine, folder) == folder / engine.name
    # A second time nothing is to be done.
    said: list[str] = []
    engines.install(folder, said.append, {})
    assert all("is there" in line for line in said)


def test_a_program_named_by_the_node_stays_where_it_is(tmp_path: Path) -> None:
    own = program(tmp_path / "own-geth", GETH.version)
    assert engines.installed(GETH, tmp_path / "engines", str(own)) == own
    program(own, "1.0.0")
    with pytest.raises(EngineUnusable, match=r"1\.0\.0; this release needs"):
        engines.installed(GETH, tmp_path / "engines", str(own))


def test_another_version_is_refused(tmp_path: Path) -> None:
    old = program(tmp_path / "geth", "1.0.0")
    with pytest.raises(EngineUnusable, match=r"1\.0\.0"):
        engines.install(tmp_path / "engines", lambda _: None, {"geth": str(old), "cometbft": str(old)})
    with pytest.raises(EngineUnusable, match="does not run"):
        engines.check_version(GETH, tmp_path / "absent")


def test_a_program_that_was_replaced_is_not_started(tmp_path: Path) -> None:
    own = {engine.name: str(program(tmp_path / engine.name, engine.version)) for engine in (GETH, COMETBFT)}
    folder = tmp_path / "engines"
    engines.install(folder, lambda _: None, own)
    with (folder / "geth").open("a") as file:
        file.write("# and something else\n")
    with pytest.raises(EngineUnusable, match="not the file that was installed"):
        engines.installed(GETH, folder)
    (folder / "geth").unlink()
    with pytest.raises(EngineUnusable, match="engine install"):
        engines.installed(GETH, folder)


def test_a_source_with_another_hash_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the module proxy gives must be what this release was tested with, whatever the version is called."""
    go = tmp_path / "go"
    answer = json.dumps({"Sum": "h1:another"})
    go.write_text(f"#!/bin/sh\n[ \"$1\" = env ] && echo go1.99.0 || echo '{answer}'\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(EngineUnusable, match="do not use it"):
        engines.install(tmp_path / "engines", lambda _: None, {})


def test_a_card_cannot_be_made_of_impossible_values(tmp_path: Path) -> None:
    good = card(tmp_path, "City")
    for changed in ({"organisation": ""}, {"host": "-x"}, {"execution_port": 0}, {"account": b""}):
        with pytest.raises(InvalidNetwork):
            dataclasses.replace(good, **changed)  # type: ignore[arg-type]


def test_a_node_proves_its_keys_as_the_contract_asks(tmp_path: Path) -> None:
    """Against the contract's own reading: `ecrecover` of the execution key, Ed25519 over the 32 bytes."""
    identity, digest = Identity(tmp_path / "keys"), sha256(b"a digest")
    execution, consensus_key, consensus = identity.prove_node(digest)
    r, s = int.from_bytes(execution[:32], "big"), int.from_bytes(execution[32:64], "big")
    assert recover(digest, execution[64] - 27, r, s) == address_of(b"\x04" + identity.execution_key)
    assert sha256(consensus_key)[:20] == identity.consensus_id
    for key, signature in ((consensus_key, consensus), (identity.validator_key, identity.prove_validator(digest))):
        Ed25519PublicKey.from_public_bytes(key).verify(signature, digest)
        with pytest.raises(InvalidSignature):
            Ed25519PublicKey.from_public_bytes(key).verify(signature, sha256(b"another"))
