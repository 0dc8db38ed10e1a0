"""A browser, spoken to over the WebDriver protocol with nothing but the standard library.

It knows the protocol and Chromium's flags, and no page of ours. Every wait is for a condition, with a deadline.
"""

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

WAIT_SECONDS_MAX = 10
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element reference, WebDriver section 11
KEYS = {"tab": "\ue004", "enter": "\ue007", "escape": "\ue00c"}  # WebDriver section 17.4.2

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--window-size=1280,900",
]


class WebDriverError(Exception):
    """What the driver answered instead of a value; `code` is the protocol's word for it."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def until(condition, what, seconds_max=WAIT_SECONDS_MAX):
    """Asks again until the condition is true, and returns what it gave. Pages change under us: stale answers count as no."""
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            value = condition()
        except WebDriverError as error:
            if error.code not in ("stale element reference", "no such element", "javascript error"):
                raise
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds_max} s for {what}")
        time.sleep(0.02)


def call(url, method, body=None):
    """One request of the protocol; returns its value."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        value = json.load(error)["value"]
        raise WebDriverError(value["error"], value["message"].splitlines()[0]) from None


class Driver:
    """The driver process, on a port that it chose itself."""

    def __init__(self):
        self.browsers = []
        self.process = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if "started successfully on port" in line:
                self.url = f"http://127.0.0.1:{line.rstrip().rstrip('.').split()[-1]}"
                return
        raise RuntimeError("chromedriver ended before it told its port")

    def stop(self):
        """Ends the browsers that are still open, then itself."""
        for browser in list(self.browsers):
            browser.quit()
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class Browser:
    """One session: a browser with a profile of its own that is deleted at the end."""

    def __init__(self, driver, javascript=True):
        self.driver = driver
        self.profile = tempfile.mkdtemp(prefix="stocktide-browser-")
        prefs = {} if javascript else {"profile.managed_default_content_settings.javascript": 2}
        options = {"args": [*FLAGS, f"--user-data-dir={self.profile}"], "prefs": prefs}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = call(f"{driver.url}/session", "POST", {"capabilities": {"alwaysMatch": wanted}})
        self.url = f"{driver.url}/session/{session['sessionId']}"
        driver.browsers.append(self)

    def quit(self):
        self.driver.browsers.remove(self)
        with contextlib.suppress(WebDriverError, OSError):
            call(self.url, "DELETE")
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, address):
        call(f"{self.url}/url", "POST", {"url": address})

    def address(self):
        return call(f"{self.url}/url", "GET")

    def find(self, css):
        """The first element that matches, as soon as there is one."""
        return until(lambda: next(iter(self.find_all(css)), None), f"an element {css}")

    def find_all(self, css):
        found = call(f"{self.url}/elements", "POST", {"using": "css selector", "value": css})
        return [Element(self, reference[ELEMENT]) for reference in found]

    def run(self, script, *arguments):
        """The value of a script's `return`."""
        return call(f"{self.url}/execute/sync", "POST", {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        """What the script gives to its last argument, a function."""
        return call(f"{self.url}/execute/async", "POST", {"script": script, "args": list(arguments)})

    def press(self, key):
        """A key to whatever has the focus."""
        self.act([{"type": kind, "value": KEYS.get(key, key)} for kind in ("keyDown", "keyUp")])

    def act(self, actions):
        """Keys down and up, one after the other, as fast as a scanner sends them."""
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        call(f"{self.url}/actions", "POST", {"actions": [keyboard]})

    def scheme(self, name):
        """Pages now see a person who prefers `light` or `dark`."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.devtools("Emulation.setEmulatedMedia", {"features": [feature]})

    def devtools(self, command, parameters):
        return call(f"{self.url}/goog/cdp/execute", "POST", {"cmd": command, "params": parameters})

    def complaints(self):
        """What went to the console as an error since the last time this was asked."""
        entries = call(f"{self.url}/se/log", "POST", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def screenshot(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(call(f"{self.url}/screenshot", "GET")))


class Element:
    """An element of the page as it was when it was found; a page that replaces it makes it stale."""

    def __init__(self, browser, reference):
        self.browser = browser
        self.reference = reference
        self.url = f"{browser.url}/element/{reference}"

    def click(self):
        call(f"{self.url}/click", "POST", {})

    def type(self, text):
        call(f"{self.url}/value", "POST", {"text": text})

    def text(self):
        return call(f"{self.url}/text", "GET")

    def attribute(self, name):
        return call(f"{self.url}/attribute/{name}", "GET")

    def find_all(self, css):
        found = call(f"{self.url}/elements", "POST", {"using": "css selector", "value": css})
        return [Element(self.browser, reference[ELEMENT]) for reference in found]
