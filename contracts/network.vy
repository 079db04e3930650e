# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
"""
@title Network
@license Apache-2.0
@notice Which keys sign blocks, and which nodes are let in. Every validator reads it in the state of each block's parent.
@dev Every validator key has a power and a power it moves to; a key whose two differ is queued. `advance` moves powers,
     in the order of the queue, by less than a third of all power in an epoch, and never below the least number of
     validators once it was reached. Keys are proven: Ed25519 by Signatures, secp256k1 by the EVM itself.
@custom:security Validators do not believe this contract: they keep their set when an answer is unusable, and apply
                 bounds of their own. A key that was once used is never accepted again, not even from its owner.
"""


from interfaces import IDirectory
from interfaces import IGovernance
from interfaces import IIdentified
from interfaces import IMembers
from interfaces import INetwork
from interfaces import ISignatures

implements: INetwork
implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x4e6574776f726b00000000000000000000000000000000000000000000000000
# @dev "Members", "Governance" and "Signatures".
_MEMBERS: constant(bytes32) = 0x4d656d6265727300000000000000000000000000000000000000000000000000
_GOVERNANCE: constant(bytes32) = 0x476f7665726e616e636500000000000000000000000000000000000000000000
_SIGNATURES: constant(bytes32) = 0x5369676e61747572657300000000000000000000000000000000000000000000
# @dev The scope operate of Members.
_OPERATE: constant(uint256) = 4
# @dev Constitutional, of Governance.
_CONSTITUTIONAL: constant(uint256) = 2
# @dev The statuses of Members that are not the end of a membership.
_ACTIVE: constant(uint256) = 2
_SUSPENDED: constant(uint256) = 3
# @dev How many validators there can be, seated or about to be.
_MAX_VALIDATORS: constant(uint256) = 64
# @dev How many validators one organisation can have, whatever a vote says.
_MAX_OF_ONE: constant(uint256) = 8
# @dev How many nodes there can be.
_MAX_NODES: constant(uint256) = 256
# @dev Four is the least number of validators that tolerates a fault.
_LEAST: constant(uint256) = 4
# @dev The most power of a key.
_MAX_POWER: constant(uint256) = 1_000
# @dev Blocks of an epoch.
_EPOCH: constant(uint256) = 100
# @dev Tiers are numbers below this.
_TIERS: constant(uint256) = 8
# @dev What a key is proven for: the first 32 bytes of what is signed.
_VALIDATOR_KEY: constant(bytes32) = sha256("maillon validator key")
_NODE_KEY: constant(bytes32) = sha256("maillon node key")


# Immutables

# @notice Where the system contracts are listed; its governance changes powers and limits.
directory: public(immutable(address))


# Structs


struct Seat:
    # Whose key it is; 0 for a key that was never used.
    organisation: uint256
    # In force.
    power: uint256
    # Where it moves to.
    target: uint256
    # Whether it is given up for good, rather than set aside.
    retired: bool


struct Machine:
    organisation: uint256
    consensus_id: bytes20
    # Place in the list from 1; 0 when it was removed.
    place: uint256


# Events


event ValidatorQueued:
    public_key: indexed(bytes32)
    organisation: indexed(uint256)
    power: uint256
    target: uint256


event ValidatorChanged:
    public_key: indexed(bytes32)
    organisation: indexed(uint256)
    power: uint256
    target: uint256


event NodeAdded:
    organisation: indexed(uint256)
    consensus_id: indexed(bytes20)
    execution_key: Bytes[64]


event NodeRemoved:
    organisation: indexed(uint256)
    consensus_id: indexed(bytes20)
    execution_key: Bytes[64]


event MinimumChanged:
    minimum: uint256


event ValidatorLimitChanged:
    organisation: indexed(uint256)
    limit: uint256


event NodeLimitsChanged:
    limits: uint256[8]


# Storage

# @dev Keys with power, in no lasting order.
_seated: DynArray[bytes32, _MAX_VALIDATORS]
# @dev Every validator key that was ever used.
_seats: HashMap[bytes32, Seat]
# @dev Keys whose power differs from its target, in the order in which that began.
_queue: DynArray[bytes32, _MAX_VALIDATORS]
# @dev Organisation → its keys that are not given up.
_keys_of: HashMap[uint256, DynArray[bytes32, _MAX_OF_ONE]]
# @dev Organisation → how many keys a vote allows it; 0 for one.
_limit_of: HashMap[uint256, uint256]
# @notice How many validators stay at least, once they were reached.
minimum: public(uint256)
# @notice Whether four validators were reached.
founded: public(bool)
# @notice The sum of all powers.
total_power: public(uint256)
# @dev The epoch of the last change, the power at its beginning, and how much of it has moved.
_epoch: uint256
_epoch_power: uint256
_epoch_moved: uint256
# @dev Nodes: place from 0 → execution key, in two halves.
_execution_keys: DynArray[bytes32[2], _MAX_NODES]
# @dev keccak256 of an execution key → what it belongs to. Every execution key that was ever used.
_machines: HashMap[bytes32, Machine]
# @notice Whether a CometBFT node identifier was ever used.
is_used: public(HashMap[bytes20, bool])
# @notice How many nodes an organisation has.
node_count_of: public(HashMap[uint256, uint256])
# @notice How many nodes an organisation can have, by tier.
node_limits: public(uint256[8])


# Constructor


@deploy
def __init__(directory_: address):
    """
    @notice Network believes one Directory.
    @param directory_ Its address. It may be deployed later.
    """
    assert directory_ != empty(address), "network: directory is nowhere"
    directory = directory_
    self.minimum = _LEAST
    self.node_limits = [2, 2, 3, 4, 4, 6, 6, 8]


# External functions that change


@external
def found_validator(organisation: uint256, public_key: bytes32):
    """
    @notice Seat a validator of a founding organisation, in block zero only.
    @param organisation The organisation.
    @param public_key Its Ed25519 key; the founders vouch for it.
    """
    self._check_founding()
    keys: uint256 = len(self._keys_of[organisation])
    if keys != 0:
        self._limit_of[organisation] = keys + 1
    self._claim(organisation, public_key)
    self._seats[public_key].target = 1
    self._move(public_key, 1)


@external
def found_node(organisation: uint256, execution_key: Bytes[64], consensus_id: bytes20):
    """
    @notice Let a node of a founding organisation in, in block zero only.
    @param organisation The organisation.
    @param execution_key Its secp256k1 key, 64 bytes.
    @param consensus_id Its CometBFT node identifier.
    """
    self._check_founding()
    self._add_node(organisation, execution_key, consensus_id)


@external
def join(public_key: bytes32, signature: Bytes[64]):
    """
    @notice Become a validator, as an operate delegate of an active member. The key is queued.
    @param public_key An Ed25519 key that was never used.
    @param signature Its signature over `validator_digest`.
    """
    organisation: uint256 = self._operator()
    digest: bytes32 = self._digest(_VALIDATOR_KEY, organisation)
    signatures: ISignatures = ISignatures(staticcall IDirectory(directory).lookup(_SIGNATURES))
    assert staticcall signatures.verify(public_key, digest, signature), "network: key is not proven"
    self._claim(organisation, public_key)
    self._aim(public_key, 1)
    self._advance()


@external
def leave(public_key: bytes32):
    """
    @notice Give a validator key up for good, as an operate delegate. It signs until the queue has let it go.
    @param public_key The key.
    """
    self._check_own(public_key)
    self._retire(public_key)
    self._advance()


@external
def resume(public_key: bytes32):
    """
    @notice Come back with a key that was set aside, as an operate delegate of a member that is active again.
    @param public_key The key.
    """
    self._check_own(public_key)
    assert self._seats[public_key].target == 0, "network: key was not set aside"
    self._aim(public_key, 1)
    self._advance()


@external
def set_power(public_key: bytes32, power: uint256):
    """
    @notice Give a validator another power, 0 to set it aside. Only the governance seat. The change is queued.
    @param public_key A key that is not given up.
    @param power Its power when the queue has moved it there.
    """
    self._check_governance()
    seat: Seat = self._seats[public_key]
    assert seat.organisation != 0 and not seat.retired, "network: unknown key"
    assert power <= _MAX_POWER, "network: too much power"
    self._aim(public_key, power)
    self._advance()


@external
def retire(public_key: bytes32):
    """
    @notice Make a validator give its key up for good. Only the governance seat.
    @param public_key A key that is not given up.
    """
    self._check_governance()
    seat: Seat = self._seats[public_key]
    assert seat.organisation != 0 and not seat.retired, "network: unknown key"
    self._retire(public_key)
    self._advance()


@external
def set_limit(organisation: uint256, limit: uint256):
    """
    @notice Say how many validators an organisation can have. Only the governance seat. Those it has stay.
    @param organisation The organisation.
    @param limit From 1 to 8.
    """
    self._check_governance()
    assert 0 < limit and limit <= _MAX_OF_ONE, "network: limit out of bounds"
    self._limit_of[organisation] = limit
    log ValidatorLimitChanged(organisation=organisation, limit=limit)


@external
def set_minimum(minimum: uint256):
    """
    @notice Say how many validators stay at least. Only a constitutional vote, or the seat before Governance took it.
    @param minimum From 4 to 64.
    """
    self._check_governance()
    governance: address = staticcall IDirectory(directory).lookup(_GOVERNANCE)
    if msg.sender == governance:
        kind: uint256 = staticcall IGovernance(governance).executing_kind()
        assert kind == _CONSTITUTIONAL, "network: not constitutional"
    assert _LEAST <= minimum and minimum <= _MAX_VALIDATORS, "network: minimum out of bounds"
    self.minimum = minimum
    log MinimumChanged(minimum=minimum)


@external
def set_node_limits(limits: uint256[8]):
    """
    @notice Say how many nodes an organisation can have, by tier. Only the governance seat. Those there are stay.
    @param limits One number for each tier.
    """
    self._check_governance()
    for limit: uint256 in limits:
        assert limit <= _MAX_NODES, "network: limit out of bounds"
    self.node_limits = limits
    log NodeLimitsChanged(limits=limits)


@external
def add_node(
    execution_key: Bytes[64], execution_signature: Bytes[65], consensus_key: bytes32, consensus_signature: Bytes[64]
):
    """
    @notice Let a node in, as an operate delegate of an active member.
    @param execution_key The secp256k1 key of its geth, 64 bytes, never used.
    @param execution_signature The signature of that key over `node_digest`: r, s, v.
    @param consensus_key The Ed25519 key of its CometBFT, never used; only its identifier is kept.
    @param consensus_signature The signature of that key over `node_digest`.
    """
    organisation: uint256 = self._operator()
    members: IMembers = self._members()
    standing: IMembers.Standing = staticcall members.standing(organisation)
    assert self.node_count_of[organisation] < self.node_limits[standing.tier], "network: too many nodes for the tier"
    digest: bytes32 = self._digest(_NODE_KEY, organisation)
    assert len(execution_key) == 64 and len(execution_signature) == 65, "network: key has another length"
    r: uint256 = convert(slice(execution_signature, 0, 32), uint256)
    s: uint256 = convert(slice(execution_signature, 32, 32), uint256)
    v: uint256 = convert(slice(execution_signature, 64, 1), uint256)
    signer: address = ecrecover(digest, v, r, s)
    expected: address = convert(convert(keccak256(execution_key), uint256) & (2**160 - 1), address)
    assert signer == expected and signer != empty(address), "network: execution key is not proven"
    signatures: ISignatures = ISignatures(staticcall IDirectory(directory).lookup(_SIGNATURES))
    proven: bool = staticcall signatures.verify(consensus_key, digest, consensus_signature)
    assert proven, "network: consensus key is not proven"
    consensus_id: bytes20 = convert(slice(sha256(consensus_key), 0, 20), bytes20)
    self._add_node(organisation, execution_key, consensus_id)


@external
def remove_node(execution_key: Bytes[64]):
    """
    @notice Let a node in no more, as an operate delegate. Its keys are never accepted again.
    @param execution_key Its execution key.
    """
    machine: Machine = self._machines[keccak256(execution_key)]
    assert machine.place != 0, "network: unknown node"
    assert self._operator() == machine.organisation, "network: node is not yours"
    self._remove_node(execution_key, machine)


@external
def clear_node(execution_key: Bytes[64]):
    """
    @notice Make room: take a node from the list whose organisation has departed or was excluded. Anybody may, and the
            governance seat may for any node.
    @param execution_key Its execution key.
    """
    machine: Machine = self._machines[keccak256(execution_key)]
    assert machine.place != 0, "network: unknown node"
    if not self._is_gone(machine.organisation):
        self._check_governance()
    self._remove_node(execution_key, machine)


@external
def reconcile(organisation: uint256):
    """
    @notice Let the validators of an organisation that is not active now leave, as fast as the queue allows.
    @dev Anyone may call it at any time; Members does, whenever a member stops being active. Nodes need nothing: `nodes`
         asks Members about each.
    @param organisation The organisation; any number.
    """
    members: IMembers = self._members()
    if not staticcall members.is_active(organisation):
        gone: bool = self._is_gone(organisation)
        keys: DynArray[bytes32, _MAX_OF_ONE] = self._keys_of[organisation]
        for public_key: bytes32 in keys:
            if gone:
                self._retire(public_key)
            elif self._seats[public_key].target != 0:
                self._aim(public_key, 0)
        self._advance()


@external
def advance():
    """
    @notice Move the powers of queued keys as far as this epoch allows. Anybody may, at any time.
    """
    self._advance()


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under.
    @return bytes32 "Network".
    """
    return _INTERFACE_ID


@external
@view
def validators() -> DynArray[INetwork.Validator, _MAX_VALIDATORS]:
    """
    @notice Who signs blocks.
    @return DynArray[Validator, 64] Each key once, each power at least 1.
    """
    seated: DynArray[INetwork.Validator, _MAX_VALIDATORS] = []
    for public_key: bytes32 in self._seated:
        seat: Seat = self._seats[public_key]
        seated.append(
            INetwork.Validator(public_key=public_key, power=seat.power, organisation=seat.organisation)
        )
    return seated


@external
@view
def nodes() -> DynArray[INetwork.Node, _MAX_NODES]:
    """
    @notice Whose connections are accepted: the nodes of every active organisation.
    @return DynArray[Node, 256] Each key once.
    """
    members: IMembers = self._members()
    accepted: DynArray[INetwork.Node, _MAX_NODES] = []
    for place: uint256 in range(len(self._execution_keys), bound=_MAX_NODES):
        halves: bytes32[2] = self._execution_keys[place]
        execution_key: Bytes[64] = concat(halves[0], halves[1])
        machine: Machine = self._machines[keccak256(execution_key)]
        if staticcall members.is_active(machine.organisation):
            accepted.append(
                INetwork.Node(
                    execution_key=execution_key,
                    consensus_id=machine.consensus_id,
                    organisation=machine.organisation,
                )
            )
    return accepted


@external
@view
def queue() -> DynArray[bytes32, _MAX_VALIDATORS]:
    """
    @notice The keys whose power is about to change, in the order in which it will.
    @return DynArray[bytes32, 64] The keys.
    """
    return self._queue


@external
@view
def seat_of(public_key: bytes32) -> Seat:
    """
    @notice What is known of a validator key.
    @param public_key The key.
    @return Seat All zero for one that was never used.
    """
    return self._seats[public_key]


@external
@view
def keys_of(organisation: uint256) -> DynArray[bytes32, _MAX_OF_ONE]:
    """
    @notice The validator keys of an organisation that it has not given up.
    @param organisation The organisation.
    @return DynArray[bytes32, 8] The keys.
    """
    return self._keys_of[organisation]


@external
@view
def limit_of(organisation: uint256) -> uint256:
    """
    @notice How many validators an organisation can have.
    @param organisation The organisation.
    @return uint256 1 unless a vote said otherwise.
    """
    return max(1, self._limit_of[organisation])


@external
@view
def budget() -> uint256:
    """
    @notice How much power can still move in this epoch.
    @return uint256 Power.
    """
    return self._budget()


@external
@view
def validator_digest(organisation: uint256) -> bytes32:
    """
    @notice What a validator key signs to be proven.
    @param organisation Whose it will be.
    @return bytes32 SHA-256 of: SHA-256 of "maillon validator key", chain id, this contract, organisation; 32 bytes each.
    """
    return self._digest(_VALIDATOR_KEY, organisation)


@external
@view
def node_digest(organisation: uint256) -> bytes32:
    """
    @notice What both keys of a node sign to be proven.
    @param organisation Whose it will be.
    @return bytes32 SHA-256 of: SHA-256 of "maillon node key", chain id, this contract, organisation; 32 bytes each.
    """
    return self._digest(_NODE_KEY, organisation)


# Internal functions that change


@internal
def _claim(organisation: uint256, public_key: bytes32):
    """
    @dev A key that was never used is an organisation's from now on, and nobody's else for ever.
    @param organisation The organisation.
    @param public_key The key.
    """
    assert public_key != empty(bytes32), "network: key is empty"
    assert self._seats[public_key].organisation == 0, "network: key was used"
    keys: uint256 = len(self._keys_of[organisation])
    assert keys < max(1, self._limit_of[organisation]), "network: too many validators of one organisation"
    self._keys_of[organisation].append(public_key)
    self._seats[public_key] = Seat(organisation=organisation, power=0, target=0, retired=False)


@internal
def _aim(public_key: bytes32, target: uint256):
    """
    @dev Another target; the key is in the queue exactly while its power differs.
    @param public_key The key.
    @param target The power it moves to.
    """
    seat: Seat = self._seats[public_key]
    was_queued: bool = seat.power != seat.target
    self._seats[public_key].target = target
    if target != 0 and seat.target == 0 and seat.power == 0:
        assert len(self._seated) + self._joining() < _MAX_VALIDATORS, "network: all seats are taken"
    if seat.power != target and not was_queued:
        self._queue.append(public_key)
    elif seat.power == target and was_queued:
        self._unqueue(public_key)
    log ValidatorQueued(public_key=public_key, organisation=seat.organisation, power=seat.power, target=target)


@internal
def _retire(public_key: bytes32):
    """
    @dev Given up for good: the organisation may bring another key.
    @param public_key The key.
    """
    organisation: uint256 = self._seats[public_key].organisation
    self._seats[public_key].retired = True
    kept: DynArray[bytes32, _MAX_OF_ONE] = []
    for other: bytes32 in self._keys_of[organisation]:
        if other != public_key:
            kept.append(other)
    self._keys_of[organisation] = kept
    self._aim(public_key, 0)


@internal
def _unqueue(public_key: bytes32):
    """
    @dev Out of the queue; the order of the others stays.
    @param public_key The key.
    """
    kept: DynArray[bytes32, _MAX_VALIDATORS] = []
    for other: bytes32 in self._queue:
        if other != public_key:
            kept.append(other)
    self._queue = kept


@internal
def _advance():
    """
    @dev Go through the queue once: move what the budget allows, set aside what is not active any more, leave what must
         stay because too few would remain.
    """
    members: IMembers = self._members()
    if self._epoch != self._number():
        self._epoch = self._number()
        self._epoch_power = self.total_power
        self._epoch_moved = 0
    waiting: DynArray[bytes32, _MAX_VALIDATORS] = []
    for public_key: bytes32 in self._queue:
        seat: Seat = self._seats[public_key]
        if seat.target > seat.power and not staticcall members.is_active(seat.organisation):
            seat.target = 0
            self._seats[public_key].target = 0
        power: uint256 = self._next_power(seat)
        if power != seat.power:
            self._epoch_moved += max(power, seat.power) - min(power, seat.power)
            self._move(public_key, power)
        if power != seat.target:
            waiting.append(public_key)
    self._queue = waiting


@internal
def _move(public_key: bytes32, power: uint256):
    """
    @dev Another power in force: a key with power has a seat.
    @param public_key The key.
    @param power The power.
    """
    seat: Seat = self._seats[public_key]
    if seat.power == 0:
        self._seated.append(public_key)
        if len(self._seated) >= _LEAST:
            self.founded = True
    elif power == 0:
        self._unseat(public_key)
    self.total_power = self.total_power + power - seat.power
    self._seats[public_key].power = power
    log ValidatorChanged(public_key=public_key, organisation=seat.organisation, power=power, target=seat.target)


@internal
def _unseat(public_key: bytes32):
    """
    @dev The last takes the seat that becomes free.
    @param public_key Who leaves it.
    """
    last: bytes32 = self._seated.pop()
    if last != public_key:
        for place: uint256 in range(len(self._seated), bound=_MAX_VALIDATORS):
            if self._seated[place] == public_key:
                self._seated[place] = last
                break


@internal
def _add_node(organisation: uint256, execution_key: Bytes[64], consensus_id: bytes20):
    """
    @dev One more node, whose two keys were never used.
    @param organisation Whose.
    @param execution_key Its execution key.
    @param consensus_id Its CometBFT identifier.
    """
    assert len(execution_key) == 64, "network: key has another length"
    key: bytes32 = keccak256(execution_key)
    assert self._machines[key].organisation == 0 and not self.is_used[consensus_id], "network: key was used"
    assert len(self._execution_keys) < _MAX_NODES, "network: all places are taken"
    first: bytes32 = convert(slice(execution_key, 0, 32), bytes32)
    second: bytes32 = convert(slice(execution_key, 32, 32), bytes32)
    self._execution_keys.append([first, second])
    self._machines[key] = Machine(
        organisation=organisation, consensus_id=consensus_id, place=len(self._execution_keys)
    )
    self.is_used[consensus_id] = True
    self.node_count_of[organisation] += 1
    log NodeAdded(organisation=organisation, consensus_id=consensus_id, execution_key=execution_key)


@internal
def _remove_node(execution_key: Bytes[64], machine: Machine):
    """
    @dev The last of the list takes the place that becomes free.
    @param execution_key The node's execution key.
    @param machine What is known of it.
    """
    last: bytes32[2] = self._execution_keys.pop()
    self._machines[keccak256(concat(last[0], last[1]))].place = machine.place
    self._machines[keccak256(execution_key)].place = 0
    if machine.place <= len(self._execution_keys):
        self._execution_keys[machine.place - 1] = last
    self.node_count_of[machine.organisation] -= 1
    log NodeRemoved(
        organisation=machine.organisation, consensus_id=machine.consensus_id, execution_key=execution_key
    )


# Internal functions that only read


@internal
@view
def _check_governance():
    """
    @dev Only the governance of the Directory, asked each time: the seat moves in one place.
    """
    assert msg.sender == staticcall IDirectory(directory).governance(), "network: caller is not governance"


@internal
@view
def _check_founding():
    """
    @dev Only the steward, and only while block zero is made. No later block has this number.
    """
    assert block.number == 0, "network: founding is over"
    self._check_governance()


@internal
@view
def _check_own(public_key: bytes32):
    """
    @dev The key is the caller's organisation's, and not given up.
    @param public_key The key.
    """
    organisation: uint256 = self._operator()
    seat: Seat = self._seats[public_key]
    assert seat.organisation == organisation and not seat.retired, "network: key is not yours"


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
def _operator() -> uint256:
    """
    @dev The organisation for which the caller operates.
    @return uint256 The organisation.
    """
    members: IMembers = self._members()
    organisation: uint256 = staticcall members.acting(msg.sender, _OPERATE)
    assert organisation != 0, "network: caller is not an operate delegate of an active member"
    return organisation


@internal
@view
def _is_gone(organisation: uint256) -> bool:
    """
    @dev Whether an organisation departed or was excluded; also when it applies again.
    @param organisation The organisation.
    @return bool Whether it is no member, not even a suspended one.
    """
    members: IMembers = self._members()
    standing: IMembers.Standing = staticcall members.standing(organisation)
    return standing.status != _ACTIVE and standing.status != _SUSPENDED


@internal
@view
def _number() -> uint256:
    """
    @dev The epoch, from 1, so that 0 is before all of them.
    @return uint256 Its number.
    """
    return block.number // _EPOCH + 1


@internal
@view
def _budget() -> uint256:
    """
    @dev Strictly less than a third of the power at the beginning of the epoch. Fewer than four validators tolerate no
         fault whatever they do: there the budget is one, or they could never become four.
    @return uint256 What is left.
    """
    power: uint256 = self.total_power
    moved: uint256 = 0
    if self._epoch == self._number():
        power = self._epoch_power
        moved = self._epoch_moved
    whole: uint256 = 1 if power < _LEAST else (power - 1) // 3
    return whole - min(moved, whole)


@internal
@view
def _next_power(seat: Seat) -> uint256:
    """
    @dev How far a key moves now.
    @param seat The key.
    @return uint256 Its power from now on.
    """
    left: uint256 = self._budget()
    if seat.target >= seat.power:
        return min(seat.target, seat.power + left)
    power: uint256 = max(seat.target, seat.power - min(left, seat.power))
    if power == 0 and len(self._seated) <= self._floor():
        # Too few would remain: it keeps the least power there is.
        return 1
    return power


@internal
@view
def _floor() -> uint256:
    """
    @dev How many validators must remain.
    @return uint256 The number; one while four were never reached.
    """
    if self.founded:
        return self.minimum
    return 1


@internal
@view
def _joining() -> uint256:
    """
    @dev How many queued keys are on their way to a first seat.
    @return uint256 The number.
    """
    count: uint256 = 0
    for public_key: bytes32 in self._queue:
        seat: Seat = self._seats[public_key]
        if seat.power == 0 and seat.target != 0:
            count += 1
    return count


@internal
@view
def _digest(purpose: bytes32, organisation: uint256) -> bytes32:
    """
    @dev What a key signs: for one purpose, chain, contract and organisation.
    @param purpose The purpose.
    @param organisation The organisation.
    @return bytes32 The digest.
    """
    return sha256(abi_encode(purpose, chain.id, self, organisation))
