# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize gas
"""
@title Directory
@license Apache-2.0
@notice Where the system contracts are: a name leads to one contract, with a version and its whole history.
@dev There is no proxy anywhere. A new version of a contract is a new contract, and a decision of the governance
     seat that moves its name here. Before the first vote the seat is held by the steward of genesis.
@custom:security A name is moved, never removed: whoever looks it up always finds code that answered to that name.
"""


from interfaces import IIdentified

implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x4469726563746f72790000000000000000000000000000000000000000000000
# @dev What a target may spend on answering `interface_id`.
_GAS_OF_ANSWER: constant(uint256) = 50_000
# @dev Versions fit 64 halvings, so the search through a history ends.
_HALVINGS: constant(uint256) = 64


# Structs


struct Period:
    # The contract.
    target: address
    # The block from which the name led there.
    since: uint256
    # The block from which it led elsewhere; 0 while it still leads there.
    until: uint256


# Events


event Pointed:
    name: indexed(bytes32)
    target: indexed(address)
    version: uint256
    previous: address


event GovernanceOffered:
    holder: indexed(address)
    successor: indexed(address)


event GovernanceAccepted:
    former: indexed(address)
    holder: indexed(address)


# Storage

# @notice Who may point names.
governance: public(address)
# @notice To whom the seat is offered; zero when to nobody.
pending_governance: public(address)
# @notice How many names there are.
name_count: public(uint256)
# @notice The names in the order in which they first appeared, from 0.
name_at: public(HashMap[uint256, bytes32])
# @notice How many contracts a name has had; 0 for an unknown name. The newest one has this version.
version_of: public(HashMap[bytes32, uint256])
# @dev Every contract a name has had, by version from 1.
_periods: HashMap[bytes32, HashMap[uint256, Period]]


# Constructor


@deploy
def __init__(governance: address):
    """
    @notice The seat exists from the first block.
    @param governance Who holds it first.
    """
    assert governance != empty(address), "directory: governance is nobody"
    self._take_governance(governance)


# External functions that change


@external
def point(name: bytes32, target: address):
    """
    @notice Lead a name to a contract: a new name, or the next version of a known one.
    @param name The name: ASCII, padded on the right with zeros.
    @param target A contract whose `interface_id` answers exactly this name.
    @custom:security A contract that is made and destroyed within the very transaction that points to it would leave
                     a name without code. Governance executes calls that everybody read beforehand.
    """
    self._check_governance()
    self._check_target(name, target)
    self._point(name, target)


@external
def offer_governance(successor: address):
    """
    @notice Offer the seat. Nothing changes until the successor accepts.
    @dev A new offer replaces the former one. Offering it to oneself withdraws what was offered.
    @param successor To whom.
    """
    self._check_governance()
    assert successor != empty(address), "directory: successor is nobody"
    self.pending_governance = successor
    log GovernanceOffered(holder=msg.sender, successor=successor)


@external
def accept_governance():
    """
    @notice Take the seat that was offered to the caller.
    """
    assert msg.sender == self.pending_governance, "directory: seat was not offered to you"
    self._take_governance(msg.sender)


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under.
    @return bytes32 "Directory".
    """
    return _INTERFACE_ID


@external
@view
def lookup(name: bytes32) -> address:
    """
    @notice Where a system contract is now.
    @param name The name.
    @return address Its contract, never zero; an unknown name reverts.
    """
    return self._periods[name][self._known(name)].target


@external
@view
def lookup_at(name: bytes32, number: uint256) -> address:
    """
    @notice Where a system contract was at the end of a block.
    @param name The name.
    @param number The number of the block.
    @return address Its contract then; reverts when the name was not known yet.
    """
    return self._periods[name][self._version_at(name, number)].target


@external
@view
def period(name: bytes32, version: uint256) -> Period:
    """
    @notice One step of a name's history.
    @param name The name.
    @param version From 1 to `version_of(name)`.
    @return Period The contract, from which block, until which block.
    """
    assert 0 < version and version <= self.version_of[name], "directory: unknown version"
    return self._periods[name][version]


# Internal functions that change


@internal
def _point(name: bytes32, target: address):
    """
    @dev Close the current period, open the next one.
    @param name The name.
    @param target Where it leads from now on.
    """
    version: uint256 = self.version_of[name]
    previous: address = self._periods[name][version].target
    assert target != previous, "directory: name leads there already"
    if version == 0:
        self.name_at[self.name_count] = name
        self.name_count += 1
    else:
        self._periods[name][version].until = block.number
    version += 1
    self.version_of[name] = version
    self._periods[name][version] = Period(target=target, since=block.number, until=0)
    log Pointed(name=name, target=target, version=version, previous=previous)


@internal
def _take_governance(holder: address):
    """
    @dev The second step of the hand-over.
    @param holder Who holds the seat from now on.
    """
    former: address = self.governance
    self.governance = holder
    self.pending_governance = empty(address)
    log GovernanceAccepted(former=former, holder=holder)


# Internal functions that only read


@internal
@view
def _check_governance():
    """
    @dev Only the seat.
    """
    assert msg.sender == self.governance, "directory: caller is not governance"


@internal
@view
def _check_target(name: bytes32, target: address):
    """
    @dev A target must be code that answers to the name. An account that delegates to code (EIP-7702) has a
         designator that begins with 0xef, which no deployed code can (EIP-3541); it could stop delegating, and the
         name would lead nowhere.
    @param name The name.
    @param target The contract.
    """
    assert name != empty(bytes32), "directory: name is empty"
    assert target.codesize != 0, "directory: target has no code"
    assert slice(target.code, 0, 1) != x"ef", "directory: target only delegates"
    answered: bool = False
    answer: Bytes[33] = b""
    answered, answer = raw_call(
        target,
        method_id("interface_id()"),
        max_outsize=33,
        gas=_GAS_OF_ANSWER,
        is_static_call=True,
        revert_on_failure=False,
    )
    assert answered and len(answer) == 32, "directory: target does not answer"
    assert convert(slice(answer, 0, 32), bytes32) == name, "directory: target answers to another name"


@internal
@view
def _known(name: bytes32) -> uint256:
    """
    @dev The newest version of a name that exists.
    @param name The name.
    @return uint256 The version, at least 1.
    """
    version: uint256 = self.version_of[name]
    assert version != 0, "directory: unknown name"
    return version


@internal
@view
def _version_at(name: bytes32, number: uint256) -> uint256:
    """
    @dev The last version whose period began at or before a block: periods begin in the order of their versions.
    @param name The name.
    @param number The number of the block.
    @return uint256 The version.
    """
    low: uint256 = 1
    high: uint256 = self._known(name)
    assert self._periods[name][low].since <= number, "directory: unknown name then"
    for _: uint256 in range(_HALVINGS):
        if low == high:
            break
        middle: uint256 = (low + high + 1) // 2
        if self._periods[name][middle].since <= number:
            low = middle
        else:
            high = middle - 1
    return low
