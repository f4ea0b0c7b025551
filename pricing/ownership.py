"""What owned hardware costs per hour: annualised purchase, upkeep and electricity.

    A = [(P - S / (1 + r)^L) * r / (1 - (1 + r)^-L) + maintenance * P] * (1 + spares) + hosting [USD a year]
    energy = (u * P_load + (1 - u) * P_idle) * PUE * electricity                                [USD an hour]
    USD per hour = A / 8760 + energy;   USD per useful hour = that / u

P is the price, S what it sells for after L years, r the yearly rate, u the share of hours it does useful
work. The first term is the annuity that repays P less the present value of S. Useful hours go in the
denominator, never calendar hours: an idle card is the dearest one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from planner.pricing.assumptions import ASSUMPTIONS, Assumption, default
from planner.pricing.errors import PriceError
from planner.pricing.money import HOURS_PER_YEAR
from planner.pricing.offer import Offer
from planner.pricing.regions import zone_of
from planner.profiles.gpus import Gpu, load_gpus, resolve_gpu

__all__ = [
    "ASSUMPTIONS",
    "Assumption",
    "CostParts",
    "Ownership",
    "Site",
    "check_site",
    "load_watts",
    "owned_offer",
    "residual",
]


@dataclass(frozen=True, slots=True)
class Site:
    """Where owned hardware stands; `zone` and `country` as in `regions`."""

    electricity_usd_per_kwh: float
    pue: float = default("pue")
    country: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class CostParts:
    """What a useful hour is made of, USD."""

    capital: float
    maintenance: float
    spares: float
    hosting: float
    electricity_load: float
    electricity_idle: float

    @property
    def total(self) -> float:
        """Cost of the useful hour."""
        return (
            self.capital
            + self.maintenance
            + self.spares
            + self.hosting
            + self.electricity_load
            + self.electricity_idle
        )


@dataclass(frozen=True, slots=True)
class Ownership:
    """Cost of one owned unit (a GPU with its share of the host); checked on creation, raises `PriceError`.

    A desktop with one RTX 4090, and an H100 with its share of a server and four years to earn its price:

    >>> box = Ownership(purchase_usd=2600, residual_usd=500, load_w=520)
    >>> home = Site(electricity_usd_per_kwh=0.15, pue=1.1)
    >>> [round(box.usd_per_useful_hour(home, utilisation=u / 100), 2) for u in (10, 20, 30, 50, 70, 90)]
    [1.36, 0.72, 0.5, 0.33, 0.25, 0.21]
    >>> h100 = Ownership(
    ...     purchase_usd=38_000, residual_usd=9_000, load_w=1275, horizon_years=4, discount_rate=0.10
    ... )
    >>> hall = Site(electricity_usd_per_kwh=0.09, pue=1.3)
    >>> [round(h100.usd_per_useful_hour(hall, utilisation=u / 100), 1) for u in (30, 50, 70, 90)]
    [4.8, 2.9, 2.1, 1.7]
    """

    purchase_usd: float
    residual_usd: float
    load_w: float
    horizon_years: float = field(default_factory=lambda: default("horizon_years"))
    discount_rate: float = field(default_factory=lambda: default("discount_rate"))
    maintenance_share: float = field(default_factory=lambda: default("maintenance_share"))
    idle_share: float = field(default_factory=lambda: default("idle_share"))
    spare_share: float = field(default_factory=lambda: default("spare_share"))
    """Units kept against failures, as a share of those that work; they cost capital and upkeep, no power."""
    hosting_usd_per_year: float = field(default_factory=lambda: default("hosting_usd_per_year"))
    """Room, rack, network, staff: what is billed for one unit besides electricity."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("purchase_usd", 0.0, math.inf), ("residual_usd", 0.0, math.inf), ("load_w", 0.0, math.inf),
            ("horizon_years", 1 / 12, 50.0), ("discount_rate", 0.0, 1.0), ("maintenance_share", 0.0, 1.0),
            ("idle_share", 0.0, 1.0), ("spare_share", 0.0, 1.0), ("hosting_usd_per_year", 0.0, math.inf),
        ):  # fmt: skip
            _within(f"owned.{name}", getattr(self, name), low, high)
        if self.residual_usd > self.purchase_usd:
            raise PriceError(
                f"owned.residual_usd: {self.residual_usd:g} is above the price of {self.purchase_usd:g} "
                "(a machine that gains value is a bet, not a cost)"
            )

    @property
    def capital_usd_per_year(self) -> float:
        """The annuity that repays the price less the present value of the resale."""
        r, years = self.discount_rate, self.horizon_years
        lost = -math.expm1(-years * math.log1p(r))  # 1 - (1 + r)^-L without cancellation for small r
        annuity = r / lost if r > 1e-12 else 1 / years
        return (self.purchase_usd - self.residual_usd * (1 - lost)) * annuity

    @property
    def usd_per_year(self) -> float:
        """A of the formula above: capital, upkeep, spares and hosting, without electricity."""
        kept = self.capital_usd_per_year + self.maintenance_share * self.purchase_usd
        return kept * (1 + self.spare_share) + self.hosting_usd_per_year

    def energy_usd_per_hour(self, site: Site, *, utilisation: float) -> float:
        """Electricity of an average hour, cooling included."""
        return self.average_kw(utilisation) * site.pue * site.electricity_usd_per_kwh

    def average_kw(self, utilisation: float) -> float:
        """Draw of an average hour before cooling: full in useful hours, the idle share in the others."""
        return self.load_w / 1000 * (utilisation + (1 - utilisation) * self.idle_share)

    def usd_per_hour(self, site: Site, *, utilisation: float) -> float:
        """Cost of a calendar hour at this utilisation."""
        _within("owned.utilisation", utilisation, 0.0, 1.0)
        return self.usd_per_year / HOURS_PER_YEAR + self.energy_usd_per_hour(site, utilisation=utilisation)

    def usd_per_useful_hour(self, site: Site, *, utilisation: float) -> float:
        """Cost of an hour of useful work; grows without bound as utilisation falls to 0."""
        if utilisation <= 0:
            raise PriceError(
                f"owned.utilisation: {utilisation:g} is not above 0 (idle hardware does no useful hour)"
            )
        return self.usd_per_hour(site, utilisation=utilisation) / utilisation

    def parts(self, site: Site, *, utilisation: float) -> CostParts:
        """The same cost, taken apart; the parts add up to `usd_per_useful_hour`."""
        self.usd_per_useful_hour(site, utilisation=utilisation)  # the checks
        useful_hours = HOURS_PER_YEAR * utilisation
        capital, upkeep = self.capital_usd_per_year, self.maintenance_share * self.purchase_usd
        full = self.load_w / 1000 * site.pue * site.electricity_usd_per_kwh
        return CostParts(
            capital=capital / useful_hours,
            maintenance=upkeep / useful_hours,
            spares=self.spare_share * (capital + upkeep) / useful_hours,
            hosting=self.hosting_usd_per_year / useful_hours,
            electricity_load=full,
            electricity_idle=full * self.idle_share * (1 - utilisation) / utilisation,
        )

    def break_even_utilisation(self, site: Site, *, rent_usd_per_hour: float) -> float | None:
        """Share of useful hours above which owning is cheaper than renting for just those hours.

        None where no utilisation up to 1 suffices. Rent is paid for useful hours only, which flatters renting:
        a rented machine that cannot be given back between requests is idle too.

        >>> home = Site(electricity_usd_per_kwh=0.15, pue=1.1)
        >>> box = Ownership(purchase_usd=2600, residual_usd=500, load_w=520)
        >>> [round(box.break_even_utilisation(home, rent_usd_per_hour=rent), 2) for rent in (0.30, 0.43)]
        [0.56, 0.36]
        """
        full = self.load_w / 1000 * site.pue * site.electricity_usd_per_kwh
        saved_per_useful_hour = rent_usd_per_hour - full * (1 - self.idle_share)
        standing = self.usd_per_year / HOURS_PER_YEAR + full * self.idle_share
        if saved_per_useful_hour <= 0 or standing > saved_per_useful_hour:
            return None
        return standing / saved_per_useful_hour


def _within(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        limits = f"from {low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
        raise PriceError(f"{name}: {value:g} is not {limits}")


def check_site(site: Site) -> Site:
    """The site itself; raises `PriceError` for a price of electricity or a PUE that no place has."""
    _within("owned.site.electricity_usd_per_kwh", site.electricity_usd_per_kwh, 0.0, 10.0)
    _within("owned.site.pue", site.pue, 1.0, 5.0)
    return site


def load_watts(gpu: Gpu, *, host_w: float | None = None, host_per_tdp: float | None = None) -> float:
    """Draw of one GPU and its share of the host at full load; raises `PriceError` where the TDP is unknown.

    The host of a data-centre GPU grows with it (`host_per_tdp`), that of a desktop does not (`host_w`).

    >>> load_watts(load_gpus()["rtx_4090"]), round(load_watts(load_gpus()["h100_sxm"]))
    (520.0, 1274)
    """
    if gpu.tdp_w is None:
        raise PriceError(
            f"owned: {gpu.key} has no sourced TDP (give load_w, the draw of one GPU with its host)"
        )
    if gpu.segment == "soc":  # the figure is that of the whole machine
        return gpu.tdp_w
    if gpu.segment == "datacenter":
        return gpu.tdp_w * (1 + (default("host_per_tdp") if host_per_tdp is None else host_per_tdp))
    return gpu.tdp_w + (default("host_w") if host_w is None else host_w)


def residual(purchase_usd: float, *, years: float) -> float:
    """What hardware sells for after some years, at the assumed yearly retention.

    >>> [round(residual(100, years=y)) for y in (1, 2, 3)]
    [67, 45, 30]
    """
    return float(purchase_usd * default("residual_per_year") ** years)


def owned_offer(
    gpu: str,
    count: float,
    *,
    purchase_usd: float,
    site: Site,
    status: str = "would_buy",
    residual_usd: float | None = None,
    horizon_years: float | None = None,
    discount_rate: float | None = None,
    maintenance_share: float | None = None,
    load_w: float | None = None,
    utilisation: float | None = None,
    units: float | None = None,
    instance: str = "",
) -> Offer:
    """Owned hardware as an offer of term `owned`: an instance of `count` GPUs, of which there are `units`.

    `purchase_usd` is per GPU with its share of the host: the price for `status="would_buy"`, what it would
    sell for today for `"have"`. `usd_per_hour` is a calendar hour at `utilisation`. Raises `PriceError`, and
    `ProfileError` for an unknown GPU.
    """
    if status not in ("have", "would_buy"):
        raise PriceError(f"owned.status: {status!r} is not have or would_buy")
    _within("owned.count", count, 1e-3, 1e6)
    check_site(site)
    match = resolve_gpu(gpu)
    model = load_gpus()[match.key]
    years = default("horizon_years") if horizon_years is None else horizon_years
    used = default("utilisation") if utilisation is None else utilisation
    unit = Ownership(
        purchase_usd=purchase_usd,
        residual_usd=residual(purchase_usd, years=years) if residual_usd is None else residual_usd,
        load_w=load_watts(model) if load_w is None else load_w,
        horizon_years=years,
        discount_rate=default("discount_rate") if discount_rate is None else discount_rate,
        maintenance_share=default("maintenance_share") if maintenance_share is None else maintenance_share,
    )
    per_gpu = unit.usd_per_hour(site, utilisation=used)
    flags = (f"status:{status}", f"assumed_utilisation:{used:g}")
    return Offer(
        seller="owned", instance=instance or f"{count:g}x {model.key} ({status})", gpu=model.key,
        gpu_name_as_listed=gpu, gpu_count=float(count), gpu_memory_gib=model.memory_gib, vcpus=None,
        host_memory_gib=None, region=None, country=site.country, zone=site.zone or zone_of(site.country),
        term="owned", usd_per_hour=per_gpu * count, usd_per_gpu_hour=per_gpu, currency="USD",
        upfront_usd=purchase_usd * count if status == "would_buy" else 0.0,
        commitment_months=round(years * 12), interruption_per_hour=None, availability=units,
        source="annualised cost of ownership", as_of=None, age_days=None, licence="the user's own",
        flags=(*flags, f"ambiguous_gpu:{'|'.join(match.keys)}") if match.ambiguous else flags,
    )  # fmt: skip
