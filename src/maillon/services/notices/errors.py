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
