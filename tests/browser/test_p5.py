"""p5.latentart.js under p5 1.x and 2.x: what is set shows on the canvas, in every mode that p5 has."""

from __future__ import annotations

import pytest
from audience import SKETCHES
from live_house import wait_until

P5 = ["p5.min.js", "p5-2.min.js"]
GLOBAL = """
let live;
function setup() { pixelDensity(1); createCanvas(200, 100); live = connectLatent(); }
function draw() { background(255, 0, 0); live.draw(); }
"""
ADDON = """
let live;
function setup() { pixelDensity(1); createCanvas(200, 100); live = connectLatent(); }
function draw() { background(255, 0, 0); latent(live, 0, 0, 100, 100); }
"""
INSTANCE = """
let live;
new p5((p) => {
  p.setup = () => { p.pixelDensity(1); p.createCanvas(200, 100); live = connectLatent({ p5: p }); };
  p.draw = () => { p.background(255, 0, 0); live.draw(0, 0, 100, 100); };
});
"""
AWAITED = """
let live;
async function setup() { pixelDensity(1); createCanvas(200, 100); live = await connectLatent().ready; }
function draw() { background(255, 0, 0); live?.draw(0, 0, 200, 100, "contain"); }
"""
WEBGL = """
let live;
function setup() { pixelDensity(1); createCanvas(200, 100, WEBGL); live = connectLatent(); }
function draw() { background(255, 0, 0); live.draw(-100, -50, 200, 100); }
"""
PIXEL = """([x, y]) => {
  const copy = document.createElement("canvas"), from = document.querySelector("canvas");
  [copy.width, copy.height] = [200, 100];
  return new Promise((done) => requestAnimationFrame(() => {
    copy.getContext("2d").drawImage(from, 0, 0, 200, 100);
    done([...copy.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3));
  }));
}"""


def open_sketch(page, house, p5, sketch):
    """A page of the server with other scripts in it: one of our own would not be let in to the loopback address."""
    page.route("**/lib/p5.min.js", lambda route: route.fulfill(path=SKETCHES / "lib" / p5))
    page.route("**/sketch.js", lambda route: route.fulfill(body=sketch, content_type="text/javascript"))
    page.goto(f"http://localhost:{house.port}/sketches/tide/")
    page.wait_for_function("live && live.connected && live.fps > 0")


def pixel(page, x, y):
    return page.evaluate(PIXEL, [x, y])


@pytest.mark.parametrize("p5", P5)
@pytest.mark.parametrize(
    ("sketch", "background"),
    [(GLOBAL, None), (ADDON, (150, 50)), (INSTANCE, (150, 50)), (AWAITED, (20, 50))],
    ids=["global", "addon", "instance", "awaited"],
)
def test_blackout_shows_on_the_canvas(page, fresh, p5, sketch, background):
    open_sketch(page, fresh, p5, sketch)
    page.evaluate("live.set('master/blackout', true)")
    page.wait_for_function("live.frame.flags & 2")
    assert wait_until(lambda: pixel(page, 60, 50) == [0, 0, 0] or pixel(page, 100, 50) == [0, 0, 0])
    if background:
        assert pixel(page, *background) == [255, 0, 0]
    page.wait_for_function("live.latency > 0")


@pytest.mark.parametrize("p5", P5)
def test_webgl(page, fresh, p5):
    open_sketch(page, fresh, p5, WEBGL)
    page.evaluate("live.set('master/blackout', true)")
    assert wait_until(lambda: pixel(page, 100, 50) == [0, 0, 0])


@pytest.fixture
def probe(page, fresh):
    open_sketch(page, fresh, P5[0], GLOBAL)
    return page


def test_a_picture_is_acknowledged_and_older_ones_never_come_back(probe):
    probe.evaluate("globalThis.seen = []; live.on('frame', ({ seq }) => seen.push(seq))")
    probe.wait_for_function("seen.length > 20")
    seen = probe.evaluate("seen")
    assert seen == sorted(set(seen))


def test_many_sets_go_out_together(probe, fresh):
    before = fresh.session.control.rev
    probe.evaluate("for (let i = 1; i <= 1000; i++) live.set('psi', i / 1000)")
    assert wait_until(lambda: fresh.session.control.value("psi") == 1)
    assert fresh.session.control.rev - before < 10


def test_fades_actions_and_errors(probe, fresh):
    probe.evaluate("live.set({ psi: 0.2 }, { fade: 1 })")
    assert wait_until(lambda: fresh.session.control.value("psi") == 0.2)
    probe.evaluate("live.trigger('seed/next')")
    assert wait_until(lambda: fresh.session.control.value("seed") == 1)
    found = probe.evaluate("new Promise(done => { live.on('error', e => done(e.message)); live.set('psy', 1); })")
    assert "did you mean psi" in found


def test_colours_and_the_canvas_for_others(probe):
    probe.evaluate("live.canvas")
    probe.evaluate("live.set({ 'master/blackout': true })")
    probe.wait_for_function("live.frame.flags & 2 && live.color(0.5, 0.5).every((part) => part === 0)")
    assert probe.evaluate("[live.canvas.width, live.canvas.height]") == [64, 64]
    assert probe.evaluate("[...live.canvas.getContext('2d').getImageData(9, 9, 1, 1).data].slice(0, 3)") == [0, 0, 0]


def test_a_picture_is_sent_to_the_server(probe, fresh):
    probe.evaluate("""() => { const c = document.createElement('canvas'); c.width = 640; c.height = 320;
                       c.getContext('2d').fillStyle = 'rgb(0, 200, 0)'; c.getContext('2d').fillRect(0, 0, 640, 320);
                       return live.send(c); }""")
    assert wait_until(lambda: fresh.session.hub.inputs.frame is not None)
    picture = fresh.session.hub.inputs.frame
    assert picture.shape == (256, 512, 3)
    assert abs(int(picture[100, 100, 1]) - 200) < 6


def test_pictures_that_are_sent_never_queue(probe, fresh):
    before = fresh.session.hub.inputs.count
    sent = probe.evaluate("""async () => { const c = document.createElement('canvas'); c.width = c.height = 64;
        c.getContext('2d').fillRect(0, 0, 64, 64); let sent = 0;
        for (let i = 0; i < 200; i++) sent += await live.send(c);
        return sent; }""")
    assert 2 <= sent
    assert wait_until(lambda: fresh.session.hub.inputs.count == before + sent)
    probe.wait_for_function("live._sent === 0")


def test_it_comes_back_and_sends_what_was_set_meanwhile(probe, fresh):
    def hang_up():
        for viewer in list(fresh.session.hub.viewers):
            viewer.close(1012, "restart")

    fresh.loop.call_soon_threadsafe(hang_up)
    probe.wait_for_function("!live.connected")
    probe.evaluate("live.set('psi', 0.91)")
    probe.wait_for_function("live.connected")
    assert wait_until(lambda: fresh.session.control.value("psi") == 0.91)


def test_the_p5_that_ships_is_what_its_name_says():
    head = {name: (SKETCHES / "lib" / name).read_text()[:200] for name in P5}
    assert "1.11.13" in head["p5.min.js"]
    assert '"2.3.4"' in head["p5-2.min.js"]
    assert "LESSER GENERAL PUBLIC LICENSE" in (SKETCHES / "lib" / "p5.LICENSE.txt").read_text()


COLOUR = """
let live;
function setup() { createCanvas(200, 100); live = connectLatent(); }
function draw() { background(live.color(0.5, 0.5)); }
"""


def test_a_sketch_that_only_asks_for_colours_has_figures(page, fresh):
    open_sketch(page, fresh, P5[0], COLOUR)
    page.evaluate("live.set('psi', 0.3)")
    page.wait_for_function("live.latency > 0 && live.fps > 0")


def test_a_page_that_may_not_connect_says_so_once(browser, fresh):
    lines = []
    tab = browser.new_page()
    tab.on("console", lambda message: lines.append(message.text) if message.type == "warning" else None)
    code = f"const live = connectLatent({{ url: 'http://localhost:{fresh.port}' }});"
    tab.route("**/sketch.js", lambda route: route.fulfill(body=code, content_type="text/javascript"))
    tab.goto(f"http://127.0.0.1:{fresh.port}/sketches/tide/")
    tab.wait_for_timeout(1500)
    tab.close()
    ours = [line for line in lines if line.startswith("latentart")]
    assert len(ours) == 1
    assert f"--allow-origin http://127.0.0.1:{fresh.port}" in ours[0]


BORROWS = GLOBAL.replace("connectLatent()", "connectLatent({ restore: true })")


def test_what_a_page_changed_goes_back_unless_others_changed_it(page, fresh):
    open_sketch(page, fresh, P5[0], BORROWS)
    page.evaluate("live.set({ psi: 0.123, seed: 5 }); live.set({ 'walk/radius': 3 }, { fade: 0.2 })")
    assert wait_until(lambda: fresh.session.control.value("walk/radius") == 3)
    fresh.session.control.set({"seed": 77})
    page.wait_for_function("live.get('seed') === 77")
    page.goto("about:blank")
    assert wait_until(lambda: fresh.session.control.value("psi") == 0.8)
    assert fresh.session.control.value("walk/radius") == 1
    assert fresh.session.control.value("seed") == 77
