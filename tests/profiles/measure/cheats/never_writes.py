"""Does nothing at all."""


def run(inputs, out):
    pass
