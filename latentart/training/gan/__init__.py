"""Training of generative adversarial networks on a folder of pictures.

    from latentart.training import gan, run

    learning = gan.trainee(gan.Settings(size=64), "pictures/")
    run.train(learning, "runs/mine", run.Schedule(steps=10_000))

`gan.train` does the same in each process of a team that torchrun started.
"""

from latentart.training.gan.learn import Gan, train, trainee
from latentart.training.gan.settings import Settings

__all__ = ["Gan", "Settings", "train", "trainee"]
