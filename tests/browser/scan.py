"""What a person with a scanner does on `/scan`, with a network, without one, and without scripts.

A scanner is a keyboard to the browser: the journeys type as fast as one. They run against a server of their own, under
the real clock, which they end and start again to take the network away.
"""

import json
import pathlib
import urllib.parse
import urllib.request

from journey import PICTURES, Journey, Program
from webdriver import until

GTIN = "09521234543213"
MILK, PLACE, SHELF = "MILK", "warehouse_A/dock", "warehouse_A/cold-1/bin-07"
SEPARATOR = "\u001d"
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


class ScanJourney(Journey):
    """A server with one declared product and two places, on a phone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Program(Journey.program, "serve", *cls.arguments())
        cls.browser.devtools("Emulation.setDeviceMetricsOverride", PHONE)
        cls.send("PUT", f"/v1/products/{MILK}", {"name": "Whole milk 1 l", "gtin": GTIN})
        cls.send("PUT", f"/v1/locations/{urllib.parse.quote(PLACE, safe='')}", {"gln": "9521234000013"})
        cls.send("PUT", f"/v1/locations/{urllib.parse.quote(SHELF, safe='')}", {})

    @classmethod
    def arguments(cls):
        """How the server is started."""
        return ["--auth", "none"]

    @classmethod
    def credentials(cls):
        """The headers by which a program is let in."""
        return {}

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        super().tearDownClass()

    @classmethod
    def send(cls, method, path, body=None):
        """One request to the server, past the browser."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(cls.server.address + path, data=data, method=method,
                                         headers={"Content-Type": "application/json", **cls.credentials()})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def on_hand(self, product, place=PLACE):
        """What the server says stands at a place."""
        query = urllib.parse.urlencode({"product_id": product, "location": place})
        return sum(item["on_hand_quantity"] for item in self.send("GET", f"/v1/stock?{query}")["items"])

    def entries(self, product):
        """What the journal has of a product."""
        return self.send("GET", "/v1/history?" + urllib.parse.urlencode({"product_id": product}))["items"]

    def visit(self, path):
        self.browser.open(self.server.address + path)

    def open(self, path="/scan"):
        self.visit(path)
        self.ready()

    def ready(self):
        until(lambda: self.browser.run("return document.documentElement.dataset.scan"), "the page's script")

    def without_network(self):
        """Whatever the console says of failed requests is what we came for."""
        self.server.end()

    def network_back(self):
        self.server.start(urllib.parse.urlparse(self.server.address).netloc)
        self.browser.complaints()

    def cut_cable(self, cut):
        """The browser itself knows that there is no network."""
        conditions = {"offline": cut, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.browser.devtools("Network.enable", {})
        self.browser.devtools("Network.emulateNetworkConditions", conditions)

    def task(self, name):
        self.browser.run("document.querySelector(`[name=task][value=${arguments[0]}]`).click()", name)

    def scan(self, code, shows=None):
        """A code from a scanner, into wherever the focus is; waits until the page shows what it means."""
        keys = [key for letter in code for key in self.keys_of(letter)]
        self.browser.act([*keys, *self.key("\ue007")])
        if shows:
            until(lambda: shows in self.message(), f"the message to say {shows!r}")

    @staticmethod
    def key(value):
        return [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]

    def keys_of(self, letter):
        """Scanners send the separator as Ctrl+]."""
        if letter != SEPARATOR:
            return self.key(letter)
        control = "\ue009"
        return [{"type": "keyDown", "value": control}, *self.key("]"), {"type": "keyUp", "value": control}]

    def message(self):
        return self.browser.find("#message").text()

    def value(self, name):
        return self.browser.run("return document.forms.scan.elements[arguments[0]].value", name)

    def press_record(self):
        self.browser.find(".go .main").click()

    def recent(self, state):
        """The actions in a state."""
        return self.browser.find_all(f"#recent [data-state={state}]")

    def until_recent(self, state, count=1):
        until(lambda: len(self.recent(state)) == count, f"{count} actions that are {state}")


class Scan(ScanJourney):
    """The page with its script."""

    def setUp(self):
        super().setUp()
        # A device that was never here; no page may be writing meanwhile.
        self.browser.open("about:blank")
        self.browser.devtools("Storage.clearDataForOrigin", {"origin": self.server.address, "storageTypes": "all"})
        self.open()

    def test_a_typed_scan_is_received(self):
        before = self.on_hand(MILK)
        self.scan(PLACE, "Place")
        self.scan(MILK, "Whole milk")
        self.browser.find("[data-step='1']").click()
        self.browser.find("[data-step='1']").click()
        self.press_record()
        self.until_recent("sent")
        self.assertEqual(self.on_hand(MILK), before + 3)
        self.assertEqual(self.value("location"), PLACE, "the place stays for the next thing")
        self.assertEqual(self.value("product"), "")
        self.assertIn("All sent", self.browser.find("#queue").text())

    def test_the_keyboard_alone_is_enough(self):
        before = self.on_hand(MILK)
        for code in (PLACE, MILK):
            self.scan(code)
        until(lambda: self.value("product") == MILK, "the product")

        def sent():
            # An Enter right after a scan counts as the scanner's own.
            self.browser.press("enter")
            return self.recent("sent")

        until(sent, "the action to be recorded by Enter")
        self.assertEqual(self.on_hand(MILK), before + 1)

    def test_a_gs1_code_fills_in_lot_expiry_and_serial(self):
        self.scan(PLACE, "Place")
        self.scan(f"]d201{GTIN}1728123110L-7{SEPARATOR}21S1", "Whole milk")
        self.assertEqual([self.value(name) for name in ("product", "lot", "expiry", "serials")], [MILK, "L-7", "2028-12-31", "S1"])
        self.scan(f"]d201{GTIN}1728123110L-7{SEPARATOR}21S2", "quantity 2")
        self.press_record()
        self.until_recent("sent")
        [lot] = self.send("GET", f"/v1/stock?product_id={MILK}&lot=L-7&group_by=lot")["items"]
        self.assertEqual((lot["on_hand_quantity"], lot["expiry"]), (2, "2028-12-31"))

    def test_codes_are_read_as_their_standards_say(self):
        read = "return Codes.read(arguments[0])"
        gs1 = {
            f"]d201{GTIN}": {"gtin": GTIN},
            f"01{GTIN}1728020010A/1": {"gtin": GTIN, "expiry": "2028-02-29", "lot": "A/1"},
            f"(01){GTIN}(15)280131(21)x": {"gtin": GTIN, "expiry": "2028-01-31", "serial": "x"},
            f"]C102{GTIN}3724": {"gtin": GTIN, "quantity": "24"},
            f"]d201{GTIN}3103001250": {"gtin": GTIN, "kilograms": "1.25"},
            f"]d201{GTIN}308{SEPARATOR}400PO-7": {"gtin": GTIN, "quantity": "8", "order": "PO-7"},
            f"{SEPARATOR}01{GTIN}91xy{SEPARATOR}10L": {"gtin": GTIN, "lot": "L"},
            "]C100095212340000000013": {"pallet": "095212340000000013"},
            "4149521234000013": {"gln": "9521234000013"},
            "https://id.example.com/a/01/9521234543213/10/L%2F1?17=281231": {"gtin": GTIN, "lot": "L/1", "expiry": "2028-12-31"},
        }
        for code, wanted in gs1.items():
            said = self.browser.run(read, code)
            self.assertEqual(said.pop("kind"), "gs1", code)
            said.pop("best", None)
            self.assertEqual(said, wanted, code)
        self.assertEqual(self.browser.run(read, "9521234543213"), {"kind": "gtin", "gtin": GTIN})
        self.assertEqual(self.browser.run(read, "]E09521234543213"), {"kind": "gtin", "gtin": GTIN})
        self.assertEqual(self.browser.run(read, "9521234543214"), {"kind": "plain", "text": "9521234543214"})
        self.assertEqual(self.browser.run(read, "A-1"), {"kind": "plain", "text": "A-1"})
        for code, reason in {"]d20109521234543214": "check digit", f"]d201{GTIN}17281331": "no day", "]d2019": "cut off", "]d2": "nothing",
                             "https://a.example/01/%E0%A4%A": "broken",
                             f"]d201{GTIN}10{'L' * 21}": "FNC1"}.items():
            said = self.browser.run(read, code)
            self.assertEqual(said["kind"], "unreadable", code)
            self.assertIn(reason, said["problem"])

    def test_garbage_is_read_as_something_or_refused_in_words(self):
        kinds = self.browser.run(
            "let state = 7; const next = count => (state = (state * 48271) % 2147483647) % count;"
            "const letters = '0123456789]()\\u001d/%?=ABCd:'; const seen = {};"
            "const starts = ['', ']d2', ']C101', '(01)', 'https://a.example/01/', '010952123454321317'];"
            "for (let round = 0; round < 30000; round++) {"
            "  let text = starts[next(starts.length)];"
            "  for (let length = next(40); length > 0; length--) text += letters[next(letters.length)];"
            "  const said = Codes.read(text);"
            "  if (said.kind === 'unreadable' && !said.problem) throw new Error(text);"
            "  seen[said.kind] = (seen[said.kind] ?? 0) + 1;"
            "} return seen;")
        self.assertLessEqual(set(kinds), {"gs1", "gtin", "plain", "unreadable"})
        self.assertGreater(kinds["unreadable"], 1000)

    def test_a_gtin_that_nobody_knows_is_the_product(self):
        self.scan("4149521234000013", PLACE)
        self.scan("96385074", "00000096385074")
        self.press_record()
        self.until_recent("sent")
        self.assertEqual(self.on_hand("00000096385074"), 1)

    def test_typing_into_nowhere_is_a_scan(self):
        self.browser.run("document.activeElement.blur()")
        self.scan(PLACE, "Place")
        self.browser.run("document.querySelector('.go .main').focus()")
        self.scan(MILK, "Whole milk")
        self.assertEqual(self.value("product"), MILK)

    def test_a_scan_into_the_quantity_is_no_quantity(self):
        self.scan(PLACE, "Place")
        self.browser.find("#quantity").click()
        self.scan(f"]d201{GTIN}10L1", "Whole milk")
        self.assertEqual((self.value("quantity"), self.value("product"), self.value("lot")), ("1", MILK, "L1"))

    def test_the_same_scan_twice_and_a_double_enter_count_once(self):
        before, entries = self.on_hand(MILK), len(self.entries(MILK))
        self.scan(PLACE, "Place")
        self.scan(MILK, "Whole milk")
        self.scan(MILK, "Read twice")
        self.browser.run("const go = document.querySelector('.go .main'); go.click(); go.click()")
        self.until_recent("sent")
        self.assertEqual((self.on_hand(MILK), len(self.entries(MILK))), (before + 1, entries + 1))

    def test_what_was_done_without_a_network_survives_a_reload_and_is_sent_once(self):
        until(lambda: self.browser.run("return document.documentElement.dataset.offline"), "the page to be kept")
        before, entries = self.on_hand(MILK), len(self.entries(MILK))
        self.without_network()
        self.scan(PLACE, "Place")
        for count in (1, 2):
            self.scan(f"]d201{GTIN}10OFF{count}", "Whole milk")
            self.press_record()
            self.until_recent("waiting", count)
        until(lambda: "2 waiting" in self.browser.find("#queue").text(), "the queue to say so")
        self.open()
        self.until_recent("waiting", 2)
        self.browser.screenshot(PICTURES / "scan-offline.png")
        self.network_back()
        self.browser.run("dispatchEvent(new Event('online'))")
        self.until_recent("sent", 2)
        self.assertEqual((self.on_hand(MILK), len(self.entries(MILK))), (before + 2, entries + 2))
        # The answer is lost: the same actions are sent again under their ids.
        self.browser.run_async(
            "const done = arguments[0]; const request = indexedDB.open('stocktide-scan');"
            "request.onsuccess = () => { const change = request.result.transaction('actions', 'readwrite');"
            "change.objectStore('actions').openCursor().onsuccess = event => { const cursor = event.target.result;"
            "if (cursor) { cursor.update({ ...cursor.value, state: 'waiting' }); cursor.continue(); } };"
            "change.oncomplete = () => done(); }")
        self.open()
        self.until_recent("sent", 2)
        self.assertEqual((self.on_hand(MILK), len(self.entries(MILK))), (before + 2, entries + 2))

    def test_undo_before_sending_takes_it_out_of_the_queue(self):
        entries = len(self.entries(MILK))
        self.cut_cable(True)
        try:
            self.scan(PLACE, "Place")
            self.scan(MILK, "Whole milk")
            self.press_record()
            self.until_recent("waiting")
            self.assertIn("Offline", self.browser.find("#queue").text())
            self.browser.find("#recent [data-do=undo]").click()
            until(lambda: not self.browser.find_all("#recent li"), "an empty list")
        finally:
            self.cut_cable(False)
        self.browser.complaints()
        self.assertEqual(len(self.entries(MILK)), entries)

    def test_undo_after_sending_is_its_opposite(self):
        before, entries = self.on_hand(MILK), len(self.entries(MILK))
        self.scan(PLACE, "Place")
        self.scan(MILK, "Whole milk")
        self.press_record()
        self.until_recent("sent")
        self.browser.find("#recent [data-do=undo]").click()
        self.until_recent("undone")
        self.assertEqual((self.on_hand(MILK), len(self.entries(MILK))), (before, entries + 2))

    def test_undo_without_a_network_waits_its_turn(self):
        before = self.on_hand(MILK)
        self.scan(PLACE, "Place")
        self.scan(MILK, "Whole milk")
        self.press_record()
        self.until_recent("sent")
        self.without_network()
        self.browser.find("#recent [data-do=undo]").click()
        self.until_recent("waiting")
        self.network_back()
        self.browser.find("#retry").click()
        self.until_recent("undone")
        self.assertEqual(self.on_hand(MILK), before)

    def test_a_refused_action_says_why_and_can_be_mended(self):
        before = self.on_hand(MILK)
        self.scan(PLACE, "Place")
        self.scan(MILK, "Whole milk")
        self.browser.run("document.getElementById('quantity').value = '0.1234567'")
        self.press_record()
        self.until_recent("refused")
        self.assertIn("six decimals", self.recent("refused")[0].text())
        until(lambda: "six decimals" in self.message(), "the reason where one looks")
        self.browser.find("#recent [data-do=edit]").click()
        until(lambda: self.value("quantity") == "0.1234567", "the action on the sheet")
        self.browser.run("document.getElementById('quantity').value = '0.5'")
        self.press_record()
        self.until_recent("sent")
        self.assertEqual(self.recent("refused"), [])
        self.assertEqual(self.on_hand(MILK), before + 0.5)

    def test_a_held_action_shows_as_such(self):
        self.scan(PLACE, "Place")
        self.scan(MILK, "Whole milk")
        self.browser.run("const real = Date.now; Date.now = () => real() + 3600000")
        self.task("count")
        self.press_record()
        self.until_recent("held")
        self.assertIn("in the future", self.recent("held")[0].text())

    def test_each_scan_can_be_recorded_at_once(self):
        before = self.on_hand(MILK)
        self.browser.find(".settings summary").click()
        self.browser.find("#at-once").click()
        self.browser.find(".settings summary").click()
        self.scan(PLACE, "Place")
        self.scan(MILK, "Received 1")
        self.scan(f"]d201{GTIN}10ONCE", "Received 1")
        self.until_recent("sent", 2)
        self.assertEqual(self.on_hand(MILK), before + 2)

    def test_a_place_that_was_declared_meanwhile_is_known_by_its_gln(self):
        self.send("PUT", "/v1/locations/warehouse_B", {"gln": "9521234000020"})
        self.scan("4149521234000020", "Place warehouse_B")

    def test_task_and_place_are_there_after_a_reload(self):
        self.task("pick")
        self.scan(PLACE, "From")
        self.open()
        self.assertEqual((self.value("task"), self.value("location")), ("pick", PLACE))

    def test_put_away_goes_from_the_dock_to_the_shelf(self):
        shelf = self.on_hand(MILK, SHELF)
        self.task("put_away")
        self.scan(PLACE, "From")
        self.scan(MILK, "Whole milk")
        self.scan(SHELF, "To")
        self.press_record()
        self.until_recent("sent")
        self.assertEqual(self.on_hand(MILK, SHELF), shelf + 1)
        self.assertEqual((self.value("location"), self.value("to")), (PLACE, ""), "the dock stays, the shelf does not")

    def test_looking_up_shows_where_a_product_stands(self):
        self.send("POST", "/v1/events", {"event": "item_counted", "product_id": "LOOKED-UP", "location": SHELF, "quantity": 42,
                                         "timestamp": "2026-01-02T03:04:05Z"})
        self.task("look_up")
        self.scan("LOOKED-UP")
        until(lambda: SHELF in self.browser.find("#found").text() and "42" in self.browser.find("#found").text(), "where it stands")

    def test_no_button_is_dead_where_the_camera_reads_nothing(self):
        can = self.browser.run("return 'BarcodeDetector' in window")
        self.assertEqual(self.browser.run("return document.getElementById('camera').hidden"), not can)
        if not can:
            self.assertIn("No camera reading", self.browser.find("#camera-note").text())

    def test_everything_that_is_pressed_is_large_enough(self):
        self.scan(PLACE, "Place")
        self.scan(MILK, "Whole milk")
        self.press_record()
        self.until_recent("sent")
        small = self.browser.run(
            "return [...document.querySelectorAll('.handheld :is(button, input:not([type=hidden]), summary)')]"
            ".map(one => [one, (one.closest('label') ?? one).getBoundingClientRect()])"
            ".filter(([, box]) => box.height > 0 && (box.height < 48 || box.width < 48)).map(([one]) => one.outerHTML)")
        self.assertEqual(small, [])

    def test_it_is_accessible_in_light_and_dark(self):
        self.scan(PLACE, "Place")
        self.scan(f"]d201{GTIN}1728123110L-7", "Whole milk")
        self.press_record()
        self.until_recent("sent")
        self.scan(f"]d201{GTIN}1729013110L-8", "Whole milk")
        self.check_looks_and_access("scan")


class ScanSignedIn(ScanJourney):
    """The page of a server that asks for a token."""

    @classmethod
    def arguments(cls):
        return []

    @classmethod
    def token(cls):
        return (pathlib.Path(cls.server.folder.name) / "data" / "admin.token").read_text(encoding="utf-8").strip()

    @classmethod
    def credentials(cls):
        return {"Authorization": f"Bearer {cls.token()}"}

    def test_a_session_that_ends_keeps_the_queue_until_somebody_signs_in(self):
        self.visit("/sign-in")
        self.browser.find("#token").type(self.token())
        self.browser.press("enter")
        until(lambda: self.browser.find_all("#stock"), "the stock")
        self.open()
        self.scan(PLACE, "Place")
        self.browser.devtools("Network.clearBrowserCookies", {})
        self.scan(MILK, "Whole milk")
        self.press_record()
        until(lambda: "Signed out · 1 waiting" in self.browser.find("#queue").text(), "the queue to say so")
        self.browser.find("#sign-in").click()
        self.browser.find("#token").type(self.token())
        self.browser.press("enter")
        until(lambda: self.browser.find_all("#stock"), "the stock")
        self.open()
        self.until_recent("sent")
        self.assertEqual(self.on_hand(MILK), 1)
        # The browser itself reports the 401 on the console: that is what we came for.
        self.browser.complaints()


class ScanWithoutJavaScript(ScanJourney):
    """The same page as a plain form."""

    javascript = False

    def fill(self, **fields):
        for name, value in fields.items():
            self.browser.find(f"[name={name}]").type(value)

    def test_a_form_is_recorded_and_can_be_undone(self):
        before = self.on_hand(MILK)
        self.visit("/scan")
        self.fill(location=PLACE, product=GTIN)
        self.browser.find(".go .main").click()
        until(lambda: "Recorded" in self.browser.find(".outcome").text(), "what became of it")
        self.assertEqual(self.on_hand(MILK), before + 1)
        self.browser.find(".outcome button").click()
        until(lambda: "Undone" in self.browser.find(".outcome").text(), "what became of it")
        self.assertEqual(self.on_hand(MILK), before)

    def test_the_same_form_twice_counts_once(self):
        before = self.on_hand(MILK)
        self.visit("/scan")
        form = {"task": "receive", "id": self.browser.find("[name=id]").attribute("value"), "location": PLACE, "product": MILK, "quantity": "2"}
        answers = []
        for _ in range(2):
            request = urllib.request.Request(self.server.address + "/scan", data=urllib.parse.urlencode(form).encode())
            with urllib.request.urlopen(request, timeout=10) as answer:
                answers.append(answer.read().decode())
        self.assertIn("Recorded at position", answers[0])
        self.assertIn("recorded before", answers[1])
        self.assertEqual(self.on_hand(MILK), before + 2)

    def test_what_is_wrong_with_a_form_is_told_beside_what_was_typed(self):
        self.visit("/scan")
        self.fill(location=PLACE)
        self.browser.find(".go .main").click()
        until(lambda: "product_id" in self.browser.find(".outcome").text(), "what is wrong")
        self.assertEqual(self.browser.find("[name=location]").attribute("value"), PLACE)
        # The browser itself reports the 422 on the console: that is what we came for.
        self.browser.complaints()

    def test_looking_up_leads_to_the_product(self):
        self.visit("/scan?task=look_up&product=" + MILK)
        self.browser.find(".go .main").click()
        until(lambda: f"/products/{MILK}" in self.browser.address(), "the page of the product")
