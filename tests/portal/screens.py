# SPDX-License-Identifier: Apache-2.0
"""A picture of every sight of the atlas, in both languages, light and dark, on three widths, into `screens/`.

`just screens` makes them all; names of sights make some: `just screens home verify-valid`. With `--demo` they are of
the invented alliance, once it has settled in, instead of a sandbox with one member.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from portal_atlas import ATLAS, LANGUAGES, THEMES, WIDTHS, make_example
from running_platform import ROOT, settled, start

SCREENS = ROOT / "screens"
PAGE = {"Accept": "text/html"}


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
    drawn = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        command = ("up", "--port", "0", "--demo" if chosen.demo else "--no-demo")
        platform = start(Path(folder) / "home", command=command)
        try:
            if chosen.demo:
                settled(platform.url)
            example = make_example(platform, Path(folder) / "example", demonstrated=chosen.demo)
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for sight in wanted:
                for language in chosen.language or LANGUAGES:
                    context = browser.new_context(reduced_motion="reduce")
                    page = context.new_page()
                    for width in chosen.width or WIDTHS:
                        page.set_viewport_size({"width": WIDTHS[width], "height": 900})
                        address = platform.url + sight.address(language, example)
                        # What a sandbox answers with a page may be a document of the demonstration.
                        if "html" not in context.request.get(address, headers=PAGE).headers["content-type"]:
                            break
                        page.goto(address)
                        if sight.act is not None:
                            sight.act(page, example)
                        for theme in chosen.theme or THEMES:
                            page.emulate_media(color_scheme=theme)
                            page.screenshot(
                                path=SCREENS / f"{sight.name}-{language}-{width}-{theme}.png", full_page=True
                            )
                            drawn += 1
                    context.close()
            browser.close()
        finally:
            platform.stop()
    sys.stdout.write(f"{drawn} pictures in {SCREENS.relative_to(ROOT)}/\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
