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
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import TimeoutError, sync_playwright  # noqa: A004 - what its waiting raises

from portal_atlas import ATLAS, LANGUAGES, THEMES, WIDTHS, home_of_the_atlas, make_example, platform_of_the_atlas
from running_platform import ROOT, Running, settled, start

SCREENS = ROOT / "screens"
PAGE = {"Accept": "text/html"}


@contextlib.contextmanager
def demonstration(folder: Path) -> Iterator[Running]:
    """The invented alliance, settled in."""
    with home_of_the_atlas(folder) as home:
        platform = start(home, command=("up", "--port", "0", "--demo"))
        try:
            settled(platform.url)
            yield platform
            platform.stop()
        finally:
            platform.close()


def main() -> int:
    """Draw the sights named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sights", nargs="*")
    parser.add_argument("--language", choices=LANGUAGES, action="append")
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--width", choices=tuple(WIDTHS), action="append")
    parser.add_argument("--demo", action="store_true")
    chosen = parser.parse_args()
    wanted = [sight for sight in ATLAS if not chosen.sights or sight.name in chosen.sights]
    chromium = shutil.which("chromium")
    if not wanted or chromium is None:
        sys.stderr.write("chromium is not installed\n" if wanted else "the atlas has no such sight\n")
        return 2
    SCREENS.mkdir(exist_ok=True)
    drawn = missing = 0
    begin = demonstration if chosen.demo else platform_of_the_atlas
    with tempfile.TemporaryDirectory() as folder, begin(Path(folder) / "platform") as platform:
        example = make_example(platform, Path(folder) / "example", demonstrated=chosen.demo)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for sight in wanted:
                for language in chosen.language or LANGUAGES:
                    try:
                        address = platform.url + sight.address(language, example)
                    except KeyError as state:
                        sys.stderr.write(f"{sight.name}: nothing there is {state}\n")
                        continue
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
                                path = SCREENS / f"{sight.name}-{language}-{width}-{theme}.png"
                                page.screenshot(path=path, full_page=True)
                                drawn += 1
                    context.close()
            browser.close()
    sys.stdout.write(f"{drawn} pictures in {SCREENS.relative_to(ROOT)}/\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
