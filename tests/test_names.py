"""A module's test is found by its name: latentart/a/b.py is tested in tests/a/test_b.py.

Where one file tests several modules together, SHARED names them: a module that stands in neither place fails here.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "latentart"
MODULES = sorted(
    str(file.relative_to(PACKAGE).with_suffix(""))
    for file in PACKAGE.rglob("*.py")
    if file.name not in ("__init__.py", "__main__.py")
)

SHARED = {
    "cli/machine/test_bench.py": "bench",
    "cli/models/test_directions.py": "cli/models/blend",
    "cli/pictures/test_project.py": "cli/_search projection/batch",
    "cli/pictures/test_style.py": "cli/pictures/dream render/dream render/style",
    "cli/render/test_film.py": "cli/_* cli/render/images cli/render/map",
    "cli/training/test_train.py": "cli/training/_* cli/training/data",
    "engine/test_alias_free.py": "engine/fused/alias_free/*",
    "engine/test_cuda.py": "engine/precision engine/fused/* engine/routes/cuda",
    "engine/test_engine.py": "engine/timings engine/choose engine/drawing engine/machine engine/request "
    "engine/trial engine/routes/*",
    "engine/test_export_process.py": "engine/export_worker",
    "engine/test_fused.py": "engine/fused/*",
    "exhibition/test_exhibition.py": "exhibition/parse exhibition/render exhibition/players exhibition/validate "
    "exhibition/canvas exhibition/schema exhibition/timeline",
    "exhibition/test_sound.py": "exhibition/automation exhibition/score exhibition/synth exhibition/envelopes",
    "exports/test_exports.py": "exports/* cli/models/export",
    "features/test_features.py": "features/*",
    "jobs/test_jobs.py": "jobs/*",
    "judging/test_judge.py": "judging/material judging/nearest judging/networks cli/training/judge",
    "latent/discovery/test_calibrate.py": "render/direction_sheet",
    "latent/test_bending.py": "latent/bend_ops",
    "latent/test_directions.py": "latent/direction_files latent/axes/* latent/discovery/*",
    "live/control/test_controller.py": "live/control/actions live/control/tempo live/wire/names live/wire/rates",
    "live/control/test_params.py": "live/documents live/osc/oscquery",
    "live/play/test_bends.py": "live/osc/layers",
    "live/play/test_instrument.py": "live/play/painter live/play/sources live/play/directions live/play/noise",
    "live/play/test_renderer.py": "live/play/loader",
    "live/play/test_slots.py": "live/play/replay",
    "live/play/test_supervisor.py": "live/play/status",
    "live/test_extras.py": "live/outputs/* live/control/link live/control/midi cli/machine/live",
    "live/web/test_server.py": "live/session live/web/access live/web/inputs",
    "live/web/test_viewer.py": "live/web/hub live/web/connections",
    "live/wire/test_wire.py": "live/wire/*",
    "models/test_original.py": "models/original_worker models/device",
    "models/test_stylegan2.py": "models/stylegan2/* models/base models/state models/mapping "
    "models/ops models/load models/modulated",
    "models/test_stylegan3.py": "models/stylegan3/*",
    "models/test_dcgan.py": "models/direct",
    "painting/test_dream.py": "painting/dream_films",
    "painting/test_gatys.py": "painting/films painting/goal painting/colours painting/moments painting/motion",
    "projection/test_film.py": "projection/restyle",
    "projection/test_project.py": "projection/presets projection/prepared projection/run projection/settings "
    "projection/stages projection/search/*",
    "render/test_film.py": "render/write",
    "render/test_convert.py": "footage media/animated media/placement",
    "sinks/test_video.py": "sinks/sink sinks/formats sinks/soundtrack",
    "training/data/test_pairs.py": "training/data/preprocess training/data/openmoji",
    "training/data/test_gui.py": "training/data/gui_page",
    "training/test_run.py": "training/*",
    "translators/cartoon/test_ink.py": "translators/cartoon/guided_filter translators/cartoon/oklab",
    "translators/cartoon/test_networks.py": "translators/cartoon/whitebox translators/cartoon/cartoongan "
    "translators/cartoon/animegan2 translators/tensorflow_layers",
    "translators/pix2pix/test_files.py": "translators/pix2pix/*",
    "translators/style/test_arbitrary.py": "translators/style/*",
    "translators/test_layers.py": "translators/tensor_names",
    "translators/test_load.py": "translators/base translators/tasks translators/mixes",
    "translators/test_tiles.py": "translators/receptive_field",
    "translators/upscale/test_upscaling.py": "translators/upscale/esrgan",
    "walks/test_walks.py": "walks/* latent/walk_options",
    "weights/test_cards.py": "shipped folder cache",
    "weights/test_open.py": "weights/*",
}  # fmt: skip
"""Test file -> the modules that it tests besides the one of its own name."""


@pytest.mark.parametrize("module", MODULES)
def test_the_test_of_a_module_is_found_by_its_name(module):
    folder, _, name = module.rpartition("/")
    own = TESTS / folder / f"test_{name}.py"
    shared = [test for test, modules in SHARED.items() if any(fnmatch(module, each) for each in modules.split())]
    assert own.exists() or shared, f"write tests/{own.relative_to(TESTS)}, or add {module} to a line of SHARED"


@pytest.mark.parametrize("test", SHARED)
def test_the_table_is_up_to_date(test):
    assert (TESTS / test).exists()
    for pattern in SHARED[test].split():
        assert any(fnmatch(module, pattern) for module in MODULES), f"there is no module {pattern} any more"
