"""One small answer per provider in its documented shape: two machines each, the second is the one faults hit."""

from __future__ import annotations

import copy
import csv
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

Documents = dict[str, Any]
Rows = list[dict[str, Any]]
TODAY = "2026-08-22"


@dataclass(frozen=True)
class Case:
    """How one provider is asked, what it answers, and where the fields are that the faults touch."""

    provider: str
    documents: Documents
    """By path; the query is looked at only where `pages` says so."""
    kinds: Mapping[str, str]
    rows: Callable[[Documents], Rows]
    """The listed machines inside the documents (mutable); [1] is the victim."""
    price: tuple[str, ...]
    gpu: tuple[str, ...]
    """The field that says which GPU a row has."""
    unknown: Any = "Z9000 SXM"
    currency: tuple[str, ...] = ("currency",)
    dated: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    offers: int = 2
    """From the documents as they are."""
    per_machine: int = 1
    scale: float = 1.0
    """Price units per dollar."""
    text: bool = False
    """Prices are text in this format."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Where a fault shows under another name than usual."""

    def fresh(self) -> Documents:
        return copy.deepcopy(self.documents)


def find(row: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        row = row[int(step)] if isinstance(row, list) else row[step]
    return row


def put(row: Any, path: tuple[str, ...], value: Any) -> None:
    parent = find(row, path[:-1])
    parent[int(path[-1]) if isinstance(parent, list) else path[-1]] = value


def rename(row: Any, path: tuple[str, ...], name: str) -> None:
    parent = find(row, path[:-1])
    parent[name] = parent.pop(path[-1])


def as_csv(rows: Rows, *, quote: bool = False) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([["" if row.get(n) is None else str(row.get(n)) for n in names] for row in rows])
    return text.getvalue()


def as_zip(rows: Rows) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("catalog.csv", as_csv(rows).encode("utf-8", "replace"))
    return body.getvalue()


def as_xml(document: Mapping[str, Any]) -> str:
    def item(row: Mapping[str, Any]) -> str:
        cells = "".join(f"<{n}>{escape('' if v is None else str(v))}</{n}>" for n, v in row.items())
        return f"<item>{cells}</item>"

    items = "".join(map(item, document["items"]))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<DescribeSpotPriceHistoryResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>1</requestId><spotPriceHistorySet>{items}</spotPriceHistorySet>"
        f"<nextToken>{escape(str(document['next']))}</nextToken></DescribeSpotPriceHistoryResponse>"
    )


def as_html(rows: Rows) -> str:
    def row(cells: Mapping[str, Any]) -> str:
        prices = "".join(
            f"<td>{cells.get('currency', '$')}{'' if cells[n] is None else cells[n]}</td>"
            for n in ("spot", "on_demand")
            if n in cells
        )
        return f"<tr><td>NVIDIA {cells['gpu']} with Intel CPU</td>{prices}</tr>"

    return (
        f"<html><head><script>var a = '$9.99';</script></head><table>{''.join(map(row, rows))}</table></html>"
    )


DISCLAIMER = "".join(
    f'"{name}","x"\n' for name in ("FormatVersion", "Disclaimer", "Date", "Version", "OfferCode")
)
RENDER: Mapping[str, tuple[str, Callable[[Any], bytes | str]]] = {
    "json": ("application/json", json.dumps),
    "csv": ("text/csv", as_csv),
    "aws": ("text/csv", lambda rows: DISCLAIMER + as_csv(rows, quote=True)),
    "zip": ("application/zip", as_zip),
    "xml": ("text/xml;charset=UTF-8", as_xml),
    "html": ("text/html; charset=utf-8", as_html),
}


def render(kind: str, data: Any) -> tuple[str, bytes]:
    """Content type and body."""
    content_type, write = RENDER[kind]
    body = write(data)
    return content_type, body.encode("utf-8", "replace") if isinstance(body, str) else body


def one(path: str, kind: str, data: Any) -> tuple[Documents, Mapping[str, str]]:
    return {path: data}, {path: kind}


def azure() -> Case:
    def item(size: str, price: float, **other: Any) -> dict[str, Any]:
        return {
            "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": price, "unitPrice": price,
            "armRegionName": "eastus", "effectiveStartDate": "2023-08-01T00:00:00Z", "meterName": size,
            "productName": "Virtual Machines ND Series", "skuName": size, "serviceName": "Virtual Machines",
            "unitOfMeasure": "1 Hour", "type": "Consumption", "isPrimaryMeterRegion": True,
            "armSkuName": f"Standard_{size}", **other,
        }  # fmt: skip

    items = [item("ND96isr_H100_v5", 98.32), item("NC24ads_A100_v4", 3.673), item("NC4as_T4_v3", 0.526)]
    documents, kinds = one("/api/retail/prices", "json", {"BillingCurrency": "USD", "Items": items,
                                                          "NextPageLink": None, "Count": len(items)})  # fmt: skip
    return Case(
        "azure", documents, kinds, lambda d: d["/api/retail/prices"]["Items"], price=("retailPrice",),
        gpu=("armSkuName",), unknown="Standard_ND999_v9", currency=("currencyCode",), dated=("effectiveStartDate",),
        offers=3,
    )  # fmt: skip


def aws() -> Case:
    def row(instance: str, price: str, gpus: int, **other: str) -> dict[str, Any]:
        return {
            "SKU": "ABC", "OfferTermCode": "JRTCKXETXF", "TermType": "OnDemand",
            "EffectiveDate": "2026-07-01", "LeaseContractLength": "", "PricePerUnit": price, "Currency": "USD",
            "PurchaseOption": "", "OfferingClass": "", "Unit": "Hrs", "Instance Type": instance, "vCPU": "192",
            "Memory": "2,048 GiB", "Tenancy": "Shared",
            "Operating System": "Linux", "CapacityStatus": "Used", "Pre Installed S/W": "NA", "GPU": str(gpus),
            "Region Code": "us-east-1", "MarketOption": "OnDemand", **other,
        }  # fmt: skip

    path = "/offers/v1.0/aws/AmazonEC2/current/index.csv"
    quote = {"TermType": "Reserved", "OfferTermCode": "HU7G6KETJZ", "LeaseContractLength": "1yr",
             "PurchaseOption": "Partial Upfront", "OfferingClass": "standard"}  # fmt: skip
    documents, kinds = one(path, "aws", [
        row("p5.48xlarge", "55.04", 8), row("g6.xlarge", "0.8048", 1),
        row("p5.48xlarge", "148920", 8, **quote, Unit="Quantity"), row("p5.48xlarge", "17.0", 8, **quote),
    ])  # fmt: skip
    return Case("aws", documents, kinds, lambda d: d[path], price=("PricePerUnit",), gpu=("Instance Type",),
                unknown="p99.48xlarge", currency=("Currency",), dated=("EffectiveDate",), text=True, offers=3,
                env={"PLANNER_AWS_REGIONS": "all"})  # fmt: skip


def aws_spot() -> Case:
    def row(instance: str, price: str, zone: str) -> dict[str, Any]:
        return {"instanceType": instance, "productDescription": "Linux/UNIX", "spotPrice": price,
                "timestamp": "2026-08-22T09:00:00.000Z", "availabilityZone": zone}  # fmt: skip

    items = [row("p5.48xlarge", "22.10", "us-east-1a"), row("g6.xlarge", "0.3100", "us-east-1a")]
    documents, kinds = one("/", "xml", {"items": items, "next": ""})
    return Case(
        "aws_spot", documents, kinds, lambda d: d["/"]["items"], price=("spotPrice",), gpu=("instanceType",),
        dated=("timestamp",), text=True,
        env={"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "SECRETwJalrXUtn",
             "PLANNER_AWS_REGIONS": "us-east-1"},
    )  # fmt: skip


def gcp() -> Case:
    def sku(description: str, units: str, nanos: int, *, spot: bool = False) -> dict[str, Any]:
        rate = {"startUsageAmount": 0, "unitPrice": {"currencyCode": "USD", "units": units, "nanos": nanos}}
        return {
            "name": "services/6F81-5844-456A/skus/1", "skuId": "1", "description": description,
            "category": {"serviceDisplayName": "Compute Engine", "resourceFamily": "Compute", "resourceGroup": "GPU",
                         "usageType": "Preemptible" if spot else "OnDemand"},
            "serviceRegions": ["us-central1"],
            "pricingInfo": [{"pricingExpression": {"usageUnit": "h", "tieredRates": [rate]}}],
        }  # fmt: skip

    skus = [
        sku("Nvidia B200 (1 gpu slice) running in Americas", "10", 0),
        sku("Nvidia L4 GPU running in Americas", "0", 560040000),
        sku("G2 Instance Core running in Americas", "0", 24988000),
        sku("G2 Instance Ram running in Americas", "0", 2927000),
    ]
    path = "/v1/services/6F81-5844-456A/skus"
    rate = ("pricingInfo", "0", "pricingExpression", "tieredRates", "0", "unitPrice")
    documents, kinds = one(path, "json", {"skus": skus, "nextPageToken": ""})
    return Case(
        "gcp", documents, kinds, lambda d: d[path]["skus"], price=(*rate, "units"), gpu=("description",),
        unknown="Nvidia Z9000 GPU running in Americas", currency=(*rate, "currencyCode"), text=True,
        env={"GOOGLE_API_KEY": "SECRET-google"}, offers=9, per_machine=8,
    )  # fmt: skip


def runpod() -> Case:
    def gpu(id: str, name: str, memory: int, price: float) -> dict[str, Any]:
        return {"id": id, "displayName": name, "memoryInGb": memory, "secureCloud": True, "communityCloud": False,
                "securePrice": price, "communityPrice": None, "maxGpuCount": 2}  # fmt: skip

    types = [
        gpu("NVIDIA H100 80GB HBM3", "H100 SXM", 80, 2.99),
        gpu("NVIDIA GeForce RTX 4090", "RTX 4090", 24, 0.69),
    ]
    documents, kinds = one("/graphql", "json", {"data": {"gpuTypes": types}})
    return Case("runpod", documents, kinds, lambda d: d["/graphql"]["data"]["gpuTypes"], price=("securePrice",),
                gpu=("id",), offers=4, per_machine=2)  # fmt: skip


def vast() -> Case:
    def offer(id: int, gpu: str, memory: int, price: float) -> dict[str, Any]:
        return {"id": id, "machine_id": id, "gpu_name": gpu, "num_gpus": 1, "gpu_ram": memory, "cpu_cores": 64,
                "cpu_cores_effective": 16.0, "cpu_ram": 257000, "disk_space": 500, "geolocation": "Quebec, CA",
                "dph_base": price, "dph_total": price + 0.01, "min_bid": price / 2, "storage_cost": 0.15,
                "reliability2": 0.99, "verified": True}  # fmt: skip

    offers = [offer(11, "H100 SXM", 81559, 2.2), offer(12, "RTX 4090", 24564, 0.4)]
    documents, kinds = one("/api/v0/bundles/", "json", {"offers": offers})
    return Case("vast", documents, kinds, lambda d: d["/api/v0/bundles/"]["offers"], price=("dph_base",),
                gpu=("gpu_name",), offers=4, per_machine=2)  # fmt: skip


def lambda_cloud() -> Case:
    def kind(name: str, description: str, cents: int) -> dict[str, Any]:
        return {
            "instance_type": {"name": name, "description": description, "price_cents_per_hour": cents,
                              "specs": {"vcpus": 26, "memory_gib": 225, "storage_gib": 2816}},
            "regions_with_capacity_available": [{"name": "us-west-1", "description": "California, USA"}],
        }  # fmt: skip

    data = {"gpu_1x_h100_sxm5": kind("gpu_1x_h100_sxm5", "1x H100 (80 GB SXM5)", 429),
            "gpu_1x_a10": kind("gpu_1x_a10", "1x A10 (24 GB PCIe)", 129)}  # fmt: skip
    documents, kinds = one("/api/v1/instance-types", "json", {"data": data})
    return Case(
        "lambda", documents, kinds, lambda d: [*d["/api/v1/instance-types"]["data"].values()],
        price=("instance_type", "price_cents_per_hour"), gpu=("instance_type", "description"),
        unknown="1x Z9000 (24 GB)", currency=("instance_type", "currency"), scale=100,
        env={"LAMBDA_API_KEY": "SECRET-lambda"},
    )  # fmt: skip


def nebius() -> Case:
    rows = [{"gpu": "HGX H100", "spot": "2.15", "on_demand": "3.85"}, {"gpu": "HGX B200", "spot": "3.95",
                                                                       "on_demand": "7.15"}]  # fmt: skip
    documents, kinds = one("/prices", "html", rows)
    return Case(
        "nebius", documents, kinds, lambda d: d["/prices"], price=("on_demand",), gpu=("gpu",),
        unknown="HGX Z9000", text=True, offers=4, per_machine=2,
        reasons={"null_price": "nebius.prices", "nan_price": "nebius.prices", "foreign_currency": "nebius.prices",
                 "renamed_field": "nebius.prices", "text_price": "nebius.prices"},
    )  # fmt: skip


def oci() -> Case:
    def part(number: str, price: float) -> dict[str, Any]:
        return {"partNumber": number, "displayName": number, "metricName": "GPU Per Hour",
                "currencyCodeLocalizations": [{"currencyCode": "USD",
                                               "prices": [{"model": "PAY_AS_YOU_GO", "value": price}]}]}  # fmt: skip

    def shape(name: str, number: str, count: int, memory: int) -> dict[str, Any]:
        return {"name": name, "hidden": False, "status": "ACTIVE", "gpuQty": count, "gpuMemoryQty": memory,
                "allowPreemptible": False, "bundleMemoryQty": 2048, "shapeType": {"value": "bm"},
                "products": [{"type": {"value": "ocpu"}, "partNumber": number, "qty": 112}]}  # fmt: skip

    prices, shapes = "/pls/apex/cetools/api/v1/products/", "/a/ocom/docs/cloudestimator2/data/shapes.json"
    parts = [{**part("B98415", 10.0), "shape": shape("BM.GPU.H100.8", "B98415", 8, 640)},
             {**part("B95909", 2.0), "shape": shape("VM.GPU.A10.1", "B95909", 1, 24)}]  # fmt: skip
    documents = {prices: {"items": parts}, shapes: {"items": [p.pop("shape") for p in parts]}}
    where = ("currencyCodeLocalizations", "0")
    return Case(
        "oci", documents, {prices: "json", shapes: "json"}, lambda d: d[prices]["items"],
        price=(*where, "prices", "0", "value"), gpu=("shape",), currency=(*where, "currencyCode"),
    )  # fmt: skip


def verda() -> Case:
    def kind(name: str, gpu: str, price: str, memory: int) -> dict[str, Any]:
        return {"id": name, "instance_type": name, "price_per_hour": price, "spot_price": None,
                "cpu": {"number_of_cores": 30}, "gpu": {"description": f"1x {gpu}", "number_of_gpus": 1},
                "gpu_memory": {"size_in_gigabytes": memory}, "memory": {"size_in_gigabytes": 120}}  # fmt: skip

    kinds_ = [kind("1H100.80S.30V", "H100 SXM5 80GB", "2.29", 80), kind("1L40S.20V", "L40S 48GB", "0.9", 48)]
    documents, kinds = one("/v1/instance-types", "json", kinds_)
    return Case("verda", documents, kinds, lambda d: d["/v1/instance-types"], price=("price_per_hour",),
                gpu=("gpu", "description"), text=True)  # fmt: skip


def vultr() -> Case:
    def plan(id: str, gpu: str, memory: int, price: float) -> dict[str, Any]:
        return {"id": id, "vcpu_count": 12, "ram": 122880, "disk": 1400, "monthly_cost": price * 730, "type": "vcg",
                "hourly_cost": price, "gpu_vram_gb": memory, "gpu_type": gpu, "locations": ["ewr"]}  # fmt: skip

    meta = {"total": 2, "links": {"next": "", "prev": ""}}
    plans = [
        plan("vcg-l40s-16c-180g-48vram", "NVIDIA_L40S", 48, 1.671),
        plan("vcg-a40-24c-120g-48vram", "NVIDIA_A40", 48, 1.7),
    ]
    documents = {
        "/v2/plans": {"plans": plans, "meta": meta},
        "/v2/plans-metal": {"plans_metal": [], "meta": meta},
    }
    return Case("vultr", documents, dict.fromkeys(documents, "json"), lambda d: d["/v2/plans"]["plans"],
                price=("hourly_cost",), gpu=("gpu_type",), unknown="NVIDIA_Z9000")  # fmt: skip


def digitalocean() -> Case:
    def size(slug: str, model: str, memory: int, price: float) -> dict[str, Any]:
        return {"slug": slug, "memory": 245760, "vcpus": 20, "disk": 720, "price_monthly": price * 730,
                "price_hourly": price, "regions": ["tor1"], "available": True,
                "gpu_info": {"count": 1, "vram": {"amount": memory, "unit": "gib"}, "model": model}}  # fmt: skip

    sizes = [
        size("gpu-h100x1-80gb", "nvidia_h100", 80, 3.39),
        size("gpu-l40sx1-48gb", "nvidia_l40s", 48, 1.57),
    ]
    cpu = {
        "slug": "s-1vcpu-1gb",
        "memory": 1024,
        "vcpus": 1,
        "price_hourly": 0.00893,
        "regions": ["nyc1"],
        "available": True,
    }
    documents, kinds = one("/v2/sizes", "json", {"sizes": [*sizes, cpu], "links": {}, "meta": {"total": 3}})
    return Case(
        "digitalocean", documents, kinds, lambda d: d["/v2/sizes"]["sizes"], price=("price_hourly",),
        gpu=("gpu_info", "model"), unknown="nvidia_z9000", env={"DIGITALOCEAN_TOKEN": "SECRET-do"},
    )  # fmt: skip


def shadeform() -> Case:
    def kind(cloud: str, name: str, gpu: str, cents: int) -> dict[str, Any]:
        return {"cloud": cloud, "shade_instance_type": name, "hourly_price": cents,
                "configuration": {"gpu_type": gpu, "num_gpus": 1, "vcpus": 26, "memory_in_gb": 200},
                "availability": [{"region": "dallas-usa-3", "available": True}]}  # fmt: skip

    types = [kind("lambdalabs", "H100_sxm5", "H100_sxm5", 429), kind("massedcompute", "A6000", "A6000", 57)]
    documents, kinds = one("/v1/instances/types", "json", {"instance_types": types})
    return Case(
        "shadeform", documents, kinds, lambda d: d["/v1/instances/types"]["instance_types"],
        price=("hourly_price",), gpu=("configuration", "gpu_type"), scale=100,
        env={"SHADEFORM_API_KEY": "SECRET-shade"},
    )  # fmt: skip


def skypilot() -> Case:
    def row(instance: str, gpu: str, mib: int, price: str) -> dict[str, Any]:
        info = {
            "Gpus": [{"Name": gpu, "Count": 1, "MemoryInfo": {"SizeInMiB": mib}}],
            "TotalGpuMemoryInMiB": mib,
        }
        return {"InstanceType": instance, "AcceleratorName": gpu, "AcceleratorCount": "1", "vCPUs": "16",
                "MemoryGiB": "64", "GpuInfo": str(info), "Price": price, "SpotPrice": "",
                "Region": "CANADA-1"}  # fmt: skip

    files = ("v8/hyperstack", "v8/aws", "v6/azure", "v6/do", "v6/fluidstack", "v8/hyperbolic", "v5/ibm",
             "v8/jarvislabs", "v8/lambda", "v8/nebius", "v8/oci", "v6/ovhcloud", "v6/paperspace", "v8/primeintellect",
             "v8/runpod", "v6/scaleway", "v8/seeweb", "v8/shadeform", "v8/verda")  # fmt: skip
    root = "/skypilot-org/skypilot-catalog/master/catalogs"
    paths = [f"{root}/{name}/vms.csv" for name in files]
    header = row("", "", 0, "")
    documents: Documents = {path: [header] for path in paths}
    documents[paths[0]] = [
        row("n3-H100x1", "H100-PCIe", 81920, "1.90"),
        row("n3-L40x1", "L40", 49152, "1.00"),
    ]
    return Case("skypilot", documents, dict.fromkeys(paths, "csv"), lambda d: d[paths[0]], price=("Price",),
                gpu=("AcceleratorName",), text=True)  # fmt: skip


def gpuhunt() -> Case:
    def row(instance: str, gpu: str, memory: str, price: str) -> dict[str, Any]:
        return {"instance_name": instance, "location": "eu-north1", "price": price, "cpu": "16", "memory": "200",
                "gpu_count": "1", "gpu_name": gpu, "gpu_memory": memory, "spot": "False", "disk_size": "",
                "gpu_vendor": "nvidia", "flags": "", "cpu_arch": "x86"}  # fmt: skip

    names = ("nebius", "aws", "azure", "verda", "lambdalabs", "oci", "runpod", "cloudrift")
    paths = [f"/v3/{name}/latest/catalog.zip" for name in names]
    documents: Documents = {path: [row("cpu", "", "", "0.1") | {"gpu_count": "0"}] for path in paths}
    documents[paths[0]] = [
        row("gpu-h100-sxm_1gpu", "H100", "80", "3.85"),
        row("gpu-l40s-a_1gpu", "L40S", "48", "1.55"),
    ]
    return Case("gpuhunt", documents, dict.fromkeys(paths, "zip"), lambda d: d[paths[0]], price=("price",),
                gpu=("gpu_name",), text=True)  # fmt: skip


def contract() -> Case:
    def row(instance: str, gpu: str, price: float) -> dict[str, Any]:
        return {"seller": "aws", "instance": instance, "gpu": gpu, "gpu_count": 8, "term": "committed_1y",
                "price_per_hour": price, "currency": "USD", "region": "eu-west-1",
                "valid_from": "2026-01-01"}  # fmt: skip

    documents, kinds = one(
        "/mine.json", "json", [row("p5.48xlarge", "H100 SXM", 38.0), row("my-l40s-box", "L40S", 8.0)]
    )
    return Case("contract", documents, kinds, lambda d: d["/mine.json"], price=("price_per_hour",), gpu=("gpu",),
                dated=("valid_from",),
                env={"PLANNER_CONTRACT_PRICES": "https://prices.example.com/mine.json"})  # fmt: skip


CASES: Mapping[str, Case] = {
    case.provider: case
    for case in (
        aws(), aws_spot(), azure(), contract(), digitalocean(), gcp(), gpuhunt(), lambda_cloud(), nebius(), oci(),
        runpod(), shadeform(), skypilot(), vast(), verda(), vultr(),
    )
}  # fmt: skip
