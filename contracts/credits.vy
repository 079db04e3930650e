# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize gas
"""
@title Credits
@license Apache-2.0
@notice How much of the network each member may use. It says what validators pay to members' accounts in every period,
        and the least fee they ask of everybody.
@dev The fees are burnt, so what is granted in a period is a quota. It depends on nothing but tiers, statuses and what
     votes set here, and together never exceeds half of what the blocks of a period can carry at the least fee; beyond,
     everybody's part shrinks alike.
@custom:security Validators do not believe this contract: they apply bounds of their own. A new floor tip does not wait
                 for the next period, an allowance does.
"""


from interfaces import ICredits
from interfaces import IDirectory
from interfaces import IIdentified
from interfaces import IMembers

implements: ICredits
implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x4372656469747300000000000000000000000000000000000000000000000000
# @dev "Members".
_MEMBERS: constant(bytes32) = 0x4d656d6265727300000000000000000000000000000000000000000000000000
# @dev How many members can be active, as in Members.
_MAX_ACTIVE: constant(uint256) = 2048
# @dev Tiers and colleges are numbers below these.
_TIERS: constant(uint256) = 8
_COLLEGES: constant(uint256) = 8
# @dev Wei in a Gwei, the unit of EIP-4895.
_GWEI: constant(uint256) = 10**9
# @dev Bounds that no vote can leave: never free, never above 1,000 gwei.
_LEAST_TIP: constant(uint256) = 1
_MOST_TIP: constant(uint256) = 1_000 * _GWEI
# @dev An allowance, at most: a billion units of the network. It keeps every sum far below 256 bits.
_MOST_ALLOWANCE: constant(uint256) = 10**18
# @dev One part in this of what blocks can carry is granted. EIP-1559 aims at half full blocks.
_SHARE: constant(uint256) = 2


# Immutables

# @notice Where the system contracts are listed; its governance sets allowances and the floor tip.
directory: public(immutable(address))
# @notice How long a period is, in blocks. It never changes: a period that began could be paid twice.
period_length: public(immutable(uint256))
# @notice How much gas a block can carry.
block_gas: public(immutable(uint256))


# Events


event AllowancesChanged:
    allowances: uint256[8]


event FloorTipChanged:
    floor_tip: uint256


# Storage

# @notice The least priority fee of every transaction: wei for each gas.
floor_tip: public(uint256)
# @dev What an account of a tier is granted in a period, in Gwei.
_allowances: uint256[8]


# Constructor


@deploy
def __init__(
    directory_: address, period_length_: uint256, block_gas_: uint256, floor_tip: uint256, allowances: uint256[8]
):
    """
    @notice Credits believes one Directory, and starts with what the founders decided.
    @param directory_ Its address. It may be deployed later.
    @param period_length_ Blocks of a period.
    @param block_gas_ How much gas a block can carry.
    @param floor_tip Wei for each gas.
    @param allowances Gwei in a period, by tier.
    """
    assert directory_ != empty(address), "credits: directory is nowhere"
    assert 0 < period_length_ and period_length_ <= 1_000_000, "credits: period out of bounds"
    assert 0 < block_gas_ and block_gas_ <= 1_000_000_000, "credits: gas of a block out of bounds"
    directory = directory_
    period_length = period_length_
    block_gas = block_gas_
    self._change_floor_tip(floor_tip)
    self._change_allowances(allowances)


# External functions that change


@external
def set_allowances(allowances: uint256[8]):
    """
    @notice Change what members are granted in a period. Only the governance seat.
    @param allowances Gwei, by tier; 0 for nothing.
    """
    self._check_governance()
    self._change_allowances(allowances)


@external
def set_floor_tip(floor_tip: uint256):
    """
    @notice Change the least priority fee. Only the governance seat, and within bounds that no vote can leave.
    @param floor_tip Wei for each gas, from 1 to 10^12.
    """
    self._check_governance()
    self._change_floor_tip(floor_tip)


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under.
    @return bytes32 "Credits".
    """
    return _INTERFACE_ID


@external
@view
def grants(period: uint256) -> DynArray[ICredits.Grant, _MAX_ACTIVE]:
    """
    @notice Whom the block that begins a period pays: block `period * period_length()`, asked of its parent's state.
    @dev All of a period's grants in one answer: there is nothing to add in later blocks of the period.
    @param period The period: the number of the block asked for, plus one, divided by `period_length()`. For any other
                  period there is nothing.
    @return DynArray[Grant, 2048] Each account once, each amount at least 1.
    """
    granted: DynArray[ICredits.Grant, _MAX_ACTIVE] = []
    if period == (block.number + 1) // period_length:
        members: IMembers = self._members()
        allowances: uint256[8] = self._scaled(members)
        roll: DynArray[IMembers.Entry, _MAX_ACTIVE] = staticcall members.roll()
        for entry: IMembers.Entry in roll:
            amount: uint256 = allowances[entry.tier]
            if amount != 0 and entry.credit_account != empty(address) and entry.suspended_until <= block.timestamp:
                granted.append(ICredits.Grant(account=entry.credit_account, amount=amount))
    return granted


@external
@view
def allowance_of(tier: uint256) -> uint256:
    """
    @notice What votes decided for a tier.
    @param tier The tier.
    @return uint256 Gwei in a period.
    """
    assert tier < _TIERS, "credits: unknown tier"
    return self._allowances[tier]


@external
@view
def scaled_allowances() -> uint256[8]:
    """
    @notice What a member of each tier is granted, as things stand. It is less than its allowance when all together
            would exceed `capacity`.
    @return uint256[8] Gwei in a period, by tier.
    """
    return self._scaled(self._members())


@external
@view
def capacity() -> uint256:
    """
    @notice The most that is granted in a period to all together: half of what its blocks can carry at the floor tip.
    @return uint256 Gwei.
    """
    return self._capacity()


# Internal functions that change


@internal
def _change_allowances(allowances: uint256[8]):
    """
    @dev Within bounds.
    @param allowances Gwei, by tier.
    """
    for allowance: uint256 in allowances:
        assert allowance <= _MOST_ALLOWANCE, "credits: allowance out of bounds"
    self._allowances = allowances
    log AllowancesChanged(allowances=allowances)


@internal
def _change_floor_tip(floor_tip: uint256):
    """
    @dev Within bounds.
    @param floor_tip Wei for each gas.
    """
    assert _LEAST_TIP <= floor_tip and floor_tip <= _MOST_TIP, "credits: floor tip out of bounds"
    self.floor_tip = floor_tip
    log FloorTipChanged(floor_tip=floor_tip)


# Internal functions that only read


@internal
@view
def _check_governance():
    """
    @dev Only the governance of the Directory, asked each time: the seat moves in one place.
    """
    assert msg.sender == staticcall IDirectory(directory).governance(), "credits: caller is not governance"


@internal
@view
def _members() -> IMembers:
    """
    @dev The register, whichever contract it is now.
    @return IMembers The contract.
    """
    return IMembers(staticcall IDirectory(directory).lookup(_MEMBERS))


@internal
@view
def _capacity() -> uint256:
    """
    @dev In Gwei, rounded down.
    @return uint256 The most that is granted in a period.
    """
    return period_length * block_gas * self.floor_tip // (_SHARE * _GWEI)


@internal
@view
def _scaled(members: IMembers) -> uint256[8]:
    """
    @dev Everybody's part shrinks alike, and is rounded down, so that the sum stays within the capacity.
    @param members The register.
    @return uint256[8] Gwei, by tier.
    """
    allowances: uint256[8] = self._allowances
    census: uint256[8][8] = staticcall members.census()
    wanted: uint256 = 0
    for college: uint256 in range(_COLLEGES):
        for tier: uint256 in range(_TIERS):
            wanted += census[college][tier] * allowances[tier]
    capacity: uint256 = self._capacity()
    if wanted > capacity:
        for tier: uint256 in range(_TIERS):
            allowances[tier] = allowances[tier] * capacity // wanted
    return allowances
