"""The catalogue, how far sellers differ, how prices moved, owning against renting, and prices of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from planner import api
from planner.app import charts, market, panels, session, tables
from planner.app.answers import failure
from planner.app.state import repriced, scenario_of
from planner.errors import PlannerError
from planner.render.prices import offers as offer_list
from planner.render.words import term

if TYPE_CHECKING:
    from planner.app.session import Now

OWN = ("seller", "instance", "region", "term", "usd_per_hour", "gpu", "gpu_count", "country")
RENTED = ("on_demand", "spot", "committed_1y", "committed_3y")
MOST_ROWS = 500


def show() -> None:
    """Draw the page."""
    here: Now = st.session_state["now"]
    st.title("Prices")
    source = here.question.catalog_name or "shipped list"
    st.caption(f"{len(here.catalog.offers):,} offers of the {source}; USD, list prices, before tax.")
    tabs = st.tabs(["Catalogue", "Spread between sellers", "Your own prices", "Own or rent", "History"])
    with tabs[0]:
        _catalogue(here)
    with tabs[1]:
        spread = market.cheapest_by_seller(market.offers(here.catalog.offers))
        panels.show_chart(charts.spread(spread), spread, name="spread",
                          says="Cheapest price per GPU-hour of each seller, by GPU and term")  # fmt: skip
    with tabs[2]:
        _own(here)
    with tabs[3]:
        _own_or_rent(here)
    with tabs[4]:
        _history(here)


def _catalogue(here: Now) -> None:
    offers = here.catalog.offers
    columns = st.columns(4)
    gpu = columns[0].multiselect(
        "GPU", sorted({o.gpu for o in offers}), format_func=tables.gpu_name, key="f_gpu"
    )
    seller = columns[1].multiselect("Seller", sorted({o.seller for o in offers}), key="f_seller")
    zone = columns[2].multiselect("Zone", sorted({o.zone for o in offers if o.zone}), key="f_zone")
    terms = columns[3].multiselect("Term", sorted({o.term for o in offers}), format_func=term, key="f_term")
    found = here.catalog.filter(
        gpus=gpu or None, sellers=seller or None, zones=zone or None, terms=terms or None
    )
    ranked = api.prices(found, as_of=session.today())
    table = market.offers(ranked)
    st.caption(
        f"{len(table):,} offers, cheapest GPU-hour first"
        + (f"; the first {MOST_ROWS} are shown, the file has all" if len(table) > MOST_ROWS else "")
        + "."
    )
    st.dataframe(
        table.head(MOST_ROWS),
        hide_index=True,
        key="catalogue",
        alt="Offers, cheapest GPU-hour first",
        column_config={c: st.column_config.NumberColumn(format="$%.3f") for c in ("$/GPU-hour", "$/hour")},
    )
    st.download_button(
        "Offers as CSV",
        data=lambda: api.render(offer_list(ranked), "csv"),
        file_name="prices.csv",
        mime="text/csv",
        on_click="ignore",
        key="download_prices",
        help="The bytes of `planner prices show --format csv` with these filters.",
    )


def _own(here: Now) -> None:
    """An editable table of `[[prices]]`, seeded with the offers of the plan."""
    st.markdown("Put in what you were quoted; it overrides the same offer of the list. The plan answers when you "
                "apply. Own prices stay in this session and in no link.")  # fmt: skip
    given = here.question.local.get("prices") or here.question.base().document().get("prices") or []
    rows: list[dict[str, Any]] = [dict(row) for row in given]
    if not rows and here.baseline.plan is not None:
        for p in here.baseline.plan.placements:
            o = p.offer
            if p.term not in ("owned", "api"):
                rows.append({"seller": o.seller, "instance": o.instance, "region": o.region, "term": o.term,
                             "usd_per_hour": o.usd_per_hour})  # fmt: skip
    table = pd.DataFrame(rows, columns=OWN).astype({"usd_per_hour": "float64", "gpu_count": "float64"})
    for text in ("seller", "instance", "region", "term", "gpu", "country"):
        table[text] = table[text].astype("object")
    edited = st.data_editor(
        table, key=f"own_prices:{here.question.private}", num_rows="dynamic", hide_index=True, alt="Your own prices",
        column_config={
            "usd_per_hour": st.column_config.NumberColumn("$/hour, whole instance", min_value=0.0, format="%.3f"),
            "term": st.column_config.SelectboxColumn("term", options=list(RENTED)),
            "gpu_count": st.column_config.NumberColumn("GPUs", min_value=1, step=1),
        },
    )  # fmt: skip
    left, right = st.columns(2)
    if left.button("Plan with these prices", type="primary", key="apply_prices"):
        _apply(edited)
    if here.question.local.get("prices") and right.button("Back to list prices", key="drop_prices"):
        session.ask(here.question.with_local({"prices": None}))
        st.rerun()
    if here.question.local.get("prices"):
        st.success("Your prices are in force.", icon=":material/attach_file:")


def _apply(edited: pd.DataFrame) -> None:
    rows = []
    for record in edited.to_dict("records"):
        row = {str(k): v for k, v in record.items() if not pd.isna(v) and v != ""}
        if "gpu_count" in row:
            row["gpu_count"] = int(row["gpu_count"])
        if row:
            rows.append(row)
    new = session.question().with_local({"prices": rows or None})
    try:
        scenario_of(new, repriced(new, None))
    except PlannerError as error:
        st.error(f"Not applied: {panels.plain(str(error))}", icon=":material/edit_off:")
        return
    session.ask(new)
    st.rerun()


def _own_or_rent(here: Now) -> None:
    gpus = sorted({o.gpu for o in here.catalog.offers})
    first = next((p.gpu for p in here.plan.placements if p.gpu in gpus), gpus[0]) if here.plan else gpus[0]
    columns = st.columns(3)
    gpu = columns[0].selectbox(
        "GPU", gpus, index=gpus.index(first), format_func=tables.gpu_name, key="own_gpu"
    )
    purchase = columns[1].number_input("Purchase, $ per GPU with its share of the host", min_value=1.0, value=None,
                                       placeholder="as assumed, if known", key="own_purchase")  # fmt: skip
    power = columns[2].number_input("Electricity, $ per kWh", 0.0, 10.0, 0.15, step=0.01, key="own_power")
    try:
        curve = api.own_cost(gpu, purchase_usd=purchase, electricity_usd_per_kwh=power, catalog=here.catalog)
    except Exception as error:
        st.info(f"{panels.plain(failure(error).said)}", icon=":material/info:")
        return
    even = curve.break_even
    st.markdown(f"**Owning is cheaper above {100 * even:.0f} % use.**" if even is not None
                else "**Renting is cheaper at any use** (or no rent is known).")  # fmt: skip
    table = market.owning(curve)
    panels.show_chart(
        charts.owning(table), table, name="owning", says="Cost of a useful hour, owned and rented"
    )
    with st.expander("Assumptions of owning"):
        for a in curve.assumptions:
            st.markdown(f"- {panels.plain(str(a))}")


def _history(here: Now) -> None:
    gpus = sorted({o.gpu for o in here.catalog.offers})
    gpu = st.selectbox("GPU", gpus, format_func=tables.gpu_name, key="history_gpu",
                       index=gpus.index("h100_sxm") if "h100_sxm" in gpus else 0)  # fmt: skip
    try:
        points = api.price_history(gpu)
    except Exception as error:
        st.info(panels.plain(failure(error).said), icon=":material/info:")
        return
    if not points:
        st.info(
            "No fetched prices yet: `planner prices refresh` fetches today's and every refresh adds a day here.",
            icon=":material/history:",
        )
        return
    table = market.history(points)
    panels.show_chart(charts.history(table), table, name="history", says="Stored prices by day")
