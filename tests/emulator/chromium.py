"""A real Chromium without a window, and what a person or a screen reader meets in it.

Where there is none: as root on Linux (containers, most CI) it is installed through apt; when that fails, or in CI
anyway, the tests fail; on other machines, whose owner decides what is installed, they are skipped and say why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
PACKAGES = ("chromium", "chromium-driver")
MISSING = (
    "the page in a real browser, as no Chromium or Chrome with its chromedriver is on the PATH: "
    "install them, on Debian with `apt-get install chromium chromium-driver`"
)
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
)

CLICKED = "a, button, summary"

_PALE = """
const parts = c => c.match(/[0-9.]+/g).map(Number);
const light = c => parts(c).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = e => {
    for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor;
        if ((parts(c)[3] ?? 1) === 1) return c;
    }
    return 'rgb(255, 255, 255)';
};
const pale = [];
for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own && !e.matches('input, textarea, select')) continue;
    const style = getComputedStyle(e), back = behind(e);
    const [a, b] = [light(style.color), light(back)].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24;
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) pale.push(`${e.outerHTML.slice(0, 80)} ${style.color} ${back}`);
}
return pale;
"""

_FAULTS = """
const faults = [], all = s => [...document.querySelectorAll(s)];
const only = (s, n) => { if (all(s).length !== n) faults.push(`${all(s).length} of ${s}`); };
if (!document.documentElement.lang) faults.push('no language');
if (!document.title) faults.push('no title');
only('h1', 1); only('main', 1); only('script:not([src^="/"])', 0); only('[style]', 0);
const ids = all('[id]').map(e => e.id);
if (new Set(ids).size !== ids.length) faults.push('an id twice');
if (all('[tabindex]').some(e => e.tabIndex > 0)) faults.push('a tabindex above 0');
const fields = all('input:not([type=hidden]), select, textarea');
for (const e of fields) if (!e.labels.length) faults.push('no label ' + e.id);
for (const e of all('table')) if (!e.caption) faults.push('a table without a caption');
for (const e of all('th')) if (!e.scope) faults.push('th without scope');
for (const e of all('nav')) if (!e.ariaLabel) faults.push('a nav without a name');
let last = 0;
for (const e of all('h1, h2, h3, h4, h5, h6')) {
    const level = Number(e.tagName[1]);
    if (level > last + 1) faults.push(`h${last} then ${e.outerHTML}`);
    last = level;
}
const wide = document.documentElement;
if (wide.scrollWidth > wide.clientWidth) faults.push('scrolls sideways');
return faults;
"""


class Chromium:
    """A browser with one window."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)
        self._settled()

    def _settled(self) -> None:
        """Waits until the page is whole and the focus is where the page wants it: keys sent earlier go nowhere."""
        whole = "return document.readyState == 'complete'"
        focused = "return !document.querySelector('[autofocus]') || document.activeElement.hasAttribute('autofocus')"
        for script in (whole, focused):
            WebDriverWait(self.driver, 300).until(lambda driver, script=script: driver.execute_script(script))

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, words: str) -> None:
        """The link or button with these words, or with this name for screen readers, which leads to another page."""
        page = self.find("html")
        self.named(words).click()
        self._changed(page)

    def named(self, words: str) -> WebElement:
        found = [one for one in self.driver.find_elements(By.CSS_SELECTOR, CLICKED) if one.accessible_name == words]
        assert len(found) == 1, (words, len(found))
        return found[0]

    def chord(self, key: str) -> None:
        """That key with Ctrl, which leads to another page."""
        page = self.find("html")
        webdriver.ActionChains(self.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()
        self._changed(page)

    def asks_before_it_is_left(self) -> bool:
        """Whether the page wants the browser to ask; the driver answers that itself, so that nobody sees it."""
        script = "const event = new Event('beforeunload', {cancelable: true}); return !window.dispatchEvent(event)"
        return bool(self.run(script))

    def text(self) -> str:
        return self.find("main").text

    def log_in(self, host: str, token: str) -> None:
        self.open(host + "/login")
        if self.driver.find_elements(By.ID, "token"):
            self.find("#token").send_keys(token)
            self.click("Log in")

    def press(self, *keys: str) -> None:
        """Keys, as pressed by somebody without a mouse."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, name: str) -> None:
        """Tab until something of this name has the focus, which must be visible on the way."""
        for _ in range(40):
            self.press(Keys.TAB)
            focused = self.driver.switch_to.active_element
            if focused.tag_name != "body":
                assert focused.value_of_css_property("outline-style") != "none", focused.get_attribute("outerHTML")
            if focused.accessible_name == name:
                return
        raise AssertionError(f"the Tab key does not lead to {name}")

    def enter(self) -> None:
        page = self.find("html")
        self.press(Keys.ENTER)
        self._changed(page)

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def set_view(self, scheme: str, width: int) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def faults(self) -> list[str]:
        """What is wrong with how the page is built: its language, headings, labels, ids, its width."""
        return list(self.run(_FAULTS))

    def pale(self) -> list[str]:
        """Text whose colour is too close to what is behind it: WCAG's formula, 4.5 to 1 or 3 to 1 for large text."""
        return list(self.run(_PALE))

    def nameless(self) -> list[str]:
        """What can have the focus, yet has nothing that a screen reader could say."""
        found = []
        for node in self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]:
            focusable = any(p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", []))
            if focusable and not node.get("ignored") and not node.get("name", {}).get("value"):
                found.append(node["role"]["value"])
        return [role for role in found if role != "main"]

    def complaints(self) -> list[str]:
        """What the browser has refused or could not do since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def _changed(self, page: WebElement) -> None:
        """Waits until another page stands where `page` was."""
        WebDriverWait(self.driver, 300).until(lambda driver: driver.find_element(By.CSS_SELECTOR, "html") != page)
        self._settled()


@contextmanager
def started(folder: Path) -> Iterator[Chromium]:
    # The folder of this run of pytest: each of several workers has one of its own in it.
    shared = folder.parent.parent if "PYTEST_XDIST_WORKER" in os.environ else folder.parent
    browser, driver = _installed(shared)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in (*OPTIONS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield Chromium(made)
    finally:
        made.quit()


def _installed(shared: Path) -> tuple[str, str]:
    found = _found()
    is_ours = sys.platform == "linux" and os.geteuid() == 0
    if found is None and is_ours and shutil.which("apt-get"):
        with _alone(shared / "chromium.lock"):
            found = _found() or _by_apt()
    if found is not None:
        return found
    if is_ours or os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"not looked at: {MISSING}", pytrace=False)
    pytest.skip(MISSING)


def _found() -> tuple[str, str] | None:
    """Browser and driver, if both really start: what Ubuntu calls chromium may only point to a snap."""
    places = [*map(shutil.which, PROGRAMS), *PLACES]
    browser = next((one for one in places if one and Path(one).exists()), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver and _starts(browser) and _starts(driver) else None


def _starts(program: str) -> bool:
    if sys.platform == "win32" and not program.endswith("chromedriver.exe"):
        # There, asking for the version opens a window.
        return True
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=300, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _by_apt() -> tuple[str, str] | None:
    quick = ["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-o", "DPkg::Lock::Timeout=120"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        try:
            subprocess.run(
                ["apt-get", *quick, *command], env=environment, capture_output=True, timeout=600, check=False
            )
        except subprocess.TimeoutExpired:
            return None
    return _found()


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Test workers run side by side: one of them installs."""
    import fcntl

    with file.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
