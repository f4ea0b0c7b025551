"""The documented traps of each seller: which rows are the price, and what they add up to."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from planner.pricing.providers.oci import gpu_of
from planner.pricing.providers.skypilot import memory_of


def prices(result: Any) -> dict[tuple[str, str], float]:
    assert result.status == "ok", result.message
    return {(offer.instance, offer.term): offer.usd_per_hour for offer in result.offers}


def test_azure_keeps_two_of_six_rows_of_a_size_and_reservations_by_the_hour(asking: Any, kit: Any) -> None:
    case = kit.cases["azure"]
    documents = case.fresh()
    (document,) = documents.values()
    linux = document["Items"][0]
    windows = linux | {"productName": "Virtual Machines ND Series Windows"}
    year = linux | {"type": "Reservation", "reservationTerm": "1 Year", "retailPrice": 8760 * 60.0}
    document["Items"] = [
        linux, linux | {"meterName": "ND96isr H100 v5 Spot", "retailPrice": 40.0},
        linux | {"meterName": "ND96isr H100 v5 Low Priority", "retailPrice": 20.0},
        windows | {"retailPrice": 101.0}, windows | {"meterName": "ND96isr Spot", "retailPrice": 44.0},
        windows | {"meterName": "ND96isr Low Priority", "retailPrice": 21.0},
        linux | {"productName": "NDv5 Series Cloud Services", "retailPrice": 1.0},
        linux | {"type": "DevTestConsumption", "retailPrice": 2.0},
        linux | {"armSkuName": "Standard_D2s_v5", "retailPrice": 0.1},
        linux | {"armSkuName": "Standard_NP10s", "retailPrice": 1.65},
        year, year | {"reservationTerm": "5 Years", "retailPrice": 1.0},
    ]  # fmt: skip
    result = asking.result(case, kit.serving(case, documents))
    size = "Standard_ND96isr_H100_v5"
    assert prices(result) == {(size, "on_demand"): 98.32, (size, "spot"): 40.0, (size, "committed_1y"): 60.0}
    assert {(o.gpu, o.gpu_count, o.country) for o in result.offers} == {("h100_sxm", 8.0, "US")}
    assert result.quarantined == ()


def test_azure_zero_priced_placeholders_do_not_become_the_cheapest(asking: Any, kit: Any) -> None:
    case = kit.cases["azure"]
    documents = case.fresh()
    (document,) = documents.values()
    document["Items"].append(document["Items"][0] | {"retailPrice": 0.0})
    result = asking.result(case, kit.serving(case, documents))
    assert prices(result)["Standard_ND96isr_H100_v5", "on_demand"] == 98.32
    assert [row.reason for row in result.quarantined] == ["price_not_positive: 0.0"]


def test_aws_drops_the_kinds_of_price_that_are_not_rented_by_the_hour(asking: Any, kit: Any) -> None:
    case = kit.cases["aws"]
    documents = case.fresh()
    (rows,) = documents.values()
    del rows[2:]
    plain = rows[0]
    reserved = plain | {"TermType": "Reserved", "LeaseContractLength": "1yr", "PurchaseOption": "No Upfront",
                        "OfferingClass": "standard", "PricePerUnit": "36.00"}  # fmt: skip
    rows += [
        plain | {"Tenancy": "Dedicated", "PricePerUnit": "60.0"}, plain | {"Operating System": "Windows"},
        plain | {"CapacityStatus": "UnusedCapacityReservation"}, plain | {"Pre Installed S/W": "SQL Std"},
        plain | {"MarketOption": "Auction", "PricePerUnit": "1.0"}, plain | {"Unit": "Quantity"},
        reserved, reserved | {"OfferingClass": "convertible", "PricePerUnit": "40.0"},
        reserved | {"LeaseContractLength": "5yr"}, reserved | {"PurchaseOption": "Heavy Utilization"},
        plain | {"Instance Type": "m5.large", "GPU": "", "PricePerUnit": "0.096"},
    ]  # fmt: skip
    result = asking.result(case, kit.serving(case, documents))
    assert prices(result) == {("p5.48xlarge", "on_demand"): 55.04, ("p5.48xlarge", "committed_1y"): 36.0,
                              ("g6.xlarge", "on_demand"): 0.8048}  # fmt: skip
    assert result.quarantined == ()
    assert all(offer.host_memory_gib == 2048.0 for offer in result.offers)


def test_aws_reads_the_lists_of_the_regions_asked_for(asking: Any, kit: Any) -> None:
    case = kit.cases["aws"]
    (rows,) = case.fresh().values()
    held = {f"/offers/v1.0/aws/AmazonEC2/current/{r}/index.csv": [x | {"Region Code": r} for x in rows]
            for r in ("eu-west-1", "us-west-2")}  # fmt: skip

    def app(asked: Any) -> Any:
        content_type, body = kit.samples.render("aws", held[asked.path])
        return kit.Answer(body, content_type)

    asked = kit.samples.Case(**{**vars(case), "env": {"PLANNER_AWS_REGIONS": "eu-west-1, us-west-2"}})
    assert {offer.region for offer in asking.result(asked, app).offers} == {"eu-west-1", "us-west-2"}


def test_aws_region_without_a_list_is_named(asking: Any, kit: Any) -> None:
    case = kit.cases["aws"]
    asked = kit.samples.Case(**{**vars(case), "env": {"PLANNER_AWS_REGIONS": "us-east-9"}})
    message = asking.result(asked, lambda asked: kit.Answer(status=404)).message
    assert message == "aws: HTTP 404 for the list of region 'us-east-9' (PLANNER_AWS_REGIONS)"


def test_aws_header_without_its_quotes_or_place_is_named(asking: Any, kit: Any) -> None:
    case = kit.cases["aws"]
    answer = kit.Answer(b'"FormatVersion","v1.0"\n' * 40, "text/csv")
    assert asking.result(case, lambda asked: answer).message.startswith("aws.SKU")


def test_aws_spot_keeps_the_cheapest_zone_and_skips_a_region_not_enabled(asking: Any, kit: Any) -> None:
    case = kit.cases["aws_spot"]
    documents = case.fresh()
    items = documents["/"]["items"]
    items.append(items[0] | {"availabilityZone": "us-east-1b", "spotPrice": "19.70"})
    items.append(items[0] | {"productDescription": "Windows", "spotPrice": "1.70"})
    serve = kit.serving(case, documents)

    def app(asked: Any) -> Any:
        refused = "ap-east-1" in asked.headers.get("authorization", "")
        return kit.Answer(status=401) if refused else serve(asked)

    env = {**case.env, "PLANNER_AWS_REGIONS": "ap-east-1,us-east-1"}
    result = asking.result(kit.samples.Case(**{**vars(case), "env": env}), app)
    assert prices(result) == {("p5.48xlarge", "spot"): 19.7, ("g6.xlarge", "spot"): 0.31}
    assert "zone:us-east-1b" in result.offers[-1].flags or "zone:us-east-1b" in result.offers[0].flags
    assert [(row.row, row.reason) for row in result.quarantined] == [
        ("aws_spot ap-east-1", "region_refused: HTTP 401")
    ]


def test_aws_spot_refuses_documents_with_entities(asking: Any, kit: Any) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><x>&a;</x>'
    result = asking.result(kit.cases["aws_spot"], lambda asked: kit.Answer(bomb, "text/xml"))
    assert result.message == "aws_spot.document: has a DOCTYPE"


def test_gcp_sums_vm_and_gpu_and_leaves_out_what_lacks_a_part(asking: Any, kit: Any) -> None:
    case = kit.cases["gcp"]
    result = asking.result(case)
    listed = prices(result)
    # 4 vCPU, 16 GiB, 1 L4
    assert listed["g2-standard-4", "on_demand"] == pytest.approx(4 * 0.024988 + 16 * 0.002927 + 0.56004)
    assert listed["a4-highgpu-8g", "on_demand"] == 80.0
    documents = case.fresh()
    (document,) = documents.values()
    document["skus"] = document["skus"][:3]
    without_ram = asking.result(case, kit.serving(case, documents))
    assert set(prices(without_ram)) == {("a4-highgpu-8g", "on_demand")}
    assert {row.reason for row in without_ram.quarantined} == {"part_without_price: ram g2"}


def test_gcp_drops_calendar_reserved_and_sole_tenant_kinds(asking: Any, kit: Any) -> None:
    case = kit.cases["gcp"]
    documents = case.fresh()
    (document,) = documents.values()
    cheap = copy.deepcopy(document["skus"][1])
    cheap["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"]["nanos"] = 100000000
    for words in (
        "Reserved Nvidia L4 GPU running in Americas",
        "Nvidia L4 GPU running in Americas DWS Calendar Mode",
        "Commitment v1: Nvidia L4 GPU running in Americas",
        "Nvidia L4 GPU running in Sole Tenancy",
    ):
        document["skus"].append({**copy.deepcopy(cheap), "description": words})
    assert asking.result(case, kit.serving(case, documents)).offers == asking.result(case).offers


def test_gcp_parts_in_euros_are_converted_and_mixed_currencies_are_not(asking: Any, kit: Any) -> None:
    case = kit.cases["gcp"]
    documents = case.fresh()
    rows = case.rows(documents)
    kit.samples.put(rows[1], case.currency, "EUR")
    mixed = asking.result(case, kit.serving(case, documents))
    assert {offer.instance for offer in mixed.offers} == {"a4-highgpu-8g"}
    assert all(row.reason.startswith("unknown_currency") for row in mixed.quarantined)
    for row in rows:
        kit.samples.put(row, case.currency, "EUR")
    euros = prices(asking.result(case, kit.serving(case, documents)))
    assert euros["a4-highgpu-8g", "on_demand"] == pytest.approx(80 * 1.1699)


def test_gcp_full_page_without_a_token_is_a_cut_off_walk(asking: Any, kit: Any) -> None:
    case = kit.cases["gcp"]
    documents = case.fresh()
    (document,) = documents.values()
    document["skus"] = document["skus"][:1] * 5000
    message = asking.result(case, kit.serving(case, documents)).message
    assert message == "gcp.nextPageToken: is missing after a full page"


def test_runpod_prices_grow_with_the_count_and_communities_are_marketplaces(asking: Any, kit: Any) -> None:
    case = kit.cases["runpod"]
    documents = case.fresh()
    documents["/graphql"]["data"]["gpuTypes"][0] |= {
        "communityCloud": True,
        "communityPrice": 2.0,
        "maxGpuCount": 1,
    }
    result = asking.result(case, kit.serving(case, documents))
    listed = prices(result)
    assert listed["2x RTX 4090 (secure)", "on_demand"] == pytest.approx(2 * 0.69)
    assert ("2x H100 SXM (secure)", "on_demand") not in listed
    community = next(offer for offer in result.offers if "community" in offer.instance)
    assert (community.usd_per_hour, community.flags) == (2.0, ("marketplace", "country_unknown"))


def test_runpod_refusal_inside_a_200_is_told(asking: Any, kit: Any) -> None:
    body = b'{"errors": [{"message": "Cannot query field \\"securePrice\\" on type GpuType"}], "data": null}'
    message = asking.result(kit.cases["runpod"], lambda asked: kit.Answer(body)).message
    assert message.startswith("runpod: the query was refused: ")
    assert "securePrice" in message


def test_vast_adds_the_disk_and_shares_the_host_memory(asking: Any, kit: Any) -> None:
    result = asking.result(kit.cases["vast"])
    disk = 100 * 0.15 / 720
    assert prices(result)["1x H100 SXM #11", "on_demand"] == pytest.approx(2.2 + disk, abs=1e-6)
    assert prices(result)["1x H100 SXM #11", "spot"] == pytest.approx(1.1 + disk, abs=1e-6)
    offer = result.offers[0]
    assert offer.host_memory_gib == pytest.approx(257 / 4)
    assert (offer.availability, offer.country) == (1.0, "CA")


def test_lambda_type_without_capacity_is_a_price_and_no_machine(asking: Any, kit: Any) -> None:
    case = kit.cases["lambda"]
    documents = case.fresh()
    for kind in case.rows(documents):
        kind["regions_with_capacity_available"] = []
    result = asking.result(case, kit.serving(case, documents))
    assert {(offer.availability, offer.region) for offer in result.offers} == {(0.0, None)}
    assert all("no_stock_when_fetched" in offer.flags for offer in result.offers)


def test_lambda_description_tells_the_form_factor(asking: Any, kit: Any) -> None:
    assert {offer.gpu for offer in asking.result(kit.cases["lambda"]).offers} == {"h100_sxm", "a10"}


def test_nebius_page_gives_preemptible_before_on_demand(asking: Any, kit: Any) -> None:
    assert prices(asking.result(kit.cases["nebius"])) == {
        ("1x H100 SXM (spot)", "spot"): 2.15, ("1x H100 SXM (on-demand)", "on_demand"): 3.85,
        ("1x B200 (spot)", "spot"): 3.95, ("1x B200 (on-demand)", "on_demand"): 7.15,
    }  # fmt: skip


def test_nebius_cards_with_two_kinds_of_host_are_two_machines(asking: Any, kit: Any) -> None:
    page = (
        "<nav>L40S HGX H100</nav><tr><td>NVIDIA L40S with AMD CPU<td>$0.74<td>$1.55</tr>"
        "<tr><td>NVIDIA L40S with Intel CPU<td>$0.80<td>$1.82</tr><tr><td>NVIDIA HGX H100<td>$2.15<td>$3.85</tr>"
    )
    result = asking.result(kit.cases["nebius"], lambda asked: kit.Answer(page.encode(), "text/html"))
    listed = {name: price for (name, term), price in prices(result).items() if term == "on_demand"}
    assert listed == {"1x L40S AMD (on-demand)": 1.55, "1x L40S Intel (on-demand)": 1.82,
                      "1x H100 SXM (on-demand)": 3.85}  # fmt: skip
    assert result.quarantined == ()


def test_nebius_prices_the_other_way_round_do_not_pass(asking: Any, kit: Any) -> None:
    case = kit.cases["nebius"]
    documents = case.fresh()
    documents["/prices"] = [documents["/prices"][0], {"gpu": "HGX B200", "spot": "7.15", "on_demand": "3.95"}]
    result = asking.result(case, kit.serving(case, documents))
    assert {offer.gpu for offer in result.offers} == {"h100_sxm"}
    assert [row.reason for row in result.quarantined] == [
        "shape: nebius.prices: B200: the first is no preemptible price, it is above the second"
    ]


def test_oci_price_is_per_gpu_and_preemptible_is_half(asking: Any, kit: Any) -> None:
    case = kit.cases["oci"]
    documents = case.fresh()
    shapes = documents["/a/ocom/docs/cloudestimator2/data/shapes.json"]["items"]
    shapes[1]["allowPreemptible"] = True
    shapes.append(shapes[0] | {"name": "BM.GPU.Z9.8 (NVL72)"})
    shapes.append(shapes[0] | {"name": "BM.GPU.H200.8", "hidden": True})
    shapes.append({**shapes[0], "name": "VM.Standard.E4.Flex", "gpuQty": None})
    result = asking.result(case, kit.serving(case, documents))
    assert prices(result) == {("BM.GPU.H100.8", "on_demand"): 80.0, ("VM.GPU.A10.1", "on_demand"): 2.0,
                              ("VM.GPU.A10.1", "spot"): 1.0}  # fmt: skip
    assert [row.reason.split(":")[0] for row in result.quarantined] == ["unknown_gpu"]


@pytest.mark.parametrize(
    ("shape", "gpu"),
    [
        ("BM.GPU.A100-v2.8", "A100"),
        ("VM.GPU2.1", "P100"),
        ("BM.GPU.RTXPRO.8", "RTX PRO 6000 Server"),
        ("BM.E5", None),
    ],
)
def test_oci_shapes_are_named_after_their_gpu(shape: str, gpu: str | None) -> None:
    assert gpu_of(shape) == gpu


def test_verda_type_with_only_a_spot_price_is_a_spot_offer(asking: Any, kit: Any) -> None:
    case = kit.cases["verda"]
    documents = case.fresh()
    documents["/v1/instance-types"][0] |= {"price_per_hour": None, "spot_price": "0.80"}
    result = asking.result(case, kit.serving(case, documents))
    assert prices(result) == {("1H100.80S.30V", "spot"): 0.8, ("1L40S.20V", "on_demand"): 0.9}


def test_verda_memory_is_the_sum_over_the_gpus(asking: Any, kit: Any) -> None:
    case = kit.cases["verda"]
    documents = case.fresh()
    documents["/v1/instance-types"][0] |= {"instance_type": "8H100.80S.176V", "gpu_memory": {"size_in_gigabytes": 640},
                                           "gpu": {"description": "8x H100 SXM5 80GB", "number_of_gpus": 8},
                                           "price_per_hour": "18.32"}  # fmt: skip
    (offer,) = (o for o in asking.result(case, kit.serving(case, documents)).offers if o.gpu_count == 8)
    assert (offer.gpu, offer.gpu_memory_gib, offer.usd_per_gpu_hour) == ("h100_sxm", 80.0, 2.29)


def test_vultr_counts_cards_by_memory_and_bare_metal_by_name(asking: Any, kit: Any) -> None:
    case = kit.cases["vultr"]
    documents = case.fresh()
    plans = documents["/v2/plans"]["plans"]
    plans[1] |= {"id": "vcg-a40-half", "gpu_vram_gb": 24, "hourly_cost": 0.86}
    plans.append(plans[0] | {"id": "vcg-odd", "gpu_vram_gb": 70})
    metal = {"id": "vbm-64c-2048gb-8-l40s-gpu", "cpu_count": 64, "ram": 2097152, "monthly_cost": 7300,
             "locations": ["ord"]}  # fmt: skip
    documents["/v2/plans-metal"]["plans_metal"] = [metal, metal | {"id": "vbm-4c-32gb"}]
    result = asking.result(case, kit.serving(case, documents))
    counted = {offer.instance: (offer.gpu_count, offer.usd_per_hour) for offer in result.offers}
    assert counted == {
        "vcg-l40s-16c-180g-48vram": (1.0, 1.671), "vcg-a40-half": (0.5, 0.86),
        "vbm-64c-2048gb-8-l40s-gpu": (8.0, 10.0),
    }  # fmt: skip
    assert ["cards" in row.reason for row in result.quarantined] == [True]


def test_digitalocean_size_sold_nowhere_is_no_offer(asking: Any, kit: Any) -> None:
    case = kit.cases["digitalocean"]
    documents = case.fresh()
    documents["/v2/sizes"]["sizes"][1]["regions"] = []
    assert len(asking.result(case, kit.serving(case, documents)).offers) == 1


def test_shadeform_rows_are_broker_rows_of_places_that_have_them(asking: Any, kit: Any) -> None:
    case = kit.cases["shadeform"]
    documents = case.fresh()
    documents["/v1/instances/types"]["instance_types"][1]["availability"][0]["available"] = False
    (offer,) = asking.result(case, kit.serving(case, documents)).offers
    assert (offer.instance, offer.usd_per_hour, offer.country) == ("lambdalabs_H100-sxm5", 4.29, "US")
    assert "broker" in offer.flags


@pytest.mark.parametrize(
    ("info", "gpu", "count", "gib"),
    [
        ("{'Gpus': [{'MemoryInfo': {'SizeInMiB': 655360}}]}", "H100 SXM", 8, 80.0),
        ("{'Gpus': [{'MemoryInfo': {'SizeInMiB': 80}}]}", "H100 SXM", 8, 80.0),
        ("{'Gpus': [{'MemoryInfo': {'SizeInMiB': 81920}}]}", "H100 SXM", 8, 80.0),
        ("{'Gpus': [{'MemoryInfo': {'SizeInMiB': 17}}]}", "H100 SXM", 8, None),
        ("", "H100 SXM", 8, None),
        ("[" * 5000, "H100 SXM", 1, None),
        ("__import__('os').system('true')", "H100 SXM", 1, None),
    ],
    ids=["sum", "gib", "each", "none", "empty", "deep", "code"],
)
def test_skypilot_memory_is_read_in_the_unit_that_fits(info: str, gpu: str, count: float, gib: Any) -> None:
    assert memory_of(info, gpu, count) == gib


def test_skypilot_zones_become_the_cheapest_and_zero_spot_is_none(asking: Any, kit: Any) -> None:
    case = kit.cases["skypilot"]
    documents = case.fresh()
    rows = case.rows(documents)
    rows[0] |= {"SpotPrice": "0.00"}
    rows[1] |= {"SpotPrice": "0.50"}
    rows.append(rows[1] | {"SpotPrice": "0.40"})
    listed = prices(asking.result(case, kit.serving(case, documents)))
    assert listed == {
        ("n3-H100x1", "on_demand"): 1.9,
        ("n3-L40x1", "on_demand"): 1.0,
        ("n3-L40x1", "spot"): 0.4,
    }


def test_skypilot_file_that_cannot_be_had_is_named_and_the_others_stay(asking: Any, kit: Any) -> None:
    case = kit.cases["skypilot"]
    serve = kit.serving(case)
    result = asking.result(
        case, lambda asked: kit.Answer(status=404) if "ibm" in asked.path else serve(asked)
    )
    assert (result.status, len(result.offers)) == ("ok", 2)
    assert [(row.row, row.reason) for row in result.quarantined] == [
        ("skypilot ibm", "file: skypilot: HTTP 404 from 127.0.0.1")
    ]


def test_gpuhunt_calendar_mode_rows_are_no_on_demand_prices(asking: Any, kit: Any) -> None:
    case = kit.cases["gpuhunt"]
    documents = case.fresh()
    case.rows(documents)[1]["flags"] = "gcp-dws-calendar-mode"
    assert len(asking.result(case, kit.serving(case, documents)).offers) == 1


def test_gpuhunt_archive_with_two_tables_is_refused(asking: Any, kit: Any) -> None:
    import io
    import zipfile

    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "y")
    answer = kit.Answer(body.getvalue(), "application/zip")
    message = asking.result(kit.cases["gpuhunt"], lambda asked: answer).message
    assert message == "gpuhunt: archive has 2 CSV files, not one"


@pytest.mark.parametrize("ending", ["json", "csv"])
def test_contract_prices_are_read_from_a_file_too(ending: str, asking: Any, kit: Any, tmp_path: Any) -> None:
    case = kit.cases["contract"]
    (rows,) = case.fresh().values()
    path = tmp_path / f"mine.{ending}"
    path.write_bytes(kit.samples.render(ending, rows)[1])
    asked = kit.samples.Case(**{**vars(case), "env": {"PLANNER_CONTRACT_PRICES": str(path)}})
    result = asking.result(asked)
    assert prices(result) == {("p5.48xlarge", "committed_1y"): 38.0, ("my-l40s-box", "committed_1y"): 8.0}
    assert result.offers[0].licence == "the user's own"


HEADER = "seller,instance,gpu,gpu_count,term"
WRONG_COLUMNS = {
    "empty": ("", "contract.seller: column is missing"),
    "renamed": (
        f"{HEADER},price_per_hr\na,b,L4,1,spot,1\n",
        "contract.price_per_hour: column is missing (there is 'price_per_hr')",
    ),
    "typing error": (
        f"{HEADER},price_per_hour,regio\na,b,L4,1,spot,1,x\n",
        "contract.regio: is not known (did you mean region?); no row could be read",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_COLUMNS)
def test_contract_file_with_a_wrong_column_says_which(
    wrong: str, asking: Any, kit: Any, tmp_path: Any
) -> None:
    text, says = WRONG_COLUMNS[wrong]
    path = tmp_path / "mine.csv"
    path.write_text(text)
    asked = kit.samples.Case(**{**vars(kit.cases["contract"]), "env": {"PLANNER_CONTRACT_PRICES": str(path)}})
    assert asking.result(asked).message == says


def test_contract_with_an_unknown_term_is_quarantined(asking: Any, kit: Any) -> None:
    case = kit.cases["contract"]
    documents = case.fresh()
    case.rows(documents)[1]["term"] = "for_ever"
    result = asking.result(case, kit.serving(case, documents))
    assert [row.reason for row in result.quarantined] == ["unknown_term: 'for_ever'"]
