"""What the p5 sketches do when they are played; that they show moving pictures is in contract/test_sketches.py."""

from __future__ import annotations

from live_house import wait_until


def visit(page, house, name):
    page.goto(f"http://localhost:{house.port}/sketches/{name}/")
    page.wait_for_function("live.connected && live.fps > 0 && frameCount > 2")


def value(house, name):
    return house.show.control.value(name)


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
    names = fresh.show.hub.facts["classes"]
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
