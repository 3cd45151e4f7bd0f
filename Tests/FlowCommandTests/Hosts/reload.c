/* Loads, calls and unloads a compiled flow 100 times: what it took must be given back. */
#include "host.h"

static void once(const char *path) {
  flow f = load(path);
  if (!call(f, ROWS))
    stop("a call failed");
  if (dlclose(f.library))
    stop(dlerror());
}

int main(int count, char **arguments) {
  if (count != 2)
    stop("usage: reload LIBRARY");
  /* The OpenMP runtime stays: it must not be part of what grows. */
  flow other = load(arguments[1]);
  if (!dlopen("libomp.so.5", RTLD_NOW) && !dlopen("libomp.so", RTLD_NOW))
    stop(dlerror());
  dlclose(other.library);
  for (int i = 0; i < 5; i++)
    once(arguments[1]);
  const long before = resident();
  for (int i = 0; i < 100; i++)
    once(arguments[1]);
  expect_growth(before, 4096);
  return 0;
}
