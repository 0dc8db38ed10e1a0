"""What a person sees of readers, scales and sensors on `/devices`, and does about doubtful movements on `/inferences`.

The journeys run against a server of their own, under the real clock, and send what the gateway of a reader would.
"""

import json
import math
import time
import urllib.parse
import urllib.request

from journey import Journey, Program
from webdriver import until

GTIN = "80614141123458"
EPC, GHOST = "3074257BF7194E4000001A85", "3074257BF7194E4000001A86"
DOCK = "warehouse_A/dock"
DOOR = {
    "kind": "rfid_reader", "name": "Dock door 1", "location": DOCK,
    "settings": {
        "antennas": [{"antenna": 1, "portal": "door-1", "side": "outside"},
                     {"antenna": 2, "portal": "door-1", "side": "inside"}],
        "portals": [{"portal": "door-1", "inside": DOCK}],
        "smoothing": {"lag_ms": 6000}}}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
# A movement is decided seconds after the tag was heard last.
PATIENCE = 30


class DevicesJourney(Journey):
    """A server with a reader at a door, a cold room and a thermometer that nobody hears."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Program(Journey.program, "serve", "--auth", "none")
        cls.send("PUT", f"/v1/products/{GTIN}", {"name": "Blue shirt", "gtin": GTIN})
        cls.send("PUT", "/v1/devices/dock-1", DOOR)
        cls.send("PUT", "/v1/devices/cold-1", {"kind": "sensor", "name": "Cold room", "location": "warehouse_A/cold-1",
                                               "interval_seconds": 600})
        cls.send("PUT", "/v1/devices/cold-2", {"kind": "sensor", "location": "warehouse_A/cold-2",
                                               "interval_seconds": 1})
        now = time.time()
        minutes_ago = [*range(1200, 0, -10), *(20 - second for second in range(20))]
        for place, minutes in enumerate(minutes_ago):
            at = now - 60 * minutes if place < 120 else now - minutes
            cls.measure("cold-1", at, {"temperature_celsius": round(5 + math.sin(place / 9), 2)})
        cls.measure("cold-2", now, {"temperature_celsius": 5.5, "door": "open"})
        cls.came_through, cls.ghosts = False, 0

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        super().tearDownClass()

    @classmethod
    def send(cls, method, path, body=None):
        """One request to the server, past the browser."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(cls.server.address + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    @classmethod
    def measure(cls, device, at, metrics):
        """Figures of a sensor."""
        cls.send("POST", "/v1/events", {"event": "sensor_reading", "device": device, "metrics": metrics,
                                        "timestamp": cls.stamp(at), "battery_percent": 74})

    @staticmethod
    def stamp(at):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}Z"

    @classmethod
    def hear(cls, epc, spans):
        """Posts what an Impinj reader posts: reads of the tag each 50 ms, by one antenna for so many seconds each."""
        total = sum(seconds for _, seconds in spans)
        at, reads = time.time() - total, []
        for antenna, seconds in spans:
            for _ in range(int(seconds * 20)):
                reads.append({"timestamp": cls.stamp(at), "eventType": "tagInventory", "tagInventoryEvent": {
                    "epcHex": epc, "antennaPort": antenna, "peakRssiCdbm": -5000, "lastSeenTime": cls.stamp(at)}})
                at += 0.05
        return cls.send("POST", "/v1/devices/dock-1/reads", reads)

    @classmethod
    def passage(cls):
        """A tag comes through the door, once for all journeys."""
        if not cls.came_through:
            cls.hear(EPC, [(1, 2), (2, 2)])
            cls.came_through = True

    @classmethod
    def ghost(cls):
        """A tag of its own is heard for a moment on one side of the door."""
        cls.ghosts += 1
        cls.hear(f"{GHOST[:-2]}{0x90 + cls.ghosts:02X}", [(1, 0.2)])

        def waiting():
            return cls.send("GET", "/v1/inferences?state=quarantined")["items"]

        return until(waiting, "a ghost in quarantine", seconds_max=PATIENCE)[0]["id"]

    def visit(self, path):
        self.browser.open(self.server.address + path)


class Devices(DevicesJourney):
    """With scripts, on a desk."""

    def test_a_tag_that_passes_a_door_is_stock_of_its_product(self):
        self.passage()
        self.visit("/inferences?state=applied")
        booked = "return document.querySelector('#inferences').textContent"
        until(lambda: "passed in" in self.browser.run(booked), "the passage among the booked", seconds_max=PATIENCE)
        self.visit(f"/products/{GTIN}")
        levels = self.browser.find("#levels").text()
        self.assertIn("dock", levels)

    def test_a_silent_device_is_told_first_and_in_words(self):
        self.visit("/devices")
        first = "return document.querySelector('#devices [data-device]').dataset.device"
        until(lambda: self.browser.run(first) == "cold-2", "the silent device in the first row", seconds_max=PATIENCE)
        row = self.browser.find("[data-device=cold-2]")
        until(lambda: "silent" in row.text().lower(), "that it is silent", seconds_max=PATIENCE)
        self.assertIn("expected within 3 s", row.text())
        self.visit("/devices?state=silent")
        self.assertEqual(len(self.browser.find_all("#devices [data-device]")), 1)

    def test_a_device_shows_its_figures_and_how_they_went(self):
        self.visit("/devices/cold-1")
        text = self.browser.find("main").text()
        self.assertIn("Cold room", text)
        self.assertIn("temperature celsius", text)
        words = self.browser.find("#chart svg").attribute("aria-label")
        self.assertIn("140 readings in the last 24\u202fh, between 4 and 6", words)

    def test_a_ghost_is_refuted_with_a_reason(self):
        ghost = self.ghost()
        self.visit("/inferences")
        entry = f"[data-inference='{ghost}']"
        self.browser.find(f"{entry} input[name=reason]").type("nobody was there")
        self.browser.find(f"{entry} button[value=refuted]").click()
        until(lambda: "done=refuted" in self.browser.address(), "the list again")
        self.assertEqual(self.browser.find_all(entry), [])
        self.visit("/inferences?state=refuted")
        self.assertIn("nobody was there", self.browser.find(entry).text())

    def test_a_ghost_is_booked_when_it_is_said_which_way_it_went(self):
        ghost = self.ghost()
        self.visit("/inferences")
        self.browser.find(f"[data-inference='{ghost}'] button[value=passed_in]").click()
        until(lambda: "done=confirmed" in self.browser.address(), "the list again")
        judged = self.send("GET", "/v1/inferences/" + urllib.parse.quote(ghost, safe=""))
        self.assertEqual(judged["state"], "confirmed")
        self.assertIsNotNone(judged["judgement"]["event_position"])

    def test_a_device_that_does_not_exist_is_told_in_words(self):
        self.visit("/devices/nobody")
        self.assertIn("nobody", self.browser.find("main").text())
        # The browser itself reports the 404 on the console: that is what we came for.
        self.browser.complaints()

    def test_the_pages_are_accessible_in_light_and_dark(self):
        self.ghost()
        self.passage()
        for name, path in (("devices", "/devices"), ("device", "/devices/cold-1"), ("quarantine", "/inferences")):
            self.visit(path)
            self.browser.find("main h1")
            self.check_looks_and_access(name)


class DevicesOnAPhone(DevicesJourney):
    """The same on a small screen."""

    def test_the_pages_fit_and_are_accessible(self):
        self.browser.devtools("Emulation.setDeviceMetricsOverride", PHONE)
        self.ghost()
        for name, path in (("devices", "/devices"), ("device", "/devices/cold-1"), ("quarantine", "/inferences")):
            self.visit(path)
            self.browser.find("main h1")
            width = self.browser.run("return document.documentElement.scrollWidth")
            self.assertLessEqual(width, PHONE["width"], f"{path} is not wider than the screen")
            self.check_looks_and_access(f"{name}-phone")


class DevicesWithoutJavaScript(DevicesJourney):
    """A browser that runs no scripts: forms and links do it all."""

    javascript = False

    def test_devices_are_listed_and_a_ghost_refuted(self):
        ghost = self.ghost()
        self.visit("/devices")
        self.assertEqual(len(self.browser.find_all("#devices [data-device]")), 3)
        self.visit("/inferences")
        self.browser.find(f"[data-inference='{ghost}'] button[value=refuted]").click()
        until(lambda: "done=refuted" in self.browser.address(), "the list again")
        self.assertIn("refuted", self.browser.find(".notice[role=status]").text())
