/* Eight threads whose first calls coincide: weights are packed once, and all results are right. */
#include "host.h"

#include <pthread.h>

enum { THREADS = 8 };

static flow shared;
static pthread_barrier_t together;

static void *first(void *unused) {
  (void)unused;
  pthread_barrier_wait(&together);
  return call(shared, ROWS) ? &shared : 0;
}

int main(int count, char **arguments) {
  if (count != 2)
    stop("usage: first_calls LIBRARY");
  for (int round = 0; round < 20; round++) {
    shared = load(arguments[1]);
    pthread_t threads[THREADS];
    pthread_barrier_init(&together, 0, THREADS);
    for (int i = 0; i < THREADS; i++)
      if (pthread_create(&threads[i], 0, first, 0))
        stop("no thread");
    for (int i = 0; i < THREADS; i++) {
      void *good = 0;
      pthread_join(threads[i], &good);
      if (!good)
        stop("a first call failed");
    }
    pthread_barrier_destroy(&together);
    dlclose(shared.library);
  }
  return 0;
}
