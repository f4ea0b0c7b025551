"""The same demand bought every way there is: hyperscaler, neocloud, marketplace, owned, hosted API.

Constraints on terms, sellers, GPUs and marketplaces are set aside, residency and latency limits are not: a route
that the scenario forbids is shown with what forbids it. A purchase that nobody publishes a price for asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.analysis.case import Case, Posed, lean
from planner.analysis.parts import paid
from planner.analysis.records import Arbitrage, OwningPoint, Route
from planner.analysis.wording import hardware_of
from planner.errors import PlannerError
from planner.optimize.search import as_proposal
from planner.options.hosted import asked_on, hosted_apis
from planner.options.offers import consider
from planner.pricing.assumptions import ASSUMPTIONS, default
from planner.pricing.errors import PriceError
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.offer import Offer
from planner.pricing.ownership import Ownership, Site, load_watts, owned_offer, residual
from planner.profiles.gpus import Gpu, load_gpus
from planner.scenario import Constraints

HYPERSCALERS = frozenset({"aws", "azure", "gcp", "oci"})
BASELINE = "hyperscaler, on demand"
LICENCE = ("NVIDIA's GeForce driver terms exclude data centres (blockchain apart): consumer cards rented there, or "
           "owned in one, need your lawyer's word")  # fmt: skip
BOUGHT = (
    "cards at their launch price, hosts not included; range over resale, years, interest, upkeep and cooling"
)
WIDTHS = (1, 2, 4)
SET_ASIDE = {"terms": None, "marketplace": True, "consumer_in_datacenter": True, "sellers": None, "gpus": None,
             "vendors": None, "budget_usd_per_month": None, "max_spot_share": None, "regions": None}  # fmt: skip
CLAIMED = (60.0, 80.0)
"""The claim that circulates: consumer cards save 60 to 80 %."""


@dataclass(frozen=True, slots=True)
class Way:
    """A route's offers, and how the scenario's own words would be changed to allow it."""

    name: str
    has: Callable[[Offer, Gpu], bool]
    needs: tuple[str, ...] = ()


def _rented(offer: Offer, terms: tuple[str, ...] = ("on_demand",)) -> bool:
    return offer.term in terms and offer.seller != "owned"


def _consumer(gpu: Gpu) -> bool:
    return gpu.segment == "consumer"


ROUTES = (
    Way(BASELINE, lambda o, g: _rented(o) and o.seller in HYPERSCALERS),
    Way("hyperscaler, spot", lambda o, g: _rented(o, ("spot",)) and o.seller in HYPERSCALERS, ("terms",)),
    Way("neocloud, on demand", lambda o, g: _rented(o) and o.seller not in HYPERSCALERS and "marketplace" not in o.flags
        and not _consumer(g)),
    Way("marketplace, data-centre GPUs", lambda o, g: _rented(o) and "marketplace" in o.flags and not _consumer(g),
        ("marketplace",)),
    Way("marketplace or cloud, consumer cards", lambda o, g: _rented(o) and _consumer(g),
        ("marketplace", "consumer_in_datacenter")),
)  # fmt: skip


def arbitrage(case: Case) -> Arbitrage:
    """Every route, cheapest first, the utilisation above which owning wins, and what the claim comes to."""
    market = _Market(case)
    rows = [*market.rented(), market.owned_consumer(), market.owned_datacentre(), market.api()]
    base = next(r.usd_per_month for r in rows if r.route == BASELINE)
    compared = [replace(r, against_percent=None if base is None or r.usd_per_month is None
                        else 100.0 * (r.usd_per_month / base - 1.0)) for r in rows]  # fmt: skip
    compared.sort(key=lambda r: (r.usd_per_month is None, r.usd_per_month or 0.0, r.route))
    return Arbitrage(tuple(compared), tuple(market.owning()), _claim(compared), (LICENCE,))


class _Market:
    """The offers of the question with the scenario's tastes set aside, and its workloads timed on all of them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.limits: Constraints = case.scenario.constraints.model_copy(update=SET_ASIDE)
        gpus = load_gpus()
        listed = [o for o in case.market if o.term != "owned"]
        self.offers = consider(listed, self.limits).offers
        self.routes = {way.name: lean((o for o in self.offers if way.has(o, gpus[o.gpu])), sellers=False)
                       for way in ROUTES}  # fmt: skip
        self.bought = tuple(_bought())
        wanted = (*(o for offers in self.routes.values() for o in offers), *self.bought)
        self.ways = case.timed_on(wanted)

    def rented(self) -> Iterator[Route]:
        """Routes at listed prices."""
        for way in ROUTES:
            posed = self._posed(self.routes[way.name])
            forbidden = [f"constraints.{n}" for n in way.needs if self._forbids(n, way)]
            note = f"the scenario excludes it ({', '.join(forbidden)})" if forbidden else ""
            yield self._route(way.name, posed, "quoted", note)

    def owned_consumer(self) -> Route:
        """Consumer cards bought at their launch price, with the range of every assumption."""
        posed = self._posed(self.bought)
        if posed.decision is None:
            return self._route("owned consumer cards", posed, "assumed")
        low, high = (self._rebought(posed, end) for end in ("low", "high"))
        route = self._route("owned consumer cards", posed, "assumed", BOUGHT)
        assert route.usd_per_month is not None
        return replace(route, low_usd_per_month=min(low, route.usd_per_month),
                       high_usd_per_month=max(high, route.usd_per_month))  # fmt: skip

    def owned_datacentre(self) -> Route:
        """Data-centre GPUs at the user's own purchase price; nobody publishes one."""
        gpus, name = load_gpus(), "owned data-centre GPUs"
        mine = [o for o in self.case.market if o.term == "owned" and gpus[o.gpu].segment == "datacenter"]
        if not mine:
            ask = 'no price is published: give yours as [[owned]] gpu, count, status = "would_buy", purchase_usd'
            return Route(name, None, None, None, None, "", "missing", ask)
        unlimited = [replace(o, availability=None) for o in mine]
        posed = self.case.posed(
            self.case.timed_on(unlimited), limits=self.limits, offers=unlimited, hosted=()
        )
        return self._route(name, posed, "quoted", "your purchase price, for as many as it takes")

    def api(self) -> Route:
        """The cheapest listing of each model, latency not known; own prices with latency count as any other."""
        scenario, name = self.case.scenario, "hosted API"
        allowed = scenario.model_copy(
            update={"constraints": self.limits.model_copy(update={"terms": ("api",)})}
        )
        try:
            apis = hosted_apis(allowed, at=asked_on(self.case.catalog.offers))
        except PlannerError as error:
            return Route(name, None, None, None, None, "", "missing", str(error))
        total, sellers = 0.0, []
        for way in self.ways:
            w = way.workload
            fits = [a for a in apis if a.model == w.shape.name]
            if not fits:
                return Route(
                    name, None, None, None, None, "", "missing", f"no reviewed listing of {w.shape.name}"
                )
            best = min(fits, key=lambda a: sum(a.usd_per_request(w)))
            requests = w.demand.mean_requests_per_s * 3600.0 * HOURS_PER_MONTH
            total += requests * sum(best.usd_per_request(w))
            sellers.append(f"{best.seller} {best.listed}")
        note = "latency not known: measure it before it counts as meeting the limits"
        return Route(name, total, None, None, None, ", ".join(dict.fromkeys(sellers)), "quoted", note)

    def owning(self) -> Iterator[OwningPoint]:
        """For each card bought in the cheapest owned plan: rent of the same card, and where owning wins."""
        for gpu in dict.fromkeys(o.offer.gpu for o in self._posed(self.bought).used()):
            card = load_gpus()[gpu]
            rents = [o.usd_per_gpu_hour for o in self.offers if o.gpu == gpu and o.term == "on_demand"]
            if not rents or card.launch_usd is None:
                continue
            rent, unit = float(np.median(rents)), _ownership(card, "value")
            share = unit.break_even_utilisation(_site("value"), rent_usd_per_hour=rent)
            note = f"rent is the median of {len(rents)} offers; paid for useful hours only, which flatters renting"
            yield OwningPoint(gpu, rent, card.launch_usd, share, note)

    def _posed(self, offers: Sequence[Offer]) -> Posed:
        return self.case.posed(self.ways, limits=self.limits, offers=offers, hosted=())

    def _rebought(self, posed: Posed, end: str) -> float:
        """The same cards at the low or the high end of every assumption."""
        total, p = 0.0, posed.problem
        assert posed.decision is not None
        units = posed.decision.units
        for gpu in dict.fromkeys(c.option.offer.gpu for c in posed.columns):
            unit, site = _ownership(load_gpus()[gpu], end), _site(end)
            mine = np.array([c.option.offer.gpu == gpu for c in posed.columns], bool)
            usd = paid(
                p, as_proposal(posed.decision), np.append(mine, np.zeros(len(units) - len(mine), bool))
            )
            today = next(c.option.offer.usd_per_gpu_hour for c in posed.columns if c.option.offer.gpu == gpu)
            total += usd * unit.usd_per_hour(site, utilisation=default("utilisation")) / today
        return total * HOURS_PER_MONTH

    def _route(self, name: str, posed: Posed, basis: str, note: str = "") -> Route:
        usd = None if posed.decision is None else posed.usd_per_month
        why = (
            note
            if usd is not None
            else "; ".join(x for x in (note, "cannot serve all workloads within the limits") if x)
        )
        return Route(name, usd, None, None, None, hardware_of(posed.used()), basis, why)  # type: ignore[arg-type]

    def _forbids(self, name: str, way: Way) -> bool:
        limits = self.case.scenario.constraints
        if name == "terms":
            return limits.terms is not None and "spot" not in limits.terms
        return not getattr(limits, name)


def _bought() -> Iterator[Offer]:
    """Consumer cards with a public price, to be bought in desktops of up to four."""
    for gpu in load_gpus().values():
        if _consumer(gpu) and gpu.launch_usd is not None and gpu.plannable:
            for width in WIDTHS:
                try:
                    yield owned_offer(gpu.key, width, purchase_usd=gpu.launch_usd, site=_site("value"))
                except PriceError:  # no sourced power draw
                    break


def _site(end: str) -> Site:
    """Electricity of the scenario file's default site; PUE at the end asked for."""
    return Site(electricity_usd_per_kwh=0.15, pue=getattr(ASSUMPTIONS["pue"], end))


def _ownership(gpu: Gpu, end: str) -> Ownership:
    """Cost of owning a card at its assumed value, or at the cheap (`low`) or dear (`high`) end of each assumption."""
    assert gpu.launch_usd is not None
    other = {"value": "value", "low": "high", "high": "low"}[end]
    years = getattr(ASSUMPTIONS["horizon_years"], other)
    kept = getattr(ASSUMPTIONS["residual_per_year"], other)
    resale = residual(gpu.launch_usd, years=years) if end == "value" else gpu.launch_usd * kept**years
    return Ownership(
        purchase_usd=gpu.launch_usd, residual_usd=resale, load_w=load_watts(gpu), horizon_years=years,
        discount_rate=getattr(ASSUMPTIONS["discount_rate"], end),
        maintenance_share=getattr(ASSUMPTIONS["maintenance_share"], end),
    )  # fmt: skip


def _claim(routes: Sequence[Route]) -> str:
    """What "consumer cards save 60 to 80 %" comes to here, and against what."""
    cost = {r.route: r.usd_per_month for r in routes}
    cards = [
        (cost[n], n) for n in ("marketplace or cloud, consumer cards", "owned consumer cards") if cost.get(n)
    ]
    if not cards:
        return "Consumer cards cannot serve all workloads within the limits here, so they save nothing."
    usd, name = min((u, n) for u, n in cards if u is not None)
    words = []
    for rival in (BASELINE, "neocloud, on demand"):
        other = cost.get(rival)
        if other:
            saving = 100.0 * (1.0 - usd / other)
            verb = f"save {saving:.0f} %" if saving >= 0 else f"cost {-saving:.0f} % more"
            words.append(f"{verb} against {rival}")
    holds = bool(cost.get(BASELINE)) and CLAIMED[0] <= 100.0 * (1.0 - usd / (cost[BASELINE] or usd))
    verdict = "so the claim holds against hyperscalers here" if holds else "so the claim does not hold here"
    return f"The often claimed 60 to 80 %: {name} {' and '.join(words)}, {verdict}; it needs work that fits such cards."
