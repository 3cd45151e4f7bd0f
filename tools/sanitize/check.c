/* Calls every function of a compiled flow in every way that its header allows, and in ways that it does
 * not. The sanitizers watch; what is checked here is that statuses are right, that what was not asked
 * for changes nothing, and that neither the threads nor the other calls of a host change a bit.
 *
 * Compiled in one program with the flow's C, whose header MODEL_H names; REAL is its float type. */
#include MODEL_H

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = FLOWIR_FEATURES, CONTEXT = FLOWIR_CONTEXT, HAS_CONTEXT = CONTEXT > 0, HOSTS = 2 };

static int calls;

static void fail(const char *what, int64_t rows, int64_t context_rows) {
  fprintf(stderr, "check: %s (rows %lld, context rows %lld): %s\n", what, (long long)rows,
          (long long)context_rows, flowir_last_error());
  exit(1);
}

/* A block of exactly these numbers, so that the next one is out of bounds. They are left as they are:
 * comparing what a call has not written is an error to the memory sanitizer. */
static REAL *numbers(int64_t count) {
  REAL *block = malloc((size_t)count * sizeof *block + (count == 0));
  if (!block)
    fail("no memory", count, 0);
  return block;
}

/* Plain numbers, and among many rows some that no index or loop may trust. */
static REAL *inputs(int64_t rows, int64_t columns, uint32_t seed) {
  static const double odd[] = {NAN, INFINITY, -INFINITY, 1e30, -1e30, 1e-40, 0, -0.0, 3, -3};
  REAL *block = numbers(rows * columns);
  for (int64_t i = 0; i < rows * columns; i++) {
    seed = seed * 1664525u + 1013904223u;
    block[i] = (REAL)((seed >> 8) * 0x1p-23 - 1) * 2;
    if (rows >= 63 && (i / columns) % 16 == 5 && seed % 3 == 0)
      block[i] = (REAL)odd[(seed >> 12) % (sizeof odd / sizeof *odd)];
  }
  return block;
}

/* One set of arguments, and the results that a call gave. */
typedef struct {
  int64_t rows, context_rows;
  REAL *in, *vectors, *context;
  REAL *wide, *other, *narrow, *of_context; /* rows x FEATURES twice, rows, rows x CONTEXT */
} arguments;

static arguments arguments_of(int64_t rows, int64_t context_rows) {
  return (arguments){
      .rows = rows,
      .context_rows = context_rows,
      .in = inputs(rows, FEATURES, 1),
      .vectors = inputs(rows, FEATURES, 3),
      .context = context_rows ? inputs(context_rows, CONTEXT, 2) : 0,
      .wide = numbers(rows * FEATURES),
      .other = numbers(rows * FEATURES),
      .narrow = numbers(rows),
      .of_context = numbers(rows * CONTEXT),
  };
}

static void release(arguments a) {
  free(a.in), free(a.vectors), free(a.context);
  free(a.wide), free(a.other), free(a.narrow), free(a.of_context);
}

#ifndef HAS_PRODUCT
#define HAS_PRODUCT 1
#endif
enum { LOG_PROB, TRANSFORM, INVERSE, GRADIENT, SAMPLE, SAMPLE_EACH, PRODUCT };
enum { FUNCTIONS = HAS_PRODUCT ? PRODUCT + 1 : PRODUCT };
static const char *const names[] = {"log_prob",          "transform", "inverse",
                                    "log_prob_gradient", "sample",    "sample_each",
                                    "log_prob_hvp"};

/* How many results of a function may be NULL. */
static const int optional[] = {0, 1, 1, 1 + HAS_CONTEXT, 1, 1, 2};

/* Calls a function; bit k of `without` leaves out its optional result k. */
static int call(int function, arguments a, int without) {
  __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
  REAL *const first = without & 1 ? 0 : a.narrow;
  switch (function) {
  case LOG_PROB:
    return flowir_log_prob(a.in, a.context, a.rows, a.context_rows, a.narrow);
  case TRANSFORM:
    return flowir_transform(a.in, a.context, a.rows, a.context_rows, a.wide, first);
  case INVERSE:
    return flowir_inverse(a.in, a.context, a.rows, a.context_rows, a.wide, first);
  case GRADIENT:
    return flowir_log_prob_gradient(a.in, a.context, a.rows, a.context_rows, a.narrow,
                                    without & 1 ? 0 : a.wide,
                                    without & 2 || !HAS_CONTEXT ? 0 : a.of_context);
  case SAMPLE:
    return flowir_sample(7, 1000000007, a.context, a.rows, a.context_rows, a.wide, first);
#if HAS_PRODUCT
  case PRODUCT:
    return flowir_log_prob_hvp(a.in, a.context, a.vectors, a.rows, a.context_rows, first,
                               without & 2 ? 0 : a.other, a.wide);
#endif
  default:
    return flowir_sample_each(7, 1000000007, a.context, a.context_rows,
                              a.context_rows > 0 ? a.rows / a.context_rows : a.rows, a.wide, first);
  }
}

/* Whether the results that both calls gave have the same bits. */
static int agree(int function, arguments a, arguments b, int without) {
  const size_t real = sizeof(REAL), rows = (size_t)a.rows;
  const int is_gradient = function == GRADIENT;
  const int narrow = is_gradient || function == LOG_PROB || !(without & 1);
  const int wide = function != LOG_PROB && !(is_gradient && without & 1);
  const int other = function == PRODUCT && !(without & 2);
  const int of_context = is_gradient && HAS_CONTEXT && !(without & 2);
  return (!narrow || !memcmp(a.narrow, b.narrow, rows * real)) &&
         (!wide || !memcmp(a.wide, b.wide, rows * FEATURES * real)) &&
         (!other || !memcmp(a.other, b.other, rows * FEATURES * real)) &&
         (!of_context || !memcmp(a.of_context, b.of_context, rows * CONTEXT * real));
}

/* One function in all its ways, for some rows. */
static void check(int function, int64_t rows, int64_t context_rows) {
  arguments whole = arguments_of(rows, context_rows);
  if (call(function, whole, 0) != FLOWIR_OK)
    fail(names[function], rows, context_rows);
  for (int without = 0; without < 1 << optional[function]; without++) {
    arguments part = arguments_of(rows, context_rows);
    if (call(function, part, without) != FLOWIR_OK)
      fail(names[function], rows, context_rows);
    if (!agree(function, whole, part, without))
      fail("what was not asked for changed bits", rows, context_rows);
    release(part);
  }
  release(whole);
}

static const int64_t sizes[] = {0, 1, 63, 64, 65, 1000};

static void *host(void *unused) {
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int function = 0; function < FUNCTIONS; function++) {
      check(function, sizes[i], HAS_CONTEXT ? sizes[i] : 0);
      if (HAS_CONTEXT)
        check(function, sizes[i], 1);
      /* A context for each group of rows, which ends within a tile. */
      if (HAS_CONTEXT && sizes[i] % 5 == 0 && sizes[i] > 5)
        check(function, sizes[i], 5);
    }
  return unused;
}

/* Several hosts at once, whose first calls are the flow's first too. */
static void check_hosts(void) {
  pthread_t threads[HOSTS];
  for (int i = 0; i < HOSTS; i++)
    if (pthread_create(&threads[i], 0, host, 0))
      fail("no thread", 0, 0);
  for (int i = 0; i < HOSTS; i++)
    pthread_join(threads[i], 0);
}

/* One thread and three have the same bits. */
static void check_threads(int function, int64_t context_rows) {
  arguments one = arguments_of(1000, context_rows), three = arguments_of(1000, context_rows);
  flowir_set_threads(1);
  const int first = call(function, one, 0);
  flowir_set_threads(3);
  if (first != FLOWIR_OK || call(function, three, 0) != FLOWIR_OK)
    fail(names[function], 1000, context_rows);
  if (!agree(function, one, three, 0))
    fail("the number of threads changed bits", 1000, context_rows);
  release(one), release(three);
}

/* The same results come from contexts of groups and from each of them repeated, and from samples for
 * each of several contexts. */
static void check_groups(int function, int64_t groups, int64_t size) {
  arguments each = arguments_of(groups * size, groups);
  arguments all = arguments_of(groups * size, groups * size);
  for (int64_t row = 0; row < groups * size; row++)
    memcpy(all.context + row * CONTEXT, each.context + row / size * CONTEXT,
           CONTEXT * sizeof(REAL));
  const int reference = function == SAMPLE_EACH ? SAMPLE : function;
  if (call(function, each, 0) != FLOWIR_OK || call(reference, all, 0) != FLOWIR_OK)
    fail(names[function], groups * size, groups);
  if (!agree(function, each, all, 0))
    fail("contexts of groups have other bits than repeated ones", groups * size, groups);
  release(each), release(all);
}

/* Counts of contexts and samples that cannot be, and arguments that lack. */
static void check_refusals_of_each(void) {
  static const int64_t counts[][2] = {{-1, 2},        {2, -1},       {INT64_MIN, 1},
                                      {1, INT64_MAX}, {INT64_MAX, 1}, {INT64_MAX, INT64_MAX},
                                      {INT64_C(1) << 32, INT64_C(1) << 32}};
  REAL *context = HAS_CONTEXT ? inputs(2, CONTEXT, 1) : 0, *x = numbers(4 * FEATURES);
  const int64_t contexts = HAS_CONTEXT ? 2 : 0;
  int status = 0;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    status |= flowir_sample_each(1, 0, context, counts[i][0], counts[i][1], x, 0) !=
              FLOWIR_INVALID_ARGUMENT;
  status |= flowir_sample_each(1, -1, context, contexts, 2, x, 0) != FLOWIR_INVALID_ARGUMENT;
  status |= flowir_sample_each(1, 0, context, contexts, 2, 0, 0) != FLOWIR_INVALID_ARGUMENT;
  if (HAS_CONTEXT)
    status |= flowir_sample_each(1, 0, 0, contexts, 2, x, 0) != FLOWIR_INVALID_ARGUMENT;
  if (status)
    fail("a call of samples for each of several contexts that cannot be was made", 2, contexts);
  free(context), free(x);
}

/* A call that the header does not allow is refused with a reason, and touches nothing. */
static void refuse(int function, arguments a, const char *what) {
  if (call(function, a, 0) != FLOWIR_INVALID_ARGUMENT || !*flowir_last_error())
    fail(what, a.rows, a.context_rows);
}

static void check_refusals(int function) {
  const arguments good = arguments_of(2, HAS_CONTEXT ? 2 : 0);
  arguments a = good;
  for (int i = 0; i < 3; i++) {
    a.rows = (const int64_t[]){-1, INT64_MIN, INT64_MAX}[i];
    refuse(function, a, "a call of rows that cannot be was made");
  }
  a = good;
  for (int i = 0; i < 4; i++) {
    a.context_rows = (const int64_t[]){7, -1, INT64_MAX, INT64_MIN}[i];
    refuse(function, a, "a call of contexts that cannot be was made");
  }
  a = good, a.in = 0;
  if (function != SAMPLE)
    refuse(function, a, "a call without x was made");
  a = good, a.vectors = 0;
  if (function == PRODUCT)
    refuse(function, a, "a call without vectors was made");
  a = good, a.wide = a.narrow = a.other = 0;
  refuse(function, a, "a call without its result was made");
  if (HAS_CONTEXT) {
    a = good, a.context = 0;
    refuse(function, a, "a call without its context was made");
    a = good, a.context_rows = 0;
    refuse(function, a, "a call without contexts was made");
  }
  release(good);
}

int main(void) {
  flowir_set_threads(2);
  check_hosts();
  for (int function = 0; function < FUNCTIONS; function++) {
    check_threads(function, HAS_CONTEXT ? 1000 : 0);
    if (HAS_CONTEXT)
      check_threads(function, 1);
    if (HAS_CONTEXT) {
      check_groups(function, 3, 65);
      check_groups(function, 100, 7);
      if (function == SAMPLE_EACH)
        check_groups(function, 1, 70);
    }
    if (function != SAMPLE_EACH)
      check_refusals(function);
  }
  check_refusals_of_each();
  printf("%d\n", calls);
  return 0;
}
