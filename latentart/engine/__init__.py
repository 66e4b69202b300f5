"""How to run a generator as fast as the machine allows, and to report in words what was chosen.

    engine = latentart.engine.compile(G, batch=8, output="uint8")
    frames = engine(ws)           # [N, num_ws, w_dim] -> uint8 [N, H, W, C]
    print(engine.choice)

A route is one way to run `G.synthesis` (folder `routes`): plain PyTorch, OpenVINO, torch.compile. Routes are measured
once per machine, model and versions, compared with plain float32, and the result is remembered in the cache folder.
"""

from latentart.engine.choose import compile
from latentart.engine.engine import Engine
from latentart.engine.request import Request
from latentart.engine.trial import Trial

__all__ = ["Engine", "Request", "Trial", "compile"]
