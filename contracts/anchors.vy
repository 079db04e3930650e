# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize gas
"""
@title Anchors
@license Apache-2.0
@notice The newest state of every transparency log, kept where one storage proof shows it.
@dev A log is owned by an organisation of Members, and its publish delegates are its publishers while it is active. The
     newest anchor of a log is one pair of consecutive storage slots, so `eth_getProof` of two slots is the whole proof;
     older anchors are the `Anchored` events. Anchors of other networks are a space of their own, each under the verifier
     that accepted it.
@custom:security An anchor says that a publisher stated this root in this block. It does not say that the tree of
                 the new root extends the former one: that is a consistency proof, checked off chain by anyone.
"""


from interfaces import IAnchors
from interfaces import IDirectory
from interfaces import IIdentified
from interfaces import IMembers

implements: IAnchors
implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x416e63686f727300000000000000000000000000000000000000000000000000
# @dev "Members".
_MEMBERS: constant(bytes32) = 0x4d656d6265727300000000000000000000000000000000000000000000000000
# @dev Scopes of Members.
_ADMIN: constant(uint256) = 1
_PUBLISH: constant(uint256) = 8
# @dev The lowest 64 bits of a word.
_LOW: constant(uint256) = 2**64 - 1


# Immutables

# @notice Where the system contracts are listed; its governance decides who verifies foreign anchors.
directory: public(immutable(address))


# Structs


struct Anchor:
    # The root of the log's Merkle tree.
    root: bytes32
    # size << 128 | block << 64 | time; 0 only while there is no anchor.
    position: uint256


# Events


event LogRegistered:
    log_id: indexed(bytes32)
    owner: indexed(uint256)


event OwnershipOffered:
    log_id: indexed(bytes32)
    owner: indexed(uint256)
    successor: indexed(uint256)


event OwnershipAccepted:
    log_id: indexed(bytes32)
    former: indexed(uint256)
    owner: indexed(uint256)


event Anchored:
    log_id: indexed(bytes32)
    size: uint64
    root: bytes32
    block: uint64
    time: uint64


event VerifierSet:
    verifier: indexed(address)
    allowed: bool


event ForeignAnchored:
    verifier: indexed(address)
    foreign_id: indexed(bytes32)
    size: uint64
    root: bytes32
    block: uint64
    time: uint64


# Storage

# @dev The newest anchor of each log. First, so that its slot is the one every verifier is told.
_anchors: HashMap[bytes32, Anchor]
# @notice Which organisation owns a log; zero for an unknown log.
owner_of: public(HashMap[bytes32, uint256])
# @notice To which organisation a log is offered; zero when to nobody.
pending_owner_of: public(HashMap[bytes32, uint256])
# @notice Who may accept anchors of other networks.
is_verifier: public(HashMap[address, bool])
# @dev Verifier, foreign log or chain. Under the verifier, so that a wrong one spoils nobody else's.
_foreign: HashMap[address, HashMap[bytes32, Anchor]]


# Constructor


@deploy
def __init__(directory_: address):
    """
    @notice Anchors believes one Directory.
    @param directory_ Its address. It may be deployed later.
    """
    assert directory_ != empty(address), "anchors: directory is nowhere"
    directory = directory_


# External functions that change


@external
def register(log_id: bytes32):
    """
    @notice Make one's organisation the owner of a log nobody owns, as a publish delegate.
    @param log_id SHA-256 of the log's origin.
    @custom:security The first to come owns it. Owning an identifier forges nothing: checkpoints carry the signature
                     of the log's own key.
    """
    assert log_id != empty(bytes32), "anchors: log is empty"
    assert self.owner_of[log_id] == 0, "anchors: log has an owner"
    owner: uint256 = self._acting(msg.sender, _PUBLISH)
    assert owner != 0, "anchors: caller is not a publish delegate of an active member"
    self.owner_of[log_id] = owner
    log LogRegistered(log_id=log_id, owner=owner)


@external
def offer_ownership(log_id: bytes32, successor: uint256):
    """
    @notice Offer a log to another organisation, as an admin of its owner. The governance seat may for an owner that is
            not there to do it. Nothing changes until the successor accepts.
    @dev A new offer replaces the former one. Offering it to oneself withdraws what was offered.
    @param log_id The log.
    @param successor To which organisation.
    """
    owner: uint256 = self.owner_of[log_id]
    assert owner != 0, "anchors: unknown log"
    if self._acting(msg.sender, _ADMIN) != owner:
        self._check_governance()
    assert successor != 0, "anchors: successor is nobody"
    self.pending_owner_of[log_id] = successor
    log OwnershipOffered(log_id=log_id, owner=owner, successor=successor)


@external
def accept_ownership(log_id: bytes32):
    """
    @notice Take a log that was offered to one's organisation, as an admin. The delegates of the former owner are its
            publishers no more.
    @param log_id The log.
    """
    owner: uint256 = self._acting(msg.sender, _ADMIN)
    assert owner != 0 and owner == self.pending_owner_of[log_id], "anchors: log was not offered to you"
    former: uint256 = self.owner_of[log_id]
    self.owner_of[log_id] = owner
    self.pending_owner_of[log_id] = 0
    log OwnershipAccepted(log_id=log_id, former=former, owner=owner)


@external
def anchor(log_id: bytes32, size: uint64, root: bytes32):
    """
    @notice Anchor the newest state of a log.
    @dev The same size with the same root again changes nothing, keeps the first block and time, and emits nothing:
         a publisher that does not know whether its transaction arrived simply sends it again.
    @param log_id The log.
    @param size How many entries it has: never fewer than anchored before.
    @param root The root of its Merkle tree at that size: for an anchored size, never another one.
    """
    assert self._is_publisher(log_id, msg.sender), "anchors: caller is not a publisher"
    if self._advances(self._anchors[log_id], size, root):
        self._anchors[log_id] = self._anchor_now(size, root)
        log Anchored(
            log_id=log_id,
            size=size,
            root=root,
            block=convert(block.number, uint64),
            time=convert(block.timestamp, uint64),
        )


@external
def set_verifier(verifier: address, allowed: bool):
    """
    @notice Let an account or contract accept anchors of other networks, or stop it. Only the Directory's governance.
    @dev What it accepted stays readable.
    @param verifier The account or contract.
    @param allowed Whether it may.
    """
    self._check_governance()
    assert verifier != empty(address), "anchors: verifier is nobody"
    self.is_verifier[verifier] = allowed
    log VerifierSet(verifier=verifier, allowed=allowed)


@external
def anchor_foreign(foreign_id: bytes32, size: uint64, root: bytes32):
    """
    @notice State, as a verifier, that another network's log or chain has come this far.
    @dev The same rules as for our own logs, for each verifier alone.
    @param foreign_id SHA-256 of the foreign log's origin, or of the foreign chain's name.
    @param size Its size, or its height.
    @param root Its root, or the hash of its block.
    """
    assert self.is_verifier[msg.sender], "anchors: caller is not a verifier"
    assert foreign_id != empty(bytes32), "anchors: log is empty"
    if self._advances(self._foreign[msg.sender][foreign_id], size, root):
        self._foreign[msg.sender][foreign_id] = self._anchor_now(size, root)
        log ForeignAnchored(
            verifier=msg.sender,
            foreign_id=foreign_id,
            size=size,
            root=root,
            block=convert(block.number, uint64),
            time=convert(block.timestamp, uint64),
        )


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under.
    @return bytes32 "Anchors".
    """
    return _INTERFACE_ID


@external
@view
def newest(log_id: bytes32) -> IAnchors.Newest:
    """
    @notice The newest anchor of a log.
    @param log_id The log.
    @return Newest The anchor; all zero when there is none.
    """
    return self._unpack(self._anchors[log_id])


@external
@view
def newest_foreign(verifier: address, foreign_id: bytes32) -> IAnchors.Newest:
    """
    @notice The newest anchor of another network that a verifier accepted.
    @param verifier Who accepted it.
    @param foreign_id The foreign log or chain.
    @return Newest The anchor; all zero when there is none.
    """
    return self._unpack(self._foreign[verifier][foreign_id])


@external
@view
def is_publisher(log_id: bytes32, account: address) -> bool:
    """
    @notice Whether an account may anchor a log now.
    @param log_id The log.
    @param account The account.
    @return bool True for the publish delegates of its owner while that is active.
    """
    return self._is_publisher(log_id, account)


# Internal functions that only read


@internal
@view
def _check_governance():
    """
    @dev Only the governance of the Directory, asked each time: the seat moves in one place.
    """
    assert msg.sender == staticcall IDirectory(directory).governance(), "anchors: caller is not governance"


@internal
@view
def _acting(account: address, scope: uint256) -> uint256:
    """
    @dev For which organisation an account acts, as Members says now.
    @param account The account.
    @param scope What it must be allowed.
    @return uint256 The organisation, or 0.
    """
    members: IMembers = IMembers(staticcall IDirectory(directory).lookup(_MEMBERS))
    return staticcall members.acting(account, scope)


@internal
@view
def _is_publisher(log_id: bytes32, account: address) -> bool:
    """
    @dev A publish delegate of the owner, which is active.
    @param log_id The log.
    @param account The account.
    @return bool Whether it may anchor.
    """
    owner: uint256 = self.owner_of[log_id]
    return owner != 0 and self._acting(account, _PUBLISH) == owner


@internal
@view
def _anchor_now(size: uint64, root: bytes32) -> Anchor:
    """
    @dev The pair of words as it is stored.
    @param size The size.
    @param root The root.
    @return Anchor With the present block and time.
    """
    position: uint256 = convert(size, uint256) << 128 | block.number << 64 | block.timestamp
    return Anchor(root=root, position=position)


@internal
@pure
def _advances(former: Anchor, size: uint64, root: bytes32) -> bool:
    """
    @dev The law of anchors. Size 0 and root 0 are refused so that empty slots always mean: never anchored.
    @param former The newest anchor so far.
    @param size The size offered.
    @param root The root offered.
    @return bool Whether there is something to store; False for a repetition.
    """
    assert size != 0, "anchors: size is zero"
    assert root != empty(bytes32), "anchors: root is zero"
    anchored: uint256 = former.position >> 128
    offered: uint256 = convert(size, uint256)
    assert offered >= anchored, "anchors: size shrinks"
    if offered == anchored:
        assert root == former.root, "anchors: same size, another root"
        return False
    return True


@internal
@pure
def _unpack(stored: Anchor) -> IAnchors.Newest:
    """
    @dev The pair of words as it is read.
    @param stored The pair.
    @return Newest Its four parts.
    """
    return IAnchors.Newest(
        size=convert(stored.position >> 128, uint64),
        root=stored.root,
        block=convert((stored.position >> 64) & _LOW, uint64),
        time=convert(stored.position & _LOW, uint64),
    )
