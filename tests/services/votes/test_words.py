# SPDX-License-Identifier: Apache-2.0
"""The sentence is true: what it claims, in either language, is read back from its text and held against the law.

The law here is the statutes' own wording (`has_majority`, a quorum of the total), applied to votes really added, and
not the arithmetic the sentence was made with; after the close it is also the contract itself, which does what was
decided or refuses to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from assembly import FOUNDERS, GOVERN, Assembly, member
from contract_evm import Refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_recount import as_ours

from maillon.kit.language import LANGUAGES, Language
from maillon.services.votes.model import (
    Outlook,
    Position,
    Proposal,
    ProposalKind,
    State,
    Statutes,
    Tally,
    Terms,
)
from maillon.services.votes.rules import add_up, has_majority, outlook
from maillon.services.votes.words import Words

OPENS, CLOSES, EXECUTABLE, EXPIRES = 1_796_000_000, 1_796_600_000, 1_796_700_000, 1_799_000_040

fractions = st.sampled_from([(1, 2), (2, 3), (3, 4), (50, 100), (99, 100), (3, 5)])
kinds = st.sampled_from(ProposalKind)
weights = st.integers(0, 9)
times = st.sampled_from([OPENS - 1, OPENS, CLOSES - 1, CLOSES, EXECUTABLE - 1, EXECUTABLE, EXPIRES - 1, EXPIRES])


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    in_favour, against, abstaining, objecting, undecided = (draw(weights) for _ in range(5))
    total = in_favour + against + abstaining + objecting + undecided
    return Tally(total, in_favour, against, abstaining, objecting)


@dataclass(frozen=True)
class Vote:
    proposal: Proposal
    statutes: Statutes
    colleges: dict[int, Tally]

    def outlook(self, now: int, *, executed: bool = False, failure: str | None = None) -> Outlook:
        return outlook(self.proposal, self.statutes, self.colleges, executed=executed, now=now, failure=failure)

    @property
    def terms(self) -> Terms:
        return self.statutes.terms_of(self.proposal.kind)

    def groups(self) -> list[tuple[int | None, Tally]]:
        """Who must each reach quorum and majority."""
        each = [(number, tally) for number, tally in self.colleges.items() if tally.total and self.statutes.by_college]
        return [(None, add_up(self.colleges.values())), *each]

    def passes(self) -> bool:
        return all(
            tally.present * 10_000 >= tally.total * self.terms.quorum and has_majority(tally, self.terms)
            for _, tally in self.groups()
        )


@st.composite
def votes(draw: st.DrawFn) -> Vote:
    kind = draw(kinds)
    terms = Terms(draw(st.integers(0, 10_000)), *draw(fractions), 60, EXECUTABLE - CLOSES)
    statutes = Statutes((terms, terms, terms), 0, EXPIRES - EXECUTABLE, 2, draw(st.booleans()), (1,) * 8)
    proposal = Proposal(7, kind, 1, 1, bytes(32), (), OPENS, CLOSES, EXECUTABLE, EXPIRES, snapshot_block=1)
    return Vote(proposal, statutes, draw(st.dictionaries(st.integers(0, 7), tallies(), min_size=1, max_size=4)))


def added(vote: Vote, group: int | None, weight: int, *, in_favour: bool) -> Vote:
    """The vote after so much more weight: in favour, or abstaining; wherever in the group nobody has voted yet."""
    colleges = dict(vote.colleges)
    for number, tally in colleges.items():
        if group is None or number == group:
            part = min(weight, tally.undecided)
            weight -= part
            colleges[number] = (
                replace(tally, in_favour=tally.in_favour + part)
                if in_favour
                else replace(tally, abstaining=tally.abstaining + part)
            )
    assert weight == 0, "the test adds more than there is"
    return replace(vote, colleges=colleges)


def tally_of(vote: Vote, group: int | None) -> Tally:
    return dict(vote.groups())[group]


# Reading a sentence back.

CLAIMS: dict[Language, dict[str, str]] = {
    "en": {
        "quorum": r"(\d[\d,\u202f]*) more votes? of any kind for the quorum(?: of college (\d))?",
        "majority": r"(\d[\d,\u202f]*) more votes? in favour for the majority(?: of college (\d))?, if none",
        "quorum lacked": r"(\d[\d,\u202f]*) votes? of any kind for the quorum(?: of college (\d))?",
        "majority lacked": r"(\d[\d,\u202f]*) votes? in favour for the majority(?: of college (\d))?",
        "passes": r"As things stand it passes\.",
        "does not pass": r"As things stand it does not pass",
        "out of reach": r"Even if everybody who has not taken a position voted in favour, it would not pass",
        "passed": r"It passed",
        "refused": r"It did not pass\.",
        "executed": r"was executed",
        "failed": r"The newest attempt to execute it failed: (.+)\.$",
    },
    "fr": {
        "quorum": r"(\d[\d,\u202f]*) voix de plus, quelles? qu’elles? soi(?:en)?t, pour le quorum(?: du collège (\d))?",
        "majority": r"(\d[\d,\u202f]*) voix de plus pour la majorité(?: du collège (\d))?, si aucune",
        "quorum lacked": r"(\d[\d,\u202f]*) voix, quelles? qu’elles? soi(?:en)?t, pour le quorum(?: du collège (\d))?",
        "majority lacked": r"(\d[\d,\u202f]*) voix favorables? pour la majorité(?: du collège (\d))?",
        "passes": r"En l’état, elle est adoptée\.",
        "does not pass": r"En l’état, elle n’est pas adoptée",
        "out of reach": r"Même si toutes celles qui ne se sont pas prononcées votaient pour, elle ne serait pas",
        "passed": r"Elle a été adoptée",
        "refused": r"Elle n’a pas été adoptée\.",
        "executed": r"adoptée et exécutée",
        "failed": r"La dernière tentative de l’exécuter a échoué\u00a0: (.+)\.$",
    },
}


def numbers(language: Language, claim: str, sentence: str) -> dict[int | None, int]:
    """College, None for all → the number claimed."""
    found = re.findall(CLAIMS[language][claim], sentence)
    return {int(college) if college else None: int(re.sub(r"\D", "", number)) for number, college in found}


def says(language: Language, claim: str, sentence: str) -> bool:
    return re.search(CLAIMS[language][claim], sentence) is not None


@settings(max_examples=400)
@given(votes(), st.sampled_from([OPENS - 1, OPENS, CLOSES - 1]), st.sampled_from(LANGUAGES))
def test_before_the_close_every_claim_holds(vote: Vote, now: int, language: Language) -> None:
    found = vote.outlook(now)
    sentence = Words(language).sentence(found)
    # It passes as things stand, or it does not: exactly one is said, and it is so.
    assert says(language, "passes", sentence) == vote.passes()
    assert says(language, "does not pass", sentence) == (not vote.passes())
    quorums = numbers(language, "quorum", sentence)
    majorities = numbers(language, "majority", sentence)
    for group, tally in vote.groups():
        needed = quorums.get(group, 0)
        # So much more weight of any kind reaches the quorum, and less does not.
        assert needed <= tally.undecided
        reached = added(vote, group, needed, in_favour=False)
        present = tally_of(reached, group)
        assert present.present * 10_000 >= present.total * vote.terms.quorum
        assert needed == 0 or (present.present - 1) * 10_000 < present.total * vote.terms.quorum
        # So much more weight in favour makes the majority, and less does not.
        wanted = majorities.get(group, 0)
        assert has_majority(replace(tally, in_favour=tally.in_favour + wanted), vote.terms)
        assert wanted == 0 or not has_majority(replace(tally, in_favour=tally.in_favour + wanted - 1), vote.terms)
    # Out of reach: said exactly when all who have not voted, in favour, would not make it pass.
    everybody = vote
    for number, tally in vote.colleges.items():
        everybody = added(everybody, number, tally.undecided, in_favour=True)
    assert says(language, "out of reach", sentence) == (not everybody.passes())


@settings(max_examples=300)
@given(votes(), st.sampled_from([CLOSES, EXECUTABLE - 1, EXECUTABLE, EXPIRES - 1, EXPIRES]), st.sampled_from(LANGUAGES))
def test_after_the_close_every_claim_holds(vote: Vote, now: int, language: Language) -> None:
    sentence = Words(language).sentence(vote.outlook(now))
    assert says(language, "passed", sentence) == vote.passes()
    assert says(language, "refused", sentence) == (not vote.passes())
    assert not says(language, "passes", sentence)
    quorums, majorities = numbers(language, "quorum lacked", sentence), numbers(language, "majority lacked", sentence)
    assert quorums.keys() | majorities.keys() <= {group for group, _ in vote.groups()}
    for group, tally in vote.groups():
        # So much more weight would have reached the quorum, and less would not have; what is not said was not lacked.
        lacked = quorums.get(group, 0)
        assert (tally.present + lacked) * 10_000 >= tally.total * vote.terms.quorum
        assert lacked == 0 or (tally.present + lacked - 1) * 10_000 < tally.total * vote.terms.quorum
        # So much more in favour would have made the majority, and less would not have.
        wanted = majorities.get(group, 0)
        assert has_majority(replace(tally, in_favour=tally.in_favour + wanted), vote.terms)
        assert wanted == 0 or not has_majority(replace(tally, in_favour=tally.in_favour + wanted - 1), vote.terms)


def held(name: str, kind: ProposalKind, positions: Sequence[int]) -> Assembly:
    """A vote under the real contract, in which the founders took these positions, 0 none; it has closed."""
    assembly = Assembly(name)
    opens = assembly.time + 5
    assembly.send(GOVERN.propose(kind, b"\x17" * 32, (), opens, opens + 60), member(1))
    assembly.next_block(5)
    for number, position in zip(FOUNDERS, positions, strict=True):
        if position:
            assembly.send(GOVERN.cast(1, position, bytes([position]) * 32), member(number))
    assembly.next_block(60)
    return assembly


def is_done(assembly: Assembly) -> bool:
    """Whether the contract does what was proposed, once it can be done."""
    assembly.next_block(20)
    try:
        return bool(assembly.attempt(GOVERN.execute(1, ())))
    except Refused:
        return False


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["plain", "weighted"]),
    st.sampled_from([ProposalKind.ORDINARY, ProposalKind.CONSTITUTIONAL]),
    st.lists(st.integers(0, 4), min_size=len(FOUNDERS), max_size=len(FOUNDERS)),
)
def test_after_the_close_the_contract_does_what_the_sentence_says(
    name: str, kind: ProposalKind, positions: list[int]
) -> None:
    assembly = held(name, kind, positions)
    counted = assembly.recount.votes()[1]
    found = outlook(
        counted.proposal, counted.statutes, counted.count.tallies, executed=False, now=assembly.time, failure=None
    )
    lacked = [as_ours(each) for each in assembly.ask(GOVERN.missing(1))]
    done = is_done(assembly)
    for language in LANGUAGES:
        sentence = Words(language).sentence(found)
        assert says(language, "passed", sentence) == done
        assert says(language, "refused", sentence) == (not done)
        quorums, majorities = (numbers(language, f"{what} lacked", sentence) for what in ("quorum", "majority"))
        assert quorums == {each.college: each.quorum for each in lacked if each.quorum}
        assert majorities == {each.college: each.majority for each in lacked if each.majority}
    if name != "plain" or done:
        return
    # Where each has one vote: had so many more voted as the sentence says, it would have passed; with one less, not.
    wanted, present = majorities.get(None, 0), quorums.get(None, 0)
    silent = [place for place, position in enumerate(positions) if not position]
    more = [Position.FOR] * wanted + [Position.ABSTAIN] * (present - wanted)
    for missed, passes in ((0, True), (1, False)):
        if len(more) - missed > len(silent):
            continue
        others = list(positions)
        for place, position in zip(silent, more[missed:], strict=False):
            others[place] = position
        assert is_done(held(name, kind, others)) == passes


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_states_of_what_passed_are_told_apart(language: Language) -> None:
    terms = Terms(5_000, 1, 2, 60, EXECUTABLE - CLOSES)
    statutes = Statutes((terms, terms, terms), 0, 60, 1, False, (1,) * 8)
    proposal = Proposal(1, ProposalKind.ORDINARY, 1, 1, bytes(32), (), OPENS, CLOSES, EXECUTABLE, EXPIRES, 1)
    vote = Vote(proposal, statutes, {0: Tally(3, 2)})
    words = Words(language)
    reason = {"en": "members: not active", "fr": "l’organisation n’est pas un membre actif"}[language]
    said = {
        state: words.sentence(vote.outlook(now, executed=executed, failure=None if executed else "members: not active"))
        for state, now, executed in (
            (State.WAITING, CLOSES, False),
            (State.EXECUTABLE, EXECUTABLE, False),
            (State.EXPIRED, EXPIRES, False),
            (State.EXECUTED, EXPIRES, True),
        )
    }
    assert len(set(said.values())) == 4
    for state, sentence in said.items():
        assert says(language, "executed", sentence) == (state is State.EXECUTED)
        failure = re.search(CLAIMS[language]["failed"], sentence)
        assert (failure is not None and failure[1] == reason) == (state is not State.EXECUTED)
    assert words.when(EXECUTABLE) in said[State.WAITING]
    assert words.when(EXPIRES) in said[State.WAITING]
    assert words.when(EXPIRES) in said[State.EXECUTABLE]
    assert words.when(EXPIRES) in said[State.EXPIRED]


def test_moments_say_their_zone_and_their_seconds() -> None:
    assert (
        Words("fr").when(1_796_000_040)
        == "lundi 30 novembre 2026 à 01:54:00 (heure\N{NO-BREAK SPACE}de\N{NO-BREAK SPACE}Paris)"
    )
    assert Words("en").when(1_796_000_041) == "Monday 30 November 2026 at 01:54:01 (Paris\N{NO-BREAK SPACE}time)"
    assert Words("en", zone="UTC").when(1_796_000_040) == "Monday 30 November 2026 at 00:54:00 (UTC)"


@pytest.mark.parametrize(
    ("seconds", "french", "english"),
    [
        (0, "aucun", "none at all"),
        (1, "1 seconde", "1 second"),
        (7 * 86_400, "7 jours", "7 days"),
        (90_061, "1 jour, 1 heure, 1 minute et 1 seconde", "1 day, 1 hour, 1 minute, and 1 second"),
    ],
)
def test_durations_are_exact(seconds: int, french: str, english: str) -> None:
    assert Words("fr").duration(seconds) == french
    assert Words("en").duration(seconds) == english
