"""Checks of one loaded page: each answers what is wrong, in words; nothing if all is well."""

from collections.abc import Sequence
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

from tests.browser.browser import DESKTOP, PHONE, Watch

GRAVE = frozenset({"serious", "critical"})
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}

_WIDE = """(width) => {
  const root = document.documentElement;
  if (root.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll("body *")].filter((one) => {
    const spills = one.clientWidth && one.scrollWidth > one.clientWidth + 1 && !one.querySelector("*");
    if (one.getBoundingClientRect().right <= width + 1 && !spills) return false;
    for (let up = one.parentElement; up; up = up.parentElement)
      if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(up).overflowX)) return false;
    return true;
  });
  return [`${root.scrollWidth} px wide: ${wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(" | ")}`];
}"""

_STOPS = """() => {
  const able = "a[href], button, input, select, textarea, summary, [tabindex]";
  window.seen = []; window.unseen = [];
  document.addEventListener("focusin", (event) => {
    const one = event.target, style = getComputedStyle(one), box = one.getBoundingClientRect();
    window.seen.push(one);
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const shown = box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0;
    if (!one.matches(":focus-visible") || !outlined || !shown) window.unseen.push(one.outerHTML.slice(0, 120));
  });
  const radios = new Set();
  window.wanted = [...document.querySelectorAll(able)].filter((one) => {
    if (one.tabIndex < 0 || one.disabled || one.type === "hidden") return false;
    if (!one.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true})) return false;
    if (one.type !== "radio") return true;
    const group = `${one.form?.action} ${one.name}`, chosen = document.querySelector(`[name="${one.name}"]:checked`);
    if (radios.has(group) || (chosen && chosen !== one)) return false;
    return radios.add(group);
  });
  document.activeElement?.blur(); getSelection()?.removeAllRanges();
  const dated = window.wanted.filter((one) => /^(date|time|month|week|datetime-local)$/.test(one.type)).length;
  return window.wanted.length + 8 * dated;
}"""

_REACHED = """() => {
  const faults = window.wanted.filter((one) => !window.seen.includes(one))
    .map((one) => `not reached by Tab: ${one.outerHTML.slice(0, 120)}`);
  const places = window.wanted.map((one) => window.seen.indexOf(one)).filter((place) => place >= 0);
  if (places.some((place, at) => at && place < places[at - 1])) faults.push("Tab goes another way than the page reads");
  return [...faults, ...window.unseen.map((text) => `focus is not visible: ${text}`)];
}"""

_READABLE = """() => {
  const faults = [], main = document.querySelector("main");
  const titles = document.querySelectorAll("h1");
  if (titles.length !== 1 || !titles[0].textContent.trim()) faults.push(`${titles.length} headings h1`);
  if (!document.title.trim() || document.title.trim().startsWith("·")) faults.push("no title");
  if (!main || main.innerText.trim().length < 20) faults.push("nothing to read");
  for (const one of document.querySelectorAll("button, input[type=submit]"))
    if (!one.form || one.type === "button") faults.push(`does nothing without scripts: ${one.outerHTML.slice(0, 120)}`);
  for (const one of document.querySelectorAll("form"))
    if (!one.hasAttribute("method") || !one.querySelector("button, input[type=submit]"))
      faults.push(`cannot be sent without scripts: ${one.outerHTML.slice(0, 120)}`);
  for (const one of document.querySelectorAll("a"))
    if (!one.getAttribute("href") || one.getAttribute("href") === "#")
      faults.push(`leads nowhere without scripts: ${one.outerHTML.slice(0, 120)}`);
  for (const one of document.querySelectorAll("[hx-post], [hx-delete], [hx-put]"))
    if (!one.matches("form[action]")) faults.push(`only for scripts: ${one.outerHTML.slice(0, 120)}`);
  return faults;
}"""


async def went_well(page: Page, watch: Watch) -> list[str]:
    """What was noted while it loaded."""
    refused: list[str] = await page.evaluate("() => window.refused")
    return [*watch.faults, *(f"policy: {one}" for one in refused)]


async def accessible(page: Page) -> list[str]:
    """What axe finds in the light and in the dark scheme."""
    await page.evaluate(AXE_SCRIPT)
    found = await _axe(page, _RULES, "light")
    await page.emulate_media(color_scheme="dark")
    found += await _axe(page, _COLOURS, "dark")
    await page.emulate_media(color_scheme="light")
    return found


async def _axe(page: Page, rules: dict[str, Any], scheme: str) -> list[str]:
    options = {**rules, "resultTypes": ["violations"]}
    result = await page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{scheme}: {one['id']} ({one['impact']}): {one['help']}: {_places(one['nodes'])}"
        for one in result["violations"]
        if one["impact"] in GRAVE
    ]


def _places(nodes: Sequence[dict[str, Any]]) -> str:
    return "; ".join(f"{node['html'][:160]} {node.get('failureSummary', '')[:200]}" for node in nodes[:3])


async def narrow(page: Page) -> list[str]:
    """What does not fit into 360 px."""
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a dictionary of the same keys
    found: list[str] = await page.evaluate(_WIDE, PHONE["width"])
    await page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    return found


async def by_keyboard(page: Page) -> list[str]:
    """What cannot be reached by Tab, or is reached unseen; and where Tab does not get on."""
    presses = int(await page.evaluate(_STOPS))  # a field for a date takes several
    for _ in range(presses + 2):
        await page.keyboard.press("Tab")
    found: list[str] = await page.evaluate(_REACHED)
    return found + await _skips(page)


async def _skips(page: Page) -> list[str]:
    await page.evaluate("() => { document.activeElement?.blur(); getSelection()?.removeAllRanges(); }")
    await page.evaluate("() => window.scrollTo(0, 0)")
    first = page.locator("a.skip")
    await first.focus()
    await page.keyboard.press("Enter")
    inside = await page.evaluate("() => document.activeElement?.id === 'main'")
    return [] if inside else ["the link to the page's content does not lead there"]


async def readable(page: Page) -> list[str]:
    """What is missing without scripts."""
    found: list[str] = await page.evaluate(_READABLE)
    return found
