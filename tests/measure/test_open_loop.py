"""The open loop gives the waiting times of queueing theory, and tells what it cannot measure."""

import math
from statistics import fmean

import numpy as np
import pytest

from tests.lanes.virtual_server import VirtualServer
from tuner.domain.load import Arrivals, Load
from tuner.measure.lane import LoadError
from tuner.measure.open_loop import LEAD_SHARE, serve_arrivals

SERVICE_S = 0.01


def mean_wait(streams, busy, items=100_000, seed=0):
    """Return the mean waiting time in service times where streams are busy for about this share of the time.

    Also the share for which they are, by the arrivals that were drawn.
    """
    rate = busy * streams / SERVICE_S
    arrivals = Load(rate, seed).arrivals(0, items / rate)
    served = serve_arrivals(VirtualServer(streams, SERVICE_S), arrivals)
    drawn = items * SERVICE_S / streams / arrivals.times_s[-1]
    return fmean(served.latencies_ms) / (1e3 * SERVICE_S) - 1, drawn


def crommelin(streams, busy):
    """Return the mean waiting time of M/D/c in service times (Crommelin, *P.O. Elect. Eng. J.* 25:41, 1932).

    Whoever is in service now has left after a service time, and whoever has come since is still there: so the
    numbers in the system at such moments are a Markov chain, and Little's law gives the wait.
    """
    size = 150
    came = [math.exp(k * math.log(busy * streams) - busy * streams - math.lgamma(k + 1)) for k in range(size)]
    chances = np.zeros(size)
    chances[0] = 1.0
    for _ in range(1000):
        left = np.concatenate([[chances[: streams + 1].sum()], chances[streams + 1 :]])
        chances = np.convolve(left, came)[:size]
    return (float(np.arange(size) @ chances) / chances.sum() - busy * streams) / (busy * streams)


@pytest.mark.parametrize("busy", [0.5, 0.7])
def test_one_stream_waits_as_pollaczek_and_khinchine_say(busy):
    wait, drawn = mean_wait(1, busy)
    assert wait == pytest.approx(drawn / (2 * (1 - drawn)), rel=0.03)


@pytest.mark.parametrize("busy", [0.5, 0.7])
def test_two_streams_wait_as_crommelin_says(busy):
    wait, drawn = mean_wait(2, busy)
    assert wait == pytest.approx(crommelin(2, drawn), rel=0.03)


def figures_of_windows(busy, rate, stretch, items=160_000):
    """Return the mean and the p99 in service times over windows as a comparison cuts them, one stream."""
    load, service_s = Load(rate), busy / rate
    seconds = stretch * load.window_s
    latencies_ms = [
        ms
        for number in range(round(items / rate / seconds))
        for ms in serve_arrivals(VirtualServer(1, service_s), load.arrivals(number, seconds)).latencies_ms
    ]
    return np.mean(latencies_ms) / (1e3 * service_s), np.percentile(latencies_ms, 99) / (1e3 * service_s)


def test_windows_of_a_final_tell_the_latency_of_the_long_run():
    mean, p99 = figures_of_windows(0.7, 200.0, 4)
    long_mean, long_p99 = 1 + 0.7 / (2 * 0.3), 7.52
    assert mean == pytest.approx(long_mean, rel=0.03)
    assert p99 == pytest.approx(long_p99, rel=0.05)  # of a simulation of 1,200,000 items
    _, of_few = figures_of_windows(0.7, 10.0, 1, 40_000)
    assert of_few / long_p99 == pytest.approx(0.61, abs=0.05)  # ten items from an empty queue do not


def test_crommelins_chain_gives_the_closed_form_of_one_stream():
    assert crommelin(1, 0.7) == pytest.approx(7 / 6, rel=1e-4)


def test_a_slow_answer_does_not_slow_the_arrivals():
    times_s = tuple(0.001 * number for number in range(10))
    served = serve_arrivals(VirtualServer(1, 0.1), Arrivals(times_s, 1.0))
    waits = [0.1 * (number + 1) - 0.001 * number for number in range(10)]
    assert served.latencies_ms == pytest.approx([1e3 * wait for wait in waits][int(LEAD_SHARE * 10) :])


def test_a_batch_starts_when_it_is_full_or_its_first_item_has_waited_long_enough():
    server = VirtualServer(2, 0.001)
    times_s = (0.0, 0.001, 0.002, 0.003, 0.100, 0.101, 0.200)
    served = serve_arrivals(server, Arrivals(times_s, 30.0), 4, 10.0)
    assert server.started == pytest.approx([0.003, 0.11, 0.2])  # nothing comes after the last
    assert served.latencies_ms == pytest.approx([3.0, 2.0, 1.0, 11.0, 10.0, 1.0])


def test_the_last_batch_is_filled_by_a_surplus_that_does_not_count():
    server = VirtualServer(1, 0.001)
    served = serve_arrivals(server, Arrivals((0.0, 0.001, 0.002, 0.003, 0.004), 30.0, surplus=2), 2, 10.0)
    assert server.started == pytest.approx([0.001, 0.003])  # of the surplus one is needed
    assert served.latencies_ms == pytest.approx([2.0, 1.0, 2.0])
    assert served.items == 4
    assert served.rate_fps == pytest.approx(1000.0)


@pytest.mark.parametrize("rate", [200.0, 130.0, 1000.0])
def test_cpu_time_of_an_item_is_that_of_full_batches(rate):
    load, server = Load(rate), VirtualServer(2, 0.01)
    for number in range(5):
        server.started.clear()
        arrivals = load.arrivals(number, surplus=15)
        server.time_s = 0.0
        served = serve_arrivals(server, arrivals, 16, 1e6)
        assert served.items == 16 * len(server.started)
        assert len(served.latencies_ms) == math.ceil(0.8 * rate / 2)


def test_while_every_request_is_busy_items_gather():
    server = VirtualServer(1, 0.05)
    serve_arrivals(server, Arrivals((0.0, 0.01, 0.02, 0.03, 0.04, 0.045), 30.0), 4)
    assert server.started == pytest.approx([0.0, 0.05, 0.10])  # 1 item, then 4, then 1


def test_requests_limit_what_is_in_flight():
    server = VirtualServer(4, 0.1, requests=2)
    serve_arrivals(server, Arrivals((0.0, 0.0, 0.0, 0.0), 1.0))
    assert server.started == pytest.approx([0.0, 0.0, 0.1, 0.1])


@pytest.mark.parametrize("busy", [1.4, 2.0, 20.0])
def test_a_queue_that_grows_without_end_is_found_out_early(busy):
    server, arrivals = VirtualServer(2, SERVICE_S), Load(busy * 2 / SERVICE_S).arrivals(0, 60.0)
    with pytest.raises(LoadError, match=rf"cannot follow {busy * 200:.4g} items/s: it serves 200"):
        serve_arrivals(server, arrivals)
    assert server.time_s < 0.3 * arrivals.times_s[-1]


def test_a_burst_is_no_overload():
    burst = Arrivals((*[0.0] * 200, *(1.0 + 0.02 * number for number in range(200))), 80.0)
    assert max(serve_arrivals(VirtualServer(1, SERVICE_S), burst).latencies_ms) == pytest.approx(2000.0)


def test_a_load_that_is_nearly_too_much_is_served():
    for seed in range(20):
        serve_arrivals(VirtualServer(2, SERVICE_S), Load(0.97 * 200, seed).arrivals(0, 10.0))


def test_its_own_lateness_is_measured_and_waiting_for_a_request_is_none():
    arrivals = Load(20.0).arrivals(0, 10.0)
    assert serve_arrivals(VirtualServer(1, 0.04), arrivals).late_ms == 0.0
    late = serve_arrivals(VirtualServer(1, 0.04, tardy_s=0.003), arrivals)
    assert 0.5 < late.late_ms < 2.0  # less for those that wait for a request anyway
    alone = serve_arrivals(VirtualServer(20, 0.04, tardy_s=0.003), Arrivals((0.1, 0.2, 0.3), 10.0))
    assert alone.late_ms == pytest.approx(3.0)
    assert alone.latencies_ms == pytest.approx([43.0] * 3)


class SlowToRead(tuple):
    """Arrival times of which each takes a millisecond to read."""

    __slots__ = ()
    server = VirtualServer(1, 0.01)

    def __getitem__(self, place):
        self.server.time_s += 0.001
        return super().__getitem__(place)


def test_latency_counts_to_the_end_of_an_inference_that_starts_after_its_items_are_gathered():
    times_s, server = (0.1, 0.1, 0.2, 0.2), SlowToRead.server
    served = serve_arrivals(server, Arrivals(SlowToRead(times_s), 10.0), 2)
    finished = [started + 0.01 for started in server.started for _ in range(2)]
    assert served.latencies_ms == pytest.approx(
        [1e3 * (end - arrived) for end, arrived in zip(finished, times_s, strict=True)]
    )


class Stopped(VirtualServer):
    """A server that another program stops twice, the second time before its queue is gone."""

    def start(self):
        super().start()
        if len(self.started) in {500, 510}:
            self._free = [free + 0.03 for free in self._free]
            self._busy = [(finished + 0.03, number) for finished, number in self._busy]
            self._latency_s |= {number: self._latency_s[number] + 0.03 for _, number in self._busy}


def test_a_stop_or_two_are_no_overload():
    served = serve_arrivals(Stopped(2, 0.001), Load(1000.0).arrivals(0, 1.0))
    assert max(served.latencies_ms) > 50.0
