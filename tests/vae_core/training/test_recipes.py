import numpy as np

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.training.recipes import emergency_recipe, incremental_recipe
from vae_core.weights import encoder_digest


def test_a_warm_start_keeps_the_whole_weight_of_the_kl_and_the_rate_never_exceeds_what_is_meant():
    for config, first in ((incremental_recipe(), 1e-5), (emergency_recipe(), 3e-4)):
        assert config.kl_warmup_share == 0 and config.beta == 1
        assert (config.learning_rate, config.final_learning_rate) == (first, 1e-5)


def test_both_tiers_go_from_a_parent_to_a_model():
    images, held_out = boxes(300), boxes(30, seed=2)
    parent = train(TrainingData(images), TINY, recipe(60, learning_rate=3e-3), Execution(float)).model
    weights = np.where(np.arange(300) < 30, 2.0, 8 / 9)
    for config in (incremental_recipe(), emergency_recipe()):
        result = train(
            TrainingData(images, weights=weights, held_out=held_out), TINY, config, Execution(float), initial=parent
        )
        curve = result.held_out_curve
        assert curve[0].step == 0 and min(point.loss for point in curve) < curve[0].loss
        assert (encoder_digest(result.model) == encoder_digest(parent)) == (config.trains == "decoder")
        assert {point.beta for point in result.curve} == {1.0}
