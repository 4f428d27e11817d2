"""A headless Chromium, where there is one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WAIT_S = 30.0


@dataclass
class Browser:
    """What a test does in a page.

    Attributes:
        driver: of selenium.
        downloads: where saved files go.
    """

    driver: Any
    downloads: Path

    def show(self, page: Path) -> None:
        self.driver.get(page.as_uri())

    def script(self, code: str, *values: object) -> Any:
        return self.driver.execute_script(code, *values)

    def count(self, selector: str) -> int:
        return len(self.driver.find_elements("css selector", selector))

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.script(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector
        )
        return found

    def wait_for(self, selector: str) -> None:
        self._until(lambda: self.count(selector) > 0, selector)

    def press(self, keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(keys)

    def press_escape(self) -> None:
        from selenium.webdriver.common.keys import Keys

        self.press(Keys.ESCAPE)

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def choose(self, selector: str, value: str) -> None:
        from selenium.webdriver.support.ui import Select

        Select(self.driver.find_element("css selector", selector)).select_by_value(value)

    def resize(self, width: int) -> None:
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def download(self, name: str) -> Path:
        path = self.downloads / name
        self._until(path.exists, name)
        return path

    def complaints(self) -> list[str]:
        """What the browser's console has to say."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def _until(self, ready: Any, what: str) -> None:
        end = time.monotonic() + WAIT_S
        while not ready():
            assert time.monotonic() < end, f"{what} did not appear within {WAIT_S:.0f} s."
            time.sleep(0.05)


def open_browser(downloads: Path) -> Iterator[Browser]:
    """A browser that is closed at the end; the test is skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("There is no Chromium (Debian: apt-get install chromium chromium-driver).")
    downloads.mkdir()
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.add_argument("--window-size=1400,1000")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    service = webdriver.ChromeService(executable_path=driver)
    opened = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(opened, downloads)
    finally:
        opened.quit()
