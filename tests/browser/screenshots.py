"""`make screenshots`: the pictures of docs/console.md, of a business of the stand-ins.

1280 by 800, few colours, so that each is small; dates and ids are those of the day.
"""

import asyncio
import io
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from PIL import Image
from playwright.async_api import async_playwright

from tests.browser.browser import DESKTOP, ROOT, launch, opened
from tests.browser.business import Business, fill, open_service

FOLDER = ROOT / "docs" / "screenshots"
MOST_BYTES = 150_000
COLOURS = 128
PICTURES: Mapping[str, str] = {
    "home": "/",
    "payout": "/payouts/{payout}",
    "close": "/close/{last_month}",
    "parked": "/parked",
    "drift": "/drift",
    "story": "/story/{invoice}",
    "runs": "/runs/{backfill}",
    "setup": "/setup",
}
"""What is shown, by the name of its picture."""

DARK = ("home",)
FIRST = ("home",)
"""What is taken when all is well; the others when something is parked and edited."""


async def take(business: Business, names: Iterable[str], folder: Path) -> list[Path]:
    """Take these pictures of a business as it is now; where they are."""
    made: list[Path] = []
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        async with opened(browser, business.url) as (page, _):
            for name in names:
                await page.goto(PICTURES[name].format(**business.ids), wait_until="load")
                made.append(_write(folder / f"{name}.png", await page.screenshot()))
                if name in DARK:
                    await page.emulate_media(color_scheme="dark")
                    made.append(_write(folder / f"{name}-dark.png", await page.screenshot()))
                    await page.emulate_media(color_scheme="light")
        await browser.close()
    return made


def _write(path: Path, taken: bytes) -> Path:
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    assert picture.size == (DESKTOP["width"], DESKTOP["height"])
    few = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES, path
    return path


def main() -> None:
    """Start a business, and write all pictures into docs/screenshots."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_service(Path(folder)) as business:
        business.tell()
        business.get("tieout")
        made = asyncio.run(take(business, FIRST, FOLDER))
        fill(business)
        for path in made + asyncio.run(take(business, [name for name in PICTURES if name not in FIRST], FOLDER)):
            sys.stdout.write(f"{path.relative_to(ROOT)} {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
