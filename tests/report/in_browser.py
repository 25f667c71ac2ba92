#!/usr/bin/python3
"""The pages of nbm report and nbm compare in headless Chromium: in_browser.py NBM. Status 77 where Chromium or Selenium is missing.

Makes small runs with the program NBM, opens their pages, and looks at pixels of screenshots, at what pointing, keys and buttons do, and
at what the browser complains of or fetches."""

import base64
import csv
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    from PIL import Image
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError as error:
    print(f"skipped: {error}; cmake/test-packages.txt lists what this test needs")
    sys.exit(77)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
if not CHROMIUM or not DRIVER:
    print("skipped: there is no chromium or no chromedriver; cmake/test-packages.txt lists what this test needs")
    sys.exit(77)

RUN = """
data = "digits"
hidden = 30
epochs = 12
ais_runs = 60
ais_betas = 200
learning_rate = 0.1
[[callbacks]]
type = "samples"
path = "samples/epoch-{epoch:04d}"
n_chains = 5
n_samples = 6
plot_every = 5
every = 3
[[callbacks]]
type = "ais"
runs = 50
betas = 100
every = 2
[[callbacks]]
type = "optimizer_spy"
"""
EVIL = "</script><script>document.title='broken'</script>"

failures = []


def check(good, what):
    if not good:
        failures.append(what)
        print("FAILED:", what)


def make_runs(nbm, folder):
    """A run with everything, an interrupted one with a name that harms careless pages, a comparison; returns their pages."""

    def run(*words):
        subprocess.run([nbm, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=120)

    (folder / "run.toml").write_text(RUN)
    run("train", "run.toml", "--output", "full")
    run("train", "run.toml", "--hidden", "20", "--epochs", "6", "--output", "other")
    full = folder / "full"
    if not (full / "ais.json").exists():
        curve = {"log_weights": [0.01 * k * k for k in range(60)], "positions": [0, 0.5, 1], "effective_sample_size": [60, 50, 30]}
        (full / "ais.json").write_text(json.dumps(curve))
    if not (full / "samples/film.gif").exists():
        frames = [Image.linear_gradient("L").rotate(angle) for angle in (0, 90, 180)]
        frames[0].save(full / "samples/film.gif", save_all=True, append_images=frames[1:], duration=200, loop=0)
    evil = folder / "evil"
    evil.mkdir()
    (evil / "history.csv").write_text(f'epoch,cost,"{EVIL}"\n1,2,3\n2,4,5\n')
    for name in ("full", "evil"):
        run("report", name)
    run("compare", "full", "other")
    return full / "report.html", evil / "report.html", folder / "compare.html"


class Browser:
    def __init__(self, folder):
        options = Options()
        options.binary_location = CHROMIUM
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
                     "--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}/chromium"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.driver.set_page_load_timeout(60)
        self.js = self.driver.execute_script
        self.pages = set()

    def cdp(self, command, **values):
        return self.driver.execute_cdp_cmd(command, values)

    def open(self, page, width, height, scheme="light", media="screen", scripts=True):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        # Without motion nothing scrolls away under a click.
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        self.cdp("Emulation.setEmulatedMedia", media=media, features=[{"name": k, "value": v} for k, v in features.items()])
        self.cdp("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.pages.add(page.as_uri())
        self.driver.get(page.as_uri())

    def picture(self, element):
        """The pixels of an element, wherever it is on the page."""
        box = self.js("const b = arguments[0].getBoundingClientRect();"
                      "return [b.left + scrollX, b.top + scrollY, b.width, b.height]", element)
        clip = dict(zip(("x", "y", "width", "height"), box), scale=1)
        shot = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")

    def type(self, *keys):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def complaints(self):
        """What the console has heard since the last time, and what was fetched besides the pages."""
        heard = [entry["message"] for entry in self.driver.get_log("browser")]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"].split("#")[0]
                if not url.startswith(("data:", "chrome:")) and url not in self.pages:  # chrome: the browser's own first page
                    heard.append("fetched " + url)
        return heard


def pixels_near(image, colour, distance=30):
    return sum(count for count, pixel in image.getcolors(1 << 24) if all(abs(a - b) <= distance for a, b in zip(pixel, colour)))


def colour_of(browser, element):
    text = browser.js("return getComputedStyle(arguments[0]).stroke", element)
    return tuple(int(part) for part in text[text.index("(") + 1:-1].split(",")[:3])


def check_curves(browser, where):
    """Each curve of each chart is seen in its colour."""
    charts = browser.all("figure.chart[id^=curve]")
    check(len(charts) >= 3, f"{where}: only {len(charts)} charts of learning curves")
    for chart in charts[:4]:
        plot = chart.find_element(By.CSS_SELECTOR, ".plot")
        name = chart.get_attribute("id")
        groups = [group for group in plot.find_elements(By.CSS_SELECTOR, "g.series")
                  if browser.js("return arguments[0].getBoundingClientRect().width", group) > 0]
        check(groups, f"{where}: {name} shows no curve")
        for group in groups:  # alone: curves may lie one on the other
            browser.js("for (const g of arguments[1]) g.style.visibility = g === arguments[0] ? '' : 'hidden'", group, groups)
            colour = colour_of(browser, group.find_element(By.CSS_SELECTOR, ".line"))
            check(pixels_near(browser.picture(plot), colour) > 60, f"{where}: {name} has no pixels of the colour {colour}")
        browser.js("for (const g of arguments[0]) g.style.visibility = ''", groups)


def check_pictures(browser, where):
    """Pictures are decoded, and are not of one grey."""
    facts = browser.js("""
        return Promise.all([...document.images].map(async image => {
            await image.decode();
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
            let low = 255, high = 0;
            for (let i = 0; i < pixels.length; i += 4) { low = Math.min(low, pixels[i]); high = Math.max(high, pixels[i]); }
            return [image.alt, image.naturalWidth, high - low];
        }))""")
    check(len(facts) >= 4, f"{where}: only {len(facts)} pictures")
    for alt, width, contrast in facts:
        check(alt and width > 0 and contrast > 50, f"{where}: picture '{alt}' has width {width} and contrast {contrast}")


def column(path, name):
    with open(path, newline="") as file:
        return {int(row["epoch"]): row[name] for row in csv.DictReader(file)}


def number(text):
    return float(text.replace("\u2212", "-"))


def check_tooltip(browser, chart, history, epoch, names, where):
    tooltip = chart.find_element(By.CSS_SELECTOR, ".tooltip")
    check(tooltip.is_displayed(), f"{where}: no tooltip")
    lines = tooltip.text.split("\n")
    check(lines[0] == f"epoch {epoch}", f"{where}: '{lines[0]}' instead of epoch {epoch}")
    for label, name in names.items():
        wanted = float(column(history, name)[epoch])
        found = [number(line.split()[1]) for line in lines[1:] if line.startswith(label)]
        check(found and abs(found[0] - wanted) <= 1e-5 * abs(wanted), f"{where}: {label} {found} instead of {wanted} in epoch {epoch}")


def chart_titled(browser, title):
    return next(chart for chart in browser.all("figure.chart[id^=curve]") if chart.find_element(By.CSS_SELECTOR, "h3").text.startswith(title))


def place_of(browser, chart, epoch):
    """Where an epoch is in the chart that is shown, in pixels of the window."""
    return browser.js("""
        const svg = [...arguments[0].querySelectorAll('svg[data-frame]')].find(s => s.getBoundingClientRect().width > 0);
        svg.scrollIntoView({block: 'center', behavior: 'instant'});
        const [left, right, top, bottom, low, high] = svg.dataset.frame.split(' ').map(Number);
        const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
        return [box.left + scale * (left + (arguments[1] - low) / (high - low) * (right - left)), box.top + scale * (top + bottom) / 2]""",
                      chart, epoch)


def check_reading(browser, history, where, touch):
    chart = chart_titled(browser, "Cost")
    names = {"training": "cost", "validation": "val_cost"}
    for epoch in (3, 11):
        x, y = place_of(browser, chart, epoch)
        if touch:
            browser.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
            browser.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        else:
            browser.cdp("Input.dispatchMouseEvent", type="mouseMoved", x=x + 2, y=y)
        check_tooltip(browser, chart, history, epoch, names, f"{where}, {'touch' if touch else 'mouse'}")
    # AIS was every second epoch: the arrow keys go from one to the next.
    prob = chart_titled(browser, "Mean log-probability")
    plot = prob.find_element(By.CSS_SELECTOR, ".plot")
    browser.js("arguments[0].focus()", plot)
    browser.type(Keys.HOME, Keys.ARROW_RIGHT)
    check_tooltip(browser, prob, history, 4, {"training": "prob", "validation": "val_prob"}, f"{where}, keys")
    check("epoch 4" in prob.find_element(By.CSS_SELECTOR, "[role=status]").get_attribute("textContent"), f"{where}: keys are not read aloud")
    browser.type(Keys.ESCAPE)
    check(not prob.find_element(By.CSS_SELECTOR, ".tooltip").is_displayed(), f"{where}: Escape does not hide the values")


def check_legend(browser):
    chart = chart_titled(browser, "Cost")
    plot = chart.find_element(By.CSS_SELECTOR, ".plot")
    colour = colour_of(browser, [line for line in chart.find_elements(By.CSS_SELECTOR, ".plot [data-series='1'] .line") if line.is_displayed()][0])
    button = chart.find_element(By.CSS_SELECTOR, "button[data-series='1']")
    browser.cdp("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)  # no values are shown over the curves
    before = pixels_near(browser.picture(plot), colour)
    button.click()
    check(button.get_attribute("aria-pressed") == "false", "the legend does not tell that a curve is off")
    check(before > 60 and pixels_near(browser.picture(plot), colour) == 0, "the legend does not switch a curve off")
    button.click()
    check(pixels_near(browser.picture(plot), colour) > 0.9 * before, "the legend does not switch a curve on again")


def check_slider(browser, run):
    sheets = browser.one("#sheets")
    slider = sheets.find_element(By.CSS_SELECTOR, "input[type=range]")
    for key, epoch in ((Keys.HOME, 3), (Keys.ARROW_RIGHT, 6), (Keys.END, 12)):
        slider.send_keys(key)
        shown = [frame for frame in sheets.find_elements(By.CSS_SELECTOR, "li") if frame.is_displayed()]
        check(len(shown) == 1 and sheets.find_element(By.CSS_SELECTOR, "output").text == f"epoch {epoch}", f"the slider does not go to epoch {epoch}")
        source = shown[0].find_element(By.TAG_NAME, "img").get_attribute("src").split(",")[1]
        file = (run / f"samples/epoch-{epoch:04d}.png").read_bytes()
        check(base64.b64decode(source) == file, f"the slider shows another picture than that of epoch {epoch}")
    play = sheets.find_element(By.CSS_SELECTOR, "button")
    play.click()
    check(play.text == "Pause" and sheets.find_element(By.CSS_SELECTOR, "output").text == "epoch 3", "the button does not play from the start")
    play.click()
    check(play.text == "Play", "the button does not pause")


def check_film(browser):
    """For those who want no motion, the film stands still until they start it."""
    film, still, button = (browser.one("#film " + part) for part in ("img", "canvas", "button"))
    check(still.is_displayed() and not film.is_displayed(), "the film moves for those who want no motion")
    check(len(set(browser.picture(still).getdata())) > 2, "the still picture of the film is empty")
    button.click()
    check(film.is_displayed() and not still.is_displayed(), "the film does not start")


def no_overflow(browser, where):
    width = browser.js("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    check(width[0] <= width[1], f"{where}: the page is {width[0]} pixels wide in a window of {width[1]}")


def look(browser, page, run, where, **how):
    browser.open(page, **how)
    check_curves(browser, where)
    check_pictures(browser, where)
    if how.get("media") != "print":
        no_overflow(browser, where)
    background = browser.picture(browser.one("body")).getpixel((2, 2))
    check((sum(background) < 150) == (how.get("scheme") == "dark" and how.get("media") != "print"), f"{where}: the background is {background}")
    heard = browser.complaints()
    check(not heard, f"{where}: {heard}")


def main(nbm):
    with tempfile.TemporaryDirectory(prefix="nbm-report-") as name:
        folder = pathlib.Path(name)
        page, evil, comparison = make_runs(nbm, folder)
        run = page.parent
        for file in (page, evil, comparison):
            check(file.stat().st_size < 5_000_000, f"{file} has {file.stat().st_size} bytes")
        browser = Browser(folder)
        try:
            look(browser, page, run, "desktop", width=1280, height=900)
            check_reading(browser, run / "history.csv", "desktop", touch=False)
            check_legend(browser)
            check_slider(browser, run)
            check_film(browser)
            check(len(browser.all(".copyable button")) >= 3, "there are no buttons to copy commands")
            look(browser, page, run, "phone", width=360, height=740)
            check_reading(browser, run / "history.csv", "phone", touch=True)
            look(browser, page, run, "dark", width=1280, height=900, scheme="dark")
            look(browser, page, run, "print", width=794, height=1123, scheme="dark", media="print")
            check(not any(button.is_displayed() for button in browser.all(".button, nav, .player")), "controls are printed")
            check(all(frame.is_displayed() for frame in browser.all("#sheets li")), "not all sheets are printed")
            browser.open(page, 1280, 900, scripts=False)
            browser.cdp("Emulation.setScriptExecutionDisabled", value=False)  # for the test's own
            check(not browser.all("button"), "there are buttons that nothing answers to")
            check_curves(browser, "without a script")
            check(all(frame.is_displayed() for frame in browser.all("#sheets li")), "without a script not all sheets are shown")
            look(browser, comparison, folder, "comparison", width=1280, height=900)
            browser.open(comparison, 360, 740)
            no_overflow(browser, "comparison on a phone")
            browser.open(evil, 1280, 900)
            check(browser.driver.title.startswith("evil"), f"a metric's name became a script: {browser.driver.title}")
            check(EVIL in browser.one("main").text, "a metric's name is not shown as it is")
            heard = browser.complaints()
            check(not heard, f"in the end: {heard}")
        finally:
            browser.driver.quit()
    print(f"{len(failures)} checks failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(str(pathlib.Path(sys.argv[1]).resolve())))
