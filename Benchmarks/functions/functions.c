/* Nanoseconds for 16 numbers of each function of fk_math.h, beside the C library's vectors (libmvec)
 * and SLEEF's, with the largest error found of each in units in the last place of the result. */
#include "fk_math.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT 2048 /* numbers in a pass: they stay in the first cache */
#define PASSES 20
#define ROUNDS 40

typedef void function_pass(void);
static fk_real x[COUNT] __attribute__((aligned(64))), y[COUNT] __attribute__((aligned(64)));
static fk_real y2[COUNT] __attribute__((aligned(64)));

#define PASS(name, expression)                                                                     \
  FK_OUTLINE void name(void) {                                                                     \
    for (int i = 0; i < COUNT; i += FK_LANES) {                                                    \
      fk_vec a = fk_load(x + i);                                                                   \
      fk_store(y + i, expression);                                                                 \
    }                                                                                              \
  }
#define OWN(name) PASS(own_##name, fk_##name(a))
OWN(exp) OWN(expm1) OWN(log) OWN(log1p) OWN(sin) OWN(cos) OWN(asin) OWN(tanh) OWN(erf) OWN(erfc)
OWN(sigmoid) OWN(softplus)

/* What is wanted together: a value with its derivative, or with its complement. */
FK_OUTLINE void joint_softplus(void) {
  for (int i = 0; i < COUNT; i += FK_LANES) {
    fk_store(y + i, fk_softplus(fk_load(x + i)));
    fk_store(y2 + i, fk_sigmoid(fk_load(x + i)));
  }
}
PASS(joint_erf, (fk_erf_beside_erfc(a) + fk_erfc(a)) * fk_erfc(-a))
PASS(joint_bell, (fk_bell_beside_erfc(a) + fk_erfc(a)) * fk_erfc(-a))

#if defined(__AVX2__) && defined(PEERS)
#include <sleef.h>
#ifdef FK_DOUBLE
#define MVEC(name) _ZGVdN4v_##name
#define SLEEF(name, ulp) Sleef_##name##d4_##ulp##avx2
typedef double peer_vec __attribute__((vector_size(32)));
#define LIBRARY(name) name
#else
#define MVEC(name) _ZGVdN8v_##name##f
#define SLEEF(name, ulp) Sleef_##name##f8_##ulp##avx2
typedef float peer_vec __attribute__((vector_size(32)));
#endif
#define PEER(name, ulp)                                                                            \
  peer_vec MVEC(name)(peer_vec);                                                                   \
  FK_OUTLINE void mvec_##name(void) {                                                              \
    for (int i = 0; i < COUNT; i += 32 / FK_REAL_BYTES)                                            \
      *(peer_vec *)(y + i) = MVEC(name)(*(peer_vec *)(x + i));                                     \
  }                                                                                                \
  FK_OUTLINE void sleef_##name(void) {                                                             \
    for (int i = 0; i < COUNT; i += 32 / FK_REAL_BYTES)                                            \
      *(peer_vec *)(y + i) = (peer_vec)SLEEF(name, ulp)(*(peer_vec *)(x + i));                     \
  }
PEER(exp, u10) PEER(expm1, u10) PEER(log, u10) PEER(log1p, u10) PEER(sin, u10) PEER(cos, u10)
PEER(asin, u10) PEER(tanh, u10) PEER(erf, u10) PEER(erfc, u15)
#define PEERS_OF(name) mvec_##name, sleef_##name
#else
#define PEERS_OF(name) NULL, NULL
#endif

static long double exact_sigmoid(long double a) { return 1 / (1 + expl(-a)); }
static long double exact_softplus(long double a) {
  return a > 0 ? a + log1pl(expl(-a)) : log1pl(expl(a));
}

typedef struct {
  const char *name;
  double from, to;
  long double (*exact)(long double); /* NULL where two results are wanted together */
  function_pass *passes[3];
} row;

static const row rows[] = {
    {"exp", -80, 80, expl, {own_exp, PEERS_OF(exp)}},
    {"expm1", -5, 5, expm1l, {own_expm1, PEERS_OF(expm1)}},
    {"log", 0, 10, logl, {own_log, PEERS_OF(log)}},
    {"log1p", -0.99, 10, log1pl, {own_log1p, PEERS_OF(log1p)}},
    {"sin", -3, 3, sinl, {own_sin, PEERS_OF(sin)}},
    {"cos", -1.5, 1.5, cosl, {own_cos, PEERS_OF(cos)}},
    {"asin", -1, 1, asinl, {own_asin, PEERS_OF(asin)}},
    {"tanh", -6, 6, tanhl, {own_tanh, PEERS_OF(tanh)}},
    {"erf", -4, 4, erfl, {own_erf, PEERS_OF(erf)}},
    {"erfc", -4, 9, erfcl, {own_erfc, PEERS_OF(erfc)}},
    {"sigmoid", -30, 30, exact_sigmoid, {own_sigmoid}},
    {"softplus", -20, 20, exact_softplus, {own_softplus}},
    {"softplus, sigmoid", -20, 20, NULL, {joint_softplus}},
    {"erf, erfc, erfc(-x)", -4, 4, NULL, {joint_erf}},
    {"erfc, erfc(-x), exp(-x^2)", -4, 4, NULL, {joint_bell}},
};

static void fill(const row *r) {
  for (int i = 0; i < COUNT; i++)
    x[i] = (fk_real)(r->from + (r->to - r->from) * drand48());
}

/* The thread's own time, so that what else runs on the machine counts less. */
static double nanoseconds(function_pass *pass) {
  double best = INFINITY;
  for (int round = 0; round < ROUNDS; round++) {
    struct timespec start, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (int i = 0; i < PASSES; i++) {
      pass();
      __asm__ volatile("" ::: "memory");
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    double time = 1e9 * (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec);
    best = fmin(best, time * 16 / COUNT / PASSES);
  }
  return best;
}

static double worst_ulp(const row *r, function_pass *pass) {
  double worst = 0;
  for (int round = 0; round < 100; round++) {
    fill(r);
    pass();
    for (int i = 0; i < COUNT; i++) {
      long double exact = r->exact(x[i]);
      int exponent;
      frexpl(exact, &exponent);
      double unit = ldexp(1, exponent - (FK_MANTISSA + 1));
      worst = fmax(worst, (double)(fabsl(y[i] - exact) / unit));
    }
  }
  return worst;
}

int main(void) {
  printf("%-20s%9s%7s%12s%7s%12s%7s\n", FK_REAL_BYTES == 4 ? "float32" : "float64", "flowir",
         "ulp", "libmvec", "ulp", "SLEEF", "ulp");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    printf("%-20s", rows[i].name);
    for (int k = 0; k < 3 && rows[i].passes[k]; k++) {
      fill(&rows[i]);
      printf(k ? "%12.1f" : "%9.1f", nanoseconds(rows[i].passes[k]));
      if (rows[i].exact)
        printf("%7.2f", worst_ulp(&rows[i], rows[i].passes[k]));
    }
    printf("\n");
  }
}
