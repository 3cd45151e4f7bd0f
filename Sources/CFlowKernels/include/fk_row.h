/* The panel product of one row. */
#ifndef FK_ROW_H
#define FK_ROW_H
#include "fk_gemm.h"

/* One row: its lanes are outputs. Their sums are a vector, in which each output is summed up as it is in a
 * tile, so that the bits are the same. Outputs packed side by side are cut into vectors, up to
 * FK_ROW_VECTORS of which take turns, since each waits for its last multiply-add. A vector of fewer outputs
 * reads on in what is packed behind them, and the lanes beyond its outputs are not used. */
#define FK_ROW_VECTORS 6
#define FK_ROW_WORK 64 /* panels times inputs: products of fewer take less time with a vector of rows */
#define FK_ROW_LANES (FK_LANES > 8 ? FK_LANES : 8)
#define FK_ROW_OUTPUTS (FK_ROW_VECTORS * FK_ROW_LANES)
typedef fk_real fk_outputs __attribute__((vector_size(FK_ROW_LANES * FK_REAL_BYTES)));
typedef fk_real fk_outputs_unaligned __attribute__((
    vector_size(FK_ROW_LANES * FK_REAL_BYTES), aligned(FK_REAL_BYTES), may_alias));

/* Vectors of outputs: where each has come to in its weights, the numbers to the next input's, its inputs,
 * its outputs, and their sums. */
typedef struct {
  const fk_real *weights[FK_ROW_VECTORS];
  int stride[FK_ROW_VECTORS], k[FK_ROW_VECTORS], outputs[FK_ROW_VECTORS];
  fk_outputs sums[FK_ROW_VECTORS];
} fk_row_outputs;

/* Multiplies k inputs from x on by vectors [from, from + count); inlined, so that `count` is known. */
FK_INLINE void fk_row_inputs(int count, fk_row_outputs *t, int from, int k, const fk_real *x) {
  const fk_real *w[FK_ROW_VECTORS];
  fk_outputs sums[FK_ROW_VECTORS];
  FK_UNROLL for (int i = 0; i < count; i++) w[i] = t->weights[from + i], sums[i] = t->sums[from + i];
  FK_LOOP for (; k > 0; k--, x += FK_TILE) {
    const fk_outputs in = *x - (fk_outputs){0};
    FK_UNROLL for (int i = 0; i < count; i++) {
      sums[i] += *(const fk_outputs_unaligned *)w[i] * in;
      w[i] += t->stride[from + i];
    }
  }
  FK_UNROLL for (int i = 0; i < count; i++) t->weights[from + i] = w[i], t->sums[from + i] = sums[i];
}

/* The sums of `count` vectors of outputs packed side by side, all of which see k inputs from x on; inlined, so
 * that `count` is known. */
FK_INLINE void fk_row_block(int count, const fk_real *weights, int stride, int k, const fk_real *x,
                            fk_real *sums) {
  const fk_outputs_unaligned *w = (const fk_outputs_unaligned *)weights;
  fk_outputs s[FK_ROW_VECTORS];
  FK_UNROLL for (int i = 0; i < count; i++) s[i] = w[i];
  FK_LOOP for (; k > 0; k--, x += FK_TILE) {
    const fk_outputs in = *x - (fk_outputs){0};
    weights += stride;
    w = (const fk_outputs_unaligned *)weights;
    FK_UNROLL for (int i = 0; i < count; i++) s[i] += w[i] * in;
  }
  FK_UNROLL for (int i = 0; i < count; i++) ((fk_outputs_unaligned *)sums)[i] = s[i];
}

/* Whether two panels are packed side by side. */
FK_INLINE int fk_are_beside(const fk_panel *p, const fk_panel *q) {
  return q->k == p->k && q->first == p->first && q->stride == p->stride &&
         q->weights - p->weights == q->row - p->row && q->weights - p->weights < p->stride;
}

/* How many of the first of `left` panels are packed side by side and have at most `room` outputs. If the
 * last of them is beside the first, all between are too. */
FK_INLINE int fk_beside(const fk_panel *p, int left, int room) {
  const fk_panel *last = p + left - 1;
  if (fk_are_beside(p, last) && last->row + last->rows - p->row <= room)
    return left;
  int n = 1;
  while (n < left && fk_are_beside(p, p + n) && p[n].row + p[n].rows - p->row <= room)
    n++;
  return n;
}

/* The products of the first of `left` panels, as many as have outputs that lie together and see the same
 * inputs or more, with one row; gives how many panels those are. Their outputs' sums go to `sums`, which
 * has room for FK_ROW_LANES more. */
FK_OUTLINE int fk_row_products(const fk_real *packed, const fk_panel *p, int left, const fk_real *x,
                               fk_real *sums) {
  int beside = fk_beside(p, left, FK_ROW_OUTPUTS);
  if (beside == left) {
    const fk_real *weights = packed + p->weights, *in = x + (int64_t)p->first * FK_TILE;
    switch ((p[left - 1].row + p[left - 1].rows - p->row + FK_ROW_LANES - 1) / FK_ROW_LANES) {
    case 6: fk_row_block(6, weights, p->stride, p->k, in, sums); break;
    case 5: fk_row_block(5, weights, p->stride, p->k, in, sums); break;
    case 4: fk_row_block(4, weights, p->stride, p->k, in, sums); break;
    case 3: fk_row_block(3, weights, p->stride, p->k, in, sums); break;
    case 2: fk_row_block(2, weights, p->stride, p->k, in, sums); break;
    default: fk_row_block(1, weights, p->stride, p->k, in, sums); break;
    }
    return left;
  }
  fk_row_outputs t;
  int n = 0, count = 0, from = 0, done = 0;
  do {
    if (n > 0)
      beside = fk_beside(p + n, left - n, (FK_ROW_VECTORS - count) * FK_ROW_LANES);
    const fk_real *weights = packed + p[n].weights;
    int outputs = p[n + beside - 1].row + p[n + beside - 1].rows - p[n].row;
    for (; outputs > 0; outputs -= FK_ROW_LANES, weights += FK_ROW_LANES, count++) {
      t.sums[count] = *(const fk_outputs_unaligned *)weights;
      t.weights[count] = weights + p[n].stride;
      t.stride[count] = p[n].stride;
      t.k[count] = p[n].k;
      t.outputs[count] = outputs < FK_ROW_LANES ? outputs : FK_ROW_LANES;
    }
    n += beside;
  } while (count < FK_ROW_VECTORS && n < left && p[n].first == p->first && p[n].k >= p[n - 1].k &&
           p[n].row == p[n - 1].row + p[n - 1].rows);
  x += (int64_t)p->first * FK_TILE;
  while (from < count) {
    const int k = t.k[from] - done;
    switch (count - from) {
    case 6: fk_row_inputs(6, &t, from, k, x); break;
    case 5: fk_row_inputs(5, &t, from, k, x); break;
    case 4: fk_row_inputs(4, &t, from, k, x); break;
    case 3: fk_row_inputs(3, &t, from, k, x); break;
    case 2: fk_row_inputs(2, &t, from, k, x); break;
    default: fk_row_inputs(1, &t, from, k, x); break;
    }
    x += (int64_t)k * FK_TILE;
    done += k;
    while (from < count && t.k[from] == done)
      from++;
  }
  /* What is read with the last outputs is set, too. */
  *(fk_outputs_unaligned *)(sums + p[n - 1].row + p[n - 1].rows - p->row) = (fk_outputs){0};
  for (int i = 0; i < count; sums += t.outputs[i], i++)
    *(fk_outputs_unaligned *)sums = t.sums[i];
  return n;
}

/* n elements of a tile, at most FK_LANES, as the lanes of a vector, and back: all lanes of an element get what
 * is stored, as they have the same row. With a whole vector the compiler knows the lanes, and moves them in
 * registers instead of through memory. */
FK_INLINE fk_vec fk_row_load(const fk_real *tile, int n) {
  fk_vec v = {0};
  if (n == FK_LANES)
    FK_UNROLL for (int i = 0; i < FK_LANES; i++) v[i] = tile[i * FK_TILE];
  else
    for (int i = 0; i < n; i++)
      v[i] = tile[i * FK_TILE];
  return v;
}
FK_INLINE void fk_row_store(fk_real *tile, fk_vec v, int n) {
  if (n == FK_LANES)
    FK_UNROLL for (int i = 0; i < FK_LANES; i++) fk_store(tile + i * FK_TILE, fk_splat(v[i]));
  else
    for (int i = 0; i < n; i++)
      fk_store(tile + i * FK_TILE, fk_splat(v[i]));
}

/* Defines NAME_row(packed, panels, begin, end, x, y, extra): panels [begin, end) of a layer on one row. */
#define FK_DEFINE_ROW(NAME)                                                                        \
  FK_OUTLINE void NAME##_row(const fk_real *packed, const fk_panel *panels, int begin, int end,    \
                             const fk_real *x, fk_real *y, const fk_real *extra) {                 \
    for (int first = begin, next; first < end; first = next) {                                     \
      fk_real sums[FK_ROW_OUTPUTS + FK_ROW_LANES];                                                 \
      const fk_panel *p = panels + first;                                                          \
      next = first + fk_row_products(packed, p, end - first, x, sums);                             \
      const int count = panels[next - 1].row + panels[next - 1].rows - p->row;                     \
      for (int i = 0; i < count; i += FK_LANES) {                                                  \
        const int some = count - i < FK_LANES ? count - i : FK_LANES;                              \
        const int64_t at = (int64_t)(p->row + i) * FK_TILE;                                        \
        const fk_vec beside = fk_row_load(extra + at, some);                                       \
        const fk_vec stored = NAME##_epilogue(fk_loadu(sums + i), (const fk_real *)&beside);       \
        fk_row_store(y + at, stored, some);                                                        \
      }                                                                                            \
    }                                                                                              \
  }
#endif
