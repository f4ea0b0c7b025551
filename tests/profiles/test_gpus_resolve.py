"""How spellings become GPU keys, and doubts stay doubts."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profiles.aliases import load_aliases, normalise
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import load_gpus, resolve_gpu

GPUS = load_gpus()
DEVICES_OF_PUBLISHED_RESULTS = (
    "NVIDIA RTX PRO 6000 Blackwell", "NVIDIA RTX 4070", "NVIDIA RTX 3060", "AMD RX 7900 XTX",
    "NVIDIA GB200", "NVIDIA B200", "AMD Instinct MI300X", "Intel Gaudi 2", "NVIDIA A100 PCIe 80GB",
    "Apple M3 Max", "NVIDIA GB10", "AMD Radeon AI Pro R9700", "NVIDIA Tesla P40",
    "AMD Ryzen AI Max+ 395 (Radeon 8060S)", "NVIDIA H200 NVL", "Intel Arc Pro B60",
    "NVIDIA RTX PRO 6000 Blackwell Max-Q", "NVIDIA A100 80GB SXM4", "NVIDIA H200-SXM-141GB",
    "NVIDIA RTX-2000E-Ada-16GB", "NVIDIA H100 80GB PCIe Gen5", "AMD Instinct MI325X 256GB HBM3e",
)  # fmt: skip


@pytest.mark.parametrize(
    "text", ["h100_sxm", "H100 SXM", "H100 SXM 80GB", "h100-sxm", "NVIDIA H100 SXM5 80GB"]
)
def test_the_spellings_of_one_gpu_agree(text: str) -> None:
    match = resolve_gpu(text)
    assert (match.key, match.ambiguous) == ("h100_sxm", False)


@pytest.mark.parametrize("text", DEVICES_OF_PUBLISHED_RESULTS)
def test_devices_of_published_results_are_known(text: str) -> None:
    assert set(resolve_gpu(text).keys) <= set(GPUS)


@pytest.mark.parametrize("key", sorted(GPUS))
def test_every_key_and_every_name_means_its_gpu(key: str) -> None:
    assert resolve_gpu(key).keys == (key,)
    assert key in resolve_gpu(GPUS[key].name, memory_gib=GPUS[key].memory_gib).keys


@pytest.mark.parametrize(
    ("text", "memory", "keys"),
    [
        ("A100", None, ("a100_pcie_40gb", "a100_sxm_40gb", "a100_pcie", "a100_sxm")),
        ("A100", 80, ("a100_pcie", "a100_sxm")),
        ("A100-80GB", None, ("a100_pcie", "a100_sxm")),
        ("H100", None, ("h100_pcie", "h100_nvl", "h100_sxm")),
        ("H100", 79.65, ("h100_pcie", "h100_sxm")),
        ("H100", 93.58, ("h100_nvl",)),
        ("H200", 141, ("h200_nvl", "h200_sxm")),
        ("RTX 4090", None, ("rtx_4090",)),
        ("RTX 4090", 47.99, ("rtx_4090_48gb",)),
        ("RTX6000", 24, ("quadro_rtx_6000",)),
        ("P4000", None, ("quadro_p4000",)),
    ],
)
def test_an_unstated_form_factor_stays_ambiguous_slowest_first(
    text: str, memory: float | None, keys: tuple[str, ...]
) -> None:
    match = resolve_gpu(text, memory_gib=memory)
    assert (match.keys, match.ambiguous) == (keys, len(keys) > 1)


def test_a_memory_that_fits_nothing_is_said_not_guessed() -> None:
    match = resolve_gpu("B300", memory_gib=180)
    assert match.keys == ("b300_sxm",)
    assert match.note == "180 GiB fits none of b300_sxm"


@pytest.mark.parametrize(
    ("text", "near"),
    [("RTX 4091", "rtx_4090"), ("h100_sxn", "h100_sxm"), ("mi300", "mi300x"), ("m3ultr", "m3_ultra")],
)
def test_an_unknown_name_suggests_neighbours(text: str, near: str) -> None:
    with pytest.raises(ProfileError, match=f"did you mean .*{near}") as caught:
        resolve_gpu(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "   ", "£$%", "Voodoo 2"])
def test_nonsense_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ProfileError, match="is not known"):
        resolve_gpu(text)


def test_reviewed_aliases_point_at_rows_of_the_table() -> None:
    for form, alias in load_aliases().items():
        assert set(alias.keys) <= set(GPUS), form
        assert alias.kind in {"exact", "ambiguous", "default"}
        assert (len(alias.keys) == 1) == (alias.kind == "exact"), form


@given(st.text(max_size=40))
def test_any_text_is_resolved_or_refused_never_crashes(text: str) -> None:
    with suppress(ProfileError):
        assert set(resolve_gpu(text).keys) <= set(GPUS)


@given(st.sampled_from(sorted(GPUS)), st.sampled_from(["upper", "lower", "title", "dashes", "vendor"]))
def test_case_and_punctuation_do_not_matter(key: str, how: str) -> None:
    name = GPUS[key].name
    variants = {
        "upper": name.upper(), "lower": name.lower(), "title": name.title(), "dashes": name.replace(" ", "-"),
        "vendor": f"NVIDIA {name}",
    }  # fmt: skip
    assert normalise(variants[how]) == normalise(name)


@given(st.sampled_from(sorted(GPUS)), st.floats(0.93, 1.07))
def test_memory_is_recognised_within_what_sellers_round(key: str, share: float) -> None:
    assert GPUS[key].has_memory(GPUS[key].memory_gib * share)
