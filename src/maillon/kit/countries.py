# SPDX-License-Identifier: Apache-2.0
"""The countries of ISO 3166-1 and their names, as the CLDR knows them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from babel import Locale

from maillon.kit.language import Language

_NOT_COUNTRIES: Final = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ".split())  # noqa: SIM905 - reads better
_FOLDED: Final = str.maketrans("éèêîôåÉÎÅ", "eeeioaEIA")

COUNTRIES: Final = frozenset(
    code
    for code in map(str, Locale("en").territories)
    if len(code) == 2 and code.isalpha() and code.isascii() and code not in _NOT_COUNTRIES
)
"""ISO 3166-1, without what is reserved or no country."""


@cache
def country_names(language: Language) -> Mapping[str, str]:
    """The name of each country in a language, in its alphabetical order."""
    territories = Locale(language).territories
    named = {code: str(territories[code]) for code in COUNTRIES}
    return MappingProxyType(dict(sorted(named.items(), key=lambda item: item[1].casefold().translate(_FOLDED))))
