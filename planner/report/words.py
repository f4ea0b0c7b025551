"""Fixed texts of a report: glossary, risks that every plan carries, what to ask a seller."""

from __future__ import annotations

GLOSSARY = (
    ("Batch limit", "requests that one engine instance works on at the same time"),
    ("Basis", "what a figure rests on: measured, interpolated between measurements, calibrated on end-to-end runs, "
              "transferred from a related GPU, roofline (physics only), quoted by a seller"),
    ("Gap", "how far the plan may be from the cheapest possible one, proven by the solver"),
    ("Interval", "the range that holds the true value in 80 of 100 cases"),
    ("Measured share", "part of the dollars whose predicted speed rests on measured kernels"),
    ("On demand, spot, committed", "rented by the hour; the same but it can be taken back at short notice; "
                                   "rented for a year or more at a lower price"),
    ("Present value", "what later payments are worth today at the discount rate"),
    ("Replica", "one running copy of the model on one or more GPUs"),
    ("RFQ", "request for quotation"),
    ("SLO", "the limits on waiting that the service promises its users"),
    ("TCO", "total cost of ownership: everything it costs over the years, not only the price"),
    ("TPOT", "time per output token: how fast an answer is written after its first word"),
    ("TTFT", "time to first token: how long a user waits until the answer begins"),
)  # fmt: skip

QUESTIONS = (
    "price per hour, and for 1 and 3 years, with the payment options; currency, tax, how long the quote holds",
    "how many of these machines are free in this region, from when (lead time), and whether they can be reserved",
    "exact GPU: model, form factor (SXM or PCIe), memory, interconnect within and between machines",
    "what is not in the price: storage, egress, public addresses, support, setup",
    "availability promised, credits when it is missed, notice before spot capacity is taken back",
    "where data are kept, certificates, subprocessors; terms on ending the contract and on price changes",
    "until when the hardware is offered and supported",
)

COMMANDS = {
    "flip": "planner flip", "kernel_value": "planner kernels value", "lock_in": "planner lock-in",
    "arbitrage": "planner arbitrage", "frontier": "planner frontier", "regret": "planner regret",
    "measure_next": "planner measure-next", "explain": "planner explain",
}  # fmt: skip
"""What fills an analysis that the plan does not carry yet."""
