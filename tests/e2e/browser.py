"""A headless Chromium that tests look through: waiting is polling with a deadline, nothing is guessed.

The browser resolves no name but the loopback address, so a page that needs anything from elsewhere
fails here. `requests` is every address it asked for, `complaints` what its console said.
"""

import json
import shutil
import time

import pytest

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "google-chrome", "chrome")) if p), None)
DRIVER = shutil.which("chromedriver")
WAIT_S = 30
try:
    from selenium import webdriver
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = None


def require():
    """Skips the test where it cannot run, and says why."""
    for what, found in (("python3-selenium", webdriver), ("chromium", CHROMIUM), ("chromium-driver", DRIVER)):
        if not found:
            pytest.skip(f"skipped: {what} is not installed")


class Browser:
    def __init__(self, url, width=1280, height=860, is_dark=False):
        require()
        self.url = url.rstrip("/")
        options = Options()
        options.binary_location = CHROMIUM
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en",
                         "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = "dark" if is_dark else "light"
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._requests = []

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def open(self, path):
        self.driver.get(self.url + path)
        return self

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def wait(self, look, what, timeout=WAIT_S):
        """The first true value of look(); elements that vanish while being looked at are looked at again."""
        end = time.monotonic() + timeout
        while True:
            try:
                value = look()
            except StaleElementReferenceException:
                value = None
            if value:
                return value
            assert time.monotonic() < end, f"timed out waiting for {what}:\n{self.text('body')[:3000]}"
            time.sleep(0.03)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css, timeout=WAIT_S):
        """The first such element that is shown."""
        return self.wait(lambda: next((e for e in self.all(css) if e.is_displayed()), None), css, timeout)

    def text(self, css):
        return self.script("const e = document.querySelector(arguments[0]); return e ? e.innerText : ''", css)

    def wait_text(self, css, text, timeout=WAIT_S):
        self.wait(lambda: text in self.text(css), f"{text!r} in {css}", timeout)

    def button(self, label):
        """A button or link by what it says; a count may stand behind the words."""
        def find():
            for element in self.all("button, a, summary"):
                words = element.text.strip() if element.is_displayed() else ""
                if words.rstrip("0123456789 \n") == label:
                    return element
            return None
        return self.wait(find, f"button {label}")

    def type(self, css, text):
        element = self.one(css)
        element.clear()
        element.send_keys(text)
        return element

    def press(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def focused(self):
        """What has the focus, in words, and whether that is to be seen."""
        return self.script("""
            const e = document.activeElement, s = getComputedStyle(e);
            return {tag: e.tagName, id: e.id, text: (e.getAttribute('aria-label') || e.innerText || e.name || '').trim(),
                    href: e.getAttribute('href'), isSeen: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0}""")

    def unlock(self, key):
        self.type("#key", key).send_keys(Keys.ENTER)
        self.one("#nav")
        return self

    def scroll_width(self):
        return self.script("return document.documentElement.scrollWidth")

    def requests(self):
        """Every address asked for so far."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests.append(message["params"]["request"]["url"])
        return self._requests

    def strangers(self):
        """Addresses that are not this server's."""
        own = (self.url + "/", "blob:" + self.url + "/", "data:", "about:")
        return [url for url in self.requests() if not url.startswith(own)]

    def complaints(self, expected=()):
        """Warnings and errors of the console since the last call; `expected`: HTTP statuses that the
        browser reports by itself and the test caused on purpose."""
        found = [e for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]

        def is_expected(entry):
            return entry["source"] == "network" and any(f"status of {s} " in entry["message"] for s in expected)
        return [e["message"] for e in found if not is_expected(e)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
