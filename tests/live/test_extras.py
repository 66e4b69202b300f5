"""Outputs, MIDI and Link: with stand-ins for packages and devices that no test machine has."""

from __future__ import annotations

import asyncio
import sys
import threading
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from live_house import wait_until

from latentart import shipped
from latentart.cli.machine import live as cli_live
from latentart.errors import LatentartError, SettingsError
from latentart.live import outputs
from latentart.live.control import link, midi
from latentart.live.control.actions import Actions
from latentart.live.control.controller import Control
from latentart.live.control.midi import MidiMap, source_of
from latentart.live.control.presets import Presets
from latentart.live.outputs._mailbox import Outlet
from latentart.live.outputs._output import OutputError

FRAME = np.random.RandomState(0).randint(0, 255, (16, 24, 3)).astype(np.uint8)
PACKAGES = {"ndi": "cyndilib", "spout": "SpoutGL", "syphon": "syphon", "camera": "pyvirtualcam"}


@pytest.mark.parametrize("name", outputs.names())
def test_a_missing_package_is_one_line_with_the_remedy(name, monkeypatch):
    for module in [found for found in sys.modules if found.split(".")[0] == PACKAGES[name]]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, PACKAGES[name], None)
    with pytest.raises(OutputError, match=rf"pip install 'latentart\[{name}\]'") as refused:
        outputs.open_output(name, (24, 16), 60)
    assert "\n" not in str(refused.value)


def test_unknown_outputs():
    with pytest.raises(SettingsError, match="did you mean ndi"):
        outputs.open_output("nid", (24, 16), 60)


class Recorder:
    """Takes every call."""

    def __init__(self, *args, **kwargs):
        self.calls = [("new", args, kwargs)]
        self.device = "gpu"

    def __getattr__(self, name):
        def take(*args):
            self.calls.append((name, *(a.copy() if isinstance(a, np.ndarray) else a for a in args)))
            return True

        return take

    def called(self, name):
        return [call for call in self.calls if call[0] == name]


def stand_in(monkeypatch, **modules):
    for name, members in modules.items():
        module = ModuleType(name)
        for key, value in members.items():
            setattr(module, key, value)
        monkeypatch.setitem(sys.modules, name.replace("__", "."), module)


def test_ndi(monkeypatch):
    made = []
    sender = lambda *args: made.append(Recorder(*args)) or made[-1]  # noqa: E731
    fourcc = SimpleNamespace(RGBA="RGBA")
    stand_in(monkeypatch, cyndilib={}, cyndilib__sender={"Sender": sender}, cyndilib__wrapper={},
             cyndilib__video_frame={"VideoSendFrame": sender},
             cyndilib__wrapper__ndi_structs={"FourCC": fourcc})  # fmt: skip
    output = outputs.open_output("ndi", (24, 16), 59.94)
    output.write(FRAME)
    output.close()
    source, video = made
    assert [call[0] for call in source.calls] == ["new", "set_video_frame", "open", "write_video_async", "close"]
    assert video.called("set_resolution") == [("set_resolution", 24, 16)]
    sent = source.called("write_video_async")[0][1].reshape(16, 24, 4)
    assert np.array_equal(sent[..., :3], FRAME)
    assert (sent[..., 3] == 255).all()


def test_spout(monkeypatch):
    sender = Recorder()
    stand_in(monkeypatch, SpoutGL={"SpoutSender": lambda: sender})
    output = outputs.open_output("spout", (24, 16), 60)
    output.write(FRAME)
    output.close()
    _, pixels, width, height, *_ = sender.called("sendImage")[0]
    assert (np.array_equal(pixels, FRAME), width, height) == (True, 24, 16)
    sender.sendImage = lambda *args: False
    with pytest.raises(OutputError, match="graphics card"):
        output.write(FRAME)


def test_syphon(monkeypatch):
    server, copied = Recorder(), []
    copy = lambda pixels, texture: copied.append(pixels.copy())  # noqa: E731
    stand_in(monkeypatch, syphon={"SyphonMetalServer": lambda name: server}, syphon__utils={},
             syphon__utils__raw={"create_mtl_texture": lambda *size: size},
             syphon__utils__numpy={"copy_image_to_mtl_texture": copy})  # fmt: skip
    output = outputs.open_output("syphon", (24, 16), 60)
    output.write(FRAME)
    output.close()
    assert np.array_equal(copied[0][..., :3], FRAME)
    assert server.called("publish_frame_texture")[0][1] == ("gpu", 24, 16)
    assert server.called("stop")


def test_a_virtual_camera(monkeypatch):
    camera = Recorder()
    stand_in(monkeypatch, pyvirtualcam={"Camera": lambda **kwargs: camera})
    output = outputs.open_output("camera", (24, 16), 60)
    output.write(FRAME)
    output.close()
    assert np.array_equal(camera.called("send")[0][1], FRAME)

    def none(**kwargs):
        raise RuntimeError("no device\nsee the manual")

    stand_in(monkeypatch, pyvirtualcam={"Camera": none})
    with pytest.raises(OutputError, match=r"no device$"):
        outputs.open_output("camera", (24, 16), 60)


class Slow:
    """An output that waits to be told."""

    def __init__(self, fault=None):
        self.go, self.frames, self.closed, self.fault = threading.Event(), [], threading.Event(), fault

    def write(self, frame):
        if self.fault:
            raise self.fault
        self.go.wait(5)
        self.frames.append(int(frame[0, 0, 0]))

    def close(self):
        self.closed.set()


def test_a_slow_output_loses_frames_and_delays_nobody():
    slow = Slow()
    outlet = Outlet(slow)
    for number in range(50):
        outlet.offer(np.full((1, 1, 3), number, np.uint8))
    slow.go.set()
    assert wait_until(lambda: slow.frames and slow.frames[-1] == 49)
    outlet.close()
    assert len(slow.frames) <= 3
    assert slow.closed.is_set()


def test_an_output_that_fails_ends_and_the_show_goes_on(caplog):
    broken = Slow(OutputError("the driver is gone"))
    outlet = Outlet(broken)
    outlet.offer(FRAME)
    assert broken.closed.wait(5)
    outlet.offer(FRAME)
    outlet.close()
    assert "the driver is gone" in caplog.text


@pytest.fixture
def taught(tmp_path):
    control = Control()
    learner = MidiMap(control, tmp_path)
    return learner, Actions(control, Presets(tmp_path), None, SimpleNamespace(stop=None), learner)


def test_a_knob_learns(taught):
    learner, actions = taught
    learner.play("control 0 7", 1.0, actions.fire)
    assert learner.control.value("psi") == 0.8
    actions.fire("midi/learn", ["psi"])
    learner.play("control 0 7", 0.5, actions.fire)
    learner.play("control 0 7", 1.0, actions.fire)
    assert learner.control.value("psi") == 2.0
    learner.learn("seed/next")
    learner.play("note 0 60", 0.9, actions.fire)
    learner.play("note 0 60", 0.0, actions.fire)
    assert learner.control.value("seed") == 1
    assert MidiMap(learner.control, learner._path.parent).played == learner.played
    for name in ("nothing", "latent/z", "preset/recall"):
        with pytest.raises(SettingsError):
            learner.learn(name)


def test_learning_needs_a_port(tmp_path):
    actions = Actions(Control(), Presets(tmp_path), None, SimpleNamespace(stop=None))
    with pytest.raises(SettingsError, match="--midi"):
        actions.fire("midi/learn", ["psi"])


def test_midi_messages():
    def message(kind, **fields):
        return SimpleNamespace(type=kind, channel=2, **fields)

    assert source_of(message("control_change", control=7, value=127)) == ("control 2 7", 1.0)
    assert source_of(message("note_on", note=60, velocity=127)) == ("note 2 60", 1.0)
    assert source_of(message("note_off", note=60, velocity=64)) == ("note 2 60", 0.0)
    assert source_of(message("pitchwheel", pitch=-8192)) == ("wheel 2", 0.0)
    assert source_of(message("clock")) is None


def test_a_midi_port(taught, monkeypatch):
    played, actions = taught
    opened = {}
    mido = {
        "get_input_names": lambda: ["Launch Control 20:0"],
        "open_input": lambda name, callback: opened.update(name=name, callback=callback) or "port",
    }
    stand_in(monkeypatch, mido=mido, rtmidi={"RtMidiError": OSError})
    assert midi.open_port("launch", played, actions.fire) == "port"
    played.learn("psi")
    opened["callback"](SimpleNamespace(type="control_change", channel=0, control=1, value=127))
    assert played.control.value("psi") == 2.0
    with pytest.raises(SettingsError, match="unknown MIDI input"):
        midi.open_port("other", played, actions.fire)

    def no_sequencer():
        raise OSError("no ALSA sequencer")

    sys.modules["mido"].get_input_names = no_sequencer
    with pytest.raises(OutputError, match="no MIDI on this machine"):
        midi.open_port("", played, actions.fire)
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(LatentartError, match=r"latentart\[midi\]"):
        midi.open_port("", played, actions.fire)


def test_link(monkeypatch):
    control, beats = Control(), iter([4.0, 8.0])

    joined = []

    class Session:
        """Who joins is in phase with the others in a bar of `quantum` beats."""

        quantum = 1.0

        def __init__(self, tempo, loop):
            self.tempo, self.beat, self.num_peers = 140.0, 0.0, 1

        def __setattr__(self, name, value):
            object.__setattr__(self, name, value)
            if name == "enabled":
                joined.append(self.quantum)

        async def sync(self, beats_):
            try:
                self.beat = next(beats)
            except StopIteration:
                await asyncio.sleep(60)

    stand_in(monkeypatch, aalink={"Link": Session})
    monkeypatch.setattr(link, "SETTLE", 0)

    async def play():
        task = asyncio.create_task(link.follow(control))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())
    assert control.value("tempo/bpm") == 140.0
    assert joined == [4]
    assert [operation.get("beat") for operation in control.pop(0)] == [None, 4.0, 8.0]


def test_every_folder_of_sketches_goes_into_the_wheel():
    root = Path(__file__).parents[2]
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    folders = [path.name for path in (root / "sketches").iterdir() if path.is_dir() and path.name != "__pycache__"]
    for name in folders:
        assert listed[f"share/latentart/sketches/{name}"] == [f"sketches/{name}/*"]
    assert listed["share/latentart/sketches"] == ["sketches/*.py"]


def test_sketches_are_found_where_the_installer_put_them(tmp_path, monkeypatch):
    beside = tmp_path / "share" / "latentart" / "sketches"
    beside.mkdir(parents=True)
    monkeypatch.setattr(shipped, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cli_live._sketches() == beside
    (tmp_path / "sketches" / "mine").mkdir(parents=True)
    (tmp_path / "sketches" / "mine" / "index.html").write_text("mine")
    assert cli_live._sketches() == Path("sketches")
