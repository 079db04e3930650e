# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change contracts/members.vy and run it again.
"""Members, as calls and events.

The register of the consortium: who belongs to it, what they are, and which accounts act for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from maillon.ledger.abi import Call, decode, encode, nothing, read_event
from maillon.ledger.port import Address, Event

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType(
    {
        "_standing": 0,
        "_accounts": 1,
        "organisation_count": 2,
        "change_count": 3,
        "organisation_by_identifier": 4,
        "_identifiers": 5,
        "did_of": 6,
        "roles_of": 7,
        "legal_name_count": 8,
        "_legal_names": 9,
        "_history": 10,
        "history_length": 11,
        "_memberships": 12,
        "_membership_count": 13,
        "account_count": 14,
        "_account_at": 15,
        "_place_of": 16,
        "label_of": 17,
        "admin_count": 18,
        "admin_offered_by": 19,
        "admin_offered_to": 20,
        "credit_account_of": 21,
        "consents_of": 22,
        "_roll": 23,
        "_roll_length": 24,
        "_place_on_roll": 25,
        "_census": 26,
        "_suspended": 27,
    }
)
"""Storage variable → its base slot."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Answer of `standing`."""

    status: int
    kind: int
    tier: int
    college: int
    country: bytes
    suspended_until: int


@dataclass(frozen=True, slots=True)
class Entry:
    """Answer of `roll`."""

    organisation: int
    tier: int
    credit_account: Address
    suspended_until: int


@dataclass(frozen=True, slots=True)
class Identifier:
    """Answer of `identifier_of`."""

    scheme: bytes
    value: str


@dataclass(frozen=True, slots=True)
class LegalName:
    """Answer of `legal_name_at`."""

    name: str
    since: int


@dataclass(frozen=True, slots=True)
class Delegate:
    """Answer of `delegates_of`."""

    account: Address
    scopes: int
    label: bytes


@dataclass(frozen=True, slots=True)
class OrganisationApplied:
    """Event `OrganisationApplied(uint256,bytes32,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("1a47b92f08a513657f8dce7d92245f0bca512bd5ba2c78646ca9a9eb5dfd862d")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("bytes32", True), ("address", True))

    organisation: int
    identifier_hash: bytes
    presenter: Address

    @classmethod
    def decode(cls, event: Event) -> OrganisationApplied:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """Event `StatusChanged(uint256,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("ac9385d691cb799abd6ba4b6cb4cb3e6b540c2c7fb72106e43adb083cb1feacd")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("uint256", False), ("uint256", True))

    organisation: int
    former: int
    status: int

    @classmethod
    def decode(cls, event: Event) -> StatusChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class SuspendedUntil:
    """Event `SuspendedUntil(uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("762855ba09ad55ab2798f4297a2dafabb43a582db7e1897461ddaedc7cc2f46e")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("uint256", False))

    organisation: int
    until: int

    @classmethod
    def decode(cls, event: Event) -> SuspendedUntil:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class Classified:
    """Event `Classified(uint256,uint256,uint256,uint256,bytes2)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("9b2dfdf68ebd61ee12cbbb179706c561b8473be292353dd25609ee22e38f9f85")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("uint256", False),
        ("uint256", False),
        ("uint256", False),
        ("bytes2", False),
    )

    organisation: int
    kind: int
    tier: int
    college: int
    country: bytes

    @classmethod
    def decode(cls, event: Event) -> Classified:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class LegalNameChanged:
    """Event `LegalNameChanged(uint256,uint256,string)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("ae82412f847fa2f90ce190560651917800dd906003e5d7131edce3658e178627")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("uint256", False), ("string", False))

    organisation: int
    version: int
    legal_name: str

    @classmethod
    def decode(cls, event: Event) -> LegalNameChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class DidChanged:
    """Event `DidChanged(uint256,string)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("73cbacc3c1fd8eb8cc82b6ddd3dcfbe87842fcebbab14d269c55a7059622d4e3")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("string", False))

    organisation: int
    did: str

    @classmethod
    def decode(cls, event: Event) -> DidChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class RolesChanged:
    """Event `RolesChanged(uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("62dc5d2ff2cddf36bb8544e574af1894c5f937209ce2c1ee84239d78b31d2245")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("uint256", False))

    organisation: int
    roles: int

    @classmethod
    def decode(cls, event: Event) -> RolesChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class AccountAdded:
    """Event `AccountAdded(uint256,address,uint256,bytes32)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("0d96ab4d4ce8d19d34da642fd51019180a914e87eb28ef930752e0e0c96b6364")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("address", True),
        ("uint256", False),
        ("bytes32", False),
    )

    organisation: int
    account: Address
    scopes: int
    label: bytes

    @classmethod
    def decode(cls, event: Event) -> AccountAdded:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class ScopesChanged:
    """Event `ScopesChanged(uint256,address,uint256,bytes32)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("6c75e3f80c5c25feac0765607d8ea9e47e2040f303a783a1d6b9a837a25cad06")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("address", True),
        ("uint256", False),
        ("bytes32", False),
    )

    organisation: int
    account: Address
    scopes: int
    label: bytes

    @classmethod
    def decode(cls, event: Event) -> ScopesChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class AccountRemoved:
    """Event `AccountRemoved(uint256,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("4674cfbaa07dd61de1508c228fc2c5abd2a1878fbbd4635684fb378676274df4")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("address", True))

    organisation: int
    account: Address

    @classmethod
    def decode(cls, event: Event) -> AccountRemoved:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class AdminOffered:
    """Event `AdminOffered(uint256,address,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("c5933de4839abacf22fa7a913166b60d66f20fdb80cdbd297b9bb5f28e05cbe2")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("address", True), ("address", True))

    organisation: int
    holder: Address
    successor: Address

    @classmethod
    def decode(cls, event: Event) -> AdminOffered:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class AdminAccepted:
    """Event `AdminAccepted(uint256,address,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("f93c1f5f6f3e66a50030c264a643c672e624cef21f1d63a4af87aeaa0695f135")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("address", True), ("address", True))

    organisation: int
    former: Address
    holder: Address

    @classmethod
    def decode(cls, event: Event) -> AdminAccepted:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class CreditAccountChanged:
    """Event `CreditAccountChanged(uint256,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("83704d82c82a256694aa0f9a3e627362c9de80b8f8c647d808a2b12be2c9a4fa")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("address", True))

    organisation: int
    account: Address

    @classmethod
    def decode(cls, event: Event) -> CreditAccountChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class NoticeFailed:
    """Event `NoticeFailed(uint256,bytes32)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("54a82e6550655a468c617b676aa08e76fff62572382cbe4f5f20ca79bb21f418")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("bytes32", True))

    organisation: int
    listener: bytes

    @classmethod
    def decode(cls, event: Event) -> NoticeFailed:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


EVENTS: Final[MappingProxyType[bytes, Any]] = MappingProxyType(
    {
        OrganisationApplied.TOPIC: OrganisationApplied,
        StatusChanged.TOPIC: StatusChanged,
        SuspendedUntil.TOPIC: SuspendedUntil,
        Classified.TOPIC: Classified,
        LegalNameChanged.TOPIC: LegalNameChanged,
        DidChanged.TOPIC: DidChanged,
        RolesChanged.TOPIC: RolesChanged,
        AccountAdded.TOPIC: AccountAdded,
        ScopesChanged.TOPIC: ScopesChanged,
        AccountRemoved.TOPIC: AccountRemoved,
        AdminOffered.TOPIC: AdminOffered,
        AdminAccepted.TOPIC: AdminAccepted,
        CreditAccountChanged.TOPIC: CreditAccountChanged,
        NoticeFailed.TOPIC: NoticeFailed,
    }
)
"""Topic → class."""


def decode_event(
    event: Event,
) -> (
    OrganisationApplied
    | StatusChanged
    | SuspendedUntil
    | Classified
    | LegalNameChanged
    | DidChanged
    | RolesChanged
    | AccountAdded
    | ScopesChanged
    | AccountRemoved
    | AdminOffered
    | AdminAccepted
    | CreditAccountChanged
    | NoticeFailed
    | None
):
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: (
        OrganisationApplied
        | StatusChanged
        | SuspendedUntil
        | Classified
        | LegalNameChanged
        | DidChanged
        | RolesChanged
        | AccountAdded
        | ScopesChanged
        | AccountRemoved
        | AdminOffered
        | AdminAccepted
        | CreditAccountChanged
        | NoticeFailed
        | None
    ) = known.decode(event) if known else None
    return decoded


@dataclass(frozen=True, slots=True)
class Members:
    """The register of the consortium: who belongs to it, what they are, and which accounts act for them."""

    address: Address

    def found(self, application: tuple[Any, ...], tier: int, college: int) -> Call[int]:
        """Enter a founding organisation, in block zero only."""
        return Call(
            self.address,
            bytes.fromhex("901a1678")
            + encode(
                ("(bytes32,string,string,uint256,bytes2,string)", "uint256", "uint256"), (application, tier, college)
            ),
            lambda data: decode(("uint256",), data)[0],
        )

    def found_account(self, organisation: int, account: Address, scopes: int, label: bytes) -> Call[None]:
        """Give a founding organisation an account, in block zero only; the first one with the scope admin."""
        return Call(
            self.address,
            bytes.fromhex("87c5a91b")
            + encode(("uint256", "address", "uint256", "bytes32"), (organisation, account, scopes, label)),
            nothing,
        )

    def apply(self, application: tuple[Any, ...], admin: Address, label: bytes, consent: bytes) -> Call[int]:
        """Present an applicant that was never known.

        Any member's admin, an admission officer or a vote may.
        """
        return Call(
            self.address,
            bytes.fromhex("26bedea9")
            + encode(
                ("(bytes32,string,string,uint256,bytes2,string)", "address", "bytes32", "bytes"),
                (application, admin, label, consent),
            ),
            lambda data: decode(("uint256",), data)[0],
        )

    def apply_again(self, organisation: int) -> Call[None]:
        """Apply once more after departure or exclusion.

        Its own admins may, and whoever may present an applicant.
        """
        return Call(self.address, bytes.fromhex("b0e19cf0") + encode(("uint256",), (organisation,)), nothing)

    def admit(self, organisation: int, tier: int, college: int) -> Call[None]:
        """Make an applicant a member.

        Only the governance seat, by a vote, and Admissions, by the rule in force.
        """
        return Call(
            self.address,
            bytes.fromhex("a94d4486") + encode(("uint256", "uint256", "uint256"), (organisation, tier, college)),
            nothing,
        )

    def refuse(self, organisation: int) -> Call[None]:
        """Refuse an applicant, for ever.

        Only the governance seat.
        """
        return Call(self.address, bytes.fromhex("a60a07b2") + encode(("uint256",), (organisation,)), nothing)

    def suspend(self, organisation: int) -> Call[None]:
        """Suspend a member until a vote says otherwise.

        Only the governance seat.
        """
        return Call(self.address, bytes.fromhex("4b865846") + encode(("uint256",), (organisation,)), nothing)

    def suspend_until(self, organisation: int, until: int) -> Call[None]:
        """Suspend a member for a time, after which it is active again by itself.

        Only Admissions.
        """
        return Call(
            self.address, bytes.fromhex("a70ad133") + encode(("uint256", "uint256"), (organisation, until)), nothing
        )

    def reinstate(self, organisation: int) -> Call[None]:
        """End a suspension, a vote's or officers'.

        Only the governance seat.
        """
        return Call(self.address, bytes.fromhex("b3100f99") + encode(("uint256",), (organisation,)), nothing)

    def exclude(self, organisation: int) -> Call[None]:
        """Exclude a member.

        Only the governance seat.
        """
        return Call(self.address, bytes.fromhex("abde79cf") + encode(("uint256",), (organisation,)), nothing)

    def leave(self) -> Call[None]:
        """Leave the consortium, as an admin of an active member.

        The last member cannot.
        """
        return Call(self.address, bytes.fromhex("d66d9e19"), nothing)

    def classify(self, organisation: int, kind: int, tier: int, college: int, country: bytes) -> Call[None]:
        """Say anew what an organisation is.

        Only the governance seat. Open votes keep what it was at their snapshot.
        """
        return Call(
            self.address,
            bytes.fromhex("5d26eb90")
            + encode(
                ("uint256", "uint256", "uint256", "uint256", "bytes2"), (organisation, kind, tier, college, country)
            ),
            nothing,
        )

    def set_roles(self, organisation: int, roles: int) -> Call[None]:
        """Entrust an organisation with roles.

        Only the governance seat.
        """
        return Call(
            self.address, bytes.fromhex("ceb6f977") + encode(("uint256", "uint256"), (organisation, roles)), nothing
        )

    def appoint(self, account: Address, offices: int) -> Call[None]:
        """Give offices to an account, or take them.

        Only the governance seat. They last while it stays in its organisation, and rest while that is not active.
        """
        return Call(
            self.address, bytes.fromhex("fbeafb9e") + encode(("address", "uint256"), (account, offices)), nothing
        )

    def install_admin(self, organisation: int, account: Address, label: bytes, consent: bytes) -> Call[None]:
        """Make an account the only admin of an organisation whose admins are lost.

        Only the governance seat.
        """
        return Call(
            self.address,
            bytes.fromhex("9419cdac")
            + encode(("uint256", "address", "bytes32", "bytes"), (organisation, account, label, consent)),
            nothing,
        )

    def rename(self, organisation: int, legal_name: str) -> Call[None]:
        """Enter the new legal name of an organisation.

        Only the governance seat and admission officers of others.
        """
        return Call(
            self.address, bytes.fromhex("3ec2d836") + encode(("uint256", "string"), (organisation, legal_name)), nothing
        )

    def set_did(self, did: str) -> Call[None]:
        """Say which decentralised identifier is one's own, as an admin."""
        return Call(self.address, bytes.fromhex("477de15a") + encode(("string",), (did,)), nothing)

    def add_account(self, account: Address, scopes: int, label: bytes, consent: bytes) -> Call[None]:
        """Let an account act for one's organisation, as an admin."""
        return Call(
            self.address,
            bytes.fromhex("dade6e07")
            + encode(("address", "uint256", "bytes32", "bytes"), (account, scopes, label, consent)),
            nothing,
        )

    def set_scopes(self, account: Address, scopes: int, label: bytes) -> Call[None]:
        """Change what an account of one's organisation may do, as an admin.

        Its offices stay.
        """
        return Call(
            self.address,
            bytes.fromhex("2f1aa453") + encode(("address", "uint256", "bytes32"), (account, scopes, label)),
            nothing,
        )

    def remove_account(self, account: Address) -> Call[None]:
        """Let an account of one's organisation act for it no more, as an admin.

        It takes its offices with it.
        """
        return Call(self.address, bytes.fromhex("608f8ffb") + encode(("address",), (account,)), nothing)

    def resign(self) -> Call[None]:
        """Leave one's organisation, whatever its status, as any account but its last admin."""
        return Call(self.address, bytes.fromhex("69652fcf"), nothing)

    def set_credit_account(self, account: Address) -> Call[None]:
        """Choose which account of one's organisation its credits are paid to, as an admin."""
        return Call(self.address, bytes.fromhex("9eea9316") + encode(("address",), (account,)), nothing)

    def offer_admin(self, successor: Address) -> Call[None]:
        """Offer one's own scope admin.

        Nothing changes until the successor accepts.
        """
        return Call(self.address, bytes.fromhex("e7f32d4f") + encode(("address",), (successor,)), nothing)

    def accept_admin(self, organisation: int, label: bytes) -> Call[None]:
        """Take the scope admin that was offered to the caller; who offered it has it no more."""
        return Call(
            self.address, bytes.fromhex("3e024a38") + encode(("uint256", "bytes32"), (organisation, label)), nothing
        )

    def interface_id(self) -> Call[bytes]:
        """The one name this contract may be listed under."""
        return Call(self.address, bytes.fromhex("eb5a7056"), lambda data: decode(("bytes32",), data)[0])

    def acting(self, account: Address, scope: int) -> Call[int]:
        """For which organisation an account may act now."""
        return Call(
            self.address,
            bytes.fromhex("1a5e4bb4") + encode(("address", "uint256"), (account, scope)),
            lambda data: decode(("uint256",), data)[0],
        )

    def organisation_of(self, account: Address) -> Call[int]:
        """To which organisation an account belongs now, whatever its status."""
        return Call(
            self.address,
            bytes.fromhex("a06ee1c7") + encode(("address",), (account,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def scopes_of(self, account: Address) -> Call[int]:
        """What an account may do for its organisation while that is active."""
        return Call(
            self.address,
            bytes.fromhex("e828d902") + encode(("address",), (account,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def member_of(self, account: Address, number: int) -> Call[int]:
        """To which organisation an account belonged at the end of a block."""
        return Call(
            self.address,
            bytes.fromhex("11430107") + encode(("address", "uint256"), (account, number)),
            lambda data: decode(("uint256",), data)[0],
        )

    def is_active(self, organisation: int) -> Call[bool]:
        """Whether an organisation is a member with all its rights now."""
        return Call(
            self.address,
            bytes.fromhex("7aaa33c5") + encode(("uint256",), (organisation,)),
            lambda data: decode(("bool",), data)[0],
        )

    def standing(self, organisation: int) -> Call[Standing]:
        """What an organisation is now."""
        return Call(
            self.address,
            bytes.fromhex("e73f3e5d") + encode(("uint256",), (organisation,)),
            lambda data: Standing(*decode(("(uint256,uint256,uint256,uint256,bytes2,uint256)",), data)[0]),
        )

    def standing_at(self, organisation: int, change: int) -> Call[Standing]:
        """What an organisation was after a change of the register."""
        return Call(
            self.address,
            bytes.fromhex("aee1aa5c") + encode(("uint256", "uint256"), (organisation, change)),
            lambda data: Standing(*decode(("(uint256,uint256,uint256,uint256,bytes2,uint256)",), data)[0]),
        )

    def standing_at_block(self, organisation: int, number: int) -> Call[Standing]:
        """What an organisation was at the end of a block."""
        return Call(
            self.address,
            bytes.fromhex("8eb3761a") + encode(("uint256", "uint256"), (organisation, number)),
            lambda data: Standing(*decode(("(uint256,uint256,uint256,uint256,bytes2,uint256)",), data)[0]),
        )

    def active_count(self) -> Call[int]:
        """How many organisations are active now."""
        return Call(self.address, bytes.fromhex("ff4c1cfc"), lambda data: decode(("uint256",), data)[0])

    def census(self) -> Call[tuple[tuple[int, ...], ...]]:
        """How many organisations are active now, by college and tier."""
        return Call(self.address, bytes.fromhex("61321a47"), lambda data: decode(("uint256[8][8]",), data)[0])

    def roll(self) -> Call[tuple[Entry, ...]]:
        """Every organisation whose status is active."""
        return Call(
            self.address,
            bytes.fromhex("cd5e3c5d"),
            lambda data: tuple(Entry(*each) for each in decode(("(uint256,uint256,address,uint256)[]",), data)[0]),
        )

    def identifier_of(self, organisation: int) -> Call[Identifier]:
        """The legal identifier of an organisation."""
        return Call(
            self.address,
            bytes.fromhex("08272731") + encode(("uint256",), (organisation,)),
            lambda data: Identifier(*decode(("(bytes32,string)",), data)[0]),
        )

    def identifier_hash(self, scheme: bytes, identifier: str) -> Call[bytes]:
        """The key of an identifier in `organisation_by_identifier`.

        Refuses what is not in normal form.
        """
        return Call(
            self.address,
            bytes.fromhex("fc3624d3") + encode(("bytes32", "string"), (scheme, identifier)),
            lambda data: decode(("bytes32",), data)[0],
        )

    def legal_name_of(self, organisation: int) -> Call[str]:
        """The legal name of an organisation now."""
        return Call(
            self.address,
            bytes.fromhex("45c5e688") + encode(("uint256",), (organisation,)),
            lambda data: decode(("string",), data)[0],
        )

    def legal_name_at(self, organisation: int, version: int) -> Call[LegalName]:
        """One of the legal names an organisation has had."""
        return Call(
            self.address,
            bytes.fromhex("bb3a147c") + encode(("uint256", "uint256"), (organisation, version)),
            lambda data: LegalName(*decode(("(string,uint256)",), data)[0]),
        )

    def delegates_of(self, organisation: int) -> Call[tuple[Delegate, ...]]:
        """The accounts of an organisation."""
        return Call(
            self.address,
            bytes.fromhex("7edb52ed") + encode(("uint256",), (organisation,)),
            lambda data: tuple(Delegate(*each) for each in decode(("(address,uint256,bytes32)[]",), data)[0]),
        )

    def consent_digest(self, identifier_hash_: bytes, account: Address) -> Call[bytes]:
        """What an account signs to belong to an organisation.

        EIP-712: `Consent` of the domain "Maillon Members", version 1, this chain, this contract.
        """
        return Call(
            self.address,
            bytes.fromhex("a19f9430") + encode(("bytes32", "address"), (identifier_hash_, account)),
            lambda data: decode(("bytes32",), data)[0],
        )

    def directory(self) -> Call[Address]:
        """Where the system contracts are listed; its governance decides about members."""
        return Call(self.address, bytes.fromhex("c41c2f24"), lambda data: decode(("address",), data)[0])

    def organisation_count(self) -> Call[int]:
        """How many organisations were ever known; they are numbered from 1."""
        return Call(self.address, bytes.fromhex("089d8e1a"), lambda data: decode(("uint256",), data)[0])

    def change_count(self) -> Call[int]:
        """How many changes of standing there were: a point in time finer than a block."""
        return Call(self.address, bytes.fromhex("dc90bdf8"), lambda data: decode(("uint256",), data)[0])

    def organisation_by_identifier(self, key: bytes) -> Call[int]:
        """The organisation of an identifier, by `identifier_hash`; 0 when nobody has it."""
        return Call(
            self.address,
            bytes.fromhex("1217f878") + encode(("bytes32",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def did_of(self, key: int) -> Call[str]:
        """The decentralised identifier of an organisation; empty for none."""
        return Call(
            self.address,
            bytes.fromhex("bfd2273a") + encode(("uint256",), (key,)),
            lambda data: decode(("string",), data)[0],
        )

    def roles_of(self, key: int) -> Call[int]:
        """What votes entrusted an organisation with, as bits."""
        return Call(
            self.address,
            bytes.fromhex("c9212cb6") + encode(("uint256",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def legal_name_count(self, key: int) -> Call[int]:
        """How many legal names an organisation has had."""
        return Call(
            self.address,
            bytes.fromhex("23c9ff3d") + encode(("uint256",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def history_length(self, key: int) -> Call[int]:
        """How many changes of standing an organisation has seen."""
        return Call(
            self.address,
            bytes.fromhex("cf36ebf7") + encode(("uint256",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def account_count(self, key: int) -> Call[int]:
        """How many accounts an organisation has."""
        return Call(
            self.address,
            bytes.fromhex("8ed9c5a7") + encode(("uint256",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def label_of(self, key: Address) -> Call[bytes]:
        """An account's label, opaque to everybody but its organisation."""
        return Call(
            self.address,
            bytes.fromhex("1236dcd3") + encode(("address",), (key,)),
            lambda data: decode(("bytes32",), data)[0],
        )

    def admin_count(self, key: int) -> Call[int]:
        """How many accounts of an organisation have the scope admin."""
        return Call(
            self.address,
            bytes.fromhex("8b264234") + encode(("uint256",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def admin_offered_by(self, key: int) -> Call[Address]:
        """Who offers the scope admin of an organisation."""
        return Call(
            self.address,
            bytes.fromhex("88ecc620") + encode(("uint256",), (key,)),
            lambda data: decode(("address",), data)[0],
        )

    def admin_offered_to(self, key: int) -> Call[Address]:
        """To whom it is offered; zero when to nobody."""
        return Call(
            self.address,
            bytes.fromhex("43b31b8b") + encode(("uint256",), (key,)),
            lambda data: decode(("address",), data)[0],
        )

    def credit_account_of(self, key: int) -> Call[Address]:
        """The account an organisation's credits are paid to; zero for none."""
        return Call(
            self.address,
            bytes.fromhex("025f2a45") + encode(("uint256",), (key,)),
            lambda data: decode(("address",), data)[0],
        )

    def consents_of(self, key: Address) -> Call[int]:
        """How many consents an account has given: the nonce of the next one."""
        return Call(
            self.address,
            bytes.fromhex("fc6876ea") + encode(("address",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )
