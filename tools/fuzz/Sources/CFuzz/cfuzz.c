#define _GNU_SOURCE
#include "cfuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The sanitizer's own interface, which is not there without it. */
__attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(
    void (*taken)(const volatile void *, size_t), void (*freed)(const volatile void *));
__attribute__((weak)) size_t __sanitizer_get_allocated_size(const volatile void *);

static int64_t live, peak, start, limit, highest;
static int is_on;

static void taken(const volatile void *block, size_t size) {
  (void)block;
  int64_t now = __atomic_add_fetch(&live, (int64_t)size, __ATOMIC_RELAXED);
  if (!__atomic_load_n(&is_on, __ATOMIC_RELAXED))
    return;
  if (now > peak)
    peak = now;
  if (now - start > limit) {
    __atomic_store_n(&is_on, 0, __ATOMIC_RELAXED);
    fprintf(stderr, "fuzz: the input took more than %lld bytes of memory (the last block has %zu)\n",
            (long long)limit, size);
    abort();
  }
}

static void freed(const volatile void *block) {
  if (block)
    __atomic_sub_fetch(&live, (int64_t)__sanitizer_get_allocated_size(block), __ATOMIC_RELAXED);
}

static void print_highest(void) { fprintf(stderr, "fuzz: peak %.1f MB\n", (double)highest / (1 << 20)); }

int cfuzz_watch_memory(void) {
  return !atexit(print_highest) && __sanitizer_install_malloc_and_free_hooks && __sanitizer_get_allocated_size &&
         __sanitizer_install_malloc_and_free_hooks(taken, freed);
}

void cfuzz_begin(int64_t most) {
  limit = most;
  start = peak = __atomic_load_n(&live, __ATOMIC_RELAXED);
  __atomic_store_n(&is_on, 1, __ATOMIC_RELAXED);
}

int64_t cfuzz_end(void) {
  __atomic_store_n(&is_on, 0, __ATOMIC_RELAXED);
  if (peak - start > highest)
    highest = peak - start;
  return peak - start;
}

int cfuzz_file(void) { return memfd_create("flowir-fuzz", MFD_CLOEXEC); }

int cfuzz_fill(int file, const void *bytes, int64_t count) {
  return ftruncate(file, 0) || (count > 0 && pwrite(file, bytes, (size_t)count, 0) != count);
}
