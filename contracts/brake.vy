# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize gas
"""
@title Brake
@license Apache-2.0
@notice The emergency brake: it can only stop publication, never change anything, and ends by itself. Three officers of
        three organisations, or a third of the members, engage it for 72 hours, once in 30 days.
@dev Contracts that publish ask `is_paused` with their own name. Those that decide, know who belongs, or anchor
     evidence are never paused, whatever they ask.
"""


from interfaces import IBrake
from interfaces import IDirectory
from interfaces import IIdentified
from interfaces import IMembers

implements: IBrake
implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x4272616b65000000000000000000000000000000000000000000000000000000
# @dev "Members".
_MEMBERS: constant(bytes32) = 0x4d656d6265727300000000000000000000000000000000000000000000000000
# @dev Governance, Members, Directory, Anchors; Admissions, Network, Credits, Signatures, Brake.
_NEVER_PAUSED: constant(bytes32[9]) = [
    0x476f7665726e616e636500000000000000000000000000000000000000000000,
    0x4d656d6265727300000000000000000000000000000000000000000000000000,
    0x4469726563746f72790000000000000000000000000000000000000000000000,
    0x416e63686f727300000000000000000000000000000000000000000000000000,
    0x41646d697373696f6e7300000000000000000000000000000000000000000000,
    0x4e6574776f726b00000000000000000000000000000000000000000000000000,
    0x4372656469747300000000000000000000000000000000000000000000000000,
    0x5369676e61747572657300000000000000000000000000000000000000000000,
    0x4272616b65000000000000000000000000000000000000000000000000000000,
]
# @dev A scope and an office of Members.
_VOTE: constant(uint256) = 2
_OFFICER: constant(uint256) = 16
# @dev How many officers' organisations are enough.
_OFFICERS: constant(uint256) = 3
# @dev How many members can be active, as in Members; each pulls once in a round.
_MAX_PULLS: constant(uint256) = 2048
# @dev How long it lasts, how long a round of pulling lasts, and how long it then rests: seconds.
_PAUSE: constant(uint256) = 72 * 3_600
_ROUND: constant(uint256) = 24 * 3_600
_REST: constant(uint256) = 30 * 86_400


# Immutables

# @notice Where the system contracts are listed.
directory: public(immutable(address))


# Structs


struct Pulls:
    officers: uint256
    members: uint256


# Events


event BrakePulled:
    organisation: indexed(uint256)
    account: indexed(address)
    as_officer: bool


event BrakeEngaged:
    until: uint256


# Storage

# @notice Until when publication is stopped: Unix time in seconds, 0 for never yet.
paused_until: public(uint256)
# @notice When the present round of pulling began: Unix time in seconds.
round_since: public(uint256)
# @dev Who pulled in this round: as officers' organisations, and as members.
_officers: DynArray[uint256, _OFFICERS]
_pulls: DynArray[uint256, _MAX_PULLS]
# @dev Organisation → the beginning of the round in which it pulled as a member.
_pulled_in: HashMap[uint256, uint256]


# Constructor


@deploy
def __init__(directory_: address):
    """
    @notice Brake believes one Directory.
    @param directory_ Its address. It may be deployed later.
    """
    assert directory_ != empty(address), "brake: directory is nowhere"
    directory = directory_


# External functions that change


@external
def pull():
    """
    @notice Pull the brake for one's organisation, as an officer or as a vote delegate. A pull counts for a day.
    """
    members: IMembers = IMembers(staticcall IDirectory(directory).lookup(_MEMBERS))
    officer_of: uint256 = staticcall members.acting(msg.sender, _OFFICER)
    organisation: uint256 = staticcall members.acting(msg.sender, _VOTE)
    assert officer_of + organisation != 0, "brake: caller is neither an officer nor a vote delegate"
    rested: uint256 = self.paused_until + (_REST - _PAUSE)
    assert self.paused_until == 0 or rested <= block.timestamp, "brake: was used within thirty days"
    if block.timestamp > self.round_since + _ROUND:
        self.round_since = block.timestamp
        self._officers = []
        self._pulls = []
    added: bool = False
    if officer_of != 0 and officer_of not in self._officers:
        self._pull_as_officer(members, officer_of)
        added = True
    if organisation != 0 and self._pulled_in[organisation] != self.round_since:
        self._pulled_in[organisation] = self.round_since
        self._pulls.append(organisation)
        log BrakePulled(organisation=organisation, account=msg.sender, as_officer=False)
        added = True
    assert added, "brake: already pulled"
    if len(self._officers) == _OFFICERS or self._is_third(members):
        self._engage()


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under.
    @return bytes32 "Brake".
    """
    return _INTERFACE_ID


@external
@view
def is_paused(name: bytes32) -> bool:
    """
    @notice Whether the contract of a name must not publish now.
    @param name The name in the Directory. Governance, Members, Directory, Anchors and what they need never pause.
    @return bool True while the brake is engaged.
    """
    return block.timestamp < self.paused_until and name not in _NEVER_PAUSED


@external
@view
def pulls() -> Pulls:
    """
    @notice How many have pulled in the present round.
    @return Pulls Officers' organisations, and members; both 0 when the round is over.
    """
    if block.timestamp > self.round_since + _ROUND:
        return empty(Pulls)
    return Pulls(officers=len(self._officers), members=len(self._pulls))


# Internal functions that change


@internal
def _pull_as_officer(members: IMembers, organisation: uint256):
    """
    @dev Three organisations that are active at the same moment: who is not any more makes room.
    @param members The register.
    @param organisation The officer's organisation.
    """
    standing: DynArray[uint256, _OFFICERS] = []
    for other: uint256 in self._officers:
        if staticcall members.is_active(other):
            standing.append(other)
    standing.append(organisation)
    self._officers = standing
    log BrakePulled(organisation=organisation, account=msg.sender, as_officer=True)


@internal
def _engage():
    """
    @dev Stop publication. A new round begins with the next pull.
    """
    until: uint256 = block.timestamp + _PAUSE
    self.paused_until = until
    self.round_since = 0
    self._officers = []
    self._pulls = []
    log BrakeEngaged(until=until)


# Internal functions that only read


@internal
@view
def _is_third(members: IMembers) -> bool:
    """
    @dev Whether those that pulled and are active are a third. They are looked at only when they could be.
    @param members The register.
    @return bool Whether they are.
    """
    active: uint256 = staticcall members.active_count()
    if 3 * len(self._pulls) < active:
        return False
    standing: uint256 = 0
    for organisation: uint256 in self._pulls:
        if staticcall members.is_active(organisation):
            standing += 1
    return 3 * standing >= active
