#include "peak.h"
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX2__)
#define BYTES 32
#else
#define BYTES 16
#endif
/* Enough sums to hide the latency, few enough for the registers. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define SUMS 24
#else
#define SUMS 12
#endif

/* For some processors clang takes vectors of 64 bytes apart unless a function asks for them. */
#if defined(__clang__) && defined(__x86_64__)
#define WHOLE_VECTORS __attribute__((min_vector_width(8 * BYTES)))
#else
#define WHOLE_VECTORS
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#define DEFINE_PEAK(REAL)                                                                          \
  typedef REAL REAL##_vector __attribute__((vector_size(BYTES)));                                  \
  /* The best rate of several short runs on this thread. */                                        \
  static WHOLE_VECTORS void *REAL##_run(void *result) {                                            \
    volatile REAL factor = 0.5, term = 1;                                                          \
    const REAL##_vector a = factor - (REAL##_vector){0}, b = term - (REAL##_vector){0};            \
    double best = 0;                                                                               \
    const double end = now() + 0.02;                                                               \
    while (now() < end) {                                                                          \
      REAL##_vector sum[SUMS];                                                                     \
      for (int i = 0; i < SUMS; i++)                                                               \
        sum[i] = b * (REAL)i;                                                                      \
      const double start = now();                                                                  \
      for (int n = 0; n < 20000; n++) {                                                            \
        _Pragma("GCC unroll 24") for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * a + b;           \
      }                                                                                            \
      const double rate = 2.0 * (BYTES / sizeof(REAL)) * SUMS * 20000 / (now() - start);           \
      REAL##_vector total = sum[0];                                                                \
      for (int i = 1; i < SUMS; i++)                                                               \
        total += sum[i];                                                                           \
      volatile REAL sink = total[0];                                                               \
      (void)sink;                                                                                  \
      if (rate > best)                                                                             \
        best = rate;                                                                               \
    }                                                                                              \
    *(double *)result = best;                                                                      \
    return 0;                                                                                      \
  }                                                                                                \
  double fma_peak_##REAL(int threads) {                                                            \
    pthread_t others[64];                                                                          \
    double rates[64];                                                                              \
    if (threads > 64)                                                                              \
      threads = 64;                                                                                \
    for (int i = 1; i < threads; i++)                                                              \
      pthread_create(&others[i], 0, REAL##_run, &rates[i]);                                        \
    REAL##_run(&rates[0]);                                                                         \
    double sum = rates[0];                                                                         \
    for (int i = 1; i < threads; i++) {                                                            \
      pthread_join(others[i], 0);                                                                  \
      sum += rates[i];                                                                             \
    }                                                                                              \
    return sum;                                                                                    \
  }

DEFINE_PEAK(float)
DEFINE_PEAK(double)

/* What two threads write in turn. */
static _Alignas(64) int turn;

static void *answer(void *unused) {
  for (int seen = 0; seen >= 0; seen = __atomic_load_n(&turn, __ATOMIC_ACQUIRE))
    if (seen & 1)
      __atomic_store_n(&turn, seen + 1, __ATOMIC_RELEASE);
  return unused;
}

double line_round_trip(void) {
  enum { TURNS = 5000 };
  pthread_t other;
  __atomic_store_n(&turn, 0, __ATOMIC_RELEASE);
  pthread_create(&other, 0, answer, 0);
  double start = 0;
  for (int i = 0; i < 2 * TURNS; i++) {
    /* The first half lets the threads find their processors. */
    if (i == TURNS)
      start = now();
    __atomic_store_n(&turn, 2 * i + 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != 2 * i + 2)
      ;
  }
  const double seconds = (now() - start) / TURNS;
  __atomic_store_n(&turn, -1, __ATOMIC_RELEASE);
  pthread_join(other, 0);
  return seconds;
}
