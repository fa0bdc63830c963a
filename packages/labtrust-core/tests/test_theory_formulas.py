"""The exact formulas agree with published values, and with each other where they meet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.theory import formulas
from labtrust_core.theory.formulas import Breakdowns
from labtrust_core.theory.laws import (
    TICKS,
    Erlang,
    Exponential,
    Fixed,
    Hyperexponential,
    LogNormal,
    Uniform,
)

LOADS = st.floats(0.01, 0.95)
LAWS = (
    Exponential(),
    Fixed(2),
    Erlang(2),
    Uniform(0.5, 1.5),
    LogNormal(472),
    Hyperexponential(887_298),
)


@pytest.mark.parametrize(
    ("servers", "rate", "share", "wait"),
    [
        (2, 1.6, 0.71111, 1.77778),
        (3, 2.4, 0.64719, 1.07865),
        (5, 4.0, 0.55411, 0.55411),
        (10, 9.0, 0.66873, 0.66873),
    ],
)
def test_erlang_c_gives_published_values(servers, rate, share, wait):
    assert formulas.erlang_c(rate, servers) == pytest.approx(share, abs=1e-5)
    assert formulas.mmc_wait(rate, servers) == pytest.approx(wait, abs=1e-5)


@pytest.mark.parametrize(
    ("law", "wait"),
    [(Exponential(), 4), (Fixed(), 2), (Erlang(2), 3), (Uniform(0.5, 1.5), 2.16667)],
)
def test_pollaczek_khinchine_gives_published_values(law, wait):
    assert formulas.pollaczek_khinchine(0.8, law) == pytest.approx(wait, abs=1e-5)


def test_cobham_gives_published_values():
    assert formulas.cobham((0.1, 0.3, 0.4), (Exponential(),) * 3) == pytest.approx(
        [0.88889, 1.48148, 6.66667], abs=1e-5
    )


def test_loss_of_a_queue_with_ten_places_is_the_published_one():
    assert formulas.mm1k(0.8, 10)[-1] == pytest.approx(0.0234929, abs=1e-7)


def test_resumed_runs_give_the_published_wait():
    run = formulas.resumed(Exponential(), Breakdowns(0.1, 2))
    assert run.mean == pytest.approx(1.2)
    assert formulas.pollaczek_khinchine(0.5, run) == pytest.approx(2.3)


@given(LOADS)
def test_one_server_is_the_simplest_case_of_many(load):
    assert formulas.erlang_c(load, 1) == pytest.approx(load)
    assert formulas.mmc_wait(load, 1) == pytest.approx(load / (1 - load))


@given(LOADS)
def test_exponential_arrivals_are_the_simplest_general_ones(load):
    assert formulas.gim1_wait(1, 1 / load) == pytest.approx(load / (1 - load), rel=1e-3)


@given(st.lists(st.floats(0.01, 0.3), min_size=1, max_size=3), st.sampled_from(LAWS[:5]))
def test_priorities_conserve_the_waiting_work(rates, law):
    rates = [rate / law.mean for rate in rates]
    services = [law] * len(rates)
    waits = formulas.cobham(rates, services)
    total = sum(rate * law.mean * wait for rate, wait in zip(rates, waits, strict=True))
    assert total == pytest.approx(formulas.conserved(rates, services))


@given(LOADS, st.integers(1, 6))
def test_priorities_at_many_servers_keep_the_mean_wait(load, servers):
    rates = [0.3 * load * servers, 0.7 * load * servers]
    waits = formulas.cobham_many(rates, servers)
    mean = 0.3 * waits[0] + 0.7 * waits[1]
    assert mean == pytest.approx(formulas.mmc_wait(load * servers, servers))


@given(LOADS)
def test_a_device_that_hardly_breaks_down_is_like_a_sound_one(load):
    rare = Breakdowns(1e-9, 2)
    sound = formulas.pollaczek_khinchine(load, Exponential())
    run = formulas.resumed(Exponential(), rare)
    assert formulas.wait_with_faults(load, run, rare) == pytest.approx(sound, rel=1e-5)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_draws_have_the_stated_moments(law):
    from labtrust_core.randomness import stream

    count = 20_000
    draws = [law.draw(stream(5, "moments"), number) / TICKS for number in range(count)]
    assert sum(draws) / count == pytest.approx(law.mean, rel=0.04)
    assert sum(draw**2 for draw in draws) / count == pytest.approx(law.square, rel=0.15)
