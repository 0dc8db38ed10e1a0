"""What all journeys share: the program under test, and a browser that is looked at for complaints and for access."""

import os
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest

from webdriver import Browser

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = pathlib.Path(os.environ.get("PICTURES", ROOT / "target" / "browser"))
AXE = os.environ.get("AXE")
SCHEMES = ("light", "dark")
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}

ROWS = "#stock [data-product]"
POSITION = "#pulse [data-figure=position]"


class Program:
    """The program under test, with its own folder for data."""

    def __init__(self, program, *arguments):
        self.folder = tempfile.TemporaryDirectory(prefix="stocktide-journeys-")
        self.command = [program, *arguments, "--data", f"{self.folder.name}/data"]
        self.start("127.0.0.1:0")

    def start(self, listen):
        """Starts it at an address, whose port may be 0 for any free one, and waits until it is ready."""
        command = [*self.command, "--listen", listen]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        watchdog = threading.Timer(60, self.process.kill)
        watchdog.start()
        for line in self.process.stdout:
            if line.startswith("ready "):
                watchdog.cancel()
                self.address = line.split()[1]
                # Whatever else it prints is read away, so that it never waits on a full pipe.
                self.reader = threading.Thread(target=self.process.stdout.read)
                self.reader.start()
                return
        watchdog.cancel()
        raise RuntimeError(f"{command} ended with {self.process.wait()} before it was ready")

    def end(self):
        """Asks it to drain and end; returns its exit code. Its data stays."""
        self.process.terminate()
        try:
            code = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        return code

    def stop(self):
        """As `end`, and its data goes."""
        code = self.end()
        self.folder.cleanup()
        return code


class Demo(Program):
    """The demo, with a seed, on a free port."""

    def __init__(self, program):
        super().__init__(program, "demo", "--seed", "7")


class Journey(unittest.TestCase):
    """One program and one driver for all journeys, one browser for each class of them."""

    program = None
    demo = None
    driver = None
    javascript = True

    @classmethod
    def setUpClass(cls):
        cls.browser = Browser(Journey.driver, cls.javascript)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()

    def setUp(self):
        self.browser.complaints()

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [], "the console stays free of errors")

    def visit(self, path):
        self.browser.open(Journey.demo.address + path)

    def products(self):
        """The products of the rows, in the order shown."""
        return self.browser.run(f"return [...document.querySelectorAll('{ROWS}')].map(row => row.dataset.product)")

    def position(self):
        """The journal position that the page shows."""
        return int(re.sub(r"\D", "", self.browser.find(POSITION).text()) or 0)

    def check_looks_and_access(self, name):
        """A picture of the page in each scheme, and no violation of the accessibility rules in either."""
        for scheme in SCHEMES:
            self.browser.scheme(scheme)
            self.browser.screenshot(PICTURES / f"{name}-{scheme}.png")
            with self.subTest(page=name, scheme=scheme):
                violations = self.violations()
                if violations:
                    self.fail("\n\n".join(violations))

    def violations(self):
        if not AXE:
            self.skipTest("AXE does not name axe.min.js")
        # Through the debugger, because the page's own content security policy lets no foreign script in.
        self.browser.devtools("Runtime.evaluate", {"expression": pathlib.Path(AXE).read_text(encoding="utf-8")})
        found = self.browser.run_async(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, arguments[0]).then(result => done(result.violations), fault => done(String(fault)))",
            WCAG)
        self.assertIsInstance(found, list, "axe could look at the page")
        return [f"{rule['id']}: {node['html']}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]
