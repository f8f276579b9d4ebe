"""Side by side: in every round each contender does the workload once, in an order that changes."""

import random
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from contenders import Contender
from layout import Layout
from report import Measurement
from workloads import TITLES, Subject, Workload

__all__ = ["Rules", "measurements"]


@dataclass(frozen=True)
class Rules:
    """How long to go on.

    rounds
        That are measured; one that is not comes first, and checks the values.
    patience
        Seconds. Who has taken more is spared the rest of the rounds; who takes more in the first is measured there.
    """

    rounds: int
    patience: float


def measurements(
    layout: Layout,
    kind: str,
    todo: Sequence[Workload],
    wanted: Collection[str],
    contenders: Iterable[Contender],
    rules: Rules,
) -> Iterator[Measurement]:
    """Those of the workloads `todo` that are `wanted`. The first is done anyhow: it writes what the others read."""
    subjects = [Subject(contender) for contender in contenders]
    for workload in todo:
        if workload.name in wanted:
            taking_part = [subject for subject in subjects if _takes_part(subject.contender, workload)]
            for contender, seconds in _rounds(workload, taking_part, rules):
                yield Measurement(
                    kind,
                    layout.codec,
                    layout.dtype,
                    layout.chunks[0],
                    TITLES[workload.name],
                    contender.name,
                    contender.role,
                    seconds,
                )
        elif workload is todo[0]:
            taking_part = [subject for subject in subjects if subject.contender.create and not subject.contender.only]
            _rounds(workload, taking_part, Rules(0, rules.patience))


def _takes_part(contender: Contender, workload: Workload) -> bool:
    able = contender.create is not None or not workload.writes
    return able and workload.name in (contender.only or TITLES)


def _rounds(workload: Workload, subjects: Sequence[Subject], rules: Rules) -> list[tuple[Contender, list[float]]]:
    """Seconds of every round."""
    left = list(subjects)
    first: dict[str, float] = {}
    later: dict[str, list[float]] = {subject.contender.name: [] for subject in subjects}
    for i in range(rules.rounds + 1):
        for subject in random.Random(i).sample(left, len(left)):
            name = subject.contender.name
            try:
                took = _once(workload, subject, check=not i)
            except Exception as error:  # who cannot do something is no reason to stop
                print(f"\n{name} cannot do {workload.name}: {type(error).__name__}: {error!s:.200}", flush=True)
                left.remove(subject)
                continue
            if i:
                later[name].append(took)
            else:
                first[name] = took
            if first[name] + sum(later[name]) > rules.patience:
                left.remove(subject)
    return [
        (subject.contender, later[name] or [first[name]])
        for subject in subjects
        if (name := subject.contender.name) in first
    ]


def _once(workload: Workload, subject: Subject, *, check: bool) -> float:
    """Seconds that it takes on an array just opened, for nothing to be left of the round before."""
    with subject.contender.context():
        if workload.name == "write":
            subject.renew()
        else:
            subject.reopen()
        start = time.perf_counter()
        found = workload.run(subject)
        took = time.perf_counter() - start
        if check:
            found = [subject.array.read(region) for region in workload.reread] or found
            if not all(np.array_equal(*pair) for pair in zip(found, workload.expected, strict=True)):
                raise ValueError("wrong values")
        subject.close()
    return took
