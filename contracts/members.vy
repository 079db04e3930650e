# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
"""
@title Members
@license Apache-2.0
@notice The register of the consortium: who belongs to it, what they are, and which accounts act for them.
@dev Organisations are numbered from 1 without a gap and are never deleted. An account belongs to at most one of them and
     carries scopes, which its organisation gives, and offices, which only the governance seat gives. Every change of
     standing is kept, so that contracts and people can ask about any moment. Who may admit by rule, and how officers
     suspend, is the business of Admissions; this contract holds facts and the edges between statuses.
@custom:security A label is opaque: it must say nothing of a natural person, and nothing here can check that. Accounts
                 that act for an organisation are public for ever.
"""


from interfaces import IDirectory
from interfaces import IIdentified
from interfaces import IMembers

implements: IMembers
implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x4d656d6265727300000000000000000000000000000000000000000000000000
# @dev "Admissions".
_ADMISSIONS: constant(bytes32) = 0x41646d697373696f6e7300000000000000000000000000000000000000000000
# @dev "Governance" and "Network": who must hear that a member stopped being active.
_LISTENERS: constant(bytes32[2]) = [
    0x476f7665726e616e636500000000000000000000000000000000000000000000,
    0x4e6574776f726b00000000000000000000000000000000000000000000000000,
]
# @dev What each of them may spend on hearing it.
_GAS_OF_NOTICE: constant(uint256) = 3_000_000
# @dev What a contract may spend on answering whether it consents (ERC-1271).
_GAS_OF_CONSENT: constant(uint256) = 200_000
# @dev Statuses.
_APPLIED: constant(uint256) = 1
_ACTIVE: constant(uint256) = 2
_SUSPENDED: constant(uint256) = 3
_DEPARTED: constant(uint256) = 4
_REFUSED: constant(uint256) = 5
_EXCLUDED: constant(uint256) = 6
# @dev Scopes, which an organisation gives: admin 1, vote 2, operate 4, publish 8.
_ADMIN: constant(uint256) = 1
_SCOPES: constant(uint256) = 15
# @dev Offices, which the governance seat gives: officer 16, admission officer 32, verifier of credentials 64.
_ADMISSION_OFFICER: constant(uint256) = 32
_OFFICES: constant(uint256) = 112
# @dev Kinds of organisation, tiers and colleges are numbers below these.
_KINDS: constant(uint256) = 6
_TIERS: constant(uint256) = 8
_COLLEGES: constant(uint256) = 8
# @dev How many organisations can be active at once.
_MAX_ACTIVE: constant(uint256) = 2048
# @dev How many accounts an organisation can have.
_MAX_ACCOUNTS: constant(uint256) = 64
# @dev How many members officers can hold suspended at once. More is a matter for a vote.
_MAX_SUSPENDED: constant(uint256) = 8
# @dev Officers' suspension, at most: seven days.
_MAX_SUSPENSION: constant(uint256) = 7 * 86_400
# @dev Histories fit 64 halvings, so the search through one ends.
_HALVINGS: constant(uint256) = 64
# @dev Where the parts of a stored standing lie: status, kind, tier and college have 8 bits each, from bit 0.
_COUNTRY_AT: constant(uint256) = 32
_UNTIL_AT: constant(uint256) = 48
_CHANGE_AT: constant(uint256) = 88
_BLOCK_AT: constant(uint256) = 152
_BYTE: constant(uint256) = 2**8 - 1
_TIME: constant(uint256) = 2**40 - 1
_LOW: constant(uint256) = 2**64 - 1
# @dev EIP-712.
_DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_DOMAIN_NAME: constant(bytes32) = keccak256("Maillon Members")
_DOMAIN_VERSION: constant(bytes32) = keccak256("1")
_CONSENT_TYPE: constant(bytes32) = keccak256("Consent(bytes32 organisation,address account,uint256 nonce)")


# Immutables

# @notice Where the system contracts are listed; its governance decides about members.
directory: public(immutable(address))


# Structs


struct Application:
    # The kind of identifier: lower-case ASCII, padded on the right with zeros: "siren", "lei", "euid", "vat", …
    scheme: bytes32
    # The identifier in its normal form: capital letters, digits, and . - _ within.
    identifier: String[64]
    # As the register of its country writes it.
    legal_name: String[160]
    # 0 company, 1 small company, 2 university or school, 3 administration, 4 association, 5 other.
    kind: uint256
    # ISO 3166-1, two capital letters.
    country: bytes2
    # Its decentralised identifier; empty for none yet.
    did: String[160]


struct Identifier:
    scheme: bytes32
    value: String[64]


struct LegalName:
    name: String[160]
    # The block from which it was the name.
    since: uint256


struct Delegate:
    account: address
    # Scopes and offices, as bits.
    scopes: uint256
    label: bytes32


# Events


event OrganisationApplied:
    organisation: indexed(uint256)
    identifier_hash: indexed(bytes32)
    presenter: indexed(address)


event StatusChanged:
    organisation: indexed(uint256)
    former: uint256
    status: indexed(uint256)


event SuspendedUntil:
    organisation: indexed(uint256)
    until: uint256


event Classified:
    organisation: indexed(uint256)
    kind: uint256
    tier: uint256
    college: uint256
    country: bytes2


event LegalNameChanged:
    organisation: indexed(uint256)
    version: uint256
    legal_name: String[160]


event DidChanged:
    organisation: indexed(uint256)
    did: String[160]


event RolesChanged:
    organisation: indexed(uint256)
    roles: uint256


event AccountAdded:
    organisation: indexed(uint256)
    account: indexed(address)
    scopes: uint256
    label: bytes32


event ScopesChanged:
    organisation: indexed(uint256)
    account: indexed(address)
    scopes: uint256
    label: bytes32


event AccountRemoved:
    organisation: indexed(uint256)
    account: indexed(address)


event AdminOffered:
    organisation: indexed(uint256)
    holder: indexed(address)
    successor: indexed(address)


event AdminAccepted:
    organisation: indexed(uint256)
    former: indexed(address)
    holder: indexed(address)


event CreditAccountChanged:
    organisation: indexed(uint256)
    account: indexed(address)


event NoticeFailed:
    organisation: indexed(uint256)
    listener: indexed(bytes32)


# Storage

# @dev The standing of each organisation: block << 152 | change << 88 | until << 48 | country << 32 | college << 24 |
#      tier << 16 | kind << 8 | status; block and change of its last change. First, so that its slot is 0.
_standing: HashMap[uint256, uint256]
# @dev Account → organisation << 64 | scopes and offices.
_accounts: HashMap[address, uint256]
# @notice How many organisations were ever known; they are numbered from 1.
organisation_count: public(uint256)
# @notice How many changes of standing there were: a point in time finer than a block.
change_count: public(uint256)
# @notice The organisation of an identifier, by `identifier_hash`; 0 when nobody has it.
organisation_by_identifier: public(HashMap[bytes32, uint256])
# @dev Organisation → identifier.
_identifiers: HashMap[uint256, Identifier]
# @notice The decentralised identifier of an organisation; empty for none.
did_of: public(HashMap[uint256, String[160]])
# @notice What votes entrusted an organisation with, as bits.
roles_of: public(HashMap[uint256, uint256])
# @notice How many legal names an organisation has had.
legal_name_count: public(HashMap[uint256, uint256])
# @dev Organisation, version from 1.
_legal_names: HashMap[uint256, HashMap[uint256, LegalName]]
# @dev Organisation, number of its change from 0: what `_standing` was.
_history: HashMap[uint256, HashMap[uint256, uint256]]
# @notice How many changes of standing an organisation has seen.
history_length: public(HashMap[uint256, uint256])
# @dev Account, number from 0: block << 64 | organisation.
_memberships: HashMap[address, HashMap[uint256, uint256]]
_membership_count: HashMap[address, uint256]
# @notice How many accounts an organisation has.
account_count: public(HashMap[uint256, uint256])
# @dev Organisation, place from 0.
_account_at: HashMap[uint256, HashMap[uint256, address]]
_place_of: HashMap[address, uint256]
# @notice An account's label, opaque to everybody but its organisation.
label_of: public(HashMap[address, bytes32])
# @notice How many accounts of an organisation have the scope admin.
admin_count: public(HashMap[uint256, uint256])
# @notice Who offers the scope admin of an organisation.
admin_offered_by: public(HashMap[uint256, address])
# @notice To whom it is offered; zero when to nobody.
admin_offered_to: public(HashMap[uint256, address])
# @notice The account an organisation's credits are paid to; zero for none.
credit_account_of: public(HashMap[uint256, address])
# @notice How many consents an account has given: the nonce of the next one.
consents_of: public(HashMap[address, uint256])
# @dev Place from 0 → credit account << 96 | until << 56 | tier << 48 | organisation, of all whose status is active.
_roll: HashMap[uint256, uint256]
_roll_length: uint256
# @dev Organisation → its place on the roll, plus 1.
_place_on_roll: HashMap[uint256, uint256]
# @dev College → how many have the status active, 32 bits for each tier.
_census: HashMap[uint256, uint256]
# @dev Whom officers suspended; some of it may have passed.
_suspended: DynArray[uint256, _MAX_SUSPENDED]


# Constructor


@deploy
def __init__(directory_: address):
    """
    @notice Members believes one Directory.
    @param directory_ Its address. It may be deployed later.
    """
    assert directory_ != empty(address), "members: directory is nowhere"
    directory = directory_


# External functions that change


@external
def found(application: Application, tier: uint256, college: uint256) -> uint256:
    """
    @notice Enter a founding organisation, in block zero only.
    @param application What it is.
    @param tier Its tier.
    @param college Its college.
    @return uint256 Its number.
    """
    self._check_founding()
    organisation: uint256 = self._enter(application)
    self._admit(organisation, tier, college)
    return organisation


@external
def found_account(organisation: uint256, account: address, scopes: uint256, label: bytes32):
    """
    @notice Give a founding organisation an account, in block zero only; the first one with the scope admin.
    @param organisation The organisation.
    @param account The account.
    @param scopes Scopes and offices, as bits.
    @param label An opaque label.
    """
    self._check_founding()
    assert scopes <= _SCOPES | _OFFICES, "members: unknown scope"
    assert self.admin_count[organisation] != 0 or scopes & _ADMIN != 0, "members: first account is no admin"
    self._bind(organisation, account, scopes, label)
    if self.credit_account_of[organisation] == empty(address):
        self._set_credit_account(organisation, account)


@external
def apply(application: Application, admin: address, label: bytes32, consent: Bytes[256]) -> uint256:
    """
    @notice Present an applicant that was never known. Any member's admin, an admission officer or a vote may.
    @param application What it is.
    @param admin The account that will be its first admin, to which its credits are paid until it chooses another.
    @param label Its opaque label.
    @param consent The signature of that account, see `consent_digest`.
    @return uint256 The number of the organisation.
    @custom:security An identifier is taken for ever, and a refusal is final: documents are read before this.
    """
    self._check_presenter()
    organisation: uint256 = self._enter(application)
    self._consume_consent(organisation, admin, consent)
    self._bind(organisation, admin, _ADMIN, label)
    # Choosing an account costs credits, which nobody would send to an organisation that has none.
    self._set_credit_account(organisation, admin)
    return organisation


@external
def apply_again(organisation: uint256):
    """
    @notice Apply once more after departure or exclusion. Its own admins may, and whoever may present an applicant.
    @param organisation The organisation.
    """
    status: uint256 = self._status(organisation)
    assert status == _DEPARTED or status == _EXCLUDED, "members: neither departed nor excluded"
    if not self._has(msg.sender, organisation, _ADMIN):
        self._check_presenter()
    self._change_status(organisation, _APPLIED)
    log OrganisationApplied(
        organisation=organisation,
        identifier_hash=self._hash_of(organisation),
        presenter=msg.sender,
    )


@external
def admit(organisation: uint256, tier: uint256, college: uint256):
    """
    @notice Make an applicant a member. Only the governance seat, by a vote, and Admissions, by the rule in force.
    @param organisation The applicant.
    @param tier Its tier.
    @param college Its college.
    """
    if not self._is_listed(_ADMISSIONS, msg.sender):
        self._check_governance()
    self._admit(organisation, tier, college)


@external
def refuse(organisation: uint256):
    """
    @notice Refuse an applicant, for ever. Only the governance seat.
    @param organisation The applicant.
    """
    self._check_governance()
    assert self._status(organisation) == _APPLIED, "members: not an applicant"
    self._change_status(organisation, _REFUSED)


@external
def suspend(organisation: uint256):
    """
    @notice Suspend a member until a vote says otherwise. Only the governance seat.
    @param organisation The member.
    """
    self._check_governance()
    assert self._status(organisation) == _ACTIVE, "members: not active"
    self._check_not_last(organisation)
    self._change_status(organisation, _SUSPENDED)
    self._notify(organisation)


@external
def suspend_until(organisation: uint256, until: uint256):
    """
    @notice Suspend a member for a time, after which it is active again by itself. Only Admissions.
    @param organisation The member.
    @param until Unix time in seconds, at most seven days ahead.
    """
    assert self._is_listed(_ADMISSIONS, msg.sender), "members: caller is not admissions"
    assert self._is_active(self._standing[organisation]), "members: not active"
    assert block.timestamp < until and until <= block.timestamp + _MAX_SUSPENSION, "members: not within seven days"
    self._check_not_last(organisation)
    self._remember_suspension(organisation)
    stored: uint256 = self._standing[organisation]
    self._write(organisation, (stored & ~(_TIME << _UNTIL_AT)) | (until << _UNTIL_AT))
    log SuspendedUntil(organisation=organisation, until=until)
    self._notify(organisation)


@external
def reinstate(organisation: uint256):
    """
    @notice End a suspension, a vote's or officers'. Only the governance seat.
    @param organisation The member.
    """
    self._check_governance()
    stored: uint256 = self._standing[organisation]
    briefly: bool = stored & _BYTE == _ACTIVE and not self._is_active(stored)
    assert briefly or stored & _BYTE == _SUSPENDED, "members: not suspended"
    self._change_status(organisation, _ACTIVE)
    self._notify(organisation)


@external
def exclude(organisation: uint256):
    """
    @notice Exclude a member. Only the governance seat.
    @param organisation The member, active or suspended.
    """
    self._check_governance()
    status: uint256 = self._status(organisation)
    assert status == _ACTIVE or status == _SUSPENDED, "members: neither active nor suspended"
    self._check_not_last(organisation)
    self._change_status(organisation, _EXCLUDED)
    self._notify(organisation)


@external
def leave():
    """
    @notice Leave the consortium, as an admin of an active member. The last member cannot.
    """
    organisation: uint256 = self._acting_admin()
    self._check_not_last(organisation)
    self._change_status(organisation, _DEPARTED)
    self._notify(organisation)


@external
def classify(organisation: uint256, kind: uint256, tier: uint256, college: uint256, country: bytes2):
    """
    @notice Say anew what an organisation is. Only the governance seat. Open votes keep what it was at their snapshot.
    @param organisation The organisation.
    @param kind Its kind.
    @param tier Its tier.
    @param college Its college.
    @param country Its country.
    """
    self._check_governance()
    stored: uint256 = self._known(organisation)
    self._check_class(kind, tier, college, country)
    kept: uint256 = stored & (_TIME << _UNTIL_AT | _BYTE)
    self._write(organisation, kept | self._class(kind, tier, college, country))
    log Classified(organisation=organisation, kind=kind, tier=tier, college=college, country=country)


@external
def set_roles(organisation: uint256, roles: uint256):
    """
    @notice Entrust an organisation with roles. Only the governance seat.
    @param organisation The organisation.
    @param roles All of them, as bits.
    """
    self._check_governance()
    self._known(organisation)
    self.roles_of[organisation] = roles
    log RolesChanged(organisation=organisation, roles=roles)


@external
def appoint(account: address, offices: uint256):
    """
    @notice Give offices to an account, or take them. Only the governance seat. They last while it stays in its
            organisation, and rest while that is not active.
    @param account The account.
    @param offices All of them, as bits: 16 officer, 32 admission officer, 64 verifier of credentials.
    """
    self._check_governance()
    assert offices & ~_OFFICES == 0, "members: unknown office"
    organisation: uint256 = self._accounts[account] >> 64
    assert organisation != 0, "members: account belongs to nobody"
    scopes: uint256 = self._accounts[account] & _SCOPES | offices
    self._set_scopes(organisation, account, scopes, self.label_of[account])


@external
def install_admin(organisation: uint256, account: address, label: bytes32, consent: Bytes[256]):
    """
    @notice Make an account the only admin of an organisation whose admins are lost. Only the governance seat.
    @param organisation The organisation.
    @param account The account: its own, or nobody's.
    @param label Its opaque label.
    @param consent The signature of that account, see `consent_digest`.
    """
    self._check_governance()
    self._known(organisation)
    self._consume_consent(organisation, account, consent)
    for place: uint256 in range(self.account_count[organisation], bound=_MAX_ACCOUNTS):
        former: address = self._account_at[organisation][place]
        scopes: uint256 = self._accounts[former] & _LOW
        if scopes & _ADMIN != 0:
            self._set_scopes(organisation, former, scopes & ~_ADMIN, self.label_of[former])
    self._make_admin(organisation, account, label)


@external
def rename(organisation: uint256, legal_name: String[160]):
    """
    @notice Enter the new legal name of an organisation. Only the governance seat and admission officers of others.
    @param organisation The organisation.
    @param legal_name As the register of its country writes it.
    """
    officer_of: uint256 = self._acting(msg.sender, _ADMISSION_OFFICER)
    if officer_of == 0 or officer_of == organisation:
        self._check_governance()
    self._known(organisation)
    self._rename(organisation, legal_name)


@external
def set_did(did: String[160]):
    """
    @notice Say which decentralised identifier is one's own, as an admin.
    @param did The identifier, or nothing. Who resolves it checks that it names this organisation in return.
    """
    organisation: uint256 = self._acting_admin()
    self.did_of[organisation] = did
    log DidChanged(organisation=organisation, did=did)


@external
def add_account(account: address, scopes: uint256, label: bytes32, consent: Bytes[256]):
    """
    @notice Let an account act for one's organisation, as an admin.
    @param account The account, which belongs to no organisation.
    @param scopes What it may do, as bits: 1 admin, 2 vote, 4 operate, 8 publish; 0 for only paying and being paid.
    @param label An opaque label: never a person's name.
    @param consent The signature of that account, see `consent_digest`.
    """
    organisation: uint256 = self._acting_admin()
    assert scopes <= _SCOPES, "members: unknown scope"
    self._consume_consent(organisation, account, consent)
    self._bind(organisation, account, scopes, label)


@external
def set_scopes(account: address, scopes: uint256, label: bytes32):
    """
    @notice Change what an account of one's organisation may do, as an admin. Its offices stay.
    @param account The account.
    @param scopes All its scopes, as bits.
    @param label Its opaque label.
    """
    organisation: uint256 = self._acting_admin()
    assert scopes <= _SCOPES, "members: unknown scope"
    self._check_own(organisation, account)
    held: uint256 = self._accounts[account] & _LOW
    self._check_not_last_admin(organisation, held & ~scopes)
    self._set_scopes(organisation, account, held & _OFFICES | scopes, label)


@external
def remove_account(account: address):
    """
    @notice Let an account of one's organisation act for it no more, as an admin. It takes its offices with it.
    @param account The account.
    """
    organisation: uint256 = self._acting_admin()
    self._check_own(organisation, account)
    self._check_not_last_admin(organisation, self._accounts[account] & _LOW)
    self._release(organisation, account)


@external
def resign():
    """
    @notice Leave one's organisation, whatever its status, as any account but its last admin.
    """
    organisation: uint256 = self._accounts[msg.sender] >> 64
    assert organisation != 0, "members: account belongs to nobody"
    self._check_not_last_admin(organisation, self._accounts[msg.sender] & _LOW)
    self._release(organisation, msg.sender)


@external
def set_credit_account(account: address):
    """
    @notice Choose which account of one's organisation its credits are paid to, as an admin.
    @param account The account.
    """
    organisation: uint256 = self._acting_admin()
    self._check_own(organisation, account)
    self._set_credit_account(organisation, account)


@external
def offer_admin(successor: address):
    """
    @notice Offer one's own scope admin. Nothing changes until the successor accepts.
    @dev A new offer of the organisation replaces the former one. Offering it to oneself withdraws what was offered.
    @param successor An account of the organisation, or of none.
    """
    organisation: uint256 = self._acting_admin()
    assert successor != empty(address), "members: successor is nobody"
    self.admin_offered_by[organisation] = msg.sender
    self.admin_offered_to[organisation] = successor
    log AdminOffered(organisation=organisation, holder=msg.sender, successor=successor)


@external
def accept_admin(organisation: uint256, label: bytes32):
    """
    @notice Take the scope admin that was offered to the caller; who offered it has it no more.
    @param organisation The organisation.
    @param label The caller's opaque label.
    """
    assert msg.sender == self.admin_offered_to[organisation], "members: admin was not offered to you"
    former: address = self.admin_offered_by[organisation]
    assert self._acting(former, _ADMIN) == organisation, "members: offer no longer stands"
    self.admin_offered_by[organisation] = empty(address)
    self.admin_offered_to[organisation] = empty(address)
    if former != msg.sender:
        self._make_admin(organisation, msg.sender, label)
        scopes: uint256 = self._accounts[former] & _LOW
        self._set_scopes(organisation, former, scopes & ~_ADMIN, self.label_of[former])
    log AdminAccepted(organisation=organisation, former=former, holder=msg.sender)


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under.
    @return bytes32 "Members".
    """
    return _INTERFACE_ID


@external
@view
def acting(account: address, scope: uint256) -> uint256:
    """
    @notice For which organisation an account may act now.
    @param account The account.
    @param scope One scope or office, as a bit; or several, all of which it must have; 0 for none.
    @return uint256 The organisation; 0 when the account belongs to none, lacks the scope, or when the organisation is
                    not active.
    """
    return self._acting(account, scope)


@external
@view
def organisation_of(account: address) -> uint256:
    """
    @notice To which organisation an account belongs now, whatever its status.
    @param account The account.
    @return uint256 The organisation, or 0.
    """
    return self._accounts[account] >> 64


@external
@view
def scopes_of(account: address) -> uint256:
    """
    @notice What an account may do for its organisation while that is active.
    @param account The account.
    @return uint256 Scopes and offices, as bits.
    """
    return self._accounts[account] & _LOW


@external
@view
def member_of(account: address, number: uint256) -> uint256:
    """
    @notice To which organisation an account belonged at the end of a block.
    @param account The account.
    @param number The number of the block, not in the future.
    @return uint256 The organisation, or 0.
    """
    assert number <= block.number, "members: block is in the future"
    low: uint256 = 0
    high: uint256 = self._membership_count[account]
    for _: uint256 in range(_HALVINGS):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        if self._memberships[account][middle] >> 64 <= number:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return 0
    return self._memberships[account][low - 1] & _LOW


@external
@view
def is_active(organisation: uint256) -> bool:
    """
    @notice Whether an organisation is a member with all its rights now.
    @param organisation The organisation; any number.
    @return bool True when its status is active and officers do not suspend it.
    """
    return self._is_active(self._standing[organisation])


@external
@view
def standing(organisation: uint256) -> IMembers.Standing:
    """
    @notice What an organisation is now.
    @param organisation The organisation; any number.
    @return Standing All zero for an unknown one.
    """
    return self._unpack(self._standing[organisation])


@external
@view
def standing_at(organisation: uint256, change: uint256) -> IMembers.Standing:
    """
    @notice What an organisation was after a change of the register.
    @param organisation The organisation; any number.
    @param change A number of `change_count`.
    @return Standing All zero when it was unknown then.
    """
    return self._unpack(self._search(organisation, change, _CHANGE_AT))


@external
@view
def standing_at_block(organisation: uint256, number: uint256) -> IMembers.Standing:
    """
    @notice What an organisation was at the end of a block.
    @param organisation The organisation; any number.
    @param number The number of the block.
    @return Standing All zero when it was unknown then. Compare `suspended_until` with that block's time.
    """
    return self._unpack(self._search(organisation, number, _BLOCK_AT))


@external
@view
def active_count() -> uint256:
    """
    @notice How many organisations are active now.
    @return uint256 Those suspended by officers not counted.
    """
    return self._active_count()


@external
@view
def census() -> uint256[8][8]:
    """
    @notice How many organisations are active now, by college and tier.
    @return uint256[8][8] College, then tier. Those suspended by officers not counted.
    """
    counted: uint256[8][8] = empty(uint256[8][8])
    for college: uint256 in range(_COLLEGES):
        counts: uint256 = self._census[college]
        for tier: uint256 in range(_TIERS):
            counted[college][tier] = (counts >> (32 * tier)) & (2**32 - 1)
    for organisation: uint256 in self._suspended:
        stored: uint256 = self._standing[organisation]
        if stored & _BYTE == _ACTIVE and not self._is_active(stored):
            counted[(stored >> 24) & _BYTE][(stored >> 16) & _BYTE] -= 1
    return counted


@external
@view
def roll() -> DynArray[IMembers.Entry, _MAX_ACTIVE]:
    """
    @notice Every organisation whose status is active.
    @return DynArray[Entry, 2048] In no lasting order; each organisation once.
    """
    entries: DynArray[IMembers.Entry, _MAX_ACTIVE] = []
    for place: uint256 in range(self._roll_length, bound=_MAX_ACTIVE):
        word: uint256 = self._roll[place]
        entries.append(
            IMembers.Entry(
                organisation=word & (2**48 - 1),
                tier=(word >> 48) & _BYTE,
                credit_account=convert(word >> 96, address),
                suspended_until=(word >> 56) & _TIME,
            )
        )
    return entries


@external
@view
def identifier_of(organisation: uint256) -> Identifier:
    """
    @notice The legal identifier of an organisation.
    @param organisation The organisation.
    @return Identifier Its scheme and value; empty for an unknown one.
    """
    return self._identifiers[organisation]


@external
@view
def identifier_hash(scheme: bytes32, identifier: String[64]) -> bytes32:
    """
    @notice The key of an identifier in `organisation_by_identifier`. Refuses what is not in normal form.
    @param scheme Its scheme.
    @param identifier Its value.
    @return bytes32 keccak256 of the 32 bytes of the scheme followed by the value.
    """
    return self._identifier_hash(scheme, identifier)


@external
@view
def legal_name_of(organisation: uint256) -> String[160]:
    """
    @notice The legal name of an organisation now.
    @param organisation The organisation.
    @return String[160] The name; empty for an unknown one.
    """
    return self._legal_names[organisation][self.legal_name_count[organisation]].name


@external
@view
def legal_name_at(organisation: uint256, version: uint256) -> LegalName:
    """
    @notice One of the legal names an organisation has had.
    @param organisation The organisation.
    @param version From 1 to `legal_name_count(organisation)`.
    @return LegalName The name, and since which block.
    """
    assert 0 < version and version <= self.legal_name_count[organisation], "members: unknown version"
    return self._legal_names[organisation][version]


@external
@view
def delegates_of(organisation: uint256) -> DynArray[Delegate, _MAX_ACCOUNTS]:
    """
    @notice The accounts of an organisation.
    @param organisation The organisation.
    @return DynArray[Delegate, 64] Each with its scopes, offices and label, in no lasting order.
    """
    delegates: DynArray[Delegate, _MAX_ACCOUNTS] = []
    for place: uint256 in range(self.account_count[organisation], bound=_MAX_ACCOUNTS):
        account: address = self._account_at[organisation][place]
        delegates.append(
            Delegate(account=account, scopes=self._accounts[account] & _LOW, label=self.label_of[account])
        )
    return delegates


@external
@view
def consent_digest(identifier_hash_: bytes32, account: address) -> bytes32:
    """
    @notice What an account signs to belong to an organisation. EIP-712: `Consent` of the domain "Maillon Members",
            version 1, this chain, this contract.
    @param identifier_hash_ The organisation's `identifier_hash`.
    @param account The account; its nonce is `consents_of`.
    @return bytes32 The digest, for secp256k1 or ERC-1271.
    """
    return self._consent_digest(identifier_hash_, account)


# Internal functions that change


@internal
def _enter(application: Application) -> uint256:
    """
    @dev A new organisation with the status applied.
    @param application What it is.
    @return uint256 Its number.
    """
    key: bytes32 = self._identifier_hash(application.scheme, application.identifier)
    assert self.organisation_by_identifier[key] == 0, "members: identifier is taken"
    self._check_class(application.kind, 0, 0, application.country)
    organisation: uint256 = self.organisation_count + 1
    self.organisation_count = organisation
    self.organisation_by_identifier[key] = organisation
    self._identifiers[organisation] = Identifier(scheme=application.scheme, value=application.identifier)
    self._rename(organisation, application.legal_name)
    if application.did != "":
        self.did_of[organisation] = application.did
        log DidChanged(organisation=organisation, did=application.did)
    self._write(organisation, self._class(application.kind, 0, 0, application.country) | _APPLIED)
    log OrganisationApplied(organisation=organisation, identifier_hash=key, presenter=msg.sender)
    return organisation


@internal
def _admit(organisation: uint256, tier: uint256, college: uint256):
    """
    @dev applied → active, with a tier and a college.
    @param organisation The applicant.
    @param tier Its tier.
    @param college Its college.
    """
    stored: uint256 = self._standing[organisation]
    assert stored & _BYTE == _APPLIED, "members: not an applicant"
    assert self._roll_length < _MAX_ACTIVE, "members: all places are taken"
    kind: uint256 = (stored >> 8) & _BYTE
    country: bytes2 = self._country(stored)
    self._check_class(kind, tier, college, country)
    self._write(organisation, self._class(kind, tier, college, country) | _ACTIVE)
    log Classified(organisation=organisation, kind=kind, tier=tier, college=college, country=country)
    log StatusChanged(organisation=organisation, former=_APPLIED, status=_ACTIVE)


@internal
def _change_status(organisation: uint256, status: uint256):
    """
    @dev Another status; whoever calls has checked that there is such an edge. Officers' suspension ends with it.
    @param organisation The organisation.
    @param status The new one.
    """
    stored: uint256 = self._standing[organisation]
    self._write(organisation, (stored & ~(_TIME << _UNTIL_AT | _BYTE)) | status)
    log StatusChanged(organisation=organisation, former=stored & _BYTE, status=status)


@internal
def _write(organisation: uint256, changed: uint256):
    """
    @dev The one place where a standing changes: now, in the history, in the census and on the roll.
    @param organisation The organisation.
    @param changed Its packed standing; whatever its bits of block and change say is replaced.
    """
    former: uint256 = self._standing[organisation]
    self.change_count += 1
    dated: uint256 = changed & (2**_CHANGE_AT - 1) | self.change_count << _CHANGE_AT | block.number << _BLOCK_AT
    self._standing[organisation] = dated
    length: uint256 = self.history_length[organisation]
    self._history[organisation][length] = dated
    self.history_length[organisation] = length + 1
    if former & _BYTE == _ACTIVE:
        self._census[(former >> 24) & _BYTE] -= 1 << (32 * ((former >> 16) & _BYTE))
        if changed & _BYTE != _ACTIVE:
            self._strike_from_roll(organisation)
    if changed & _BYTE == _ACTIVE:
        self._census[(changed >> 24) & _BYTE] += 1 << (32 * ((changed >> 16) & _BYTE))
        if former & _BYTE != _ACTIVE:
            self._place_on_roll[organisation] = self._roll_length + 1
            self._roll_length += 1
        self._write_roll(organisation)


@internal
def _write_roll(organisation: uint256):
    """
    @dev What the roll says of an organisation; nothing for one that is not on it.
    @param organisation The organisation.
    """
    place: uint256 = self._place_on_roll[organisation]
    if place != 0:
        stored: uint256 = self._standing[organisation]
        tier: uint256 = (stored >> 16) & _BYTE
        until: uint256 = (stored >> _UNTIL_AT) & _TIME
        account: uint256 = convert(self.credit_account_of[organisation], uint256)
        self._roll[place - 1] = account << 96 | until << 56 | tier << 48 | organisation


@internal
def _strike_from_roll(organisation: uint256):
    """
    @dev The last of the roll takes the place that becomes free.
    @param organisation The organisation, which is on it.
    """
    place: uint256 = self._place_on_roll[organisation]
    last: uint256 = self._roll_length
    word: uint256 = self._roll[last - 1]
    self._roll[place - 1] = word
    self._place_on_roll[word & (2**48 - 1)] = place
    self._roll[last - 1] = 0
    self._place_on_roll[organisation] = 0
    self._roll_length = last - 1


@internal
def _remember_suspension(organisation: uint256):
    """
    @dev Keep the short list that the census subtracts; what has passed leaves it.
    @param organisation Who joins it.
    """
    lasting: DynArray[uint256, _MAX_SUSPENDED] = []
    for listed: uint256 in self._suspended:
        stored: uint256 = self._standing[listed]
        if stored & _BYTE == _ACTIVE and not self._is_active(stored):
            lasting.append(listed)
    assert len(lasting) < _MAX_SUSPENDED, "members: too many suspended by officers"
    lasting.append(organisation)
    self._suspended = lasting


@internal
def _rename(organisation: uint256, legal_name: String[160]):
    """
    @dev One more legal name.
    @param organisation The organisation.
    @param legal_name The name.
    """
    assert legal_name != "", "members: legal name is empty"
    version: uint256 = self.legal_name_count[organisation] + 1
    self.legal_name_count[organisation] = version
    self._legal_names[organisation][version] = LegalName(name=legal_name, since=block.number)
    log LegalNameChanged(organisation=organisation, version=version, legal_name=legal_name)


@internal
def _bind(organisation: uint256, account: address, scopes: uint256, label: bytes32):
    """
    @dev An account that belonged to nobody belongs to an organisation.
    @param organisation The organisation.
    @param account The account.
    @param scopes Scopes and offices.
    @param label Its label.
    """
    assert account != empty(address), "members: account is nobody"
    assert self._accounts[account] == 0, "members: account belongs to an organisation"
    self._known(organisation)
    place: uint256 = self.account_count[organisation]
    assert place < _MAX_ACCOUNTS, "members: too many accounts"
    self._account_at[organisation][place] = account
    self._place_of[account] = place
    self.account_count[organisation] = place + 1
    self._accounts[account] = organisation << 64 | scopes
    self.label_of[account] = label
    self.admin_count[organisation] += scopes & _ADMIN
    self._record_membership(account, organisation)
    log AccountAdded(organisation=organisation, account=account, scopes=scopes, label=label)


@internal
def _release(organisation: uint256, account: address):
    """
    @dev An account belongs to nobody any more; the last in the list takes its place.
    @param organisation Its organisation.
    @param account The account.
    """
    self.admin_count[organisation] -= self._accounts[account] & _ADMIN
    last: uint256 = self.account_count[organisation] - 1
    moved: address = self._account_at[organisation][last]
    place: uint256 = self._place_of[account]
    self._account_at[organisation][place] = moved
    self._place_of[moved] = place
    self._account_at[organisation][last] = empty(address)
    self.account_count[organisation] = last
    self._accounts[account] = 0
    self.label_of[account] = empty(bytes32)
    self._record_membership(account, 0)
    log AccountRemoved(organisation=organisation, account=account)
    if self.credit_account_of[organisation] == account:
        self._set_credit_account(organisation, empty(address))


@internal
def _record_membership(account: address, organisation: uint256):
    """
    @dev One more step of an account's history; of several in one block the last one counts.
    @param account The account.
    @param organisation Its organisation from this block on, or 0.
    """
    count: uint256 = self._membership_count[account]
    if count != 0 and self._memberships[account][count - 1] >> 64 == block.number:
        count -= 1
    self._memberships[account][count] = block.number << 64 | organisation
    self._membership_count[account] = count + 1


@internal
def _set_scopes(organisation: uint256, account: address, scopes: uint256, label: bytes32):
    """
    @dev Other scopes, offices or label.
    @param organisation The account's organisation.
    @param account The account.
    @param scopes Scopes and offices.
    @param label Its label.
    """
    self.admin_count[organisation] += scopes & _ADMIN
    self.admin_count[organisation] -= self._accounts[account] & _ADMIN
    self._accounts[account] = organisation << 64 | scopes
    self.label_of[account] = label
    log ScopesChanged(organisation=organisation, account=account, scopes=scopes, label=label)


@internal
def _make_admin(organisation: uint256, account: address, label: bytes32):
    """
    @dev Give the scope admin to an account of the organisation or of none.
    @param organisation The organisation.
    @param account The account, which consented.
    @param label Its label.
    """
    if self._accounts[account] >> 64 == organisation:
        self._set_scopes(organisation, account, self._accounts[account] & _LOW | _ADMIN, label)
    else:
        self._bind(organisation, account, _ADMIN, label)


@internal
def _set_credit_account(organisation: uint256, account: address):
    """
    @dev Where credits go.
    @param organisation The organisation.
    @param account Its account, or nobody.
    """
    self.credit_account_of[organisation] = account
    self._write_roll(organisation)
    log CreditAccountChanged(organisation=organisation, account=account)


@internal
def _consume_consent(organisation: uint256, account: address, consent: Bytes[256]):
    """
    @dev Nobody is made to belong to an organisation: the account has signed, once for each time. secp256k1 first, so
         that an account whose code is a delegation (EIP-7702) signs like any other; then ERC-1271.
    @param organisation The organisation.
    @param account The account.
    @param consent Its signature: r, s, v in 65 bytes, or what the contract wants.
    """
    digest: bytes32 = self._consent_digest(self._hash_of(organisation), account)
    self.consents_of[account] += 1
    consented: bool = False
    if len(consent) == 65:
        r: uint256 = convert(slice(consent, 0, 32), uint256)
        s: uint256 = convert(slice(consent, 32, 32), uint256)
        v: uint256 = convert(slice(consent, 64, 1), uint256)
        signer: address = ecrecover(digest, v, r, s)
        consented = signer == account and account != empty(address)
    if not consented and account.codesize != 0:
        answered: bool = False
        answer: Bytes[33] = b""
        answered, answer = raw_call(
            account,
            abi_encode(digest, consent, method_id=method_id("isValidSignature(bytes32,bytes)")),
            max_outsize=33,
            gas=_GAS_OF_CONSENT,
            is_static_call=True,
            revert_on_failure=False,
        )
        if answered and len(answer) == 32:
            consented = slice(answer, 0, 4) == method_id("isValidSignature(bytes32,bytes)")
    assert consented, "members: account does not consent"


@internal
def _notify(organisation: uint256):
    """
    @dev Tell those who must know at once that a member is not active, or is so again. One that fails cannot hold the
         change up: what it missed anyone can make good by calling its `reconcile`.
    @param organisation The organisation.
    @custom:security The gas is there before the first call, so that a caller cannot starve a listener into silence.
    """
    assert msg.gas > 7 * _GAS_OF_NOTICE // 3, "members: too little gas to tell the others"
    for listener: bytes32 in _LISTENERS:
        if staticcall IDirectory(directory).version_of(listener) != 0:
            heard: bool = raw_call(
                staticcall IDirectory(directory).lookup(listener),
                abi_encode(organisation, method_id=method_id("reconcile(uint256)")),
                gas=_GAS_OF_NOTICE,
                revert_on_failure=False,
            )
            if not heard:
                log NoticeFailed(organisation=organisation, listener=listener)


# Internal functions that only read


@internal
@view
def _check_governance():
    """
    @dev Only the governance of the Directory, asked each time: the seat moves in one place.
    """
    assert msg.sender == staticcall IDirectory(directory).governance(), "members: caller is not governance"


@internal
@view
def _check_founding():
    """
    @dev Only the steward, and only while block zero is made. No later block has this number.
    """
    assert block.number == 0, "members: founding is over"
    self._check_governance()


@internal
@view
def _check_presenter():
    """
    @dev Who may present an applicant: a newcomer has nothing to pay with, and identifiers are taken for ever.
    """
    if self._acting(msg.sender, _ADMIN) == 0 and self._acting(msg.sender, _ADMISSION_OFFICER) == 0:
        assert msg.sender == staticcall IDirectory(directory).governance(), "members: caller may not present"


@internal
@view
def _check_own(organisation: uint256, account: address):
    """
    @dev The account belongs to the organisation.
    @param organisation The organisation.
    @param account The account.
    """
    assert self._accounts[account] >> 64 == organisation, "members: account is not yours"


@internal
@view
def _check_not_last(organisation: uint256):
    """
    @dev Somebody stays: a consortium without a member could never decide again.
    @param organisation Who is about to stop being active, if it is.
    """
    remaining: uint256 = self._active_count()
    if self._is_active(self._standing[organisation]):
        remaining -= 1
    assert remaining != 0, "members: nobody would remain"


@internal
@view
def _check_not_last_admin(organisation: uint256, lost: uint256):
    """
    @dev An organisation keeps an admin; the last one hands over.
    @param organisation The organisation.
    @param lost The scopes an account is about to lose.
    """
    assert lost & _ADMIN == 0 or self.admin_count[organisation] > 1, "members: last admin must hand over"


@internal
@pure
def _check_class(kind: uint256, tier: uint256, college: uint256, country: bytes2):
    """
    @dev What can be said of an organisation.
    @param kind Its kind.
    @param tier Its tier.
    @param college Its college.
    @param country Its country.
    """
    assert kind < _KINDS, "members: unknown kind"
    assert tier < _TIERS, "members: unknown tier"
    assert college < _COLLEGES, "members: unknown college"
    letters: uint256 = convert(convert(country, bytes32), uint256) >> 240
    first: uint256 = letters >> 8
    second: uint256 = letters & _BYTE
    assert 65 <= first and first <= 90 and 65 <= second and second <= 90, "members: country is not two capital letters"


@internal
@view
def _is_listed(name: bytes32, caller: address) -> bool:
    """
    @dev Whether the Directory lists the caller under a name.
    @param name The name.
    @param caller Who calls.
    @return bool False also while the name is unknown.
    """
    if staticcall IDirectory(directory).version_of(name) == 0:
        return False
    return staticcall IDirectory(directory).lookup(name) == caller


@internal
@view
def _acting_admin() -> uint256:
    """
    @dev The caller's organisation, for which it acts as an admin.
    @return uint256 The organisation.
    """
    organisation: uint256 = self._acting(msg.sender, _ADMIN)
    assert organisation != 0, "members: caller is not an admin of an active member"
    return organisation


@internal
@view
def _acting(account: address, scope: uint256) -> uint256:
    """
    @dev For whom an account acts.
    @param account The account.
    @param scope Bits it must have.
    @return uint256 The organisation, or 0.
    """
    stored: uint256 = self._accounts[account]
    organisation: uint256 = stored >> 64
    if stored & scope != scope or not self._is_active(self._standing[organisation]):
        return 0
    return organisation


@internal
@view
def _has(account: address, organisation: uint256, scope: uint256) -> bool:
    """
    @dev Whether an account has a scope of an organisation, active or not.
    @param account The account.
    @param organisation The organisation.
    @param scope Bits it must have.
    @return bool Whether it has.
    """
    stored: uint256 = self._accounts[account]
    return stored >> 64 == organisation and stored & scope == scope


@internal
@view
def _status(organisation: uint256) -> uint256:
    """
    @dev The status now.
    @param organisation The organisation.
    @return uint256 0 when unknown.
    """
    return self._standing[organisation] & _BYTE


@internal
@view
def _known(organisation: uint256) -> uint256:
    """
    @dev The standing of an organisation that exists.
    @param organisation The organisation.
    @return uint256 As stored.
    """
    stored: uint256 = self._standing[organisation]
    assert stored != 0, "members: unknown organisation"
    return stored


@internal
@view
def _is_active(stored: uint256) -> bool:
    """
    @dev Whether a standing is that of a member with all its rights now.
    @param stored As stored.
    @return bool Whether it is.
    """
    return stored & _BYTE == _ACTIVE and (stored >> _UNTIL_AT) & _TIME <= block.timestamp


@internal
@view
def _active_count() -> uint256:
    """
    @dev Those on the roll, without those whom officers suspend at this moment.
    @return uint256 The number.
    """
    count: uint256 = self._roll_length
    for organisation: uint256 in self._suspended:
        stored: uint256 = self._standing[organisation]
        if stored & _BYTE == _ACTIVE and not self._is_active(stored):
            count -= 1
    return count


@internal
@view
def _search(organisation: uint256, key: uint256, place: uint256) -> uint256:
    """
    @dev The last change of an organisation at or before a key; changes and blocks both only grow.
    @param organisation The organisation.
    @param key A change or a block.
    @param place Where in the word it lies.
    @return uint256 The word, or 0.
    """
    low: uint256 = 0
    high: uint256 = self.history_length[organisation]
    for _: uint256 in range(_HALVINGS):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        if (self._history[organisation][middle] >> place) & _LOW <= key:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return 0
    return self._history[organisation][low - 1]


@internal
@view
def _hash_of(organisation: uint256) -> bytes32:
    """
    @dev The `identifier_hash` of a known organisation, whose identifier was checked when it was entered.
    @param organisation The organisation.
    @return bytes32 The hash.
    """
    identifier: Identifier = self._identifiers[organisation]
    return keccak256(concat(identifier.scheme, convert(identifier.value, Bytes[64])))


@internal
@view
def _consent_digest(identifier_hash_: bytes32, account: address) -> bytes32:
    """
    @dev EIP-712, "Definition of encode".
    @param identifier_hash_ The organisation's `identifier_hash`.
    @param account The account.
    @return bytes32 The digest.
    """
    domain: bytes32 = keccak256(abi_encode(_DOMAIN_TYPE, _DOMAIN_NAME, _DOMAIN_VERSION, chain.id, self))
    consent: bytes32 = keccak256(abi_encode(_CONSENT_TYPE, identifier_hash_, account, self.consents_of[account]))
    return keccak256(concat(x"1901", domain, consent))


@internal
@pure
def _identifier_hash(scheme: bytes32, identifier: String[64]) -> bytes32:
    """
    @dev One identifier has one form: no other alphabet, no lower case, no space, so that nothing looks alike.
    @param scheme Lower-case letters, digits and hyphens, then zeros.
    @param identifier Capital letters, digits, and . - _ but not first.
    @return bytes32 Its hash.
    """
    name: uint256 = convert(scheme, uint256)
    assert name >> 248 != 0, "members: scheme is empty"
    for place: uint256 in range(32):
        letter: uint256 = (name >> (248 - 8 * place)) & _BYTE
        if letter == 0:
            assert name << (8 * place) == 0, "members: scheme is not in normal form"
            break
        small: bool = 97 <= letter and letter <= 122
        assert small or 48 <= letter and letter <= 57 or letter == 45, "members: scheme is not in normal form"
    data: Bytes[64] = convert(identifier, Bytes[64])
    assert data != b"", "members: identifier is empty"
    for place: uint256 in range(len(data), bound=64):
        letter: uint256 = convert(slice(data, place, 1), uint256)
        allowed: bool = 65 <= letter and letter <= 90 or 48 <= letter and letter <= 57
        if place != 0 and (letter == 45 or letter == 46 or letter == 95):
            allowed = True
        assert allowed, "members: identifier is not in normal form"
    return keccak256(concat(scheme, data))


@internal
@pure
def _class(kind: uint256, tier: uint256, college: uint256, country: bytes2) -> uint256:
    """
    @dev The part of a stored standing that says what an organisation is.
    @param kind Its kind.
    @param tier Its tier.
    @param college Its college.
    @param country Its country.
    @return uint256 With zeros elsewhere.
    """
    letters: uint256 = convert(convert(country, bytes32), uint256) >> 240
    return letters << _COUNTRY_AT | college << 24 | tier << 16 | kind << 8


@internal
@pure
def _country(stored: uint256) -> bytes2:
    """
    @dev The country within a stored standing.
    @param stored As stored.
    @return bytes2 Two letters.
    """
    letters: uint256 = (stored >> _COUNTRY_AT) & (2**16 - 1)
    return convert(convert(letters << 240, bytes32), bytes2)


@internal
@pure
def _unpack(stored: uint256) -> IMembers.Standing:
    """
    @dev The word as it is read.
    @param stored As stored.
    @return Standing Its parts.
    """
    return IMembers.Standing(
        status=stored & _BYTE,
        kind=(stored >> 8) & _BYTE,
        tier=(stored >> 16) & _BYTE,
        college=(stored >> 24) & _BYTE,
        country=self._country(stored),
        suspended_until=(stored >> _UNTIL_AT) & _TIME,
    )
