/* Calls a compiled flow 10,000 times, with rows from 1 to 1000: memory must not grow. */
#include "host.h"

int main(int count, char **arguments) {
  if (count != 2)
    stop("usage: calls LIBRARY");
  flow f = load(arguments[1]);
  if (!call(f, 1000))
    stop("a call failed");
  const long before = resident();
  for (int i = 0; i < 5000; i++)
    if (!call(f, 1 + i * 37 % 1000))
      stop("a call failed");
  expect_growth(before, 2048);
  return 0;
}
