"""The E-model: the known points of ITU-T G.107 and the right order of bad and worse."""

import pytest

from ringfence.engine.media.embedded.quality import estimate_mos, mos_of


@pytest.mark.parametrize(
    ("rating", "mos"), [(93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0), (100, 4.5)]
)
def test_ratings_become_the_scores_of_g107_table_b1(rating: float, mos: float) -> None:
    assert mos_of(rating) == pytest.approx(mos, abs=0.01)


def test_a_clean_local_call_is_as_good_as_g711_gets() -> None:
    assert estimate_mos(loss=0, one_way_ms=0, jitter_ms=0) == pytest.approx(4.4, abs=0.02)


def test_loss_delay_and_jitter_each_make_it_worse() -> None:
    clean = estimate_mos(loss=0, one_way_ms=20, jitter_ms=1)
    assert (
        clean > estimate_mos(loss=0.02, one_way_ms=20, jitter_ms=1) > estimate_mos(loss=0.1, one_way_ms=20, jitter_ms=1)
    )
    assert clean > estimate_mos(loss=0, one_way_ms=250, jitter_ms=1)
    assert clean > estimate_mos(loss=0, one_way_ms=20, jitter_ms=60)
    assert estimate_mos(loss=1, one_way_ms=2000, jitter_ms=500) == 1.0


def test_five_percent_of_random_loss_is_fair() -> None:
    assert estimate_mos(loss=0.05, one_way_ms=0, jitter_ms=0) == pytest.approx(3.9, abs=0.1)
