/* Memory, threads and sums over slots: what the loops over tiles need. */
#ifndef FK_DRIVER_H
#define FK_DRIVER_H
#include "fk_gemm.h"

#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
extern int omp_get_thread_num(void);
FK_INLINE int fk_thread(void) { return omp_get_thread_num(); }
#else
FK_INLINE int fk_thread(void) { return 0; }
#endif

/* Memory in whole cache lines; NULL if there is none. */
FK_INLINE void *fk_allocate(int64_t bytes) {
  return aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64);
}

/* Into how many partial sums the tiles are cut: a function of the rows alone, so that sums have
 * the same bits at any number of threads. */
FK_INLINE int fk_slots(int64_t tiles) {
  return tiles < 1 ? 1 : tiles < 4 ? (int)tiles : tiles < 64 ? 4 : 16;
}

FK_OUTLINE void fk_fill(fk_real *target, fk_real value, int n) {
  for (int64_t i = 0; i < (int64_t)n * FK_TILE; i += FK_LANES)
    fk_store(target + i, fk_splat(value));
}

/* Element e of the tile becomes source[e] in every row. */
FK_OUTLINE void fk_fill_from(fk_real *target, const fk_real *source, int n) {
  for (int e = 0; e < n; e++)
    fk_fill(target + (int64_t)e * FK_TILE, source[e], 1);
}

/* The rows of one panel of a weight gradient, summed over slots in order; zero beside its inputs
 * and outside the mask, if there is one.
 * `stride` numbers to an output in a slot, `inputs` in the target. */
FK_OUTLINE void fk_combine(const fk_real *slots, int64_t slot_size, int count, const fk_panel *p,
                           int stride, int inputs, const uint32_t *mask, fk_real *target) {
  for (int o = p->row; o < p->row + p->rows; o++) {
    fk_real *out = target + (int64_t)o * inputs;
    for (int i = 0; i < p->first; i++)
      out[i] = 0;
    for (int i = p->first; i < p->first + p->k; i++)
      out[i] = slots[(int64_t)o * stride + i];
    for (int slot = 1; slot < count; slot++) {
      const fk_real *in = slots + slot * slot_size + (int64_t)o * stride;
      for (int i = p->first; i < p->first + p->k; i++)
        out[i] += in[i];
    }
    for (int i = p->first + p->k; i < inputs; i++)
      out[i] = 0;
    for (int64_t i = 0; mask && i < inputs; i++) {
      int64_t bit = (int64_t)o * inputs + i;
      if (!(mask[bit >> 5] >> (bit & 31) & 1))
        out[i] = 0;
    }
  }
}
#endif
