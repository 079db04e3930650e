# SPDX-License-Identifier: Apache-2.0
"""A picture of every sight of the atlas, in both languages, light and dark, on three widths, into `screens/`.

`just screens` makes them all; names of sights make some: `just screens home verify-valid`. With `--demo` they are of
the invented alliance, once it has settled in, instead of a sandbox with one member.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, TimeoutError, sync_playwright  # noqa: A004 - what its waiting raises

from portal_atlas import (
    ATLAS,
    LANGUAGES,
    OF_ANOTHER_LAW,
    THEMES,
    WIDTHS,
    Example,
    Sight,
    home_of_the_atlas,
    make_example,
    platform_of_another_law,
    platform_of_the_atlas,
)
from running_platform import ROOT, Running, settled, start

SCREENS = ROOT / "screens"
PAGE = {"Accept": "text/html"}
Begin = Callable[[Path], contextlib.AbstractContextManager[tuple[Running, Example]]]
"""Begins a platform in a folder, with what stands on it."""


@contextlib.contextmanager
def demonstration(folder: Path) -> Iterator[tuple[Running, Example]]:
    """The invented alliance, settled in."""
    with home_of_the_atlas(folder / "platform") as home:
        platform = start(home, command=("up", "--port", "0", "--demo"))
        try:
            settled(platform.url)
            yield platform, make_example(platform, folder / "example", demonstrated=True)
            platform.stop()
        finally:
            platform.close()


@contextlib.contextmanager
def sandbox(folder: Path) -> Iterator[tuple[Running, Example]]:
    """One with a member, and two towns that joined."""
    with platform_of_the_atlas(folder / "platform") as platform:
        yield platform, make_example(platform, folder / "example")


def main() -> int:
    """Draw the sights named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sights", nargs="*")
    parser.add_argument("--language", choices=LANGUAGES, action="append")
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--width", choices=tuple(WIDTHS), action="append")
    parser.add_argument("--demo", action="store_true")
    chosen = parser.parse_args()
    begins: list[tuple[Begin, tuple[Sight, ...]]] = [(demonstration if chosen.demo else sandbox, ATLAS)]
    if not chosen.demo:
        begins.append((platform_of_another_law, OF_ANOTHER_LAW))
    wanted = [
        (begin, sights)
        for begin, atlas in begins
        if (sights := [sight for sight in atlas if not chosen.sights or sight.name in chosen.sights])
    ]
    chromium = shutil.which("chromium")
    if not wanted or chromium is None:
        sys.stderr.write("chromium is not installed\n" if wanted else "the atlas has no such sight\n")
        return 2
    SCREENS.mkdir(exist_ok=True)
    drawn = missing = 0
    for begin, sights in wanted:
        with (
            tempfile.TemporaryDirectory() as folder,
            begin(Path(folder)) as (platform, example),
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for sight in sights:
                for language in chosen.language or LANGUAGES:
                    done, lost = draw(browser, (platform, example), sight, language, chosen)
                    drawn, missing = drawn + done, missing + lost
            browser.close()
    sys.stdout.write(f"{drawn} pictures in {SCREENS.relative_to(ROOT)}/\n")
    return 1 if missing else 0


def draw(
    browser: Browser, seen: tuple[Running, Example], sight: Sight, language: str, chosen: argparse.Namespace
) -> tuple[int, int]:
    """How many pictures of a sight were drawn, and how many could not be."""
    platform, example = seen
    try:
        address = platform.url + sight.address(language, example)
    except KeyError as state:
        sys.stderr.write(f"{sight.name}: nothing there is {state}\n")
        return 0, 0
    drawn = missing = 0
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    # What a sandbox answers with a page may be a document of the demonstration.
    if "html" in context.request.get(address, headers=PAGE).headers["content-type"]:
        for width in chosen.width or WIDTHS:
            page.set_viewport_size({"width": WIDTHS[width], "height": 900})
            try:
                sight.visit(page, platform.url, language, example)
            except TimeoutError as state:
                sys.stderr.write(f"{sight.name}: {str(state).splitlines()[-1].strip()}\n")
                missing += 1
                continue
            for theme in chosen.theme or THEMES:
                page.emulate_media(color_scheme=theme)
                page.screenshot(path=SCREENS / f"{sight.name}-{language}-{width}-{theme}.png", full_page=True)
                drawn += 1
    context.close()
    return drawn, missing


if __name__ == "__main__":
    sys.exit(main())
