# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
"""
@title Governance
@license Apache-2.0
@notice Where members decide. A proposal is the hash of a text and the calls it would make; organisations take positions;
        what passed waits, and then anybody executes it, all of it or nothing.
@dev The snapshot of a proposal is one moment of the register (`change_count`), finer than a block: voters, weights and
     colleges are those of that moment, and its totals are the register's census then. Counting is incremental: a
     position moves one word; an organisation that stops being active is taken out of every open vote at once, and one
     that is active again before the close comes back (`reconcile`). Calls are kept as a hash; the event `Proposed` has
     them in full.
@custom:security Execution is an ordinary call of this contract to itself, so that a failing call undoes the others and
                 leaves its reason. There is no delegate call. Who executes can give too little gas: that fails, is
                 recorded as a failure, and changes nothing.
"""


from interfaces import IDirectory
from interfaces import IGovernance
from interfaces import IIdentified
from interfaces import IMembers

implements: IGovernance
implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x476f7665726e616e636500000000000000000000000000000000000000000000
# @dev "Members" and "Network".
_MEMBERS: constant(bytes32) = 0x4d656d6265727300000000000000000000000000000000000000000000000000
_NETWORK: constant(bytes32) = 0x4e6574776f726b00000000000000000000000000000000000000000000000000
# @dev Names that only a constitutional vote moves: who decides, by whom, where names lead, who validates.
_CONSTITUTIONAL_NAMES: constant(bytes32[4]) = [
    0x476f7665726e616e636500000000000000000000000000000000000000000000,
    0x4d656d6265727300000000000000000000000000000000000000000000000000,
    0x4469726563746f72790000000000000000000000000000000000000000000000,
    0x4e6574776f726b00000000000000000000000000000000000000000000000000,
]
# @dev The scope vote of Members.
_VOTE: constant(uint256) = 2
# @dev The status active of Members.
_ACTIVE: constant(uint256) = 2
# @dev Kinds of proposals.
_ORDINARY: constant(uint256) = 1
_CONSTITUTIONAL: constant(uint256) = 2
_EMERGENCY: constant(uint256) = 3
# @dev Positions; 0 is none.
_FOR: constant(uint256) = 1
_AGAINST: constant(uint256) = 2
_ABSTAIN: constant(uint256) = 3
_OBJECT: constant(uint256) = 4
# @dev States of a proposal; 0 is unknown.
_ANNOUNCED: constant(uint256) = 1
_OPEN: constant(uint256) = 2
_REFUSED: constant(uint256) = 3
_WAITING: constant(uint256) = 4
_EXECUTABLE: constant(uint256) = 5
_EXECUTED: constant(uint256) = 6
_EXPIRED: constant(uint256) = 7
# @dev Tiers and colleges are numbers below these.
_TIERS: constant(uint256) = 8
_COLLEGES: constant(uint256) = 8
# @dev What `missing` writes for all colleges together.
_WHOLE: constant(uint256) = 8
# @dev How many proposals are announced or open at once; the last eight places are for emergencies.
_MAX_OPEN: constant(uint256) = 32
_MAX_OPEN_USUAL: constant(uint256) = 24
# @dev How many of them one organisation can have made.
_MAX_OF_ONE: constant(uint256) = 2
# @dev How many calls a proposal makes, and how long each is.
_MAX_CALLS: constant(uint256) = 16
_MAX_DATA: constant(uint256) = 2048
# @dev How much of a reason for failure is kept.
_MAX_REASON: constant(uint256) = 256
# @dev The most proxies that statutes can allow a holder.
_MAX_PROXIES: constant(uint256) = 16
# @dev Bounds that statutes cannot leave.
_DAY: constant(uint256) = 86_400
_MAX_WINDOW: constant(uint256) = 60 * _DAY
_MAX_WEIGHT: constant(uint256) = 1_000
# @dev Parts of a quorum.
_PARTS: constant(uint256) = 10_000
# @dev Tallies have 48 bits for each sum.
_SUM: constant(uint256) = 2**48 - 1


# Immutables

# @notice Where the system contracts are listed.
directory: public(immutable(address))


# Structs


struct Call:
    target: address
    # Selector and arguments. No value is ever sent.
    data: Bytes[_MAX_DATA]


struct Terms:
    # Which part of the weight must take a position, in ten-thousandths.
    quorum: uint256
    # Which part of those for and against must be for, as a fraction; a tie never is enough.
    numerator: uint256
    denominator: uint256
    # How long a vote is open at least, in seconds.
    window: uint256
    # How long what passed waits, in seconds.
    lock: uint256


struct Statutes:
    # Ordinary, constitutional, emergency.
    terms: Terms[3]
    # How long before it opens a vote is announced at least, in seconds. Emergencies need none.
    notice: uint256
    # How long what passed can be executed, in seconds.
    expiry: uint256
    # How many proxies a holder can use in a vote.
    proxies: uint256
    # Whether quorum and majority must be reached in each college.
    by_college: bool
    # How much the vote of an organisation weighs, by tier.
    weights: uint256[8]


struct Proposal:
    kind: uint256
    # The version of the statutes it is judged by.
    statutes: uint256
    # The organisation that made it.
    proposer: uint256
    text_hash: bytes32
    # keccak256 of the ABI encoding of its calls.
    calls_hash: bytes32
    # Unix times in seconds: votes from `opens` to before `closes`, execution from `executable_from` to before `expires`.
    opens: uint256
    closes: uint256
    executable_from: uint256
    expires: uint256
    # The snapshot: its block, its time, and the change of Members, which is what counts.
    snapshot_block: uint256
    snapshot_time: uint256
    snapshot_change: uint256
    executed: bool


struct Tally:
    # Of the snapshot, without those who stopped being active while the vote was open and have not come back.
    total: uint256
    in_favour: uint256
    against: uint256
    abstaining: uint256
    # Counts as against.
    objecting: uint256


struct Ballot:
    # 0 none, 1 for, 2 against, 3 abstain, 4 object. Struck, it is what the organisation had said itself, and waits.
    position: uint256
    # Who cast it as a proxy; 0 when the organisation did itself.
    holder: uint256
    # What it weighs; 0 for who has no vote.
    weight: uint256
    college: uint256
    # Whether the organisation stopped being active while the vote was open, and has not come back: it counts in neither
    # number then.
    struck: bool


struct Lacking:
    # 0 to 7, or 8 for all together.
    college: uint256
    # What weight must still take a position for the quorum.
    quorum: uint256
    # What weight must still be added in favour for the majority, if nobody changes position.
    majority: uint256
    # What weight has not taken a position.
    undecided: uint256


struct Proxy:
    holder: uint256
    # Unix time in seconds.
    until: uint256


# Events


event Proposed:
    proposal: indexed(uint256)
    proposer: indexed(uint256)
    kind: indexed(uint256)
    text_hash: bytes32
    calls: DynArray[Call, _MAX_CALLS]
    opens: uint256
    closes: uint256
    executable_from: uint256
    expires: uint256
    snapshot_block: uint256
    snapshot_change: uint256
    statutes: uint256


event PositionTaken:
    proposal: indexed(uint256)
    organisation: indexed(uint256)
    position: uint256
    holder: indexed(uint256)
    weight: uint256
    college: uint256
    reason_hash: bytes32


event PositionWithdrawn:
    proposal: indexed(uint256)
    organisation: indexed(uint256)


event VoterStruck:
    proposal: indexed(uint256)
    organisation: indexed(uint256)
    weight: uint256
    college: uint256


event VoterRestored:
    proposal: indexed(uint256)
    organisation: indexed(uint256)
    weight: uint256
    college: uint256
    position: uint256


event ProxyGiven:
    giver: indexed(uint256)
    holder: indexed(uint256)
    proposal: indexed(uint256)
    until: uint256


event ProxyRevoked:
    giver: indexed(uint256)
    holder: indexed(uint256)
    proposal: indexed(uint256)


event ProposalExecuted:
    proposal: indexed(uint256)
    executor: indexed(address)


event ExecutionFailed:
    proposal: indexed(uint256)
    executor: indexed(address)
    reason: Bytes[_MAX_REASON]


event StatutesChanged:
    version: indexed(uint256)
    statutes: Statutes


# Storage

# @dev Proposal from 1.
_proposals: HashMap[uint256, Proposal]
# @notice How many proposals there were; they are numbered from 1.
proposal_count: public(uint256)
# @dev Proposal, college → objecting << 192 | abstaining << 144 | against << 96 | in favour << 48 | total.
_tallies: HashMap[uint256, HashMap[uint256, uint256]]
# @dev Proposal, organisation.
_ballots: HashMap[uint256, HashMap[uint256, Ballot]]
# @dev Proposals announced or open; some of it may have closed.
_open: DynArray[uint256, _MAX_OPEN]
# @notice The version of the statutes in force, from 1.
statutes_version: public(uint256)
# @dev Version.
_statutes: HashMap[uint256, Statutes]
# @dev Giver → holder, for a period.
_standing_proxies: HashMap[uint256, Proxy]
# @dev Holder → givers of standing proxies; some may have passed.
_givers: HashMap[uint256, DynArray[uint256, _MAX_PROXIES]]
# @dev Proposal, giver → holder.
_proxies: HashMap[uint256, HashMap[uint256, uint256]]
# @dev Proposal, holder → how many were given for it alone.
_proxies_given: HashMap[uint256, HashMap[uint256, uint256]]
# @notice How many proxies a holder has used: proposal, holder.
proxies_used: public(HashMap[uint256, HashMap[uint256, uint256]])
# @notice Why the last execution of a proposal failed: what the failing call reverted with, at most 256 bytes.
failure_of: public(HashMap[uint256, Bytes[_MAX_REASON]])
# @dev Which proposal `perform` may perform, once.
_performing: transient(uint256)
# @notice Of which kind the proposal is that is being executed at this very moment; 0 for none.
executing_kind: public(transient(uint256))


# Constructor


@deploy
def __init__(directory_: address, statutes: Statutes):
    """
    @notice Governance believes one Directory, and starts with the statutes of the founders.
    @param directory_ Its address. It may be deployed later.
    @param statutes The statutes.
    """
    assert directory_ != empty(address), "governance: directory is nowhere"
    directory = directory_
    self._change_statutes(statutes)


# External functions that change


@external
def propose(
    kind: uint256, text_hash: bytes32, calls: DynArray[Call, _MAX_CALLS], opens: uint256, closes: uint256
) -> uint256:
    """
    @notice Put something to the vote, as a vote delegate of an active member. The snapshot is this very moment.
    @param kind 1 ordinary, 2 constitutional, 3 emergency.
    @param text_hash SHA-256 of the text people read.
    @param calls What is done when it passed, in order; none for a resolution without effect here.
    @param opens Unix time in seconds from which positions are taken.
    @param closes Unix time in seconds from which they are not.
    @return uint256 The number of the proposal.
    """
    members: IMembers = self._members()
    proposer: uint256 = self._voter(members)
    assert _ORDINARY <= kind and kind <= _EMERGENCY, "governance: unknown kind"
    assert text_hash != empty(bytes32), "governance: text is empty"
    version: uint256 = self.statutes_version
    statutes: Statutes = self._statutes[version]
    terms: Terms = statutes.terms[kind - 1]
    self._check_times(kind, statutes.notice, terms.window, opens, closes)
    self._check_calls(kind, calls)
    proposal: uint256 = self.proposal_count + 1
    self.proposal_count = proposal
    self._join_open(proposal, proposer, kind)
    change: uint256 = staticcall members.change_count()
    from_then: uint256 = closes + terms.lock
    self._proposals[proposal] = Proposal(
        kind=kind,
        statutes=version,
        proposer=proposer,
        text_hash=text_hash,
        calls_hash=keccak256(abi_encode(calls)),
        opens=opens,
        closes=closes,
        executable_from=from_then,
        expires=from_then + statutes.expiry,
        snapshot_block=block.number,
        snapshot_time=block.timestamp,
        snapshot_change=change,
        executed=False,
    )
    census: uint256[8][8] = staticcall members.census()
    for college: uint256 in range(_COLLEGES):
        total: uint256 = 0
        for tier: uint256 in range(_TIERS):
            total += census[college][tier] * statutes.weights[tier]
        if total != 0:
            self._tallies[proposal][college] = total
    log Proposed(
        proposal=proposal,
        proposer=proposer,
        kind=kind,
        text_hash=text_hash,
        calls=calls,
        opens=opens,
        closes=closes,
        executable_from=from_then,
        expires=from_then + statutes.expiry,
        snapshot_block=block.number,
        snapshot_change=change,
        statutes=version,
    )
    return proposal


@external
def cast(proposal: uint256, position: uint256, reason_hash: bytes32):
    """
    @notice Take a position for one's organisation, as a vote delegate. It can be changed until the close; it replaces
            what a proxy cast.
    @param proposal The proposal.
    @param position 1 for, 2 against, 3 abstain, 4 object.
    @param reason_hash A hash of the reason; an objection needs one.
    """
    organisation: uint256 = self._voter(self._members())
    self._cast(proposal, organisation, 0, position, reason_hash)


@external
def cast_for(proposal: uint256, giver: uint256, position: uint256, reason_hash: bytes32):
    """
    @notice Take a position for an organisation that gave its proxy, as a vote delegate of the holder.
    @param proposal The proposal.
    @param giver Who gave its proxy and has not taken a position itself.
    @param position 1 for, 2 against, 3 abstain, 4 object.
    @param reason_hash A hash of the reason; an objection needs one.
    """
    members: IMembers = self._members()
    holder: uint256 = self._voter(members)
    assert self._proposals[proposal].kind != _EMERGENCY, "governance: no proxies in an emergency"
    assert self._holder(proposal, giver) == holder, "governance: proxy was not given to you"
    assert staticcall members.is_active(giver), "governance: giver is not active"
    own: Ballot = self._ballot(proposal, holder)
    assert own.weight != 0, "governance: holder has no vote here"
    if own.struck and block.timestamp < self._proposals[proposal].closes:
        self._restore(proposal, holder)
    ballot: Ballot = self._ballots[proposal][giver]
    assert ballot.position == 0 or ballot.holder != 0, "governance: a direct vote beats a proxy"
    self._cast(proposal, giver, holder, position, reason_hash)
    allowed: uint256 = self._statutes[self._proposals[proposal].statutes].proxies
    assert self.proxies_used[proposal][holder] <= allowed, "governance: too many proxies"


@external
def give_proxy(proposal: uint256, holder: uint256):
    """
    @notice Let another member take one's position in one vote, as a vote delegate. It replaces a proxy given before.
    @param proposal The proposal, not of an emergency.
    @param holder The other member.
    """
    giver: uint256 = self._check_proxy(holder)
    kind: uint256 = self._proposals[proposal].kind
    assert kind != 0 and block.timestamp < self._proposals[proposal].closes, "governance: vote is not open"
    assert kind != _EMERGENCY, "governance: no proxies in an emergency"
    self._revoke(proposal, giver)
    count: uint256 = self._proxies_given[proposal][holder] + 1
    allowed: uint256 = self._statutes[self._proposals[proposal].statutes].proxies
    assert count + len(self._lasting_givers(holder)) <= allowed, "governance: too many proxies"
    self._proxies_given[proposal][holder] = count
    self._proxies[proposal][giver] = holder
    log ProxyGiven(giver=giver, holder=holder, proposal=proposal, until=self._proposals[proposal].closes)


@external
def give_standing_proxy(holder: uint256, until: uint256):
    """
    @notice Let another member take one's position in every vote of a period, as a vote delegate. It replaces a standing
            proxy given before; a proxy for one vote goes before it.
    @param holder The other member.
    @param until Unix time in seconds: what was cast before counts, nothing is cast after.
    """
    giver: uint256 = self._check_proxy(holder)
    assert block.timestamp < until, "governance: period is over"
    self._revoke_standing(giver)
    givers: DynArray[uint256, _MAX_PROXIES] = self._lasting_givers(holder)
    assert len(givers) < self._statutes[self.statutes_version].proxies, "governance: too many proxies"
    givers.append(giver)
    self._givers[holder] = givers
    self._standing_proxies[giver] = Proxy(holder=holder, until=until)
    log ProxyGiven(giver=giver, holder=holder, proposal=0, until=until)


@external
def revoke_proxy(proposal: uint256):
    """
    @notice Take back the proxy for one vote, and what was cast with it if the vote is open.
    @param proposal The proposal.
    """
    giver: uint256 = self._voter(self._members())
    assert self._proxies[proposal][giver] != 0, "governance: no proxy to revoke"
    self._revoke(proposal, giver)


@external
def revoke_standing_proxy():
    """
    @notice Take back the standing proxy, and what was cast with it in votes that are open.
    """
    giver: uint256 = self._voter(self._members())
    assert self._standing_proxies[giver].holder != 0, "governance: no proxy to revoke"
    self._revoke_standing(giver)


@external
def reconcile(organisation: uint256):
    """
    @notice Strike an organisation that is not active now from every open vote, or let one that is active again back in.
            Struck, it counts in neither number; back, it has the position it had taken itself.
    @dev Anyone may call it at any time; Members does, whenever a member stops being active or is reinstated. The end of
         an officers' suspension is no transaction: then the organisation says so itself, by this or by voting.
    @param organisation The organisation; any number.
    """
    active: bool = staticcall self._members().is_active(organisation)
    for proposal: uint256 in self._open:
        if block.timestamp < self._proposals[proposal].closes:
            if active:
                self._restore(proposal, organisation)
            else:
                self._strike(proposal, organisation)


@external
@nonreentrant
def execute(proposal: uint256, calls: DynArray[Call, _MAX_CALLS]) -> bool:
    """
    @notice Do what was decided, all of it or nothing; anybody may. When a call fails, its reason is kept, and the
            proposal can be executed until it expires.
    @param proposal A proposal that passed and has waited.
    @param calls Its calls, as in `Proposed`.
    @return bool Whether it was done.
    """
    assert self._state(proposal) == _EXECUTABLE, "governance: not executable"
    assert keccak256(abi_encode(calls)) == self._proposals[proposal].calls_hash, "governance: other calls"
    self._proposals[proposal].executed = True
    self._performing = proposal
    self.executing_kind = self._proposals[proposal].kind
    done: bool = False
    reason: Bytes[_MAX_REASON] = b""
    done, reason = raw_call(
        self,
        abi_encode(proposal, calls, method_id=method_id("perform(uint256,(address,bytes)[])")),
        max_outsize=_MAX_REASON,
        revert_on_failure=False,
    )
    self._performing = 0
    self.executing_kind = 0
    if done:
        log ProposalExecuted(proposal=proposal, executor=msg.sender)
    else:
        self._proposals[proposal].executed = False
        self.failure_of[proposal] = reason
        log ExecutionFailed(proposal=proposal, executor=msg.sender, reason=reason)
    return done


@external
def perform(proposal: uint256, calls: DynArray[Call, _MAX_CALLS]):
    """
    @notice The calls of a proposal, one after the other. Only `execute` of this contract, once for each time.
    @dev A call among them cannot come back here: what may be performed is forgotten before the first.
    @param proposal The proposal.
    @param calls Its calls.
    """
    assert msg.sender == self and self._performing == proposal, "governance: only in an execution"
    self._performing = 0
    for call: Call in calls:
        assert call.target.codesize != 0, "governance: target has no code"
        raw_call(call.target, call.data)


@external
@nonreentrant
def rehearse(kind: uint256, calls: DynArray[Call, _MAX_CALLS]):
    """
    @notice What calls would meet if a proposal of a kind made them now. It always reverts, so that nothing stays: with
            the ABI encoding of how many calls were made, the gas they took, and what the next one reverted with.
    @dev For `eth_call`, by anybody. A transaction of it does nothing and costs its sender.
    @param kind 1 ordinary, 2 constitutional, 3 emergency.
    @param calls The calls, made in order until one fails.
    @custom:security Calls are made from the seat, as in an execution, and the last statement undoes all of it: there is
                     no way out of this function but to revert. Whoever is called meanwhile can keep nothing either.
    """
    assert _ORDINARY <= kind and kind <= _EMERGENCY, "governance: unknown kind"
    self.executing_kind = kind
    made: uint256 = 0
    reason: Bytes[_MAX_REASON] = b""
    before: uint256 = msg.gas
    for call: Call in calls:
        done: bool = False
        answer: Bytes[_MAX_REASON] = b""
        if call.target.codesize != 0:
            done, answer = raw_call(call.target, call.data, max_outsize=_MAX_REASON, revert_on_failure=False)
        if not done:
            reason = answer
            break
        made += 1
    raw_revert(abi_encode(made, before - msg.gas, reason))


@external
def set_statutes(statutes: Statutes):
    """
    @notice Change the statutes, for proposals made from now on. Only a constitutional proposal of this contract.
    @param statutes All of them.
    """
    assert msg.sender == self, "governance: only a vote"
    assert self.executing_kind == _CONSTITUTIONAL, "governance: not constitutional"
    self._change_statutes(statutes)


@external
def take_seat():
    """
    @notice Take the governance seat of the Directory when it was offered to this contract. Anybody may say so.
    """
    extcall IDirectory(directory).accept_governance()


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under.
    @return bytes32 "Governance".
    """
    return _INTERFACE_ID


@external
@view
def proposal_of(proposal: uint256) -> Proposal:
    """
    @notice A proposal.
    @param proposal Its number.
    @return Proposal All zero for an unknown one.
    """
    return self._proposals[proposal]


@external
@view
def state_of(proposal: uint256) -> uint256:
    """
    @notice Where a proposal is on its way.
    @param proposal Its number.
    @return uint256 0 unknown, 1 announced, 2 open, 3 refused, 4 passed and waiting, 5 executable, 6 executed, 7 expired.
    """
    return self._state(proposal)


@external
@view
def missing(proposal: uint256) -> DynArray[Lacking, 9]:
    """
    @notice What a proposal still lacks to pass: all zero when it passes as things stand. After the close it is final.
    @dev Bounded and never reverting: it reads eight words, however many have taken a position.
    @param proposal Its number.
    @return DynArray[Lacking, 9] First all together, then each college that has a vote if the statutes count by college.
    """
    return self._missing(proposal)


@external
@view
def tally_of(proposal: uint256, college: uint256) -> Tally:
    """
    @notice The count of a vote.
    @param proposal The proposal.
    @param college 0 to 7, or 8 for all together.
    @return Tally Weights.
    """
    return self._tally(proposal, college)


@external
@view
def ballot_of(proposal: uint256, organisation: uint256) -> Ballot:
    """
    @notice The position of an organisation, and what it weighs.
    @param proposal The proposal.
    @param organisation The organisation; any number.
    @return Ballot With weight 0 for who has no vote in it.
    """
    return self._ballot(proposal, organisation)


@external
@view
def holder_of(proposal: uint256, giver: uint256) -> uint256:
    """
    @notice Who may now take the position of an organisation in a vote as its proxy.
    @param proposal The proposal; 0 for what is given for a period.
    @param giver The organisation.
    @return uint256 The holder, or 0.
    """
    return self._holder(proposal, giver)


@external
@view
def statutes_of(version: uint256) -> Statutes:
    """
    @notice The statutes, as they were or are.
    @param version From 1 to `statutes_version`.
    @return Statutes All zero for an unknown version.
    """
    return self._statutes[version]


@external
@view
def open_proposals() -> DynArray[uint256, _MAX_OPEN]:
    """
    @notice The proposals that are announced or open now.
    @return DynArray[uint256, 32] Their numbers.
    """
    return self._still_open()


# Internal functions that change


@internal
def _change_statutes(statutes: Statutes):
    """
    @dev One more version, within bounds that keep every later vote possible.
    @param statutes All of them.
    """
    for terms: Terms in statutes.terms:
        assert terms.quorum <= _PARTS, "governance: quorum over everybody"
        assert terms.numerator < terms.denominator and terms.denominator <= 100, "governance: majority over everybody"
        assert 2 * terms.numerator >= terms.denominator, "governance: majority under half"
        assert 0 < terms.window and terms.window <= _MAX_WINDOW, "governance: window out of bounds"
        assert terms.lock <= _MAX_WINDOW, "governance: lock out of bounds"
    assert statutes.terms[1].lock > statutes.terms[0].lock, "governance: constitutional lock must be longer"
    assert statutes.notice <= _MAX_WINDOW, "governance: notice out of bounds"
    assert 60 <= statutes.expiry and statutes.expiry <= 365 * _DAY, "governance: expiry out of bounds"
    assert statutes.proxies <= _MAX_PROXIES, "governance: too many proxies"
    for weight: uint256 in statutes.weights:
        assert 0 < weight and weight <= _MAX_WEIGHT, "governance: weight out of bounds"
    version: uint256 = self.statutes_version + 1
    self.statutes_version = version
    self._statutes[version] = statutes
    log StatutesChanged(version=version, statutes=statutes)


@internal
def _join_open(proposal: uint256, proposer: uint256, kind: uint256):
    """
    @dev Find room among the open proposals; those that closed leave.
    @param proposal The new one.
    @param proposer Who makes it.
    @param kind Its kind.
    """
    still: DynArray[uint256, _MAX_OPEN] = self._still_open()
    own: uint256 = 0
    for other: uint256 in still:
        if self._proposals[other].proposer == proposer:
            own += 1
    assert own < _MAX_OF_ONE, "governance: proposer has two open votes"
    places: uint256 = _MAX_OPEN if kind == _EMERGENCY else _MAX_OPEN_USUAL
    assert len(still) < places, "governance: too many open votes"
    still.append(proposal)
    self._open = still


@internal
def _cast(proposal: uint256, organisation: uint256, holder: uint256, position: uint256, reason_hash: bytes32):
    """
    @dev Move the weight of an organisation from its former position to another.
    @param proposal The proposal.
    @param organisation Whose position.
    @param holder Who takes it as a proxy, or 0.
    @param position Which.
    @param reason_hash Why.
    """
    assert self._state(proposal) == _OPEN, "governance: vote is not open"
    assert _FOR <= position and position <= _OBJECT, "governance: unknown position"
    assert position != _OBJECT or reason_hash != empty(bytes32), "governance: an objection needs a reason"
    # Whoever votes is active, and so is whoever is voted for.
    self._restore(proposal, organisation)
    ballot: Ballot = self._ballot(proposal, organisation)
    assert ballot.weight != 0, "governance: not in the snapshot"
    self._move(proposal, ballot, position)
    if ballot.holder != 0:
        self.proxies_used[proposal][ballot.holder] -= 1
    if holder != 0:
        self.proxies_used[proposal][holder] += 1
    ballot.position = position
    ballot.holder = holder
    self._ballots[proposal][organisation] = ballot
    log PositionTaken(
        proposal=proposal,
        organisation=organisation,
        position=position,
        holder=holder,
        weight=ballot.weight,
        college=ballot.college,
        reason_hash=reason_hash,
    )


@internal
def _move(proposal: uint256, ballot: Ballot, position: uint256):
    """
    @dev One word of the tally changes.
    @param proposal The proposal.
    @param ballot The organisation's ballot before.
    @param position Its position from now on, or 0.
    """
    sums: uint256 = self._tallies[proposal][ballot.college]
    if ballot.position != 0:
        sums -= ballot.weight << (48 * ballot.position)
    if position != 0:
        sums += ballot.weight << (48 * position)
    self._tallies[proposal][ballot.college] = sums


@internal
def _strike(proposal: uint256, organisation: uint256):
    """
    @dev Take an organisation out of an open vote: its position, and its part of the total. What it had said itself is
         kept for its return; what a proxy cast is gone, and the proxy free for another.
    @param proposal The proposal.
    @param organisation The organisation.
    """
    ballot: Ballot = self._ballot(proposal, organisation)
    if ballot.weight != 0 and not ballot.struck:
        self._move(proposal, ballot, 0)
        self._tallies[proposal][ballot.college] -= ballot.weight
        if ballot.holder != 0:
            self.proxies_used[proposal][ballot.holder] -= 1
            ballot.position = 0
            ballot.holder = 0
        ballot.struck = True
        self._ballots[proposal][organisation] = ballot
        log VoterStruck(
            proposal=proposal, organisation=organisation, weight=ballot.weight, college=ballot.college
        )


@internal
def _restore(proposal: uint256, organisation: uint256):
    """
    @dev Let an organisation that was struck back into an open vote, with the weight and college of the snapshot and the
         position it had taken itself, if any. Nothing for who was not struck.
    @param proposal The proposal.
    @param organisation The organisation, which is active.
    """
    ballot: Ballot = self._ballots[proposal][organisation]
    if ballot.struck:
        sums: uint256 = self._tallies[proposal][ballot.college] + ballot.weight
        if ballot.position != 0:
            sums += ballot.weight << (48 * ballot.position)
        self._tallies[proposal][ballot.college] = sums
        self._ballots[proposal][organisation].struck = False
        log VoterRestored(
            proposal=proposal,
            organisation=organisation,
            weight=ballot.weight,
            college=ballot.college,
            position=ballot.position,
        )


@internal
def _revoke(proposal: uint256, giver: uint256):
    """
    @dev Forget the proxy for one vote, if there is one.
    @param proposal The proposal.
    @param giver Who gave it.
    """
    holder: uint256 = self._proxies[proposal][giver]
    if holder != 0:
        self._proxies[proposal][giver] = 0
        self._proxies_given[proposal][holder] -= 1
        self._withdraw(proposal, giver, holder)
        log ProxyRevoked(giver=giver, holder=holder, proposal=proposal)


@internal
def _revoke_standing(giver: uint256):
    """
    @dev Forget the proxy for a period, if there is one.
    @param giver Who gave it.
    """
    holder: uint256 = self._standing_proxies[giver].holder
    if holder != 0:
        self._standing_proxies[giver] = empty(Proxy)
        for proposal: uint256 in self._open:
            if self._proxies[proposal][giver] == 0:
                self._withdraw(proposal, giver, holder)
        log ProxyRevoked(giver=giver, holder=holder, proposal=0)


@internal
def _withdraw(proposal: uint256, giver: uint256, holder: uint256):
    """
    @dev Undo what a holder cast, while the vote is open.
    @param proposal The proposal.
    @param giver Whose position.
    @param holder Who cast it.
    """
    ballot: Ballot = self._ballots[proposal][giver]
    if ballot.holder == holder and block.timestamp < self._proposals[proposal].closes:
        self._move(proposal, ballot, 0)
        self.proxies_used[proposal][holder] -= 1
        ballot.position = 0
        ballot.holder = 0
        self._ballots[proposal][giver] = ballot
        log PositionWithdrawn(proposal=proposal, organisation=giver)


# Internal functions that only read


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
def _voter(members: IMembers) -> uint256:
    """
    @dev The organisation for which the caller votes.
    @param members The register.
    @return uint256 The organisation.
    """
    organisation: uint256 = staticcall members.acting(msg.sender, _VOTE)
    assert organisation != 0, "governance: caller is not a vote delegate of an active member"
    return organisation


@internal
@view
def _check_proxy(holder: uint256) -> uint256:
    """
    @dev Who gives a proxy, to whom.
    @param holder To whom.
    @return uint256 Who.
    """
    members: IMembers = self._members()
    giver: uint256 = self._voter(members)
    assert holder != giver, "governance: holder is the giver"
    assert staticcall members.is_active(holder), "governance: holder is not active"
    return giver


@internal
@view
def _check_times(kind: uint256, notice: uint256, window: uint256, opens: uint256, closes: uint256):
    """
    @dev Announced long enough, open long enough, and neither for ever.
    @param kind The kind.
    @param notice The least notice.
    @param window The least window.
    @param opens When it opens.
    @param closes When it closes.
    """
    earliest: uint256 = block.timestamp
    if kind != _EMERGENCY:
        earliest += notice
    assert earliest <= opens and opens <= earliest + _MAX_WINDOW, "governance: opens too early or too late"
    assert opens + window <= closes and closes <= opens + _MAX_WINDOW, "governance: window is too short or too long"


@internal
@view
def _check_calls(kind: uint256, calls: DynArray[Call, _MAX_CALLS]):
    """
    @dev What changes who decides, or how, is constitutional. What else is, the target itself asks: `executing_kind`.
    @param kind The kind.
    @param calls The calls.
    """
    for call: Call in calls:
        assert call.target.codesize != 0, "governance: target has no code"
        if kind != _CONSTITUTIONAL:
            assert not self._is_constitutional(call), "governance: a constitutional matter"


@internal
@view
def _is_constitutional(call: Call) -> bool:
    """
    @dev Whether a call changes the statutes, moves the seat or one of the names it stands on, or the least number of
         validators.
    @param call The call.
    @return bool Whether it does.
    """
    if call.target == self:
        return True
    if len(call.data) < 36:
        return False
    selector: Bytes[4] = slice(call.data, 0, 4)
    if call.target == directory:
        if selector == method_id("offer_governance(address)"):
            return True
        name: bytes32 = convert(slice(call.data, 4, 32), bytes32)
        return selector == method_id("point(bytes32,address)") and name in _CONSTITUTIONAL_NAMES
    if staticcall IDirectory(directory).version_of(_NETWORK) == 0:
        return False
    network: address = staticcall IDirectory(directory).lookup(_NETWORK)
    return call.target == network and selector == method_id("set_minimum(uint256)")


@internal
@view
def _still_open() -> DynArray[uint256, _MAX_OPEN]:
    """
    @dev The open proposals without those that closed.
    @return DynArray[uint256, 32] Their numbers.
    """
    still: DynArray[uint256, _MAX_OPEN] = []
    for proposal: uint256 in self._open:
        if block.timestamp < self._proposals[proposal].closes:
            still.append(proposal)
    return still


@internal
@view
def _lasting_givers(holder: uint256) -> DynArray[uint256, _MAX_PROXIES]:
    """
    @dev Those whose standing proxy a holder has now.
    @param holder The holder.
    @return DynArray[uint256, 16] The givers.
    """
    lasting: DynArray[uint256, _MAX_PROXIES] = []
    for giver: uint256 in self._givers[holder]:
        proxy: Proxy = self._standing_proxies[giver]
        if proxy.holder == holder and block.timestamp < proxy.until and giver not in lasting:
            lasting.append(giver)
    return lasting


@internal
@view
def _holder(proposal: uint256, giver: uint256) -> uint256:
    """
    @dev A proxy for one vote goes before a standing one.
    @param proposal The proposal.
    @param giver The giver.
    @return uint256 The holder, or 0.
    """
    holder: uint256 = self._proxies[proposal][giver]
    if holder == 0 and block.timestamp < self._standing_proxies[giver].until:
        holder = self._standing_proxies[giver].holder
    return holder


@internal
@view
def _ballot(proposal: uint256, organisation: uint256) -> Ballot:
    """
    @dev The ballot of an organisation; before it is first used, made from what the organisation was at the snapshot.
    @param proposal The proposal.
    @param organisation The organisation.
    @return Ballot With weight 0 for who was not active then.
    """
    ballot: Ballot = self._ballots[proposal][organisation]
    if ballot.weight == 0 and self._proposals[proposal].kind != 0:
        then: IMembers.Standing = staticcall self._members().standing_at(
            organisation, self._proposals[proposal].snapshot_change
        )
        if then.status == _ACTIVE and then.suspended_until <= self._proposals[proposal].snapshot_time:
            ballot.weight = self._statutes[self._proposals[proposal].statutes].weights[then.tier]
            ballot.college = then.college
    return ballot


@internal
@view
def _tally(proposal: uint256, college: uint256) -> Tally:
    """
    @dev The sums of a college, or of all.
    @param proposal The proposal.
    @param college 0 to 7, or 8.
    @return Tally The sums.
    """
    sums: uint256 = 0
    if college == _WHOLE:
        # Each sum has 48 bits and all weights together need 21, so the words can be added.
        for each: uint256 in range(_COLLEGES):
            sums += self._tallies[proposal][each]
    else:
        sums = self._tallies[proposal][college]
    return Tally(
        total=sums & _SUM,
        in_favour=(sums >> 48) & _SUM,
        against=(sums >> 96) & _SUM,
        abstaining=(sums >> 144) & _SUM,
        objecting=(sums >> 192) & _SUM,
    )


@internal
@view
def _missing(proposal: uint256) -> DynArray[Lacking, 9]:
    """
    @dev All together, then each college that counts.
    @param proposal The proposal.
    @return DynArray[Lacking, 9] What each lacks.
    """
    lacking: DynArray[Lacking, 9] = []
    version: uint256 = self._proposals[proposal].statutes
    if version != 0:
        terms: Terms = self._statutes[version].terms[self._proposals[proposal].kind - 1]
        lacking.append(self._lacking(self._tally(proposal, _WHOLE), _WHOLE, terms))
        if self._statutes[version].by_college:
            for college: uint256 in range(_COLLEGES):
                tally: Tally = self._tally(proposal, college)
                if tally.total != 0:
                    lacking.append(self._lacking(tally, college, terms))
    return lacking


@internal
@pure
def _lacking(tally: Tally, college: uint256, terms: Terms) -> Lacking:
    """
    @dev The least x with (f + x) · d >= n · (f + x + a) and f + x > a, for f in favour, a against, and n/d below 1.
    @param tally The sums.
    @param college Whose.
    @param terms The terms.
    @return Lacking The numbers.
    """
    present: uint256 = tally.in_favour + tally.against + tally.abstaining + tally.objecting
    needed: uint256 = (tally.total * terms.quorum + _PARTS - 1) // _PARTS
    quorum: uint256 = needed - present if needed > present else 0
    against: uint256 = tally.against + tally.objecting
    share: uint256 = terms.denominator - terms.numerator
    enough: uint256 = max((terms.numerator * against + share - 1) // share, against + 1)
    majority: uint256 = enough - tally.in_favour if enough > tally.in_favour else 0
    return Lacking(college=college, quorum=quorum, majority=majority, undecided=tally.total - present)


@internal
@view
def _state(proposal: uint256) -> uint256:
    """
    @dev Where a proposal is.
    @param proposal The proposal.
    @return uint256 The state.
    """
    if self._proposals[proposal].kind == 0:
        return 0
    if self._proposals[proposal].executed:
        return _EXECUTED
    if block.timestamp < self._proposals[proposal].opens:
        return _ANNOUNCED
    if block.timestamp < self._proposals[proposal].closes:
        return _OPEN
    missing: DynArray[Lacking, 9] = self._missing(proposal)
    for lacking: Lacking in missing:
        if lacking.quorum + lacking.majority != 0:
            return _REFUSED
    if block.timestamp < self._proposals[proposal].executable_from:
        return _WAITING
    if block.timestamp < self._proposals[proposal].expires:
        return _EXECUTABLE
    return _EXPIRED
