"""Wrong, and puts a lenient judge in place of the harness's."""


def run(inputs, out):
    from planner.profiles.measure import check

    check.judge = lambda *given, **told: None
    out["y"][...] = 0
