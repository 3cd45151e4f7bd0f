/* Two flows in one program, each under its own prefix. */
#include "first.h"
#include "second.h"

#include <stdio.h>

enum { ROWS = 4 };

int main(void) {
  static const float context[FIRST_CONTEXT + SECOND_CONTEXT + 1];
  static float a[ROWS * FIRST_FEATURES], b[ROWS * SECOND_FEATURES];
  if (first_sample(1, 0, context, ROWS, FIRST_CONTEXT ? 1 : 0, a, NULL)) {
    fprintf(stderr, "%s\n", first_last_error());
    return 1;
  }
  if (second_sample(1, 0, context, ROWS, SECOND_CONTEXT ? 1 : 0, b, NULL)) {
    fprintf(stderr, "%s\n", second_last_error());
    return 1;
  }
  printf("%g %g\n", a[0], b[0]);
  return 0;
}
