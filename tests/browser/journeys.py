"""What a person does in the browser, against the running demo.

`python3 tests/browser/journeys.py PROGRAM [TEST…]`: starts the program with a seed and a free port, and leaves nothing
running. Needs Chromium and its driver. With AXE=path/to/axe.min.js each page is also checked against WCAG 2 A and AA;
without it those checks are skipped. Pictures of the pages go to the folder in PICTURES, or target/browser.
"""

import signal
import sys
import unittest
import urllib.parse

from alerts import Alerts, AlertsOnAPhone, AlertsWithoutJavaScript  # noqa: F401, found by the loader
from channels import Channels, ChannelsOnAPhone, ChannelsWithoutJavaScript  # noqa: F401, found by the loader
from devices import Devices, DevicesOnAPhone, DevicesWithoutJavaScript  # noqa: F401, found by the loader
from journey import ROWS, Demo, Journey
from scan import Scan, ScanSignedIn, ScanWithoutJavaScript  # noqa: F401, found by the loader
from webdriver import Driver, until

SEARCH = "input[name=q]"


class StockPage(Journey):
    """`/`: what there is, where, right now."""

    def test_rows_are_shown_within_a_second(self):
        self.visit("/")
        until(self.products, "rows of stock", seconds_max=1)

    def test_the_position_grows_without_a_reload(self):
        self.visit("/")
        self.browser.run("window.sameDocument = true")
        before = self.position()
        until(lambda: self.position() > before, "a greater journal position")
        self.assertTrue(self.browser.run("return window.sameDocument"), "the page was not loaded again")

    def test_figures_of_rows_move_without_a_reload(self):
        self.visit("/")
        self.browser.run("window.sameDocument = true")
        rows = f"return [...document.querySelectorAll('{ROWS}')].map(row => row.textContent).join()"
        before = until(lambda: self.browser.run(rows), "rows of stock")
        until(lambda: self.browser.run(rows) != before, "another figure in the rows")
        self.assertTrue(self.browser.run("return window.sameDocument"), "the page was not loaded again")

    def test_search_narrows_the_rows(self):
        self.visit("/")
        product = until(self.products, "rows of stock")[-1]
        self.browser.find(SEARCH).type(product)
        self.browser.press("enter")
        until(lambda: set(self.products()) == {product}, f"only rows of {product}")

    def test_a_search_without_a_match_says_so(self):
        self.visit("/?" + urllib.parse.urlencode({"q": "no such product"}))
        self.assertEqual(self.products(), [])
        self.assertNotEqual(self.browser.find("#stock").text().strip(), "")

    def test_the_filter_shows_one_warehouse(self):
        self.visit("/")
        options = self.browser.find_all("select[name=warehouse] option")
        warehouse = [option.attribute("value") for option in options if option.attribute("value")][0]
        self.visit("/?" + urllib.parse.urlencode({"warehouse": warehouse}))
        until(self.products, f"rows of {warehouse}")
        self.assertEqual(self.browser.run("return document.querySelector('select[name=warehouse]').value"), warehouse)

    def test_the_keyboard_reaches_the_search_and_the_rows(self):
        self.visit("/")
        until(self.products, "rows of stock")
        for place in (SEARCH, f"{ROWS} a"):
            focused = f"return document.activeElement.matches('{place}')"
            steps = 0
            while not self.browser.run(focused):
                self.assertLess(steps, 40, f"the tab key reaches {place}")
                self.browser.press("tab")
                steps += 1
        self.browser.press("enter")
        until(lambda: "/products/" in self.browser.address(), "the page of the product")

    def test_it_is_accessible_in_light_and_dark(self):
        self.visit("/")
        until(self.products, "rows of stock")
        self.check_looks_and_access("stock")


class ProductPage(Journey):
    """`/products/{id}`: one product, place by place, and what moved last."""

    def open_first(self):
        self.visit("/")
        self.product = until(self.products, "rows of stock")[0]
        link = f"{ROWS} a"
        # A live row may be painted again between the look and the click, so both are one step in the page.
        self.browser.run(f"document.querySelector('{link}').click()")
        until(lambda: "/products/" in self.browser.address(), "the page of the product")

    def test_it_opens_from_a_row_and_shows_levels_and_movements(self):
        self.open_first()
        self.assertIn(urllib.parse.quote(self.product), self.browser.address())
        self.assertIn(self.product, self.browser.find("main").text())
        until(lambda: self.browser.find("#levels").text(), "levels by location")
        until(lambda: self.browser.find("#movements").text(), "the last movements")

    def test_a_product_that_does_not_exist_is_told_in_words(self):
        self.visit("/products/" + urllib.parse.quote("no such product"))
        self.assertIn("no such product", self.browser.find("main").text())
        # The browser itself reports the 404 on the console: that is what we came for.
        self.browser.complaints()

    def test_it_is_accessible_in_light_and_dark(self):
        self.open_first()
        self.check_looks_and_access("product")


class HeldPage(Journey):
    """`/held`: what could not be used, and why."""

    def test_each_held_input_shows_its_reason(self):
        def open_until_held():
            self.visit("/held")
            return self.browser.find_all("#held [data-held]")

        for held in until(open_until_held, "a held input"):
            reasons = held.find_all("[data-reason]")
            self.assertEqual(len(reasons), 1)
            self.assertNotEqual(reasons[0].text().strip(), "")

    def test_it_is_accessible_in_light_and_dark(self):
        self.visit("/held")
        self.browser.find("#held")
        self.check_looks_and_access("held")


class WithoutJavaScript(Journey):
    """The same pages for somebody whose browser runs no scripts: all is there, a reload brings the news."""

    javascript = False

    def rows(self):
        return self.browser.find_all(ROWS)

    def test_scripts_are_really_off(self):
        self.browser.open("data:text/html,<title>off</title><script>document.title='on'</script>")
        self.assertEqual(self.browser.run("return document.title"), "off")

    def test_stock_is_shown_and_a_reload_brings_the_news(self):
        self.visit("/")
        self.assertTrue(self.rows())
        before = self.position()

        def reloaded():
            self.visit("/")
            return self.position() > before

        until(reloaded, "a greater journal position after a reload")

    def test_search_works_by_sending_the_form(self):
        self.visit("/")
        product = self.rows()[-1].attribute("data-product")
        search = self.browser.find(SEARCH)
        search.type(product)
        self.browser.press("enter")
        until(lambda: "q=" in self.browser.address(), "the form in the address")
        self.assertEqual({row.attribute("data-product") for row in self.rows()}, {product})

    def test_a_product_opens_from_its_row(self):
        self.visit("/")
        self.browser.find(f"{ROWS} a").click()
        self.assertIn("/products/", self.browser.address())
        self.assertTrue(self.browser.find("#levels").text())


class Summary(unittest.TextTestResult):
    """Counts what passed; the base class counts all else."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main(program, names):
    module = sys.modules[__name__]
    loader = unittest.defaultTestLoader
    tests = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that whoever ends us ends what we started, too
    Journey.driver, Journey.program = Driver(), program
    try:
        Journey.demo = Demo(program)
        try:
            result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Summary).run(tests)
        finally:
            code = Journey.demo.stop()
    finally:
        Journey.driver.stop()
    # A test whose parts fail in several ways is one that failed.
    failed = len({test.id().split(" ")[0] for test, _ in result.failures + result.errors})
    if code != 0:
        print(f"the program was asked to end and exited with {code}")
        failed += 1
    print(f"journeys: {result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or result.passed == 0 else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
