"""`planner prices`: shipped answers, a store filled from a file of one's own, and what it says when it cannot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from planner import api
from planner.cli import app
from planner.errors import InputError
from planner.pricing.offer import COLUMNS

Run = Callable[..., Result]
CONTRACT = """\
seller,instance,gpu,gpu_count,term,price_per_hour,region
acme,8x-h100,H100 SXM,8,on_demand,{price},fra
acme,8x-h100,H100 SXM,8,spot,{spot},fra
acme,one,H900,1,on_demand,2,fra
acme,cheap,H100 SXM,1,on_demand,0.01,fra
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The program with a data folder of its own and no key of any provider."""
    from planner.pricing.providers.registry import PROVIDERS

    for name in {name for provider in PROVIDERS.values() for name in provider.needs}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLANNER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")

    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["prices", *arguments])
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def fetched(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The same with one refresh from a contract file behind it."""
    file = tmp_path / "mine.csv"
    file.write_text(CONTRACT.format(price=16, spot=8))
    monkeypatch.setenv("PLANNER_CONTRACT_PRICES", str(file))
    run("refresh", "--provider", "contract")
    return run


def rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_the_shipped_snapshot_answers_with_seller_region_term_price_date_and_age(run: Run) -> None:
    page = run("show", "--gpu", "h100_sxm", "--as-of", "2026-11-22").stdout
    for word in ("Seller", "Where", "Term", "$/GPU-hour", "As of", "2026-08-22", "vast"):
        assert word in page
    assert "warning: of 117 prices 27 older than 30 days (the oldest 182) and 90 undated" in page


def test_csv_and_json_carry_every_column_and_the_age(run: Run) -> None:
    wanted = ("show", "--gpu", "h100_sxm", "--as-of", "2026-11-22")
    table = run(*wanted, "--format", "csv")
    listed = json.loads(run(*wanted, "--format", "json").stdout)
    assert tuple(rows(table)[0]) == COLUMNS
    assert len(listed) == len(rows(table))
    assert {row["age_days"] for row in listed if row["as_of"] == "2026-08-22"} == {92}
    assert "older than 30 days" in table.stderr


def test_fresh_prices_carry_no_warning(run: Run) -> None:
    page = run("show", "--seller", "akamai", "--as-of", "2026-08-23")
    assert "oldest 1 day old" in page.output
    assert "warning" not in page.output


def test_what_a_dollar_buys_ranks_the_offers(run: Run) -> None:
    found = rows(run("show", "--per", "gib", "--per", "tflops", "--format", "csv"))
    figures = [float(row["usd_per_gib_hour"]) for row in found]
    assert figures == sorted(figures)
    assert {row["tflops_basis"] for row in found} >= {"measured", "datasheet"}
    page = run("show", "--gpu", "h100_sxm", "--cheapest", "2", "--per", "tflops").stdout
    assert "$/TFLOPS-h" in page
    assert "measured: the fastest matrix product in our tables" in page


def test_an_unknown_unit_is_refused_in_one_line(run: Run) -> None:
    said = run("show", "--per", "watt", code=5).stderr
    assert said == "planner: per: 'watt' is not known (one of gpu, gib, tbps, tflops, co2)\n"


def test_a_refresh_says_how_each_provider_did_and_where_it_is_kept(fetched: Run) -> None:
    states = rows(fetched("refresh", "--provider", "contract", "--provider", "gcp", "--format", "csv"))
    assert [(s["provider"], s["status"], s["offers"], s["quarantined"]) for s in states] == [
        ("contract", "ok", "2", "2"), ("gcp", "skipped", "0", "0"),
    ]  # fmt: skip
    assert "needs GOOGLE_API_KEY" in states[1]["message"]


def test_skipping_everything_is_no_error_and_keeps_nothing(run: Run) -> None:
    assert "nothing was kept" in run("refresh", "--provider", "gcp").stdout
    assert "0 snapshots" in run("snapshots").stdout


def test_when_all_that_were_asked_fail_the_exit_code_is_eight(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLANNER_CONTRACT_PRICES", str(tmp_path / "nothing.csv"))
    assert "contract: nothing.csv cannot be read" in run("refresh", "--provider", "contract", code=8).stdout


def test_an_unknown_provider_is_named_with_its_neighbour(run: Run) -> None:
    assert "did you mean" in run("refresh", "--provider", "runpood", code=5).stderr


def test_fetched_prices_answer_only_when_asked_for(fetched: Run) -> None:
    assert "acme" not in fetched("show", "--gpu", "h100_sxm").stdout
    assert rows(fetched("show", "--seller", "acme", "--prices", "store", "--format", "csv"))
    assert api.load_catalog().digest == api.load_catalog("shipped").digest != api.load_catalog("store").digest


def test_the_store_of_an_earlier_day_is_the_shipped_catalogue(fetched: Run) -> None:
    assert api.load_catalog("store@2026-08-22").digest == api.load_catalog().digest


def test_the_store_follows_its_option_and_a_file_is_still_a_file(fetched: Run, tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    fetched("refresh", "--provider", "contract", "--store", elsewhere)
    assert "2 snapshots" in fetched("snapshots", "--store", elsewhere).stdout
    own = tmp_path / "own.csv"
    own.write_text("seller,instance,gpu,gpu_count,term,usd_per_hour\nme,x,h100_sxm,1,on_demand,1\n")
    assert [row["seller"] for row in rows(fetched("show", "--prices", str(own), "--format", "csv"))] == ["me"]


def test_diff_tells_moved_new_and_gone(fetched: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(CONTRACT.format(price=40, spot=8).replace("8x-h100", "8x-h200", 0))
    first = json.loads(fetched("snapshots", "--format", "json").stdout)[0]["id"]
    fetched("refresh", "--provider", "contract")
    (change,) = rows(fetched("diff", first, "store", "--format", "csv"))
    assert (change["change"], change["percent"], change["suspicious"]) == (
        "moved",
        "150",
        "more than doubled",
    )
    page = fetched("diff", "shipped", "store", "--gpu", "h100_sxm").stdout
    assert "0 moved, 2 new, 0 gone" in page


def test_history_has_a_row_per_day_and_a_chart(fetched: Run) -> None:
    pytest.importorskip("duckdb")
    page = fetched("history", "H100 SXM", "--term", "on_demand").stdout
    assert "on demand, low: " in page
    assert set("▁█") <= set(page)
    points = json.loads(fetched("history", "h100_sxm", "--since", "2026-09-01", "--format", "json").stdout)
    assert {point["sellers"] for point in points} == {1}


def test_history_without_a_store_says_how_to_get_one(run: Run) -> None:
    assert "no snapshot (fetch one: planner prices refresh)" in run("history", "h100_sxm", code=5).stderr


def test_the_quarantine_is_read_overridden_and_restored(fetched: Run) -> None:
    held = {row["label"]: row for row in rows(fetched("quarantine", "--format", "csv"))}
    assert {row["reason"] for row in held.values()} == {"price_out_of_band", "unknown_gpu"}
    cheap = next(row["id"] for row in held.values() if row["usd_per_gpu_hour"] == "0.01")
    unknown = next(row["id"] for row in held.values() if row["reason"] == "unknown_gpu")
    offers = ("show", "--seller", "acme", "--prices", "store", "--format", "csv")
    assert len(rows(fetched(*offers))) == 2
    assert "say why" in fetched("quarantine", "--accept", cheap, code=5).stderr
    fetched("quarantine", "--accept", cheap, "--because", "invoice 7")
    taken = next(row for row in rows(fetched(*offers)) if row["instance"] == "cheap")
    assert "accepted_from_quarantine" in taken["flags"]
    fetched("quarantine", "--revoke", cheap, "--because", "they raised it")
    assert len(rows(fetched(*offers))) == 2
    assert (
        "never became an offer" in fetched("quarantine", "--accept", unknown, "--because", "x", code=5).stderr
    )


def test_owning_shows_parts_range_break_even_and_every_assumption(run: Run) -> None:
    asked = (
        "own",
        "rtx_4090",
        "--purchase",
        "2600",
        "--electricity",
        "0.15",
        "--rent",
        "0.3",
        "--country",
        "DE",
    )
    page = run(*asked, "--assume", "residual_usd=500").stdout
    assert "above 56% use" in " ".join(page.split())
    for word in ("$1.36", "GeForce driver terms", "g CO2/kWh", "discount_rate 0.08 (0.08 to 0.12)"):
        assert word in page
    points = json.loads(run(*asked, "--format", "json").stdout)
    parts = ("capital", "maintenance", "spares", "hosting", "electricity_load", "electricity_idle")
    for point in points:
        assert sum(point[part] for part in parts) == pytest.approx(point["usd_per_useful_hour"], rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("own", "rtx_4090"), "electricity: no price"),
        (("own", "h100_sxm", "--electricity", "0.1"), "h100_sxm had no public price"),
        (("own", "rtx_4090", "--electricity", "0.1", "--assume", "years"), "--assume 'years': no number"),
        (("own", "rtx_4090", "--electricity", "0.1", "--assume", "pue=0.5"), "pue: 0.5 is not from 1 to 5"),
        (("own", "rtx_4090", "--place", "Atlantis"), "'Atlantis' has no sourced price"),
        (("diff", "shipped", "store"), "no snapshot (fetch one: planner prices refresh)"),
        (("show", "--prices", "store@soon"), "'soon' is neither a day nor a snapshot"),
        (("quarantine", "--accept", "a", "--revoke", "b"), "give one of them"),
        (("snapshots", "--store", "mysql://x"), "mysql:// is not known"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_five(run: Run, arguments: tuple[str, ...], message: str) -> None:
    said = run(*arguments, code=5).stderr
    assert message in said
    assert said.count("\n") == 1


def test_terms_mark_what_nobody_publishes_as_absent(run: Run) -> None:
    aws = next(row for row in rows(run("terms", "--format", "csv")) if row["seller"] == "aws")
    assert int(aws["on_demand"]) > 100
    assert aws["interruption_rate"] == aws["committed_3y"] == "absent"


def test_hosted_models_are_priced_per_million_tokens(run: Run) -> None:
    pytest.importorskip("genai_prices")
    found = rows(
        run("tokens", "llama-3.3-70b", "--seller", "groq", "--as-of", "2026-11-22", "--format", "csv")
    )
    assert {row["seller"] for row in found} == {"groq"}
    assert all(float(row["input_usd_per_million"]) > 0 for row in found)


def test_a_url_survives_the_trip_through_a_path() -> None:
    from planner.pricebook import store_at

    assert store_at("postgresql:/db.example/prices", environ={}).location == "postgresql://db.example/prices"
    in_variable = store_at(None, environ={"PLANNER_DATA": "postgresql://db.example/prices"})
    assert in_variable.location == "postgresql://db.example/prices"


def test_without_any_setting_the_store_is_in_the_users_data(tmp_path: Path) -> None:
    from planner.pricebook import store_at

    assert "openclaw-planner" in store_at(None, environ={}).location
    assert store_at(None, environ={"PLANNER_DATA": str(tmp_path)}).location == str(tmp_path / "prices")


def test_a_bad_name_of_prices_is_an_input_error(fetched: Run) -> None:
    with pytest.raises(InputError, match="store@2026-11-01"):
        api.load_catalog("store@last week")
