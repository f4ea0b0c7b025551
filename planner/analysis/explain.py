"""Why any option is in the plan or out of it, the limit that binds, and how far it is from turning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

import numpy as np

from planner.analysis.case import Case, only_rows
from planner.analysis.flip import Handles
from planner.analysis.parts import Part, entering_bounds, entering_price, entering_speed, leaving_price
from planner.analysis.records import Distance, Explained, Verdict
from planner.analysis.wording import label_of
from planner.errors import InputError, check_known, did_you_mean
from planner.optimize.check import usd_per_hour
from planner.optimize.problem import Bools
from planner.options.configurations import Configuration
from planner.options.offers import consider
from planner.options.sustain import MEMORY, NO_HEADROOM, OK, TPOT, TTFT
from planner.options.table import NOTHING_RUNS, VERDICTS, Option, Ways, options_of
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.offer import Offer
from planner.profiles.gpus import resolve_gpu

LIMIT_OF = {TPOT: "tpot_ms", TTFT: "ttft_ms", NO_HEADROOM: "ttft_ms"}
GIB = 2.0**30


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is asked about: offers by GPU, seller, instance, region (globs) and term, configurations by the rest."""

    workload: str | None = None
    gpu: str | None = None
    seller: str | None = None
    instance: str | None = None
    region: str | None = None
    term: str | None = None
    engine: str | None = None
    precision: str | None = None
    layout: str | None = None

    @property
    def given(self) -> Mapping[str, str]:
        """Fields that were given."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def configures(self) -> bool:
        """Whether it asks about a configuration, not only an offer."""
        return not (self.engine is None and self.precision is None and self.layout is None)

    def offers(self, market: Sequence[Offer]) -> list[Offer]:
        """Matching offers; InputError naming the first word that matches nothing."""
        gpus = None if self.gpu is None else resolve_gpu(self.gpu).keys
        found = [o for o in market if gpus is None or o.gpu in gpus]
        if not found:
            raise InputError(f"gpu: nobody offers {self.gpu}", hint="see `planner prices show`")
        for name in ("seller", "instance", "region", "term"):
            wanted = getattr(self, name)
            if wanted is None:
                continue
            known = {str(getattr(o, name) or "") for o in found}
            found = [
                o for o in found if fnmatchcase(str(getattr(o, name) or "").casefold(), wanted.casefold())
            ]
            if not found:
                hint = did_you_mean(wanted, known) or f"one of {', '.join(sorted(known)[:6])}"
                raise InputError(f"{name}: no such offer {wanted!r}", hint=hint)
        return found

    def runs(self, c: Configuration) -> bool:
        """Whether a configuration matches."""
        return (
            (self.engine is None or c.engine == self.engine)
            and (self.precision is None or self.precision in (c.weights, f"{c.weights}/{c.kv}"))
            and (self.layout is None or str(c.layout) == self.layout)
        )


def explain(case: Case, pattern: Pattern) -> Explained:
    """A verdict per workload on what the pattern matches; per GPU where it names none.

    Raises InputError for a word that matches no offer, workload or engine.
    """
    names = case.names()
    check_known("workload", [pattern.workload] if pattern.workload else None, names)
    engines = {c.engine for way in case.decided.ways for c in way.configurations}
    check_known("engine", [pattern.engine] if pattern.engine else None, engines)
    matching, handles = pattern.offers(case.market), Handles(case)
    by_gpu: dict[str, list[Offer]] = {}
    for offer in matching:
        by_gpu.setdefault("" if pattern.gpu else offer.gpu, []).append(offer)
    verdicts = [
        _Asked(case, handles, pattern, workload, offers).verdict()
        for workload, name in enumerate(names) if pattern.workload in (None, name)
        for offers in by_gpu.values()
    ]  # fmt: skip
    order = ("in", "out", "cannot", "excluded")
    verdicts.sort(
        key=lambda v: (names.index(v.workload), order.index(v.state), v.usd_per_month or np.inf, v.subject)
    )
    return Explained(pattern.given, tuple(verdicts))


class _Asked:
    """What was asked about, for one workload."""

    def __init__(
        self, case: Case, handles: Handles, pattern: Pattern, workload: int, offers: list[Offer]
    ) -> None:
        self.case, self.handles, self.pattern, self.workload = case, handles, pattern, workload
        self.way: Ways = case.decided.ways[workload]
        self.considered = consider(offers, case.scenario.constraints)
        self.offers, self.family = offers, case.memory.family
        self.rows = np.array([pattern.runs(c) for c in self.way.configurations], bool)

    def verdict(self) -> Verdict:
        """In, out, unable, or turned away."""
        if not self.considered.offers:
            reasons = Counter({why: len(labels) for why, labels in self.considered.rejected.items()})
            why, _ = reasons.most_common(1)[0]
            return self._said("excluded", why, _constraint(why))
        options, refused = options_of(self.workload, only_rows(self.way, self.rows), self.considered.offers)
        if not options:
            return self._unable(refused)
        return self._chosen(options) or self._rejected(options)

    def _unable(self, refused: Mapping[str, list[str]]) -> Verdict:
        """No configuration meets the limits: the nearest miss says which."""
        gpus = {o.gpu for o in self.considered.offers}
        mine = self.rows & np.array([c.evaluation.gpu.key in gpus for c in self.way.configurations], bool)
        misses = [miss for code in (TPOT, TTFT, NO_HEADROOM) if (miss := self._miss(mine, code))]
        if misses and not (mine & (self.way.load.verdict == OK)).any():
            code, distance = min(misses, key=lambda m: abs(m[1].change_percent))
            return self._said(
                "cannot", VERDICTS[code], f"workloads.{self._name}.{LIMIT_OF[code]}", (distance,)
            )
        if (mine & (self.way.load.verdict == MEMORY)).any() and not (
            mine & (self.way.load.verdict == OK)
        ).any():
            return self._said("cannot", VERDICTS[MEMORY], "memory", self._memory(mine))
        counted = [
            (n, why) for (why, gpu), n in self.case.decided.configurations.refused.items() if gpu in gpus
        ]
        if not mine.any() and counted:
            return self._said("cannot", max(counted)[1], "memory" if "memory" in max(counted)[1] else None)
        return self._said("cannot", next(iter(refused), NOTHING_RUNS), None)

    def _miss(self, mine: Bools, code: int) -> tuple[int, Distance] | None:
        best = self.way.load.best_ms[mine & (self.way.load.verdict == code)]
        limit = getattr(self.way.workload, LIMIT_OF[code])
        if not best.size or limit is None:
            return None
        now = float(best.min())
        return code, Distance(LIMIT_OF[code], "ms", now, limit, 100.0 * (limit / now - 1.0))

    def _memory(self, mine: Bools) -> tuple[Distance, ...]:
        short = []
        for c, here, verdict in zip(self.way.configurations, mine, self.way.load.verdict, strict=True):
            e = c.evaluation
            if here and verdict == MEMORY:
                short.append((e.memory.capacity + e.kv_bytes_per_request - e.memory.free, e.memory.capacity))
        needed, has = min(short)
        return (Distance("memory per GPU", "GiB", has / GIB, needed / GIB, 100.0 * (needed / has - 1.0)),)

    def _chosen(self, options: Sequence[Option]) -> Verdict | None:
        """Whether the plan uses one of them, and how much dearer they may become before it does not."""
        mine = {_identity(o) for o in options}
        used = [o for o in self.case.base.used() if o.workload == self.workload and _identity(o) in mine]
        if not used:
            return None
        factor = leaving_price(self.family, self._parts, self._mask(options))
        usd = used[0].offer.usd_per_gpu_hour
        far = () if factor is None else (_price(usd, factor),)
        why = "in the plan"
        why += "; nothing else can serve the workload within the limits" if factor is None else ""
        return self._said("in", f"{why}: {label_of(used[0])}", None, far, options)

    def _rejected(self, options: Sequence[Option]) -> Verdict:
        """Possible, but another plan is cheaper: how much cheaper or faster it would have to be."""
        mask = self._mask(options)
        among = tuple(self._as_asked(part, options) for part in self._parts)
        best = min(options, key=lambda o: o.offer.usd_per_hour / o.capacity_per_s)
        far: list[Distance] = []
        if self.pattern.gpu or self.pattern.configures:
            factor = entering_price(self.family, among, mask)
            far += [] if factor is None else [_price(best.offer.usd_per_gpu_hour, factor)]
            faster = entering_speed(self.family, among, mask)
            now = best.capacity_per_s / best.offer.gpu_count
            far += [] if faster is None else [
                Distance("throughput", "requests/s per GPU", now, now * faster, 100.0 * (faster - 1.0))]  # fmt: skip
        else:  # all GPUs at once: a bound does, and costs no solve
            factor = max(
                (float(entering_bounds(x)[mask[x.columns]].max(initial=0.0)) for x in among), default=0.0
            )
            far += (
                [_price(best.offer.usd_per_gpu_hour, min(factor, 1.0), "price, at least")]
                if factor > 0
                else []
            )
        stronger = self._stronger(best)
        why = stronger or "another plan is cheaper"
        return self._said("out", why, "price" if stronger is None else "throughput", tuple(far), options)

    def _stronger(self, asked: Option) -> str | None:
        """The configuration that the same offer would rather run, where the pattern asked about another."""
        if not self.pattern.configures:
            return None
        own = options_of(self.workload, self.way, [asked.offer])[0]
        if not own or own[0].capacity_per_s <= asked.capacity_per_s * (1 + 1e-9):
            return None
        less = 100.0 * (1.0 - asked.capacity_per_s / own[0].capacity_per_s)
        c = own[0].configuration
        return (
            f"the same offer carries more with {c.engine} {c.weights} {c.layout}: this is {less:.0f} % less"
        )

    @property
    def _name(self) -> str:
        return self.way.workload.name

    @property
    def _parts(self) -> tuple[Part, ...]:
        return self.handles.among(self.workload)

    def _mask(self, options: Sequence[Option]) -> Bools:
        return self.handles.offered((o.offer for o in options), self.workload)

    def _as_asked(self, part: Part, options: Sequence[Option]) -> Part:
        """The part with the asked offers running the asked configurations."""
        if not self.pattern.configures:
            return part
        asked = {o.offer.key: o.capacity_per_s for o in options}
        factor = np.ones(len(part.columns))
        for i, o in enumerate(part.columns.tolist()):
            if o < len(self.case.decided.columns):
                option = self.case.decided.columns[o].option
                if option.workload == self.workload and option.offer.key in asked:
                    factor[i] = asked[option.offer.key] / option.capacity_per_s
        problem = part.problem.changed(capacity_per_s=part.problem.capacity_per_s * factor)
        return Part(problem, part.columns, part.plan)

    def _alone(self, options: Sequence[Option]) -> float | None:
        """USD per month of serving the workload with nothing but these."""
        mask, total = self._mask(options), 0.0
        for part in (self._as_asked(x, options) for x in self._parts):
            only = part.problem.without(~mask[part.columns])
            plan = self.family.alone(only)
            if plan is None:
                return None
            total += usd_per_hour(only, plan)
        return total * HOURS_PER_MONTH

    def _said(self, state: str, reason: str, binding: str | None, far: tuple[Distance, ...] = (),
              options: Sequence[Option] = ()) -> Verdict:  # fmt: skip
        usd = self._alone(options) if options else None
        ours = sum(part.usd_per_hour for part in self._parts) * HOURS_PER_MONTH
        best = min(options, key=lambda o: o.offer.usd_per_hour / o.capacity_per_s, default=None)
        subject = " ".join(v for k, v in self.pattern.given.items() if k != "workload") or self.offers[0].gpu
        return Verdict(
            workload=self._name, subject=subject, state=state, reason=reason, binding=binding, distances=far,  # type: ignore[arg-type]
            usd_per_month=usd, against_percent=None if usd is None or ours <= 0 else 100.0 * (usd / ours - 1.0),
            offers=len(self.offers), example=label_of(best) if best else self.offers[0].label,
        )  # fmt: skip


def explanations(case: Case) -> Iterator[Verdict]:
    """Verdicts on every GPU, for the plan's own page."""
    yield from explain(case, Pattern()).verdicts


def _price(usd: float, factor: float, quantity: str = "price") -> Distance:
    return Distance(quantity, "USD per GPU-hour", usd, usd * factor, 100.0 * (factor - 1.0))


def _identity(o: Option) -> tuple[object, ...]:
    return (o.offer.key, o.configuration.engine, o.configuration.layout, o.configuration.weights)


def _constraint(why: str) -> str | None:
    word = next(
        (w for w in why.replace("(", " ").replace(")", " ").split() if w.startswith("constraints.")), None
    )
    return None if word is None else word.rstrip(".,;")
