# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize gas
"""
@title Admissions
@license Apache-2.0
@notice How an applicant becomes a member without a vote, and how officers stop a member until there is one.
@dev The rule is data, which a vote changes: for each kind of organisation, and for a country where it differs, the
     classes of evidence that must have been seen, whose signature says so, and the tier and college it leads to.
     Members holds the result; this contract can be replaced without moving it.
@custom:security Evidence is looked at off chain. What stands here is who answers for having seen it.
"""


from interfaces import IDirectory
from interfaces import IIdentified
from interfaces import IMembers

implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x41646d697373696f6e7300000000000000000000000000000000000000000000
# @dev "Members".
_MEMBERS: constant(bytes32) = 0x4d656d6265727300000000000000000000000000000000000000000000000000
# @dev Offices of Members.
_OFFICER: constant(uint256) = 16
_ADMISSION_OFFICER: constant(uint256) = 32
_VERIFIER: constant(uint256) = 64
# @dev Kinds of organisation, tiers and colleges are numbers below these.
_KINDS: constant(uint256) = 6
_TIERS: constant(uint256) = 8
_COLLEGES: constant(uint256) = 8
# @dev How long officers can suspend: seven days.
_SUSPENSION: constant(uint256) = 7 * 86_400
# @dev How long the second officer has to follow the first: a day.
_PATIENCE: constant(uint256) = 86_400
# @dev How long officers must then leave a member alone: thirty days from the beginning of the suspension.
_REST: constant(uint256) = 30 * 86_400


# Immutables

# @notice Where the system contracts are listed; its governance sets the rule.
directory: public(immutable(address))


# Structs


struct Rule:
    # Whether there is a rule; without one only a vote admits.
    defined: bool
    # Whose signature admits: 32 an admission officer's, 64 a credential verifier's, 96 either; 0 nobody's.
    offices: uint256
    # The classes of evidence that must all have been seen, as bits.
    evidence: uint256
    # The tier and the college it leads to.
    tier: uint256
    college: uint256


struct Decision:
    admitted: bool
    tier: uint256
    college: uint256


struct Request:
    organisation: uint256
    officer: address
    # Unix time in seconds.
    time: uint256
    # Whether a second officer followed.
    done: bool


# Events


event RuleChanged:
    kind: indexed(uint256)
    country: indexed(bytes2)
    defined: bool
    offices: uint256
    evidence: uint256
    tier: uint256
    college: uint256


event AdmittedByRule:
    organisation: indexed(uint256)
    officer: indexed(address)
    evidence: uint256
    evidence_hash: bytes32


event SuspensionRequested:
    organisation: indexed(uint256)
    case_id: indexed(bytes32)
    officer: indexed(address)


event SuspendedByOfficers:
    organisation: indexed(uint256)
    case_id: indexed(bytes32)
    officers: address[2]
    until: uint256


# Storage

# @dev Kind, country; 0x0000 for every country without a rule of its own.
_rules: HashMap[uint256, HashMap[bytes2, Rule]]
# @dev Case → what officers asked for.
_requests: HashMap[bytes32, Request]
# @notice When officers last suspended an organisation: Unix time in seconds, 0 for never.
suspended_at: public(HashMap[uint256, uint256])


# Constructor


@deploy
def __init__(directory_: address):
    """
    @notice Admissions believes one Directory.
    @param directory_ Its address. It may be deployed later.
    """
    assert directory_ != empty(address), "admissions: directory is nowhere"
    directory = directory_


# External functions that change


@external
def set_rule(kind: uint256, country: bytes2, rule: Rule):
    """
    @notice Change the rule. Only the governance seat.
    @param kind For which kind of organisation.
    @param country For which country; 0x0000 for every country without a rule of its own.
    @param rule The rule; all zero leaves it to the rule of every country, or to a vote.
    """
    assert msg.sender == staticcall IDirectory(directory).governance(), "admissions: caller is not governance"
    assert kind < _KINDS, "admissions: unknown kind"
    assert rule.offices & ~(_ADMISSION_OFFICER | _VERIFIER) == 0, "admissions: unknown office"
    assert rule.tier < _TIERS and rule.college < _COLLEGES, "admissions: unknown tier or college"
    self._rules[kind][country] = rule
    log RuleChanged(
        kind=kind,
        country=country,
        defined=rule.defined,
        offices=rule.offices,
        evidence=rule.evidence,
        tier=rule.tier,
        college=rule.college,
    )


@external
def admit_by_rule(organisation: uint256, evidence: uint256, evidence_hash: bytes32):
    """
    @notice Admit an applicant by the rule in force, as an admission officer or a verifier who saw the evidence.
    @param organisation The applicant.
    @param evidence The classes of evidence that the caller answers for having seen, as bits.
    @param evidence_hash A salted hash of the file that says what was seen.
    """
    members: address = self._members()
    offices: uint256 = 0
    for office: uint256 in [_ADMISSION_OFFICER, _VERIFIER]:
        if staticcall IMembers(members).acting(msg.sender, office) != 0:
            offices |= office
    assert offices != 0, "admissions: caller has no office"
    applicant: IMembers.Standing = staticcall IMembers(members).standing(organisation)
    decision: Decision = self._decide(applicant.kind, applicant.country, evidence, offices)
    assert decision.admitted, "admissions: the rule does not admit"
    log AdmittedByRule(
        organisation=organisation, officer=msg.sender, evidence=evidence, evidence_hash=evidence_hash
    )
    extcall IMembers(members).admit(organisation, decision.tier, decision.college)


@external
def suspend(organisation: uint256, case_id: bytes32):
    """
    @notice Ask, as an officer, that a member be suspended for seven days. When an officer of another organisation asks
            the same within a day, it is. Once for a case, and once in thirty days for a member; only a vote makes it
            last longer.
    @param organisation The member; not the caller's own.
    @param case_id A salted hash of the file that gives the reasons.
    """
    members: address = self._members()
    own: uint256 = staticcall IMembers(members).acting(msg.sender, _OFFICER)
    assert own != 0, "admissions: caller is not an officer"
    assert own != organisation, "admissions: nobody judges their own"
    assert case_id != empty(bytes32), "admissions: case is empty"
    assert staticcall IMembers(members).is_active(organisation), "admissions: not active"
    rested: uint256 = self.suspended_at[organisation] + _REST
    assert self.suspended_at[organisation] == 0 or rested <= block.timestamp, "admissions: suspended too recently"
    request: Request = self._requests[case_id]
    assert not request.done, "admissions: case was used"
    assert request.officer == empty(address) or request.organisation == organisation, "admissions: case of another"
    first: uint256 = self._first(members, request)
    if first != 0 and first != own:
        self._suspend(members, case_id, request)
    else:
        # The first one may ask again, and has another day; a colleague changes nothing.
        assert first == 0 or request.officer == msg.sender, "admissions: both officers are of one member"
        self._requests[case_id] = Request(
            organisation=organisation, officer=msg.sender, time=block.timestamp, done=False
        )
        log SuspensionRequested(organisation=organisation, case_id=case_id, officer=msg.sender)


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under.
    @return bytes32 "Admissions".
    """
    return _INTERFACE_ID


@external
@view
def rule_of(kind: uint256, country: bytes2) -> Rule:
    """
    @notice The rule that is in force for a kind and a country.
    @param kind The kind.
    @param country The country; 0x0000 for the rule of every country without its own.
    @return Rule All zero when there is none.
    """
    return self._rule(kind, country)


@external
@view
def decide(kind: uint256, country: bytes2, evidence: uint256, offices: uint256) -> Decision:
    """
    @notice What the rule in force says. It depends on nothing but these four and on the rule.
    @param kind The kind of the applicant.
    @param country Its country.
    @param evidence The classes of evidence seen, as bits.
    @param offices The offices of who answers for it, as bits.
    @return Decision Whether it is admitted, and to which tier and college.
    """
    return self._decide(kind, country, evidence, offices)


@external
@view
def request_of(case_id: bytes32) -> Request:
    """
    @notice What officers asked for in a case.
    @param case_id The case.
    @return Request All zero for an unknown one.
    """
    return self._requests[case_id]


# Internal functions that change


@internal
def _suspend(members: address, case_id: bytes32, request: Request):
    """
    @dev The second officer has asked.
    @param members The register.
    @param case_id The case.
    @param request What the first one asked.
    """
    until: uint256 = block.timestamp + _SUSPENSION
    self._requests[case_id].done = True
    self.suspended_at[request.organisation] = block.timestamp
    log SuspendedByOfficers(
        organisation=request.organisation,
        case_id=case_id,
        officers=[request.officer, msg.sender],
        until=until,
    )
    extcall IMembers(members).suspend_until(request.organisation, until)


# Internal functions that only read


@internal
@view
def _members() -> address:
    """
    @dev The register, whichever contract it is now.
    @return address The contract.
    """
    return staticcall IDirectory(directory).lookup(_MEMBERS)


@internal
@view
def _rule(kind: uint256, country: bytes2) -> Rule:
    """
    @dev A country's own rule before that of every country.
    @param kind The kind.
    @param country The country.
    @return Rule The rule.
    """
    rule: Rule = self._rules[kind][country]
    if not rule.defined:
        return self._rules[kind][empty(bytes2)]
    return rule


@internal
@view
def _decide(kind: uint256, country: bytes2, evidence: uint256, offices: uint256) -> Decision:
    """
    @dev The rule as a function.
    @param kind The kind.
    @param country The country.
    @param evidence What was seen.
    @param offices Whose signature.
    @return Decision The answer.
    """
    rule: Rule = self._rule(kind, country)
    signed: bool = rule.offices & offices != 0
    if rule.defined and signed and evidence & rule.evidence == rule.evidence:
        return Decision(admitted=True, tier=rule.tier, college=rule.college)
    return empty(Decision)


@internal
@view
def _first(members: address, request: Request) -> uint256:
    """
    @dev For whom a first officer's request still counts: made within a day, by who is an officer still.
    @param members The register.
    @param request The request.
    @return uint256 The officer's organisation now; 0 when it does not count.
    """
    if request.officer == empty(address) or block.timestamp > request.time + _PATIENCE:
        return 0
    first: uint256 = staticcall IMembers(members).acting(request.officer, _OFFICER)
    return 0 if first == request.organisation else first
