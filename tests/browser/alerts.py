"""What a person sees of alerts on `/alerts` and does about them, and of rules on `/rules`.

The journeys run against a server of their own, under the real clock, with stock that is below its thresholds.
"""

import json
import time
import urllib.request

from journey import Journey, Program
from webdriver import until

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
ROWS = "#alerts [data-alert]"


class AlertsJourney(Journey):
    """A server with products that a rule each finds too few of."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Program(Journey.program, "serve", "--auth", "none")
        cls.made = 0

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
    def alert(cls, severity="warning"):
        """An alert about a product of its own; answers the product and the alert's id."""
        cls.made += 1
        product = f"PART-{cls.made}"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
        cls.send("POST", "/v1/events", {"event": "item_added", "product_id": product, "location": "warehouse_A",
                                        "quantity": 3, "timestamp": now, "id": product})
        cls.send("PUT", f"/v1/rules/{product}", {"condition": "low_stock", "product_id": product,
                                                 "severity": severity, "settings": {"below": 5}})

        def opened():
            return cls.send("GET", f"/v1/alerts?product_id={product}")["items"]

        return product, until(opened, f"an alert about {product}")[0]["id"]

    def visit(self, path):
        self.browser.open(self.server.address + path)

    def state(self, alert):
        return self.send("GET", f"/v1/alerts/{alert}")["state"]


class Alerts(AlertsJourney):
    """With scripts, on a desk."""

    def test_an_alert_appears_by_itself_and_is_counted(self):
        self.visit("/alerts")
        self.browser.run("window.sameDocument = true")
        product, alert = self.alert("critical")
        until(lambda: self.browser.find_all(f"[data-alert='{alert}']"), "the alert without a reload")
        self.assertIn(product, self.browser.find(f"[data-alert='{alert}']").text())
        until(lambda: "open, critical" in self.browser.run(
            "return document.querySelector('#navigation').textContent"), "the count in the navigation")
        self.assertTrue(self.browser.run("return window.sameDocument"), "the page was not loaded again")

    def test_an_alert_is_acknowledged_snoozed_and_resolved(self):
        _, alert = self.alert()
        self.visit("/alerts")
        self.browser.find(f"[data-alert='{alert}'] .quick button").click()
        until(lambda: "done=acknowledge-1" in self.browser.address(), "the list again")
        self.assertEqual(self.state(alert), "acknowledged")
        self.visit(f"/alerts/{alert}")
        self.browser.find("#ways input[name=note]").type("waiting for the truck")
        self.browser.find("#ways button[value=hour]").click()
        until(lambda: "done=hour-1" in self.browser.address(), "the alert again")
        self.assertEqual(self.state(alert), "snoozed")
        self.assertIn("waiting for the truck", self.browser.find("#life").text())
        self.browser.find("#ways button[value=resolve]").click()
        until(lambda: "done=resolve-1" in self.browser.address(), "the alert again")
        self.assertEqual(self.state(alert), "resolved")
        self.assertEqual(self.browser.find_all("#ways form"), [])

    def test_several_are_given_to_somebody_at_once(self):
        alerts = [self.alert()[1] for _ in range(2)]
        self.visit("/alerts")
        self.browser.find(".several summary").click()
        for alert in alerts:
            self.browser.find(f"#pick-{alert}").click()
        self.browser.find("#selected input[name=owner]").type("anna")
        self.browser.find("#selected button[value=assign]").click()
        until(lambda: "done=assign-2" in self.browser.address(), "the list again")
        self.assertIn("2 alerts are assigned", self.browser.find(".notice").text())
        self.visit("/alerts?owner=anna")
        self.assertEqual(len(self.browser.find_all(ROWS)), 2)

    def test_the_search_narrows_the_list_and_stands_in_the_address(self):
        product, alert = self.alert()
        self.alert()
        self.visit("/alerts")
        self.browser.find("input[name=q]").type(product)
        until(lambda: len(self.browser.find_all(ROWS)) == 1, "only the alert that was searched")
        self.assertIn(f"q={product}", self.browser.address())
        self.browser.find(f"[data-alert='{alert}']")

    def test_a_rule_is_added_with_what_is_wrong_beside_its_field(self):
        self.visit("/rules/edit?condition=low_stock")
        self.browser.find("input[name=rule]").type("by-hand")
        self.browser.find("input[name=product_id]").type("WIDGET")
        self.browser.find("input[name='settings.below']").type("many")
        self.browser.find("form.rule button.main").click()
        until(lambda: self.browser.find_all("#settings-below-problem"), "what is wrong")
        # The browser itself reports the 422 on the console: that is what we came for.
        self.browser.complaints()
        self.browser.run("document.querySelector(\"input[name='settings.below']\").value = ''")
        self.browser.find("input[name='settings.below']").type("7")
        self.browser.find("form.rule button.main").click()
        until(lambda: "done=saved" in self.browser.address(), "the rules")
        self.assertEqual(self.send("GET", "/v1/rules/by-hand")["settings"], {"below": "7"})
        self.visit("/rules/edit?rule=by-hand")
        self.browser.find("form.removal button").click()
        until(lambda: "done=removed" in self.browser.address(), "the rules")

    def test_the_pages_are_accessible_in_light_and_dark(self):
        _, alert = self.alert()
        pages = (("alerts", "/alerts"), ("alert", f"/alerts/{alert}"), ("alert-history", "/alerts/history"),
                 ("rules", "/rules"), ("rule", "/rules/edit?condition=temperature"))
        for name, path in pages:
            self.visit(path)
            self.browser.find("main h1")
            self.check_looks_and_access(name)


class AlertsOnAPhone(AlertsJourney):
    """The same on a small screen."""

    def test_the_pages_fit_and_are_accessible(self):
        self.browser.devtools("Emulation.setDeviceMetricsOverride", PHONE)
        _, alert = self.alert("critical")
        for name, path in (("alerts", "/alerts"), ("alert", f"/alerts/{alert}"), ("alert-history", "/alerts/history"),
                           ("rules", "/rules"), ("rule", "/rules/edit?condition=low_stock")):
            self.visit(path)
            self.browser.find("main h1")
            width = self.browser.run("return document.documentElement.scrollWidth")
            self.assertLessEqual(width, PHONE["width"], f"{path} is not wider than the screen")
            self.check_looks_and_access(f"{name}-phone")


class AlertsWithoutJavaScript(AlertsJourney):
    """A browser that runs no scripts: forms and links do it all."""

    javascript = False

    def test_an_alert_is_noted_and_resolved(self):
        _, alert = self.alert()
        self.visit(f"/alerts/{alert}")
        self.browser.find("#ways input[name=note]").type("counted by hand")
        self.browser.find("#ways button[value=note]").click()
        until(lambda: "done=note-1" in self.browser.address(), "the alert again")
        self.assertIn("counted by hand", self.browser.find("#life").text())
        self.browser.find("#ways button[value=resolve]").click()
        until(lambda: "done=resolve-1" in self.browser.address(), "the alert again")
        self.assertEqual(self.state(alert), "resolved")
