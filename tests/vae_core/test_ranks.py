"""The seam of the processes that train together."""

from types import SimpleNamespace

import pytest
import torch

from tests.vae_core.two_ranks import run_on_two
from vae_core.errors import DataError
from vae_core.ranks import ALONE, Ranks, looked_at_alone


def test_without_a_process_group_there_are_no_ranks():
    with pytest.raises(DataError, match="no process group was begun"):
        Ranks.of_group()


ROWS = torch.arange(12.0).view(6, 2)


def test_each_takes_its_own_rows_and_all_see_all_of_them_again():
    def work(ranks: Ranks) -> tuple[torch.Tensor, torch.Tensor]:
        own = ranks.own(ROWS)
        return own, ranks.gather(own[:, 0].contiguous())

    (first, gathered), (second, same) = run_on_two(work)
    assert torch.equal(first, ROWS[:3]) and torch.equal(second, ROWS[3:])
    assert torch.equal(gathered, ROWS[:, 0]) and torch.equal(same, ROWS[:, 0])


def test_rows_are_taken_by_their_numbers_among_all():
    chosen = torch.tensor([5, 0, 3, 3])
    for taken in run_on_two(lambda ranks: ranks.take(ranks.own(ROWS), chosen)):
        assert torch.equal(taken, ROWS[chosen])
    assert torch.equal(ALONE.take(ROWS, chosen), ROWS[chosen])


def test_the_mean_is_that_of_all_and_a_clock_is_the_first_ones():
    answers = run_on_two(
        lambda ranks: (float(ranks.mean(torch.tensor(1.0 + 2 * ranks.rank))), ranks.first(10.0 + ranks.rank))
    )
    assert answers == [(2.0, 10.0), (2.0, 10.0)]


def test_one_process_alone_has_everything_as_it_is():
    assert ALONE.own(ROWS) is ROWS and ALONE.mean(ROWS) is ROWS and ALONE.first(3.5) == 3.5


def test_a_model_is_looked_at_alone_and_goes_on_with_the_others_whatever_happens():
    two = Ranks(1, 2)
    model = SimpleNamespace(ranks=two)
    with pytest.raises(KeyError), looked_at_alone(model):
        assert model.ranks is ALONE
        raise KeyError
    assert model.ranks is two
