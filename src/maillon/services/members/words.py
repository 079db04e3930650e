# SPDX-License-Identifier: Apache-2.0
"""What an act in the register means to whoever signs it, in French and in English: made of the act alone."""

from __future__ import annotations

from maillon.kit.language import Messages
from maillon.services.members import rules
from maillon.services.members.acts import AddAct, AnyAct, ChangeAct, CreditsAct, DidAct, RemoveAct
from maillon.services.members.identifiers import label, shown
from maillon.services.members.model import Identifier, Scheme


class Words(Messages):
    """One language."""

    def scopes(self, names: list[str]) -> str:
        """What an account may do."""
        said = {
            "admin": self.say("administer"),
            "vote": self.say("vote"),
            "operate": self.say("operate nodes"),
            "publish": self.say("publish"),
        }
        return ", ".join(said.get(name, name) for name in names) or self.say("only pay and be paid")

    def signs(self, act: AnyAct, name: str) -> str:
        """What whoever signs an act of an organisation of that name says with it. Raises `InvalidLabel`."""
        if isinstance(act, AddAct | ChangeAct):
            return self._may(act, name)
        if isinstance(act, RemoveAct):
            return self.say("You sign: account %(account)s acts for %(name)s no more.", account=act.account, name=name)
        if isinstance(act, CreditsAct):
            return self.say(
                "You sign: the credits of %(name)s are paid to account %(account)s from the next period on.",
                account=act.account,
                name=name,
            )
        if isinstance(act, DidAct):
            return self._named(act.did.strip(), name)
        return self.say(
            "You sign: %(name)s leaves the alliance in the next block: no vote, no credits, no nodes.", name=name
        )

    def makes(self, called: str, scopes: list[str], name: str) -> str:
        """The same of an account that a server makes for an organisation. Raises `InvalidLabel`."""
        return self.say(
            "You sign: a new account, called %(label)s, acts for %(name)s from now on, and may: %(scopes)s.",
            label=rules.parse_label(called),
            name=name,
            scopes=self.scopes(scopes),
        )

    def invites(self, identifier: Identifier, invited: str, name: str) -> str:
        """The same of an invitation."""
        scheme = self.say("VAT number") if identifier.scheme == Scheme.VAT else label(identifier.scheme)
        return self.say(
            "You sign: %(name)s invites %(invited)s (%(identifier)s) to join; good once, for thirty days.",
            name=name,
            invited=invited,
            identifier=f"{scheme} {shown(identifier)}",
        )

    def _may(self, act: AddAct | ChangeAct, name: str) -> str:
        # As the chain keeps it.
        called = rules.parse_label(act.label)
        values = {"account": act.account, "label": called, "name": name, "scopes": self.scopes(act.scopes)}
        if isinstance(act, AddAct):
            return self.say(
                "You sign: account %(account)s, called %(label)s, acts for %(name)s from now on, and may: %(scopes)s.",
                **values,
            )
        return self.say(
            "You sign: account %(account)s of %(name)s, called %(label)s, may from now on: %(scopes)s.", **values
        )

    def _named(self, did: str, name: str) -> str:
        if not did:
            return self.say("You sign: %(name)s has no decentralised identifier any more.", name=name)
        return self.say("You sign: the decentralised identifier of %(name)s is %(did)s.", name=name, did=did)
