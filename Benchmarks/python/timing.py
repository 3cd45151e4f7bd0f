"""How every measurement is timed: repeated passes of equal length; the median and the best count."""

import statistics
import time


def seconds_of(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(call, items, passes=5, seconds=0.4):
    """Rates of `call`, which does `items` of something (rows, steps), in items per second.

    A pass repeats the call until about `seconds` have gone by; what is slower than that is called
    once a pass. Two calls warm up.
    """
    call()
    once = seconds_of(call)
    repeats = max(1, int(seconds / once))
    rates = []
    for _ in range(passes):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        rates.append(items * repeats / (time.perf_counter() - start))
    return {"median": statistics.median(rates), "best": max(rates), "passes": rates}


def fastest_size(sizes, prepare):
    """The batch size with the highest rate; `prepare(size)` gives the call that handles a batch.

    Sizes are tried from small to large until two in a row are no faster than the best.
    """
    best, best_rate, worse = sizes[0], 0.0, 0
    for size in sizes:
        call = prepare(size)
        call()
        rate = size / min(seconds_of(call) for _ in range(3))
        if rate > best_rate:
            best, best_rate, worse = size, rate, 0
        else:
            worse += 1
            if worse == 2:
                break
    return best
