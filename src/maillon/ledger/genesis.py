# SPDX-License-Identifier: Apache-2.0
"""Block zero: what a network starts from, and the file that says so.

`Genesis` is a frozen value with a JSON form that every node reads alike. `make_genesis` computes it by running the
deployments of the system contracts in the EVM at their fixed addresses and keeping the accounts that result, so that
nothing in block zero was written by hand. The same inputs give the same state root, on every machine.
docs/formats/genesis.md describes the file.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, TypeVar

import orjson

from maillon.evidence.checkpoint import log_id
from maillon.ledger import precompiles
from maillon.ledger.abi import Call, constructor, decode_revert
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.errors import LedgerError
from maillon.ledger.founding import Founding, FoundingOrganisation, sandbox
from maillon.ledger.port import Address

TYPE: Final = "maillon.genesis.v1"
SYSTEM: Final = MappingProxyType(
    {
        name: Address(bytes(17) + b"\x4d" + number.to_bytes(2, "big"))
        for number, name in enumerate(
            (
                "Directory",
                "Anchors",
                "Members",
                "Admissions",
                "Governance",
                "Brake",
                "Signatures",
                "Network",
                "Credits",
            ),
            start=1,
        )
    }
)
"""Name in the Directory → address in block zero, of every system contract: a new one stands at the end, for ever."""
DIRECTORY: Final = SYSTEM["Directory"]
ANCHORS: Final = SYSTEM["Anchors"]
MEMBERS: Final = SYSTEM["Members"]
ADMISSIONS: Final = SYSTEM["Admissions"]
GOVERNANCE: Final = SYSTEM["Governance"]
BRAKE: Final = SYSTEM["Brake"]
SIGNATURES: Final = SYSTEM["Signatures"]
NETWORK: Final = SYSTEM["Network"]
CREDITS: Final = SYSTEM["Credits"]

CHAIN_ID_FLOOR: Final = 7_700_000_000
"""Chain ids are this plus 32 random bits: above every registered network's we know of, and exact in JavaScript."""
FOREIGN_CHAIN_IDS: Final = frozenset(
    {1, 5, 10, 25, 56, 97, 100, 137, 250, 324, 1101, 1337, 5777, 8453, 17000, 31337, 42161, 42220, 43114, 59144}
    | {80002, 84532, 421614, 534352, 560048, 11155111, 11155420}
)
"""Networks and development chains whose signed transactions must never be valid here (EIP-155)."""

GAS_LIMIT: Final = 100_000_000
BASE_FEE: Final = 7
"""Wei. EIP-1559 lets the base fee fall no lower, so a quiet network starts where it will stay."""

MAX_FILE: Final = 16 * 1024 * 1024
MAX_ACCOUNTS: Final = 10_000
MAX_SLOTS: Final = 100_000
MAX_CODE: Final = 24_576
MAX_VALIDATORS: Final = 64
MAX_NAME: Final = 40
MAX_JAVASCRIPT_INTEGER: Final = 2**53 - 1
MAX_WORD: Final = 2**256 - 1
MAX_POWER: Final = 2**40

HEXADECIMAL: Final = re.compile(r"(?:0x)?(?:[0-9a-fA-F]{2})*")
EMPTY_TRIE: Final = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""Root of a trie without entries."""
QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")


class InvalidGenesis(LedgerError):
    """The file, or what was asked for, cannot be block zero of a network; the message says which field and why."""


@dataclass(frozen=True, slots=True)
class GenesisAccount:
    """One account of block zero."""

    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    storage: Mapping[int, int] = field(default_factory=dict)
    """Slot → value; no value is 0."""

    def __post_init__(self) -> None:
        _check("balance", 0 <= self.balance <= MAX_WORD, "not an unsigned 256-bit integer")
        _check("nonce", 0 <= self.nonce < 2**64, "not an unsigned 64-bit integer (EIP-2681)")
        _check("code", len(self.code) <= MAX_CODE, f"longer than {MAX_CODE} bytes (EIP-170)")
        for slot, value in self.storage.items():
            _check("storage", 0 <= slot <= MAX_WORD and 0 < value <= MAX_WORD, "a slot or value outside 256 bits, or 0")
        object.__setattr__(self, "storage", MappingProxyType(dict(sorted(self.storage.items()))))


@dataclass(frozen=True, slots=True)
class GenesisValidator:
    """One validator of height 1: its Ed25519 public key and its voting power."""

    key: bytes
    power: int = 1

    def __post_init__(self) -> None:
        _check("validators", len(self.key) == 32, "an Ed25519 key has 32 bytes")
        _check("validators", 1 <= self.power <= MAX_POWER, f"a power outside 1 to {MAX_POWER}")


@dataclass(frozen=True, slots=True)
class Genesis:
    """Everything block zero of a network is made of."""

    network: str
    """The network's name as people read it."""
    chain_id: int
    """The EVM chain id (EIP-155)."""
    time: int
    """Whole seconds since 1970, UTC."""
    alloc: Mapping[Address, GenesisAccount]
    validators: tuple[GenesisValidator, ...]
    gas_limit: int = GAS_LIMIT
    base_fee: int = BASE_FEE
    """Wei per gas of block zero (EIP-1559)."""

    def __post_init__(self) -> None:
        name = self.network
        _check("network", 0 < len(name) <= MAX_NAME and name.isprintable(), f"1 to {MAX_NAME} printable characters")
        check_chain_id(self.chain_id)
        _check("time", 0 <= self.time < 2**40, "not seconds since 1970")
        _check("gas_limit", 5_000_000 <= self.gas_limit <= 1_000_000_000, "outside 5,000,000 to 1,000,000,000")
        _check("base_fee", 1 <= self.base_fee < 2**64, "outside 1 to 2⁶⁴ wei")
        _check("alloc", len(self.alloc) <= MAX_ACCOUNTS, f"more than {MAX_ACCOUNTS} accounts")
        _check("alloc", all(len(address) == 20 for address in self.alloc), "an address has 20 bytes")
        slots = sum(len(account.storage) for account in self.alloc.values())
        _check("alloc", slots <= MAX_SLOTS, f"more than {MAX_SLOTS} storage slots")
        keys = {validator.key for validator in self.validators}
        _check("validators", 1 <= len(self.validators) <= MAX_VALIDATORS, f"not 1 to {MAX_VALIDATORS} validators")
        _check("validators", len(keys) == len(self.validators), "the same key twice")
        object.__setattr__(self, "alloc", MappingProxyType(dict(sorted(self.alloc.items()))))

    @property
    def consensus_chain_id(self) -> str:
        """The chain id CometBFT signs: derived, so that the two can never disagree."""
        return f"maillon-{self.chain_id}"

    def to_json(self) -> bytes:
        """The file: UTF-8 JSON, indented, keys in a fixed order; `parse` of it gives an equal value."""
        document = {
            "type": TYPE,
            "network": self.network,
            "chain_id": self.chain_id,
            "time": self.time,
            "gas_limit": self.gas_limit,
            "base_fee": self.base_fee,
            "validators": [{"key": v.key.hex(), "power": v.power} for v in self.validators],
            "alloc": {"0x" + address.hex(): _account_document(account) for address, account in self.alloc.items()},
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def parse(cls, data: bytes) -> Genesis:
        """Read the file. Raises `InvalidGenesis` naming the first field that is wrong, unknown or missing."""
        _check("file", len(data) <= MAX_FILE, f"larger than {MAX_FILE} bytes")
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise InvalidGenesis(f"genesis: not JSON: {error}") from error
        names = ("type", "network", "chain_id", "time", "gas_limit", "base_fee", "validators", "alloc")
        fields = _fields("file", document, names)
        _check("type", fields["type"] == TYPE, f"expected {TYPE!r}, found {fields['type']!r}")
        _check("network", isinstance(fields["network"], str), "not a string")
        return cls(
            network=fields["network"],
            chain_id=_integer("chain_id", fields["chain_id"]),
            time=_integer("time", fields["time"]),
            gas_limit=_integer("gas_limit", fields["gas_limit"]),
            base_fee=_integer("base_fee", fields["base_fee"]),
            validators=_read_validators(fields["validators"]),
            alloc=_read_alloc(fields["alloc"]),
        )


def random_chain_id() -> int:
    """A chain id no other network is likely to have."""
    return CHAIN_ID_FLOOR + secrets.randbits(32)


def check_chain_id(chain_id: int) -> None:
    """Refuse an id of another network: a transaction signed for one must never be valid on the other."""
    _check("chain_id", 0 < chain_id <= MAX_JAVASCRIPT_INTEGER, f"{chain_id} is outside 1 to 2⁵³ - 1")
    _check("chain_id", chain_id not in FOREIGN_CHAIN_IDS, f"{chain_id} is another network's, or a development chain's")


def _check(name: str, condition: bool, reason: str) -> None:
    if not condition:
        raise InvalidGenesis(f"genesis: {name}: {reason}")


def _fields(name: str, value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """An object with exactly these fields: a field we do not know may be one that matters."""
    if not isinstance(value, dict):
        raise InvalidGenesis(f"genesis: {name}: not an object")
    wrong = sorted(set(names) ^ set(value))
    _check(name, not wrong, f"unknown or missing: {', '.join(wrong)}")
    return value


def _integer(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidGenesis(f"genesis: {name}: not an integer")
    return value


def _bytes(name: str, value: object, length: int | None = None) -> bytes:
    """Hexadecimal with or without 0x, of this many bytes when given."""
    if not isinstance(value, str) or HEXADECIMAL.fullmatch(value) is None:
        raise InvalidGenesis(f"genesis: {name}: not hexadecimal")
    decoded = bytes.fromhex(value.removeprefix("0x"))
    _check(name, length is None or len(decoded) == length, f"not {length} bytes")
    return decoded


def _word(name: str, value: object) -> int:
    """A quantity as Ethereum writes it: 0x and hexadecimal digits, at most 256 bits."""
    if not isinstance(value, str) or QUANTITY.fullmatch(value) is None:
        raise InvalidGenesis(f"genesis: {name}: not a hexadecimal quantity")
    return int(value, 0)


def _account_document(account: GenesisAccount) -> dict[str, Any]:
    return {
        "balance": hex(account.balance),
        "nonce": hex(account.nonce),
        "code": "0x" + account.code.hex(),
        "storage": {f"0x{slot:064x}": f"0x{value:064x}" for slot, value in account.storage.items()},
    }


def _read_alloc(value: object) -> dict[Address, GenesisAccount]:
    if not isinstance(value, dict):
        raise InvalidGenesis("genesis: alloc: not an object")
    alloc: dict[Address, GenesisAccount] = {}
    for key, entry in value.items():
        address = Address(_bytes("alloc", key, 20))
        _check("alloc", address not in alloc, f"{key} stands twice")
        fields = _fields(f"alloc {key}", entry, ("balance", "nonce", "code", "storage"))
        if not isinstance(fields["storage"], dict):
            raise InvalidGenesis(f"genesis: storage of {key}: not an object")
        alloc[address] = GenesisAccount(
            balance=_word(f"balance of {key}", fields["balance"]),
            nonce=_word(f"nonce of {key}", fields["nonce"]),
            code=_bytes(f"code of {key}", fields["code"]),
            storage={_word("slot", slot): _word("value", word) for slot, word in fields["storage"].items()},
        )
        _check("storage", len(alloc[address].storage) == len(fields["storage"]), f"a slot of {key} stands twice")
    return alloc


def _read_validators(value: object) -> tuple[GenesisValidator, ...]:
    if not isinstance(value, list):
        raise InvalidGenesis("genesis: validators: not a list")
    entries = [_fields("validators", entry, ("key", "power")) for entry in value]
    return tuple(
        GenesisValidator(_bytes("validators", entry["key"], 32), _integer("validators", entry["power"]))
        for entry in entries
    )


def make_genesis(  # noqa: PLR0917 - block zero is made of many things, and each is named where it is called
    network: str,
    chain_id: int,
    time: int,
    validator_keys: Sequence[bytes],
    funded: Mapping[Address, int],
    steward: Address,
    logs: Mapping[str, Address] | None = None,
    gas_limit: int = GAS_LIMIT,
    base_fee: int = BASE_FEE,
    founding: Founding | None = None,
) -> Genesis:
    """Block zero of a new network, computed by deploying its contracts and founding it.

    `validator_keys` are Ed25519 public keys of power 1, and with a founding those of its organisations; `funded` maps
    accounts to wei; `steward` deploys, and holds the governance seat of the Directory until the first vote unless the
    founding hands it to Governance; `logs` maps the origin of each log to an account that may publish for the
    organisation that owns it. Without a founding there is one organisation, the sandbox, of the steward and the owners
    of logs. Raises `InvalidGenesis`.
    """
    check_chain_id(chain_id)
    _check("steward", any(steward), "governance is nobody")
    logs = logs or {}
    if founding is None:
        founding = sandbox(steward, logs.values(), validator_keys)
    _check(
        "validators", sorted(validator_keys) == sorted(founding.validators), "not those of the founding organisations"
    )
    evm = _Deployment(chain_id, time, gas_limit, base_fee)
    for name, code in _constructors(steward, gas_limit, founding).items():
        evm.deploy(SYSTEM[name], code, steward)
    directory = Directory(DIRECTORY)
    for name, target in SYSTEM.items():
        evm.run(directory.point(name_word(name), target), steward)
    for organisation in founding.organisations:
        _found(evm, organisation, steward)
    for rule in founding.rules:
        evm.run(Admissions(ADMISSIONS).set_rule(*rule.as_arguments()), steward)
    for origin, owner in sorted(logs.items()):
        evm.run(Anchors(ANCHORS).register(log_id(origin)), owner)
    if founding.governed:
        evm.run(directory.offer_governance(GOVERNANCE), steward)
        evm.run(Governance(GOVERNANCE).take_seat(), steward)
    alloc = {address: GenesisAccount(balance=balance) for address, balance in funded.items()}
    made = evm.accounts() | prague_contracts()
    _check("alloc", not alloc.keys() & made.keys(), "a funded account is a contract of block zero")
    validators = tuple(GenesisValidator(key) for key in validator_keys)
    return Genesis(network, chain_id, time, alloc | made, validators, gas_limit, base_fee)


def _constructors(steward: Address, gas_limit: int, founding: Founding) -> dict[str, bytes]:
    """Name → what deploys the contract: told where the Directory is, but for those that are told something else."""
    statutes = (DIRECTORY, founding.statutes.as_argument())
    quotas = (DIRECTORY, founding.period_length, gas_limit, founding.floor_tip, founding.allowances)
    told = {
        "Directory": constructor("directory", ("address",), (steward,)),
        "Governance": constructor("governance", ("address", _STATUTES), statutes),
        "Signatures": constructor("signatures", (), ()),
        "Credits": constructor("credits", ("address", "uint256", "uint256", "uint256", "uint256[8]"), quotas),
    }
    return {name: constructor(name.lower(), ("address",), (DIRECTORY,)) for name in SYSTEM if name not in told} | told


_STATUTES: Final = "((uint256,uint256,uint256,uint256,uint256)[3],uint256,uint256,uint256,bool,uint256[8])"
"""The type of statutes in `Governance`."""


def _found(evm: _Deployment, organisation: FoundingOrganisation, steward: Address) -> None:
    """Enter one organisation with everything that is its own."""
    members, network = Members(MEMBERS), Network(NETWORK)
    application = (
        name_word(organisation.scheme),
        organisation.identifier,
        organisation.legal_name,
        organisation.kind,
        organisation.country.encode(),
        organisation.did,
    )
    number = evm.run(members.found(application, organisation.tier, organisation.college), steward)
    for account in organisation.accounts:
        evm.run(members.found_account(number, account.address, account.scopes, account.label), steward)
    for key in organisation.validators:
        evm.run(network.found_validator(number, key), steward)
    for node in organisation.nodes:
        evm.run(network.found_node(number, node.execution_key, node.consensus_id), steward)


def name_word(name: str) -> bytes:
    """A name as the Directory writes it: ASCII, padded on the right with zeros to 32 bytes."""
    _check("name", name.isascii() and name.isprintable() and 0 < len(name) <= 32, f"{name!r} is not 1 to 32 of ASCII")
    return name.encode().ljust(32, b"\0")


def prague_contracts() -> dict[Address, GenesisAccount]:
    """The contracts the protocol itself calls (EIP-4788, 2935, 7002, 7251): deployed by nobody, so they stand here."""
    entries = orjson.loads(files("maillon.ledger").joinpath("prague.json").read_bytes())
    return {
        Address(bytes.fromhex(entry["address"][2:])): GenesisAccount(nonce=1, code=bytes.fromhex(entry["code"][2:]))
        for entry in entries
    }


Answer = TypeVar("Answer")

_DEPLOYMENT_GAS: Final = 10**12
"""Before the first block there is no block to fit in."""


class _Deployment:
    """An EVM under Prague rules before the first block: deploys at chosen addresses, runs calls, remembers accounts."""

    def __init__(self, chain_id: int, time: int, gas_limit: int, base_fee: int) -> None:
        precompiles.put_off()
        # Loading an EVM takes a second that readers of a genesis file need not spend.
        from eth.db.atomic import AtomicDB
        from eth.vm.execution_context import ExecutionContext
        from eth.vm.forks.prague.state import PragueState
        from eth.vm.message import Message
        from eth.vm.transaction_context import BaseTransactionContext

        touched: dict[bytes, set[int]] = {}

        class Recording(PragueState):  # type: ignore[misc]
            """Remembers which slots were written: the trie keeps only their hashes."""

            def set_storage(self, address: bytes, slot: int, value: int) -> None:
                touched.setdefault(address, set()).add(slot)
                super().set_storage(address, slot, value)

        context = ExecutionContext(
            coinbase=b"\0" * 20,
            timestamp=time,
            block_number=0,
            difficulty=0,
            mix_hash=b"\0" * 32,
            gas_limit=gas_limit,
            prev_hashes=(),
            chain_id=chain_id,
            base_fee_per_gas=base_fee,
            excess_blob_gas=0,
        )
        self._touched = touched
        self._message = Message
        self._transaction = BaseTransactionContext
        self._state = Recording(AtomicDB(), context, EMPTY_TRIE)
        self._made: list[Address] = []

    def deploy(self, address: Address, code: bytes, sender: Address) -> None:
        """Run a constructor as if it were deployed to this very address."""
        message = self._message(_DEPLOYMENT_GAS, b"", sender, 0, b"", code, create_address=address)
        self._apply(self._state.computation_class.apply_create_message, message)
        self._made.append(address)

    def run(self, call: Call[Answer], sender: Address) -> Answer:
        """Run a call as this sender."""
        message = self._message(_DEPLOYMENT_GAS, call.to, sender, 0, call.data, self._state.get_code(call.to))
        return call.decode(self._apply(self._state.computation_class.apply_message, message))

    def accounts(self) -> dict[Address, GenesisAccount]:
        """The contracts made, as they stand now."""
        state = self._state
        return {
            address: GenesisAccount(
                balance=state.get_balance(address),
                nonce=state.get_nonce(address),
                code=state.get_code(address),
                storage={
                    slot: word for slot in self._touched.get(address, ()) if (word := state.get_storage(address, slot))
                },
            )
            for address in self._made
        }

    def _apply(self, apply: Callable[..., Any], message: Any) -> bytes:
        context = self._transaction(gas_price=0, origin=message.sender)
        computation = apply(self._state, message, context)
        if computation.is_error:
            raise InvalidGenesis(f"genesis: a deployment was refused: {decode_revert(computation.output)}")
        self._state.lock_changes()
        self._state.clear_transient_storage()
        return bytes(computation.output)
