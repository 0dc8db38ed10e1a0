"""What a person sees of the channels on `/channels`, and how they test one.

The journeys run against a server of their own and a receiver on this machine that takes what comes, or does not.
"""

import http.server
import pathlib
import tempfile
import threading

from devices import PHONE
from journey import Journey, Program
from webdriver import until


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes what is posted, except at `/broken`."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()
        self.wfile.write(b"fine")

    def log_message(self, *_):
        pass


class ChannelsJourney(Journey):
    """A server with a channel that works and one that does not."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        cls.receiving = threading.Thread(target=cls.receiver.serve_forever)
        cls.receiving.start()
        cls.configuration = tempfile.TemporaryDirectory(prefix="stocktide-channels-")
        file = pathlib.Path(cls.configuration.name) / "stocktide.toml"
        channel = ('[[channels]]\nname = "{}"\nkind = "slack"\nurl = "http://127.0.0.1:{}/{}"\n'
                   'quiet_hours = "22:00-06:00"\ntime_zone = "Europe/Berlin"\n')
        port = cls.receiver.server_port
        file.write_text(channel.format("floor", port, "whole") + channel.format("office", port, "broken"), encoding="utf-8")
        cls.server = Program(Journey.program, "serve", "--auth", "none", "--config", str(file))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.receiver.shutdown()
        cls.receiving.join()
        cls.receiver.server_close()
        cls.configuration.cleanup()
        super().tearDownClass()

    def visit(self, path):
        self.browser.open(self.server.address + path)

    def press_test(self, channel):
        """Presses the button of a channel, and answers what the page says then."""
        self.visit("/channels")
        before = self.browser.find("main")
        self.browser.find(f"[data-channel={channel}] form button").click()
        until(lambda: self.browser.find("main").reference != before.reference, "the page that the button leads to")
        return self.browser.find("main").text()


class Channels(ChannelsJourney):
    """With a mouse and scripts."""

    def test_a_test_tells_what_the_receiver_said(self):
        self.assertIn("The test arrived", self.press_test("floor"))
        self.assertIn("500 Internal Server Error", self.press_test("office"))
        self.visit("/channels")
        self.assertIn("good", self.browser.find("[data-channel=floor]").text())
        self.assertIn("failing", self.browser.find("[data-channel=office]").text())

    def test_the_page_is_accessible_in_light_and_dark(self):
        self.press_test("office")
        self.visit("/channels")
        self.browser.find("main h1")
        self.check_looks_and_access("channels")


class ChannelsOnAPhone(ChannelsJourney):
    """The same on a small screen."""

    def test_the_page_fits_and_is_accessible(self):
        self.browser.devtools("Emulation.setDeviceMetricsOverride", PHONE)
        self.visit("/channels")
        self.browser.find("main h1")
        width = self.browser.run("return document.documentElement.scrollWidth")
        self.assertLessEqual(width, PHONE["width"], "the page is not wider than the screen")
        self.check_looks_and_access("channels-phone")


class ChannelsWithoutJavaScript(ChannelsJourney):
    """A browser that runs no scripts: forms do it all."""

    javascript = False

    def test_a_test_tells_what_the_receiver_said(self):
        self.assertIn("The test arrived", self.press_test("floor"))
