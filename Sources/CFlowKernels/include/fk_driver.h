/* Memory, threads and sums over slots: what the loops over tiles need. */
#ifndef FK_DRIVER_H
#define FK_DRIVER_H
#include "fk_row.h"

#include <stdlib.h>
#include <string.h>

/* How the functions that others call are declared. */
#ifndef FK_ENTRY
#define FK_ENTRY __attribute__((visibility("default")))
#endif

#ifdef _OPENMP
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
FK_INLINE int fk_thread(void) { return omp_get_thread_num(); }
FK_INLINE int fk_threads(void) { return omp_get_num_threads(); }
#else
FK_INLINE int fk_thread(void) { return 0; }
FK_INLINE int fk_threads(void) { return 1; }
#endif

FK_INLINE int64_t fk_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Numbers that fill whole cache lines, whatever the float type. */
#define FK_LINE 16

/* Where a cut of a line falls in n elements of it, in whole cache lines from their start; `place` is
 * counted from there too. */
FK_OUTLINE int64_t fk_cut(int64_t place, int64_t n) {
  return place <= 0 ? 0 : fk_least((place + FK_LINE - 1) / FK_LINE * FK_LINE, n);
}

/* Memory for one call, aligned to cache lines; NULL if there is none. A block that a call is done
 * with is kept in `kept` for the next, since fresh pages cost more than small calls; calls that
 * overlap have blocks of their own. The first 64 bytes of a block hold its size. */
FK_INLINE void *fk_take(void **kept, int64_t bytes) {
  char *block = __atomic_exchange_n(kept, (void *)0, __ATOMIC_ACQ_REL);
  if (block && *(int64_t *)block >= bytes)
    return block + 64;
  free(block);
  block = aligned_alloc(64, (size_t)(bytes + 127) / 64 * 64);
  if (!block)
    return 0;
  *(int64_t *)block = bytes;
  return block + 64;
}
FK_INLINE void fk_give(void **kept, void *memory) {
  free(__atomic_exchange_n(kept, (char *)memory - 64, __ATOMIC_ACQ_REL));
}
/* Frees the kept block. A call that is under way has its block to itself and is not disturbed. */
FK_INLINE void fk_release(void **kept) {
  free(__atomic_exchange_n(kept, (void *)0, __ATOMIC_ACQ_REL));
}

/* Memory for n numbers that stays, such as packed weights, aligned to cache lines; NULL if there is none. A
 * line more than they need, which products of one row may read. */
FK_INLINE fk_real *fk_keep(int64_t n) {
  return aligned_alloc(64, ((size_t)n * sizeof(fk_real) + 127) / 64 * 64);
}

/* Work that is handed out in runs. Each thread has a queue with its own share of the runs; it takes them
 * from the front, and when none is left, from the back of the others' queues: a processor that is busy
 * with something else, or slower, does not keep the others waiting. While threads are equally fast each
 * has its own share, which lies together and is the same in every call. What a run computes does not
 * depend on who takes it.
 *
 * A queue is one number, the next run in its low half and the end in its high half, in a cache line of
 * its own. There are as many queues as threads were asked for, even if fewer were given. */
typedef struct {
  int64_t *queues;
  int count;
} fk_runs;

#define FK_QUEUE 8 /* the numbers of a cache line */
#define FK_RUNS 32 /* of each thread, if there are as many tiles */

/* The runs into which tiles are cut. */
FK_INLINE int64_t fk_run_count(int64_t tiles, const fk_runs *r) {
  return fk_least(tiles, (int64_t)FK_RUNS * r->count);
}

/* Shares `total` runs out among the queues. */
FK_OUTLINE void fk_share_runs(const fk_runs *r, int64_t total) {
  for (int64_t i = 0; i < r->count; i++)
    r->queues[i * FK_QUEUE] = total * i / r->count | total * (i + 1) / r->count << 32;
}

/* The next run for a thread; -1 once all are taken. */
FK_OUTLINE int64_t fk_next_run(const fk_runs *r, int thread) {
  for (int i = 0; i < r->count; i++) {
    int64_t *queue = r->queues + (int64_t)((thread + i) % r->count) * FK_QUEUE;
    int64_t old = __atomic_load_n(queue, __ATOMIC_RELAXED);
    for (;;) {
      int64_t front = old & 0xffffffff, end = old >> 32;
      if (front >= end)
        break;
      int64_t rest = i == 0 ? old + 1 : old - ((int64_t)1 << 32);
      if (__atomic_compare_exchange_n(queue, &old, rest, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return i == 0 ? front : end - 1;
    }
  }
  return -1;
}

/* Into how many partial sums the tiles are cut: a function of the rows alone, so that sums have
 * the same bits at any number of threads. */
FK_INLINE int fk_slots(int64_t tiles) {
  return tiles < 1 ? 1 : tiles < 4 ? (int)tiles : tiles < 64 ? 4 : 16;
}

/* Elements become `value`, in as many rows as a call of `width` has. */
FK_OUTLINE void fk_fill(fk_real *target, fk_real value, int n, int width) {
  if (width < FK_TILE)
    for (int e = 0; e < n; e++)
      fk_store(target + (int64_t)e * FK_TILE, fk_splat(value));
  else
    FK_SIDE_BY_SIDE for (int64_t i = 0; i < (int64_t)n * FK_TILE; i += FK_LANES)
      fk_store(target + i, fk_splat(value));
}

/* Element e of the tile becomes source[e] in every row. */
FK_OUTLINE void fk_fill_from(fk_real *target, const fk_real *source, int n, int width) {
  for (int e = 0; e < n; e++)
    fk_fill(target + (int64_t)e * FK_TILE, source[e], 1, width);
}

/* Elements of a tile become those of another. */
FK_OUTLINE void fk_copy(fk_real *target, const fk_real *source, int n, int width) {
  if (width < FK_TILE)
    for (int64_t i = 0; i < (int64_t)n * FK_TILE; i += FK_TILE)
      fk_store(target + i, fk_load(source + i));
  else
    memcpy(target, source, (size_t)n * FK_TILE * sizeof(fk_real));
}

/* Elements to[i] of a tile become elements at[i] of another, for i in [begin, end). */
FK_OUTLINE void fk_copy_elements(int begin, int end, fk_real *target, const int32_t *to,
                                 const fk_real *source, const int32_t *at, int width) {
  for (int i = begin; i < end; i++)
    fk_copy(target + (int64_t)to[i] * FK_TILE, source + (int64_t)at[i] * FK_TILE, 1, width);
}

/* Elements [begin, end) of sums over rows, `stride` doubles a slot, added up in order. */
FK_OUTLINE void fk_combine_sums(const double *sums, int64_t stride, int slots, int64_t begin,
                                int64_t end, fk_real *target) {
  for (int64_t i = begin; i < end; i++) {
    double sum = 0;
    for (int slot = 0; slot < slots; slot++)
      sum += sums[slot * stride + i];
    target[i] = (fk_real)sum;
  }
}

/* Element i becomes source[at[i]]. */
FK_OUTLINE void fk_gather(const fk_real *source, const int32_t *at, int64_t begin, int64_t end,
                          fk_real *target) {
  for (int64_t i = begin; i < end; i++)
    target[i] = source[at[i]];
}

/* n numbers, each summed over slots in order. Training steps of few rows have one or two. */
FK_INLINE void fk_sum_slots(const fk_real *in, int64_t slot_size, int count, int64_t n,
                            fk_real *restrict out) {
  if (count < 2)
    for (int64_t i = 0; i < n; i++)
      out[i] = count ? in[i] : 0;
  else
    for (int64_t i = 0; i < n; i++)
      out[i] = in[i] + in[i + slot_size];
  for (int slot = 2; slot < count; slot++)
    for (int64_t i = 0; i < n; i++)
      out[i] += in[i + slot * slot_size];
}

/* Elements [begin, end) of a weight gradient, summed over slots in order; zero outside the mask, if there
 * is one, where a slot may hold anything. Row o and column i of the target are row rows[o] and column
 * columns[i] of a slot, if there are such lists. `stride` numbers to an output in a slot, `inputs` in the
 * target and in the mask. */
FK_OUTLINE void fk_combine(const fk_real *slots, int64_t slot_size, int count, int stride,
                           int inputs, const uint32_t *mask, const int32_t *rows,
                           const int32_t *columns, int64_t begin, int64_t end, fk_real *target) {
  for (int64_t o = begin / inputs; o * inputs < end; o++) {
    const int64_t row = rows ? rows[o] : o;
    const int64_t from = begin > o * inputs ? begin - o * inputs : 0;
    const int64_t to = fk_least(inputs, end - o * inputs);
    const fk_real *in = slots + row * stride;
    fk_real *restrict out = target + o * inputs;
    if (columns)
      for (int64_t i = from; i < to; i++) {
        fk_real sum = 0;
        for (int slot = 0; slot < count; slot++)
          sum += in[columns[i] + slot * slot_size];
        out[i] = sum;
      }
    else
      fk_sum_slots(in + from, slot_size, count, to - from, out + from);
    for (int64_t i = from; mask && i < to; i++) {
      const int64_t bit = row * inputs + (columns ? columns[i] : i);
      if (!fk_mask_bits(mask, bit, 1))
        out[i] = 0;
    }
  }
}

/* The entries of one row of a weight gradient that stand together in a vector. */
typedef struct {
  int32_t row;
  int32_t start; /* the place of the first */
  int32_t first; /* its input */
  int32_t count;
} fk_run;

/* Elements [begin, end) of a vector of entries, summed over slots in order; zero outside the mask, if
 * there is one. `stride` numbers to an output in a slot, `inputs` in the mask. */
FK_OUTLINE void fk_combine_entries(const fk_real *slots, int64_t slot_size, int count,
                                   const fk_run *runs, int run_count, int stride,
                                   const uint32_t *mask, int inputs, int64_t begin, int64_t end,
                                   fk_real *target) {
  for (const fk_run *run = runs; run < runs + run_count; run++) {
    int64_t from = run->start > begin ? run->start : begin;
    int64_t to = fk_least(run->start + run->count, end);
    if (from >= to)
      continue;
    int64_t at = (int64_t)run->row * stride + run->first + from - run->start;
    fk_real *restrict out = target + from;
    const fk_real *in = slots + at;
    int64_t n = to - from;
    fk_sum_slots(in, slot_size, count, n, out);
    for (int64_t i = 0; mask && i < n; i++) {
      int64_t bit = (int64_t)run->row * inputs + run->first + from - run->start + i;
      if (!fk_mask_bits(mask, bit, 1))
        out[i] = 0;
    }
  }
}
#endif
