"""The report in a real browser: Chromium without a window, where there is one."""

import pytest
from presentation_samples import HOSTILE, NAMES
from test_presentation_report import full_report


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return full_report(tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def page(browser, path):
    resize(browser, 1280)
    browser.get(path.as_uri())
    return browser


def resize(browser, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def sequences(page):
    script = """const table = document.querySelector("#s0-sequences").closest("table");
    return Array.from(table.tBodies[0].rows, (row) => row.cells[0].textContent)"""
    return page.execute_script(script)


def heading(page, column):
    script = """const table = document.querySelector("#s0-sequences").closest("table");
    return table.tHead.rows[0].cells[arguments[0]].querySelector("button")"""
    return page.execute_script(script, column)


def test_nothing_is_reported_on_the_console(page):
    assert page.get_log("browser") == []


def test_all_pictures_are_decoded(page):
    sizes = page.execute_script("return Array.from(document.images, (one) => one.naturalWidth)")
    assert len(sizes) == 3
    assert min(sizes) > 0


def test_plots_have_a_size(page):
    script = """return Array.from(document.querySelectorAll(".plots:not([hidden]) svg"),
      (one) => Math.min(one.clientWidth, one.clientHeight))"""
    sizes = page.execute_script(script)
    assert len(sizes) == 7
    assert min(sizes) > 100


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_never_wider_than_the_window(page, width):
    resize(page, width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_a_row_of_a_table_is_one_line_high(page):
    script = """const table = document.querySelector("#s0-sequences").closest("table");
    return Array.from(table.tBodies[0].rows, (row) => row.offsetHeight)"""
    assert max(page.execute_script(script)) < 40


def test_a_click_on_a_heading_sorts_and_another_turns_the_order(page):
    assert sequences(page) == list(NAMES)
    by_score = ["Bolt", "Deer", "Girl", "Car1"]
    heading(page, 1).click()
    assert sequences(page) == by_score
    heading(page, 1).click()
    assert sequences(page) == by_score[::-1]
    assert heading(page, 1).get_dom_attribute("type") == "button"


def test_sorting_works_from_the_keyboard_and_says_so(page):
    button = heading(page, 1)
    page.execute_script("arguments[0].focus()", button)
    page.switch_to.active_element.send_keys("\ue007")
    assert sequences(page)[0] == "Bolt"
    order = page.execute_script("return arguments[0].parentElement.ariaSort", button)
    assert order == "descending"


def test_names_sort_from_a_on(page):
    heading(page, 1).click()
    heading(page, 0).click()
    assert sequences(page) == sorted(NAMES)


def test_plots_of_attributes_share_one_place(page):
    script = """const select = document.querySelector(".switch select");
    select.value = "SV"; select.dispatchEvent(new Event("change"));
    return Array.from(document.querySelectorAll(".switch .plots"),
      (one) => [one.dataset.name, one.hidden])"""
    assert page.execute_script(script) == [["OCC", True], ["SV", False]]


def test_without_scripts_all_plots_are_shown_and_tables_stand(browser, path):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(path.as_uri())
        shown = browser.find_elements("css selector", ".switch .plots")
        assert [one.is_displayed() for one in shown] == [True, True]
        assert browser.find_elements("css selector", "thead button") == []
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_hostile_name_runs_nothing(browser, tmp_path):
    browser.get(full_report(tmp_path / "report.html", HOSTILE).as_uri())
    assert browser.title == HOSTILE
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_page(page, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    script = """const style = getComputedStyle(document.body);
    const muted = getComputedStyle(document.querySelector("caption"));
    return [style.backgroundColor, style.color, muted.color]"""
    paper, *texts = map(luminance, page.execute_script(script))
    for text in texts:
        assert (max(paper, text) + 0.05) / (min(paper, text) + 0.05) > 4.5
    assert (paper > 0.5) == (scheme == "light")


def luminance(colour):
    """Relative luminance of "rgb(r, g, b)" as WCAG 2 defines it."""
    values = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return sum(
        weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )
