# SPDX-License-Identifier: Apache-2.0
"""The webhooks of an organisation: its people have their own programs told, without the operator.

What is told, signed and carried is the kit's (`maillon.kit.webhooks`). Here is who may: the administrators of the
organisation, as for its API keys. Everything told is public, so nothing is asked of whoever receives it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from maillon.kit.audit import Deed, record
from maillon.kit.clock import Clock
from maillon.kit.language import LANGUAGES
from maillon.kit.notices import Notices, Word
from maillon.kit.store import Store
from maillon.kit.webhooks import Webhook, Webhooks
from maillon.services.notices import rules
from maillon.services.notices.errors import InvalidWebhookAddress, TooManyWebhooks, UnknownWebhook
from maillon.services.notices.letters import WEBHOOK_OFF, reason_in_words
from maillon.services.people import Actor, PeopleService, door_of

_Found = TypeVar("_Found", str, bool)


class OrganisationWebhooks:
    """What administrators do with the webhooks of their organisation. Safe to share between threads."""

    def __init__(  # noqa: PLR0917 - the collaborators
        self, store: Store, webhooks: Webhooks, notices: Notices, people: PeopleService, clock: Clock, public_url: str
    ) -> None:
        self._store = store
        self._webhooks = webhooks
        self._notices = notices
        self._people = people
        self._clock = clock
        self._url = public_url.rstrip("/")
        webhooks.set_aside = self._tell_set_aside

    def of(self, actor: Actor, organisation: str) -> list[Webhook]:
        """Those of an organisation, in the order they were made. Raises `NotAllowed`."""
        organisation = self._people.within(actor, rules.WEBHOOKS_READ, organisation)
        with self._store.read() as connection:
            return self._webhooks.of(connection, organisation)

    def called(self, organisation: str) -> dict[str, str]:
        """What an organisation is called."""
        return self._people.called([organisation])

    def add(
        self, actor: Actor, organisation: str, url: str, kinds: Collection[str], form: str | None = None
    ) -> tuple[str, str]:
        """Another webhook, (id, secret): shown this once. Of no kind chosen it is told everything.

        Raises `InvalidWebhookAddress`, `InvalidWebhookKinds`, `TooManyWebhooks`, `NotAllowed`, and what the same form
        asking again is refused with.
        """
        chosen = rules.parse_events(kinds)
        with self._changing(actor, organisation, "added") as (connection, named):
            self._people.claim(connection, actor, form)
            # Two at once count one after the other.
            self._people.hold_administrators(connection, organisation)
            if len(self._webhooks.of(connection, organisation)) >= rules.MAXIMUM_WEBHOOKS:
                raise TooManyWebhooks(f"an organisation has {rules.MAXIMUM_WEBHOOKS} webhooks at most")
            try:
                made = self._webhooks.add(connection, organisation, url.strip(), chosen)
            except ValueError:
                raise InvalidWebhookAddress("it takes https:// and a public host, no user, password or #") from None
            named.append(made[0])
        return made

    def rotate(self, actor: Actor, organisation: str, webhook: str, form: str | None = None) -> str:
        """Another secret, shown this once: what waits is signed with it too.

        Raises `UnknownWebhook`, `NotAllowed`, and what the same form asking again is refused with.
        """
        with self._changing(actor, organisation, "rotated", webhook) as (connection, _):
            self._people.claim(connection, actor, form)
            return _there(self._webhooks.rotate(connection, organisation, webhook))

    def resume(self, actor: Actor, organisation: str, webhook: str) -> None:
        """Tell it again of what happens from now on. Raises `UnknownWebhook`, `NotAllowed`."""
        with self._changing(actor, organisation, "resumed", webhook) as (connection, _):
            _there(self._webhooks.resume(connection, organisation, webhook))

    def remove(self, actor: Actor, organisation: str, webhook: str) -> None:
        """Forget it, its secret, and what waits for it. Raises `UnknownWebhook`, `NotAllowed`."""
        with self._changing(actor, organisation, "removed", webhook) as (connection, _):
            _there(self._webhooks.remove(connection, organisation, webhook))

    def test(self, actor: Actor, organisation: str, webhook: str) -> str:
        """Send it a message of no event, once: the id of the message. Raises `UnknownWebhook`, `NotAllowed`."""
        data: dict[str, Any] = {
            "organisation": int(organisation) if organisation.isdecimal() else organisation,
            "pages": {one: f"{self._url}/{one}/organisations/{organisation}/webhooks" for one in LANGUAGES},
        }
        with self._changing(actor, organisation, "tested", webhook) as (connection, _):
            message = _there(self._webhooks.test(connection, organisation, webhook, data))
        self._webhooks.wake()
        return message

    @contextmanager
    def _changing(
        self, actor: Actor, organisation: str, action: str, webhook: str = ""
    ) -> Iterator[tuple[Connection, list[str]]]:
        """The transaction of a change, and its line in the trail: of the webhook, or of the one that is named in it."""
        self._people.within(actor, rules.WEBHOOKS_MANAGE, organisation)
        named = [webhook] if webhook else []
        with self._store.transaction() as connection:
            yield connection, named
            self._record(connection, door_of(actor), action, actor.tag, named[0], organisation)

    def _record(  # noqa: PLR0917 - the members of a deed
        self, connection: Connection, source: str, action: str, actor: str, webhook: str, organisation: str
    ) -> None:
        record(connection, [Deed(self._clock.now(), source, "webhook", action, actor, webhook, organisation)])

    # What happens by itself.

    def _tell_set_aside(self, connection: Connection, webhook: Webhook) -> None:
        assert webhook.off is not None  # it was just now
        words: dict[str, Word] = {"address": webhook.address, "reason": reason_in_words(webhook.reason or "connection")}
        key = f"{webhook.id}:{int(webhook.off.timestamp())}"
        self._notices.stage(connection, WEBHOOK_OFF, key, words, organisation=webhook.organisation)
        self._record(connection, "system", "set-aside", "system", webhook.id, webhook.organisation)

    def forget_unled(self) -> int:
        """Forget the webhooks of organisations nobody administers any more: nobody could end them; how many.

        Called now and then: people are erased through several doors, and while the server stands still.
        """
        forgotten = 0
        with self._store.transaction() as connection:
            for organisation in self._webhooks.organisations(connection):
                if self._people.hold_administrators(connection, organisation):
                    continue
                for webhook in self._webhooks.of(connection, organisation):
                    self._webhooks.remove(connection, organisation, webhook.id)
                    self._record(connection, "system", "removed", "system", webhook.id, organisation)
                    forgotten += 1
        return forgotten


def _there(found: _Found | None) -> _Found:
    if not found:
        raise UnknownWebhook("there is no such webhook of this organisation")
    return found
