/* What this machine reaches, measured: fused multiply-adds, and cache lines between threads. */
#ifndef BENCHMARKS_PEAK_H
#define BENCHMARKS_PEAK_H

/* Floating-point operations per second on `threads` threads at once for about 20 ms: two for each
 * lane of each fused multiply-add of the widest vectors that this file is compiled for. */
double fma_peak_float(int threads);
double fma_peak_double(int threads);

/* Seconds that a cache line takes from one thread to another and back. */
double line_round_trip(void);
#endif
