# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with notices: one class for each situation. `title` and `advice` are shown, in both languages."""

from __future__ import annotations


class NoticesError(Exception):
    """Base of everything this service raises on purpose."""


class Refused(NoticesError):
    """The request cannot be served as it is."""

    slug: str
    status: int
    title: str
    advice: str


class UnknownNotice(Refused):
    """There is no such notice, or it is for somebody else: nobody learns which."""

    slug = "unknown-notice"
    status = 404
    title = "There is no such notice for you"
    advice = "Notices are kept ninety days, and seen by those whose roles they concern; the page Notices lists yours."


class InvalidChoice(Refused):
    """The kind of notice is none, or its letters cannot be declined."""

    slug = "invalid-notice-choice"
    status = 422
    title = "This choice of letters cannot be made"
    advice = "The page of choices lists every kind of notice; letters about the security of an account always come."


class UnknownWebhook(Refused):
    """No such webhook of this organisation."""

    slug = "unknown-webhook"
    status = 404
    title = "There is no such webhook here"
    advice = "The page of the organisation lists its webhooks."


class InvalidWebhookAddress(Refused):
    """An address no webhook can have, or that leads where none may go."""

    slug = "invalid-webhook-address"
    status = 422
    title = "The address of the webhook cannot be used"
    advice = "Give https:// and a public host, of 500 characters at most, without user, password or #."


class InvalidWebhookKinds(Refused):
    """An event nobody is told of."""

    slug = "invalid-webhook-kinds"
    status = 422
    title = "There is no such event"
    advice = "Choose among those of the page, or none to be told of all of them."


class TooManyWebhooks(Refused):
    """An organisation has as many webhooks as one may have."""

    slug = "too-many-webhooks"
    status = 409
    title = "The organisation has as many webhooks as it may have"
    advice = "Remove one first; one program can tell others."
