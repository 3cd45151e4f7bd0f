/* Draws samples from a compiled flow, scores them and follows the gradient of their density. */
#include "model.h"

#include <math.h>
#include <stdio.h>

enum { ROWS = 1000 };

static float x[ROWS * FLOWIR_FEATURES], drawn[ROWS], scored[ROWS];
static float gradient[ROWS * FLOWIR_FEATURES];

int main(void) {
  /* One context for all rows; a flow without context has none. */
  static const float zeros[FLOWIR_CONTEXT + 1];
  const float *context = FLOWIR_CONTEXT ? zeros : NULL;
  const int64_t contexts = FLOWIR_CONTEXT ? 1 : 0;

  if (flowir_sample(1, 0, context, ROWS, contexts, x, drawn) ||
      flowir_log_prob_gradient(x, context, ROWS, contexts, scored, gradient, NULL)) {
    fprintf(stderr, "%s\n", flowir_last_error());
    return 1;
  }
  double mean = 0, difference = 0;
  for (int row = 0; row < ROWS; row++) {
    mean += scored[row] / ROWS;
    difference = fmax(difference, fabs(scored[row] - drawn[row]) / (1 + fabs(scored[row])));
  }
  printf("%s\n", flowir_description());
  printf("mean log-density   %.4f\n", mean);
  printf("largest difference %.1e\n", difference);

  /* What is wrong with a call is said in words. */
  if (flowir_log_prob(NULL, context, ROWS, contexts, scored))
    printf("an error           %s\n", flowir_last_error());
  if (flowir_log_prob(x, context, ROWS, 7, scored))
    printf("an error           %s\n", flowir_last_error());
  if (flowir_log_prob(x, context, -1, contexts, scored))
    printf("an error           %s\n", flowir_last_error());
  return difference < 1e-3 ? 0 : 1;
}
