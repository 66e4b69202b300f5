"""The panel in a real browser: the picture moves, every parameter has a control, keys and touch do what they say."""

from __future__ import annotations

import io

import numpy as np
import pytest
from live_house import wait_until
from PIL import Image

from latentart.live.control import params

TOUCH = 44
"""CSS pixels that a finger needs."""
WHOLE_CONTROLS = """[...document.querySelectorAll('#sheet section:not([hidden]) > *')].filter((each) =>
    each.getBoundingClientRect().bottom <= document.getElementById('sheet').getBoundingClientRect().bottom).length"""
SHEET_AREA = "(({ clientWidth, clientHeight }) => clientWidth * clientHeight)(document.getElementById('sheet'))"
PIXELS = "[...document.getElementById('picture').getContext('2d').getImageData(0, 0, 64, 64).data]"


@pytest.fixture
def panel(page, fresh):
    page.goto(f"http://localhost:{fresh.port}/")
    page.wait_for_function("live.connected && live.fps > 0")
    return page


def pixels(panel):
    return np.array(panel.evaluate(PIXELS)).reshape(64, 64, 4)


def value(house, name):
    return house.session.control.value(name)


def test_the_picture_moves(panel):
    first = pixels(panel)
    panel.evaluate("live.on('frame', () => (globalThis.more = (globalThis.more ?? 0) + 1))")
    panel.wait_for_function("globalThis.more > 10")
    assert np.abs(pixels(panel) - first).max() > 20


def test_every_parameter_has_a_control(panel, fresh):
    directions = {f"dir/{i}/amount" for i in range(1, fresh.session.hub.facts["directions"] + 1)}
    shown = set(panel.evaluate("[...document.querySelectorAll('[data-param]')].map(c => c.dataset.param)"))
    hidden = {
        name
        for name, param in params.TABLE.items()
        if param.kind == "vector" or param.group in ("audio", "dir", "place")
    }
    assert shown == (set(params.TABLE) - hidden - {"master/blackout", "master/freeze"}) | directions
    assert panel.locator(".meter span").count() == len(params.AUDIO)
    assert panel.locator("[data-param='class/a'] button").count() == 62


@pytest.mark.parametrize(
    ("tab", "control", "name", "wanted"),
    [
        ("Look", "[data-param='noise/mode'] >> text=boil", "noise/mode", "boil"),
        ("Walk", "[data-param='walk/play']", "walk/play", False),
        ("Look", "[aria-label='next seed']", "seed", 1),
        ("Class", "[data-param='class/b'] >> text='C'", "class/b", 28),
    ],
)
def test_controls_reach_the_server(panel, fresh, tab, control, name, wanted):
    panel.click(f"#tabs >> text={tab}")
    panel.click(control)
    assert wait_until(lambda: value(fresh, name) == wanted), value(fresh, name)


def test_a_walk_is_chosen_from_a_menu(panel, fresh):
    panel.click("#tabs >> text=Walk")
    panel.select_option("[data-param='walk/mode'] select", "orbit")
    assert wait_until(lambda: value(fresh, "walk/mode") == "orbit")


def test_a_slot_shows_what_its_translator_has(panel, fresh):
    panel.click("#tabs >> text=Image")
    strength, style = (panel.locator(f"[data-param='then/1/{name}']") for name in ("strength", "style/a"))
    assert not strength.is_visible()
    network = "[data-param='then/1/network'] select"
    panel.select_option(network, "cartoon")
    assert wait_until(lambda: value(fresh, "then/1/network") == "cartoon")
    strength.wait_for(state="visible")
    assert not style.is_visible()
    fresh.osc("/latentart/then/1/network", "mosaic26")
    style.wait_for(state="visible")
    assert style.locator("input").get_attribute("max") == "25"
    panel.select_option(network, "")
    strength.wait_for(state="hidden")


def test_a_bend_is_chosen_from_a_menu(panel, fresh):
    panel.click("#tabs >> text=Bend")
    panel.select_option("[data-param='bend/1/op'] select", "dilate")
    assert wait_until(lambda: value(fresh, "bend/1/op") == "dilate")
    fresh.osc("/latentart/bend/1/op", "blur")
    panel.wait_for_function("document.querySelector(\"[data-param='bend/1/op'] select\").value === 'blur'")


def test_a_slider_is_played_and_goes_back_on_double_click(panel, fresh):
    panel.click("#tabs >> text=Look")
    box = panel.locator("[data-param='psi'] input").bounding_box()
    panel.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    assert wait_until(lambda: value(fresh, "psi") > 1)
    assert panel.inner_text("[data-param='psi'] output").strip() == f"{value(fresh, 'psi'):.2f}"
    panel.wait_for_function("live.latency > 0 && /^[0-9]+$/.test(document.getElementById('latency').textContent)")
    panel.dblclick("[data-param='psi'] .top")
    assert wait_until(lambda: value(fresh, "psi") == 0.8)


def test_what_others_play_is_shown(panel, fresh):
    fresh.osc("/latentart/psi", -1.25)
    panel.wait_for_function("document.querySelector(\"[data-param='psi'] output\").innerText.endsWith('1.25')")


def test_keys_of_the_stage(panel, fresh):
    fresh.session.actions.fire("preset/store", ["calm"])
    panel.keyboard.press("b")
    panel.wait_for_function(f"{PIXELS}.every((v, i) => i % 4 === 3 || v === 0)")
    assert panel.get_attribute("#blackout", "aria-pressed") == "true"
    panel.keyboard.press("b")
    assert wait_until(lambda: value(fresh, "master/blackout") is False)
    panel.keyboard.press("f")
    assert wait_until(lambda: value(fresh, "master/freeze") is True)
    panel.keyboard.press("p")
    assert wait_until(lambda: value(fresh, "walk/play") is False)
    assert value(fresh, "master/freeze") is False
    panel.keyboard.press(" ")
    assert wait_until(lambda: fresh.session.actions.presets.place == 0)


def test_keys_are_left_to_who_writes(panel, fresh):
    panel.click("#tabs >> text=Scenes")
    panel.fill("[aria-label='name of a preset']", "")
    panel.type("[aria-label='name of a preset']", "bfp")
    panel.press("[aria-label='name of a preset']", "Enter")
    panel.wait_for_selector(".list >> text=bfp")
    assert "bfp" in fresh.session.actions.presets.names()
    assert value(fresh, "master/blackout") is False
    assert value(fresh, "walk/play") is True


def test_it_comes_back_after_the_server_hung_up(panel, fresh):
    def hang_up():
        for viewer in list(fresh.session.hub.viewers):
            viewer.close(1012, "back in a moment")

    fresh.loop.call_soon_threadsafe(hang_up)
    panel.wait_for_selector("#notice >> text=back in a moment")
    panel.wait_for_function("live.connected && document.getElementById('notice').textContent === ''")


@pytest.mark.parametrize("size", [(390, 844), (844, 390), (1280, 800), (1920, 1080)])
def test_it_fits_and_a_finger_finds_it(panel, size):
    panel.set_viewport_size({"width": size[0], "height": size[1]})
    overflow = (
        "document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight"
    )
    assert not panel.evaluate(overflow)
    for name in ("blackout", "freeze", "panic", "go"):
        box = panel.locator(f"#{name}").bounding_box()
        assert min(box["width"], box["height"]) >= TOUCH, (name, box)
        assert 0 <= box["x"] <= size[0] - box["width"]
        assert 0 <= box["y"] <= size[1] - box["height"]
    picture = panel.locator("#picture").bounding_box()
    assert min(picture["width"], picture["height"]) > 0.3 * min(size)


@pytest.mark.parametrize("size", [(390, 844), (844, 390)])
def test_a_phone_is_a_remote(panel, size):
    panel.set_viewport_size({"width": size[0], "height": size[1]})
    for name in ("blackout", "freeze", "panic", "back", "go", "walk", "tap", "record", "fade"):
        box = panel.locator(f"#{name}").bounding_box()
        assert min(box["width"], box["height"]) >= TOUCH, (name, box)
        assert 0 <= box["x"] <= size[0] - box["width"]
        assert not panel.evaluate(f"(({{ scrollWidth, clientWidth }}) => scrollWidth > clientWidth)({name})"), name
    assert panel.locator("#sketches >> text=map").is_visible()
    panel.click("#tabs >> text=Walk")
    assert panel.evaluate(WHOLE_CONTROLS) >= 3
    before = panel.evaluate(SHEET_AREA)
    panel.click("#fold")
    assert panel.evaluate(SHEET_AREA) > 1.4 * before
    panel.click("#fold")


def test_labels_grow_with_the_screen(panel):
    panel.set_viewport_size({"width": 1920, "height": 1080})
    for part in ("#tabs button", ".control .name", "#go", ".switch .name"):
        assert panel.evaluate(f"parseFloat(getComputedStyle(document.querySelector('{part}')).fontSize)") >= 24, part


def test_any_printable_name_is_kept_and_replacing_asks(panel, fresh):
    panel.click("#tabs >> text=Scenes")
    field, keep = panel.locator("[aria-label='name of a preset']"), panel.locator(".store button")
    field.fill("été 2")
    keep.click()
    panel.wait_for_selector(".list >> text=été 2")
    fresh.session.control.set({"psi": 1.5})
    field.fill("été 2")
    keep.click()
    assert keep.inner_text() == "Replace"
    assert fresh.session.actions.presets.recall("été 2")["psi"] != 1.5
    keep.click()
    assert wait_until(lambda: fresh.session.actions.presets.recall("été 2")["psi"] == 1.5)
    field.fill("a\u202eb")
    keep.click()
    panel.wait_for_selector("#notice >> text=printable")
    assert field.input_value(), "what was refused is not lost"


def test_a_cue_is_gone_to_and_edited(panel, fresh):
    for name in ("first", "second"):
        fresh.session.actions.fire("preset/store", [name])
    fresh.session.actions.presets.write_cues([{"preset": "first"}, {"preset": "second"}])
    panel.wait_for_function("live.cues.length === 2")
    panel.click("#tabs >> text=Scenes")
    panel.click(".cues >> text=second")
    assert wait_until(lambda: fresh.session.actions.presets.place == 1)
    panel.wait_for_function("document.getElementById('go').lastChild.textContent === 'last cue'")
    panel.click(".heading .edit")
    panel.click("[aria-label='cue 2 earlier']")
    assert wait_until(lambda: [cue.preset for cue in fresh.session.actions.presets.cues()] == ["second", "first"])
    panel.wait_for_function("document.querySelector('.cue .name').textContent.endsWith('second')")
    panel.fill("[aria-label='fade of cue 1, seconds']", "7")
    panel.press("[aria-label='fade of cue 1, seconds']", "Enter")
    assert wait_until(lambda: fresh.session.actions.presets.cues()[0].fade == 7)
    panel.select_option("[aria-label='beat of cue 1']", "bar")
    assert wait_until(lambda: fresh.session.actions.presets.cues()[0].at == "bar")
    (fresh.session.actions.presets.folder / "cues.json").unlink()


def test_what_the_audience_does_not_see_is_said(panel):
    panel.evaluate("live._emit('stats', { ...live.stats, loading: ['mosaic26'], armed: true, recording: 'take-7' })")
    assert "mosaic26" in panel.inner_text("#state")
    assert "take-7" in panel.inner_text("#record")
    assert "armed" in panel.get_attribute("#go", "class")
    panel.evaluate("live._emit('stats', { ...live.stats, loading: [], armed: true })")
    assert "Armed" in panel.inner_text("#state")


def test_a_camera_that_is_not_shown_is_said(camera, fresh):
    camera.goto(f"http://localhost:{fresh.port}/")
    camera.wait_for_function("live.connected")
    camera.click("#tabs >> text=Scenes")
    camera.click("text=Send the camera")
    camera.click("text=Show the camera")
    assert wait_until(lambda: value(fresh, "source") == "input")


def test_a_wrong_token_is_named_and_the_dialog_fits(panel, fresh):
    def refuse():
        for viewer in list(fresh.session.hub.viewers):
            viewer.close(1008, "the token is wrong or missing")

    panel.set_viewport_size({"width": 390, "height": 844})
    for wrong in (False, True):
        fresh.loop.call_soon_threadsafe(refuse)
        panel.wait_for_selector("#door[open]")
        assert ("refused" in panel.inner_text("#wrong")) == wrong
        box = panel.locator("#door button").bounding_box()
        assert 0 <= box["x"] <= 390 - box["width"]
        panel.fill("#token", "sesame123")
        panel.click("#door button")
        panel.wait_for_function("live.connected")


def test_sketches_open_beside_the_panel(panel):
    assert panel.evaluate("[...document.querySelectorAll('#sketches a')].every((link) => link.target === '_blank')")


def test_the_projector_only_shows(page, fresh):
    page.goto(f"http://localhost:{fresh.port}/?stage")
    page.wait_for_function("live.connected && live.fps > 0")
    for key in "rhbfp m":
        page.keyboard.press(key)
    page.evaluate(
        "live._emit('news', { died: 1 }); live._emit('error', new Error('unknown translator')); live.set('psi', 1.9)"
    )
    fresh.loop.call_soon_threadsafe(
        lambda: [viewer.close(1008, "the token is wrong") for viewer in fresh.session.hub.viewers]
    )
    page.wait_for_function("!live.connected")
    assert page.evaluate("picture.getContext('2d').getImageData(0, 0, 64, 64).data.some((v, i) => i % 4 < 3 && v > 40)")
    assert page.inner_text("body").strip() == ""
    page.wait_for_function("live.connected")
    assert not fresh.session.takes.recording
    assert value(fresh, "psi") == 0.8
    assert value(fresh, "master/blackout") is False
    assert page.evaluate("getComputedStyle(document.body).cursor") == "none"


def test_only_the_picture_for_the_projector(page, fresh):
    page.goto(f"http://localhost:{fresh.port}/?stage")
    page.wait_for_function("live.connected && live.fps > 0")
    picture = page.locator("#picture").bounding_box()
    assert picture["height"] == 600
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
    assert not shot[:, :140].any(), "something beside the picture"
