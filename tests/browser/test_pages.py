"""What the p5 sketches do when they are played; that they show moving pictures is in contract/test_sketches.py."""

from __future__ import annotations

import numpy as np
from live_house import wait_until

from latentart.models.load import load
from latentart.render import map as maps

FLICK = """() => [["down", 300], ["move", 500], ["up", 500]].forEach(([name, clientX]) =>
    dispatchEvent(new PointerEvent(`pointer${name}`, { clientX, clientY: 300 })))"""
"""At once: a hand is quicker than a busy machine."""


def visit(page, house, name):
    page.goto(f"http://localhost:{house.port}/sketches/{name}/")
    page.wait_for_function("live.connected && live.fps > 0 && frameCount > 2")


def value(house, name):
    return house.session.control.value(name)


def test_atlas_moves_on_the_plane(page, fresh):
    visit(page, fresh, "atlas")
    assert wait_until(lambda: value(fresh, "walk/mode") == "plane")
    page.mouse.move(200, 300)
    page.mouse.move(210, 300)
    assert wait_until(lambda: value(fresh, "latent/x") != 0)
    page.wait_for_function("Math.abs(hand.x - 210) < 20")
    left = value(fresh, "latent/x")
    page.mouse.move(700, 300, steps=4)
    assert wait_until(lambda: value(fresh, "latent/x") > left + 1)


def test_kaleidoscope_has_other_mirrors_and_other_places(page, fresh):
    visit(page, fresh, "kaleidoscope")
    page.mouse.click(400, 300)
    page.wait_for_function("star === 1")
    page.keyboard.press(" ")
    assert wait_until(lambda: value(fresh, "seed") != 0)


def test_letters_are_typed(page, fresh):
    visit(page, fresh, "letters")
    names = fresh.session.hub.facts["classes"]
    page.keyboard.press("Q")
    assert wait_until(lambda: value(fresh, "class/a") == names.index("Q"))
    page.keyboard.press("7")
    assert wait_until(lambda: value(fresh, "class/a") == names.index("7"))
    page.wait_for_function("line.filter(Boolean).length >= 2 && forms.length > 3")


def test_tide_has_a_sea_where_there_is_no_microphone(page, fresh):
    visit(page, fresh, "tide")
    assert wait_until(lambda: value(fresh, "audio/rms") > 0), "silence breathes"
    page.mouse.click(400, 300)
    page.wait_for_function("ear && ear.samples.some((x) => Math.abs(x) > 0.001)")
    page.wait_for_function("levels.rms > 0 && levels.low > 0")


def test_mirror_paints_who_stands_before_it(camera, fresh):
    visit(camera, fresh, "mirror")
    assert wait_until(lambda: value(fresh, "source") == "input")
    assert value(fresh, "then/1/network") == "mosaic26"
    camera.wait_for_function("video?.videoWidth > 0")
    before = fresh.session.hub.inputs.count
    assert wait_until(lambda: fresh.session.hub.inputs.count > before + 3, 15)
    assert fresh.session.hub.inputs.frame.std() > 20
    camera.keyboard.press("3")
    assert wait_until(lambda: value(fresh, "then/1/style/a") == 2)
    camera.keyboard.press("ArrowRight")
    assert wait_until(lambda: value(fresh, "then/1/style/a") == 3)
    handle = camera.evaluate("(({ x, top, bottom }) => [x, (top + bottom) / 2])(line())")
    camera.mouse.click(*handle)
    assert wait_until(lambda: abs(value(fresh, "then/1/strength") - 0.5) < 0.02)
    tile = camera.evaluate("(({ x, y, gap, side }) => [x + 7 * gap + side / 2, y + side / 2])(row())")
    camera.mouse.click(*tile)
    assert wait_until(lambda: value(fresh, "then/1/style/a") == 7)


def test_mirror_is_wiped_and_flicked(page, fresh):
    visit(page, fresh, "mirror")
    page.wait_for_function("styles === 26")
    place = "...within(300, 200).map((part) => part * FOG.side)"
    mask = f"fog.getContext('2d').getImageData({place}, 1, 1).data[3]"
    page.evaluate("touched = millis() / 1000")
    page.mouse.move(300, 200)
    page.mouse.down()
    page.wait_for_function(f"{mask} > 100")
    page.mouse.up()
    page.wait_for_function(f"{mask} < 60")
    before = page.evaluate("style")
    page.evaluate(FLICK)
    assert page.evaluate("style") == (before + 25) % 26


def test_draw_sends_what_is_drawn_and_takes_it_back(page, fresh):
    visit(page, fresh, "draw")
    assert wait_until(lambda: value(fresh, "source") == "input")
    page.select_option("#network", "cartoon")
    assert wait_until(lambda: value(fresh, "then/1/network") == "cartoon")
    page.click("[data-act=clear]")
    assert wait_until(lambda: (frame := fresh.session.hub.inputs.frame) is not None and frame.min() > 230)
    left = page.evaluate("places.paper.x")
    page.mouse.move(left + 60, 150)
    page.mouse.down()
    page.mouse.move(left + 200, 260, steps=5)
    page.mouse.up()
    assert page.evaluate("strokes.length") == 1
    assert wait_until(lambda: fresh.session.hub.inputs.frame.min() < 60)
    page.keyboard.press("z")
    assert wait_until(lambda: fresh.session.hub.inputs.frame.min() > 230)


def test_the_map_is_played(page, fresh, tmp_path):
    G = load("glyphs-64", "cpu")
    plane = maps.seeds(G, range(9), label="a")
    facts = fresh.session.hub.facts
    target = fresh.session.hub.maps.folder / f"{facts['model']}-{facts['sha256'][:12]}.html"
    target.parent.mkdir(exist_ok=True)
    maps.write_page(target, plane, maps.draw(G, plane, 32), overwrite=True)
    page.goto(f"http://localhost:{fresh.port}/map")
    page.wait_for_function("live && live.connected && live.fps > 0")
    middle = page.evaluate("[view.x + 1.5 * cell * view.scale, view.y + 1.5 * cell * view.scale]")
    page.mouse.move(*middle)
    page.mouse.down()
    assert wait_until(lambda: value(fresh, "walk/mode") == "latent")
    wanted = np.array(page.evaluate("latent(4)"))
    assert wait_until(lambda: np.abs(np.array(value(fresh, "latent/w")) - wanted).max() < 0.01)
    page.mouse.move(middle[0] + 60, middle[1], steps=4)
    assert wait_until(lambda: np.abs(np.array(value(fresh, "latent/w")) - wanted).max() > 0.1)
    page.mouse.up()
    assert page.evaluate("document.querySelector('#live').width") == 64


def test_letters_ink_letters_only(page, fresh):
    visit(page, fresh, "letters")
    page.wait_for_function("forms.length > 0")
    page.evaluate(
        "live.model = { model: 'landscapes-256' }; forms = []; globalThis.more = 0; live.on('frame', () => more++)"
    )
    page.wait_for_function("globalThis.more > 12")
    assert page.evaluate("forms.length") == 0


def test_the_kaleidoscope_has_neither_pinhole_nor_hairlines(page, fresh):
    visit(page, fresh, "kaleidoscope")
    page.add_style_tag(content=".hint { display: none }")
    white = """() => { const c = document.createElement('canvas'); c.width = c.height = 64;
        c.getContext('2d').fillStyle = '#fff'; c.getContext('2d').fillRect(0, 0, 64, 64);
        live.drawOn = (target, x, y, w, h) => { target.drawingContext.drawImage(c, x, y, w, h); return true; };
        halo = shade = () => {}; }"""
    page.evaluate(white)
    page.wait_for_function("globalThis.from ??= frameCount, frameCount > from + 2")
    for _ in range(4):
        dark = page.evaluate("""() => { redraw(); const [w, h] = [width, height];
            const { data } = drawingContext.getImageData(0, 0, w, h); let least = 255;
            for (let i = 0; i < w * h; i++) least = Math.min(least, data[4 * i]);
            return least; }""")
        assert dark > 200
        page.mouse.click(400, 300)


def test_an_empty_sheet_stays_clean(page, fresh):
    visit(page, fresh, "draw")
    page.click("[data-act=clear]")
    page.wait_for_function("millis() - cleared > 500 && frameCount > 5")
    paper = page.evaluate("""() => { const { x, y } = places.answer; const ratio = pixelDensity();
        return [...drawingContext.getImageData((x + 20) * ratio, (y + 20) * ratio, 1, 1).data].slice(0, 3); }""")
    assert paper == [0xF6, 0xF2, 0xE8]


def test_the_mirror_shows_stones_until_its_painter_is_there(page, fresh):
    visit(page, fresh, "mirror")
    page.evaluate("ready = Infinity; waits = () => {}; touched = millis() / 1000")
    colours = page.evaluate("""new Promise(done => requestAnimationFrame(() => setTimeout(() => {
        const { x, y, w, h } = frame(), seen = new Set();
        const { data } = drawingContext.getImageData(x, y, w, h);
        for (let i = 0; i < data.length; i += 4) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
        done(seen.size); }, 300)))""")
    assert colours > 300
