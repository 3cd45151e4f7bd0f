/* What the programs that load a compiled flow share. */
#ifndef HOST_H
#define HOST_H
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 4096 };

typedef int (*log_prob_function)(const float *x, const float *context, int64_t rows,
                                 int64_t context_rows, float *log_prob);
typedef int (*sample_function)(uint64_t seed, int64_t first_row, const float *context, int64_t rows,
                               int64_t context_rows, float *x, float *log_prob);

/* A loaded flow. */
typedef struct {
  void *library;
  log_prob_function log_prob;
  sample_function sample;
  int64_t features, context;
} flow;

static inline void stop(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static inline int64_t number(const char *json, const char *key) {
  const char *found = strstr(json, key);
  found = found ? strchr(found, ':') : 0;
  return found ? strtoll(found + 1, 0, 10) : 0;
}

static inline flow load(const char *path) {
  flow f = {dlopen(path, RTLD_NOW | RTLD_LOCAL)};
  if (!f.library)
    stop(dlerror());
  f.log_prob = (log_prob_function)dlsym(f.library, "flowir_log_prob");
  f.sample = (sample_function)dlsym(f.library, "flowir_sample");
  const char *(*description)(void) =
      (const char *(*)(void))dlsym(f.library, "flowir_description");
  if (!f.log_prob || !f.sample || !description)
    stop("a function is missing");
  f.features = number(description(), "\"features\"");
  f.context = number(description(), "\"context\"");
  if (f.features < 1)
    stop("the description has no features");
  return f;
}

/* Samples rows and scores them; whether all went well and both densities are the same. */
static inline int call(flow f, int64_t rows) {
  float *x = malloc((size_t)(rows * f.features) * sizeof *x);
  float *context = calloc((size_t)(rows * f.context + 1), sizeof *context);
  float *of_sample = malloc((size_t)rows * sizeof *of_sample);
  float *of_score = malloc((size_t)rows * sizeof *of_score);
  const int64_t given = f.context ? rows : 0;
  int good = x && context && of_sample && of_score &&
             !f.sample(7, 0, context, rows, given, x, of_sample) &&
             !f.log_prob(x, context, rows, given, of_score);
  for (int64_t i = 0; good && i < rows; i++)
    good = fabsf(of_sample[i] - of_score[i]) <= 1e-3f * (1 + fabsf(of_score[i]));
  free(x), free(context), free(of_sample), free(of_score);
  return good;
}

/* The memory of the process in kilobytes. */
static inline long resident(void) {
  char line[256];
  long kilobytes = -1;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "VmRSS: %ld", &kilobytes) == 1)
      break;
  if (file)
    fclose(file);
  return kilobytes;
}

/* Ends with status 1 if the process has grown by more than `most` kilobytes. */
static inline void expect_growth(long before, long most) {
  long growth = resident() - before;
  if (growth > most) {
    fprintf(stderr, "%ld KB more, expected at most %ld\n", growth, most);
    exit(1);
  }
}
#endif
