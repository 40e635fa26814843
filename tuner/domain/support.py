"""Which answer of a study stands: that of its latest run, or that of an earlier run that proved more."""

from __future__ import annotations

from dataclasses import replace

from tuner.domain.result import Notice, Outcome, Result, Setting
from tuner.domain.sentences import answer
from tuner.domain.stats import Speedup
from tuner.domain.trial import Final
from tuner.domain.verdict import DECIDED_FOR_ANOTHER

EARLIER_RUN = "earlier-run"
"""Code of the notice that says which run an answer is from, if it is not from the latest."""

HOSTS_GONE = "hosts-gone"
"""Code of the notice that the latest run was cut short because its hosts were gone."""

NOT_ENDED = "a later run has not ended"
"""What a notice of an earlier run says while a later one goes on, or where that was killed."""


def better_supported(earlier: Result, latest: Result) -> Result:
    """Return the latest result, with the outcome and the final of the earlier run if these prove more.

    An answer rests on its final. The answers are compared in this order:

    1. A decided one (`faster` or `keep_hint`, from a whole final) stands against any other; an undecided one
       from a whole final stands against one without. The exception: a whole later final, with as many
       sittings, that measured what the earlier one advised and puts it below the earlier interval.
    2. Of two alike, the later one stands if its final has as many sittings, or a narrower interval for the
       fastest finalist, or if it proves a gain that is larger than the earlier estimate; of two open ones
       also if more of the space was measured.
    3. If neither has a whole final, the later one stands.

    What was found since then (trials, what is known of the space) is kept in any case.
    """
    if not _still_stands(earlier, latest):
        return latest
    since = latest.outcome
    found = since.verdict.why if since.verdict.kind == "inconclusive" else answer(since.verdict)
    outcome = from_earlier_run(earlier.outcome, f"the latest run proves less ({found})")
    outcome = replace(
        outcome,
        points=since.points,
        covered=since.covered,
        interrupted=since.interrupted,
        switches=since.switches,
        edges=since.edges,
        importance=since.importance,
        notices=(*outcome.notices, *(each for each in since.notices if each.code == HOSTS_GONE)),
    )
    return replace(latest, outcome=outcome, final=earlier.final)


def stronger(earlier: Result, later: Result) -> Result:
    """Return the one of two earlier results whose answer proves more, by the same rule."""
    return earlier if _still_stands(earlier, later) else later


def is_proven(result: Result) -> bool:
    """Return whether an answer rests on a whole final, and so may outlast later runs."""
    return _weight(result) > 0


def may_stand(earlier: Result, setting: Setting) -> bool:
    """Return whether an earlier answer may outlast a run with this setting.

    It must rest on a whole final, and the host must be the same (a study is of one processor, one OpenVINO
    and one model anyhow). What it advises must be allowed now. That nothing is faster holds for its own
    bounds only.
    """
    before, now = (replace(host, memory_mb=0, os="") for host in (earlier.host, setting.host))
    advised = {earlier.verdict.best.configuration, earlier.drop_in.configuration}
    if earlier.verdict.kind in DECIDED_FOR_ANOTHER:
        fits = all(map(setting.bounds.allow, advised - {earlier.baseline.configuration}))
    else:
        fits = earlier.setting.bounds == setting.bounds
    return is_proven(earlier) and before == now and fits


def _still_stands(earlier: Result, latest: Result) -> bool:
    before, since = _weight(earlier), _weight(latest)
    if before != since:
        return before > since and not _refuted(earlier, latest)
    return before > 0 and (
        _sittings(latest.final) < _sittings(earlier.final)
        and _half_width(latest.final) >= _half_width(earlier.final)
        and not _gains_more(earlier, latest)
        and not _knows_more(earlier, latest)
    )


def latest_run_ended(outcome: Outcome) -> bool:
    """Return whether the latest run of a study came to its end, neither stopped by the user nor killed."""
    going_on = any(each.code == EARLIER_RUN and NOT_ENDED in each.text for each in outcome.notices)
    return outcome.run is not None and not outcome.interrupted and not going_on


def from_earlier_run(outcome: Outcome, since: str) -> Outcome:
    """Return the outcome with a notice of the run that it is from, and what came `since`."""
    date = outcome.run.date[:16].replace("T", " ") if outcome.run else "an unknown date"
    notice = Notice(EARLIER_RUN, f"The answer is from the run of {date}: {since}.")
    others = tuple(known for known in outcome.notices if known.code not in {EARLIER_RUN, HOSTS_GONE})
    return replace(outcome, notices=(*others, notice))


def _weight(result: Result) -> int:
    """Return 2 for what is decided by a whole final, 1 for what a whole final left open, 0 for the rest."""
    final = result.final
    if final is None or final.trouble or _fastest(final) is None:
        return 0
    return 1 if result.verdict.kind == "inconclusive" else 2


def _refuted(earlier: Result, latest: Result) -> bool:
    """Return whether the latest final, no shorter, shows that the advised gain is smaller than claimed."""
    claimed, final = earlier.verdict.speedup, latest.final
    decided = earlier.verdict.kind in DECIDED_FOR_ANOTHER
    if not decided or claimed is None or final is None or final.trouble:
        return False
    advised, question = earlier.verdict.best.configuration, latest.question
    again = [known for known in final.finalists if known.configuration == advised and known.speedup]
    enough = _sittings(final) >= _sittings(earlier.final)
    return enough and any(
        (known.speedup and known.speedup.high < claimed.low) or (question.excess(known.measured) or 0.0) > 0
        for known in again
    )


def _gains_more(earlier: Result, latest: Result) -> bool:
    """Return whether the latest answer proves a gain larger than the earlier estimate."""
    if latest.verdict.kind != "faster" or latest.verdict.speedup is None:
        return False
    before = earlier.verdict.speedup.ratio if earlier.verdict.speedup else 1.0
    return latest.verdict.speedup.low > (before if earlier.verdict.kind == "faster" else 1.0)


def _knows_more(earlier: Result, latest: Result) -> bool:
    """Return whether two answers are open, and the latest has measured more of the space."""
    kinds = {earlier.verdict.kind, latest.verdict.kind}
    return kinds == {"inconclusive"} and latest.verdict.measured > earlier.verdict.measured


def _sittings(final: Final | None) -> int:
    return final.rounds[-1].sitting + 1 if final and final.rounds else 0


def _half_width(final: Final | None) -> float:
    """Return how exactly a final measured its fastest finalist."""
    fastest = _fastest(final)
    return fastest.half_width if fastest else float("inf")


def _fastest(final: Final | None) -> Speedup | None:
    """Return the speedup of the fastest finalist that was not disqualified, or None."""
    finalists = final.finalists if final else ()
    running = [known.speedup for known in finalists if known.speedup and not known.disqualified]
    return max(running, key=lambda speedup: speedup.ratio, default=None)
