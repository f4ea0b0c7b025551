"""Ask many providers at once; one that fails, hangs or lies costs its own rows and nobody else's.

Each provider runs in its own daemon thread: a server that drips its headers cannot be interrupted, only left
behind when the time is over. Results come back in the order asked, progress is told from the caller's thread.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from planner.pricing.gates import summarise
from planner.pricing.offer import Offer
from planner.pricing.providers.errors import FetchError, ShapeError, UnchangedError
from planner.pricing.providers.fetcher import Fetcher
from planner.pricing.providers.judge import judge, recheck, settle
from planner.pricing.providers.records import FetchResult, Item, Listing, Progress, Provider, Quarantined
from planner.pricing.providers.session import Session

GRACE_S = 2.0
"""Past the deadline, for a provider that is about to say so itself."""
SHORTEST_SECRET = 4
Event = Progress | tuple[int, FetchResult]


@dataclass(frozen=True, slots=True)
class _Job:
    fetcher: Fetcher
    env: Mapping[str, str]
    today: date
    etag: str | None
    deadline: float
    tell: Callable[[int], None]


def refresh(
    providers: Iterable[Provider],
    *,
    fetcher: Fetcher,
    env: Mapping[str, str],
    today: date,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    etags: Mapping[str, str] | None = None,
) -> tuple[FetchResult, ...]:
    """One result per provider, in their order; never raises for what a provider does.

    `etags` are those of the last results by provider name. Secrets are the values in `env` of all variables
    that any of these providers needs; they are cut out of every message and row.
    """
    providers = tuple(providers)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    deadline = fetcher.clock() + fetcher.limits.deadline_s
    secrets = secrets_of(providers, env)

    def work(index: int, provider: Provider) -> None:
        def tell(pages: int) -> None:
            events.put(Progress(provider.name, pages, None, 0, len(providers)))

        etag = (etags or {}).get(provider.name)
        result = run(provider, _Job(fetcher, env, today, etag, deadline, tell))
        events.put((index, scrubbed(result, secrets)))

    for index, provider in enumerate(providers):
        threading.Thread(target=work, args=(index, provider), daemon=True, name=provider.name).start()
    results = _gather(events, providers, deadline_s=fetcher.limits.deadline_s, on_progress=on_progress)
    return tuple(results[index] for index in range(len(providers)))


def _gather(
    events: queue.SimpleQueue[Event],
    providers: tuple[Provider, ...],
    *,
    deadline_s: float,
    on_progress: Callable[[Progress], None],
) -> dict[int, FetchResult]:
    """Wait for all of them, but not for ever; who has not answered by then has failed."""
    results: dict[int, FetchResult] = {}
    ends = time.monotonic() + deadline_s + GRACE_S
    while len(results) < len(providers) and (left := ends - time.monotonic()) > 0:
        try:
            event = events.get(timeout=left)
        except queue.Empty:
            break
        if isinstance(event, Progress):
            on_progress(replace(event, finished=len(results)))
        else:
            index, result = event
            results[index] = result
            on_progress(Progress(result.provider, 0, result.status, len(results), len(providers)))
    for index, provider in enumerate(providers):
        late = f"{provider.name}: not finished by the deadline"
        results.setdefault(index, FetchResult(provider.name, "failed", message=late))
    return results


def run(provider: Provider, job: _Job) -> FetchResult:
    """One provider from start to verdict, whatever happens inside."""
    if missing := [name for name in provider.needs if not job.env.get(name)]:
        hint = f" ({provider.hint})" if provider.hint else ""
        message = f"{provider.name}: needs {', '.join(missing)}{hint}"
        return FetchResult(provider.name, "skipped", message=message)
    session = Session(job.fetcher, provider.name, deadline=job.deadline, etag=job.etag, on_page=job.tell)
    offers: list[Offer] = []
    held: list[Quarantined] = []
    try:
        for verdict in _verdicts(provider, provider.fetch(session, job.env), today=job.today):
            if isinstance(verdict, Offer):
                offers.append(verdict)
            else:
                held.append(verdict)
        kept, conflicting = settle(offers)
        held += conflicting
        if not kept:
            raise ShapeError(_nothing(provider, held))
    except UnchangedError:
        return FetchResult(provider.name, "unchanged", message=f"{provider.name}: unchanged", etag=job.etag)
    except FetchError as error:
        return FetchResult(provider.name, "failed", quarantined=tuple(held), message=str(error))
    except Exception as error:  # a bug in one provider must not cost the others their prices
        message = f"{provider.name}: unexpected {type(error).__name__}: {error}"
        return FetchResult(provider.name, "failed", quarantined=tuple(held), message=message)
    return FetchResult(
        provider.name, "ok", kept, tuple(held), f"{provider.name}: {len(kept)} offers", session.token
    )


def _verdicts(provider: Provider, items: Iterator[Item], *, today: date) -> Iterator[Offer | Quarantined]:
    for item in items:
        if isinstance(item, Listing):
            yield judge(item, today=today, live=provider.live)
        elif isinstance(item, Offer):
            dated = replace(item, as_of=item.as_of or (today.isoformat() if provider.live else None))
            yield recheck(dated, today=today)
        else:
            yield item


def _nothing(provider: Provider, held: list[Quarantined]) -> str:
    """Why a provider that answered brought no offer: the commonest reason among what was held."""
    if not held:
        return f"{provider.name}: the answer holds no GPU offer (its shape may have changed)"
    reasons = summarise((row.reason, row.row) for row in held)
    return f"{provider.name}: no offer among {len(held)} rows, most often {reasons[0].reason}"


def secrets_of(providers: Iterable[Provider], env: Mapping[str, str]) -> tuple[str, ...]:
    """Values that must appear nowhere, longest first (one may contain another)."""
    # shorter ones and settings of ours are no secrets, and cutting them out would garble every message
    names = {name for provider in providers for name in provider.needs} | {"AWS_SESSION_TOKEN"}
    keys = {name for name in names if not name.startswith("PLANNER_")}
    values = {env[name] for name in keys if len(env.get(name, "")) >= SHORTEST_SECRET}
    return tuple(sorted(values, key=len, reverse=True))


def scrubbed(result: FetchResult, secrets: tuple[str, ...]) -> FetchResult:
    """The result without secrets, and its message on one line."""

    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())

    held = tuple(replace(row, row=clean(row.row), reason=clean(row.reason)) for row in result.quarantined)
    return replace(result, message=clean(result.message), quarantined=held)
